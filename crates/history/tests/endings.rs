//! Deleting a message with its descendants, and continuing an interrupted answer.
//! What may be continued: an answer that was stopped, cut or interrupted and has no reply.
mod common;

use common::{add, settings};
use history::{Chat, FinalAnswer, History, HistoryError, Role, State};

fn open() -> (tempfile::TempDir, History, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(&folder.path().join("history.db")).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    (folder, history, chat)
}

fn texts(chat: &Chat) -> Vec<&str> {
    chat.path.iter().map(|message| message.text.as_str()).collect()
}

fn end(history: &History, id: &str, state: State) {
    let error = (state == State::Interrupted).then_some("{}");
    let ending = FinalAnswer {
        text: "half",
        reasoning: "hm",
        thinking_ms: Some(1500),
        state,
        error,
        stats: None,
        boxes: None,
    };
    history.message_end(id, &ending).expect("ends");
}

#[test]
fn what_follows_goes_too_and_the_branch_beside_is_shown() {
    let (_folder, history, chat) = open();
    let question = add(&history, &chat, None, Role::User, "why?");
    let first = add(&history, &chat, Some(&question), Role::Assistant, "because");
    add(&history, &chat, Some(&first), Role::User, "and then?");
    let second = add(&history, &chat, Some(&question), Role::Assistant, "for this");
    let more = add(&history, &chat, Some(&second), Role::User, "so?");

    history.message_delete(&chat, &second).expect("deletes");
    assert_eq!(texts(&history.chat(&chat).expect("reads")), ["why?", "because", "and then?"]);
    assert!(history.message(&more).is_err(), "what followed is gone");
    history.message_delete(&chat, &first).expect("deletes");
    assert_eq!(texts(&history.chat(&chat).expect("reads")), ["why?"]);
    history.message_delete(&chat, &question).expect("deletes");
    assert!(history.chat(&chat).expect("the chat stays").path.is_empty());
}

#[test]
fn a_branch_that_is_not_on_show_goes_quietly() {
    let (_folder, history, chat) = open();
    let question = add(&history, &chat, None, Role::User, "why?");
    let first = add(&history, &chat, Some(&question), Role::Assistant, "because");
    add(&history, &chat, Some(&question), Role::Assistant, "for this");
    history.message_delete(&chat, &first).expect("deletes");
    assert_eq!(texts(&history.chat(&chat).expect("reads")), ["why?", "for this"]);
    let other = history.message_delete("no such chat", &question).expect_err("is refused");
    assert!(matches!(other, HistoryError::MessageNotFound { .. }), "{other}");
    assert_eq!(texts(&history.chat(&chat).expect("reads")), ["why?", "for this"]);
}

#[test]
fn a_very_long_chat_can_be_deleted_message_and_whole() {
    let (_folder, history, chat) = open();
    let root = add(&history, &chat, None, Role::User, "0");
    let mut last = add(&history, &chat, Some(&root), Role::User, "1");
    let second = last.clone();
    for number in 2..1200 {
        last = add(&history, &chat, Some(&last), Role::User, &number.to_string());
    }
    history.message_delete(&chat, &second).expect("deletes");
    assert_eq!(texts(&history.chat(&chat).expect("reads")), ["0"]);
    assert!(history.message(&last).is_err());
    last = root;
    for number in 1..1200 {
        last = add(&history, &chat, Some(&last), Role::User, &number.to_string());
    }
    history.chat_delete(&chat).expect("deletes");
    assert!(history.message(&last).is_err());
}

#[test]
fn a_cut_answer_is_taken_up_again_with_what_it_had() {
    let (_folder, history, chat) = open();
    let question = add(&history, &chat, None, Role::User, "why?");
    for state in [State::Interrupted, State::Stopped, State::Length] {
        let answer = add(&history, &chat, Some(&question), Role::Assistant, "");
        end(&history, &answer, state);
        let again = history.message_reopen(&chat, &answer).expect("is taken up");
        assert_eq!((again.text.as_str(), again.reasoning.as_str()), ("half", "hm"));
        assert_eq!((again.state, again.thinking_ms, again.error), (State::Streaming, Some(1500), None));
        assert_eq!(history.chat(&chat).expect("reads").path.last().expect("a leaf").id, answer);
    }
}

#[test]
fn nothing_else_is_taken_up_again() {
    let (_folder, history, chat) = open();
    let question = add(&history, &chat, None, Role::User, "why?");
    let answer = add(&history, &chat, Some(&question), Role::Assistant, "because");
    let refused = |id: &str| {
        let error = history.message_reopen(&chat, id).expect_err("is refused");
        assert!(matches!(error, HistoryError::NotContinuable(_)), "{error}");
    };
    refused(&question);
    refused(&answer);
    end(&history, &answer, State::Stopped);
    add(&history, &chat, Some(&answer), Role::User, "go on");
    refused(&answer);
}
