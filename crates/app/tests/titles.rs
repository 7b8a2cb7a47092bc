//! Titles of chats that a model writes in the background: only where the settings say so, and never in the
//! place of one that the user gave.
mod common;

use std::path::Path;
use std::time::Duration;

use app::App;
use common::{send, service};
use contract::{ChatView, MessageState, SendRequest, TitleSource};
use testkit::TestCloud;

const KEY: &str = "sk-titles";
const MODEL: &str = "cloud:deepseek/deepseek-chat";
/// What the service says to everything, without its full stop.
const TITLE: &str = "A whale 是鲸";

async fn open(data: &Path, cloud: &TestCloud) -> App {
    let app = common::open(data).await;
    app.endpoint_add(service("deepseek", cloud.address(), KEY)).await.expect("is added");
    app
}

async fn titles_by(app: &App, chat_titles: TitleSource) {
    let settings = app.settings().await.expect("reads");
    app.settings_save(contract::SettingsView { chat_titles, ..settings }).await.expect("is saved");
}

async fn ask(app: &App, text: &str) -> ChatView {
    let chat = app.chat_create(MODEL).await.expect("creates");
    let request = SendRequest { chat_id: chat.id.clone(), text: text.into(), ..SendRequest::default() };
    assert_eq!(send(app, request).await.expect("starts").state, MessageState::Done);
    chat
}

async fn title(app: &App, chat: &ChatView) -> String {
    app.chat_get(&chat.id).await.expect("is there").title
}

async fn until_titled(app: &App, chat: &ChatView) {
    let named = async {
        while title(app, chat).await != TITLE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), named).await.expect("the model writes a title");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_model_writes_titles_only_when_the_user_wants_it() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let app = open(data.path(), &cloud).await;
    let own = ask(&app, "Not asked for").await;
    titles_by(&app, TitleSource::FirstMessage).await;
    let first = ask(&app, "Neither here").await;
    titles_by(&app, TitleSource::Any).await;
    let chat = ask(&app, "What is that?").await;
    until_titled(&app, &chat).await;
    assert_eq!(title(&app, &own).await, "Not asked for");
    assert_eq!(title(&app, &first).await, "Neither here");

    let chats = cloud.requests().into_iter().filter(|one| one.path.ends_with("/chat/completions"));
    let bodies: Vec<String> = chats.map(|one| one.body).collect();
    assert_eq!(bodies.len(), 4, "one more than there were questions");
    let asked = &bodies[3];
    assert!(asked.contains("What is that?") && asked.contains("是鲸"), "the exchange is shown: {asked}");
    assert!(asked.contains("title only") && asked.contains("\"max_tokens\""), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_the_user_gave_stays() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let app = open(data.path(), &cloud).await;
    titles_by(&app, TitleSource::Any).await;
    let named = ask(&app, "What is that?").await;
    app.chat_rename(&named.id, "Mine").await.expect("is named");
    let other = ask(&app, "And that?").await;
    until_titled(&app, &other).await;
    // Whichever came first, the name or the model's title, the name is the last word.
    assert_eq!(title(&app, &named).await, "Mine");
}
