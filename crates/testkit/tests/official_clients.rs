//! The official Python clients of both hubs download the Guide from the test hub: the reference for its
//! protocols.
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::TestHub;

const REPOSITORY: &str = "whaledeck/guide";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

async fn download_with(script: &str, endpoint: fn(&TestHub) -> &str) {
    let Some(python) = std::env::var_os("WHALEDECK_PYTHON") else {
        println!("not run: WHALEDECK_PYTHON names no Python with the clients (make test sets it)");
        return;
    };
    let guide = root().join("assets/guide-model");
    let hub = TestHub::start(&[(REPOSITORY, &guide)]).await.expect("the hub starts");
    let mut client = Command::new(python);
    client.arg(root().join("tests/hub-clients").join(script)).args([endpoint(&hub), REPOSITORY]).arg(&guide);
    // A configured proxy would not reach the hub, and tokens must not be sent.
    client.env("NO_PROXY", "*").env_remove("HF_TOKEN").env_remove("MODELSCOPE_API_TOKEN");
    client.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = tokio::task::spawn_blocking(move || client.output()).await.expect("it is waited for");
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(hub.bytes_served() > 10_000_000, "it came from the hub");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_hugging_face_client_is_served() {
    download_with("hugging_face.py", TestHub::hugging_face_endpoint).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_model_scope_client_is_served() {
    download_with("model_scope.py", TestHub::model_scope_endpoint).await;
}
