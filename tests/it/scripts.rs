//! Answers that a trained model seldom gives, through the real worker: one that repeats itself, an empty one,
//! and those that another program asks for. A script model writes them token by token.
use std::path::Path;
use std::time::Duration;

use contract::{AnswerEvent, MessageState, Role, SamplingView, SharingSpec, WorkerState};
use testkit::{PLAIN_TEMPLATE, ScriptModel};

use crate::host::{ONE_WORKER, ask, open};

/// Writes the model beside the data, adds it to the app and returns the id that a chat calls it by.
pub async fn import(app: &app::App, data: &Path, name: &str, model: &ScriptModel) -> String {
    let folder = data.join("scripts").join(name);
    model.write(&folder).expect("is written");
    app.model_import(&folder).await.expect("is added").id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_repeats_itself_is_noticed_once_and_goes_on() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let steps = ["The same words ", "come again. "];
    let endless = ScriptModel::new(PLAIN_TEMPLATE, &steps).endless();
    let model = import(&app, data.path(), "endless", &endless).await;
    let chat = app.chat_create(&model).await.expect("a chat");
    let sampling = SamplingView { max_tokens: 2000, ..SamplingView::default() };
    app.chat_update(&chat.id, &model, "custom", sampling, "").await.expect("is kept");

    let events = ask(&app, &chat.id, "Hello").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("{events:?}") };
    let noticed: Vec<usize> = events
        .iter()
        .enumerate()
        .filter(
            |(_, event)| matches!(event, AnswerEvent::Repeating { message_id } if *message_id == message.id),
        )
        .map(|(at, _)| at)
        .collect();
    let [at] = noticed[..] else { panic!("noticed {} times", noticed.len()) };
    assert!(
        events[at..].iter().any(|event| matches!(event, AnswerEvent::Delta { .. })),
        "nothing is stopped"
    );
    assert_eq!((message.state, message.text.as_str()), (MessageState::Length, &*steps.concat().repeat(1000)));
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_a_whole_message_without_text() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let silent = ScriptModel::new(PLAIN_TEMPLATE, &["<｜end▁of▁sentence｜>"]);
    let model = import(&app, data.path(), "silent", &silent).await;
    let chat = app.chat_create(&model).await.expect("a chat");

    let events = ask(&app, &chat.id, "Hello").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("{events:?}") };
    assert!(!events.iter().any(|event| matches!(event, AnswerEvent::Delta { .. })), "{events:?}");
    let kept = app.chat_get(&chat.id).await.expect("is kept").messages;
    let [question, answer] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!((question.role, question.text.as_str()), (Role::User, "Hello"));
    assert_eq!(answer, message, "it is stored as it was told");
    let written = (answer.text.as_str(), answer.reasoning.as_str());
    assert_eq!((answer.role, answer.state, written), (Role::Assistant, MessageState::Done, ("", "")));
    assert_eq!(answer.error, None);

    // The chat continues after it.
    let events = crate::host::ask_after(&app, &chat.id, Some(&answer.id), "And now?").await;
    assert!(matches!(events.last(), Some(AnswerEvent::Finished { .. })), "{events:?}");
    assert_eq!(app.chat_get(&chat.id).await.expect("is kept").messages.len(), 4);
    app.worker_stop().await.expect("stops");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_other_programs_are_in_the_log() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let script = ScriptModel::new(PLAIN_TEMPLATE, &["Three ", "short ", "steps."]);
    let model = import(&app, data.path(), "shared", &script).await;
    let key = app.sharing_key_add("laptop", None).await.expect("is made").secret;
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let spec = SharingSpec { on: true, host: "127.0.0.1".into(), port, rate: 0, origins: Vec::new() };
    app.sharing_for_now(spec).await.expect("is open");
    app.worker_start(&model).await.expect("starts");
    let ready = async {
        while app.worker().await.expect("a view").state != WorkerState::Ready {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ready).await.expect("the model is loaded");

    let requests = tokio::task::spawn_blocking(move || {
        [crate::serving::status(port, &key), crate::serving::status(port, "wd-wrong")]
    });
    let [served, refused] = requests.await.expect("are answered");
    assert!(served.contains(" 200 ") && refused.contains(" 401 "), "{served}, {refused}");
    app.worker_stop().await.expect("stops");
    let log = app.sharing_requests().await.expect("a log");
    let lines: Vec<_> = log.iter().map(|one| (one.key.as_str(), one.path.as_str(), one.status)).collect();
    assert_eq!(lines, [("?", "/v1/chat/completions", 401), ("laptop", "/v1/chat/completions", 200)]);
    assert!(log[1].prompt_tokens > 0 && log[1].completion_tokens >= 3, "{log:?}");
}
