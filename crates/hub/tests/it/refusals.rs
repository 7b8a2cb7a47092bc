//! Each rejection has its own error, rate limits are waited for within the budget, and the token stays at its
//! origin.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hub::{CancellationToken, Hub, HubError, Job, Source};
use testkit::{Fault, FaultTarget};

use crate::model::{Scene, WEIGHTS, fetch, job, timing, total, weights_file};

async fn check(fault: Fault, expected: fn(&HubError) -> bool) {
    let scene = Scene::with(fault.clone()).await;
    let got = scene.fetch(scene.hugging_face(), 0).await.expect_err("it is refused");
    assert!(expected(&got), "{fault:?}: {got:?}");
    scene.check_nothing_installed();
}

#[tokio::test]
async fn refusals_have_names() {
    let files: fn(u16) -> Fault = |status| Fault::status(FaultTarget::AnyFile, status).always();
    check(files(403).error_code("GatedRepo"), |e| matches!(e, HubError::GatedModel(_))).await;
    check(files(401).error_code("GatedRepo"), |e| matches!(e, HubError::GatedModel(_))).await;
    check(files(401), |e| matches!(e, HubError::TokenNeeded { .. })).await;
    check(files(401).error_code("RepoNotFound"), |e| matches!(e, HubError::NotOnSource(_))).await;
    check(files(403), |e| matches!(e, HubError::SourceRefused { status: 403, .. })).await;
    check(files(404).error_code("EntryNotFound"), |e| matches!(e, HubError::NotOnSource(_))).await;
    check(files(404), |e| matches!(e, HubError::NotOnSource(_))).await;
    check(files(400), |e| matches!(e, HubError::SourceRefused { status: 400, .. })).await;
    check(files(503), |e| matches!(e, HubError::SourceFailed { status: 503, .. })).await;
    let link = Fault::expired_link(weights_file()).always();
    check(link, |e| matches!(e, HubError::LinkRefused { status: 403, .. })).await;
    let listing = Fault::status(FaultTarget::Listing, 401);
    check(listing, |e| matches!(e, HubError::TokenNeeded { .. })).await;
}

#[tokio::test]
async fn unknown_repositories_and_dead_hosts_have_names() {
    let scene = Scene::new().await;
    for source in [scene.hugging_face(), scene.model_scope()] {
        let unknown = Job { repo: "whales/none".into(), ..job(source) };
        let got = fetch(scene.models.path(), unknown, timing(0)).await;
        assert!(matches!(got, Err(HubError::NotOnSource(_))), "{got:?}");
    }
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    let got = scene.fetch(Source::hugging_face(format!("http://{closed}")), 0).await;
    assert!(matches!(&got, Err(HubError::NoNetwork { host, .. }) if *host == closed.to_string()), "{got:?}");
}

#[tokio::test]
async fn a_limit_is_waited_for_and_shown() {
    let scene = Scene::with(Fault::status(FaultTarget::Listing, 429).retry_after(1)).await;
    scene.hub.inject(Fault::status(weights_file(), 429).retry_after(1));
    let longest: Arc<Mutex<Duration>> = Arc::default();
    let seen = longest.clone();
    let watch = Arc::new(move |progress: &hub::Progress| {
        let wait = progress.waiting_until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut seen = seen.lock().expect("no panic");
        *seen = (*seen).max(wait.unwrap_or_default());
    });
    let begun = Instant::now();
    // The wait does not count as a retry.
    let hub = Hub::new(scene.models.path()).expect("a hub").with_timing(timing(0));
    hub.download(job(scene.hugging_face()), watch, CancellationToken::new()).await.expect("it waits");
    assert!(begun.elapsed() >= Duration::from_secs(2), "it asked again too early");
    assert!(*longest.lock().expect("no panic") > Duration::from_millis(500), "nobody was told");
    scene.check_whole();
}

#[tokio::test]
async fn too_long_a_limit_comes_back_with_its_time() {
    for place in [FaultTarget::Listing, FaultTarget::AnyFile] {
        let scene = Scene::with(Fault::status(place, 429).retry_after(3600).always()).await;
        let got = scene.fetch(scene.hugging_face(), 5).await;
        let hour = Some(Duration::from_secs(3600));
        assert!(matches!(&got, Err(HubError::SourceRateLimited { wait, .. }) if *wait == hour), "{got:?}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_a_cancel() {
    let scene = Scene::with(Fault::status(FaultTarget::AnyFile, 429).retry_after(2).always()).await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let watch = Arc::new(move |progress: &hub::Progress| {
        if progress.waiting_until.is_some() {
            stop.cancel();
        }
    });
    let begun = Instant::now();
    let hub = Hub::new(scene.models.path()).expect("a hub");
    let got = hub.download(job(scene.hugging_face()), watch, cancel).await;
    assert!(matches!(got, Err(HubError::Cancelled)), "{got:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn the_token_stays_at_its_origin() {
    let scene = Scene::new().await;
    for source in [scene.hugging_face(), scene.model_scope()] {
        let token = Some("secret".to_owned());
        scene.fetch(Source { token, ..source }, 0).await.expect("it is downloaded");
        hub::remove(scene.models.path(), "m").expect("removed");
    }
    let requests = scene.hub.requests();
    assert_eq!(requests.iter().filter(|request| request.at_storage && request.file == WEIGHTS).count(), 2);
    for request in requests {
        let expected = if request.at_storage { None } else { Some("Bearer secret") };
        assert_eq!(request.authorization.as_deref(), expected, "{request:?}");
    }
    assert_eq!(scene.hub.bytes_served(), 2 * total());
}
