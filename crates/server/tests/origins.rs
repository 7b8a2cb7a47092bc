//! Pages of a browser at the real worker: those of the named origins may ask and read, all others get what
//! any program without a browser gets, which a browser keeps from them.
mod worker_program;

use testkit::ScriptModel;
use worker_program::{Worker, with_headers};

const OBSIDIAN: &str = "app://obsidian.md";

fn worker() -> (tempfile::TempDir, Worker, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let template = "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}";
    ScriptModel::new(template, &["Yes", "."]).write(folder.path()).expect("written");
    // As a user may write it: with a slash at the end.
    let origin = format!("{OBSIDIAN}/");
    let mut worker = Worker::start(folder.path(), &["--allow-origin", &origin]);
    let address = worker.ready();
    (folder, worker, address)
}

#[test]
fn a_page_of_a_named_origin_asks_first_and_reads_the_answer() {
    let (_folder, _worker, address) = worker();
    let asks = format!(
        "origin: {OBSIDIAN}\r\naccess-control-request-method: POST\r\n\
         access-control-request-headers: authorization,content-type\r\n"
    );
    let (status, head, body) = with_headers(&address, "OPTIONS", "/v1/chat/completions", &asks, "");
    assert_eq!((status, body.as_str()), (204, ""), "{head}");
    for line in [
        "access-control-allow-origin: app://obsidian.md",
        "access-control-allow-headers: authorization,content-type",
        "access-control-allow-methods: get, post",
        "vary: origin",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    let origin = format!("origin: {OBSIDIAN}\r\n");
    let question = r#"{"messages": [{"role": "user", "content": "Well?"}]}"#;
    let (status, head, body) = with_headers(&address, "POST", "/v1/chat/completions", &origin, question);
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("access-control-allow-origin: app://obsidian.md"), "{head}");
    // An error must be readable too, or a plugin shows nothing but "failed to fetch".
    let (status, head, _) = with_headers(&address, "POST", "/v1/chat/completions", &origin, "{");
    assert_eq!(status, 400);
    assert!(head.contains("access-control-allow-origin: app://obsidian.md"), "{head}");
}

#[test]
fn no_other_page_is_allowed() {
    let (_folder, _worker, address) = worker();
    for other in ["https://example.com", "null", "app://obsidian.md.example.com", "http://127.0.0.1"] {
        let asks = format!("origin: {other}\r\naccess-control-request-method: POST\r\n");
        let (status, head, _) = with_headers(&address, "OPTIONS", "/v1/chat/completions", &asks, "");
        assert!(status >= 400, "{other}: {status}");
        assert!(!head.contains("access-control-allow"), "{other}: {head}");
        let origin = format!("origin: {other}\r\n");
        let (_, head, _) = with_headers(&address, "GET", "/v1/models", &origin, "");
        assert!(!head.contains("access-control-allow"), "{other}: {head}");
    }
}
