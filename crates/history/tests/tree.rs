//! The tree through the public face: branches, search, recovery, deletion.
use history::{ChatSettings, Ending, History, HistoryError, NewMessage, Role, State};

fn open() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(&folder.path().join("deep/history.db")).expect("opens");
    (folder, history)
}

fn settings() -> ChatSettings {
    ChatSettings {
        model_id: "guide".into(),
        preset_id: "factual".into(),
        sampling: "{\"temperature\":0.3}".into(),
        system_prompt: String::new(),
    }
}

fn add(history: &History, chat: &str, parent: Option<&str>, role: Role, text: &str) -> String {
    let new = NewMessage { chat_id: chat, parent_id: parent, role, text, state: State::Done, pictures: &[] };
    history.message_add(&new).expect("is added").id
}

fn texts(history: &History, chat: &str) -> Vec<String> {
    history.chat(chat).expect("reads").path.into_iter().map(|message| message.text).collect()
}

#[test]
fn a_retry_is_a_branch_and_both_can_be_shown() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let question = add(&history, &chat, None, Role::User, "why?");
    let first = add(&history, &chat, Some(&question), Role::Assistant, "because");
    let more = add(&history, &chat, Some(&first), Role::User, "and then?");
    let second = add(&history, &chat, Some(&question), Role::Assistant, "for this reason");
    assert_eq!(texts(&history, &chat), ["why?", "for this reason"]);

    history.select(&chat, &first).expect("selects");
    assert_eq!(
        texts(&history, &chat),
        ["why?", "because", "and then?"],
        "the path goes on to the latest below"
    );
    let shown = history.chat(&chat).expect("reads").path;
    assert_eq!(shown[1].siblings, [first, second]);
    assert_eq!(shown[2].siblings, [more]);
}

#[test]
fn several_roots_are_siblings() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let one = add(&history, &chat, None, Role::User, "one");
    let two = add(&history, &chat, None, Role::User, "two, edited");
    assert_eq!(history.message(&two).expect("reads").siblings, [one, two]);
}

#[test]
fn a_parent_of_another_chat_is_refused_and_nothing_is_added() {
    let (_folder, history) = open();
    let here = history.chat_create(&settings()).expect("creates").id;
    let there = history.chat_create(&settings()).expect("creates").id;
    let foreign = add(&history, &there, None, Role::User, "elsewhere");
    let new = NewMessage {
        chat_id: &here,
        parent_id: Some(&foreign),
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        pictures: &[],
    };
    assert!(matches!(history.message_add(&new), Err(HistoryError::MessageNotFound { .. })));
    assert!(texts(&history, &here).is_empty());
}

#[test]
fn search_finds_titles_and_contents_in_both_languages() {
    let (_folder, history) = open();
    let one = history.chat_create(&settings()).expect("creates").id;
    let two = history.chat_create(&settings()).expect("creates").id;
    history.chat_rename(&one, "Holiday Plans").expect("renames");
    add(&history, &two, None, Role::User, "显存 24 GB 能跑哪个模型？100%");
    let found = |words: &str| -> Vec<String> {
        history.search(words).expect("searches").into_iter().map(|chat| chat.id).collect()
    };
    assert_eq!(found("holiday"), std::slice::from_ref(&one));
    assert_eq!(found("模型"), std::slice::from_ref(&two));
    assert_eq!(found("100%"), std::slice::from_ref(&two));
    assert!(found("24_GB").is_empty(), "signs of the query language are plain text");
    assert_eq!(found("  "), [two, one], "no words: every chat, the latest first");
}

#[test]
fn an_answer_cut_short_is_interrupted_and_keeps_its_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let history = History::open(&path).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    let question = add(&history, &chat, None, Role::User, "why?");
    let new = NewMessage {
        chat_id: &chat,
        parent_id: Some(&question),
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        pictures: &[],
    };
    let answer = history.message_add(&new).expect("is added").id;
    history.append_partial(&answer, "be", "let me ").expect("grows");
    history.append_partial(&answer, "cause", "see").expect("grows");
    drop(history);

    let kept = History::open(&path).expect("opens").message(&answer).expect("reads");
    assert_eq!((kept.text.as_str(), kept.reasoning.as_str()), ("because", "let me see"));
    assert_eq!(kept.state, State::Interrupted);
}

#[test]
fn an_ending_carries_the_whole_text_error_and_stats() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let new = NewMessage {
        chat_id: &chat,
        parent_id: None,
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        pictures: &[],
    };
    let id = history.message_add(&new).expect("is added").id;
    history.append_partial(&id, "part", "").expect("grows");
    let end = Ending {
        text: "partial",
        reasoning: "r",
        thinking_ms: None,
        state: State::Stopped,
        error: Some("{}"),
        stats: Some("[]"),
        boxes: Some("[1]"),
    };
    let ended = history.message_end(&id, &end).expect("ends");
    assert_eq!((ended.text.as_str(), ended.state), ("partial", State::Stopped));
    assert_eq!((ended.error.as_deref(), ended.stats.as_deref()), (Some("{}"), Some("[]")));
}

#[test]
fn deleting_a_chat_deletes_its_messages() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let question = add(&history, &chat, None, Role::User, "why?");
    add(&history, &chat, Some(&question), Role::Assistant, "because");
    history.chat_delete(&chat).expect("deletes");
    assert!(matches!(history.chat(&chat), Err(HistoryError::ChatNotFound(_))));
    assert!(matches!(history.message(&question), Err(HistoryError::MessageNotFound { .. })));
    assert!(matches!(history.chat_delete(&chat), Err(HistoryError::ChatNotFound(_))));
}
