//! Folders through the public API: chats that move, documents that stay with a folder, deletion with and
//! without chats, backups, and several chats deleted at once.
mod common;

use common::{add, settings};
use history::{
    BackupKind, DocumentText, Folder, History, HistoryError, NewDocument, NewMessage, Role, State,
};

fn open() -> (tempfile::TempDir, History) {
    let folder = tempfile::tempdir().expect("a folder");
    let history = History::open(&folder.path().join("history.db")).expect("opens");
    (folder, history)
}

fn document(history: &History, name: &str) -> String {
    let pages = [DocumentText { label: None, text: format!("The text of {name}") }];
    let new = NewDocument { name, kind: "text", content: b"bytes", pages: &pages, tokens: 6, scanned: &[] };
    history.document_add(&new).expect("is stored").hash
}

fn chat_in(history: &History, folder: &Folder, title: &str) -> String {
    let chat = history.chat_create_in(&settings(), Some(&folder.id)).expect("creates");
    assert_eq!(chat.folder_id.as_ref(), Some(&folder.id));
    history.chat_rename(&chat.id, title).expect("renames");
    add(history, &chat.id, None, Role::User, "why?");
    chat.id
}

fn titles(history: &History) -> Vec<String> {
    history.chats().expect("lists").into_iter().map(|chat| chat.title).collect()
}

#[test]
fn chats_move_between_folders_and_out_of_them() {
    let (_folder, history) = open();
    let (law, art) = (history.folder_create("law", "Cite."), history.folder_create("Art", ""));
    let (law, art) = (law.expect("is made"), art.expect("is made"));
    let names = |history: &History| -> Vec<(String, u32)> {
        let folders = history.folders().expect("lists").into_iter();
        folders.map(|folder| (folder.name, folder.chats)).collect()
    };
    let one = chat_in(&history, &law, "one");
    let two = history.chat_create(&settings()).expect("creates").id;
    assert_eq!(names(&history), [("Art".into(), 0), ("law".into(), 1)], "by name");
    history.chats_move(&[one.clone(), two.clone()], Some(&art.id)).expect("moves");
    assert_eq!(names(&history), [("Art".into(), 2), ("law".into(), 0)]);
    assert_eq!(history.chat(&two).expect("reads").folder_id.as_ref(), Some(&art.id));
    let of_chat = history.folder_of_chat(&two).expect("reads").map(|folder| folder.name);
    assert_eq!(of_chat.as_deref(), Some("Art"));
    assert!(matches!(history.folder_of_chat("none"), Err(HistoryError::ChatNotFound(_))));
    let found = history.search("why").expect("searches");
    assert_eq!(found[0].chat.folder_id.as_ref(), Some(&art.id));

    let missing = history.chats_move(&[one.clone(), "none".into()], None).expect_err("it is not there");
    assert!(matches!(&missing, HistoryError::Chat { id, .. } if id == "none"), "{missing}");
    assert_eq!(history.folder_chats(&art.id).expect("lists").len(), 2, "none was moved");
    assert!(matches!(
        history.chats_move(std::slice::from_ref(&one), Some("none")),
        Err(HistoryError::FolderNotFound(_))
    ));
    assert!(matches!(
        history.chat_create_in(&settings(), Some("none")),
        Err(HistoryError::FolderNotFound(_))
    ));
    history.chats_move(&[one, two], None).expect("moves");
    assert_eq!(names(&history), [("Art".into(), 0), ("law".into(), 0)]);
    let changed = history.folder_change(&law.id, "Laws", "Be exact.").expect("changes");
    assert_eq!((changed.name.as_str(), changed.instructions.as_str()), ("Laws", "Be exact."));
    assert!(matches!(history.folder_change("none", "", ""), Err(HistoryError::FolderNotFound(_))));
}

