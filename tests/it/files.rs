//! Real layouts of model files, through the real programs: shards in subfolders from the download to the
//! answer, two precisions of one model side by side, and imports that are refused as a start would be.
use std::path::{Path, PathBuf};

use contract::{ErrorCode, ModelState, ModelView};
use testkit::{TestGguf, TestHub};

use crate::host::{ONE_WORKER, answers, open, root};
use crate::programs::{LANGS, ProgramOutput, cli, guide_copy, run};

/// A model of the catalogue whose two GGUF precisions are shards in folders of one repository.
const MODEL: &str = "deepseek-r1";
const REPOSITORY: &str = "unsloth/DeepSeek-R1-GGUF";
const Q4: &str = "DeepSeek-R1-Q4_K_M/DeepSeek-R1-Q4_K_M";
const Q8: &str = "DeepSeek-R1.Q8_0/DeepSeek-R1.Q8_0";

/// A small model that answers, with the context length of R1, which it replaces.
pub fn coder() -> TestGguf {
    const U32: u32 = 4;
    let path = root().join("tests/fixtures/worker/coder.gguf");
    let model = TestGguf::read(&std::fs::read(path).expect("the fixture is there"));
    model.with("deepseek2.context_length", U32, 163_840u32.to_le_bytes().to_vec())
}

/// A hub that serves the small model in the layout of R1's repository, and a data folder whose settings name
/// it.
async fn hub(data: &Path) -> TestHub {
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("README.md"), "# R1").expect("is written");
    let hub = TestHub::start(&[(REPOSITORY, files.path())]).await.expect("the hub starts");
    let shards = |name: &str, count: usize| {
        let named = |(at, shard)| (format!("{name}-{:05}-of-{count:05}.gguf", at + 1), shard);
        coder().split(count).into_iter().enumerate().map(named).collect::<Vec<_>>()
    };
    hub.push_all(REPOSITORY, [shards(Q4, 3), shards(Q8, 2)].concat());
    let (app, _host) = open(data).await;
    let mut settings = app.settings().await.expect("settings");
    settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
    settings.model_scope_endpoint = hub.model_scope_endpoint().into();
    app.settings_save(settings).await.expect("are saved");
    hub
}

fn run_cli(data: &Path, args: &[&str]) -> ProgramOutput {
    let output = run(cli(data, LANGS[0]).args(args).env("NO_PROXY", "*"));
    assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
    output
}

fn model(data: &Path) -> ModelView {
    let models: Vec<ModelView> =
        serde_json::from_str(&run_cli(data, &["models", "--json"]).out).expect("a list");
    models.into_iter().find(|model| model.id == MODEL).expect("is of the catalogue")
}

fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| if path.is_dir() { bytes_below(&path) } else { path.metadata().expect("is there").len() })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_in_a_folder_of_their_own_go_the_whole_way() {
    let _alone = ONE_WORKER.lock().await;
    for source in ["hugging-face", "model-scope"] {
        let data = tempfile::tempdir().expect("a folder");
        let _hub = hub(data.path()).await;
        run_cli(data.path(), &["pull", MODEL, "--variant", "q4_k_m", "--source", source]);
        let folder = data.path().join("models/deepseek-r1@q4_k_m");
        assert!(folder.join(format!("{Q4}-00003-of-00003.gguf")).is_file());
        assert_eq!(model(data.path()).state, ModelState::Ready);
        answers(data.path(), MODEL).await;
        run_cli(data.path(), &["remove", MODEL]);
        assert!(!folder.exists(), "nothing of it is left");
        assert_eq!(
            (model(data.path()).state, model(data.path()).disk_used),
            (ModelState::NotDownloaded, 0.0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_precisions_of_one_model_stay_side_by_side() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let hub = hub(data.path()).await;
    let pull = |variant: &str| {
        run_cli(data.path(), &["pull", MODEL, "--variant", variant, "--source", "hugging-face"])
    };
    pull("q4_k_m");
    let served = hub.bytes_served();
    // The time of a download is stored in seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    pull("q8_0");
    let shown = model(data.path());
    let here: Vec<_> = shown.precisions.iter().map(|one| (&*one.variant_id, one.state, one.in_use)).collect();
    assert_eq!(here, [("q8_0", ModelState::Ready, false), ("q4_k_m", ModelState::Ready, true)]);
    assert_eq!(shown.disk_used, shown.precisions.iter().map(|one| one.disk_used).sum::<f64>());
    // Nothing else is on the disk, except the empty lock files.
    assert_eq!(shown.disk_used as u64, bytes_below(&data.path().join("models")));
    pull("q4_k_m");
    assert!(hub.bytes_served() < 2 * served + served, "what is here is not fetched again");

    for (lang, used) in [(LANGS[0], "in use"), (LANGS[1], "使用中")] {
        let output = run(cli(data.path(), lang).arg("models"));
        let line =
            |id: &str| output.out.lines().find(|line| line.contains(&format!("({id})"))).map(str::to_owned);
        assert!(line("q4_k_m").is_some_and(|line| line.contains(used)), "{output:?}");
        assert!(line("q8_0").is_some_and(|line| !line.contains(used)), "{output:?}");
    }
    run_cli(data.path(), &["use", MODEL, "q8_0"]);
    assert!(model(data.path()).precisions.iter().all(|one| one.in_use == (one.variant_id == "q8_0")));
    let (app, _host) = open(data.path()).await;
    app.worker_start(MODEL).await.expect("starts");
    // The other precision may be deleted while this one runs.
    app.model_remove(MODEL, Some("q4_k_m")).await.expect("is removed");
    assert!(app.worker().await.expect("a worker").model_id.is_some());
    app.worker_stop().await.expect("stops");

    pull("q4_k_m");
    for lang in LANGS {
        let output = run(cli(data.path(), lang).args(["remove", MODEL]));
        let (en, zh) = ("Several precisions of this model are here", "这个模型有多种精度");
        output.refused(lang, "several_precisions", en, zh);
        assert!(output.err.contains("q4_k_m") && output.err.contains("q8_0"), "{output:?}");
    }
    run_cli(data.path(), &["remove", MODEL, "--variant", "q8_0"]);
    let left = model(data.path());
    let here: Vec<_> = left.precisions.iter().map(|one| (&*one.variant_id, one.in_use)).collect();
    assert_eq!(here, [("q4_k_m", true)], "what was chosen is gone, and the other one is used");
    answers(data.path(), MODEL).await;
}

/// Asserts that an import is refused with this code and message in both languages, and adds nothing.
pub fn refused(data: &Path, path: &Path, code: &str, words: [&str; 2]) {
    for (lang, word) in LANGS.into_iter().zip(words) {
        let output = run(cli(data, lang).arg("import").arg(path));
        output.refused(lang, code, word, word);
        let damaged = ["model_file_truncated", "model_file_invalid"].contains(&code);
        assert!(damaged || !output.err.contains("Delete"), "nothing is to be deleted: {output:?}");
    }
    let models = run_cli(data, &["models", "--json"]).out;
    let models: Vec<ModelView> = serde_json::from_str(&models).expect("a list");
    assert!(models.iter().all(|model| model.path.is_none()), "nothing was added");
}

pub fn write(data: &Path, name: &str, gguf: &TestGguf) -> PathBuf {
    let path = data.join(name);
    std::fs::write(&path, gguf.write()).expect("is written");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_refuses_what_a_start_would() {
    let data = tempfile::tempdir().expect("a folder");
    let check = |path: &Path, code: &str, words: [&str; 2]| refused(data.path(), path, code, words);
    let folder = guide_copy(data.path());
    let change = |name: &str, text: &str, code: &str, words: [&str; 2]| {
        let path = folder.join(name);
        let before = std::fs::read(&path).expect("is there");
        std::fs::write(&path, text).expect("is written");
        check(&folder, code, words);
        std::fs::write(&path, before).expect("is written");
    };
    let unusable = ["The tokenizer of this model cannot be used", "这个模型的分词器无法使用"];
    change("tokenizer.json", "{}", "tokenizer_unusable", unusable);
    change("tokenizer.json", "not JSON", "tokenizer_unusable", unusable);
    let config = std::fs::read_to_string(folder.join("tokenizer_config.json")).expect("is there");
    let mut config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
    let template = config["chat_template"].take();
    config.as_object_mut().expect("an object").remove("chat_template");
    if !folder.join("chat_template.jinja").is_file() {
        assert!(template.is_string());
        let missing = ["This model has no chat template", "这个模型没有对话模板"];
        change("tokenizer_config.json", &config.to_string(), "chat_template_missing", missing);
    }
    let broken = ["The chat template of this model cannot be used", "这个模型的对话模板无法使用"];
    for template in ["{% if %}", "{{ raise_exception('no') }}", "a fixed text"] {
        config["chat_template"] = template.into();
        change("tokenizer_config.json", &config.to_string(), "chat_template_invalid", broken);
    }
    // The tokenizer of another model, with fewer tokens than the embedding has rows, and with more.
    let small = root().join("tests/fixtures/worker/coder");
    let text = |folder: &Path| std::fs::read_to_string(folder.join("tokenizer.json")).expect("is there");
    let mismatch = ["The tokenizer belongs to another model", "分词器属于另一个模型"];
    change("tokenizer.json", &text(&small), "tokenizer_mismatch", mismatch);
    let other = data.path().join("other");
    std::fs::create_dir_all(&other).expect("is made");
    for name in ["config.json", "model.safetensors", "tokenizer_config.json"] {
        std::fs::copy(small.join(name), other.join(name)).expect("is copied");
    }
    std::fs::write(other.join("tokenizer.json"), text(&folder)).expect("is written");
    check(&other, "tokenizer_mismatch", mismatch);

    let gguf = coder();
    let kind = gguf.clone().with_text("tokenizer.ggml.model", "llama");
    let unsupported = ["This version cannot run this model", "当前版本无法运行这个模型"];
    check(&write(data.path(), "kind.gguf", &kind), "model_unsupported", unsupported);

    // Complete again, the files are accepted, whatever their names are.
    let names = ["whole.GGUF", "no ending", &format!("sha256-{}", "0".repeat(64))];
    let paths = names.map(|name| write(data.path(), name, &gguf));
    for path in paths.into_iter().chain([folder.clone()]) {
        let output = run(cli(data.path(), LANGS[0]).arg("import").arg(&path));
        assert_eq!(output.code, Some(0), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_several_models_is_no_model() {
    let data = tempfile::tempdir().expect("a folder");
    let check = |path: &Path, code: &str, words: [&str; 2]| refused(data.path(), path, code, words);
    let two = data.path().join("two");
    for name in ["a", "b"] {
        std::fs::create_dir_all(two.join(name)).expect("is made");
        write(&two, &format!("{name}/m.gguf"), &coder());
    }
    check(&two, "several_models", ["There are several models there", "那里有多个模型"]);
    check(&two, "several_models", ["m.gguf", "m.gguf"]);

    // A single model one level below is accepted, and the message names it.
    std::fs::remove_dir_all(two.join("b")).expect("is removed");
    let output = run_cli(data.path(), &["import", two.to_str().expect("a name"), "--json"]);
    let added: ModelView = serde_json::from_str(&output.out).expect("a model");
    assert_eq!(added.path.as_deref(), two.join("a/m.gguf").to_str());
    let (app, _host) = open(data.path()).await;
    let missing = app.model_import(&data.path().join("nothing")).await.expect_err("is not there");
    assert_eq!(missing.code, ErrorCode::NotAModel);
}

/// Imports a file and returns its view.
fn imported(data: &Path, path: &Path) -> ModelView {
    let output = run_cli(data, &["import", path.to_str().expect("a name"), "--json"]);
    serde_json::from_str(&output.out).expect("a model")
}

#[test]
fn a_file_is_called_what_its_metadata_says_and_samples_as_it_advises() {
    const F32: u32 = 6;
    let data = tempfile::tempdir().expect("a folder");
    let temperature = 0.25f32.to_le_bytes().to_vec();
    let named = coder().with_text("general.name", "My Coder 1M");
    let mut named = named.with("general.sampling.temp", F32, temperature);
    // Converters write the general keys first.
    named.keys.rotate_right(2);
    let model = imported(data.path(), &write(data.path(), "x.Q8_0", &named));
    assert_eq!((model.name.as_str(), model.known_as.as_deref()), ("My Coder 1M", None));
    assert_eq!((model.recommended.temperature, model.hybrid), (0.25, false));
    // A template that switches reasoning makes it a model that can do both.
    let template = "{% if thinking %}<think>{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}";
    let hybrid = coder().with_text("tokenizer.chat_template", template);
    assert!(imported(data.path(), &write(data.path(), "hybrid.gguf", &hybrid)).hybrid);
    // Its name alone does not make it a model of the catalogue.
    let mut false_name = coder().with_text("general.name", "DeepSeek R1 Distill Qwen 7B");
    false_name.keys.rotate_right(1);
    let model = imported(data.path(), &write(data.path(), "other.gguf", &false_name));
    assert_eq!((model.name.as_str(), model.known_as.as_deref()), ("DeepSeek R1 Distill Qwen 7B", None));
}

/// The header, tokenizer and template of the published file, with a hole where most of its weights are.
#[test]
fn a_published_distill_is_known_as_what_it_is() {
    let Some(part) = std::env::var_os("WHALEDECK_R1_DISTILL_HEAD").filter(|it| !it.is_empty()) else {
        println!("not run: the published file is not there; `make test` fetches it");
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    let whole = data.path().join("sha256-96c415656d377afbff962f6cdb2394ab092ccbcbaab4b82525bc4ca800fe8a49");
    std::fs::copy(part, &whole).expect("is copied");
    let file = std::fs::File::options().write(true).open(&whole).expect("opens");
    file.set_len(4_683_075_271).expect("a hole");
    let model = imported(data.path(), &whole);
    assert_eq!(model.name, "R1-Distill-Qwen-7B");
    assert_eq!(model.known_as.as_deref(), Some("deepseek-r1-distill-qwen-7b"));
    let note = [
        "Your own file: Qwen 2.5 Math distilled from DeepSeek-R1",
        "你自己的文件：用 DeepSeek-R1 蒸馏的 Qwen 2.5 Math",
    ];
    assert_eq!([model.family_note.en.as_str(), model.family_note.zh.as_str()], note);
    assert_eq!((model.recommended.temperature, model.recommended.top_p), (0.6, 0.95));
    assert!(!model.hybrid, "it always reasons");
    assert_eq!(model.licence, "MIT (base Apache-2.0)");
}

/// The beginning of a published file, as an interrupted copy leaves it.
#[test]
fn a_published_file_that_is_cut_is_refused_with_both_lengths() {
    let Some(part) = std::env::var_os("WHALEDECK_R1_DISTILL_HEAD").filter(|it| !it.is_empty()) else {
        println!("not run: the published file is not there; `make test` fetches it");
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    for lang in LANGS {
        let output = run(cli(data.path(), lang).arg("import").arg(&part));
        output.refused(lang, "model_file_truncated", "A model file is cut short", "模型文件不完整");
        // The length of the file that was published.
        let lengths = "ends at 99614720 bytes and its header declares 4683073";
        assert!(output.err.contains(lengths), "{output:?}");
    }
}
