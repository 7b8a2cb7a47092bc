//! The reported progress of a download is consistent per file. Every report is checked: sums equal their
//! parts, verified bytes never exceed received ones, phases only advance.

use std::sync::{Arc, Mutex};

use hub::{CancellationToken, Hub, Phase, Progress};
use testkit::Fault;

use crate::model::{CONFIG, Scene, WEIGHTS, job, timing, total, weights_file};

async fn watched(scene: &Scene) -> Vec<Progress> {
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let keep = seen.clone();
    let watch = Arc::new(move |progress: &Progress| keep.lock().expect("no panic").push(progress.clone()));
    let hub = Hub::new(scene.models.path()).expect("a hub").with_timing(timing(0));
    // The result is not relevant here.
    drop(hub.download(job(scene.hugging_face()), watch, CancellationToken::new()).await);
    let seen = seen.lock().expect("no panic");
    for progress in seen.iter() {
        assert_eq!(progress.done_bytes, progress.files.iter().map(|file| file.done).sum::<u64>());
        let verified = progress.files.iter().filter(|file| file.verified);
        assert_eq!(progress.verified_bytes, verified.map(|file| file.size).sum::<u64>());
        assert!(progress.verified_bytes <= progress.done_bytes, "{progress:?}");
    }
    assert!(seen.is_sorted_by_key(|progress| progress.phase as u8), "phases do not go back");
    seen.clone()
}

#[tokio::test]
async fn files_are_verified_one_by_one() {
    let scene = Scene::new().await;
    let seen = watched(&scene).await;
    let last = seen.last().expect("something was told");
    let files: Vec<_> = last.files.iter().map(|file| (&*file.path, file.verified)).collect();
    assert_eq!(files, [(CONFIG, true), (WEIGHTS, true)]);
    assert_eq!((last.done_bytes, last.verified_bytes, last.total_bytes), (total(), total(), total()));
    let record = seen.iter().find(|progress| progress.files.iter().any(|file| file.done == file.size));
    assert_eq!(record.expect("a file arrived").verified_bytes, 0, "whole is not yet verified");
}

#[tokio::test]
async fn a_resume_begins_at_what_is_here() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
    watched(&scene).await;
    let seen = watched(&scene).await;
    let small = crate::model::config().len() as u64;
    let checking = seen.iter().find(|progress| progress.phase == Phase::Checking).expect("it is checked");
    assert_eq!((checking.done_bytes, checking.verified_bytes), (100_000 + small, 0));
    let transferring = seen.iter().find(|progress| progress.phase == Phase::Transferring);
    let transferring = transferring.expect("the rest is transferred");
    assert_eq!((transferring.done_bytes, transferring.verified_bytes), (100_000 + small, small));
}
