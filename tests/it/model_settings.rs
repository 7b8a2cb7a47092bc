//! The settings of a model: they reach the worker, what it takes is what was foreseen, a value out of range
//! is refused, and an unloaded model comes back with its read prompts.
use contract::{CacheKind, ErrorCode, ModelSettings, WorkerState};

use crate::host::{ONE_WORKER, ask, open};

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_worker_and_its_memory_is_what_was_foreseen() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let plain = app.model_settings("guide").await.expect("its files are here");
    assert_eq!((plain.settings, plain.history), (ModelSettings::default(), Vec::new()));
    let refused = app
        .model_settings_save("guide", ModelSettings { sequences: Some(9), ..Default::default() })
        .await
        .expect_err("8 are possible");
    assert_eq!((refused.code, refused.detail["allowed"].as_str()), (ErrorCode::InvalidInput, "1-8"));

    let settings = ModelSettings {
        context: Some(2048),
        sequences: Some(1),
        cache: Some(CacheKind::Fp8),
        threads: Some(1),
        drafts: Some(false),
        ..Default::default()
    };
    let saved = app.model_settings_save("guide", settings.clone()).await.expect("it fits");
    assert_eq!(saved.settings, settings);
    let foreseen = app.model_memory("guide", settings.clone()).await.expect("is computed");
    let chat = app.chat_create("guide").await.expect("a chat");
    ask(&app, &chat.id, "Which model for 24 GB?").await;
    let worker = app.worker().await.expect("a view");
    assert_eq!((worker.context_length, worker.place.as_deref()), (Some(2048), Some("CPU, 1 threads")));
    let measured = app.worker_memory().await.expect("answers").expect("Linux tells").total;
    assert_eq!(measured.pages, 2048 / 64);
    // The worker began with its own size, of which the forecast knows an average.
    let apart = (foreseen.total - measured.foreseen).abs();
    assert!(apart < 24e6, "{} and {}", foreseen.total, measured.foreseen);
    let apart = (measured.measured - measured.foreseen).abs();
    assert!(apart < 24e6, "{measured:?}");
    // It is measured once the answer has ended.
    let mut run = Vec::new();
    for _ in 0..100 {
        run = app.model_settings("guide").await.expect("reads").history;
        if !run.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    app.worker_stop().await.expect("stops");
    assert_eq!((run.len(), run[0].context, run[0].cache), (1, 2048, CacheKind::Fp8));

    drop(app);
    let (app, _host) = open(data.path()).await;
    let kept = app.model_settings("guide").await.expect("reads");
    assert_eq!((kept.settings, kept.history), (settings, run), "they survive the end of the app");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unloaded_model_keeps_its_read_prompts_and_comes_back() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let long = "Which model for 24 GB? ".repeat(40);
    ask(&app, &chat.id, &long).await;
    app.worker_stop().await.expect("stops");
    assert_eq!(app.worker().await.expect("a view").state, WorkerState::Stopped);
    let folder = std::fs::read_dir(data.path().join("prefix-cache/guide")).expect("is kept");
    let saved: Vec<u64> = folder.map(|file| file.expect("reads").metadata().expect("reads").len()).collect();
    // 800 bytes for each of several hundred tokens.
    assert!(saved.len() == 1 && saved[0] > 100_000, "{saved:?}");
    let again = app.chat_create("guide").await.expect("a chat");
    ask(&app, &again.id, &long).await;
    let worker = app.worker().await.expect("a view");
    assert_eq!(worker.state, WorkerState::Ready, "the question loaded it again");
    app.worker_stop().await.expect("stops");
}
