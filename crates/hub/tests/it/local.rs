//! Downloads that find their files in the folder of another program: linked after their hash was checked,
//! with no byte sent, and what becomes of a link whose file is gone or changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hub::{CancellationToken, Hub, HubError, InstalledModel, LocalFile, Phase, Progress, RemoteFile, Source};
use testkit::Fault;

use crate::model::{
    CONFIG, Scene, WEIGHTS, WEIGHTS_BYTES, config, job, timing, total, weights, weights_file,
};

/// A scene, and a folder of another program with both files of the model.
struct Both {
    scene: Scene,
    other: tempfile::TempDir,
    seen: Mutex<Vec<Progress>>,
}

impl Both {
    async fn new() -> Self {
        let (scene, other) = (Scene::new().await, tempfile::tempdir().expect("a folder"));
        std::fs::write(other.path().join("weights"), weights()).expect("is written");
        std::fs::write(other.path().join("config"), config()).expect("is written");
        Self { scene, other, seen: Mutex::default() }
    }

    fn theirs(&self, name: &str) -> PathBuf {
        self.other.path().join(name)
    }

    /// A hub that is told of every file of the other program for every file.
    fn hub(&self) -> Hub {
        let folder = self.other.path().to_owned();
        let all = move |files: &[RemoteFile]| {
            let local = |path: PathBuf| LocalFile { path, program: "Other".into() };
            let entries = || std::fs::read_dir(&folder).expect("is read").flatten();
            files.iter().map(|_| entries().map(|entry| local(entry.path())).collect()).collect()
        };
        let hub = Hub::new(self.scene.models.path()).expect("a hub");
        hub.with_timing(timing(0)).with_local_files(Arc::new(all))
    }

    async fn fetch_by(&self, hub: Hub, source: Source) -> Result<InstalledModel, HubError> {
        let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let keep = seen.clone();
        let watch =
            Arc::new(move |progress: &Progress| keep.lock().expect("no panic").push(progress.clone()));
        let outcome = hub.download(job(source), watch, CancellationToken::new()).await;
        *self.seen.lock().expect("no panic") = seen.lock().expect("no panic").clone();
        outcome
    }

    async fn fetch(&self) -> Result<InstalledModel, HubError> {
        self.fetch_by(self.hub(), self.scene.hugging_face()).await
    }

    fn problem(&self) -> Option<(String, bool)> {
        let problem = hub::problem(self.scene.models.path(), "m")?;
        Some((problem.path, problem.changed))
    }
}

fn touch(path: &Path) {
    let later = SystemTime::now() + Duration::from_secs(60);
    let file = std::fs::File::options().write(true).open(path).expect("is there");
    file.set_modified(later).expect("is set");
}

#[tokio::test]
async fn a_model_of_another_program_is_linked_and_no_byte_is_sent() {
    for model_scope in [false, true] {
        let both = Both::new().await;
        let source = if model_scope { both.scene.model_scope() } else { both.scene.hugging_face() };
        // There is no room for a copy.
        let hub = both.hub().with_free_space(Arc::new(|_| Ok(0)));
        both.fetch_by(hub, source.clone()).await.expect("is linked");
        both.scene.check_whole();
        assert_eq!((both.scene.hub.bytes_served(), both.problem()), (0, None));
        let seen = both.seen.lock().expect("no panic").clone();
        let last = seen.last().expect("something was told");
        for file in &last.files {
            assert_eq!((file.found_in.as_deref(), file.linked, file.verified), (Some("Other"), true, true));
        }
        assert_eq!((last.done_bytes, last.verified_bytes, last.hashed_bytes), (total(), total(), total()));
        assert!(seen.is_sorted_by_key(|progress| progress.phase as u8), "phases do not go back");
        assert!(seen.iter().all(|progress| progress.phase != Phase::Transferring), "nothing is transferred");
        let contents = hub::contents(both.scene.models.path(), "m").expect("is there");
        assert_eq!(contents.linked, [("Other".to_owned(), total())].into());
        assert!(contents.bytes < 2000, "only the manifest is ours: {}", contents.bytes);

        // Again: nothing is left to do, and the links are still known.
        both.fetch_by(both.hub(), source).await.expect("is there");
        assert_eq!(both.scene.hub.bytes_served(), 0);
        let contents = hub::contents(both.scene.models.path(), "m").expect("is there");
        assert_eq!(contents.linked, [("Other".to_owned(), total())].into());

        hub::remove(both.scene.models.path(), "m").expect("is removed");
        both.scene.check_nothing_installed();
        assert!(std::fs::read(both.theirs("weights")).expect("stays") == weights());
        assert_eq!(std::fs::read(both.theirs("config")).expect("stays"), config());
    }
}

#[tokio::test]
async fn only_the_hash_decides() {
    let both = Both::new().await;
    let mut other = weights();
    other[1000] ^= 1;
    std::fs::write(both.theirs("weights"), &other).expect("is written");
    std::fs::write(both.theirs("short"), &weights()[1..]).expect("is written");
    std::fs::create_dir(both.theirs("folder")).expect("is made");
    both.fetch().await.expect("is downloaded");
    both.scene.check_whole();
    assert_eq!(both.scene.hub.bytes_served(), WEIGHTS_BYTES as u64, "the small file is linked");
    assert!(std::fs::read(both.theirs("weights")).expect("stays") == other);
    let seen = both.seen.lock().expect("no panic").clone();
    let checking = seen.iter().filter(|progress| progress.phase == Phase::Checking);
    assert!(
        checking.map(|progress| progress.hashed_bytes).max() >= Some(WEIGHTS_BYTES as u64),
        "it was hashed"
    );
}

