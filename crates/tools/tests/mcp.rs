//! Servers of the Model Context Protocol that behave and that do not, as processes. The server is the example
//! `test-mcp`; the reference servers are in the tests of the workspace.
use std::path::PathBuf;
use std::time::{Duration, Instant};

use outbound::Outbound;
use serde_json::{Map, Value, json};
use tools::{McpServer, Timeouts, ToolError, Transport};

fn test_server() -> String {
    let test = std::env::current_exe().expect("a path");
    let target: PathBuf = test.ancestors().nth(2).expect("the folder of the profile").into();
    target.join("examples/test-mcp").display().to_string()
}

fn stdio(mode: &str, env: &[(&str, &str)]) -> Transport {
    Transport::Stdio {
        command: test_server(),
        args: vec![mode.into()],
        folder: String::new(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

const SHORT: Timeouts = Timeouts {
    start: Duration::from_secs(10),
    call: Duration::from_secs(3),
    longest_call: Duration::from_secs(20),
};

async fn start() -> McpServer {
    McpServer::start(&stdio("", &[("TOKEN", "s3cret")]), &Outbound::default(), SHORT).await.expect("starts")
}

fn arguments(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Whether something happens within ten seconds.
async fn soon(mut happens: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(10) {
        if happens() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn text(server: &McpServer, tool: &str, value: Value) -> String {
    server.call(tool, arguments(value)).await.expect("comes through").text
}

#[tokio::test]
async fn tools_are_listed_and_called() {
    let server = start().await;
    let tools = server.tools().await.expect("lists");
    assert_eq!((tools.len(), tools[0].name.as_str(), tools[0].title.as_str()), (9, "echo", "Echo a text"));
    assert!(tools[0].read_only && !tools[1].read_only);
    assert_eq!(tools[0].schema["properties"]["text"]["type"], "string");
    assert_eq!(text(&server, "echo", json!({"text": "鲸 \"x\"\n"})).await, "鲸 \"x\"\n");
    let failed = server.call("fail", Map::new()).await.expect("is a result");
    assert_eq!((failed.text.as_str(), failed.is_error), ("there is no such file", true));
    let unknown = server.call("nothing", Map::new()).await.expect("is a result");
    assert!(unknown.is_error && unknown.text.contains("Unknown tool"), "{unknown:?}");
    let shown = text(&server, "picture", json!({})).await;
    assert_eq!(shown, "a whale\n[image: image/png, 9 bytes, not shown]\n[whale.png](file:///whale.png)");
    assert!(!server.tools_changed());
    assert_eq!(text(&server, "grow", json!({})).await, "grown");
    assert!(soon(|| server.tools_changed()).await && !server.tools_changed());
    assert_eq!(server.tools().await.expect("lists").len(), 10);
}

#[tokio::test]
async fn ten_megabytes_come_through_whole() {
    let server = start().await;
    let big = text(&server, "big", json!({})).await;
    assert!(big.len() > 10_000_000 && big.ends_with("鲸\n"), "{}", big.len());
}

#[tokio::test]
async fn a_server_that_ends_or_is_silent_is_said_and_the_rest_goes_on() {
    let server = start().await;
    let silent = server.call("hang", Map::new()).await.expect_err("is silent");
    assert_eq!(silent, ToolError::Timeout(SHORT.call));
    assert_eq!(text(&server, "echo", json!({"text": "still here"})).await, "still here");
    assert!(soon(|| server.stderr().concat().contains("cancelled")).await, "{:?}", server.stderr());
    assert_eq!(server.call("crash", Map::new()).await.expect_err("ends"), ToolError::Ended);
    assert!(server.is_closed());
    assert_eq!(server.call("echo", Map::new()).await.expect_err("is gone"), ToolError::Ended);
}

#[tokio::test]
async fn progress_makes_the_wait_longer() {
    let server = start().await;
    assert_eq!(text(&server, "slow", json!({})).await, "done");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled() {
    let server = start().await;
    let call = server.call("hang", Map::new());
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    assert!(soon(|| server.stderr().concat().contains("cancelled")).await);
}

#[tokio::test]
async fn what_does_not_start_says_why() {
    let failed = |mode: &'static str| async move {
        let quick = Timeouts { start: Duration::from_millis(500), ..SHORT };
        McpServer::start(&stdio(mode, &[]), &Outbound::default(), quick).await.err().expect("does not start")
    };
    assert_eq!(failed("silent").await.error, ToolError::StartTimeout(Duration::from_millis(500)));
    let died = failed("dies").await;
    assert!(matches!(died.error, ToolError::NotStarted { .. }), "{died:?}");
    assert_eq!(died.stderr, ["no configuration found"]);
    let missing = Transport::Stdio {
        command: "no-such-program".into(),
        args: Vec::new(),
        folder: String::new(),
        env: Vec::new(),
    };
    let missing = McpServer::start(&missing, &Outbound::default(), SHORT).await.err().expect("is missing");
    assert_eq!(missing.error, ToolError::NoProgram { command: "no-such-program".into() });
    let http = Transport::Http { url: "http://127.0.0.1:9/mcp".into(), headers: Vec::new() };
    let refused = McpServer::start(&http, &Outbound::default(), SHORT).await.err().expect("is not there");
    assert!(matches!(refused.error, ToolError::NotStarted { .. }), "{refused:?}");
    let odd = vec![("bad header".into(), "x".into())];
    let http = Transport::Http { url: "http://127.0.0.1:9/mcp".into(), headers: odd };
    assert!(McpServer::start(&http, &Outbound::default(), SHORT).await.is_err());
}

#[tokio::test]
async fn noise_before_the_protocol_does_no_harm() {
    let server = McpServer::start(&stdio("garbage", &[]), &Outbound::default(), SHORT).await.expect("starts");
    assert_eq!(text(&server, "echo", json!({"text": "a"})).await, "a");
}

#[tokio::test]
async fn a_server_gets_few_variables_and_ends_with_us() {
    let server = start().await;
    let names = text(&server, "environment", json!({})).await;
    let names: Vec<&str> = names.split(' ').collect();
    assert!(names.contains(&"TOKEN") && names.contains(&"PATH"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
    let running = || {
        std::fs::read_dir("/proc").into_iter().flatten().flatten().any(|process| {
            let own = std::fs::read_to_string(process.path().join("environ")).unwrap_or_default();
            let line = std::fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            own.contains("TOKEN=s3cret") && line.contains("ends-with-us")
        })
    };
    let own = stdio("ends-with-us", &[("TOKEN", "s3cret")]);
    let other = McpServer::start(&own, &Outbound::default(), SHORT).await.expect("starts");
    assert!(running() || !cfg!(target_os = "linux"));
    drop(other);
    let since = Instant::now();
    while running() {
        assert!(since.elapsed() < Duration::from_secs(15), "the process goes on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
