//! The context length: the tokens that are counted before sending equal those that the model reads. A prompt
//! that is too long is refused before it is stored, and a full chat continues after the user excluded its
//! oldest turns.
use contract::{AnswerEvent, ContextQuery, ErrorCode, MessageState, SendRequest};

use crate::host::{ONE_WORKER, ask, open};

fn query(chat_id: &str, parent: Option<&str>, text: &str) -> ContextQuery {
    ContextQuery {
        model_id: "guide".into(),
        chat_id: Some(chat_id.into()),
        parent_id: parent.map(str::to_owned),
        text: text.into(),
        ..ContextQuery::default()
    }
}

/// Sends a request and returns the events up to the terminal one, or the error.
async fn send(app: &app::App, request: SendRequest) -> Result<Vec<AnswerEvent>, contract::ErrorView> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        events.push(event);
    }
    Ok(events)
}

fn question(chat_id: &str, parent: &str, text: &str) -> SendRequest {
    SendRequest {
        chat_id: chat_id.into(),
        parent_id: Some(parent.into()),
        text: text.into(),
        ..SendRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_before_sending_is_what_the_model_reads() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let before = app.context_use(query(&chat.id, None, "Hello")).await.expect("is estimated");
    assert!(!before.exact && before.context.is_some(), "the model is not loaded yet: {before:?}");
    let events = ask(&app, &chat.id, "Hello").await;
    let counts: Vec<u32> = events
        .iter()
        .filter_map(|event| match event {
            AnswerEvent::Counted { completion_tokens, .. } => Some(*completion_tokens),
            _ => None,
        })
        .collect();
    assert!(!counts.is_empty() && counts.is_sorted(), "it is counted while it is written: {counts:?}");
    let leaf = app.chat_get(&chat.id).await.expect("reads").messages[1].clone();
    let next = "Which model for 24 GB? 哪个模型？";
    let counted = app.context_use(query(&chat.id, Some(&leaf.id), next)).await.expect("is counted");
    let events = send(&app, question(&chat.id, &leaf.id, next)).await.expect("starts");
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("it ends: {events:?}") };
    let stats = message.stats.clone().expect("is counted");
    assert_eq!((counted.tokens, counted.exact), (stats.prompt_tokens, true), "as the engine counted it");
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_chat_goes_on_without_its_oldest_turns_and_says_so() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    ask(&app, &chat.id, "Hello").await;
    let first = app.chat_get(&chat.id).await.expect("reads").messages[1].id.clone();
    let book = "The whale swims in the sea. ".repeat(90_000 / 28);
    let refused = send(&app, question(&chat.id, &first, &book)).await.expect_err("it is too long");
    assert_eq!(refused.code, ErrorCode::PromptTooLong);
    let alone = app.context_use(query(&chat.id, Some(&first), &book)).await.expect("is counted");
    let context = alone.context.expect("is known");
    assert!(alone.exact && alone.tokens > context && alone.trim.is_none(), "nothing helps: {alone:?}");
    assert_eq!(app.chat_get(&chat.id).await.expect("reads").messages.len(), 2, "nothing was written down");

    // Two prompts that fit alone but not together.
    let mut page = String::new();
    while app.context_use(query(&chat.id, None, &page)).await.expect("is counted").tokens < context * 5 / 8 {
        page += &"The whale swims. ".repeat(20);
    }
    let events = send(&app, question(&chat.id, &first, &page)).await.expect("it fits");
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("it ends: {events:?}") };
    let leaf = message.id.clone();
    let next = question(&chat.id, &leaf, &page);
    assert_eq!(send(&app, next.clone()).await.expect_err("is refused").code, ErrorCode::PromptTooLong);
    let shown = app.chat_get(&chat.id).await.expect("reads");
    assert_eq!((shown.messages.len(), shown.context_start), (4, None), "nothing is left out by itself");
    let found = app.context_use(query(&chat.id, Some(&leaf), &page)).await.expect("is counted");
    let trim = found.trim.expect("the turns before it can go");
    assert_eq!((trim.message_id, trim.messages), (None, 4), "the first turn alone is not enough");

    let events = send(&app, SendRequest { leave_out_older: true, ..next }).await.expect("the user chose so");
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("it ends: {events:?}") };
    assert_eq!(message.stats.as_ref().map(|stats| stats.prompt_tokens), Some(trim.tokens));
    let shown = app.chat_get(&chat.id).await.expect("reads");
    assert_eq!(
        (shown.messages.len(), &shown.context_start),
        (6, &message.parent_id),
        "all of it is there, marked"
    );
    let again = app.chat_context_start(&chat.id, None).await.expect("is taken back");
    assert_eq!(again.context_start, None);
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_answer_has_its_figures() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    (sampling.temperature, sampling.seed) = (2.0, Some(1));
    app.chat_update(&chat.id, "guide", "custom", sampling, "").await.expect("is kept");
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest { chat_id: chat.id.clone(), text: "Hello".into(), ..SendRequest::default() };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let mut counted = None;
    while let Some(event) = receiver.recv().await {
        match event {
            AnswerEvent::Counted { prompt_tokens, completion_tokens, .. } if counted.is_none() => {
                counted = Some((prompt_tokens, completion_tokens));
                app.answer_stop(&chat.id).await.expect("stops");
            }
            AnswerEvent::Finished { message } => {
                let (prompt, written) = counted.expect("it was counted before its end");
                let stats = message.stats.expect("figures");
                assert_eq!(stats.prompt_tokens, prompt);
                assert!(stats.completion_tokens >= written && message.state != MessageState::Interrupted);
                return app.worker_stop().await.expect("stops");
            }
            _ => {}
        }
    }
    panic!("no end came");
}
