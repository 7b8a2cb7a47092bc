//! A test hub that serves a small folder as a model of the catalogue, and a data folder whose settings use
//! the hub.
use std::sync::Arc;

use tempfile::TempDir;
use testkit::TestHub;

/// A model of the catalogue.
pub const MODEL: &str = "deepseek-r1-distill-qwen-1.5b";
pub const WEIGHTS: &str = "model.safetensors";
const REPOSITORY: &str = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B";

struct NullHost;

impl app::Host for NullHost {
    fn emit(&self, _: contract::AppEvent) {}
}

/// The model consists of these weights and an empty configuration.
pub async fn serve(weights: &[u8]) -> (TestHub, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(WEIGHTS), weights).expect("is written");
    std::fs::write(folder.path().join("config.json"), "{}").expect("is written");
    let hub = TestHub::start(&[(REPOSITORY, folder.path())]).await.expect("the hub starts");
    let data = tempfile::tempdir().expect("a folder");
    let paths = app::Paths {
        data_dir: data.path().to_owned(),
        models_dir: data.path().join("models"),
        engine_binary: data.path().join("no-engine"),
        guide_dir: data.path().join("no-guide"),
        home_dir: None,
    };
    let app = app::App::open(paths, Arc::new(NullHost)).await.expect("the app opens");
    let mut settings = app.settings().await.expect("there are settings");
    settings.hugging_face_endpoint = hub.hugging_face_endpoint().into();
    settings.model_scope_endpoint = hub.model_scope_endpoint().into();
    app.settings_save(settings).await.expect("are kept");
    (hub, data)
}
