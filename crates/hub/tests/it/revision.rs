//! All files of a download are of one commit, and a resume keeps it.
//! The repository gets new commits between the start and the resume; the manifest names the commit.

use hub::{HubError, Manifest};
use testkit::Fault;

use crate::model::{CONFIG, REPOSITORY, Scene, WEIGHTS, config, weights_file};

fn manifest(scene: &Scene) -> Manifest {
    let text = std::fs::read(scene.path("model.json")).expect("there is a manifest");
    serde_json::from_slice(&text).expect("it is one")
}

#[tokio::test]
async fn a_resume_keeps_the_commit_of_the_first_start() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
    for source in [scene.hugging_face(), scene.model_scope()] {
        let first = scene.hub.commit(REPOSITORY);
        scene.hub.inject(Fault::cut_after(weights_file(), 100_000));
        scene.fetch(source.clone(), 0).await.expect_err("it is cut");
        scene.hub.clear_faults();
        scene.hub.push(REPOSITORY, CONFIG, b"{\"changed\": true}");
        let mut newer = crate::model::weights();
        newer.reverse();
        scene.hub.push(REPOSITORY, WEIGHTS, &newer);

        scene.fetch(source.clone(), 0).await.expect("it goes on");
        assert_eq!(manifest(&scene).revision.as_deref(), Some(&*first));
        assert!(!scene.path("download.json").exists());
        for request in scene.hub.requests() {
            assert_eq!(request.revision, first, "{request:?}");
        }
        // The next download uses the newest commit.
        scene.fetch(source, 0).await.expect("it is brought up to date");
        assert_eq!(manifest(&scene).revision, Some(scene.hub.commit(REPOSITORY)));
        assert_eq!(std::fs::read(scene.path(CONFIG)).expect("it is there"), b"{\"changed\": true}");
        hub::remove(scene.models.path(), "m").expect("removed");
        scene.hub.push(REPOSITORY, CONFIG, &config());
        scene.hub.push(REPOSITORY, WEIGHTS, &crate::model::weights());
        scene.hub.forget_requests();
    }
}

#[tokio::test]
async fn a_commit_that_is_gone_is_said_once() {
    let scene = Scene::with(Fault::cut_after(weights_file(), 100_000)).await;
    scene.fetch(scene.hugging_face(), 0).await.expect_err("it is cut");
    let first = scene.hub.commit(REPOSITORY);
    scene.hub.push(REPOSITORY, CONFIG, &config());
    scene.hub.forget_history(REPOSITORY);
    let got = scene.fetch(scene.hugging_face(), 0).await;
    assert!(matches!(&got, Err(HubError::NotOnSource(what)) if what.contains(&first)), "{got:?}");
    scene.fetch(scene.hugging_face(), 0).await.expect("the newest is taken");
    scene.check_whole();
    assert_eq!(scene.hub.bytes_served_of(WEIGHTS), crate::model::WEIGHTS_BYTES as u64, "the part still fits");
}

#[tokio::test]
async fn a_commit_without_its_files_is_left_behind() {
    let scene = Scene::with(Fault::status(weights_file(), 404).error_code("EntryNotFound")).await;
    let got = scene.fetch(scene.hugging_face(), 0).await;
    assert!(matches!(got, Err(HubError::NotOnSource(_))), "{got:?}");
    scene.hub.push(REPOSITORY, CONFIG, b"{\"changed\": true}");
    scene.fetch(scene.hugging_face(), 0).await.expect("the newest is taken");
    assert_eq!(manifest(&scene).revision, Some(scene.hub.commit(REPOSITORY)));
}
