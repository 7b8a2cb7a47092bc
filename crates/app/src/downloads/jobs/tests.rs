//! Events of an old run of a download never change a newer run.
//! The transfers are scripted.
use std::sync::{Arc, Mutex};

use contract::{AppEvent, DownloadState, DownloadView, ErrorCode, SourceKind};
use hub::{HubError, Phase, Progress};

use super::{Downloads, Run};
use crate::downloads::list::UnfinishedDownload;

const ID: &str = "deepseek-r1-distill-qwen-1.5b/bf16";

#[derive(Default)]
struct TestHost(Mutex<Vec<DownloadView>>);

impl crate::Host for TestHost {
    fn emit(&self, event: AppEvent) {
        if let AppEvent::DownloadChanged { download } = event {
            self.0.lock().expect("no panic").push(download);
        }
    }
}

struct Scene {
    downloads: Downloads,
    host: Arc<TestHost>,
    _data: tempfile::TempDir,
}

fn scene() -> Scene {
    let (data, host) = (tempfile::tempdir().expect("a folder"), Arc::new(TestHost::default()));
    Scene { downloads: Downloads::open(data.path(), host.clone()).0, host, _data: data }
}

impl Scene {
    /// A run whose task does nothing but wait for the one before.
    fn start(&self) -> Run {
        let wanted = UnfinishedDownload {
            model_id: "deepseek-r1-distill-qwen-1.5b".into(),
            variant_id: "bf16".into(),
            source: SourceKind::HuggingFace,
            repository: None,
        };
        let mut given = None;
        self.downloads.start(&wanted, |run| {
            given = Some(run);
            tokio::spawn(async {})
        });
        given.expect("a run is given")
    }

    fn state(&self) -> DownloadState {
        self.downloads.get(ID).expect("it is listed").state
    }
}

fn progress(phase: Phase, done_bytes: u64) -> Progress {
    Progress {
        id: "m".into(),
        phase,
        files: Vec::new(),
        done_bytes,
        verified_bytes: 0,
        hashed_bytes: 0,
        total_bytes: 100,
        waiting_until: None,
    }
}

#[tokio::test]
async fn the_end_of_an_old_run_changes_nothing() {
    let scene = scene();
    let old = scene.start();
    assert!(scene.downloads.pause(ID) && old.cancel.is_cancelled());
    let new = scene.start();
    assert!(old.number != new.number && !new.cancel.is_cancelled());
    assert!(new.previous.is_some(), "it can wait for the old one");
    scene.downloads.progress(ID, new.number, &progress(Phase::Transferring, 10));
    let sent = scene.host.0.lock().expect("no panic").len();

    scene.downloads.progress(ID, old.number, &progress(Phase::Ended, 7));
    scene.downloads.end(ID, old.number, Err(HubError::Cancelled.into()), SourceKind::ModelScope);
    assert_eq!(scene.state(), DownloadState::Transferring);
    scene.downloads.end(ID, old.number, Ok(()), SourceKind::ModelScope);
    assert_eq!(scene.state(), DownloadState::Transferring);
    assert_eq!(scene.downloads.get(ID).expect("it is listed").done, 10.0);
    assert_eq!(scene.host.0.lock().expect("no panic").len(), sent, "the host gets no event");

    scene.downloads.end(ID, new.number, Err(HubError::Cancelled.into()), SourceKind::ModelScope);
    assert_eq!(scene.state(), DownloadState::Paused);
}

#[tokio::test]
async fn a_removed_download_is_not_brought_back_by_its_run() {
    let scene = scene();
    let run = scene.start();
    scene.downloads.remove(ID).await.expect("it was listed");
    assert!(run.cancel.is_cancelled());
    let full = Err(HubError::DiskFull { needed: 1, free: 0 }.into());
    scene.downloads.end(ID, run.number, full, SourceKind::ModelScope);
    assert_eq!(scene.downloads.all(), []);
}

#[tokio::test]
async fn a_new_run_gets_a_number_of_its_own_after_a_removal_too() {
    let scene = scene();
    let old = scene.start();
    scene.downloads.remove(ID).await.expect("it was listed");
    let new = scene.start();
    scene.downloads.end(ID, old.number, Err(HubError::Cancelled.into()), SourceKind::ModelScope);
    assert_eq!(scene.state(), DownloadState::Listing);
    let error = || Err(HubError::Busy("m".into()).into());
    scene.downloads.end(ID, new.number, error(), SourceKind::ModelScope);
    let view = scene.downloads.get(ID).expect("it is listed");
    assert_eq!(view.error.map(|error| error.code), Some(ErrorCode::DownloadRunning));
    assert_eq!(view.alternative, None, "another source would meet the same folder");
}