#[tokio::test]
async fn a_part_that_was_received_gives_way_to_the_whole_file() {
    let both = Both::new().await;
    both.scene.hub.inject(Fault::cut_after(weights_file(), 100_000));
    let hub = Hub::new(both.scene.models.path()).expect("a hub").with_timing(timing(0));
    both.fetch_by(hub, both.scene.hugging_face()).await.expect_err("is cut");
    assert_eq!(both.scene.part_len(), 100_000);
    let served = both.scene.hub.bytes_served();
    both.fetch().await.expect("is linked");
    both.scene.check_whole();
    assert_eq!(both.scene.hub.bytes_served(), served);
    let folder = both.scene.path(WEIGHTS);
    let names = std::fs::read_dir(folder.parent().expect("a folder")).expect("is read").count();
    assert_eq!(names, 1, "no part is left");
}

#[tokio::test]
async fn a_download_that_is_interrupted_knows_its_links() {
    let both = Both::new().await;
    std::fs::remove_file(both.theirs("weights")).expect("is removed");
    both.scene.hub.inject(Fault::cut_after(weights_file(), 100_000));
    both.fetch().await.expect_err("is cut");
    // The program that has the small file is not asked any more.
    let hub = Hub::new(both.scene.models.path()).expect("a hub").with_timing(timing(0));
    both.fetch_by(hub, both.scene.hugging_face()).await.expect("goes on");
    both.scene.check_whole();
    assert_eq!(both.scene.hub.bytes_served_of(CONFIG), 0);
    let contents = hub::contents(both.scene.models.path(), "m").expect("is there");
    assert_eq!(contents.linked, [("Other".to_owned(), config().len() as u64)].into());
}

/// What a symbolic link leads to may vanish; a hard link keeps the content.
#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_nowhere_is_no_model_and_only_its_file_is_fetched() {
    let both = Both::new().await;
    both.fetch().await.expect("is linked");
    let ours = both.scene.path(WEIGHTS);
    std::fs::remove_file(&ours).expect("is removed");
    std::os::unix::fs::symlink(both.theirs("weights"), &ours).expect("is linked");
    assert_eq!(both.problem(), None, "a symbolic link is as good");
    let contents = hub::contents(both.scene.models.path(), "m").expect("is there");
    assert_eq!(contents.linked, [("Other".to_owned(), total())].into());

    std::fs::remove_file(both.theirs("weights")).expect("the other program deletes it");
    assert_eq!(both.problem(), Some((WEIGHTS.to_owned(), false)));
    both.scene.check_nothing_installed();
    let problem = hub::contents(both.scene.models.path(), "m").expect("is there").problem.expect("is told");
    let linked = problem.linked.expect("was linked");
    let real = both.other.path().canonicalize().expect("is there").join("weights");
    assert_eq!((linked.program.as_str(), Path::new(&linked.path)), ("Other", &*real));

    both.fetch().await.expect("is fetched");
    both.scene.check_whole();
    assert_eq!(both.scene.hub.bytes_served(), WEIGHTS_BYTES as u64);
    assert!(!ours.is_symlink() && both.problem().is_none());
}

#[tokio::test]
async fn a_linked_file_that_was_changed_is_no_model_until_it_is_verified_again() {
    let both = Both::new().await;
    both.fetch().await.expect("is linked");
    touch(&both.theirs("weights"));
    assert_eq!(both.problem(), Some((WEIGHTS.to_owned(), true)));
    both.scene.check_nothing_installed();
    both.fetch().await.expect("has the same content");
    assert_eq!((both.problem(), both.scene.hub.bytes_served()), (None, 0));

    // Other content of the same size: ours is fetched, and theirs is left as it is.
    std::fs::write(both.theirs("weights"), vec![1; WEIGHTS_BYTES]).expect("the other program writes");
    touch(&both.theirs("weights"));
    assert_eq!(both.problem(), Some((WEIGHTS.to_owned(), true)));
    both.fetch().await.expect("is fetched");
    both.scene.check_whole();
    assert_eq!(both.scene.hub.bytes_served(), WEIGHTS_BYTES as u64);
    assert!(std::fs::read(both.theirs("weights")).expect("stays") == vec![1; WEIGHTS_BYTES]);
}

#[tokio::test]
async fn what_is_in_the_models_folder_itself_is_not_linked() {
    let both = Both::new().await;
    let inside = both.scene.models.path().join("elsewhere");
    std::fs::create_dir(&inside).expect("is made");
    std::fs::write(inside.join("weights"), weights()).expect("is written");
    let own = move |files: &[RemoteFile]| {
        files
            .iter()
            .map(|_| vec![LocalFile { path: inside.join("weights"), program: "Own".into() }])
            .collect()
    };
    let hub = Hub::new(both.scene.models.path()).expect("a hub").with_timing(timing(0));
    let hub = hub.with_local_files(Arc::new(own));
    both.fetch_by(hub, both.scene.hugging_face()).await.expect("is downloaded");
    assert_eq!(both.scene.hub.bytes_served(), total());
}
