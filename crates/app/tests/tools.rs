//! Tools in a chat: a server that is added, calls that are approved, refused, changed, allowed for good and
//! stopped, results of ten megabytes, servers that crash and hang, and what of it is kept. The model is a
//! cloud service on loopback that calls what the question orders.
mod common;

use std::path::PathBuf;
use std::time::Duration;

use app::App;
use common::open;
use contract::{
    AnswerEvent, BUILT_IN_TOOLS, EndpointSpec, ErrorCode, MessageState, MessageView, SendRequest,
    ToolCallState, ToolCallView, ToolDecision, ToolPermission, ToolSecret, ToolServerSpec, ToolServerState,
    ToolTransport,
};
use serde_json::Value;
use testkit::TestCloud;
use tokio::sync::mpsc;

const KEY: &str = "sk-tools-0815";
const SECRET: &str = "mcp-s3cret-4711";

fn test_server() -> String {
    let test = std::env::current_exe().expect("a path");
    let target: PathBuf = test.ancestors().nth(2).expect("the folder of the profile").into();
    target.join("examples/test-mcp").display().to_string()
}

fn server(mode: &str) -> ToolServerSpec {
    let env = vec![ToolSecret { name: "TOKEN".into(), value: Some(SECRET.into()) }];
    let transport =
        ToolTransport::Stdio { command: test_server(), args: vec![mode.into()], folder: String::new(), env };
    ToolServerSpec { name: "Test server".into(), transport }
}

/// An app with a cloud service, the test server, and a chat.
struct Fixture {
    app: App,
    cloud: TestCloud,
    chat_id: String,
    folder: tempfile::TempDir,
}

impl Fixture {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cloud = TestCloud::start(KEY).await.expect("starts");
        let app = open(folder.path()).await;
        let spec = EndpointSpec {
            provider_id: "custom".into(),
            name: "Test".into(),
            address: cloud.address().into(),
            key: KEY.into(),
            models: vec!["m".into()],
        };
        let endpoint = app.endpoint_add(spec).await.expect("is added");
        let added = app.tool_server_add(server("")).await.expect("is added");
        assert_eq!((added.state, added.tools.len()), (ToolServerState::Ready, 9));
        let chat_id = app.chat_create(&endpoint.models[0].id).await.expect("a chat").id;
        Self { app, cloud, chat_id, folder }
    }

    fn request(&self, text: &str) -> SendRequest {
        SendRequest {
            chat_id: self.chat_id.clone(),
            text: text.into(),
            tools: true,
            ..SendRequest::default()
        }
    }

    async fn start(&self, request: SendRequest) -> Answer<'_> {
        let (sender, events) = mpsc::unbounded_channel();
        let on_event = Box::new(move |event| drop(sender.send(event)));
        self.app.answer_start(request, on_event).await.expect("starts");
        Answer { fixture: self, events, seen: Vec::new() }
    }

    /// Sends a question whose calls all may run.
    async fn ask(&self, text: &str) -> MessageView {
        let mut answer = self.start(self.request(text)).await;
        loop {
            match answer.next().await {
                Ok(call) => answer.decide(&call, run(None)).await,
                Err(message) => return message,
            }
        }
    }

    /// The messages of the last request that the model got.
    fn asked(&self) -> Vec<Value> {
        let requests = self.cloud.requests();
        let last = requests.iter().rev().find(|request| request.path.ends_with("chat/completions"));
        let body: Value = serde_json::from_str(&last.expect("a request").body).expect("is JSON");
        body["messages"].as_array().cloned().unwrap_or_default()
    }
}

struct Answer<'a> {
    fixture: &'a Fixture,
    events: mpsc::UnboundedReceiver<AnswerEvent>,
    seen: Vec<ToolCallView>,
}

impl Answer<'_> {
    /// The next call that waits, or the end of the answer.
    async fn next(&mut self) -> Result<ToolCallView, MessageView> {
        while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(60), self.events.recv()).await {
            match event {
                AnswerEvent::Called { call, .. } => {
                    self.seen.push(call.clone());
                    if call.state == ToolCallState::Asking {
                        return Ok(call);
                    }
                }
                AnswerEvent::Finished { message } | AnswerEvent::Failed { message, .. } => {
                    return Err(message);
                }
                _ => {}
            }
        }
        panic!("the answer does not go on")
    }

    async fn decide(&self, call: &ToolCallView, decision: ToolDecision) {
        let chat_id = &self.fixture.chat_id;
        self.fixture.app.tool_call_decide(chat_id, &call.id, decision).await.expect("it waits");
    }
}

fn run(arguments: Option<&str>) -> ToolDecision {
    ToolDecision::Run { arguments: arguments.map(str::to_owned), always: false }
}

