//! Every catalogue model on every kind of machine gets a plan in the engine's own flags or numbers that say why not; and
//! the forms in which plans are carried off.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use catalog::{Catalog, FamilyKind, ModelFacts};
use deploy::plan::{Argument, Engine, Inventory, NotEnough, Plan, Spec, Value, plan, plan_with_any};
use deploy::render::{File, Form, render};
use serde::Deserialize;

/// Twenty cards from every maker and age.
const CARDS: [&str; 20] = [
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
];
const COUNTS: [&str; 9] = ["1", "2", "3", "4", "6", "8", "2x8", "3x8", "4x8"];

#[derive(Deserialize)]
struct Flags {
    flags: BTreeMap<String, Flag>,
}

#[derive(Deserialize)]
struct Flag {
    /// Unknown where the engine's list does not say.
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

fn spec(id: &str, engine: Engine) -> Spec<'static> {
    Spec { model: model(id), variant: None, engine, context: 32_768, sequences: 4, ray: false }
}

fn of(spec: &Spec, machines: &str) -> Result<Plan, NotEnough> {
    plan(spec, &Inventory::parse(machines).expect("is understood"))
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

/// Every catalogue model in every engine on every machine, for one person and for many.
fn each(mut see: impl FnMut(&Spec, &str, Result<Plan, NotEnough>)) {
    for model in Catalog::builtin().models() {
        for engine in Engine::ALL {
            for (card, count) in CARDS.iter().flat_map(|card| COUNTS.map(|count| (card, count))) {
                for (context, sequences) in [(4096, 1), (32_768, 16)] {
                    let machines = format!("{count}x{card}");
                    let spec = Spec { model, variant: None, engine, context, sequences, ray: false };
                    see(&spec, &machines, of(&spec, &machines));
                }
            }
        }
    }
}

#[test]
fn every_model_on_every_machine_gets_a_plan_or_numbers() {
    let all = engine_flags();
    let (mut plans, mut refusals) = (0, 0);
    each(|spec, machines, outcome| match outcome {
        Ok(plan) => {
            sound(spec, &plan, machines);
            if let Some(flags) = all.get(spec.engine.name()) {
                let named = plan.arguments.iter().filter(|argument| !argument.name.is_empty());
                named.for_each(|argument| accepted(flags, argument));
            }
            plans += 1;
        }
        Err(not) => {
            assert!(!not.refusals.is_empty(), "{} {machines}", spec.model.id);
            for refusal in &not.refusals {
                let guide = refusal.precision.is_empty();
                assert!(guide == (spec.model.family == FamilyKind::Guide), "{} {machines}", spec.model.id);
                assert!(!refusal.why.values.is_empty());
            }
            refusals += 1;
        }
    });
    assert_eq!(plans + refusals, Catalog::builtin().models().len() * 4 * 20 * 9 * 2);
    assert!(plans > 5000 && refusals > 5000, "{plans} plans, {refusals} refusals");
}

/// `make test-engines` hands these to the engines' own parsers.
#[test]
#[ignore = "writes a file for another program"]
fn scripts_of_every_plan() {
    let path = std::env::var_os("WHALEDECK_SCRIPTS").expect("where to");
    let mut lines = BTreeSet::new();
    each(|spec, _, outcome| {
        for file in outcome.ok().and_then(|plan| render(&plan, Form::Shell)).unwrap_or_default() {
            // What is said of the machines is not for the parser.
            let text: Vec<&str> = file.text.lines().filter(|line| !line.starts_with('#')).collect();
            lines.insert(serde_json::json!([spec.engine.name(), text.join("\n")]).to_string());
        }
    });
    std::fs::write(path, lines.into_iter().collect::<Vec<_>>().join("\n")).expect("room");
}

/// `make test-forms` hands these to what reads such files.
#[test]
#[ignore = "writes a file for another program"]
fn forms_of_every_plan() {
    let path = std::env::var_os("WHALEDECK_FORMS").expect("where to");
    let mut lines = BTreeSet::new();
    let mut put = |plan: &Plan| {
        for form in Form::ALL {
            for File { name, text } in render(plan, form).into_iter().flatten() {
                lines.insert(serde_json::json!([form.name(), name, text]).to_string());
            }
        }
    };
    // What a number says is not for them: one plan of each model, engine and division has every form.
    let mut seen = BTreeSet::new();
    each(|spec, _, outcome| {
        let Ok(plan) = outcome else { return };
        let division = format!("{:?}", (plan.division, plan.replicas, plan.inventory.machines));
        if seen.insert((spec.model.id.clone(), spec.engine.name(), plan.container.image.clone(), division)) {
            put(&plan);
        }
    });
    examples().iter().chain(&opened()).for_each(|(_, plan)| put(plan));
    std::fs::write(path, lines.into_iter().collect::<Vec<_>>().join("\n")).expect("room");
}

/// What holds for every plan: it fits, it divides, and it uses no card twice.
fn sound(spec: &Spec, plan: &Plan, machines: &str) {
    let told = format!("{} {} on {machines}", plan.model_id, plan.precision);
    let memory = plan.memory;
    let conversations = u64::from(plan.context) * u64::from(plan.sequences);
    assert!(plan.context >= 2048.min(spec.context) && plan.context <= spec.model.context_max, "{told}");
    assert!(conversations <= memory.tokens, "{told}: {conversations} of {}", memory.tokens);
    let groups = u64::from(plan.division.attention_data);
    let cache = memory.token * (conversations / groups);
    assert!(memory.weights + memory.overhead + cache <= memory.budget, "{told}");
    assert!(memory.budget <= plan.inventory.card.memory() / 10 * 9 + 100, "{told}");
    let cards = plan.division.cards() * plan.replicas;
    assert!(cards <= plan.inventory.machines * plan.inventory.cards, "{told}");
    let shape = spec.model.shape.as_ref().unwrap();
    assert_eq!(shape.heads % plan.division.tensor, 0, "{told}");
    match plan.engine {
        Engine::Sglang => {
            assert_eq!(number(plan, &["--tp-size", "--pp-size", "--dp-size"]), cards, "{told}");
            assert_eq!(value(plan, "--nnodes").is_some(), plan.inventory.machines > 1, "{told}");
        }
        Engine::Vllm => {
            let names = ["--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size"];
            assert_eq!(number(plan, &names), cards, "{told}");
        }
        Engine::Ollama | Engine::LlamaServer => assert_eq!(plan.inventory.machines, 1, "{told}"),
    }
    if plan.inventory.machines > 1 {
        assert_eq!(plan.division.cards(), plan.inventory.machines * plan.inventory.cards, "{told}");
    }
}

#[test]
fn r1_on_two_machines_shares_layers_over_all_cards_or_between_them() {
    let sglang = of(&spec("deepseek-r1", Engine::Sglang), "2x8xH100-80G").unwrap();
    assert_eq!((sglang.precision.as_str(), value(&sglang, "--tp-size")), ("FP8", Some("16")));
    assert_eq!(value(&sglang, "--speculative-algorithm"), Some("EAGLE"));
    let vllm = of(&spec("deepseek-r1", Engine::Vllm), "2x8xH100-80G").unwrap();
    assert_eq!(value(&vllm, "--tensor-parallel-size"), Some("8"));
    assert_eq!((value(&vllm, "--pipeline-parallel-size"), value(&vllm, "--nnodes")), (Some("2"), Some("2")));
    let ray = of(&Spec { ray: true, ..spec("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap();
    assert_eq!((value(&ray, "--distributed-executor-backend"), value(&ray, "--nnodes")), (Some("ray"), None));
}

#[test]
fn many_conversations_get_caches_of_their_own() {
    let many = Spec { sequences: 64, ..spec("deepseek-v3.1", Engine::Sglang) };
    let plan = of(&many, "8xH200-141G").unwrap();
    assert_eq!((value(&plan, "--attn-dp-size"), value(&plan, "--ep-size")), (Some("8"), Some("8")));
    let vllm = of(&Spec { engine: Engine::Vllm, ..many.clone() }, "8xH200-141G").unwrap();
    assert_eq!(
        (value(&vllm, "--data-parallel-size"), value(&vllm, "--tensor-parallel-size")),
        (Some("8"), None)
    );
    let few = of(&Spec { sequences: 4, ..many }, "8xH200-141G").unwrap();
    assert_eq!(value(&few, "--attn-dp-size"), None);
}

#[test]
fn a_named_precision_is_not_exchanged_for_another() {
    let fp8 = Spec { variant: Some("fp8".into()), ..spec("deepseek-r1", Engine::Sglang) };
    let refused = of(&fp8, "8xA100-80G").unwrap_err();
    assert_eq!(refused.refusals.len(), 1);
    assert_eq!(refused.refusals[0].why.code.key(), "no_fp8");
    let refused = of(&fp8, "8xH100-80G").unwrap_err();
    let why = &refused.refusals[0].why;
    assert_eq!((why.code.key(), why.values["memory"].as_str()), ("weights_exceed_memory", "684 GB"));
    assert_eq!(why.values["files"], "689 GB");
    for offer in &refused.offers {
        let again = Spec { engine: offer.engine, variant: None, ..fp8.clone() };
        assert!(plan(&again, &offer.inventory).is_ok(), "{offer:?}");
    }
}

/// A fact of an engine on a card: vLLM keeps FP8 weights as they are and computes in 16 bits.
#[test]
fn fp8_files_run_on_ampere_with_vllm_alone() {
    let fp8 = |engine| Spec { variant: Some("fp8".into()), ..spec("deepseek-r1", engine) };
    let plan = of(&fp8(Engine::Vllm), "2x8xA100-80G").unwrap();
    assert!(plan.notes.iter().any(|note| note.code.key() == "fp8_widened"), "{:?}", plan.notes);
    // No units for FP8: neither a cache of it nor drafts, which would be computed in it.
    assert_eq!((value(&plan, "--kv-cache-dtype"), value(&plan, "--speculative-config")), (None, None));
    let refused = of(&fp8(Engine::Sglang), "2x8xA100-80G").unwrap_err();
    let why = &refused.refusals[0].why;
    assert_eq!((why.code.key(), why.values["engine"].as_str()), ("no_fp8", "sglang"));
    assert_eq!(refused.offers[0].engine, Engine::Vllm, "{:?}", refused.offers);
    for old in ["4x8xT4-16G", "4x8xV100-32G"] {
        assert_eq!(of(&fp8(Engine::Vllm), old).unwrap_err().refusals[0].why.code.key(), "no_fp8", "{old}");
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
    let any = |id, variant: &str, machines| {
        let spec = Spec { variant: Some(variant.to_owned()), ..spec(id, Engine::Sglang) };
        plan_with_any(&spec, &Inventory::parse(machines).expect("is understood"))
    };
    for (id, variant, machines, engine) in [
        ("deepseek-r1", "fp8", "2x8xH100-80G", Engine::Sglang),
        ("deepseek-r1", "fp8", "2x8xA100-80G", Engine::Vllm),
        ("deepseek-r1", "q4_k_m", "8xH100-80G", Engine::LlamaServer),
        ("deepseek-r1-distill-qwen-14b", "q4_k_m", "RTX-4090-24G", Engine::LlamaServer),
    ] {
        assert_eq!(any(id, variant, machines).unwrap().engine, engine, "{id} {variant} {machines}");
    }
    // Why not is said of an engine that reads the files, and not of the first one.
    let refused = any("deepseek-r1", "q4_k_m", "RTX-4090-24G").unwrap_err();
    assert_eq!(refused.refusals[0].why.code.key(), "weights_exceed_memory");
}

/// Whoever can reach a port can use it: a plan is for its machine alone, or asks for a key.
#[test]
fn no_plan_listens_to_the_network_without_a_key() {
    let check = |plan: &Plan, open: bool| {
        for form in Form::ALL {
            for File { name, text } in render(plan, form).into_iter().flatten() {
                let listens = text.contains("0.0.0.0");
                // Of machines that Ray joins, the first one alone runs the engine.
                assert!(!listens || open || form == Form::Kubernetes, "{name}: {text}");
                assert_eq!(text.contains("--api-key"), listens, "{name}: {text}");
                assert!(!listens || text.contains("API_KEY"), "{name}: {text}");
            }
        }
    };
    let mut seen = BTreeSet::new();
    each(|spec, machines, outcome| {
        let Ok(plan) = outcome else { return };
        if seen.insert((spec.engine.name(), plan.inventory.machines > 1)) {
            check(&plan, false);
            let open = plan.open();
            assert_eq!(open.is_none(), spec.engine == Engine::Ollama, "{machines}");
            open.iter().for_each(|plan| check(plan, true));
        }
    });
    assert!(seen.len() >= 6, "{seen:?}");
    examples().iter().for_each(|(_, plan)| check(plan, false));
    for (name, plan) in opened() {
        check(&plan, true);
        for form in [Form::Shell, Form::Compose, Form::Systemd] {
            let text = rendered(&plan, form);
            assert!(text.contains("0.0.0.0") && text.contains("--api-key"), "{name}: {text}");
        }
    }
}

#[test]
fn machines_are_read_as_they_are_typed() {
    for (text, machines, cards) in [("2x8xH100-80G", 2, 8), ("8xh20", 1, 8), ("RTX 4090", 1, 1)] {
        let read = Inventory::parse(text).unwrap();
        assert_eq!((read.machines, read.cards), (machines, cards));
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

fn rendered(plan: &Plan, form: Form) -> String {
    let files = render(plan, form).expect("the form exists");
    files.iter().map(|File { name, text }| format!("==> {name} <==\n{text}\n")).collect()
}

/// Plans of each kind, and every form that each has.
fn examples() -> Vec<(&'static str, Plan)> {
    let v3 = Spec { sequences: 64, ..spec("deepseek-v3", Engine::Sglang) };
    vec![
        ("sglang-two-machines", of(&spec("deepseek-r1", Engine::Sglang), "2x8xH100-80G").unwrap()),
        ("sglang-amd", of(&v3, "8xMI300X-192G").unwrap()),
        ("vllm-two-machines", of(&spec("deepseek-r1", Engine::Vllm), "2x8xH100-80G").unwrap()),
        ("vllm-ray", of(&Spec { ray: true, ..spec("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap()),
        ("vllm-pictures", of(&spec("deepseek-vl2", Engine::Vllm), "1xH100-80G").unwrap()),
        (
            "llama-server",
            of(&spec("deepseek-r1-distill-qwen-14b", Engine::LlamaServer), "2xRTX-4090-24G").unwrap(),
        ),
        ("ollama", of(&spec("deepseek-r1-distill-qwen-14b", Engine::Ollama), "RTX-4090-24G").unwrap()),
    ]
}

/// Open to a network, alone and joined by Ray: read by the checkers, beside those that are kept word by word.
fn opened() -> Vec<(&'static str, Plan)> {
    let alone = of(&spec("deepseek-r1-distill-qwen-14b", Engine::Vllm), "1xL40S-48G").unwrap();
    let ray = of(&Spec { ray: true, ..spec("deepseek-r1", Engine::Vllm) }, "2x8xH100-80G").unwrap();
    vec![("vllm-open", alone.open().unwrap()), ("vllm-ray-open", ray.open().unwrap())]
}

#[test]
fn the_forms_stay_as_they_are() {
    for (name, plan) in examples() {
        for form in Form::ALL {
            if render(&plan, form).is_some() {
                insta::assert_snapshot!(format!("{name}.{}", form.name()), rendered(&plan, form));
            }
        }
    }
}

#[test]
fn compose_and_kubernetes_are_yaml_with_every_word_of_the_plan() {
    for (name, plan) in examples() {
        for (form, path) in [
            (Form::Compose, "/services/engine/command"),
            (Form::Kubernetes, "/spec/leaderWorkerTemplate/leaderTemplate/spec/containers/0/command"),
        ] {
            let Some(files) = render(&plan, form) else { continue };
            let first = files[0].text.split("\n---\n").next().unwrap();
            let read: serde_json::Value =
                serde_norway::from_str(first).unwrap_or_else(|e| panic!("{name}: {e}"));
            let words = read.pointer(path).unwrap_or_else(|| panic!("{name} has {path}")).to_string();
            for argument in &plan.arguments {
                let said = words.contains(argument.name);
                assert_eq!(said, argument.value != Value::OnFollowers, "{name}: {}", argument.name);
            }
        }
    }
}

/// A checker: beside the Python of the tests, where set-up puts it, or on the path. Where set-up ran, it must be there.
fn checker(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("WHALEDECK_PYTHON").map(|python| Path::new(&python).with_file_name(name));
    if own.as_ref().is_some_and(|it| it.is_file()) {
        return own;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
    assert!(found.is_some() || own.is_none(), "set-up installs {name}");
    if found.is_none() {
        println!("not run: no {name} here");
    }
    found
}

/// Runs a checker over each file of a form; it must be content and have nothing to remark.
fn check(name: &str, before: &[&str], after: &[&str], form: Form) {
    let Some(program) = checker(name) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, plan) in examples().into_iter().chain(opened()) {
        for file in render(&plan, form).into_iter().flatten() {
            let path = folder.path().join(file.name);
            std::fs::write(&path, &file.text).expect("is written");
            let mut command = Command::new(&program);
            let output = command
                .envs([("LEADER", "10.0.0.1"), ("API_KEY", "k")])
                .args(before)
                .arg(&path)
                .args(after)
                .output();
            let output = output.expect("it starts");
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success() && said.is_empty(), "{name}: {said}\n{}", file.text);
        }
    }
}

#[test]
fn scripts_please_their_shell() {
    check("shellcheck", &[], &[], Form::Shell);
    check("sh", &["-n"], &[], Form::Shell);
}

#[test]
fn what_a_machine_hears_pleases_its_shell() {
    let Some(program) = checker("shellcheck") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/remote/scripts");
    let scripts = std::fs::read_dir(folder).expect("is there").map(|one| one.expect("is read").path());
    // The values that stand before a script are not in its file.
    let output = Command::new(program).args(["-s", "sh", "-e", "SC2154"]).args(scripts).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_script_hands_its_words_to_the_engine_unchanged() {
    let (_, plan) = examples().into_iter().find(|(name, _)| *name == "vllm-two-machines").unwrap();
    let folder = tempfile::tempdir().expect("a folder");
    let engine = folder.path().join("vllm");
    std::fs::write(&engine, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").expect("is written");
    let script = folder.path().join("machine.sh");
    std::fs::write(&script, &render(&plan, Form::Shell).unwrap()[1].text).expect("is written");
    let run = |leader: Option<&str>| {
        let mut command = Command::new("sh");
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        command.arg(&script).env("PATH", path).env_remove("LEADER");
        command.envs(leader.map(|address| ("LEADER", address)));
        command.output().expect("sh starts")
    };
    assert!(Command::new("chmod").arg("+x").arg(&engine).status().unwrap().success());
    let said = String::from_utf8(run(Some("10.0.0.1")).stdout).unwrap();
    let words: Vec<&str> = said.lines().collect();
    let after = |name: &str| words[words.iter().position(|word| *word == name).unwrap() + 1];
    assert_eq!(
        (words[0], words[1], after("--master-addr"), after("--node-rank")),
        ("serve", "deepseek-ai/DeepSeek-R1", "10.0.0.1", "1")
    );
    assert!(words.contains(&"--headless"));
    assert!(!run(None).status.success());
}

#[test]
fn compose_files_please_compose() {
    check("docker-compose", &["-f"], &["config", "-q"], Form::Compose);
}

#[test]
fn units_please_systemd() {
    check("systemd-analyze", &["verify"], &[], Form::Systemd);
}
