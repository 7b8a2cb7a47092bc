//! Searches, the information of a repository, and parts of files, from both sources; and what comes instead
//! of them: login pages, other content, endless answers, refusals.

use std::time::Duration;

use hub::{FileGroups, Hub, HubError, SearchHit, Source, Timing};
use testkit::{Fault, FaultTarget, TestHub};

use crate::model::{REPOSITORY, Scene, WEIGHTS, WEIGHTS_BYTES, timing, weights};

const OTHER: &str = "others/chat-GGUF";

async fn scene() -> (Scene, Hub) {
    let mut scene = Scene::new().await;
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::write(one.path().join("config.json"), "{}").expect("written");
    std::fs::create_dir(other.path().join("Q4_K_M")).expect("a folder");
    for file in ["chat-Q8_0.gguf", "Q4_K_M/chat-00001-of-00002.gguf", "Q4_K_M/chat-00002-of-00002.gguf"] {
        std::fs::write(other.path().join(file), weights()).expect("written");
    }
    scene.hub = TestHub::start(&[(REPOSITORY, one.path()), (OTHER, other.path())]).await.expect("starts");
    scene.hub.push(REPOSITORY, WEIGHTS, &weights());
    let hub = Hub::new(scene.models.path()).expect("a hub").with_timing(timing(0));
    (scene, hub)
}

fn sources(scene: &Scene) -> [Source; 2] {
    [scene.hugging_face(), scene.model_scope()]
}

#[tokio::test]
async fn both_sources_are_searched() {
    let (scene, hub) = scene().await;
    for source in sources(&scene) {
        let found = async |text: &str, limit| {
            let hits = hub.search(&source, text, limit).await.expect("is searched");
            hits.into_iter().map(|hit: SearchHit| (hit.repo, hit.licence, hit.gated)).collect::<Vec<_>>()
        };
        let hit = |repo: &str| (repo.to_owned(), Some("mit".to_owned()), false);
        assert_eq!(found("CHAT gguf", 10).await, [hit(OTHER)]);
        assert_eq!(found("s/", 10).await, [hit(OTHER), hit(REPOSITORY)]);
        assert_eq!(found("s/", 1).await, [hit(OTHER)]);
        assert_eq!(found("nothing & such=1", 10).await, []);
    }
}

