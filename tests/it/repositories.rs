//! Any repository, through the real programs: found by a search, judged, downloaded, asked, deleted. The test
//! hub serves the repositories of `testkit` and one of safetensors in both protocols.
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::{FileGroupView, ModelView, RepositoryHitView, RepositoryView};
use testkit::{
    EIGHT_PRECISIONS as REPOSITORY, Fault, FaultTarget, GATE_TOKEN, GATED, R1_SHARDS as R1, TestHub,
    WRONG_HASH,
};

use crate::host::{ONE_WORKER, answers, open, root};
use crate::programs::{LANGS, ProgramOutput, cli, lines, run};

const SAFETENSORS: &str = "makers/guide";
const SOURCES: [&str; 2] = ["hugging-face", "model-scope"];
/// Variables that lead to folders of other programs.
const OTHER_FOLDERS: [&str; 7] = [
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "MODELSCOPE_CACHE",
    "OLLAMA_MODELS",
    "LLAMA_CACHE",
    "XDG_CACHE_HOME",
];

/// The size of every precision of the eight but the sharded ones.
fn size() -> u64 {
    std::fs::metadata(root().join("tests/fixtures/worker/coder.gguf")).expect("the fixture is there").len()
}

async fn hub(data: &Path) -> TestHub {
    let hub = TestHub::published(&root().join("tests/fixtures")).await.expect("starts");
    let entries = std::fs::read_dir(root().join("assets/guide-model")).expect("is read").flatten();
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().expect("is a name");
        (name, std::fs::read(entry.path()).expect("is read"))
    };
    hub.add(SAFETENSORS, entries.map(file));
    let (app, _host) = open(data).await;
    let mut settings = app.settings().await.expect("settings");
    settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
    settings.model_scope_endpoint = hub.model_scope_endpoint().into();
    app.settings_save(settings).await.expect("are saved");
    hub
}

fn command(data: &Path, lang: &str, args: &[&str]) -> Command {
    let mut command = cli(data, lang);
    command.args(args).env("NO_PROXY", "*").env_remove("HF_TOKEN").env_remove("MODELSCOPE_API_TOKEN");
    // Other programs of a test are in its own folder.
    command.env("HOME", data.join("home"));
    for variable in OTHER_FOLDERS {
        command.env_remove(variable);
    }
    command
}

fn cli_ok(data: &Path, args: &[&str]) -> ProgramOutput {
    let output = run(&mut command(data, LANGS[0], args));
    assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
    output
}

