//! API access from the command line: keys, a request of another program with a key, and its entry in the log.
//! Other programs are plain HTTP clients here.
#![cfg(unix)]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use contract::{SharingKey, SharingRequest};

use crate::host::ONE_WORKER;
use crate::programs::{LANGS, cli, lines, run};

fn serve(data: &Path, lang: &str, args: &[&str]) -> Command {
    let mut command = cli(data, lang);
    command.env("WHALEDECK_KEYS", "file").arg("serve").args(args);
    command
}

/// The status line of the reply to a short prompt.
pub fn status(port: u16, key: &str) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let body = "{\"messages\":[{\"role\":\"user\",\"content\":\"What is a narwhal?\"}],\"max_tokens\":4}";
    write!(
        socket,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .expect("is sent");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("an answer");
    reply.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_program_with_a_key_is_served_and_noted() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let refused = run(&mut serve(place, LANGS[0], &[]));
    refused.refused(LANGS[0], "invalid_input", "This value is not allowed", "这个值不允许");
    let made = run(&mut serve(place, LANGS[0], &["keys", "add", "laptop", "--days", "30"]));
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("wd-") && made.err.contains("shown this once"), "{made:?}");
    let other = run(&mut serve(place, LANGS[1], &["keys", "add", "手机"]));
    assert!(other.err.contains("只显示这一次"), "{other:?}");

    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let mut command = serve(place, LANGS[0], &["--host", "0.0.0.0", "--port", &port.to_string()]);
    let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut output = BufReader::new(program.stdout.take().expect("is piped")).lines();
    let first = output.next().expect("a line").expect("is text");
    assert_eq!(first, format!("guide: http://127.0.0.1:{port}/v1"));
    assert!(status(port, &key).contains(" 200 "));
    assert!(status(port, "wd-wrong").contains(" 401 "));
    let back = run(&mut serve(place, LANGS[1], &["keys", "remove", "laptop"]));
    assert!(back.out.contains("laptop 已失效"), "{back:?}");
    assert!(status(port, &key).contains(" 401 "), "it was taken back while the worker runs");
    assert!(
        Command::new("kill").args(["-INT", &program.id().to_string()]).status().expect("kill runs").success()
    );
    let mut warned = String::new();
    program.stderr.take().expect("is piped").read_to_string(&mut warned).expect("is text");
    assert!(
        program.wait().expect("it ends").success() && warned.contains("Open to your network"),
        "{warned}"
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nothing listens any more");

    let noted = run(&mut serve(place, LANGS[0], &["requests", "--json"]));
    let all: Vec<SharingRequest> = lines(&noted.out);
    assert_eq!(
        all.iter().map(|one| (one.key.as_str(), one.status)).collect::<Vec<_>>(),
        [("?", 401), ("?", 401), ("laptop", 200)]
    );
    assert!(all[2].completion_tokens > 0);
    let kept = run(&mut serve(place, LANGS[0], &["keys", "list", "--json"]));
    let keys: Vec<SharingKey> = serde_json::from_str(kept.out.trim()).expect("is JSON");
    assert_eq!(
        keys.iter().map(|key| (key.name.as_str(), key.expires_at.is_none())).collect::<Vec<_>>(),
        [("手机", true)]
    );
    // No file of the app has the key or a text of the request.
    for entry in std::fs::read_dir(place).expect("is there").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&key) && !text.contains("narwhal"), "{}", entry.path().display());
    }
}