#[tokio::test]
async fn a_repository_says_its_terms_and_its_groups() {
    let (scene, hub) = scene().await;
    scene.hub.gate(OTHER, "granted");
    for source in sources(&scene) {
        let repository = hub.repository(&source, OTHER).await.expect("is known");
        assert_eq!((repository.terms.licence.as_deref(), repository.terms.gated), (Some("mit"), true));
        let groups = FileGroups::of(&repository.listing.files).groups;
        let of: Vec<_> = groups.iter().map(|group| (&*group.name, group.size, group.files.len())).collect();
        let bytes = WEIGHTS_BYTES as u64;
        assert_eq!(of, [("Q8_0", bytes, 1), ("Q4_K_M", 2 * bytes, 2)]);
        let missing = hub.repository(&source, "nobody/nothing").await;
        assert!(matches!(missing, Err(HubError::NotOnSource(_))), "{missing:?}");
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_read_and_nothing_more() {
    let (scene, hub) = scene().await;
    for source in sources(&scene) {
        let listing = hub.repository(&source, REPOSITORY).await.expect("is known").listing;
        let file = listing.files.iter().find(|file| file.path == WEIGHTS).expect("is there");
        let before = scene.hub.bytes_served_of(WEIGHTS);
        let part = async |from, to| {
            hub.bytes_of(&source, REPOSITORY, &listing.revision, file, (from, to)).await.expect("is read")
        };
        assert!(part(10, 5000).await == weights()[10..5000]);
        assert!(part(299_990, 400_000).await == weights()[299_990..], "the end of the file is the end");
        assert_eq!(scene.hub.bytes_served_of(WEIGHTS) - before, 5000);
        // A source that ignores the range sends more, of which the right part is taken.
        scene.hub.inject(Fault::ignore_range(FaultTarget::File(WEIGHTS.into())));
        assert!(part(10, 50).await == weights()[10..50]);
        // A link that has expired, and a cut, are tried again.
        scene.hub.inject(Fault::expired_link(FaultTarget::File(WEIGHTS.into())));
        assert!(part(10, 50).await == weights()[10..50]);
    }
}

#[tokio::test]
async fn a_gated_file_needs_the_token() {
    let (scene, hub) = scene().await;
    scene.hub.gate(OTHER, "granted");
    for (token, opens) in [(None, false), (Some("wrong"), false), (Some("granted"), true)] {
        let source = Source { token: token.map(str::to_owned), ..scene.hugging_face() };
        let listing = hub.repository(&source, OTHER).await.expect("its files are listed").listing;
        let got = hub.bytes_of(&source, OTHER, &listing.revision, &listing.files[0], (0, 8)).await;
        assert_eq!(got.is_ok(), opens, "{token:?}: {got:?}");
        assert!(opens || matches!(got, Err(HubError::GatedModel(_))), "{got:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_refused_by_its_reason() {
    let (scene, hub) = scene().await;
    for source in sources(&scene) {
        let listing = || FaultTarget::Listing;
        let check = async |fault: Fault, refused: fn(&HubError) -> bool| {
            scene.hub.inject(fault.clone());
            let error = hub.search(&source, "chat", 5).await.expect_err("no result");
            assert!(refused(&error), "{error:?}");
            scene.hub.inject(fault);
            let error = hub.repository(&source, OTHER).await.expect_err("no repository");
            assert!(refused(&error), "{error:?}");
        };
        check(Fault::login_page(listing()), |error| matches!(error, HubError::WebPage { .. })).await;
        check(Fault::captive_portal(listing()), |error| matches!(error, HubError::WebPage { .. })).await;
        let limited = Fault::status(listing(), 429).retry_after(30);
        check(limited, |error| matches!(error, HubError::SourceRateLimited { wait: Some(_), .. })).await;
        check(Fault::status(listing(), 503), |error| matches!(error, HubError::SourceFailed { .. })).await;
        let unauthorized = Fault::status(listing(), 401);
        check(unauthorized, |error| matches!(error, HubError::TokenNeeded { .. })).await;
    }
}

/// Answers every request with this head and so many times this body; for no times it stays silent.
async fn server(head: &'static str, body: &'static str, times: usize) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            // The request of such a test is one packet.
            let _ = client.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n\r\n");
            let _ = client.write_all(head.as_bytes()).await;
            for _ in 0..times {
                if client.write_all(body.as_bytes()).await.is_err() {
                    break;
                }
            }
            if times == 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn an_answer_without_an_end_or_without_a_beginning_is_given_up() {
    let models = tempfile::tempdir().expect("a folder");
    let timing = Timing { stall: Duration::from_secs(2), ..timing(0) };
    let hub = Hub::new(models.path()).expect("a hub").with_timing(timing);
    let asked = async |endpoint: String| {
        let found = hub.search(&Source::hugging_face(endpoint), "chat", 5).await;
        found.expect_err("no result")
    };
    let json = "Content-Type: application/json";
    let error = asked(server(json, "not JSON", 1).await).await;
    assert!(matches!(error, HubError::SourceRefused { status: 0, .. }), "{error:?}");
    let error = asked(server(json, "{\"models\": \"other\"}", 1).await).await;
    assert!(matches!(error, HubError::SourceRefused { status: 0, .. }), "{error:?}");
    let error = asked(server(json, "", 0).await).await;
    assert!(matches!(error, HubError::DownloadStalled(_)), "{error:?}");
    let slow = Timing { stall: Duration::from_secs(20), ..timing };
    let hub = Hub::new(models.path()).expect("a hub").with_timing(slow);
    let endless: &str = Box::leak("[".repeat(1 << 16).into_boxed_str());
    let source = Source::hugging_face(server(json, endless, usize::MAX).await);
    let error = hub.search(&source, "chat", 5).await.expect_err("no result");
    assert!(matches!(error, HubError::SourceRefused { status: 0, .. }), "{error:?}");
}