/// The models that were downloaded by their names.
fn downloaded(data: &Path) -> Vec<ModelView> {
    let models: Vec<ModelView> =
        serde_json::from_str(&cli_ok(data, &["models", "--json"]).out).expect("a list");
    models.into_iter().filter(|model| model.repository.is_some()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_goes_from_a_search_to_an_answer() {
    let _alone = ONE_WORKER.lock().await;
    for source in SOURCES {
        let data = tempfile::tempdir().expect("a folder");
        let hub = hub(data.path()).await;
        let found = cli_ok(data.path(), &["search", "coder", "gguf", "--source", source, "--json"]);
        let [hits] = &lines::<Vec<RepositoryHitView>>(&found.out)[..] else { panic!("{found:?}") };
        assert_eq!(hits.iter().map(|hit| &*hit.repo).collect::<Vec<_>>(), [REPOSITORY]);
        let found = cli_ok(data.path(), &["search", "coder", "--source", source]);
        assert!(found.out.contains(&format!("whaledeck-cli pull {REPOSITORY}")), "{found:?}");

        for (lang, english, chinese) in [
            (LANGS[0], "This repository has several precisions", "runs well"),
            (LANGS[1], "这个仓库有多种精度", "运行良好"),
        ] {
            let listed = run(&mut command(data.path(), lang, &["pull", REPOSITORY, "--source", source]));
            listed.refused(lang, "precision_needed", english, english);
            assert_eq!(listed.out.matches(chinese).count(), 8, "{listed:?}");
            assert!(listed.out.contains("mmproj-F16.gguf") && listed.err.contains(&format!("{REPOSITORY}:")));
        }
        let listed =
            run(&mut command(data.path(), LANGS[0], &["pull", REPOSITORY, "--source", source, "--json"]));
        let first = listed.out.lines().next().expect("a line");
        let view: RepositoryView = serde_json::from_str(first).expect("a repository");
        assert_eq!((view.groups.len(), listed.code), (8, Some(1)));

        let pulled = cli_ok(data.path(), &["pull", &format!("{REPOSITORY}:ud-q4_k_xl"), "--source", source]);
        let [model] = &downloaded(data.path())[..] else { panic!("{pulled:?}") };
        assert_eq!(model.repository, Some(format!("{REPOSITORY}:UD-Q4_K_XL")));
        assert!(pulled.out.contains(&format!("ask --model {}", model.id)), "{pulled:?}");
        let folder = data.path().join("models/makers@coder-GGUF@UD-Q4_K_XL");
        assert!(folder.join("UD-Q4_K_XL/Coder-UD-Q4_K_XL-00002-of-00002.gguf").is_file());
        answers(data.path(), &model.id).await;

        // A second precision is a model of its own; what is here is not fetched again.
        cli_ok(data.path(), &["pull", REPOSITORY, "--variant", "q8_0", "--source", source]);
        assert_eq!(downloaded(data.path()).len(), 2);
        let served = hub.bytes_served_of("Coder-Q8_0.gguf");
        cli_ok(data.path(), &["pull", &format!("{REPOSITORY}:Q8_0"), "--source", source]);
        assert!(hub.bytes_served_of("Coder-Q8_0.gguf") - served < size());
        let removed = cli_ok(data.path(), &["remove", &model.id]);
        assert!(removed.out.contains("is deleted") && !folder.exists(), "{removed:?}");
        let [left] = &downloaded(data.path())[..] else { panic!("the other one stays") };
        assert_eq!(left.repository, Some(format!("{REPOSITORY}:Q8_0")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_in_shards_in_subfolders_answers() {
    let _alone = ONE_WORKER.lock().await;
    for source in SOURCES {
        let data = tempfile::tempdir().expect("a folder");
        let _hub = hub(data.path()).await;
        let listed = run(&mut command(data.path(), LANGS[0], &["pull", R1, "--source", source, "--json"]));
        let first = listed.out.lines().next().expect("a line");
        let view: RepositoryView = serde_json::from_str(first).expect("a repository");
        let of = |group: &FileGroupView| (group.name.clone(), group.files, group.architecture.clone());
        let mut groups: Vec<_> = view.groups.iter().map(of).collect();
        groups.sort();
        let named = |name: &str, files| (name.to_owned(), files, Some("DeepSeek-V3".to_owned()));
        assert_eq!(groups, [named("Q4_K_M", 5), named("UD-IQ1_S", 3)]);
        assert!(view.groups.iter().all(|group| group.own_facts && group.fit.is_some()), "{view:?}");

        cli_ok(data.path(), &["pull", &format!("{R1}:ud-iq1_s"), "--source", source]);
        let [model] = &downloaded(data.path())[..] else { panic!("one model") };
        answers(data.path(), &model.id).await;
        let removed = cli_ok(data.path(), &["remove", &model.id]);
        assert!(removed.out.contains("is deleted"), "{removed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_is_not_offered_and_says_what_it_is() {
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let page = format!("{}/{REPOSITORY}/blob/main/mmproj-F16.gguf", hub.hugging_face_endpoint());
    for lang in LANGS {
        let refused = run(&mut command(data.path(), lang, &["pull", &page]));
        refused.refused(
            lang,
            "projector_alone",
            "This file is only the vision part of a model",
            "这个文件只是模型的视觉部分",
        );
    }
    assert!(downloaded(data.path()).is_empty());
    assert_eq!(hub.bytes_served_of("mmproj-F16.gguf"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn safetensors_are_pulled_by_their_name_alone() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let page = format!("{}/{SAFETENSORS}", hub.hugging_face_endpoint());
    let pulled = cli_ok(data.path(), &["pull", &page, "--json"]);
    let model: ModelView = serde_json::from_str(pulled.out.lines().last().expect("a line")).expect("a model");
    assert_eq!((&*model.name, model.repository), ("guide", Some(format!("{SAFETENSORS}:safetensors"))));
    let answer = cli_ok(data.path(), &["ask", "Hello", "--model", &model.id, "--temperature", "0"]);
    assert!(answer.out.trim().len() > 10, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_is_no_model_and_a_gate_names_the_token() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    for source in SOURCES {
        let damaged = run(&mut command(data.path(), LANGS[1], &["pull", WRONG_HASH, "--source", source]));
        damaged.refused(LANGS[1], "hash_mismatch", "A downloaded file is damaged", "下载的文件已损坏");
        assert!(downloaded(data.path()).is_empty(), "what is damaged is not listed");
    }
    hub.clear_faults();
    let args = ["pull", GATED, "--source", "hugging-face"];
    for lang in LANGS {
        let gated = run(&mut command(data.path(), lang, &args));
        gated.refused(lang, "gated_model", "This model requires permission", "这个模型需要先获得许可");
        assert!(gated.err.contains("HF_TOKEN"), "{gated:?}");
    }
    let output = run(command(data.path(), LANGS[0], &args).env("HF_TOKEN", GATE_TOKEN));
    assert_eq!(output.code, Some(0), "{output:?}");
    let [model] = &downloaded(data.path())[..] else { panic!("one model") };
    assert_eq!(model.repository, Some(format!("{GATED}:Q8_0")));
    answers(data.path(), &model.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pull_of_a_repository_goes_on_where_it_was() {
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let (text, size) = (format!("{REPOSITORY}:Q5_K_M"), size());
    let args = ["pull", &text, "--source", "hugging-face"];
    // The header is read before, so the stall is that of the download.
    hub.inject(Fault::stall_after(FaultTarget::File("Coder-Q5_K_M.gguf".into()), 600_000).always());
    let mut program = command(data.path(), LANGS[0], &args)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    let folder = data.path().join("models/makers@coder-GGUF@Q5_K_M");
    let (part, start) = (folder.join("Coder-Q5_K_M.gguf.part"), Instant::now());
    while std::fs::metadata(&part).map_or(0, |meta| meta.len()) < 600_000 {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not download");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    program.kill().expect("SIGKILL");
    program.wait().expect("it is gone");
    assert!(downloaded(data.path()).is_empty() && !folder.join("model.json").exists());
    hub.clear_faults();
    let served = hub.bytes_served_of("Coder-Q5_K_M.gguf");
    let output = cli_ok(data.path(), &args);
    let again = hub.bytes_served_of("Coder-Q5_K_M.gguf") - served;
    assert!(again < size, "{again} of {size} bytes were fetched again: {output:?}");
    assert_eq!(downloaded(data.path()).len(), 1);
}
