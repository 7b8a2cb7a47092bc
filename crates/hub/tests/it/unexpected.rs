//! Responses that are not the announced file: none of their bytes is kept, and earlier bytes are not
//! discarded.

use std::time::{Duration, Instant};

use hub::{HubError, Timing};
use testkit::{Fault, FaultTarget};

use crate::model::{
    REPOSITORY, Scene, WEIGHTS, WEIGHTS_BYTES, fetch, job, timing, total, weights, weights_file,
};

const AT: usize = 100_000;

/// The effect of a fault on a file with `AT` bytes on the disk, without and with a retry.
async fn check(fault: Fault, expected: fn(&HubError) -> bool) {
    for begun in [0, AT] {
        let scene = Scene::new().await;
        if begun > 0 {
            scene.hub.inject(Fault::cut_after(weights_file(), begun));
            scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
        }
        scene.hub.inject(fault.clone().always());
        for source in [scene.hugging_face(), scene.model_scope()] {
            let got = scene.fetch(source, 2).await.expect_err("it is not the file");
            assert!(expected(&got), "{fault:?} at {begun}: {got:?}");
            scene.check_nothing_installed();
            let part = std::fs::read(scene.path(&format!("{WEIGHTS}.part"))).expect("there is a part");
            assert!(part == weights()[..begun], "{fault:?} at {begun}: {} bytes", part.len());
        }
        scene.hub.clear_faults();
        scene.hub.inject(fault.clone());
        scene.fetch(scene.hugging_face(), 2).await.expect("the next answer is the file");
        scene.check_whole();
        assert_eq!(
            scene.hub.bytes_served_of(WEIGHTS),
            WEIGHTS_BYTES as u64,
            "{fault:?}: nothing is fetched twice"
        );
    }
}

#[tokio::test]
async fn pages_are_never_a_part_of_a_file() {
    check(Fault::login_page(weights_file()), |e| matches!(e, HubError::WebPage { .. })).await;
    check(
        Fault::captive_portal(weights_file()),
        |e| matches!(e, HubError::WebPage { host } if host.starts_with("localhost")),
    )
    .await;
}

#[tokio::test]
async fn a_listing_that_is_a_page_is_said_to_be_one() {
    for fault in [Fault::login_page(FaultTarget::Listing), Fault::captive_portal(FaultTarget::Listing)] {
        let scene = Scene::with(fault.always()).await;
        for source in [scene.hugging_face(), scene.model_scope()] {
            let got = scene.fetch(source, 0).await;
            assert!(matches!(got, Err(HubError::WebPage { .. })), "{got:?}");
        }
    }
}

#[tokio::test]
async fn a_link_that_is_refused_for_ever_is_no_lack_of_network() {
    check(Fault::expired_link(weights_file()), |e| matches!(e, HubError::LinkRefused { status: 403, .. }))
        .await;
}

#[tokio::test]
async fn a_range_that_does_not_exist_there_costs_nothing() {
    check(Fault::status(weights_file(), 416), |e| matches!(e, HubError::SizeMismatch { .. })).await;
}

#[tokio::test]
async fn trouble_of_the_source_is_its_own() {
    check(Fault::status(weights_file(), 502), |e| matches!(e, HubError::SourceFailed { status: 502, .. }))
        .await;
}

#[tokio::test]
async fn compressed_answers_are_not_taken_for_the_file() {
    for begun in [0, AT] {
        let scene = Scene::new().await;
        if begun > 0 {
            scene.hub.inject(Fault::cut_after(weights_file(), begun));
            scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
        }
        scene.hub.inject(Fault::content_encoding(weights_file()).always());
        let got = scene.fetch(scene.hugging_face(), 2).await;
        assert!(matches!(got, Err(HubError::UnexpectedContent { .. })), "{got:?}");
        assert_eq!(scene.part_len(), begun as u64);
        scene.hub.clear_faults();
        scene.fetch(scene.hugging_face(), 0).await.expect("it goes on");
        scene.check_whole();
    }
}

#[tokio::test]
async fn another_range_than_the_one_asked_for_is_not_kept() {
    let scene = Scene::with(Fault::cut_after(weights_file(), AT)).await;
    scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
    scene.hub.inject(Fault::wrong_range(weights_file(), 17).always());
    let got = scene.fetch(scene.hugging_face(), 2).await;
    assert!(matches!(got, Err(HubError::UnexpectedContent { .. })), "{got:?}");
    assert_eq!(scene.part_len(), AT as u64);
    scene.hub.clear_faults();
    scene.fetch(scene.hugging_face(), 0).await.expect("it goes on");
    scene.check_whole();
}

#[tokio::test]
async fn a_tag_that_changes_between_two_answers_is_asked_about_again() {
    // The first response has another ETag than the later ones.
    let scene = Scene::with(Fault::cut_after(weights_file(), AT)).await;
    scene.hub.inject(Fault::wrong_etag(weights_file()));
    scene.fetch(scene.model_scope(), 5).await.expect("it goes on");
    scene.check_whole();
    let asked =
        scene.hub.requests().into_iter().filter(|request| request.at_storage && request.file == WEIGHTS);
    assert_eq!(asked.count(), 3, "the second answer is not kept, and the third says the same as the second");
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_is_taken_when_its_hash_is_right() {
    let scene = Scene::with(Fault::no_content_length(FaultTarget::AnyFile).always()).await;
    scene.fetch(scene.hugging_face(), 0).await.expect("it is taken");
    scene.check_whole();
}

#[tokio::test]
async fn a_byte_now_and_then_is_a_stall() {
    let scene = Scene::with(Fault::trickle(weights_file(), Duration::from_millis(50)).always()).await;
    let timing = Timing { stall: Duration::from_millis(300), min_throughput: 1000, ..timing(1) };
    let begun = Instant::now();
    let got = fetch(scene.models.path(), job(scene.hugging_face()), timing).await;
    assert!(matches!(got, Err(HubError::DownloadStalled(_))), "{got:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it ends");
    let kept = scene.part_len();
    assert!(kept > 0, "what came is kept");
    scene.hub.clear_faults();
    scene.fetch(scene.hugging_face(), 0).await.expect("it goes on");
    scene.check_whole();
}

#[tokio::test]
async fn a_file_that_has_another_name_now_is_not_fetched_again() {
    for begun in [AT, WEIGHTS_BYTES] {
        let scene = Scene::new().await;
        match begun {
            AT => {
                scene.hub.inject(Fault::cut_after(weights_file(), begun));
                scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
            }
            _ => drop(scene.fetch(scene.hugging_face(), 0).await.expect("it is whole")),
        }
        scene.hub.rename(REPOSITORY, WEIGHTS, "moved/weights.safetensors");
        // The commit of an unfinished download no longer exists: one error, then the newest commit is used.
        if begun == AT {
            let got = scene.fetch(scene.hugging_face(), 0).await;
            assert!(matches!(got, Err(HubError::NotOnSource(_))), "{got:?}");
        }
        scene.fetch(scene.hugging_face(), 0).await.expect("the newest is taken");
        assert!(std::fs::read(scene.path("moved/weights.safetensors")).expect("it is there") == weights());
        assert!(!scene.path(WEIGHTS).exists() && !scene.path(&format!("{WEIGHTS}.part")).exists());
        assert_eq!(scene.hub.bytes_served(), total(), "not one byte twice");
    }
}
