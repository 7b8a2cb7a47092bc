//! A temporary chat with a cloud service: it is answered like any other, and nothing of it is on the disk.
//! Only what the user saves is.
mod common;

use std::path::Path;

use common::{open, send, service};
use contract::{ErrorCode, MessageState, SendRequest};
use testkit::TestCloud;

const KEY: &str = "sk-temporary";
const SECRET: &str = "a whale that nobody may know";

fn contains(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).expect("is a folder").map(|entry| entry.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            return contains(&path, text);
        }
        let bytes = std::fs::read(&path).expect("is read");
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_temporary_chat_is_on_the_disk() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let app = open(data.path()).await;
    app.endpoint_add(service("deepseek", cloud.address(), KEY)).await.expect("is added");
    let model = "cloud:deepseek/deepseek-chat";
    let stored = app.chat_create(model).await.expect("creates");
    let chat = app.chat_create_temporary(model).await.expect("creates");
    assert!(chat.temporary && !stored.temporary);

    let request = SendRequest { chat_id: chat.id.clone(), text: SECRET.into(), ..SendRequest::default() };
    let with_file = SendRequest { documents: vec!["0".repeat(64)], ..request.clone() };
    let refused = app.answer_start(with_file, Box::new(drop)).await.expect_err("is refused");
    assert_eq!(refused.code, ErrorCode::TemporaryChatFiles);
    let answer = send(&app, request).await.expect("starts");
    assert_eq!((answer.text.as_str(), answer.state), ("A whale 是鲸。", MessageState::Done));
    let chats = app.chats().await.expect("lists");
    let listed: Vec<(&str, bool)> = chats.iter().map(|one| (one.id.as_str(), one.temporary)).collect();
    assert_eq!(listed, [(chat.id.as_str(), true), (stored.id.as_str(), false)]);
    assert_eq!(chats[0].title, SECRET);
    assert_eq!(app.chats_search("whale").await.expect("searches"), []);
    // A branch, a change of settings and a new name stay in memory too.
    app.chat_rename(&chat.id, "known to nobody").await.expect("is named");
    app.chat_update_last(&chat.id, model, "custom", chat.sampling.clone(), "speak softly")
        .await
        .expect("is changed");
    for text in [SECRET, "A whale 是鲸。", "known to nobody", "speak softly"] {
        assert!(!contains(data.path(), text), "{text:?} is in a file");
    }
    // What the user saves is saved.
    let file = data.path().join("saved.json");
    app.chat_export(&chat.id, &file).await.expect("is saved");
    assert!(contains(data.path(), SECRET));
    std::fs::remove_file(&file).expect("was there");

    drop(app);
    let app = open(data.path()).await;
    let chats = app.chats().await.expect("lists");
    assert_eq!(chats.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), [stored.id.as_str()]);
    assert_eq!(app.chat_get(&chat.id).await.expect_err("is gone").code, ErrorCode::ChatNotFound);
}
