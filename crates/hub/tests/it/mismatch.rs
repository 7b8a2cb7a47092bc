//! Content that does not match the announced digest never gets its final name.
//! It covers files, parts of an older version, wrong sizes in listings, and a disk without space.

use std::sync::Arc;

use hub::{CancellationToken, Hub, HubError};
use testkit::{Fault, FaultTarget, TestHub};

use crate::model::{CONFIG, Scene, WEIGHTS, job, total, weights_file};

async fn refused(file: &str) {
    let place = || FaultTarget::File(file.to_owned());
    let scene = Scene::with(Fault::wrong_byte(place(), 5).always()).await;
    let got = scene.fetch(scene.hugging_face(), 5).await;
    assert!(matches!(&got, Err(HubError::HashMismatch(path)) if path == file), "{got:?}");
    assert!(!scene.path(file).exists(), "what is wrong has no name");
    scene.check_nothing_installed();
    scene.hub.clear_faults();
    scene.fetch(scene.hugging_face(), 0).await.expect("the next try is right");
    scene.check_whole();
}

#[tokio::test]
async fn wrong_bytes_are_never_visible() {
    refused(WEIGHTS).await;
    refused(CONFIG).await;
}

#[tokio::test]
async fn a_part_of_another_version_starts_over_once() {
    let scene = Scene::new().await;
    std::fs::create_dir_all(scene.path("sub")).expect("a folder");
    std::fs::write(scene.path(&format!("{WEIGHTS}.part")), [9; 1000]).expect("written");
    scene.fetch(scene.hugging_face(), 0).await.expect("it is noticed and fetched again");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served(), 2 * total() - 1000 - crate::model::config().len() as u64);
}

#[tokio::test]
async fn a_changed_file_in_place_is_fetched_again() {
    let scene = Scene::new().await;
    scene.fetch(scene.hugging_face(), 0).await.expect("it is downloaded");
    let mut changed = crate::model::weights();
    changed[0] ^= 1;
    std::fs::write(scene.path(WEIGHTS), changed).expect("written");
    scene.fetch(scene.hugging_face(), 0).await.expect("it is repaired");
    scene.check_whole();
}

#[tokio::test]
async fn a_part_longer_than_the_file_is_not_continued() {
    let scene = Scene::new().await;
    std::fs::create_dir_all(scene.path("sub")).expect("a folder");
    std::fs::write(scene.path(&format!("{WEIGHTS}.part")), vec![0; 400_000]).expect("written");
    scene.fetch(scene.hugging_face(), 0).await.expect("it is downloaded");
    scene.check_whole();
}

#[tokio::test]
async fn a_full_disk_is_told_before_anything_is_fetched() {
    let scene = Scene::new().await;
    let hub = Hub::new(scene.models.path()).expect("a hub").with_free_space(Arc::new(|_| Ok(10)));
    let got = hub.download(job(scene.hugging_face()), Arc::new(|_| ()), CancellationToken::new()).await;
    assert!(matches!(got, Err(HubError::DiskFull { needed, free: 10 }) if needed == total()), "{got:?}");
    assert_eq!(scene.hub.bytes_served(), 0);

    // Existing files need no space.
    scene.hub.inject(Fault::cut_after(weights_file(), 100_000));
    scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
    let hub = hub.with_free_space(Arc::new(move |_| Ok(total() - 100_000)));
    let got = hub.download(job(scene.hugging_face()), Arc::new(|_| ()), CancellationToken::new()).await;
    got.expect("it fits exactly");
}

#[tokio::test]
async fn reserved_names_and_empty_selections_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["model.json", "download.json"] {
        std::fs::write(folder.path().join(name), "{}").expect("written");
        let hub = TestHub::start(&[(crate::model::REPOSITORY, folder.path())]).await.expect("it starts");
        let models = tempfile::tempdir().expect("a folder");
        let job = job(hub::Source::hugging_face(hub.hugging_face_endpoint()));
        let got = crate::model::fetch(models.path(), job, crate::model::timing(0)).await;
        assert!(matches!(got, Err(HubError::SourceRefused { .. })), "{got:?}");
        std::fs::remove_file(folder.path().join(name)).expect("removed");
    }
    let scene = Scene::new().await;
    let job = hub::Job { globs: vec!["*.gguf".into()], ..job(scene.hugging_face()) };
    let got = crate::model::fetch(scene.models.path(), job, crate::model::timing(0)).await;
    assert!(matches!(got, Err(HubError::NotOnSource(_))), "{got:?}");
}

#[tokio::test]
async fn absurd_sizes_are_refused() {
    let scene = Scene::with(Fault::listed_size(FaultTarget::AnyFile, u64::MAX).always()).await;
    for source in [scene.hugging_face(), scene.model_scope()] {
        let got = scene.fetch(source, 0).await;
        assert!(matches!(got, Err(HubError::SourceRefused { .. })), "{got:?}");
    }
    assert_eq!(scene.hub.bytes_served(), 0);
}
