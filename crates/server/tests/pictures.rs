//! The real program on a tiny DeepSeek-VL2: a chat with a picture is answered as the reference answers,
//! greedily token for token; what it cannot take is refused by a code.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};

struct Worker {
    child: Child,
    address: String,
}

impl Worker {
    fn start(model: &Path) -> Self {
        Self::start_with(model, &[])
    }

    fn start_with(model: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"))
            .args(["serve", "--model"])
            .arg(model)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let mut address = None;
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            let value: Value = serde_json::from_str(&line.expect("a line")).expect("it is JSON");
            match value["event"].as_str() {
                Some("listening") => address = value["address"].as_str().map(|a| a.replace("http://", "")),
                Some("ready") => break,
                Some("failed") => panic!("{value}"),
                _ => {}
            }
        }
        Self { child, address: address.expect("it listens") }
    }

    fn send(&self, path: &str, body: &Value) -> TcpStream {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).expect("it answers");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .expect("it is sent");
        stream
    }

    fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let mut stream = self.send(path, body);
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it is answered");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        (status, serde_json::from_str(body).expect("it is JSON"))
    }

    fn chat(&self, messages: &Value) -> (u16, Value) {
        let body = json!({"messages": messages, "temperature": 0, "max_tokens": 32, "logprobs": true});
        self.ask("/v1/chat/completions", &body)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A BMP as tests/fixtures/vl2/make_pixels.py draws.
fn drawn(width: u32, height: u32) -> String {
    let stride = (width * 3).next_multiple_of(4);
    let size = stride * height;
    let mut bytes = b"BM".to_vec();
    for number in [54 + size, 0, 54, 40, width, height, 1 | 24 << 16, 0, size, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    for y in (0..height).rev() {
        let start = bytes.len();
        for x in 0..width {
            for c in [2, 1, 0u32] {
                let mixed = x * 73 + y * 151 + c * 199 + x.wrapping_mul(y) % 251 * 31;
                bytes.push((mixed.wrapping_mul(2_654_435_761) >> 13) as u8);
            }
        }
        bytes.resize(start + stride as usize, 0);
    }
    url(&bytes)
}

fn url(bytes: &[u8]) -> String {
    format!("data:image/bmp;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn shows(url: &str, text: &str) -> Value {
    json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]}])
}

