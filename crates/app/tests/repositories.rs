//! Repositories of both sources through `App`, from the test hub: what a person is told before a byte of
//! weights is fetched. There is no worker; the way to an answer is in `tests/it`.
mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use common::NoHost;
use contract::{DownloadState, ErrorCode, FileGroupView, ModelView, SourceKind};
use testkit::{Fault, FaultTarget, TestGguf, TestHub};

const REPOSITORY: &str = "makers/coder-GGUF";
const OTHER: &str = "makers/other-GGUF";
const TENSOR: &str = "token_embd.weight";
const SOURCES: [SourceKind; 2] = [SourceKind::HuggingFace, SourceKind::ModelScope];

fn coder() -> TestGguf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/worker/coder.gguf");
    TestGguf::read(&std::fs::read(path).expect("the fixture is there"))
}

/// The file with one tensor of another ggml type, which no release of this engine reads.
fn stored_as(mut model: TestGguf, kind: u32) -> TestGguf {
    let tensor = model.tensors.iter_mut().find(|tensor| tensor.name == TENSOR).expect("has embeddings");
    tensor.kind = kind;
    model
}

async fn open(data: &Path) -> App {
    App::open(common::paths(data), Arc::new(NoHost)).await.expect("the app opens")
}

struct Scene {
    hub: TestHub,
    data: tempfile::TempDir,
    app: App,
}

impl Scene {
    async fn new() -> Self {
        let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for folder in [&one, &other] {
            std::fs::write(folder.path().join("README.md"), "# A model").expect("is written");
        }
        let hub = TestHub::start(&[(REPOSITORY, one.path()), (OTHER, other.path())]).await.expect("starts");
        hub.push_all(REPOSITORY, eight_precisions());
        let data = tempfile::tempdir().expect("a folder");
        let app = open(data.path()).await;
        let mut settings = app.settings().await.expect("there are settings");
        settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
        settings.model_scope_endpoint = hub.model_scope_endpoint().into();
        app.settings_save(settings).await.expect("they are kept");
        Self { hub, data, app }
    }

    fn push(&self, files: Vec<(&str, Vec<u8>)>) {
        self.hub.push_all(OTHER, files.into_iter().map(|(path, bytes)| (path.to_owned(), bytes)));
    }

    async fn groups(&self, text: &str, source: SourceKind) -> Vec<FileGroupView> {
        self.app.repository(text, Some(source)).await.expect("is known").groups
    }

    async fn own_models(&self) -> Vec<ModelView> {
        let models = self.app.models().await.expect("a list");
        models.into_iter().filter(|model| model.repository.is_some()).collect()
    }
}

/// The length of the header of the small model, with its vocabulary.
fn header() -> u64 {
    let whole = coder();
    let weights: usize = whole.tensors.iter().map(|tensor| tensor.data.len()).sum();
    (whole.write().len() - weights) as u64
}

