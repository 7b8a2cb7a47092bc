//! Downloads through `App`, from the test hub, with every event that a host gets.
//! The transfer itself is tested in `hub`; here it is states, events, pauses and restarts.
mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::App;
use contract::{AppEvent, DownloadState, DownloadView, ErrorCode, ModelState, SourceKind};
use testkit::{Fault, FaultTarget, TestHub};

/// A model of the catalogue; the test hub serves a small folder under its name.
const MODEL: &str = "deepseek-r1-distill-qwen-1.5b";
const VARIANT: &str = "bf16";
const FOLDER: &str = "deepseek-r1-distill-qwen-1.5b@bf16";
const ID: &str = "deepseek-r1-distill-qwen-1.5b/bf16";
const REPOSITORY: &str = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B";
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_BYTES: usize = 400_000;
const CONFIG: &[u8] = b"{}";
const TOTAL: f64 = (WEIGHTS_BYTES + CONFIG.len()) as f64;

#[derive(Default)]
struct TestHost(Mutex<Vec<AppEvent>>);

impl app::Host for TestHost {
    fn emit(&self, event: AppEvent) {
        self.0.lock().expect("no test panics while holding it").push(event);
    }
}

struct Scene {
    hub: TestHub,
    data: tempfile::TempDir,
    app: App,
    host: Arc<TestHost>,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(WEIGHTS), vec![7; WEIGHTS_BYTES]).expect("written");
        std::fs::write(folder.path().join("config.json"), CONFIG).expect("written");
        std::fs::write(folder.path().join("README.md"), "not wanted").expect("written");
        let hub = TestHub::start(&[(REPOSITORY, folder.path())]).await.expect("the hub starts");
        let data = tempfile::tempdir().expect("a folder");
        let (app, host) = open(data.path()).await;
        let mut settings = app.settings().await.expect("there are settings");
        settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
        settings.model_scope_endpoint = hub.model_scope_endpoint().into();
        app.settings_save(settings).await.expect("they are kept");
        Self { hub, data, app, host }
    }

    /// Closes and opens the app.
    async fn restart(&mut self) {
        (self.app, self.host) = open(self.data.path()).await;
    }

    async fn start(&self) {
        let view = self.app.download_start(MODEL, VARIANT, SourceKind::HuggingFace).await.expect("it starts");
        assert_eq!((&*view.id, view.state), (ID, DownloadState::Listing));
    }

    /// The views of downloads that the host got, in order.
    fn events(&self) -> Vec<DownloadView> {
        let of_download = |event: &AppEvent| match event {
            AppEvent::DownloadChanged { download } => Some(download.clone()),
            _ => None,
        };
        self.host.0.lock().expect("no panic").iter().filter_map(of_download).collect()
    }

    /// Waits for an event with this property, after the first `after` events.
    async fn until(&self, after: usize, wanted: impl Fn(&DownloadView) -> bool) -> DownloadView {
        for _ in 0..1000 {
            if let Some(view) = self.events().into_iter().skip(after).find(|view| wanted(view)) {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it did not come: {:#?}", self.events().last());
    }

    async fn until_state(&self, after: usize, state: DownloadState) -> DownloadView {
        self.until(after, |view| view.state == state).await
    }

    /// Waits until so many bytes of the weights are on the disk.
    async fn until_on_disk(&self, bytes: u64) {
        let part = self.file(&format!("{WEIGHTS}.part"));
        for _ in 0..1000 {
            if std::fs::metadata(&part).is_ok_and(|meta| meta.len() == bytes) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{bytes} bytes never lay there");
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.data.path().join("models").join(FOLDER).join(name)
    }

    async fn model_state(&self) -> ModelState {
        let models = self.app.models().await.expect("there are models");
        models.into_iter().find(|model| model.id == MODEL).expect("it is in the catalogue").state
    }

    fn stall_at(&self, bytes: usize) {
        self.hub.inject(Fault::stall_after(FaultTarget::File(WEIGHTS.into()), bytes));
    }
}

async fn open(data: &Path) -> (App, Arc<TestHost>) {
    let host = Arc::new(TestHost::default());
    (App::open(common::paths(data), host.clone()).await.expect("the app opens"), host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_told_file_by_file_and_becomes_a_model() {
    let scene = Scene::new().await;
    assert_eq!(scene.model_state().await, ModelState::NotDownloaded);
    scene.start().await;
    let ready = scene.until_state(0, DownloadState::Ready).await;
    let files: Vec<_> =
        ready.files.iter().map(|file| (&*file.path, file.done == file.size, file.verified)).collect();
    assert_eq!(files, [("config.json", true, true), (WEIGHTS, true, true)]);
    assert_eq!((ready.done, ready.verified, ready.total), (TOTAL, TOTAL, TOTAL));
    for view in scene.events() {
        let sum = |of: fn(&contract::DownloadFileView) -> f64| view.files.iter().map(of).sum::<f64>();
        if !view.files.is_empty() {
            assert_eq!(view.done, sum(|file| file.done), "{view:?}");
            assert_eq!(view.verified, sum(|file| if file.verified { file.size } else { 0.0 }), "{view:?}");
        }
    }
    assert_eq!(scene.model_state().await, ModelState::Ready);
    assert_eq!(scene.app.downloads().await.expect("a list"), []);
    scene.app.model_remove(MODEL, None).await.expect("it is removed");
    assert_eq!(scene.model_state().await, ModelState::NotDownloaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_download_goes_on_from_the_same_bytes() {
    let scene = Scene::new().await;
    scene.stall_at(100_000);
    scene.start().await;
    scene.until_on_disk(100_000).await;
    scene.app.download_pause(ID).await.expect("it is paused");
    let paused = scene.until_state(0, DownloadState::Paused).await;
    assert_eq!((paused.done, paused.speed), ((100_000 + CONFIG.len()) as f64, 0.0));
    assert_eq!(paused.verified, CONFIG.len() as f64, "half a file is not verified");
    assert_eq!(scene.model_state().await, ModelState::Paused);
    scene.app.download_resume(ID).await.expect("it is resumed");
    scene.until_state(0, DownloadState::Ready).await;
    assert_eq!(scene.hub.bytes_served() as f64, TOTAL, "only what was missing was fetched");
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_at_once_after_pausing_is_not_undone_by_the_old_run() {
    let scene = Scene::new().await;
    for at in [100_000, 50_000, 50_000, 50_000] {
        scene.stall_at(at);
    }
    scene.start().await;
    for round in 1..=3 {
        scene.until_on_disk(50_000 * (round + 1)).await;
        scene.app.download_pause(ID).await.expect("it is paused");
        scene.app.download_resume(ID).await.expect("it is resumed");
        assert_eq!(scene.app.downloads().await.expect("a list").len(), 1);
    }
    scene.until_on_disk(250_000).await;
    scene.hub.clear_faults();
    scene.app.download_pause(ID).await.expect("it is paused");
    scene.app.download_resume(ID).await.expect("it is resumed");
    scene.until_state(0, DownloadState::Ready).await;
    let states: Vec<_> = scene.events().into_iter().map(|view| view.state).collect();
    let starts = states.iter().filter(|state| **state == DownloadState::Listing).count();
    assert_eq!(starts, 5, "{states:?}");
    // An old run may still report that it paused, but never after the new one started.
    let late = |pair: &[DownloadState]| pair[0] == DownloadState::Paused && pair[1] != DownloadState::Listing;
    assert!(!states.windows(2).any(late), "{states:?}");
    assert!(!states.contains(&DownloadState::Failed), "{states:?}");
    assert_eq!(scene.hub.bytes_served() as f64, TOTAL, "nothing was fetched twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_running_download_leaves_nothing() {
    let scene = Scene::new().await;
    scene.stall_at(100_000);
    scene.start().await;
    scene.until_on_disk(100_000).await;
    scene.app.download_remove(ID).await.expect("it is removed");
    assert!(!scene.file("").exists(), "its bytes are gone");
    assert_eq!(scene.app.downloads().await.expect("a list"), []);
    assert_eq!(scene.app.download_pause(ID).await.expect_err("it is unknown").code, ErrorCode::InvalidInput);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!scene.file("").exists(), "and nothing comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_download_is_offered_after_a_restart() {
    let mut scene = Scene::new().await;
    scene.stall_at(100_000);
    scene.start().await;
    scene.until_on_disk(100_000).await;
    // As when the process is killed: the transfer ends without an event.
    scene.app.download_pause(ID).await.expect("it ends");
    scene.until_state(0, DownloadState::Paused).await;
    scene.restart().await;
    let offered = scene.app.downloads().await.expect("a list");
    let offered: Vec<_> = offered.iter().map(|view| (&*view.id, view.state, view.source)).collect();
    assert_eq!(offered, [(ID, DownloadState::Paused, SourceKind::HuggingFace)]);
    scene.app.download_resume(ID).await.expect("it is resumed");
    scene.until_state(0, DownloadState::Ready).await;
    assert_eq!(scene.hub.bytes_served() as f64, TOTAL);
    scene.restart().await;
    assert_eq!(scene.app.downloads().await.expect("a list"), [], "a finished one is not offered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_offers_the_other_one() {
    let scene = Scene::new().await;
    scene.hub.inject(Fault::status(FaultTarget::Listing, 404).error_code("RepoNotFound"));
    scene.start().await;
    let failed = scene.until_state(0, DownloadState::Failed).await;
    assert_eq!(failed.error.expect("an error").code, ErrorCode::NotOnSource);
    assert_eq!(failed.alternative, Some(SourceKind::ModelScope));
    assert_eq!(scene.model_state().await, ModelState::Failed);
    let after = scene.events().len();
    scene.app.download_start(MODEL, VARIANT, SourceKind::ModelScope).await.expect("the user takes it");
    let ready = scene.until_state(after, DownloadState::Ready).await;
    assert_eq!((ready.source, ready.error), (SourceKind::ModelScope, None));
    assert_eq!(scene.app.downloads().await.expect("a list"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_reach_the_person_with_their_values() {
    let scene = Scene::new().await;
    let endpoint = scene.hub.hugging_face_endpoint().trim_start_matches("http://").to_owned();
    let listing = |status| Fault::status(FaultTarget::Listing, status);
    let repository = format!("/api/models/{REPOSITORY}/revision/main");
    let cases = [
        (listing(401), ErrorCode::TokenNeeded, "host", &*endpoint),
        (listing(403).error_code("GatedRepo"), ErrorCode::GatedModel, "repo", &*repository),
        (listing(400), ErrorCode::SourceRefused, "status", "400"),
        (listing(429).retry_after(7200), ErrorCode::SourceRateLimited, "seconds", "7200"),
    ];
    for (fault, code, name, value) in cases {
        scene.hub.inject(fault);
        let after = scene.events().len();
        scene.start().await;
        let error = scene.until_state(after, DownloadState::Failed).await.error.expect("an error");
        assert_eq!((error.code, error.detail.get(name).map(String::as_str)), (code, Some(value)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_is_shown_while_it_lasts() {
    let scene = Scene::new().await;
    scene.hub.inject(Fault::status(FaultTarget::Listing, 429).retry_after(2));
    scene.start().await;
    let waiting = scene.until(0, |view| view.waiting_seconds.is_some()).await;
    assert!(waiting.waiting_seconds.is_some_and(|seconds| seconds > 1.0 && seconds <= 2.0), "{waiting:?}");
    let ready = scene.until_state(0, DownloadState::Ready).await;
    assert_eq!(ready.waiting_seconds, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_hash_is_never_installed() {
    let scene = Scene::new().await;
    scene.hub.inject(Fault::wrong_byte(FaultTarget::File(WEIGHTS.into()), 123_456).always());
    scene.start().await;
    let failed = scene.until_state(0, DownloadState::Failed).await;
    let error = failed.error.expect("an error");
    assert_eq!((error.code, &*error.detail["path"]), (ErrorCode::HashMismatch, WEIGHTS));
    assert!(failed.files.iter().all(|file| file.path != WEIGHTS || !file.verified));
    assert!(!scene.file(WEIGHTS).exists() && !scene.file("model.json").exists());
    assert_eq!(scene.model_state().await, ModelState::Failed);
    let after = scene.events().len();
    scene.hub.clear_faults();
    scene.app.download_resume(ID).await.expect("it is tried again");
    scene.until_state(after, DownloadState::Ready).await;
    assert!(std::fs::read(scene.file(WEIGHTS)).expect("it is there") == vec![7; WEIGHTS_BYTES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_too_small_is_told_before_the_first_byte() {
    let scene = Scene::new().await;
    // A quarter of an exabyte, against the real disk.
    let huge = u64::MAX / 64;
    scene.hub.inject(Fault::listed_size(FaultTarget::File(WEIGHTS.into()), huge));
    scene.start().await;
    let error = scene.until_state(0, DownloadState::Failed).await.error.expect("an error");
    assert_eq!(error.code, ErrorCode::DiskFull);
    assert_eq!(error.detail["needed"], (huge + CONFIG.len() as u64).to_string());
    assert!(error.detail["free"].parse::<u64>().expect("bytes") > 0, "{error:?}");
    assert_eq!(scene.hub.bytes_served(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_app_does_not_write_into_the_same_folder() {
    let scene = Scene::new().await;
    scene.stall_at(100_000);
    scene.start().await;
    scene.until_on_disk(100_000).await;
    let other_data = tempfile::tempdir().expect("a folder");
    let (other, host) = open(other_data.path()).await;
    let settings = scene.app.settings().await.expect("there are settings");
    other.settings_save(settings).await.expect("they are kept");
    other.download_start(MODEL, VARIANT, SourceKind::HuggingFace).await.expect("it starts");
    let other = Scene { hub: scene.hub, data: other_data, app: other, host };
    let failed = other.until_state(0, DownloadState::Failed).await;
    assert_eq!(failed.error.expect("an error").code, ErrorCode::DownloadRunning);
    scene.app.download_remove(ID).await.expect("the first was not disturbed");
}
