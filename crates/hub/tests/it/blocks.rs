//! Only a damaged block is downloaded again: damaged on the disk, in transit, or at a seam.
//! Blocks have 10,000 bytes here instead of the default, and the test hub counts the bytes that it sent.

use std::sync::Arc;

use hub::{CancellationToken, Hub, HubError, InstalledModel, Source};
use testkit::Fault;

use crate::model::{Scene, WEIGHTS, WEIGHTS_BYTES, job, timing, weights, weights_file};

const BLOCK: u64 = 10_000;

async fn fetch(scene: &Scene, source: Source) -> Result<InstalledModel, HubError> {
    let hub = Hub::new(scene.models.path())?.with_timing(timing(0)).with_block(BLOCK);
    hub.download(job(source), Arc::new(|_| ()), CancellationToken::new()).await
}

fn corrupt(scene: &Scene, places: &[usize]) {
    let path = scene.path(&format!("{WEIGHTS}.part"));
    let mut bytes = std::fs::read(&path).expect("there is a part");
    places.iter().for_each(|at| bytes[*at] ^= 0x40);
    std::fs::write(&path, bytes).expect("is written");
}

#[tokio::test]
async fn blocks_that_are_not_what_arrived_are_fetched_by_themselves() {
    // One block, two separate blocks, and the last complete block; as after a power cut or on a bad disk.
    for places in [&[25_000][..], &[0, 31_415], &[99_999], &[5, 15_000, 25_000]] {
        let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
        fetch(&scene, scene.hugging_face()).await.expect_err("it is cut");
        corrupt(&scene, places);
        fetch(&scene, scene.model_scope()).await.expect("it is put right");
        scene.check_whole();
        let again = scene.hub.bytes_served_of(WEIGHTS) - WEIGHTS_BYTES as u64;
        assert_eq!(again, BLOCK * places.len() as u64, "{places:?}: one block each");
        assert!(!scene.path(&format!("{WEIGHTS}.part.sums")).exists());
    }
}

#[tokio::test]
async fn a_wrong_byte_on_the_way_costs_one_more_look_and_no_download() {
    let scene = Scene::with(Fault::wrong_byte(weights_file(), 123_456)).await;
    fetch(&scene, scene.hugging_face()).await.expect("it is put right in the same call");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served_of(WEIGHTS), 2 * WEIGHTS_BYTES as u64);
}

#[tokio::test]
async fn where_two_answers_meet_is_looked_at_first() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 55_000)).await;
    fetch(&scene, scene.hugging_face()).await.expect_err("it is cut");
    // After the last complete block there is no digest.
    corrupt(&scene, &[54_321]);
    fetch(&scene, scene.hugging_face()).await.expect("it is put right");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served_of(WEIGHTS), WEIGHTS_BYTES as u64 + BLOCK);
}

#[tokio::test]
async fn what_one_source_has_wrong_is_put_right_from_the_other() {
    let scene = Scene::with(Fault::wrong_byte(weights_file(), 77_777).always()).await;
    let got = fetch(&scene, scene.hugging_face()).await;
    assert!(matches!(got, Err(HubError::HashMismatch(_))), "{got:?}");
    let part = std::fs::read(scene.path(&format!("{WEIGHTS}.part"))).expect("it is kept");
    let right = weights();
    let wrong: Vec<usize> = (0..part.len()).filter(|at| part[*at] != right[*at]).collect();
    assert_eq!(wrong, [77_777]);
    scene.hub.clear_faults();
    fetch(&scene, scene.model_scope()).await.expect("it is put right");
    scene.check_whole();
}

#[tokio::test]
async fn a_source_without_ranges_can_put_a_block_right() {
    let scene = Scene::with(Fault::wrong_byte(weights_file(), 205_000)).await;
    scene.hub.inject(Fault::ignore_range(weights_file()).always());
    fetch(&scene, scene.hugging_face()).await.expect("it is put right");
    scene.check_whole();
}
