//! The reference servers of the Model Context Protocol, over standard input and output and over streamable
//! HTTP: added as a user adds them, and called by a model on loopback that calls what it is told to. And the
//! command line. Servers that misbehave are in the tests of `app`.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use contract::{AnswerEvent, EndpointSpec, SendRequest, ToolCallState, ToolDecision, ToolServerState};
use testkit::TestCloud;

use crate::host::open;
use crate::programs::{LANGS, cli, run};

/// Node, and the folder with the packages; `None` where they are not there, which is said.
fn servers() -> Option<(PathBuf, PathBuf)> {
    let found = std::env::var_os("WHALEDECK_NODE").zip(std::env::var_os("WHALEDECK_MCP_SERVERS"));
    if found.is_none() {
        println!("not run: WHALEDECK_NODE and WHALEDECK_MCP_SERVERS are not set (make test sets them)");
    }
    found.map(|(node, packages)| (node.into(), packages.into()))
}

fn program(packages: &Path, name: &str) -> String {
    packages.join("@modelcontextprotocol").join(name).join("dist/index.js").display().to_string()
}

/// Ends the process of a server over HTTP.
struct HttpServer(Child);

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn http_server(node: &Path, packages: &Path, port: u16) -> HttpServer {
    let loopback = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/loopback.cjs");
    let child = Command::new(node)
        .args(["--require", loopback, &program(packages, "server-everything"), "streamableHttp"])
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("node runs");
    let server = HttpServer(child);
    let since = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(since.elapsed() < Duration::from_secs(60), "the server does not listen");
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_servers_are_added_and_called() {
    let Some((node, packages)) = servers() else { return };
    let port = free_port();
    let _http = http_server(&node, &packages, port);
    let data = tempfile::tempdir().expect("a folder");
    let files = tempfile::tempdir().expect("a folder");
    let root = files.path().canonicalize().expect("a path");
    std::fs::write(root.join("whale.txt"), "The blue whale is the largest animal.").expect("is written");
    let (app, _host) = open(data.path()).await;
    let json = serde_json::json!({"mcpServers": {
        "files": {"command": node, "args": [program(&packages, "server-filesystem"), root]},
        "everything": {"command": node, "args": [program(&packages, "server-everything")]},
        "web": {"url": format!("http://127.0.0.1:{port}/mcp")},
    }});
    for spec in app.tool_servers_read(&json.to_string()).await.expect("reads") {
        let added = app.tool_server_add(spec).await.expect("is added");
        assert_eq!(added.state, ToolServerState::Ready, "{added:?}");
        assert!(added.tools.len() > 5, "{}: {}", added.name, added.tools.len());
    }

    let cloud = TestCloud::start("sk-tools").await.expect("starts");
    let spec = EndpointSpec {
        provider_id: "custom".into(),
        name: "Test".into(),
        address: cloud.address().into(),
        key: "sk-tools".into(),
        models: vec!["m".into()],
    };
    let endpoint = app.endpoint_add(spec).await.expect("is added");
    let chat = app.chat_create(&endpoint.models[0].id).await.expect("a chat");
    let read = serde_json::json!({"path": root.join("whale.txt")});
    let write = serde_json::json!({"path": root.join("new.txt"), "content": "written 鲸"});
    let text = format!(
        "call: read_text_file {read}\ncall: write_file {write}\nthen: everything_get-sum {{\"a\": 19, \"b\": 23}}\n\
         then: web_echo {{\"message\": \"over HTTP\"}}\nthen: read_text_file {{\"path\": \"/etc/passwd\"}}"
    );
    let request = SendRequest { chat_id: chat.id.clone(), text, tools: true, ..SendRequest::default() };
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let message = loop {
        match tokio::time::timeout(Duration::from_secs(120), events.recv()).await.expect("goes on") {
            Some(AnswerEvent::Called { call, .. }) if call.state == ToolCallState::Asking => {
                let run = ToolDecision::Run { arguments: None, always: false };
                app.tool_call_decide(&chat.id, &call.id, run).await.expect("it waits");
            }
            Some(AnswerEvent::Finished { message }) => break message,
            Some(AnswerEvent::Failed { error, .. }) => panic!("{error}"),
            _ => {}
        }
    };
    let told: Vec<(&str, ToolCallState, &str)> =
        message.calls.iter().map(|call| (call.tool.as_str(), call.state, call.result.as_str())).collect();
    assert_eq!(told[0], ("read_text_file", ToolCallState::Done, "The blue whale is the largest animal."));
    assert_eq!(std::fs::read_to_string(root.join("new.txt")).expect("was written"), "written 鲸");
    assert!(told[2].1 == ToolCallState::Done && told[2].2.contains("42"), "{told:?}");
    assert!(told[3].1 == ToolCallState::Done && told[3].2.contains("over HTTP"), "{told:?}");
    assert!(told[4].1 == ToolCallState::Failed && told[4].2.contains("denied"), "{told:?}");
}

#[test]
fn a_terminal_lists_switches_and_allows() {
    let data = tempfile::tempdir().expect("a folder");
    let tools = |lang: &str, args: &[&str]| {
        let mut command = cli(data.path(), lang);
        command.env("WHALEDECK_KEYS", "file").arg("tools").args(args);
        run(&mut command)
    };
    let listed = tools(LANGS[0], &["list"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(
        listed.out.starts_with("built-in (built in): off\n") && listed.out.contains("  now: ask"),
        "{listed:?}"
    );
    assert!(tools(LANGS[1], &["list"]).out.starts_with("built-in (内置): 已关闭\n"));
    assert!(tools(LANGS[0], &["on", "built-in"]).out.contains("): on\n"));
    assert_eq!(tools(LANGS[0], &["permission", "built-in", "now", "always"]).code, Some(0));
    assert!(tools(LANGS[0], &["list"]).out.contains("  now: runs without asking"));
    let file = data.path().join("servers.json");
    std::fs::write(&file, r#"{"mcpServers": {"lost": {"command": "no-such-program"}}}"#).expect("is written");
    let added = tools(LANGS[0], &["add", &file.display().to_string()]);
    assert!(added.out.contains("lost (lost): on") && added.out.contains("no-such-program"), "{added:?}");
    assert_eq!(tools(LANGS[0], &["remove", "lost"]).code, Some(0));
    let gone = tools(LANGS[0], &["remove", "lost"]);
    assert!(gone.code != Some(0) && gone.err.contains("not there"), "{gone:?}");
    std::fs::write(&file, "{").expect("is written");
    assert_ne!(tools(LANGS[0], &["add", &file.display().to_string()]).code, Some(0));
}
