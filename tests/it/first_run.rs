//! The first run, end to end: recommendation, Try now, an answer, and the conversation after a restart.
//! It calls the use cases without a window; tests/e2e does the same in the real one.
use contract::{AnswerEvent, MessageState, Role};

use crate::host::{ONE_WORKER, ask, open};

#[tokio::test(flavor = "multi_thread")]
async fn advice_speaks_both_languages_and_presets_are_exact() {
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let advice = app.recommendation().await.expect("there is advice");
    assert!(!advice.sentence.en.is_empty() && !advice.sentence.zh.is_empty());
    let presets = app.presets().await.expect("there are presets");
    let golden = |id: &str| {
        let sampling = &presets.iter().find(|preset| preset.id == id).expect("the preset exists").sampling;
        (sampling.temperature, sampling.top_p, sampling.frequency_penalty)
    };
    assert_eq!(golden("factual"), (0.3, 0.9, 0.7));
    assert_eq!(golden("creative"), (0.8, 0.7, 0.3));
    assert_eq!(golden("code"), (0.5, 0.85, 0.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn try_now_answers_and_the_chat_is_there_after_a_restart() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    sampling.temperature = 0.0;
    app.chat_update(&chat.id, "guide", "custom", sampling, "").await.expect("the sampling is kept");

    let events = ask(&app, &chat.id, "Which DeepSeek model should I run on a 24 GB GPU?").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("it failed: {events:?}") };
    assert_eq!(message.state, MessageState::Done);
    assert!(message.text.contains("14B") || message.text.contains("32B"), "{}", message.text);
    let streamed: String = events
        .iter()
        .filter_map(
            |event| if let AnswerEvent::Delta { text, .. } = event { Some(text.as_str()) } else { None },
        )
        .collect();
    assert_eq!(streamed.trim(), message.text.trim(), "what streamed is what was kept");
    app.worker_stop().await.expect("the worker stops");
    drop(app);

    let (again, _host) = open(data.path()).await;
    let kept = again.chat_get(&chat.id).await.expect("the chat is there");
    let roles: Vec<Role> = kept.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant]);
    assert_eq!(kept.messages[1].text, message.text);
}
