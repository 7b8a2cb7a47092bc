//! Every way an answer can end, against the real history.
//! The events come from a list; no backend is needed.
use std::sync::Mutex;

use contract::{MessageState, PictureView, SendRequest};
use futures_util::stream;
use history::ChatSettings;

use super::*;
use crate::answer::messages::add_messages;

struct Case {
    _folder: tempfile::TempDir,
    history: Arc<History>,
    message_id: String,
    box_target: BoxTarget,
    events: Mutex<Vec<AnswerEvent>>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let history = Arc::new(History::open(&folder.path().join("history.db")).expect("opens"));
        let settings = ChatSettings {
            model_id: "guide".into(),
            preset_id: "custom".into(),
            sampling: "{}".into(),
            system_prompt: String::new(),
        };
        let chat_id = history.chat_create(&settings).expect("creates").id;
        let request = SendRequest {
            chat_id,
            parent_id: None,
            text: "why?\nnow".into(),
            retry_of: None,
            continue_of: None,
            ..SendRequest::default()
        };
        let started = add_messages(&history, &request).expect("begins");
        assert_eq!(history.chat(&request.chat_id).expect("reads").title, "why?");
        assert_eq!(started.path.len(), 1);
        let message_id = started.assistant.id;
        Self { _folder: folder, history, message_id, box_target: BoxTarget::None, events: Mutex::default() }
    }

    async fn run(
        &self,
        events: impl Stream<Item = Result<BackendEvent, ErrorView>>,
        stopped: watch::Receiver<bool>,
    ) {
        let recorder = Recorder {
            history: self.history.clone(),
            message_id: self.message_id.clone(),
            model_id: "guide".into(),
            partial: AnswerText::default(),
            thought_before_ms: None,
            boxes: Vec::new(),
            calls: Vec::new(),
            box_target: self.box_target.clone(),
            on_event: |event| self.events.lock().expect("no panic").push(event),
        };
        recorder.run(events, stopped).await;
    }

    /// The streamed text and the terminal message.
    fn outcome(&self) -> (String, MessageView) {
        let events = self.events.lock().expect("no panic");
        let text = events.iter().filter_map(|event| match event {
            AnswerEvent::Delta { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let last = match events.last().expect("an event") {
            AnswerEvent::Finished { message } | AnswerEvent::Failed { message, .. } => message.clone(),
            other => panic!("not terminal: {other:?}"),
        };
        (text.collect(), last)
    }
}

fn text(text: &str) -> Result<BackendEvent, ErrorView> {
    Ok(BackendEvent::Text(text.into()))
}

fn never() -> (watch::Sender<bool>, watch::Receiver<bool>) {
    watch::channel(false)
}

#[tokio::test]
async fn a_whole_answer_is_shown_kept_and_counted() {
    let case = Case::new();
    let (_switch, stopped) = never();
    let usage = Ok(BackendEvent::Usage { prompt_tokens: 5, completion_tokens: 3 });
    let events = [
        Ok(BackendEvent::Reasoning("hm".into())),
        text("be"),
        text("cause"),
        Ok(BackendEvent::End { length: false }),
        usage,
    ];
    case.run(stream::iter(events), stopped).await;
    let (streamed, kept) = case.outcome();
    assert_eq!(
        (streamed.as_str(), kept.text.as_str(), kept.reasoning.as_str()),
        ("because", "because", "hm")
    );
    assert_eq!(kept.state, MessageState::Done);
    let stats = kept.stats.expect("was counted");
    assert_eq!((stats.prompt_tokens, stats.completion_tokens), (5, 3));
    let deltas = case.events.lock().expect("no panic").len() - 1;
    assert!(deltas <= 2, "three events at once are gathered, not sent one by one: {deltas}");
}

#[tokio::test]
async fn thinking_is_timed_and_answering_is_not() {
    let thought = |text: &str| Ok(BackendEvent::Reasoning(text.into()));
    let later = |piece: Result<BackendEvent, ErrorView>| {
        stream::once(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            piece
        })
    };
    let case = Case::new();
    let (_switch, stopped) = never();
    let events = stream::iter([thought("hm")])
        .chain(later(text("because")))
        .chain(later(Ok(BackendEvent::End { length: false })));
    case.run(events, stopped).await;
    let seconds = case.outcome().1.thinking_seconds.expect("it thought");
    assert!((0.29..0.58).contains(&seconds), "{seconds}");

    let silent = Case::new();
    let (_switch, stopped) = never();
    silent.run(stream::iter([text("at once"), Ok(BackendEvent::End { length: false })]), stopped).await;
    assert_eq!(silent.outcome().1.thinking_seconds, None);
}

#[tokio::test]
async fn the_time_left_of_a_prompt_follows_from_what_is_computed() {
    let case = Case::new();
    let (_switch, stopped) = never();
    let progress = |processed: u32, time_ms| {
        Ok(BackendEvent::PromptProgress(PromptProgress {
            total: 1000_u32.into(),
            cache: 200_u32.into(),
            processed: processed.into(),
            time_ms,
        }))
    };
    let events = [
        progress(200, 0),
        progress(400, 1000),
        progress(800, 4000),
        text("Yes"),
        Ok(BackendEvent::End { length: false }),
    ];
    case.run(stream::iter(events), stopped).await;
    let events = case.events.lock().expect("no panic");
    let reports: Vec<(u32, u32, Option<f64>)> = events
        .iter()
        .filter_map(|event| match event {
            AnswerEvent::Reading { processed, total, seconds_left, .. } => {
                Some((*processed, *total, *seconds_left))
            }
            _ => None,
        })
        .collect();
    // What was in the cache took no time, and tells nothing of the rest.
    let seconds = [None, Some(600.0 / 200.0), Some(200.0 * 4.0 / 600.0)];
    assert_eq!(reports, [(200, 1000, seconds[0]), (400, 1000, seconds[1]), (800, 1000, seconds[2])]);
}

#[test]
fn parts_of_thinking_add_up() {
    let mut thinking = ThinkingTimer::default();
    assert_eq!(ThinkingTimer::default().total_ms(Some(40)), Some(40));
    thinking.total = Some(Duration::from_millis(60));
    assert_eq!(thinking.total_ms(Some(40)), Some(100));
}

#[tokio::test]
async fn a_limit_of_tokens_is_told_apart() {
    let case = Case::new();
    let (_switch, stopped) = never();
    case.run(stream::iter([text("cut"), Ok(BackendEvent::End { length: true })]), stopped).await;
    assert_eq!(case.outcome().1.state, MessageState::Length);
}

#[tokio::test]
async fn a_death_in_the_middle_keeps_the_part_and_says_why() {
    for failure in [Some(Err(ErrorView::new(ErrorCode::WorkerDied, "it died"))), None] {
        let case = Case::new();
        let (_switch, stopped) = never();
        case.run(stream::iter([Some(text("half")), failure].into_iter().flatten()), stopped).await;
        let (streamed, kept) = case.outcome();
        assert_eq!((streamed.as_str(), kept.text.as_str()), ("half", "half"));
        assert_eq!(kept.state, MessageState::Interrupted);
        assert_eq!(kept.error.expect("is kept too").code, ErrorCode::WorkerDied);
    }
}

#[tokio::test]
async fn stop_ends_at_once_and_keeps_the_part() {
    let case = Case::new();
    let (switch, stopped) = never();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        switch.send_replace(true);
    };
    let events = stream::iter([text("half")]).chain(stream::pending());
    tokio::join!(case.run(events, stopped), stop);
    let (_, kept) = case.outcome();
    assert_eq!((kept.text.as_str(), kept.state), ("half", MessageState::Stopped));
}

