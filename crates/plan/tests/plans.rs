//! Every catalogue model on every inventory gets a plan in the engine's own flags or a rejection with sizes;
//! and the formats of plans pass the checkers of the programs that read them.
mod checkers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use catalog::{Catalog, FamilyKind, ModelFacts};
use plan::render::{Format, OutputFile, render};
use plan::{
    Argument, DeployRequest, Engine, Inventory, Plan, PlanError, ReasonValue, Value, plan, plan_any_engine,
};
use serde::Deserialize;

/// GPUs of every vendor and architecture, four with the memory of their computer or more than others.
const GPUS: [&str; 24] = [
    "RTX-3050-8G",
    "RTX-3060-12G",
    "RTX-4080-16G",
    "T4-16G",
    "RTX-3090-24G",
    "RTX-4090-24G",
    "A10-24G",
    "RX-7900-XTX-24G",
    "RTX-5090-32G",
    "V100-32G",
    "A100-40G",
    "L40S-48G",
    "A100-80G",
    "H100-80G",
    "RTX-PRO-6000-96G",
    "H20-96G",
    "H200-141G",
    "B200-180G",
    "MI300X-192G",
    "MI355X-288G",
    "GB10-128G",
    "Radeon-8060S-128G",
    "Apple-M5-Max-128G",
    "B300-288G",
];
const COUNTS: [&str; 9] = ["1", "2", "3", "4", "6", "8", "2x8", "3x8", "4x8"];
/// Of the inventories, those of computers with one card each.
const ONE_EACH: usize = 6;

#[derive(Deserialize)]
struct Flags {
    flags: BTreeMap<String, Flag>,
}

#[derive(Deserialize)]
struct Flag {
    /// `None` where the engine's list does not say whether the flag takes a value.
    value: Option<bool>,
    choices: Option<Vec<serde_json::Value>>,
    deprecated: Option<String>,
}

fn engine_flags() -> BTreeMap<String, Flags> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/engines/flags.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the fixture is there")).expect("is JSON")
}

fn model(id: &str) -> &'static ModelFacts {
    Catalog::builtin().model(id).expect("is in the catalogue")
}

fn request(id: &str, engine: Engine) -> DeployRequest<'static> {
    DeployRequest { model: model(id), variant: None, engine, context: 32_768, sequences: 4, ray: false }
}

fn of(request: &DeployRequest, hosts: &str) -> Result<Plan, PlanError> {
    plan(request, &Inventory::parse(hosts).expect("is understood"))
}

fn value<'a>(plan: &'a Plan, name: &str) -> Option<&'a str> {
    plan.arguments.iter().find(|argument| argument.name == name).map(|argument| match &argument.value {
        Value::Text(text) => text.as_str(),
        _ => "",
    })
}

fn number(plan: &Plan, names: &[&str]) -> u32 {
    names.iter().filter_map(|name| value(plan, name)).map(|text| text.parse::<u32>().unwrap()).product()
}

fn accepted(flags: &Flags, argument: &Argument) {
    let name = argument.name;
    let flag = flags.flags.get(name).unwrap_or_else(|| panic!("{name} is not a flag"));
    assert!(flag.deprecated.is_none(), "{name} is deprecated: {:?}", flag.deprecated);
    if let Some(takes) = flag.value {
        assert_eq!(takes, argument.value != Value::None, "{name}");
    }
    if let (Some(choices), Value::Text(text)) = (&flag.choices, &argument.value) {
        assert!(choices.iter().any(|choice| choice.as_str() == Some(text)), "{name} {text}");
    }
}

