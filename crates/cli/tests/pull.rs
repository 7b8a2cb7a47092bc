//! The real `whaledeck-cli pull` against the test hub: killed during a transfer, resumed, rejected by the
//! source.
mod hub;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use contract::{DownloadState, DownloadView};
use hub::{MODEL, WEIGHTS};
use testkit::{Fault, FaultTarget, TestHub};

const FOLDER: &str = "deepseek-r1-distill-qwen-1.5b@bf16";
const WEIGHTS_BYTES: usize = 400_000;

struct Fixture {
    hub: TestHub,
    data: tempfile::TempDir,
}

impl Fixture {
    /// A hub, and a data folder whose settings use it.
    async fn new() -> Self {
        let (hub, data) = hub::serve(&vec![7; WEIGHTS_BYTES]).await;
        Self { hub, data }
    }

    fn pull(&self, source: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_whaledeck-cli"))
            .args(["pull", MODEL, "--variant", "bf16", "--source", source, "--json"])
            .env("WHALEDECK_DATA", self.data.path())
            .env("HOME", self.data.path())
            .env_remove("HF_TOKEN")
            .env_remove("MODELSCOPE_API_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    async fn run_pull(&self, source: &str) -> Output {
        let child = self.pull(source);
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
        ended.expect("it is waited for").expect("it ends")
    }

    fn weights(&self) -> std::path::PathBuf {
        self.data.path().join("models").join(FOLDER).join(WEIGHTS)
    }
}

fn len_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

fn last_view(output: &Output) -> DownloadView {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rfind(|line| line.contains("variant_id"));
    serde_json::from_str(last.expect("downloads are told")).expect("as JSON lines")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pull_goes_on_where_it_was() {
    let fixture = Fixture::new().await;
    fixture.hub.inject(Fault::stall_after(FaultTarget::File(WEIGHTS.into()), 250_000));
    let mut child = fixture.pull("hugging-face");
    let (part, start) = (fixture.weights().with_extension("safetensors.part"), Instant::now());
    while len_of(&part) < 250_000 {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not download");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    assert!(!fixture.weights().exists(), "half a file has no name");

    let output = fixture.run_pull("hugging-face").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read(fixture.weights()).expect("it is there") == vec![7; WEIGHTS_BYTES]);
    assert_eq!(
        fixture.hub.bytes_served_of(WEIGHTS),
        WEIGHTS_BYTES as u64,
        "only what was missing was fetched"
    );
    let ready = last_view(&output);
    assert_eq!((ready.state, ready.verified), (DownloadState::Ready, (WEIGHTS_BYTES + 2) as f64));
    assert!(ready.files.iter().all(|file| file.verified), "{:?}", ready.files);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_other_source_and_never_takes_it() {
    let fixture = Fixture::new().await;
    fixture.hub.inject(Fault::status(FaultTarget::Listing, 404).error_code("RepoNotFound").always());
    let output = fixture.run_pull("hugging-face").await;
    assert!(!output.status.success());
    let failed = last_view(&output);
    assert_eq!(failed.state, DownloadState::Failed);
    assert_eq!(failed.alternative, Some(contract::SourceKind::ModelScope));
    assert_eq!(fixture.hub.bytes_served(), 0);

    fixture.hub.clear_faults();
    let output = fixture.run_pull("model-scope").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
