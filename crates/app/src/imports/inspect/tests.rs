//! The files of the Guide, complete and damaged.
//! Also the GGUF files of the fixtures.
use super::*;

impl ModelFileFacts {
    pub(crate) fn example() -> Self {
        inspect(&guide()).expect("the Guide is a model")
    }
}

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

/// A copy of the Guide in a folder of this name.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let model = folder.path().join(name);
    std::fs::create_dir_all(&model).expect("is made");
    for entry in std::fs::read_dir(guide()).expect("the Guide is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, model.join(path.file_name().expect("a name"))).expect("is copied");
    }
    (folder, model)
}

fn refusal(path: &Path) -> ErrorView {
    locate(path).and_then(|path| inspect(&path)).expect_err("is refused")
}

#[test]
fn the_facts_are_those_of_the_files() {
    let (_folder, model) = copy("models--maker--My-Guide/snapshots/0123abcd");
    let facts = inspect(&model).expect("is a model");
    assert_eq!(facts.name, "My-Guide");
    assert_eq!((facts.architecture.as_str(), facts.precision.as_str()), ("DeepSeek-V3", "FP8"));
    let known = catalog::Catalog::builtin().model("guide").expect("is known");
    // The catalogue rounds to three digits, and its total includes the layer for multi-token prediction.
    let near = |a: u64, b: u64| (a as f64 / b as f64 - 1.0).abs() < 0.01;
    assert!(near(facts.params_total, 7_930_000), "{}", facts.params_total);
    assert!(near(facts.params_active, known.params_active), "{}", facts.params_active);
    assert_eq!((facts.layers, facts.cache), (5, CacheShape::Latent { width: 160, rope: 32 }));
    assert_eq!(locate(&model.join("config.json")).expect("means its folder"), model);
}

#[test]
fn what_is_no_model_is_refused_by_its_reason() {
    let empty = tempfile::tempdir().expect("a folder");
    assert_eq!(refusal(empty.path()).code, ErrorCode::NotAModel);
    assert_eq!(refusal(&empty.path().join("gone")).code, ErrorCode::NotAModel);
    let letter = empty.path().join("letter.txt");
    std::fs::write(&letter, "dear").expect("is written");
    assert_eq!(refusal(&letter).code, ErrorCode::NotAModel);

    let (_folder, model) = copy("guide");
    let config = std::fs::read_to_string(model.join("config.json")).expect("is read");
    let with = |text: &str| std::fs::write(model.join("config.json"), text).expect("is written");
    with(&config.replace("sigmoid", "tanh"));
    let refused = refusal(&model);
    assert_eq!(
        (refused.code, refused.detail["field"].as_str()),
        (ErrorCode::ModelUnsupported, "scoring_func")
    );
    with("{");
    assert_eq!(refusal(&model).code, ErrorCode::ModelFileInvalid);
    with(&config.replace("\"num_hidden_layers\": 5", "\"num_hidden_layers\": 9"));
    let refused = refusal(&model);
    assert_eq!(refused.code, ErrorCode::ModelFileInvalid);
    assert!(refused.message.contains("model.layers."), "{}", refused.message);
}

#[test]
fn broken_files_are_named() {
    let (_folder, model) = copy("guide");
    let weights = model.join("model.safetensors");
    let bytes = std::fs::read(&weights).expect("is read");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("is written");
    let refused = refusal(&model);
    assert_eq!(refused.code, ErrorCode::ModelFileTruncated);
    assert_eq!(refused.detail["path"], weights.display().to_string());
    std::fs::write(&weights, &bytes).expect("is written");
    std::fs::remove_file(model.join("tokenizer.json")).expect("is removed");
    assert!(refusal(&model).detail["path"].ends_with("tokenizer.json"));
    std::fs::remove_file(&weights).expect("is removed");
    assert_eq!(refusal(&model).code, ErrorCode::NotAModel);
}

#[test]
fn a_gguf_file_says_the_same_things() {
    let file = |family: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/gguf").join(family);
        let entries = std::fs::read_dir(folder).expect("the fixture is there");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        paths.find(|path| path.extension().is_some_and(|ending| ending == "gguf")).expect("a GGUF")
    };
    let qwen = file("qwen2");
    let facts = inspect(&locate(&qwen).expect("is a place")).expect("is a model");
    assert_eq!(facts.architecture, "Qwen2");
    assert_eq!(facts.name, qwen.file_stem().expect("a name").to_string_lossy());
    assert!(matches!(facts.cache, CacheShape::Heads { .. }), "{facts:?}");
    let deepseek = inspect(&file("deepseek_v3")).expect("is a model");
    assert!(matches!(deepseek.cache, CacheShape::Latent { .. }), "{deepseek:?}");
    assert!(deepseek.params_active < deepseek.params_total);

    let folder = tempfile::tempdir().expect("a folder");
    let cut = folder.path().join("cut.gguf");
    let bytes = std::fs::read(&qwen).expect("is read");
    std::fs::write(&cut, &bytes[..bytes.len() - 100]).expect("is written");
    assert_eq!(refusal(&cut).code, ErrorCode::ModelFileTruncated);
    std::fs::write(&cut, "a letter").expect("is written");
    assert_eq!(refusal(&cut).code, ErrorCode::ModelFileInvalid);
}

/// Facts of R1-Distill-Qwen-7B's shape, as its published Q4_K_M has them.
fn qwen_7b() -> ModelFileFacts {
    ModelFileFacts {
        precision: "Q4_K".into(),
        params_total: 7_615_616_512,
        layers: 28,
        cache: CacheShape::Heads { kv_heads: 4, head_dim: 128 },
        ..ModelFileFacts::example()
    }
}

#[test]
fn a_file_is_named_by_the_catalogue_then_by_its_metadata_then_by_its_place() {
    let named = |name: Option<&str>, place: &str, mut facts: ModelFileFacts| {
        let about = checkpoint::gguf::About { name: name.map(Into::into), ..Default::default() };
        facts.identify(&about, place);
        (facts.name, facts.known_as, facts.precision)
    };
    let published = Some("DeepSeek R1 Distill Qwen 7B");
    let known = || ("R1-Distill-Qwen-7B".to_owned(), Some("deepseek-r1-distill-qwen-7b".to_owned()));
    let place = "DeepSeek-R1-Distill-Qwen-7B-Q4_K_M";
    for (name, place) in [(published, "sha256-96c4"), (None, place), (Some("models"), place)] {
        let (called, id, _) = named(name, place, qwen_7b());
        assert_eq!((called, id), known(), "{name:?} {place}");
    }
    assert_eq!(named(None, place, qwen_7b()).2, "Q4_K_M");
    let tuned = Some("DeepSeek R1 Distill Qwen 7B Medical");
    let own = named(tuned, "x-Q4_K_M", qwen_7b());
    assert_eq!(own, ("DeepSeek R1 Distill Qwen 7B Medical".into(), None, "Q4_K_M".into()));
    // The shape of another model, which took the name.
    let smaller = ModelFileFacts { layers: 24, ..qwen_7b() };
    assert_eq!(named(published, "x", smaller).1, None);
    assert_eq!(named(None, "my-model", qwen_7b()).0, "my-model");
}