/// Six single files, two sets of shards in folders of their own, and a projector. All hold one small model.
fn eight_precisions() -> Vec<(String, Vec<u8>)> {
    let single = |name: &str| (format!("Coder-{name}.gguf"), coder().write());
    let mut files: Vec<_> = ["Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "q6_k", "Q8_0"].map(single).into();
    for (name, count) in [("BF16", 3), ("UD-Q4_K_XL", 2)] {
        let named = |(at, shard): (usize, Vec<u8>)| {
            (format!("{name}/Coder-{name}-{:05}-of-{count:05}.gguf", at + 1), shard)
        };
        files.extend(coder().split(count).into_iter().enumerate().map(named));
    }
    files.push(("mmproj-F16.gguf".into(), coder().with_text("general.architecture", "clip").write()));
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_precision_has_a_verdict_before_its_weights_are_here() {
    let scene = Scene::new().await;
    for source in SOURCES {
        let before = scene.hub.bytes_served();
        let view = scene.app.repository(REPOSITORY, Some(source)).await.expect("is known");
        assert_eq!((&*view.repo, view.licence.as_deref(), view.gated), (REPOSITORY, Some("mit"), false));
        assert_eq!(view.projectors, ["mmproj-F16.gguf"]);
        let mut names: Vec<&str> = view.groups.iter().map(|group| &*group.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["BF16", "Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "UD-Q4_K_XL"]);
        for group in &view.groups {
            assert!(group.fit.is_some() && group.problem.is_none(), "{group:?}");
            assert_eq!(group.fit.as_ref().map(|fit| fit.weights), Some(group.size));
        }
        assert_eq!(
            view.groups.iter().filter(|group| group.own_facts).count(),
            1,
            "one header tells about all"
        );
        let size = view.groups[0].size as u64;
        assert!(scene.hub.bytes_served() - before < size, "the weights of none were fetched");

        // The header of each is read before a byte of its weights.
        let before = scene.hub.bytes_served();
        let checked = scene.app.repository_checked(REPOSITORY, Some(source)).await.expect("is known");
        assert!(checked.groups.iter().all(|group| group.own_facts && group.fit.is_some()), "{checked:?}");
        let read = scene.hub.bytes_served() - before;
        assert!(read < 8 * (header() + (128 << 10)), "{read} bytes for eight headers");

        // What is named is read itself, with all its shards.
        for name in ["bf16", "UD-Q4_K_XL"] {
            let groups = scene.groups(&format!("{REPOSITORY}:{name}"), source).await;
            assert!(matches!(&groups[..], [group] if group.own_facts && group.fit.is_some()), "{groups:?}");
        }
        let page = format!("{}/{REPOSITORY}/tree/main/BF16", scene.hub.hugging_face_endpoint());
        assert_eq!(scene.groups(&page, source).await[0].name, "BF16");
        let entries = std::fs::read_dir(scene.data.path()).expect("is read").flatten();
        let headers = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("headers"));
        assert_eq!(headers.count(), 0, "nothing of it is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_does_not_run_is_said_as_what_it_is_and_is_not_fetched() {
    let scene = Scene::new().await;
    let foreign = coder().with_text("general.architecture", "gemma3");
    let shards = coder().split(3);
    scene.push(vec![
        ("a/Gemma-Q4_K_M.gguf", foreign.write()),
        ("a/Gemma-Q8_0.gguf", foreign.write()),
        ("Coder-TQ1_0.gguf", stored_as(coder(), 34).write()),
        ("Coder-Q8_0.gguf", coder().write()),
        ("Cut-Q5_K_M-00001-of-00003.gguf", shards[0].clone()),
        ("Cut-Q5_K_M-00003-of-00003.gguf", shards[2].clone()),
        ("page-Q2_K.gguf", b"<!doctype html><title>Sign in</title>".to_vec()),
    ]);
    for source in SOURCES {
        let groups = scene.groups(OTHER, source).await;
        let problem = |name: &str| {
            let group = groups.iter().find(|group| group.name == name).unwrap_or_else(|| panic!("{name}"));
            group.problem.clone()
        };
        for name in ["Q4_K_M", "Gemma-Q8_0"] {
            let error = problem(name).expect("is not run");
            assert_eq!(error.code, ErrorCode::ModelNotRun);
            assert_eq!((&*error.detail["name"], &*error.detail["engine"]), ("Gemma 3", "llama-server"));
        }
        assert_eq!(problem("Coder-Q8_0"), None);
        let format = problem("TQ1_0").expect("is not read");
        assert_eq!((format.code, &*format.detail["format"]), (ErrorCode::ModelFormatUnsupported, "TQ1_0"));
        assert_eq!(format.detail["path"], format!("{OTHER}/Coder-TQ1_0.gguf"));
        assert_eq!(problem("Q5_K_M").expect("lacks a part").code, ErrorCode::ModelPartMissing);
        assert_eq!(problem("Q2_K").expect("is a page").code, ErrorCode::ModelFileIsPage);

        let refused = scene.app.repository_download(OTHER, Some(source), Some("Q4_K_M")).await;
        assert_eq!(refused.expect_err("is not run").code, ErrorCode::ModelNotRun);
        assert!(!scene.data.path().join("models").exists(), "nothing was downloaded");
    }
}

/// The header of another precision says what a name cannot.
#[tokio::test(flavor = "multi_thread")]
async fn a_precision_that_is_not_what_its_name_says_is_told_when_it_is_checked() {
    let scene = Scene::new().await;
    scene.push(vec![
        ("Coder-Q4_K_M.gguf", coder().write()),
        ("Coder-Q5_K_M.gguf", stored_as(coder(), 34).write()),
        ("Coder-Q6_K.gguf", coder().with_text("general.architecture", "gemma3").write()),
    ]);
    for source in SOURCES {
        let view = scene.app.repository(OTHER, Some(source)).await.expect("is known");
        assert_eq!(view.groups.iter().filter(|group| !group.own_facts).count(), 2, "{view:?}");
        let check = async |name: &str| {
            let checked = scene.app.repository_check(OTHER, source, name).await.expect("is checked");
            assert!(checked.own_facts);
            checked.problem.map(|problem| problem.code)
        };
        assert_eq!(check("Q4_K_M").await, None);
        assert_eq!(check("Q5_K_M").await, Some(ErrorCode::ModelFormatUnsupported));
        assert_eq!(check("Q6_K").await, Some(ErrorCode::ModelNotRun));
        let unknown = scene.app.repository_check(OTHER, source, "Q9").await.expect_err("is not there");
        assert_eq!(unknown.code, ErrorCode::PrecisionUnknown);
        let checked = scene.app.repository_checked(OTHER, Some(source)).await.expect("is known");
        assert_eq!(checked.groups.iter().filter(|group| group.problem.is_some()).count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projector_is_no_model_by_itself() {
    let scene = Scene::new().await;
    let projector = || coder().with_text("general.architecture", "clip").write();
    for source in SOURCES {
        let page = format!("{}/{REPOSITORY}/blob/main/mmproj-F16.gguf", scene.hub.hugging_face_endpoint());
        let refused = scene.app.repository_download(&page, Some(source), None).await.expect_err("is none");
        assert_eq!(refused.code, ErrorCode::ProjectorAlone);
        assert_eq!(refused.detail["path"], format!("{REPOSITORY}/mmproj-F16.gguf"));
    }
    scene.push(vec![("vision/model.mmproj-Q8_0.gguf", projector())]);
    let alone = scene.app.repository(OTHER, None).await.expect_err("has nothing else");
    assert_eq!(alone.code, ErrorCode::ProjectorAlone);
}

#[tokio::test(flavor = "multi_thread")]
async fn safetensors_are_judged_by_their_headers_and_their_configuration() {
    let scene = Scene::new().await;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let hub = TestHub::start(&[("whaledeck/guide", &guide)]).await.expect("the hub starts");
    let mut settings = scene.app.settings().await.expect("settings");
    settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
    settings.model_scope_endpoint = hub.model_scope_endpoint().into();
    scene.app.settings_save(settings).await.expect("are kept");
    for source in SOURCES {
        let groups = scene.groups("whaledeck/guide", source).await;
        let [group] = &groups[..] else { panic!("{groups:?}") };
        assert_eq!((&*group.name, &*group.precision), ("safetensors", "FP8"));
        assert_eq!(group.architecture.as_deref(), Some("DeepSeek-V3"));
        assert!(group.fit.is_some() && group.own_facts);
    }
    assert!(hub.bytes_served_of("model.safetensors") < 2_000_000);
    assert_eq!(hub.bytes_served_of("tokenizer.json"), 0, "only its place matters");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_asked_for_and_a_gate_is_explained() {
    let scene = Scene::new().await;
    let download = async |text: &str, group: Option<&str>| {
        scene.app.repository_download(text, Some(SourceKind::HuggingFace), group).await.expect_err("no start")
    };
    let several = download(REPOSITORY, None).await;
    assert_eq!(several.code, ErrorCode::PrecisionNeeded);
    assert!(several.detail["allowed"].contains("UD-Q4_K_XL"), "{several:?}");
    let unknown = download(&format!("{REPOSITORY}:Q9"), None).await;
    assert_eq!(unknown.code, ErrorCode::PrecisionUnknown);
    assert!(unknown.detail["example"].starts_with(&format!("{REPOSITORY}:")), "{unknown:?}");
    assert_eq!(download(OTHER, None).await.code, ErrorCode::NotAModel);
    assert_eq!(download("a/..", None).await.code, ErrorCode::RepositoryUnclear);
    assert_eq!(download("nobody/nothing", None).await.code, ErrorCode::NotOnSource);

    scene.hub.gate(REPOSITORY, "granted");
    assert_eq!(download(&format!("{REPOSITORY}:Q8_0"), None).await.code, ErrorCode::GatedModel);
    let view = scene.app.repository(REPOSITORY, None).await.expect("its files are listed");
    assert!(view.gated);
    let gated =
        |group: &FileGroupView| group.problem.as_ref().is_some_and(|e| e.code == ErrorCode::GatedModel);
    assert!(view.groups.iter().all(gated), "{view:?}");
    scene.hub.inject(Fault::login_page(FaultTarget::Listing));
    assert_eq!(download(REPOSITORY, None).await.code, ErrorCode::CaptivePortal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_names_repositories_of_either_source() {
    let scene = Scene::new().await;
    for source in SOURCES {
        let hits = scene.app.repository_search("coder gguf", Some(source)).await.expect("is searched");
        let of: Vec<_> = hits.iter().map(|hit| (&*hit.repo, hit.source, hit.gated)).collect();
        assert_eq!(of, [(REPOSITORY, source, false)]);
    }
    let refused = scene.app.repository_search("  ", None).await.expect_err("no word");
    assert_eq!(refused.code, ErrorCode::InvalidInput);
}

/// Without the worker nothing checks the tokenizer, so that the model is not listed; its files stay.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_the_worker_did_not_check_are_no_model_and_can_be_removed() {
    let mut scene = Scene::new().await;
    let text = format!("{REPOSITORY}:BF16");
    let started = scene.app.repository_download(&text, None, None).await.expect("it starts");
    assert_eq!((&*started.model_id, &*started.variant_id), (REPOSITORY, "BF16"));
    let failed = async |app: &App| {
        for _ in 0..1000 {
            let all = app.downloads().await.expect("a list");
            if let Some(view) = all.iter().find(|view| view.state == DownloadState::Failed) {
                return view.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not end")
    };
    assert_eq!(failed(&scene.app).await.error.expect("a reason").code, ErrorCode::WorkerMissing);
    assert!(scene.own_models().await.is_empty());
    let folder = scene.data.path().join("models/makers@coder-GGUF@BF16");
    assert!(folder.join("model.json").is_file(), "what was downloaded and checked stays");

    // It is offered again after a restart, and nothing is fetched twice.
    scene.app = open(scene.data.path()).await;
    let [left] = &scene.app.downloads().await.expect("a list")[..] else { panic!("it is not offered") };
    assert_eq!((&*left.id, left.state), (&*started.id, DownloadState::Paused));
    let served = scene.hub.bytes_served();
    scene.app.download_resume(&left.id).await.expect("goes on");
    failed(&scene.app).await;
    assert_eq!(scene.hub.bytes_served(), served);
    scene.app.download_remove(&started.id).await.expect("is removed");
    assert!(!folder.exists() && scene.app.downloads().await.expect("a list").is_empty());
}