#[test]
fn a_document_of_a_folder_stays_as_long_as_the_folder_has_it() {
    let (_folder, history) = open();
    let law = history.folder_create("law", "").expect("is made");
    let (first, second) = (document(&history, "first.txt"), document(&history, "second.txt"));
    history.folder_document_add(&law.id, &first).expect("is added");
    history.folder_document_add(&law.id, &second).expect("is added");
    let twice = history.folder_document_add(&law.id, &first).expect("is there");
    let hashes: Vec<&str> = twice.documents.iter().map(|document| document.hash.as_str()).collect();
    assert_eq!(hashes, [first.as_str(), second.as_str()], "in order, each once");
    assert!(matches!(history.folder_document_add(&law.id, "none"), Err(HistoryError::DocumentNotFound(_))));

    history.document_discard(&first).expect("nothing is deleted");
    let chat = history.chat_create(&settings()).expect("creates").id;
    let new = NewMessage {
        chat_id: &chat,
        parent_id: None,
        role: Role::User,
        text: "Read it.",
        state: State::Done,
        images: &[],
        documents: std::slice::from_ref(&first),
    };
    history.message_add(&new).expect("is added");
    history.chat_delete(&chat).expect("deletes");
    assert_eq!(history.document_pages(&first).expect("the folder has it").len(), 1);
    let left = history.folder_document_remove(&law.id, &first).expect("is removed");
    assert_eq!(left.documents.len(), 1);
    assert!(history.document(&first).is_err() && history.document(&second).is_ok());
    history.folder_delete(&law.id, false).expect("deletes");
    assert!(history.document(&second).is_err(), "it goes with the last folder that has it");
}

#[test]
fn a_folder_is_deleted_with_its_chats_or_without() {
    let (_folder, history) = open();
    let (law, art) = (history.folder_create("law", ""), history.folder_create("art", ""));
    let (law, art) = (law.expect("is made"), art.expect("is made"));
    let kept = chat_in(&history, &law, "kept");
    let gone = chat_in(&history, &art, "gone");
    history.folder_delete(&law.id, false).expect("deletes");
    assert_eq!(history.chat(&kept).expect("stays").folder_id, None);
    history.folder_delete(&art.id, true).expect("deletes");
    assert!(matches!(history.chat(&gone), Err(HistoryError::ChatNotFound(_))));
    assert_eq!((titles(&history), history.folders().expect("lists")), (vec!["kept".into()], vec![]));
    assert!(matches!(history.folder_delete(&art.id, true), Err(HistoryError::FolderNotFound(_))));
}

#[test]
fn several_chats_are_deleted_together_or_not_at_all() {
    let (_folder, history) = open();
    let image = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept").hash;
    let ids: Vec<String> = (0..3).map(|_| history.chat_create(&settings()).expect("creates").id).collect();
    let new = NewMessage {
        chat_id: &ids[0],
        parent_id: None,
        role: Role::User,
        text: "look",
        state: State::Done,
        images: std::slice::from_ref(&image),
        documents: &[],
    };
    history.message_add(&new).expect("is added");
    let odd = [ids[0].clone(), "none".into(), ids[1].clone()];
    let error = history.chats_delete(&odd).expect_err("one is not there");
    assert!(matches!(&error, HistoryError::Chat { id, .. } if id == "none"), "{error}");
    assert_eq!(history.chats().expect("lists").len(), 3);
    assert!(history.image_bytes(&image).is_ok());
    history.chats_delete(&ids[..2]).expect("deletes");
    assert_eq!(history.chats().expect("lists").len(), 1);
    assert!(history.image(&image).is_err(), "its file goes with the last message that uses it");
}

#[test]
fn a_backup_has_the_folders_and_reading_only_shows_them() {
    let (data, history) = open();
    let law = history.folder_create("law", "Cite.").expect("is made");
    let hash = document(&history, "law.txt");
    history.folder_document_add(&law.id, &hash).expect("is added");
    let chat = chat_in(&history, &law, "kept");
    let made = history.backup(BackupKind::Asked).expect("is made");
    history.folder_delete(&law.id, true).expect("deletes");
    history.restore(&made.id).expect("is put back");
    let back = history.folder(&law.id).expect("is there again");
    assert_eq!((back.documents[0].hash.as_str(), back.chats), (hash.as_str(), 1));
    assert_eq!(history.chat(&chat).expect("reads").folder_id.as_ref(), Some(&law.id));
    drop(history);

    let shown = History::open_read_only(&data.path().join("history.db")).expect("is read");
    assert_eq!(shown.folders().expect("lists"), [back]);
    assert!(matches!(shown.folder_create("no", ""), Err(HistoryError::ReadOnly)));
}
