//! Chats in memory: told apart by their ids, and without a file.
//! Those of the history on disk have other ids.
mod common;

use common::settings;
use history::{History, HistoryError, NewMessage, Role, State, is_temporary};

#[test]
fn a_temporary_chat_is_known_by_its_ids_and_is_in_no_file() {
    let memory = History::temporary().expect("opens");
    let chat = memory.chat_create(&settings()).expect("creates");
    let add = |images: &[String]| {
        memory.message_add(&NewMessage {
            chat_id: &chat.id,
            parent_id: None,
            role: Role::User,
            text: "a secret",
            state: State::Done,
            images,
            documents: &[],
        })
    };
    let message = add(&[]).expect("is added");
    assert!(is_temporary(&chat.id) && is_temporary(&message.id));
    assert_eq!(memory.chat(&chat.id).expect("is there").path.len(), 1);
    // An image is a file of the history on disk.
    assert!(add(&["0".repeat(64)]).is_err());
    memory.chat_delete(&chat.id).expect("is deleted");
    assert!(matches!(memory.chat(&chat.id), Err(HistoryError::ChatNotFound(_))));

    let folder = tempfile::tempdir().expect("a folder");
    let disk = History::open(&folder.path().join("history.db")).expect("opens");
    assert!(!is_temporary(&disk.chat_create(&settings()).expect("creates").id));
}