/// Calls `see` for every catalogue model, engine and inventory, with one sequence and with many.
fn each(mut see: impl FnMut(&DeployRequest, &str, Result<Plan, PlanError>)) {
    for model in Catalog::builtin().models() {
        for engine in Engine::ALL {
            for (gpu, count) in GPUS.iter().flat_map(|gpu| COUNTS.map(|count| (gpu, count))) {
                for (context, sequences) in [(4096, 1), (32_768, 16)] {
                    let hosts = format!("{count}x{gpu}");
                    if count.contains('x') && Inventory::parse(gpu).expect("is known").gpu.unified {
                        let error = Inventory::parse(&hosts).expect_err("a computer has one");
                        assert_eq!(error, plan::InventoryError::Count, "{hosts}");
                        continue;
                    }
                    let request =
                        DeployRequest { model, variant: None, engine, context, sequences, ray: false };
                    see(&request, &hosts, of(&request, &hosts));
                }
            }
        }
    }
}

#[test]
fn every_model_on_every_machine_gets_a_plan_or_numbers() {
    let all = engine_flags();
    let (mut plans, mut rejections) = (0, 0);
    each(|request, hosts, outcome| match outcome {
        Ok(plan) => {
            assert_sound(request, &plan, hosts);
            if let Some(flags) = all.get(request.engine.name()) {
                let named = plan.arguments.iter().filter(|argument| !argument.name.is_empty());
                named.for_each(|argument| accepted(flags, argument));
            }
            plans += 1;
        }
        Err(not) => {
            assert!(!not.rejections.is_empty(), "{} {hosts}", request.model.id);
            for rejection in &not.rejections {
                let guide = rejection.precision.is_empty();
                assert!(guide == (request.model.family == FamilyKind::Guide), "{} {hosts}", request.model.id);
                assert!(!rejection.reason.values.is_empty());
            }
            rejections += 1;
        }
    });
    let unified = GPUS.iter().filter(|gpu| Inventory::parse(gpu).expect("is known").gpu.unified).count();
    let inventories = (GPUS.len() - unified) * COUNTS.len() + unified * ONE_EACH;
    assert_eq!(plans + rejections, Catalog::builtin().models().len() * 4 * inventories * 2);
    assert!(plans > 5000 && rejections > 5000, "{plans} plans, {rejections} refusals");
}

/// `make test-engines` passes these to the engines' own parsers.
#[test]
#[ignore = "writes a file for another program"]
fn scripts_of_every_plan() {
    let path = std::env::var_os("WHALEDECK_SCRIPTS").expect("where to");
    let mut lines = BTreeSet::new();
    each(|request, _, outcome| {
        for file in outcome.ok().and_then(|plan| render(&plan, Format::Shell)).unwrap_or_default() {
            // Comments are not for the parser.
            let text: Vec<&str> = file.text.lines().filter(|line| !line.starts_with('#')).collect();
            lines.insert(serde_json::json!([request.engine.name(), text.join("\n")]).to_string());
        }
    });
    std::fs::write(path, lines.into_iter().collect::<Vec<_>>().join("\n")).expect("room");
}

/// `make test-forms` passes these to the programs that read such files.
#[test]
#[ignore = "writes a file for another program"]
fn forms_of_every_plan() {
    let path = std::env::var_os("WHALEDECK_FORMS").expect("where to");
    let mut lines = BTreeSet::new();
    let mut put = |plan: &Plan| {
        for format in Format::ALL {
            for OutputFile { name, text } in render(plan, format).into_iter().flatten() {
                lines.insert(serde_json::json!([format.name(), name, text]).to_string());
            }
        }
    };
    // Sizes do not change the format: one plan of each model, engine and parallelism is enough.
    let mut seen = BTreeSet::new();
    each(|request, _, outcome| {
        let Ok(plan) = outcome else { return };
        let parallelism = format!("{:?}", (plan.parallelism, plan.replicas, plan.inventory.hosts));
        if seen.insert((
            request.model.id.clone(),
            request.engine.name(),
            plan.container.clone().map(|container| container.image),
            parallelism,
        )) {
            put(&plan);
        }
    });
    examples().iter().chain(&opened()).for_each(|(_, plan)| put(plan));
    std::fs::write(path, lines.into_iter().collect::<Vec<_>>().join("\n")).expect("room");
}

