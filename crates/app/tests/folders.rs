//! Folders in use: the prompt that a model gets has the instructions and the documents of the chat's folder,
//! the count before sending has them too, and several chats are moved, saved and deleted at once. The model
//! is a cloud service on loopback.
mod common;

use std::path::Path;

use app::App;
use common::open;
use contract::{AnswerEvent, ContextQuery, EndpointSpec, ErrorCode, MessageView, SendRequest};
use history::{DocumentText, History, NewDocument};
use messages::Lang;
use serde_json::Value;
use testkit::TestCloud;
use tokio::sync::mpsc;

const KEY: &str = "sk-folders-0815";
const LAW: &str = "The mayor of Ebbmouth is Ellen Voss.";

/// Stores a document as the reader of documents would, which needs the worker's program.
fn document(data: &Path, name: &str, text: &str) -> String {
    let history = History::open(&data.join("history.db")).expect("opens");
    let pages = [DocumentText { label: None, text: text.to_owned() }];
    let (content, tokens) = (text.as_bytes(), text.len() as u64 / 4);
    let new = NewDocument { name, kind: "text", content, pages: &pages, tokens, scanned: &[] };
    history.document_add(&new).expect("is stored").hash
}

struct Fixture {
    app: App,
    cloud: TestCloud,
    model: String,
    document: String,
    folder: tempfile::TempDir,
}

