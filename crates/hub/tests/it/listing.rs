//! Listings: long ones, several variants in one folder, and the real Guide.
//! ModelScope truncates a recursive listing without saying so; the test hub does the same.

use std::path::Path;

use hub::{HubError, Job, Source};
use testkit::TestHub;

use crate::model::{CONFIG, REPOSITORY, Scene, WEIGHTS, config, fetch, job, timing, total};

/// A repository with folders of this many small files.
async fn many(folders: &[(&str, usize)]) -> TestHub {
    let nothing = tempfile::tempdir().expect("a folder");
    let hub = TestHub::start(&[(REPOSITORY, nothing.path())]).await.expect("the hub starts");
    let files = |(folder, files): &(&str, usize)| {
        let folder = (*folder).to_owned();
        (0..*files).map(move |number| (format!("{folder}/{number:04}.txt"), folder.clone().into_bytes()))
    };
    hub.push_all(REPOSITORY, folders.iter().flat_map(files));
    hub
}

async fn fetch_few(hub: &TestHub, glob: &str) -> Result<u64, HubError> {
    let models = tempfile::tempdir().expect("a folder");
    let source = Source::model_scope(hub.model_scope_endpoint());
    let few = Job { globs: vec![glob.into()], ..job(source) };
    fetch(models.path(), few, timing(0)).await.map(|installed| installed.bytes)
}

#[tokio::test]
async fn model_scope_is_walked_past_its_silent_cut() {
    // A recursive listing would be truncated at the thousandth file of the second folder.
    let hub = many(&[("first", 1999), ("second", 1999)]).await;
    assert_eq!(fetch_few(&hub, "second/199?.txt").await.expect("they are found"), 9 * 6);
}

#[tokio::test]
async fn a_folder_that_model_scope_cuts_is_refused() {
    let hub = many(&[("first", 3001)]).await;
    let got = fetch_few(&hub, "first/300?.txt").await;
    assert!(matches!(got, Err(HubError::SourceRefused { .. })), "{got:?}");
}

#[tokio::test]
async fn another_choice_of_files_deletes_none_of_the_first() {
    let scene = Scene::new().await;
    let variant = |glob: &str| Job { globs: vec![glob.into()], ..job(scene.hugging_face()) };
    let installed = || hub::installed(scene.models.path()).expect("a list").first().map(|model| model.bytes);
    fetch(scene.models.path(), variant("*.safetensors"), timing(0)).await.expect("the large one");
    fetch(scene.models.path(), variant("*.json"), timing(0)).await.expect("the small one");
    assert_eq!(installed(), Some(config().len() as u64));
    assert!(scene.path(WEIGHTS).exists(), "hours of downloading are not thrown away unasked");
    let served = scene.hub.bytes_served();
    fetch(scene.models.path(), variant("*"), timing(0)).await.expect("both");
    assert_eq!((installed(), scene.hub.bytes_served()), (Some(total()), served));

    // Files of the same selection that are no longer in the repository are removed when the new version is
    // complete.
    scene.hub.push(REPOSITORY, CONFIG, b"{\"changed\": true}");
    scene.hub.rename(REPOSITORY, CONFIG, "other.json");
    fetch(scene.models.path(), variant("*"), timing(0)).await.expect("the new one");
    assert!(!scene.path(CONFIG).exists() && scene.path("other.json").exists());
}

#[tokio::test]
async fn the_guide_arrives_byte_for_byte_from_both_sources() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let hub = TestHub::start(&[("whaledeck/guide", &guide)]).await.expect("the hub starts");
    let sources =
        [Source::hugging_face(hub.hugging_face_endpoint()), Source::model_scope(hub.model_scope_endpoint())];
    for source in sources {
        let models = tempfile::tempdir().expect("a folder");
        let job = Job { repo: "whaledeck/guide".into(), ..job(source) };
        let installed = fetch(models.path(), job, timing(0)).await.expect("it arrives");
        let mut bytes = 0;
        for entry in std::fs::read_dir(&guide).expect("the Guide") {
            let path = entry.expect("an entry").path();
            let expected = std::fs::read(&path).expect("read");
            let name = path.file_name().expect("a name");
            assert!(std::fs::read(installed.dir.join(name)).expect("it is there") == expected, "{name:?}");
            bytes += expected.len() as u64;
        }
        assert_eq!(installed.bytes, bytes);
    }
}
