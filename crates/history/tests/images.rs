//! Images of messages: stored once, durable after a kill, deleted with the last message that uses them,
//! exported with a chat.
mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use common::{FILE, settings, start_writer};
use history::{History, HistoryError, Image, ImportedMessage, NewMessage, Role, State};

fn open(folder: &Path) -> (History, String) {
    let history = History::open(&folder.join("history.db")).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    (history, chat)
}

fn say(history: &History, chat: &str, images: &[&Image]) -> Result<String, HistoryError> {
    let images: Vec<String> = images.iter().map(|image| image.hash.clone()).collect();
    let new = NewMessage {
        chat_id: chat,
        parent_id: None,
        role: Role::User,
        text: "look",
        state: State::Done,
        images: &images,
        documents: &[],
    };
    history.message_add(&new).map(|message| message.id)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder.join("pictures"));
    listed.map(|all| all.map(|entry| entry.expect("an entry").path()).collect()).unwrap_or_default()
}

#[test]
fn the_same_bytes_are_kept_once_and_go_with_the_last_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, chat) = open(folder.path());
    let one = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    let same = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    let other = history.image_add(b"a ship", "image/jpeg", 2, 2).expect("is kept");
    assert_eq!((&one, one.bytes), (&same, 7));
    assert_eq!(files(folder.path()).len(), 2);
    let first = say(&history, &chat, &[&one, &other]).expect("is added");
    let second = say(&history, &chat, &[&one]).expect("is added");
    let shown = history.message(&first).expect("reads").images;
    assert_eq!(shown, [one.clone(), other.clone()]);
    history.image_discard(&one.hash).expect("is asked");
    assert_eq!(history.image_bytes(&one.hash).expect("is shown, so it stays"), b"a whale");

    history.message_delete(&chat, &first).expect("deletes");
    assert!(matches!(history.image(&other.hash), Err(HistoryError::ImageNotFound(_))));
    assert_eq!(files(folder.path()).len(), 1, "the other message shows it still");
    assert_eq!(history.message(&second).expect("reads").images, [one]);
    history.chat_delete(&chat).expect("deletes");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_missing_image_is_not_attached_and_a_changed_one_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, chat) = open(folder.path());
    let image = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    let ghost = Image { hash: "0".repeat(64), ..image.clone() };
    assert!(matches!(say(&history, &chat, &[&ghost]), Err(HistoryError::ImageNotFound(_))));
    assert!(history.chat(&chat).expect("reads").path.is_empty(), "nothing was added");
    say(&history, &chat, &[&image]).expect("is added");
    let [path] = &files(folder.path())[..] else { panic!("one file") };
    std::fs::write(path, b"a shark").expect("is changed");
    assert!(matches!(history.image_bytes(&image.hash), Err(HistoryError::ImageChanged(_))));
    std::fs::remove_file(path).expect("is removed");
    assert!(matches!(history.image_bytes(&image.hash), Err(HistoryError::ImageFile { .. })));
    assert!(matches!(say(&history, &chat, &[&image]), Err(HistoryError::ImageFile { .. })));
    history.image_add(b"a whale", "image/png", 4, 3).expect("is kept again");
    assert_eq!(history.image_bytes(&image.hash).expect("is whole"), b"a whale");
}

#[test]
fn what_was_attached_and_never_sent_is_kept_for_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, chat) = open(folder.path());
    let [sent, fresh, old] = [b"sent!", b"fresh", b"old!!"]
        .map(|bytes| history.image_add(bytes, "image/png", 1, 1).expect("is kept"));
    say(&history, &chat, &[&sent]).expect("is added");
    drop(history);
    let tables = rusqlite::Connection::open(folder.path().join("history.db")).expect("opens");
    let long_ago = "2026-01-01T00:00:00.000Z";
    tables
        .execute("UPDATE pictures SET added_at = ?1 WHERE hash != ?2", [long_ago, &fresh.hash])
        .expect("is made old");
    drop(tables);
    let stray = |name: &str, age: Duration| {
        let path = folder.path().join("pictures").join(name);
        let file = std::fs::File::create(&path).expect("is made");
        file.set_modified(SystemTime::now() - age).expect("is made old");
        path
    };
    let hour = Duration::from_secs(3600);
    let (left, being_written) = (stray("ab.12.part", 48 * hour), stray("cd.34.part", hour));

    let history = History::open(&folder.path().join("history.db")).expect("opens");
    assert!(history.image_bytes(&sent.hash).is_ok() && history.image_bytes(&fresh.hash).is_ok());
    assert!(matches!(history.image(&old.hash), Err(HistoryError::ImageNotFound(_))));
    assert!(!left.exists() && being_written.exists());
}