fn states(message: &MessageView) -> Vec<ToolCallState> {
    message.calls.iter().map(|call| call.state).collect()
}

#[tokio::test]
async fn a_call_is_approved_and_the_model_reads_its_result() {
    let all = Fixture::open().await;
    let mut answer = all.start(all.request("call: echo {\"text\": \"鲸 one\"}")).await;
    let call = answer.next().await.expect("it waits");
    assert_eq!((call.tool.as_str(), call.server.as_str()), ("echo", "Test server"));
    let lang = call.arguments.clone();
    assert_eq!(lang, "{\"text\": \"鲸 one\"}");
    answer.decide(&call, run(None)).await;
    let message = answer.next().await.expect_err("it ends");
    assert_eq!(message.text, "Let me look. The tools returned: 鲸 one");
    assert_eq!((message.state, states(&message)), (MessageState::Done, vec![ToolCallState::Done]));
    let call = &message.calls[0];
    assert_eq!((call.text_before, call.reasoning_before, call.round), (13, 14, 0));
    assert_eq!((call.result.as_str(), call.result_chars, call.edited), ("鲸 one", 5, false));
    assert!(call.ms.is_some() && message.stats.as_ref().is_some_and(|stats| stats.completion_tokens == 20));
    let stages: Vec<ToolCallState> = answer.seen.iter().map(|call| call.state).collect();
    assert_eq!(stages, [ToolCallState::Asking, ToolCallState::Running, ToolCallState::Done]);

    let asked = all.asked();
    assert_eq!((asked.len(), asked[1]["content"].as_str()), (3, Some("Let me look. ")));
    assert_eq!(asked[1]["reasoning_content"], "A tool knows. ");
    assert_eq!(asked[1]["tool_calls"][0]["function"]["name"], "echo");
    assert_eq!((&asked[2]["role"], &asked[2]["content"]), (&Value::from("tool"), &Value::from("鲸 one")));
    assert_eq!(asked[2]["tool_call_id"], asked[1]["tool_calls"][0]["id"]);

    let stored = all.app.chat_get(&all.chat_id).await.expect("reads").messages[1].clone();
    assert_eq!((stored.calls, stored.text), (message.calls.clone(), message.text.clone()));
    // A later turn reads the call again, without the reasoning.
    let next = SendRequest { parent_id: Some(message.id), ..all.request("And now?") };
    all.start(next).await.next().await.expect_err("it ends");
    let again = all.asked();
    assert_eq!(again.len(), 5, "{again:?}");
    assert_eq!(
        again[1..3].iter().map(|message| &message["content"]).collect::<Vec<_>>(),
        ["Let me look. ", "鲸 one"]
    );
    assert_eq!(
        (&again[1]["reasoning_content"], &again[3]["content"]),
        (&Value::Null, &Value::from("The tools returned: 鲸 one"))
    );
}

#[tokio::test]
async fn a_call_is_refused_changed_and_allowed_for_good() {
    let all = Fixture::open().await;
    let mut answer =
        all.start(all.request("call: echo {\"text\": \"a\"}\ncall: echo {\"text\": \"b\"}")).await;
    let (first, second) = (answer.next().await.expect("waits"), answer.next().await.expect("waits"));
    let broken = all.app.tool_call_decide(&all.chat_id, &first.id, run(Some("{broken"))).await;
    assert_eq!(broken.expect_err("is refused").code, ErrorCode::ToolArgumentsInvalid);
    answer.decide(&second, ToolDecision::Refuse).await;
    answer.decide(&first, run(Some("{\"text\": \"changed\"}"))).await;
    let gone = all.app.tool_call_decide(&all.chat_id, &second.id, run(None)).await;
    assert_eq!(gone.expect_err("is decided").code, ErrorCode::ToolCallGone);
    let message = answer.next().await.expect_err("it ends");
    assert_eq!(states(&message), [ToolCallState::Done, ToolCallState::Refused]);
    assert!(message.calls[0].edited && message.calls[0].arguments.contains("changed"));
    assert!(message.text.ends_with("changed | The user refused this call."), "{}", message.text);

    let mut answer =
        all.start(all.request("call: echo {\"text\": \"c\"}\nthen: echo {\"text\": \"d\"}")).await;
    let call = answer.next().await.expect("waits");
    answer.decide(&call, ToolDecision::Run { arguments: None, always: true }).await;
    let message = answer.next().await.expect_err("the second round is not asked about");
    assert_eq!(message.calls.iter().map(|call| call.round).collect::<Vec<_>>(), [0, 1]);
    assert!(message.text.ends_with("returned: c | d"), "{}", message.text);
    let view = all.app.tools().await.expect("lists");
    assert_eq!(view.servers[1].tools[0].permission, ToolPermission::Always);

    all.app.tool_permission_set("test-server", "echo", ToolPermission::Never).await.expect("is set");
    let message = all.start(all.request("call: echo {}")).await.next().await.expect_err("it ends");
    assert_eq!(states(&message), [ToolCallState::Failed], "what is not offered does not exist");
}

