//! The app and the worker agree on the range of every sampling parameter. The ranges are written here a third
//! time on purpose; each edge is answered, and each value beyond it refused.
use contract::{AnswerEvent, ErrorCode, SamplingView};

use crate::host::{ONE_WORKER, ask, open};

type Set = fn(&mut SamplingView, f32);

#[tokio::test(flavor = "multi_thread")]
async fn every_value_at_its_edge_is_answered_and_beyond_it_refused() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let edges: [(&str, f32, f32, Set); 6] = [
        ("temperature", 0.0, 2.0, |sampling, value| sampling.temperature = value),
        ("top_p", 0.0, 1.0, |sampling, value| sampling.top_p = value),
        ("min_p", 0.0, 1.0, |sampling, value| sampling.min_p = value),
        ("frequency_penalty", -2.0, 2.0, |sampling, value| sampling.frequency_penalty = value),
        ("presence_penalty", -2.0, 2.0, |sampling, value| sampling.presence_penalty = value),
        ("repetition_penalty", 0.1, 2.0, |sampling, value| sampling.repetition_penalty = value),
    ];
    for (name, low, high, set) in edges {
        let with = |value: f32| {
            let mut sampling = SamplingView { max_tokens: 2, ..SamplingView::default() };
            set(&mut sampling, value);
            sampling
        };
        for value in [low, high] {
            app.chat_update(&chat.id, "guide", "custom", with(value), "").await.expect(name);
            let events = ask(&app, &chat.id, "Hello").await;
            assert!(
                matches!(events.last(), Some(AnswerEvent::Finished { .. })),
                "{name} {value}: {events:?}"
            );
        }
        for value in [low - 0.01, high + 0.01] {
            let refused = app.chat_update(&chat.id, "guide", "custom", with(value), "").await;
            let refused = refused.expect_err("is refused");
            assert_eq!((refused.code, refused.detail["name"].as_str()), (ErrorCode::InvalidInput, name));
        }
    }
    app.worker_stop().await.expect("stops");
}