/// Invariants of every plan: it fits, its parallelism divides the heads, and it uses no GPU twice.
fn assert_sound(request: &DeployRequest, plan: &Plan, hosts: &str) {
    let label = format!("{} {} on {hosts}", plan.model_id, plan.precision);
    let memory = plan.memory;
    let conversations = u64::from(plan.context) * u64::from(plan.sequences);
    assert!(
        plan.context >= 2048.min(request.context) && plan.context <= request.model.context_max,
        "{label}"
    );
    assert!(conversations <= memory.tokens, "{label}: {conversations} of {}", memory.tokens);
    let groups = u64::from(plan.parallelism.attention_data);
    let cache = memory.token * (conversations / groups);
    assert!(memory.weights + memory.overhead + cache <= memory.budget, "{label}");
    assert!(memory.budget <= plan.inventory.gpu.memory() / 10 * 9 + 100, "{label}");
    let gpus = plan.parallelism.gpus() * plan.replicas;
    assert!(gpus <= plan.inventory.hosts * plan.inventory.gpus_per_host, "{label}");
    let shape = request.model.shape.as_ref().unwrap();
    assert_eq!(shape.heads % plan.parallelism.tensor, 0, "{label}");
    match plan.engine {
        Engine::Sglang => {
            assert_eq!(number(plan, &["--tp-size", "--pp-size", "--dp-size"]), gpus, "{label}");
            assert_eq!(value(plan, "--nnodes").is_some(), plan.inventory.hosts > 1, "{label}");
        }
        Engine::Vllm => {
            let names = ["--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size"];
            assert_eq!(number(plan, &names), gpus, "{label}");
        }
        Engine::Ollama | Engine::LlamaServer => assert_eq!(plan.inventory.hosts, 1, "{label}"),
    }
    if plan.inventory.hosts > 1 {
        assert_eq!(plan.parallelism.gpus(), plan.inventory.hosts * plan.inventory.gpus_per_host, "{label}");
    }
}

