//! A download of files that the cache of Hugging Face has already, through the real programs: linked, asked,
//! deleted without the cache, and what is said when the cache is emptied or changed. No byte of a file is
//! sent.
use std::path::{Path, PathBuf};

use contract::{DownloadView, ErrorCode, ModelState, ModelView};
use testkit::TestHub;

use crate::host::{ONE_WORKER, answers, open, root};
use crate::programs::{LANGS, ProgramOutput, cli, run};

const REPOSITORY: &str = "makers/coder-GGUF";
const FILE: &str = "Q8_0/Coder-Q8_0.gguf";
const SAFETENSORS: &str = "makers/guide";

struct Scene {
    data: tempfile::TempDir,
    hub: TestHub,
}

impl Scene {
    /// Two repositories on the hub, and nothing in the cache.
    async fn new() -> Self {
        let (data, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::create_dir(files.path().join("Q8_0")).expect("is made");
        std::fs::copy(root().join("tests/fixtures/worker/coder.gguf"), files.path().join(FILE))
            .expect("is copied");
        let guide = root().join("assets/guide-model");
        let hub = TestHub::start(&[(REPOSITORY, files.path()), (SAFETENSORS, &guide)]).await.expect("starts");
        let (app, _host) = open(data.path()).await;
        let mut settings = app.settings().await.expect("settings");
        settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
        settings.model_scope_endpoint = hub.model_scope_endpoint().into();
        app.settings_save(settings).await.expect("are saved");
        Self { data, hub }
    }

    /// A file in the cache as `huggingface_hub` stores it: a blob with the name of the ETag, and a link to
    /// it.
    fn cache(&self, repository: &str, path: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.data.path().join("home/.cache/huggingface/hub");
        let folder = folder.join(format!("models--{}", repository.replace('/', "--")));
        let name = self.hub.etag(repository, path);
        let (blob, link) = (folder.join("blobs").join(name), folder.join("snapshots/c1").join(path));
        for file in [&blob, &link] {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("is made");
        }
        std::fs::write(&blob, bytes).expect("is written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&blob, link).expect("is linked");
        blob
    }

    fn run(&self, lang: &str, args: &[&str]) -> ProgramOutput {
        let mut command = cli(self.data.path(), lang);
        command.args(args).env("HOME", self.data.path().join("home")).env("NO_PROXY", "*");
        for variable in ["HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
        run(&mut command)
    }

    fn ok(&self, args: &[&str]) -> ProgramOutput {
        let output = self.run(LANGS[0], args);
        assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
        output
    }

    fn model(&self) -> ModelView {
        let models: Vec<ModelView> =
            serde_json::from_str(&self.ok(&["models", "--json"]).out).expect("a list");
        models.into_iter().find(|model| model.repository.is_some()).expect("is in the list")
    }
}

fn coder() -> Vec<u8> {
    std::fs::read(root().join("tests/fixtures/worker/coder.gguf")).expect("the fixture is there")
}

fn last_view(output: &ProgramOutput) -> DownloadView {
    let last = output.out.lines().rfind(|line| line.contains("seconds_left")).expect("downloads are told");
    serde_json::from_str(last).expect("as JSON lines")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pull_of_a_cached_file_moves_no_byte() {
    let _alone = ONE_WORKER.lock().await;
    for (lang, said) in [
        (LANGS[0], "already on this computer (Hugging Face): linked, 0 bytes fetched"),
        (LANGS[1], "这台电脑上已有（Hugging Face）：已链接，下载 0 字节"),
    ] {
        let scene = Scene::new().await;
        let blob = scene.cache(REPOSITORY, FILE, &coder());
        let pulled = scene.run(lang, &["pull", REPOSITORY]);
        assert_eq!((pulled.code, scene.hub.bytes_served()), (Some(0), 0), "{pulled:?}");
        assert!(pulled.err.contains(said), "{pulled:?}");
        let model = scene.model();
        assert_eq!(model.linked.len(), 1);
        assert_eq!((&*model.linked[0].program, model.linked[0].size), ("Hugging Face", coder().len() as f64));
        assert!(model.disk_used < 10_000.0, "only the manifest is ours: {}", model.disk_used);
        answers(scene.data.path(), &model.id).await;

        let removed = scene.ok(&["remove", &model.id]);
        assert!(removed.out.contains("the files of Hugging Face stay"), "{removed:?}");
        assert_eq!(std::fs::read(&blob).expect("stays"), coder());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_folder_of_safetensors_is_linked_by_both_kinds_of_hash() {
    let scene = Scene::new().await;
    for entry in std::fs::read_dir(root().join("assets/guide-model")).expect("is read").flatten() {
        let bytes = std::fs::read(entry.path()).expect("is read");
        scene.cache(SAFETENSORS, &entry.file_name().to_string_lossy(), &bytes);
    }
    let pulled = scene.ok(&["pull", SAFETENSORS, "--json"]);
    let view = last_view(&pulled);
    assert_eq!(scene.hub.bytes_served(), 0, "{view:?}");
    assert!(view.files.len() > 2 && view.files.iter().all(|file| file.linked && file.verified), "{view:?}");
    let answer = scene.ok(&["ask", "Hello", "--model", &scene.model().id, "--temperature", "0"]);
    assert!(answer.out.trim().len() > 10, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_another_hash_is_fetched_whatever_its_name_says() {
    let scene = Scene::new().await;
    let mut other = coder();
    let last = other.len() - 1;
    other[last] ^= 1;
    // A blob that is damaged has the name of what it was.
    let blob = scene.cache(REPOSITORY, FILE, &coder());
    std::fs::write(&blob, &other).expect("is damaged");
    let view = last_view(&scene.ok(&["pull", REPOSITORY, "--json"]));
    assert!(
        view.files.iter().all(|file| !file.linked && file.found_in.is_none() && file.verified),
        "{view:?}"
    );
    assert_eq!(scene.hub.bytes_served_of(FILE), coder().len() as u64);
    assert_eq!(std::fs::read(&blob).expect("stays"), other);
}

/// A link instead of a second name of the file, as on two disks.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_cache_is_said_and_only_what_is_missing_is_fetched() {
    let _alone = ONE_WORKER.lock().await;
    let scene = Scene::new().await;
    let blob = scene.cache(REPOSITORY, FILE, &coder());
    scene.ok(&["pull", REPOSITORY]);
    let model = scene.model();
    let ours = scene.data.path().join("models/makers@coder-GGUF@Q8_0").join(FILE);
    std::fs::remove_file(&ours).expect("is removed");
    std::os::unix::fs::symlink(&blob, &ours).expect("is linked");
    assert_eq!(scene.model().state, ModelState::Ready);

    std::fs::remove_file(&blob).expect("the cache is emptied");
    let broken = scene.model();
    let problem = broken.problem.expect("is told");
    assert_eq!((broken.state, problem.code), (ModelState::Failed, ErrorCode::LinkedFileMissing));
    assert_eq!(
        (&problem.detail["program"][..], Path::new(&problem.detail["path"])),
        ("Hugging Face", &*ours)
    );
    for lang in LANGS {
        let asked = scene.run(lang, &["ask", "Hello", "--model", &model.id]);
        asked.refused(
            lang,
            "linked_file_missing",
            "A linked file of this model is missing",
            "这个模型链接的一个文件不见了",
        );
        assert!(asked.err.contains(&blob.display().to_string()), "{asked:?}");
    }
    scene.ok(&["pull", REPOSITORY]);
    assert_eq!(scene.model().state, ModelState::Ready);
    assert!(!ours.is_symlink());
    answers(scene.data.path(), &model.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_cache_is_said_and_verified_again() {
    let scene = Scene::new().await;
    let blob = scene.cache(REPOSITORY, FILE, &coder());
    scene.ok(&["pull", REPOSITORY]);
    let opened = std::fs::File::options().write(true).open(&blob).expect("is there");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    opened.set_modified(later).expect("is set");
    let problem = scene.model().problem.expect("is told");
    assert_eq!(problem.code, ErrorCode::LinkedFileChanged);
    let listed = scene.run(LANGS[1], &["models"]);
    assert!(listed.out.contains("这个模型链接的一个文件已经改变"), "{listed:?}");
    scene.ok(&["pull", REPOSITORY]);
    assert_eq!((scene.model().problem, scene.hub.bytes_served()), (None, 0));
}
