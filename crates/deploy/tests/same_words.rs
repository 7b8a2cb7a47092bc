//! The worker beside other engines on the same weights: the same question gives the same text. The Guide is a
//! trained model, so the margins between its tokens are larger than the rounding of a KV cache.
#![cfg(target_os = "linux")]
mod fixture;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use deploy::remote::{Deployment, Host};
use endpoint::{Address, ChatRequest, Endpoint, EndpointError, provider};
use fixture::{Fixture, answer, free_port, greedy, llama, test_timing};
use futures_util::StreamExt;

const QUESTIONS: [&str; 5] = [
    "Which DeepSeek model should I run on a 24 GB GPU?",
    "What can I do with Whaledeck?",
    "Hello",
    "How much memory does R1 need?",
    "我有一块 24 GB 的显卡，该用哪个模型？",
];

/// The worker on a model file, and its endpoint.
struct Worker(Child, Endpoint);

impl Worker {
    /// `name` is the model id of requests.
    fn start(model: &Path, name: &str) -> Option<Self> {
        let program = std::env::var_os("WHALEDECK_ENGINE").filter(|it| !it.is_empty())?;
        let mut child = Command::new(program)
            .args(["serve", "--context", "1024", "--cache-dtype", "bf16", "--model-name", name, "--model"])
            .arg(model)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the worker starts");
        let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines().map_while(Result::ok);
        let listening = lines.next().expect("the worker says where it is");
        let address = listening.split('"').find(|word| word.contains("127.0.0.1")).expect("an address");
        let address = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        assert!(lines.any(|line| line.contains("\"event\":\"ready\"")), "it loads");
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self(child, Endpoint::new(address, None)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asserts the same text, prompt length and finish reason.
async fn same(ours: &Endpoint, theirs: &Endpoint, request: &ChatRequest) {
    let (ours, theirs) = (answer(ours, request).await, answer(theirs, request).await);
    assert_eq!(ours.text, theirs.text);
    let counts = |it: &fixture::Answer| (it.usage.prompt_tokens, it.finish.clone());
    assert_eq!(counts(&ours), counts(&theirs), "{}", ours.text);
    // Some engines count the end token, too.
    let more = theirs.usage.completion_tokens.0.abs_diff(ours.usage.completion_tokens.0);
    assert!(more <= u32::from(ours.finish == "stop"), "{more} more tokens: {}", ours.text);
    assert!(ours.pieces > 1 && theirs.pieces > 1, "{}", ours.text);
}

#[tokio::test]
async fn our_worker_and_llama_server_write_the_same_from_one_file() {
    let plan = llama();
    let Some(fixture) = Fixture::real(&plan) else { return };
    let file = std::env::var_os("WHALEDECK_GUIDE_GGUF").expect("is there");
    let Some(worker) = Worker::start(Path::new(&file), fixture::MODEL) else { return };
    let record = fixture.record_on("", vec![Host::Local], free_port(), &plan);
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    let llama = deployment.ready().await.unwrap_or_else(|failure| panic!("{failure:?}"));
    for question in QUESTIONS {
        same(&worker.1, &llama, &greedy(question, 64)).await;
    }
    deployment.stop().await.expect("it stops");
}

/// `make test-engines` starts `transformers serve` on the Guide.
#[tokio::test]
async fn our_worker_and_transformers_serve_write_the_same_and_it_is_understood() {
    let named = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
    let (Some(address), Some(model)) =
        (named("WHALEDECK_TRANSFORMERS"), named("WHALEDECK_TRANSFORMERS_MODEL"))
    else {
        return println!("not run: there is no `transformers serve`; `make test-engines` starts one");
    };
    let worker = Worker::start(&PathBuf::from(&model), &model).expect("there is a worker");
    let address = Address::parse(&format!("{address}/v1")).expect("an address");
    let theirs = Endpoint::for_service(address, None, provider("custom").expect("is there").dialect.clone());
    let request = |text, max_tokens| ChatRequest { model: model.clone(), ..greedy(text, max_tokens) };
    for question in QUESTIONS {
        same(&worker.1, &theirs, &request(question, 64)).await;
    }

    // The list of models is empty, and fails where no model was ever downloaded.
    match theirs.models().await {
        Ok(models) => assert_eq!(models, Vec::<String>::new()),
        Err(error) => assert!(matches!(error, EndpointError::Server { status: 500, .. }), "{error:?}"),
    }
    // An unknown parameter is rejected with the server's message.
    let refused = async |request: ChatRequest| match theirs.chat(&request).await.err() {
        Some(EndpointError::Server { status, message, .. }) => (status, message),
        other => panic!("{other:?}"),
    };
    let (status, message) = refused(ChatRequest { top_k: Some(40), ..request("Hi", 8) }).await;
    assert!(status == 422 && message.contains("Unexpected fields") && message.contains("top_k"), "{message}");
    let (status, message) = refused(greedy("Hi", 8)).await;
    assert!(status == 400 && message.contains("pinned"), "{message}");
    // A dropped stream cancels the request: the next answer does not wait for it.
    let mut deltas = theirs.chat(&request("Tell me all you know.", 1500)).await.expect("it answers");
    deltas.next().await.expect("a piece").expect("a word");
    drop(deltas);
    assert!(answer(&theirs, &request("Hello", 8)).await.pieces > 1);
}