#[tokio::test]
async fn servers_that_crash_hang_or_fail_are_said_and_the_answer_goes_on() {
    let all = Fixture::open().await;
    let message = all
        .ask("call: crash\ncall: fail\nthen: nothing\nthen: echo {\"text\": \"still\"}\nthen: echo [1]")
        .await;
    let failed = ToolCallState::Failed;
    assert_eq!(
        states(&message),
        [failed, failed, failed, ToolCallState::Done, failed],
        "{:?}",
        message.calls
    );
    let codes: Vec<_> =
        message.calls.iter().map(|call| call.error.as_ref().map(|error| error.code)).collect();
    let ended = Some(ErrorCode::ToolServerEnded);
    assert!(
        codes[0] == ended && (codes[1] == ended || message.calls[1].result == "there is no such file"),
        "{codes:?}"
    );
    assert_eq!((codes[2], codes[4]), (None, Some(ErrorCode::ToolArgumentsInvalid)));
    assert!(message.calls[2].result.contains("no tool nothing"), "{:?}", message.calls[2]);
    assert_eq!(message.state, MessageState::Done);
}

#[tokio::test]
async fn an_answer_that_is_stopped_stops_its_call_and_can_go_on() {
    let all = Fixture::open().await;
    all.app.tool_permission_set("test-server", "hang", ToolPermission::Always).await.expect("is set");
    let mut answer = all.start(all.request("call: echo {\"text\": \"a\"}\nthen: hang")).await;
    let call = answer.next().await.expect("waits");
    answer.decide(&call, run(None)).await;
    while answer.seen.last().is_none_or(|call| call.tool != "hang") {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Ok(AnswerEvent::Called { call, .. }) = answer.events.try_recv() {
            answer.seen.push(call);
        }
    }
    all.app.answer_stop(&all.chat_id).await.expect("stops");
    let message = answer.next().await.expect_err("it ends");
    assert_eq!(
        (message.state, states(&message)),
        (MessageState::Stopped, vec![ToolCallState::Done, ToolCallState::Stopped])
    );
    let mut answer = all.start(all.request("call: echo {\"text\": \"waits\"}")).await;
    answer.next().await.expect("waits");
    all.app.answer_stop(&all.chat_id).await.expect("stops");
    let message = answer.next().await.expect_err("it ends");
    assert_eq!(states(&message), [ToolCallState::Stopped]);
}

#[tokio::test]
async fn ten_megabytes_are_kept_whole_and_given_in_pages() {
    let all = Fixture::open().await;
    let message = all.ask("call: big").await;
    let call = &message.calls[0];
    assert_eq!((call.state, call.result.chars().count()), (ToolCallState::Done, 16_000));
    assert!(call.result_chars > 9_000_000, "{}", call.result_chars);
    let page = |number| all.app.tool_result_page(&message.id, &call.id, number);
    let first = page(1).await.expect("a page");
    assert!(first.pages > 500 && first.text.len() > 10_000, "{}", first.pages);
    let last = page(first.pages).await.expect("the last page");
    assert!(last.text.ends_with("鲸\n"));
    assert_eq!(page(first.pages + 1).await.expect_err("no page").code, ErrorCode::ToolCallGone);
    let given = all.asked().last().expect("a message")["content"].as_str().unwrap_or_default().to_owned();
    assert!(given.chars().count() < 16_300 && given.contains("result_page"), "{}", given.len());
    // The model reads on, without being asked about.
    let order = format!("call: result_page {{\"call\": \"{}\", \"from\": 9000000}}", call.id);
    let read = all.ask(&order).await;
    assert!(read.calls[0].result.contains("[Characters 9000000 to 9015900 of"), "{:?}", read.calls[0].state);

    let file = all.folder.path().join("chat.json");
    all.app.chat_export(&all.chat_id, &file).await.expect("is saved");
    let copy = all.app.chat_import(&file).await.expect("is read");
    let copied = all.app.chat_get(&copy.id).await.expect("reads").messages;
    let again = copied.iter().find(|message| !message.calls.is_empty()).expect("a call");
    let page = all.app.tool_result_page(&again.id, &again.calls[0].id, 1).await;
    assert_eq!((again.calls[0].clone(), page.expect("a page").pages > 0), (read.calls[0].clone(), true));
}