#[test]
fn a_chat_with_a_picture_is_answered_as_the_reference_answers() {
    for case in ["tiny", "vl2"] {
        let model = root().join("tests/fixtures/vl2").join(case);
        let reference = std::fs::read(model.join("reference.json")).expect("the fixture is there");
        let reference: Value = serde_json::from_slice(&reference).expect("it is JSON");
        let talk = &reference["talks"][1];
        let worker = Worker::start(&model);
        let messages = shows(&drawn(40, 31), "What is this?");
        let (status, reply) = worker.chat(&messages);
        assert_eq!(status, 200, "{reply}");
        let prompt = talk["input_ids"].as_array().expect("tokens").len();
        assert_eq!(reply["usage"]["prompt_tokens"], prompt, "{case}");
        // The cache is bf16 here, and the reference's fp32: a near tie may go the other way later in the
        // answer.
        let drawn_logprobs =
            reply["choices"][0]["logprobs"]["content"].as_array().expect("one for each token");
        let tokenizer = checkpoint::TokenizerSource::Folder(model.clone());
        let (tokenizer, _) = text::Tokenizer::open_with_images(&tokenizer).expect("it opens");
        let greedy: Vec<u32> = serde_json::from_value(talk["greedy"].clone()).expect("tokens");
        for (place, id) in greedy.iter().take(4).enumerate() {
            let expected = tokenizer.bytes(*id);
            assert_eq!(drawn_logprobs[place]["bytes"], json!(expected), "{case}, token {place}");
        }
        // The same again comes from the cache, another picture of the same size does not.
        let (_, again) = worker.chat(&messages);
        let cached = |reply: &Value| reply["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64();
        assert!(cached(&again) > Some(15), "{again}");
        assert_eq!(again["choices"][0]["message"], reply["choices"][0]["message"], "{case}");
        let (_, other) = worker.chat(&shows(&drawn(31, 40), "What is this?"));
        assert!(cached(&other) < Some(15), "only the words before the picture: {other}");
    }
}

#[test]
fn a_stream_says_how_far_it_is_with_the_pictures_before_the_first_word() {
    let worker = Worker::start(&root().join("tests/fixtures/vl2/tiny"));
    let picture = |width| json!({"type": "image_url", "image_url": {"url": drawn(width, 31)}});
    let content = json!([picture(40), picture(41), {"type": "text", "text": "x"}]);
    let body = json!({"messages": [{"role": "user", "content": content}], "max_tokens": 2, "stream": true});
    let mut stream = worker.send("/v1/chat/completions", &body);
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it is answered");
    let chunks = reply.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    let deltas: Vec<Value> = chunks.map(|chunk: Value| chunk["choices"][0]["delta"].clone()).collect();
    let is_looking = |delta: &&Value| delta["whaledeck"]["looking"].is_object();
    let looking: Vec<&Value> = deltas.iter().filter(is_looking).map(|d| &d["whaledeck"]["looking"]).collect();
    let of = |at: usize, field: &str| looking[at][field].as_u64().expect("a number");
    assert!((of(0, "picture"), of(0, "pictures"), of(0, "done")) == (1, 2, 0), "{looking:?}");
    assert!(looking.iter().any(|one| one["picture"] == 2), "{looking:?}");
    let last = looking.len() - 1;
    assert_eq!((of(last, "picture"), of(last, "done")), (2, of(last, "all")));
    let word = deltas.iter().position(|delta| delta["content"].as_str().is_some_and(|text| !text.is_empty()));
    let until = deltas.iter().rposition(|delta| is_looking(&delta)).expect("it looked");
    assert!(word.is_none_or(|word| until < word), "{deltas:?}");
}

#[test]
fn what_is_no_picture_for_this_model_has_its_code() {
    let worker = Worker::start(&root().join("tests/fixtures/vl2/tiny"));
    let code = |url: &str| {
        let (status, reply) = worker.chat(&shows(url, "x"));
        assert_eq!(status, 400, "{reply}");
        reply["error"]["code"].as_str().expect("a code").to_owned()
    };
    assert_eq!(code("https://example.org/a.png"), "picture_not_allowed");
    assert_eq!(code("file:///etc/passwd"), "picture_not_allowed");
    assert_eq!(code("data:image/png;base64,!!!"), "invalid_image");
    assert_eq!(code(&url(b"no picture")), "invalid_image");
    let (status, reply) = worker.chat(&json!([{"role": "user", "content": "words alone"}]));
    assert_eq!(status, 200, "{reply}");

    let guide = Worker::start(&root().join("assets/guide-model"));
    let (status, reply) = guide.chat(&shows(&drawn(8, 8), "x"));
    assert_eq!((status, reply["error"]["code"].as_str()), (400, Some("unsupported_content")));
}

#[test]
fn a_file_is_read_only_from_a_folder_that_was_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let encoded = drawn(40, 31);
    let encoded = encoded.split_once("base64,").expect("a data URL").1;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).expect("is base64");
    std::fs::write(folder.path().join("drawn.bmp"), bytes).expect("is written");
    let allowed = folder.path().to_str().expect("text");
    let worker =
        Worker::start_with(&root().join("tests/fixtures/vl2/tiny"), &["--allow-picture-folder", allowed]);
    let url = format!("file://{allowed}/drawn.bmp");
    let (status, reply) = worker.chat(&shows(&url, "What is this?"));
    assert_eq!(status, 200, "{reply}");
    let (_, same) = worker.chat(&shows(&drawn(40, 31), "What is this?"));
    assert_eq!(reply["choices"][0]["message"], same["choices"][0]["message"], "it is the same picture");
    let (status, reply) = worker.chat(&shows("file:///etc/hostname", "x"));
    assert_eq!((status, reply["error"]["code"].as_str()), (400, Some("picture_not_allowed")));
}
