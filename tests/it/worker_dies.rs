//! kill -9 of the worker during an answer: the error is shown, the received text is kept, and the next
//! question is answered. Linux tools find and stop the process; `ONE_WORKER` makes it the only one.
use std::time::Duration;

use contract::{AnswerEvent, AppEvent, ErrorCode, MessageState, SendRequest, WorkerState};

use tokio::sync::mpsc::UnboundedReceiver;

use crate::host::{ONE_WORKER, TestHost, ask, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_named_and_the_next_question_starts_another() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    ask(&app, &chat.id, "Hello").await;
    let worker = child("whaledeck-engine");
    // The worker is suspended, so that it cannot finish its answer before it is killed.
    signal("-STOP", worker);

    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat.id.clone(),
        parent_id: None,
        text: "What is MoE?".into(),
        retry_of: None,
        continue_of: None,
        ..SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("it starts");
    assert!(matches!(events.recv().await, Some(AnswerEvent::Started { .. })));
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal("-KILL", worker);
    let last = async {
        let mut last = None;
        while let Some(event) = events.recv().await {
            last = Some(event);
        }
        last
    };
    let last = tokio::time::timeout(Duration::from_secs(30), last).await.expect("an end comes");
    let Some(AnswerEvent::Failed { message, error }) = last else { panic!("it should fail: {last:?}") };
    assert_eq!((error.code, message.state), (ErrorCode::WorkerDied, MessageState::Interrupted));
    assert!(saw_failure(&host), "the host received of it: {:?}", host.events());

    let again = ask(&app, &chat.id, "What is MoE?").await;
    assert!(matches!(again.last(), Some(AnswerEvent::Finished { .. })), "{again:?}");
    app.worker_stop().await.expect("the worker stops");
}

/// Runs the worker in slices too short for a whole answer until its first tokens arrive, and leaves it
/// suspended.
async fn first_tokens(worker: u32, events: &mut UnboundedReceiver<AnswerEvent>) -> String {
    let mut received = String::new();
    for _ in 0..1500 {
        signal("-CONT", worker);
        tokio::time::sleep(Duration::from_millis(5)).await;
        signal("-STOP", worker);
        // Longer than the app gathers text before it sends it.
        tokio::time::sleep(Duration::from_millis(80)).await;
        while let Ok(event) = events.try_recv() {
            match event {
                AnswerEvent::Delta { text, .. } => received += &text,
                AnswerEvent::Started { .. } | AnswerEvent::Reading { .. } | AnswerEvent::Counted { .. } => {}
                ended => panic!("it ended before it could be killed: {ended:?}"),
            }
        }
        if !received.is_empty() {
            return received;
        }
    }
    panic!("no word came")
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_arrived_before_the_death_are_kept_and_gone_on_from() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    ask(&app, &chat.id, "Hello").await;
    let worker = child("whaledeck-engine");
    signal("-STOP", worker);
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat.id.clone(),
        parent_id: None,
        text: "What is a mixture of experts?".into(),
        retry_of: None,
        continue_of: None,
        ..SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("it starts");
    let mut received = first_tokens(worker, &mut events).await;
    signal("-KILL", worker);
    let failed = loop {
        let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await.expect("an end comes");
        match event.expect("a terminal event comes before the end") {
            AnswerEvent::Delta { text, .. } => received += &text,
            AnswerEvent::Counted { .. } => {}
            AnswerEvent::Failed { message, error } => break (message, error),
            other => panic!("it should fail: {other:?}"),
        }
    };
    let (message, error) = failed;
    assert_eq!((error.code, message.state), (ErrorCode::WorkerDied, MessageState::Interrupted));
    assert_eq!(message.text, received, "what was shown is what is kept");
    assert!(saw_failure(&host), "the host received of it: {:?}", host.events());
    let shown = app.worker().await.expect("a view");
    assert_eq!(shown.error.expect("the page can offer a restart").code, ErrorCode::WorkerDied);
    drop(app);

    // As after a restart of the app.
    let (app, _host) = open(data.path()).await;
    let kept = app.chat_get(&chat.id).await.expect("is there").messages.pop().expect("a message");
    assert_eq!((kept.text.as_str(), kept.state), (received.as_str(), MessageState::Interrupted));
    assert_eq!(kept.error.expect("says why").code, ErrorCode::WorkerDied);
    app.worker_start("guide").await.expect("a restart works");
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat.id.clone(),
        parent_id: None,
        text: String::new(),
        retry_of: None,
        continue_of: Some(kept.id.clone()),
        ..SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("it goes on");
    let mut last = None;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(60), events.recv()).await {
        last = Some(event);
    }
    let Some(AnswerEvent::Finished { message }) = last else { panic!("it should end: {last:?}") };
    assert_eq!((message.id, message.state), (kept.id, MessageState::Done));
    assert!(
        message.text.starts_with(&received) && message.text.len() > received.len(),
        "{received} | {}",
        message.text
    );
    app.worker_stop().await.expect("the worker stops");
}

fn saw_failure(host: &TestHost) -> bool {
    host.events().iter().any(
        |event| matches!(event, AppEvent::WorkerChanged { worker } if worker.state == WorkerState::Failed),
    )
}

pub fn signal(name: &str, process: u32) {
    let sent = std::process::Command::new("kill").args([name, &process.to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

/// The child of this test process with that name; `ONE_WORKER` ensures that there is only one.
pub fn child(name: &str) -> u32 {
    let listed = std::process::Command::new("pgrep")
        .args(["--parent", &std::process::id().to_string(), "--newest", "--full", name])
        .output()
        .expect("pgrep runs");
    String::from_utf8_lossy(&listed.stdout).trim().parse().expect("the worker is a child of this process")
}
