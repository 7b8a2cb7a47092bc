//! A model that Ollama has, through the real programs: found in a home folder, imported where it is, asked a
//! question, and left alone when it is removed from the list.
use std::path::{Path, PathBuf};

use contract::{AnswerEvent, ModelView, OtherProgramModel};

use crate::host::{ONE_WORKER, ask, open, root};
use crate::programs::{LANGS, cli, run};

/// A home in which Ollama has the model `coder:1`; the path of its blob.
fn home_with_ollama(home: &Path) -> PathBuf {
    let folder = home.join(".ollama/models");
    let tags = folder.join("manifests/registry.ollama.ai/library/coder");
    let digest = "c".repeat(64);
    let blob = folder.join("blobs").join(format!("sha256-{digest}"));
    std::fs::create_dir_all(&tags).expect("is made");
    std::fs::create_dir_all(folder.join("blobs")).expect("is made");
    std::fs::copy(root().join("tests/fixtures/worker/coder.gguf"), &blob).expect("is copied");
    let layer = serde_json::json!({
        "mediaType": "application/vnd.ollama.image.model", "digest": format!("sha256:{digest}"),
    });
    let manifest = serde_json::json!({ "schemaVersion": 2, "layers": [layer] });
    std::fs::write(tags.join("1"), manifest.to_string()).expect("is written");
    blob
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_ollama_is_found_and_answers_where_it_is() {
    let _alone = ONE_WORKER.lock().await;
    let (data, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let blob = home_with_ollama(home.path());
    let before = std::fs::read(&blob).expect("is there");
    let text = |lang: &str, args: &[&str]| {
        let mut command = cli(data.path(), lang);
        for variable in ["OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE", "MODELSCOPE_CACHE", "LLAMA_CACHE"] {
            command.env_remove(variable);
        }
        let output = run(command.args(args).env("HOME", home.path()));
        assert_eq!(output.code, Some(0), "{args:?}: {output:?}");
        output.out
    };
    let found = || {
        let models: Vec<OtherProgramModel> =
            serde_json::from_str(&text(LANGS[0], &["models", "--found", "--json"])).expect("a list");
        models.into_iter().find(|model| Path::new(&model.path) == blob).expect("is found")
    };
    let first = found();
    assert_eq!((&*first.program, &*first.label, first.added), ("Ollama", "coder:1", false));
    assert_eq!((first.size, first.fit.is_some()), (before.len() as f64, true));
    for (lang, verdict, hint) in [
        (LANGS[0], "coder:1: runs well", "It is linked, not copied"),
        (LANGS[1], "coder:1: 运行良好", "不会复制"),
    ] {
        let list = text(lang, &["models", "--found"]);
        assert!(list.contains(verdict) && list.contains(hint), "{list}");
    }

    let added: ModelView =
        serde_json::from_str(&text(LANGS[0], &["import", &first.path, "--json"])).expect("a model");
    assert_eq!((&*added.id, &*added.name), ("own-coder-1", "coder:1"));
    assert!(found().added);
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create(&added.id).await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    sampling.max_tokens = 8;
    app.chat_update(&chat.id, &added.id, "custom", sampling, "").await.expect("is kept");
    let events = ask(&app, &chat.id, "def area(width, height):").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("{events:?}") };
    assert!(!message.text.is_empty(), "{message:?}");
    app.worker_stop().await.expect("stops");

    text(LANGS[0], &["remove", &added.id]);
    assert_eq!(std::fs::read(&blob).expect("is still there"), before);
    assert!(!found().added);
}
