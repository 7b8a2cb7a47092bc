//! A small synthetic model on the test hub, and a folder to download it to.
//! It has one large file, which redirects to the storage, and one small file, which does not.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hub::{CancellationToken, Hub, HubError, InstalledModel, Job, Source, Timing};
use testkit::{Fault, FaultTarget, TestHub};

pub const REPOSITORY: &str = "whales/small";
/// Large files redirect to the storage, small ones do not.
pub const WEIGHTS: &str = "sub/model.safetensors";
pub const CONFIG: &str = "config.json";
pub const WEIGHTS_BYTES: usize = 300_000;

pub struct Scene {
    pub hub: TestHub,
    pub models: tempfile::TempDir,
}

pub fn weights() -> Vec<u8> {
    (0..WEIGHTS_BYTES as u32).map(|i| (i * 7 % 251) as u8).collect()
}

pub fn config() -> Vec<u8> {
    br#"{"model_type": "deepseek_v3"}"#.to_vec()
}

pub fn total() -> u64 {
    (weights().len() + config().len()) as u64
}

pub fn weights_file() -> FaultTarget {
    FaultTarget::File(WEIGHTS.into())
}

impl Scene {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("sub")).expect("a folder");
        std::fs::write(folder.path().join(WEIGHTS), weights()).expect("written");
        std::fs::write(folder.path().join(CONFIG), config()).expect("written");
        let hub = TestHub::start(&[(REPOSITORY, folder.path())]).await.expect("the hub starts");
        Self { hub, models: tempfile::tempdir().expect("a folder") }
    }

    pub async fn with(fault: Fault) -> Self {
        let scene = Self::new().await;
        scene.hub.inject(fault);
        scene
    }

    pub fn hugging_face(&self) -> Source {
        Source::hugging_face(self.hub.hugging_face_endpoint())
    }

    pub fn model_scope(&self) -> Source {
        Source::model_scope(self.hub.model_scope_endpoint())
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.models.path().join("m").join(file)
    }

    pub async fn fetch(&self, source: Source, retries: u32) -> Result<InstalledModel, HubError> {
        fetch(self.models.path(), job(source), timing(retries)).await
    }

    /// All files are complete and correct, and the model counts as installed.
    pub fn check_whole(&self) {
        assert!(std::fs::read(self.path(WEIGHTS)).expect("it is there") == weights(), "the weights differ");
        assert_eq!(std::fs::read(self.path(CONFIG)).expect("it is there"), config());
        let installed = hub::installed(self.models.path()).expect("a list");
        assert_eq!(installed.iter().map(|model| model.bytes).collect::<Vec<_>>(), [total()]);
    }

    pub fn check_nothing_installed(&self) {
        assert_eq!(hub::installed(self.models.path()).expect("a list"), []);
    }

    pub fn part_len(&self) -> u64 {
        std::fs::metadata(self.path(&format!("{WEIGHTS}.part"))).expect("a part").len()
    }
}

pub fn job(source: Source) -> Job {
    Job { id: "m".into(), source, repo: REPOSITORY.into(), globs: Vec::new() }
}

pub fn timing(retries: u32) -> Timing {
    let millis = Duration::from_millis;
    let (stall, rate_limit_budget) = (Duration::from_secs(5), Duration::from_secs(3));
    Timing { stall, min_throughput: 1, back_off: millis(1), retries, rate_limit_budget }
}

pub async fn fetch(models: &Path, job: Job, timing: Timing) -> Result<InstalledModel, HubError> {
    let hub = Hub::new(models)?.with_timing(timing);
    hub.download(job, Arc::new(|_| ()), CancellationToken::new()).await
}
