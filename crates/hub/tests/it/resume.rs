//! Bytes on the disk are not downloaded again, from either source.
//! The test hub counts the bytes that it sent, so a second transfer of the same bytes fails a test.

use std::sync::Arc;
use std::time::Duration;

use hub::{CancellationToken, Hub, HubError, Progress, Timing};
use testkit::{Fault, FaultTarget};

use crate::model::{CONFIG, Scene, WEIGHTS, WEIGHTS_BYTES, fetch, job, timing, total, weights_file};

#[tokio::test]
async fn a_whole_model_is_fetched_once_and_removed() {
    let scene = Scene::new().await;
    for source in [scene.hugging_face(), scene.model_scope()] {
        let before = scene.hub.bytes_served();
        scene.fetch(source.clone(), 0).await.expect("it is downloaded");
        scene.check_whole();
        scene.fetch(source, 0).await.expect("nothing is left to do");
        assert_eq!(scene.hub.bytes_served() - before, total(), "nothing is fetched twice");
        hub::remove(scene.models.path(), "m").expect("it is removed");
        scene.check_nothing_installed();
    }
}

#[tokio::test]
async fn a_cut_is_resumed_within_a_call_and_across_calls() {
    for retries in [5, 0] {
        let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
        for source in [scene.hugging_face(), scene.model_scope()] {
            let mut got = scene.fetch(source.clone(), retries).await;
            if retries == 0 && source.kind == hub::SourceKind::HuggingFace {
                assert!(matches!(got, Err(HubError::NoNetwork { .. })), "{got:?}");
                scene.check_nothing_installed();
                got = scene.fetch(source, retries).await;
            }
            got.expect("it goes on");
            scene.check_whole();
        }
        assert_eq!(scene.hub.bytes_served(), total());
    }
}

#[tokio::test]
async fn small_files_are_resumed_by_their_git_hash() {
    let scene = Scene::with(Fault::cut_after(FaultTarget::File(CONFIG.into()), 10)).await;
    scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
    scene.fetch(scene.hugging_face(), 0).await.expect("it goes on");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served(), total());
}

#[tokio::test]
async fn a_source_without_ranges_starts_over() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
    scene.hub.inject(Fault::ignore_range(FaultTarget::AnyFile).always());
    scene.fetch(scene.hugging_face(), 5).await.expect("it starts over");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served_of(WEIGHTS), 100_000 + WEIGHTS_BYTES as u64);
}

#[tokio::test]
async fn an_expired_link_is_asked_for_again() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
    scene.hub.inject(Fault::expired_link(weights_file()).times(2));
    for source in [scene.hugging_face(), scene.model_scope()] {
        scene.fetch(source, 5).await.expect("a new link is asked for");
        scene.check_whole();
    }
    assert_eq!(scene.hub.bytes_served(), total());
}

#[tokio::test]
async fn silence_is_a_stall_and_a_cancel_keeps_the_part() {
    let scene = Scene::with(Fault::stall_after(weights_file(), 100_000)).await;
    let short = Timing { stall: Duration::from_millis(300), ..timing(0) };
    let got = fetch(scene.models.path(), job(scene.hugging_face()), short).await;
    assert!(matches!(got, Err(HubError::DownloadStalled(_))), "{got:?}");
    assert_eq!(scene.part_len(), 100_000);

    scene.hub.inject(Fault::stall_after(weights_file(), 50_000));
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    let watch = Arc::new(move |progress: &Progress| {
        let weights = progress.files.iter().find(|file| file.path == WEIGHTS);
        if weights.is_some_and(|file| file.done == 150_000) {
            trigger.cancel();
        }
    });
    let hub = Hub::new(scene.models.path()).expect("a hub");
    let got = hub.download(job(scene.hugging_face()), watch, cancel).await;
    assert!(matches!(got, Err(HubError::Cancelled)), "{got:?}");
    assert_eq!(scene.part_len(), 150_000);

    scene.fetch(scene.hugging_face(), 0).await.expect("it goes on");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served(), total());
}

#[tokio::test]
async fn two_transfers_of_one_model_do_not_meet() {
    let scene = Scene::with(Fault::stall_after(weights_file(), 100_000)).await;
    let cancel = CancellationToken::new();
    let hub = Hub::new(scene.models.path()).expect("a hub");
    let (first, job_of_first, stop) = (hub.clone(), job(scene.hugging_face()), cancel.clone());
    let running = tokio::spawn(async move { first.download(job_of_first, Arc::new(|_| ()), stop).await });
    while scene.hub.bytes_served() < 100_000 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let got = scene.fetch(scene.model_scope(), 0).await;
    assert!(matches!(&got, Err(HubError::Busy(id)) if id == "m"), "{got:?}");
    let got = hub::remove(scene.models.path(), "m");
    assert!(matches!(got, Err(HubError::Busy(_))), "{got:?}");
    cancel.cancel();
    let got = running.await.expect("it ends");
    assert!(matches!(got, Err(HubError::Cancelled)), "{got:?}");
    scene.fetch(scene.hugging_face(), 0).await.expect("it is free again");
    scene.check_whole();
}