#[test]
fn a_chat_is_imported_with_its_branches_and_images() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, chat) = open(folder.path());
    let image = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    let root = say(&history, &chat, &[&image]).expect("is added");
    let other = tempfile::tempdir().expect("a folder");
    let (there, _) = open(other.path());
    let all = history.messages(&chat).expect("reads");
    assert_eq!((all.len(), &all[0].id, &all[0].images), (1, &root, &vec![image.clone()]));
    let hashes = [image.hash.clone()];
    let copied = |parent, state, images| ImportedMessage {
        parent,
        role: if parent.is_none() { Role::User } else { Role::Assistant },
        text: "t",
        reasoning: "",
        thinking_ms: None,
        state,
        error: None,
        stats: None,
        boxes: Some("[]"),
        created_at: "2026-01-01T00:00:00.000Z",
        images,
        documents: &[],
        passages: None,
        calls: &[],
    };
    let tree = [
        copied(None, State::Done, &hashes[..]),
        copied(Some(0), State::Streaming, &[]),
        copied(Some(0), State::Done, &[]),
    ];
    assert!(there.chat_import("seen", &settings(), &tree, Some(1)).is_err(), "its picture is not there yet");
    assert_eq!(there.chats().expect("lists").len(), 1, "nothing was added");
    there.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    let seen = there.chat_import("seen", &settings(), &tree, Some(1)).expect("comes in");
    assert_eq!((seen.title.as_str(), seen.path.len()), ("seen", 2));
    assert_eq!(seen.path[0].images, [image]);
    assert_eq!((seen.path[1].state, seen.path[1].boxes.as_deref()), (State::Interrupted, Some("[]")));
    assert_eq!(seen.path[1].siblings.len(), 2);
    let loops = [copied(Some(0), State::Done, &[])];
    assert!(there.chat_import("odd", &settings(), &loops, None).is_err(), "a message answers an earlier one");
}

#[test]
fn a_kill_leaves_no_message_without_its_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let (mut writer, lines) = start_writer(&path);
    let told = lines.map_while(Result::ok).filter(|line| line.contains("showed")).take(40).count();
    writer.kill().expect("SIGKILL arrives");
    writer.wait().expect("it ended");
    assert_eq!(told, 40, "it wrote before it was killed");

    let history = History::open(&path).expect("opens after the kill");
    let chat = history.chats().expect("lists").remove(0).id;
    let messages = history.messages(&chat).expect("reads");
    assert!(messages.len() > 10, "{}", messages.len());
    for message in messages {
        let [image] = &message.images[..] else { panic!("{message:?}") };
        assert_eq!(history.image_bytes(&image.hash).expect("is whole"), message.text.as_bytes());
    }
}

/// The child process of the test above; alone it does nothing. Every second message is deleted again.
#[test]
#[ignore = "started by the test above in a process of its own"]
fn writer() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let history = History::open(path.as_ref()).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    for number in 0..100_000 {
        let text = format!("picture {number}");
        let image = history.image_add(text.as_bytes(), "image/png", 1, 1).expect("is kept");
        let images = [image.hash];
        let new = NewMessage {
            chat_id: &chat,
            parent_id: None,
            role: Role::User,
            text: &text,
            state: State::Done,
            images: &images,
            documents: &[],
        };
        let id = history.message_add(&new).expect("is added").id;
        println!("showed {number}");
        if number % 2 == 1 {
            history.message_delete(&chat, &id).expect("deletes");
        }
    }
}
