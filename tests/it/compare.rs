//! Compare with two models of this computer: they answer one after the other, because both at once would not
//! fit into memory. An error on one side does not end the other.
use std::time::Duration;

use contract::{CompareEvent, CompareRequest, CompareState, ErrorCode, Side};

use testkit::{PLAIN_TEMPLATE, ScriptModel};

use crate::host::{ONE_WORKER, open};
use crate::scripts::import;

async fn compare(app: &app::App, left: &str, right: &str) -> Vec<CompareEvent> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let request = CompareRequest {
        text: "Which model should I run?".into(),
        system_prompt: String::new(),
        left: left.into(),
        right: right.into(),
        sampling: Some(contract::SamplingView {
            temperature: 0.0,
            max_tokens: 0,
            ..contract::SamplingView::default()
        }),
        when_busy: contract::WhenBusy::Ask,
    };
    app.compare_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let mut events = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(120), receiver.recv()).await {
        events.push(event);
    }
    events
}

fn ended(events: &[CompareEvent], wanted: Side) -> (usize, CompareState, Option<ErrorCode>) {
    let end = |(at, event): (usize, &CompareEvent)| match event {
        CompareEvent::Finished { side, result } if *side == wanted => Some((at, result.state, None)),
        CompareEvent::Failed { side, result, error } if *side == wanted => {
            Some((at, result.state, Some(error.code)))
        }
        _ => None,
    };
    events.iter().enumerate().find_map(end).unwrap_or_else(|| panic!("no end of {wanted:?}: {events:?}"))
}

fn answer(events: &[CompareEvent], wanted: Side) -> String {
    let text = |event: &CompareEvent| match event {
        CompareEvent::Delta { side, text, .. } if *side == wanted => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_of_this_computer_answer_one_after_the_other() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, host) = open(data.path()).await;
    let events = compare(&app, "guide", "guide-vision").await;
    let (left_end, left, _) = ended(&events, Side::Left);
    let (_, right, _) = ended(&events, Side::Right);
    assert_eq!((left, right), (CompareState::Done, CompareState::Done), "{events:?}");
    let right_begins = events.iter().position(|event| {
        matches!(
            event,
            CompareEvent::Asked { side: Side::Right } | CompareEvent::Delta { side: Side::Right, .. }
        )
    });
    assert!(right_begins.is_some_and(|at| at > left_end), "never two workers at once: {events:?}");
    for side in [Side::Left, Side::Right] {
        assert!(!answer(&events, side).trim().is_empty(), "{events:?}");
    }
    let started = host.events().iter().filter(|event| format!("{event:?}").contains("Starting")).count();
    assert!(started >= 2, "two workers ran: {:?}", host.events());

    // The model is not on this computer: its side fails, and the other continues.
    let events = compare(&app, "deepseek-r1", "guide").await;
    assert_eq!(ended(&events, Side::Left).2, Some(ErrorCode::ModelNotFound));
    assert_eq!(ended(&events, Side::Right).1, CompareState::Done);
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_has_the_text_of_its_own_model() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let (left, right) = (["Left ", "writes ", "this."], ["右边", "写的", "是这个。"]);
    let left_id = import(&app, data.path(), "left", &ScriptModel::new(PLAIN_TEMPLATE, &left)).await;
    let right_id = import(&app, data.path(), "right", &ScriptModel::new(PLAIN_TEMPLATE, &right)).await;
    assert_ne!(left_id, right_id);
    let events = compare(&app, &left_id, &right_id).await;
    for (side, text) in [(Side::Left, left.concat()), (Side::Right, right.concat())] {
        assert_eq!((ended(&events, side).1, answer(&events, side)), (CompareState::Done, text), "{events:?}");
    }
    app.worker_stop().await.expect("stops");
}