#[tokio::test]
async fn a_program_that_was_killed_shows_its_calls_as_stopped() {
    let all = Fixture::open().await;
    let mut answer = all.start(all.request("call: echo {\"text\": \"x\"}")).await;
    answer.next().await.expect("waits");
    // Another process opens the same data, as after a kill.
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(all.folder.path().join("history.db"), copy.path().join("history.db")).expect("is copied");
    let wal = all.folder.path().join("history.db-wal");
    if wal.exists() {
        std::fs::copy(wal, copy.path().join("history.db-wal")).expect("is copied");
    }
    let after = open(copy.path()).await;
    let message = after.chat_get(&all.chat_id).await.expect("reads").messages.pop().expect("a message");
    assert_eq!((message.state, states(&message)), (MessageState::Interrupted, vec![ToolCallState::Stopped]));
    assert_eq!(message.text, "Let me look. ", "the text before a call is stored with it");
    all.app.answer_stop(&all.chat_id).await.expect("stops");
}

#[tokio::test]
async fn servers_are_read_added_changed_switched_and_removed() {
    let all = Fixture::open().await;
    let json = r#"{"mcpServers": {"web": {"url": "http://127.0.0.1:9/mcp", "headers": {"X-Key": "k"}}}}"#;
    let mut read = all.app.tool_servers_read(json).await.expect("reads");
    assert_eq!(
        all.app.tool_servers_read("{").await.expect_err("is no JSON").code,
        ErrorCode::ToolServersUnreadable
    );
    assert_eq!(all.app.tools().await.expect("lists").servers.len(), 2, "reading adds nothing");
    let web = all.app.tool_server_add(read.remove(0)).await.expect("is added");
    let ToolServerState::Failed { error } = &web.state else { panic!("nothing is there: {web:?}") };
    assert_eq!(error.code, ErrorCode::ToolServerFailed);
    // A question says it, instead of going without the tools.
    let refused = all.app.answer_start(all.request("hi"), Box::new(|_| {})).await.expect_err("is said");
    assert_eq!((refused.code, refused.detail["name"].as_str()), (ErrorCode::ToolServerFailed, "web"));
    all.app.tool_server_remove("web").await.expect("is removed");
    assert_eq!(
        all.app.tool_server_remove("web").await.expect_err("is gone").code,
        ErrorCode::ToolServerNotFound
    );
    assert!(all.app.tool_server_remove(BUILT_IN_TOOLS).await.is_err());

    let kept = ToolServerSpec { name: "Renamed".into(), ..server("") };
    let ToolTransport::Stdio { command, args, folder, .. } = kept.transport else { panic!("a program") };
    let env = vec![ToolSecret { name: "TOKEN".into(), value: None }];
    let transport = ToolTransport::Stdio { command, args, folder, env };
    let changed =
        all.app.tool_server_change("test-server", ToolServerSpec { name: kept.name, transport }).await;
    assert_eq!(changed.expect("is changed").name, "Renamed");
    let message = all.ask("call: environment").await;
    assert!(message.calls[0].result.contains("TOKEN"), "its value was kept");
    for entry in std::fs::read_dir(all.folder.path()).expect("a folder").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{:?}", entry.path());
    }
    let off = all.app.tool_server_switch("test-server", false).await.expect("is off");
    assert_eq!((off.on, off.state, off.tools.len()), (false, ToolServerState::Stopped, 9));
    let message = all.ask("call: echo {}").await;
    assert_eq!(message.calls, [], "nothing is offered, so nothing is called");
}

#[tokio::test]
async fn the_built_in_tools_are_off_until_they_are_wanted() {
    let all = Fixture::open().await;
    let built_in = all.app.tools().await.expect("lists").servers.remove(0);
    assert_eq!((built_in.id.as_str(), built_in.on, built_in.tools.len()), (BUILT_IN_TOOLS, false, 4));
    all.app.tool_server_switch(BUILT_IN_TOOLS, true).await.expect("is on");
    let message = all.ask("call: run_javascript {\"code\": \"6 * 7\"}\ncall: now {\"time_zone\": \"UTC\"}\nthen: search_web {\"query\": \"x\"}").await;
    assert_eq!(message.calls[0].result, "42");
    assert!(message.calls[1].result.contains("(UTC)"), "{}", message.calls[1].result);
    assert_eq!(message.calls[2].state, ToolCallState::Failed, "it is not offered without a service");
    let private = all.ask("call: read_web_page {\"url\": \"http://127.0.0.1/\"}").await;
    assert!(private.calls[0].result.contains("do not reach"), "{:?}", private.calls[0]);
}
