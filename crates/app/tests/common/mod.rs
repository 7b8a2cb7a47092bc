//! What the tests of the use cases share: an app on a data folder of its own, without a worker's program, and
//! a service of the test cloud.
#![allow(dead_code, reason = "every test program uses a part of it")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::{App, Host, Paths, SecretBackend};
use contract::{AnswerEvent, AppEvent, EndpointSpec, ErrorView, MessageView, SendRequest};

/// A host that passes over every event.
pub struct NoHost;

impl Host for NoHost {
    fn emit(&self, _: AppEvent) {}
}

/// Everything is in the data folder; the worker's program and the Guide are missing.
pub fn paths(data: &Path) -> Paths {
    Paths {
        data_dir: data.to_owned(),
        models_dir: data.join("models"),
        engine_binary: data.join("no-engine"),
        guide_dir: data.join("no-guide"),
        home_dir: None,
    }
}

/// With its keys in a file of the data folder.
pub async fn open(data: &Path) -> App {
    open_for(data, Arc::new(NoHost)).await
}

/// As [`open`], for a host that looks at the events.
pub async fn open_for(data: &Path, host: Arc<dyn Host>) -> App {
    App::open_with_secrets(paths(data), host, SecretBackend::File).await.expect("opens")
}

/// A service of this provider at an address, with its key.
pub fn service(provider: &str, address: &str, key: &str) -> EndpointSpec {
    EndpointSpec {
        provider_id: provider.into(),
        name: String::new(),
        address: address.into(),
        key: key.into(),
        models: Vec::new(),
    }
}

/// Asks, and returns the message as it is stored at the end.
pub async fn send(app: &App, request: SendRequest) -> Result<MessageView, ErrorView> {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(30), events.recv()).await {
        if let AnswerEvent::Finished { message } | AnswerEvent::Failed { message, .. } = event {
            return Ok(message);
        }
    }
    panic!("no terminal event came")
}