#[test]
fn r1_on_two_machines_shares_layers_over_all_cards_or_between_them() {
    let sglang = of(&request("deepseek-r1", Engine::Sglang), "2x8xH100-80G").unwrap();
    assert_eq!((sglang.precision.as_str(), value(&sglang, "--tp-size")), ("FP8", Some("16")));
    assert_eq!(value(&sglang, "--speculative-algorithm"), Some("EAGLE"));
    let vllm = of(&request("deepseek-r1", Engine::Vllm), "2x8xH100-80G").unwrap();
    assert_eq!(value(&vllm, "--tensor-parallel-size"), Some("8"));
    assert_eq!((value(&vllm, "--pipeline-parallel-size"), value(&vllm, "--nnodes")), (Some("2"), Some("2")));
    let ray =
        of(&DeployRequest { ray: true, ..request("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap();
    assert_eq!((value(&ray, "--distributed-executor-backend"), value(&ray, "--nnodes")), (Some("ray"), None));
}

#[test]
fn models_of_other_engines_are_planned_for_these_only() {
    let flash = |engine, hosts: &str| of(&request("deepseek-v4-flash", engine), hosts);
    let code = |refused: PlanError| refused.rejections[0].reason.code.key();
    let vllm = flash(Engine::Vllm, "4xH200-141G").unwrap();
    assert_eq!((value(&vllm, "--kv-cache-dtype"), value(&vllm, "--block-size")), (Some("fp8"), Some("256")));
    assert_eq!(value(&vllm, "--tool-call-parser"), Some("deepseek_v4"));
    let sglang = flash(Engine::Sglang, "4xRTX-PRO-6000-96G").unwrap();
    assert_eq!((value(&sglang, "--kv-cache-dtype"), sglang.precision.as_str()), (None, "FP8+FP4"));
    // vLLM has no sparse attention for workstation cards, and none for Ampere.
    for cards in ["4xRTX-PRO-6000-96G", "8xL40S-48G", "8xA100-80G"] {
        let refused = flash(Engine::Vllm, cards).unwrap_err();
        assert!(refused.rejections.iter().any(|it| it.reason.code.key() == "no_sparse_attention"), "{cards}");
    }
    assert_eq!(code(flash(Engine::Ollama, "8xH200-141G").unwrap_err()), "model_unknown_to_engine");
    // It fits a Mac with 512 GB, which has no containers and no systemd.
    let mac = flash(Engine::LlamaServer, "Apple-M3-Ultra-512G").unwrap();
    assert_eq!(
        (mac.precision.as_str(), mac.inventory.label().as_str()),
        ("Q8_K_XL", "1x1xApple-M3-Ultra-512G")
    );
    assert!(render(&mac, Format::Shell).is_some() && mac.container.is_none());
    for format in [Format::Compose, Format::Kubernetes, Format::Systemd] {
        assert_eq!(render(&mac, format), None);
    }
    // 96 GB are too few, and more of them are more computers.
    assert!(flash(Engine::LlamaServer, "Ryzen AI Max+ 395").is_err());
    let sparks = Inventory::parse("2x DGX Spark").unwrap();
    assert_eq!((sparks.hosts, sparks.gpus_per_host, sparks.label().as_str()), (2, 1, "2x1xGB10-128G"));
    let ocr = of(&request("deepseek-ocr", Engine::Vllm), "RTX-4090-24G").unwrap();
    assert!(value(&ocr, "--logits-processors").is_some() && value(&ocr, "--hf-overrides").is_none());
}

#[test]
fn every_engine_that_a_model_names_is_known() {
    for model in Catalog::builtin().models() {
        assert_eq!(model.engines.is_empty(), model.embedded, "{}", model.id);
        assert!(model.engines.iter().all(|name| Engine::from_name(name).is_some()), "{}", model.id);
    }
}

#[test]
fn many_conversations_get_caches_of_their_own() {
    let many = DeployRequest { sequences: 64, ..request("deepseek-v3.1", Engine::Sglang) };
    let plan = of(&many, "8xH200-141G").unwrap();
    assert_eq!((value(&plan, "--attn-dp-size"), value(&plan, "--ep-size")), (Some("8"), Some("8")));
    let vllm = of(&DeployRequest { engine: Engine::Vllm, ..many.clone() }, "8xH200-141G").unwrap();
    assert_eq!(
        (value(&vllm, "--data-parallel-size"), value(&vllm, "--tensor-parallel-size")),
        (Some("8"), None)
    );
    let few = of(&DeployRequest { sequences: 4, ..many }, "8xH200-141G").unwrap();
    assert_eq!(value(&few, "--attn-dp-size"), None);
}

#[test]
fn a_named_precision_is_not_exchanged_for_another() {
    let fp8 = DeployRequest { variant: Some("fp8".into()), ..request("deepseek-r1", Engine::Sglang) };
    let refused = of(&fp8, "8xA100-80G").unwrap_err();
    assert_eq!(refused.rejections.len(), 1);
    assert_eq!(refused.rejections[0].reason.code.key(), "no_fp8");
    let refused = of(&fp8, "8xH100-80G").unwrap_err();
    let reason = &refused.rejections[0].reason;
    let memory = ReasonValue::Bytes(8 * Inventory::parse("H100-80G").unwrap().gpu.memory());
    assert_eq!((reason.code.key(), &reason.values["memory"]), ("weights_exceed_memory", &memory));
    let files = model("deepseek-r1").variants.iter().find(|variant| variant.id == "fp8").unwrap().size;
    assert_eq!(reason.values["files"], ReasonValue::Bytes(files));
    for alternative in &refused.alternatives {
        let again = DeployRequest { engine: alternative.engine, variant: None, ..fp8.clone() };
        assert!(plan(&again, &alternative.inventory).is_ok(), "{alternative:?}");
    }
}

/// On Ampere, vLLM keeps FP8 weights in FP8 and computes in 16 bits.
#[test]
fn fp8_files_run_on_ampere_with_vllm_alone() {
    let fp8 = |engine| DeployRequest { variant: Some("fp8".into()), ..request("deepseek-r1", engine) };
    let plan = of(&fp8(Engine::Vllm), "2x8xA100-80G").unwrap();
    assert!(plan.notes.iter().any(|note| note.code.key() == "fp8_widened"), "{:?}", plan.notes);
    // Without FP8 units there is neither an FP8 cache nor MTP, which would compute in FP8.
    assert_eq!((value(&plan, "--kv-cache-dtype"), value(&plan, "--speculative-config")), (None, None));
    let refused = of(&fp8(Engine::Sglang), "2x8xA100-80G").unwrap_err();
    let reason = &refused.rejections[0].reason;
    assert_eq!(
        (reason.code.key(), &reason.values["engine"]),
        ("no_fp8", &ReasonValue::Text("sglang".into()))
    );
    assert_eq!(refused.alternatives[0].engine, Engine::Vllm, "{:?}", refused.alternatives);
    for old in ["4x8xT4-16G", "4x8xV100-32G"] {
        assert_eq!(
            of(&fp8(Engine::Vllm), old).unwrap_err().rejections[0].reason.code.key(),
            "no_fp8",
            "{old}"
        );
    }
    assert!(
        of(&fp8(Engine::Vllm), "2x8xH100-80G")
            .unwrap()
            .notes
            .iter()
            .all(|note| note.code.key() != "fp8_widened")
    );
}

#[test]
fn without_a_named_engine_the_first_that_serves_the_files_is_taken() {
    let any = |id, variant: &str, hosts| {
        let request = DeployRequest { variant: Some(variant.to_owned()), ..request(id, Engine::Sglang) };
        plan_any_engine(&request, &Inventory::parse(hosts).expect("is understood"))
    };
    for (id, variant, hosts, engine) in [
        ("deepseek-r1", "fp8", "2x8xH100-80G", Engine::Sglang),
        ("deepseek-r1", "fp8", "2x8xA100-80G", Engine::Vllm),
        ("deepseek-r1", "q4_k_m", "8xH100-80G", Engine::LlamaServer),
        ("deepseek-r1-distill-qwen-14b", "q4_k_m", "RTX-4090-24G", Engine::LlamaServer),
    ] {
        assert_eq!(any(id, variant, hosts).unwrap().engine, engine, "{id} {variant} {hosts}");
    }
    // The error is that of an engine that reads the files, not of the first engine.
    let refused = any("deepseek-r1", "q4_k_m", "RTX-4090-24G").unwrap_err();
    assert_eq!(refused.rejections[0].reason.code.key(), "weights_exceed_memory");
}

/// Everyone who reaches a port can use it: a plan binds to loopback or requires an API key.
#[test]
fn no_plan_listens_to_the_network_without_a_key() {
    let check = |plan: &Plan, open: bool| {
        for format in Format::ALL {
            for OutputFile { name, text } in render(plan, format).into_iter().flatten() {
                let listens = text.contains("0.0.0.0");
                // Of the hosts of a Ray cluster only the first runs the engine.
                assert!(!listens || open || format == Format::Kubernetes, "{name}: {text}");
                assert_eq!(text.contains("--api-key"), listens, "{name}: {text}");
                assert!(!listens || text.contains("API_KEY"), "{name}: {text}");
            }
        }
    };
    let mut seen = BTreeSet::new();
    each(|request, hosts, outcome| {
        let Ok(plan) = outcome else { return };
        if seen.insert((request.engine.name(), plan.inventory.hosts > 1)) {
            check(&plan, false);
            let open = plan.open_to_network();
            assert_eq!(open.is_none(), request.engine == Engine::Ollama, "{hosts}");
            open.iter().for_each(|plan| check(plan, true));
        }
    });
    assert!(seen.len() >= 6, "{seen:?}");
    examples().iter().for_each(|(_, plan)| check(plan, false));
    for (name, plan) in opened() {
        check(&plan, true);
        for format in [Format::Shell, Format::Compose, Format::Systemd] {
            let text = rendered(&plan, format);
            assert!(text.contains("0.0.0.0") && text.contains("--api-key"), "{name}: {text}");
        }
    }
}

#[test]
fn machines_are_read_as_they_are_typed() {
    for (text, hosts, gpus) in [("2x8xH100-80G", 2, 8), ("8xh20", 1, 8), ("RTX 4090", 1, 1)] {
        let read = Inventory::parse(text).unwrap();
        assert_eq!((read.hosts, read.gpus_per_host), (hosts, gpus));
    }
    for wrong in [
        "",
        "8x",
        "0xH100",
        "2x2x2xH100",
        "99999999999xH100",
        "65x8xH100",
        "8xH100-81G",
        "x8xH100",
        "-1xH100",
    ] {
        assert!(Inventory::parse(wrong).is_err(), "{wrong}");
    }
}

fn rendered(plan: &Plan, format: Format) -> String {
    let files = render(plan, format).expect("the form exists");
    files.iter().map(|OutputFile { name, text }| format!("==> {name} <==\n{text}\n")).collect()
}

/// One plan of each kind.
fn examples() -> Vec<(&'static str, Plan)> {
    let v3 = DeployRequest { sequences: 64, ..request("deepseek-v3", Engine::Sglang) };
    vec![
        ("sglang-two-machines", of(&request("deepseek-r1", Engine::Sglang), "2x8xH100-80G").unwrap()),
        ("sglang-amd", of(&v3, "8xMI300X-192G").unwrap()),
        ("vllm-two-machines", of(&request("deepseek-r1", Engine::Vllm), "2x8xH100-80G").unwrap()),
        (
            "vllm-ray",
            of(&DeployRequest { ray: true, ..request("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap(),
        ),
        ("vllm-pictures", of(&request("deepseek-vl2", Engine::Vllm), "1xH100-80G").unwrap()),
        (
            "llama-server",
            of(&request("deepseek-r1-distill-qwen-14b", Engine::LlamaServer), "2xRTX-4090-24G").unwrap(),
        ),
        ("ollama", of(&request("deepseek-r1-distill-qwen-14b", Engine::Ollama), "RTX-4090-24G").unwrap()),
    ]
}

/// Plans that are open to the network, on one host and with Ray. The checkers read them; they have no
/// snapshots.
fn opened() -> Vec<(&'static str, Plan)> {
    let alone = of(&request("deepseek-r1-distill-qwen-14b", Engine::Vllm), "1xL40S-48G").unwrap();
    let ray =
        of(&DeployRequest { ray: true, ..request("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap();
    vec![("vllm-open", alone.open_to_network().unwrap()), ("vllm-ray-open", ray.open_to_network().unwrap())]
}

#[test]
fn the_forms_stay_as_they_are() {
    for (name, plan) in examples() {
        for format in Format::ALL {
            if render(&plan, format).is_some() {
                insta::assert_snapshot!(format!("{name}.{}", format.name()), rendered(&plan, format));
            }
        }
    }
}

#[test]
fn compose_and_kubernetes_are_yaml_with_every_word_of_the_plan() {
    for (name, plan) in examples() {
        for (format, path) in [
            (Format::Compose, "/services/engine/command"),
            (Format::Kubernetes, "/spec/leaderWorkerTemplate/leaderTemplate/spec/containers/0/command"),
        ] {
            let Some(files) = render(&plan, format) else { continue };
            let first = files[0].text.split("\n---\n").next().unwrap();
            let read: serde_json::Value =
                serde_norway::from_str(first).unwrap_or_else(|e| panic!("{name}: {e}"));
            let args = read.pointer(path).unwrap_or_else(|| panic!("{name} has {path}")).to_string();
            for argument in &plan.arguments {
                let output = args.contains(argument.name);
                assert_eq!(output, argument.value != Value::FollowersOnly, "{name}: {}", argument.name);
            }
        }
    }
}
