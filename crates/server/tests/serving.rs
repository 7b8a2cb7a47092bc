//! The worker as other programs meet it: named keys from a file that changes while it runs, a rate limit, no
//! page of a browser, and an access log without prompts or answers.
mod worker_program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use worker_program::{Worker, usage_error};

fn key_file(path: &Path, keys: &[(&str, &str, &str)]) {
    let hash = |key: &str| hex::encode(Sha256::digest(key.as_bytes()));
    let entries: Vec<String> = keys
        .iter()
        .map(|(name, key, expires)| {
            format!("{{\"name\":\"{name}\",\"hash\":\"{}\",\"expires\":{expires}}}", hash(key))
        })
        .collect();
    std::fs::write(path, format!("{{\"version\":1,\"keys\":[{}]}}", entries.join(","))).expect("is written");
    // Two writings within one tick of the clock are two all the same.
    let later = SystemTime::now() + Duration::from_secs(keys.len() as u64 + 1);
    std::fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(later))
        .expect("is set");
}

/// Head and body of what is answered.
fn ask(address: &str, method: &str, path: &str, head: &str, body: &str) -> String {
    let host = address.strip_prefix("http://").expect("an address");
    let mut socket = TcpStream::connect(host).expect("it listens");
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{head}content-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    )
    .expect("sent");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("an answer");
    reply
}

fn with(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

#[test]
fn other_programs_come_in_with_their_keys_only_and_are_noted_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let (keys, log) = (folder.path().join("keys.json"), folder.path().join("requests.jsonl"));
    key_file(&keys, &[("laptop", "wd-marked-1", "null"), ("old", "wd-marked-2", "1")]);
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let words = [
        "--keys",
        keys.to_str().expect("is UTF-8"),
        "--rate",
        "4",
        "--request-log",
        log.to_str().expect("is UTF-8"),
    ];
    let mut worker = Worker::start(&guide, &[&["--host", "0.0.0.0"][..], &words].concat());
    let address = worker.ready();
    assert!(
        address.starts_with("http://127.0.0.1:"),
        "the parent process gets a loopback address: {address}"
    );

    let question = "{\"messages\":[{\"role\":\"user\",\"content\":\"What is a narwhal?\"}],\"max_tokens\":8,\"stream\":true,\
                    \"stream_options\":{\"include_usage\":true}}";
    let answer = ask(&address, "POST", "/v1/chat/completions", &with("wd-marked-1"), question);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("[DONE]"), "{answer}");
    for wrong in [String::new(), with("wd-marked-2"), with("wd-other")] {
        assert!(ask(&address, "GET", "/v1/models", &wrong, "").starts_with("HTTP/1.1 401"), "{wrong}");
    }
    // No CORS header: a page of a browser cannot read the answer.
    let page = "origin: http://evil.example\r\naccess-control-request-method: POST\r\n";
    for (method, head) in [("OPTIONS", page.to_owned()), ("GET", format!("{page}{}", with("wd-marked-1")))] {
        let reply = ask(&address, method, "/v1/models", &head, "").to_lowercase();
        assert!(!reply.contains("access-control-allow"), "{reply}");
    }
    let mut last = String::new();
    for _ in 0..4 {
        last = ask(&address, "GET", "/v1/models", &with("wd-marked-1"), "");
    }
    assert!(last.starts_with("HTTP/1.1 429") && last.to_lowercase().contains("\r\nretry-after: "), "{last}");
    assert!(last.contains("rate_limit_exceeded"), "{last}");

    key_file(&keys, &[("phone", "wd-marked-3", "null")]);
    assert!(
        ask(&address, "GET", "/v1/models", &with("wd-marked-1"), "").starts_with("HTTP/1.1 401"),
        "taken back"
    );
    assert!(
        ask(&address, "GET", "/v1/models", &with("wd-marked-3"), "").starts_with("HTTP/1.1 200"),
        "added"
    );

    let log_text = std::fs::read_to_string(&log).expect("is written");
    let lines: Vec<serde_json::Value> =
        log_text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(
        (&lines[0]["key"], &lines[0]["status"], &lines[0]["whole"]),
        (&"laptop".into(), &200.into(), &true.into())
    );
    assert!(
        lines[0]["completion_tokens"].as_u64().is_some_and(|count| (1..=8).contains(&count)),
        "{log_text}"
    );
    assert!(lines.iter().any(|line| line["status"] == 401) && lines.iter().any(|line| line["status"] == 429));
    for secret in ["narwhal", "wd-marked", "evil.example"] {
        assert!(!log_text.contains(secret), "{log_text}");
    }
    worker.stop();
}

#[test]
fn nothing_is_served_beyond_this_computer_without_keys() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    assert!(usage_error(&guide, &["--rate", "3"]).contains("--keys"));
}
