//! SmolLM2-135M-Instruct, a model that others trained and converted, beside llama.cpp's server: the same
//! weights and questions give the same greedy tokens. The server gets the file's weights in f32, because it
//! rounds activations to 8 bits where weights are quantised: then it says that the capital of France is
//! "L'Étoile". `make test` fetches the file and builds the server.
mod worker_program;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use worker_program::{KEY, Worker, post, status};

const QUESTIONS: [&str; 5] = [
    "What is the capital of France?",
    "Explain in two sentences why the sky is blue.",
    "List the first five prime numbers.",
    "Write a short poem about the sea.",
    "How do I boil an egg?",
];
const TOKENS: u64 = 64;

/// llama.cpp's server with the file.
struct LlamaServer {
    child: Child,
    address: String,
}

impl LlamaServer {
    fn start(program: &Path, file: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let child = Command::new(program)
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--ctx-size", "2048"])
            .args(["--parallel", "1", "--api-key", KEY, "--model"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let server = Self { child, address: format!("http://127.0.0.1:{port}") };
        let end = Instant::now() + Duration::from_secs(120);
        while status(&server.address, "/health") != Some(200) {
            assert!(Instant::now() < end, "llama-server does not load the file");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text, and the tokens of the prompt. Those of an answer that ended are counted differently: the server
/// counts the one that ends it too.
fn ask(address: &str, question: &str) -> (String, Value) {
    let body = json!({
        "messages": [{"role": "user", "content": question}],
        "temperature": 0, "max_tokens": TOKENS,
    });
    let (status, reply) = post(address, "/v1/chat/completions", &body);
    assert_eq!(status, 200, "{reply}");
    let text = reply["choices"][0]["message"]["content"].as_str().expect("a text").to_owned();
    (text, reply["usage"]["prompt_tokens"].clone())
}

#[test]
fn a_real_trained_model_answers_as_in_llama_cpp() {
    let given = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let (Some(file), Some(program), Some(python)) =
        (given("WHALEDECK_SMOLLM2"), given("WHALEDECK_LLAMA_SERVER"), given("WHALEDECK_PYTHON"))
    else {
        println!("not run: SmolLM2, llama-server or Python is not there; `make test` fetches all");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let wide = folder.path().join("f32.gguf");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/engines/dequantize.py");
    let done = Command::new(python).arg(script).arg(&file).arg(&wide).status().expect("Python runs");
    assert!(done.success());
    let theirs = LlamaServer::start(&program, &wide);
    // llama-server multiplies the f32 file in f32.
    let mut worker = Worker::start(&file, &["--place", "cpu", "--activations", "f32"]);
    let address = worker.ready();
    // A dense model has no experts to show, and says so.
    for (route, body) in [
        ("prompt_routing", json!({"text": "Hello"})),
        ("all_experts", json!({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4})),
    ] {
        let (status, reply) = post(&address, &format!("/v1/whaledeck/{route}"), &body);
        assert_eq!((status, &reply["error"]["code"]), (400, &json!("no_experts")), "{reply}");
    }
    for question in QUESTIONS {
        let want = ask(&theirs.address, question);
        assert_eq!(ask(&address, question), want, "{question}");
    }
}