impl Fixture {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let document = document(folder.path(), "town.md", LAW);
        let cloud = TestCloud::start(KEY).await.expect("starts");
        let app = open(folder.path()).await;
        let spec = EndpointSpec {
            provider_id: "custom".into(),
            name: "Test".into(),
            address: cloud.address().into(),
            key: KEY.into(),
            models: vec!["m".into()],
        };
        let model = app.endpoint_add(spec).await.expect("is added").models[0].id.clone();
        Self { app, cloud, model, document, folder }
    }

    async fn ask(&self, chat_id: &str, parent_id: Option<String>, text: &str) -> MessageView {
        let (sender, mut events) = mpsc::unbounded_channel();
        let on_event = Box::new(move |event| drop(sender.send(event)));
        let request =
            SendRequest { chat_id: chat_id.into(), parent_id, text: text.into(), ..SendRequest::default() };
        self.app.answer_start(request, on_event).await.expect("starts");
        while let Some(event) = events.recv().await {
            if let AnswerEvent::Finished { message } | AnswerEvent::Failed { message, .. } = event {
                return message;
            }
        }
        panic!("the answer does not end")
    }

    /// The contents of the messages of the last request that the model got.
    fn asked(&self) -> Vec<String> {
        let requests = self.cloud.requests();
        let last = requests.iter().rev().find(|request| request.path.ends_with("chat/completions"));
        let body: Value = serde_json::from_str(&last.expect("a request").body).expect("is JSON");
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|one| one["content"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn chat(&self, text: &str) -> String {
        let id = self.app.chat_create(&self.model).await.expect("a chat").id;
        self.ask(&id, None, text).await;
        id
    }
}

#[tokio::test]
async fn a_chat_of_a_folder_is_asked_with_its_instructions_and_documents() {
    let all = Fixture::open().await;
    let folder = all.app.folder_create(" Town \nhall ", "Answer as a clerk.").await.expect("is made");
    assert_eq!((folder.name.as_str(), folder.chats), ("Town", 0));
    let with_document =
        all.app.folder_document_add(&folder.id, &all.document).await.expect("is added").documents;
    assert_eq!(with_document[0].name, "town.md");
    let empty = all.app.folder_change(&folder.id, "  ", "").await.expect_err("has no name");
    assert_eq!(empty.code, ErrorCode::InvalidInput);

    let query = |chat_id: Option<&str>, folder_id: Option<&str>, text: &str| ContextQuery {
        model_id: all.model.clone(),
        chat_id: chat_id.map(str::to_owned),
        folder_id: folder_id.map(str::to_owned),
        text: text.into(),
        ..ContextQuery::default()
    };
    let count = async |query| all.app.context_use(query).await.expect("is counted").tokens;
    let (alone, in_folder) =
        (count(query(None, None, "Who?")).await, count(query(None, Some(&folder.id), "Who?")).await);
    assert!(in_folder > alone + 15, "{alone} {in_folder}");
    assert!(count(query(None, Some(&folder.id), "")).await > 15, "before anything is typed");

    let chat = all.app.chat_create_in(&all.model, &folder.id).await.expect("a chat");
    assert_eq!(chat.folder_id.as_ref(), Some(&folder.id));
    all.app.chat_update(&chat.id, &all.model, "factual", chat.sampling, "Be brief.").await.expect("changes");
    assert!(count(query(Some(&chat.id), None, "Who?")).await >= in_folder);
    let answer = all.ask(&chat.id, None, "Who is the mayor?").await;
    let asked = all.asked();
    assert_eq!((asked.len(), asked[0].as_str()), (2, "Answer as a clerk.\n\nBe brief."));
    assert!(asked[1].starts_with("[file name]: town.md\n") && asked[1].contains(LAW), "{}", asked[1]);
    assert!(asked[1].ends_with("\nWho is the mayor?"));
    let stored = all.app.chat_get(&chat.id).await.expect("reads");
    assert_eq!((stored.system_prompt.as_str(), stored.messages[0].documents.len()), ("Be brief.", 0));

    // What the folder has later is read by the next question, and a chat that left it reads none of it.
    all.app.folder_change(&folder.id, "Town", "Answer as a poet.").await.expect("changes");
    let next = all.ask(&chat.id, Some(answer.id), "And before?").await;
    let asked = all.asked();
    assert_eq!((asked[0].as_str(), asked[3].as_str()), ("Answer as a poet.\n\nBe brief.", "And before?"));
    assert!(asked[1].contains(LAW), "the document stays with the first question");
    all.app.chats_move(std::slice::from_ref(&chat.id), None).await.expect("moves");
    all.ask(&chat.id, Some(next.id), "And now?").await;
    let asked = all.asked();
    assert_eq!(asked[0], "Be brief.");
    assert!(asked.iter().all(|text| !text.contains(LAW)));
}

#[tokio::test]
async fn a_document_that_is_too_long_gives_its_passages() {
    let all = Fixture::open().await;
    let book = format!("{}\n\n{LAW}\n\n{}", "Fish. ".repeat(30_000), "Boats. ".repeat(30_000));
    let book = document(all.folder.path(), "book.txt", &book);
    let folder = all.app.folder_create("Town", "").await.expect("is made");
    all.app.folder_document_add(&folder.id, &book).await.expect("is added");
    let chat = all.app.chat_create_in(&all.model, &folder.id).await.expect("a chat");
    let query = ContextQuery {
        model_id: all.model.clone(),
        chat_id: Some(chat.id.clone()),
        text: "Who is the mayor of Ebbmouth?".into(),
        context: Some(8192),
        ..ContextQuery::default()
    };
    let counted = all.app.context_use(query).await.expect("is counted");
    assert!(counted.searched && counted.tokens < 8192, "{counted:?}");
}

#[tokio::test]
async fn several_chats_are_moved_saved_and_deleted_at_once() {
    let all = Fixture::open().await;
    let ids = [all.chat("Why?").await, all.chat("Why?").await, all.chat("a/b: \"c\"").await];
    let folder = all.app.folder_create("Kept", "").await.expect("is made");
    all.app.chats_move(&ids, Some(&folder.id)).await.expect("moves");
    assert_eq!(all.app.folders().await.expect("lists")[0].chats, 3);
    let refused = all.app.chats_move(&ids, Some("none")).await.expect_err("no folder");
    assert_eq!(refused.code, ErrorCode::FolderNotFound);

    let target = tempfile::tempdir().expect("a folder");
    std::fs::write(target.path().join("Why.md"), "mine").expect("is written");
    all.app.chats_save_markdown(&ids, target.path(), Lang::En).await.expect("are saved");
    let read = |name: &str| std::fs::read_to_string(target.path().join(name)).expect(name);
    assert_eq!(read("Why.md"), "mine", "no file is replaced");
    for name in ["Why (2).md", "Why (3).md", "a b c.md"] {
        assert!(read(name).contains("## You"), "{name}");
    }
    let with_missing = [ids[2].clone(), "none".into(), ids[0].clone()];
    let error = all.app.chats_save_markdown(&with_missing, target.path(), Lang::En).await;
    let error = error.expect_err("one is not there");
    let detail = |key: &str| error.detail[key].as_str();
    assert_eq!((error.code, detail("done"), detail("count")), (ErrorCode::ChatNotFound, "1", "3"));
    assert_eq!(detail("title"), "none");
    assert_eq!(read("a b c (2).md"), read("a b c.md"));

    let error = all.app.chats_delete(&with_missing).await.expect_err("one is not there");
    assert_eq!((error.code, error.detail["done"].as_str()), (ErrorCode::ChatNotFound, "0"));
    assert_eq!(all.app.chats().await.expect("lists").len(), 3, "none is deleted");
    all.app.chats_delete(&ids[..2]).await.expect("are deleted");
    let left = all.app.chats().await.expect("lists");
    assert_eq!((left.len(), left[0].folder_id.as_ref()), (1, Some(&folder.id)));
    all.app.folder_delete(&folder.id, true).await.expect("is deleted");
    assert!(all.app.chats().await.expect("lists").is_empty());
}
