//! A chat with branches and an image as a file of each format: all of it is there, and a folder that cannot
//! be written is told.
mod common;

use std::path::Path;

use app::App;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::open;
use contract::ChatFileFormat;
use messages::Lang;
use serde_json::json;
use sha2::Digest as _;

/// One red pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A question with an image, two answers of it, and a question after the first; the second is selected.
async fn branched(app: &App, folder: &Path) -> String {
    let image = hex::encode(sha2::Sha256::digest(STANDARD.decode(PNG).expect("is base64")));
    let message = |parent: Option<usize>, role: &str, text: &str| {
        json!({
            "parent": parent, "role": role, "text": text, "thinking_seconds": null, "state": "done",
            "error": null, "stats": null, "created_at": "2026-11-30T10:00:00Z",
        })
    };
    let mut asked = message(None, "user", "看看这张图 <b>");
    asked["pictures"] = json!([image]);
    let file = json!({
        "format": "whaledeck-chat", "version": 1, "title": "Red & blue",
        "model_id": "guide", "preset_id": "deepseek",
        "sampling": contract::SamplingView::default(), "system_prompt": "", "leaf": 2,
        "messages": [
            asked,
            message(Some(0), "assistant", "It is **red**."),
            message(Some(0), "assistant", "它是**红色**。"),
            message(Some(1), "user", "And then?"),
        ],
        "pictures": [{ "id": image, "kind": "image/png", "data": PNG }],
    });
    let path = folder.join("in.json");
    std::fs::write(&path, file.to_string()).expect("is written");
    app.chat_import(&path).await.expect("is added").id
}

#[tokio::test]
async fn each_format_has_the_branch_or_all_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = branched(&app, folder.path()).await;
    for (format, name) in [
        (ChatFileFormat::Markdown, "chat.md"),
        (ChatFileFormat::Html, "chat.html"),
        (ChatFileFormat::Word, "chat.docx"),
    ] {
        let path = folder.path().join(name);
        let mut texts = Vec::new();
        for all in [false, true] {
            app.chat_save(&chat, &path, format, all, Lang::En).await.expect("is saved");
            let document =
                documents::extract(name, std::fs::read(&path).expect("is there")).expect("is read");
            texts.push(document.pages.into_iter().map(|page| page.text).collect::<String>());
        }
        let [branch, tree] = <[String; 2]>::try_from(texts).expect("both");
        assert!(branch.contains("红色") && !branch.contains("red"), "{name}: {branch}");
        for part in
            ["Red & blue", "看看这张图 <b>", "red", "红色", "And then?", "Version 2 of 2, after message 1"]
        {
            assert!(tree.contains(part), "{name} lacks {part}: {tree}");
        }
    }
    let html = std::fs::read_to_string(folder.path().join("chat.html")).expect("is text");
    assert!(html.contains(&format!("data:image/png;base64,{PNG}")), "the image is in it");
    assert_eq!(app.chat_page(&chat, true, Lang::En).await.expect("is made"), html);
    let docx = std::fs::read(folder.path().join("chat.docx")).expect("is there");
    assert!(docx.windows(11).any(|bytes| bytes == b"word/media/"), "the image is in it");
}

#[tokio::test]
async fn the_own_format_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = branched(&app, folder.path()).await;
    let path = folder.path().join("out.json");
    app.chat_save(&chat, &path, ChatFileFormat::Whaledeck, false, Lang::En).await.expect("is saved");
    let again = app.chat_import(&path).await.expect("is added");
    assert_eq!((again.title.as_str(), again.messages.len()), ("Red & blue", 2));
}

#[tokio::test]
async fn what_cannot_be_written_is_told_and_the_old_file_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = branched(&app, folder.path()).await;
    let nowhere = folder.path().join("no/chat.html");
    let error = app.chat_save(&chat, &nowhere, ChatFileFormat::Html, false, Lang::En).await;
    assert_eq!(error.expect_err("is refused").detail["path"], nowhere.display().to_string());
    let old = folder.path().join("old.docx");
    std::fs::write(&old, "old").expect("is written");
    assert!(app.chat_save("none", &old, ChatFileFormat::Word, true, Lang::En).await.is_err());
    assert_eq!(std::fs::read_to_string(&old).expect("is there"), "old");
}
