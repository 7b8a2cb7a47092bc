//! The next process resumes the part of a killed process byte for byte.
//! The killed process is this test program itself, started as a child that only downloads.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::Fault;

use crate::model::{Scene, WEIGHTS, WEIGHTS_BYTES, fetch, job, timing, total, weights_file};

const AT: u64 = 200_000;

/// Not a test: the process that the test below starts and kills.
#[tokio::test]
#[ignore = "run by kill_9_in_the_middle_is_resumed_byte_for_byte"]
async fn child() {
    let from = |name: &str| std::env::var(name).expect("the parent says it");
    let (models, endpoint) = (from("WHALEDECK_TEST_MODELS"), from("WHALEDECK_TEST_ENDPOINT"));
    let job = job(hub::Source::hugging_face(endpoint));
    let outcome = fetch(models.as_ref(), job, timing(0)).await;
    panic!("it should have been killed: {outcome:?}");
}

#[tokio::test]
async fn kill_9_in_the_middle_is_resumed_byte_for_byte() {
    let scene = Scene::with(Fault::stall_after(weights_file(), AT as usize)).await;
    let mut child = Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", "killed::child", "--ignored", "--nocapture"])
        .env("WHALEDECK_TEST_MODELS", scene.models.path())
        .env("WHALEDECK_TEST_ENDPOINT", scene.hub.hugging_face_endpoint())
        .stdout(Stdio::null())
        .spawn()
        .expect("the child starts");
    let part = scene.path(&format!("{WEIGHTS}.part"));
    let begun = Instant::now();
    while std::fs::metadata(&part).map_or(0, |meta| meta.len()) < AT {
        assert!(begun.elapsed() < Duration::from_secs(30), "the child does not download");
        assert_eq!(child.try_wait().expect("asked"), None, "the child ended by itself");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The lock works between processes and is released when its owner ends.
    let meanwhile = scene.fetch(scene.hugging_face(), 0).await;
    assert!(matches!(meanwhile, Err(hub::HubError::Busy(_))), "{meanwhile:?}");
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    scene.check_nothing_installed();
    assert_eq!(scene.part_len(), AT);

    scene.fetch(scene.hugging_face(), 0).await.expect("the next process goes on");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served_of(WEIGHTS), WEIGHTS_BYTES as u64, "only what was missing was fetched");
    assert_eq!(scene.hub.bytes_served(), total());
    let ranges: Vec<_> = scene.hub.requests().into_iter().filter_map(|request| request.range).collect();
    assert!(ranges.iter().all(|range| *range == format!("bytes={AT}-")) && !ranges.is_empty(), "{ranges:?}");
}
