//! Any repository, through the real programs: found by a search, judged, downloaded, asked, deleted. The test
//! hub serves a repository of eight precisions and one of safetensors in both protocols.
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::{ModelView, RepositoryHitView, RepositoryView};
use testkit::{Fault, FaultTarget, TestGguf, TestHub};

use crate::host::{ONE_WORKER, answers, open, root};
use crate::programs::{LANGS, ProgramOutput, cli, lines, run};

const REPOSITORY: &str = "makers/coder-GGUF";
const SAFETENSORS: &str = "makers/guide";
const SOURCES: [&str; 2] = ["hugging-face", "model-scope"];

/// A small model that answers.
fn coder() -> TestGguf {
    let path = root().join("tests/fixtures/worker/coder.gguf");
    TestGguf::read(&std::fs::read(path).expect("the fixture is there"))
}

async fn hub(data: &Path) -> TestHub {
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("README.md"), "# A model").expect("is written");
    let guide = root().join("assets/guide-model");
    let hub = TestHub::start(&[(REPOSITORY, files.path()), (SAFETENSORS, &guide)]).await.expect("starts");
    let single = |name: &str| (format!("Coder-{name}.gguf"), coder().write());
    let mut all: Vec<_> = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0"].map(single).into();
    for (name, count) in [("BF16", 3), ("UD-Q4_K_XL", 2)] {
        let named = |(at, shard): (usize, Vec<u8>)| {
            (format!("{name}/Coder-{name}-{:05}-of-{count:05}.gguf", at + 1), shard)
        };
        all.extend(coder().split(count).into_iter().enumerate().map(named));
    }
    all.push(("mmproj-F16.gguf".into(), coder().with_text("general.architecture", "clip").write()));
    hub.push_all(REPOSITORY, all);
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
        assert!(hub.bytes_served_of("Coder-Q8_0.gguf") - served < coder().write().len() as u64);
        let removed = cli_ok(data.path(), &["remove", &model.id]);
        assert!(removed.out.contains("is deleted") && !folder.exists(), "{removed:?}");
        let [left] = &downloaded(data.path())[..] else { panic!("the other one stays") };
        assert_eq!(left.repository, Some(format!("{REPOSITORY}:Q8_0")));
    }
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
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let pull = |lang: &str| {
        let text = format!("{REPOSITORY}:Q6_K");
        run(&mut command(data.path(), lang, &["pull", &text, "--source", "hugging-face"]))
    };
    hub.inject(Fault::wrong_byte(FaultTarget::File("Coder-Q6_K.gguf".into()), 700_000).always());
    pull(LANGS[1]).refused(LANGS[1], "hash_mismatch", "A downloaded file is damaged", "下载的文件已损坏");
    assert!(downloaded(data.path()).is_empty(), "what is damaged is not listed");
    hub.clear_faults();
    hub.gate(REPOSITORY, "granted");
    for lang in LANGS {
        let gated = pull(lang);
        gated.refused(lang, "gated_model", "This model requires permission", "这个模型需要先获得许可");
        assert!(gated.err.contains("HF_TOKEN"), "{gated:?}");
    }
    let text = format!("{REPOSITORY}:Q6_K");
    let args = ["pull", &text, "--source", "hugging-face"];
    let output = run(command(data.path(), LANGS[0], &args).env("HF_TOKEN", "granted"));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(downloaded(data.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pull_of_a_repository_goes_on_where_it_was() {
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let (text, size) = (format!("{REPOSITORY}:Q5_K_M"), coder().write().len() as u64);
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
