//! The message tree through the public API: branches, search, recovery, deletion.
//! Each test has a file of its own in a temporary folder; migrations and backups are tested elsewhere.
mod common;

use common::{add, begin_answer, settings};
use history::{FinalAnswer, History, HistoryError, NewMessage, Role, State};

fn open() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(&folder.path().join("deep/history.db")).expect("opens");
    (folder, history)
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
        images: &[],
        documents: &[],
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
        history.search(words).expect("searches").into_iter().map(|found| found.chat.id).collect()
    };
    assert_eq!(found("holiday"), std::slice::from_ref(&one));
    assert_eq!(found("模型"), std::slice::from_ref(&two));
    assert_eq!(found("100%"), std::slice::from_ref(&two));
    assert!(found("24_GB").is_empty(), "signs of the query language are plain text");
    assert_eq!(found("  "), [two, one], "no words: every chat, the latest first");
}

#[test]
fn words_are_found_in_any_order_and_the_message_is_named() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let first = add(&history, &chat, None, Role::User, "The whale swims near Århus, 显存不够的时候怎么办");
    let second = add(&history, &chat, Some(&first), Role::Assistant, "near the whale, the boat");
    let third = add(&history, &chat, Some(&second), Role::User, "only a boat");
    let hit = |words: &str| {
        let mut found = history.search(words).expect("searches");
        assert!(found.len() <= 1);
        found.pop().map(|found| found.hit.expect("a message holds them").message_id)
    };
    assert_eq!(hit("near whale"), Some(second.clone()), "the latest that holds both");
    assert_eq!(hit("whale swims"), Some(first.clone()));
    assert_eq!(hit("swims  WHALE"), Some(first.clone()), "in any order and in either case");
    assert_eq!(hit("boat"), Some(third));
    assert_eq!(hit("the boat"), Some(second));
    assert_eq!(hit("århus"), Some(first.clone()), "letters beyond ASCII have two cases too");
    assert_eq!(hit("怎么办\u{3000}显存"), Some(first));
    assert_eq!(hit("whale submarine"), None, "each word has to be there");
    assert_eq!(hit("\" OR 1=1 --"), None, "what is typed is text");

    history.chat_rename(&chat, "Whales and boats").expect("renames");
    let titled = history.search("boats whales").expect("searches");
    assert_eq!((titled.len(), titled[0].hit.is_none()), (1, true));
}

#[test]
fn words_as_they_were_typed_go_before_the_same_words_apart() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let phrase = add(&history, &chat, None, Role::User, "how long is a context length");
    add(&history, &chat, Some(&phrase), Role::Assistant, "the length of a context");
    let found = history.search("context length").expect("searches");
    assert_eq!(found[0].hit.as_ref().map(|hit| &hit.message_id), Some(&phrase));
}

#[test]
fn a_chat_keeps_from_where_it_is_read() {
    let (_folder, history) = open();
    let chat = history.chat_create(&settings()).expect("creates").id;
    let other = history.chat_create(&settings()).expect("creates").id;
    let first = add(&history, &chat, None, Role::User, "one");
    let second = add(&history, &chat, Some(&first), Role::Assistant, "two");
    let third = add(&history, &chat, Some(&second), Role::User, "three");
    let start = || history.chat(&chat).expect("reads").context_start;
    assert_eq!(start(), None);
    history.chat_context_start(&chat, Some(&third)).expect("is kept");
    assert_eq!(start(), Some(third.clone()));
    assert!(history.chat_context_start(&other, Some(&third)).is_err(), "it is of another chat");
    let read = |leaf: &str| -> Vec<String> {
        history.context_path(leaf).expect("reads").into_iter().map(|message| message.text).collect()
    };
    assert_eq!(read(&third), ["three"]);
    assert_eq!(read(&second), ["one", "two"], "another branch is read from its beginning");
    history.message_delete(&chat, &third).expect("is deleted");
    assert_eq!(start(), None, "a message that is gone leaves nothing out");
    history.chat_context_start(&chat, Some(&second)).expect("is kept");
    history.chat_context_start(&chat, None).expect("is taken back");
    assert_eq!(start(), None);
}

#[test]
fn an_answer_cut_short_is_interrupted_and_keeps_its_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let history = History::open(&path).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    let question = add(&history, &chat, None, Role::User, "why?");
    let answer = begin_answer(&history, &chat, Some(&question));
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
    let id = begin_answer(&history, &chat, None);
    history.append_partial(&id, "part", "").expect("grows");
    let end = FinalAnswer {
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