#[tokio::test]
async fn a_part_is_on_disk_long_before_the_end() {
    let case = Case::new();
    let (switch, stopped) = never();
    let look = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        let text = case.history.message(&case.message_id).expect("reads").text;
        switch.send_replace(true);
        text
    };
    let events = stream::iter([text("half")]).chain(stream::pending());
    let ((), seen) = tokio::join!(case.run(events, stopped), look);
    assert_eq!(seen, "half");
}

#[tokio::test]
async fn what_an_answer_points_at_is_kept_on_its_picture() {
    let boxes = |label: &str, boxes: &[[u16; 4]]| {
        Ok(BackendEvent::Grounding(vec![Grounding {
            label: label.into(),
            boxes: boxes.to_vec(),
            pixels: None,
        }]))
    };
    let events = || {
        stream::iter([
            Ok(BackendEvent::Text("a whale and a ship".into())),
            boxes("whale", &[[100, 250, 300, 500], [900, 875, 500, 999]]),
            boxes("ship", &[[0, 0, 999, 999]]),
            Ok(BackendEvent::End { length: false }),
        ])
    };
    let (_switch, stopped) = watch::channel(false);
    let blind = Case::new();
    blind.run(events(), stopped.clone()).await;
    assert!(blind.history.message(&blind.message_id).expect("reads").boxes.is_none(), "there is no picture");

    let mut case = Case::new();
    let (id, kind) = ("p".to_owned(), "image/png".to_owned());
    case.box_target = BoxTarget::Image(PictureView { id, kind, width: 100, height: 80, size: 9.0 });
    case.run(events(), stopped.clone()).await;
    let kept = message_view(case.history.message(&case.message_id).expect("reads")).expect("is understood");
    let area = |left, top, right, bottom| AreaView { left, top, right, bottom };
    let placed = |label: &str, areas: &[AreaView]| BoxView {
        label: label.into(),
        picture_id: Some("p".into()),
        areas: areas.to_vec(),
    };
    assert_eq!(
        kept.boxes,
        [
            placed("whale", &[area(10, 20, 30, 40), area(50, 70, 90, 80)]),
            placed("ship", &[area(0, 0, 100, 80)])
        ]
    );

    let mut case = Case::new();
    case.box_target = BoxTarget::Unknown;
    case.run(events(), stopped).await;
    let kept = message_view(case.history.message(&case.message_id).expect("reads")).expect("is understood");
    let ship = BoxView { label: "ship".into(), picture_id: None, areas: vec![area(0, 0, 999, 999)] };
    assert_eq!(kept.boxes[1], ship);
}
