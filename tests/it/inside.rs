//! What the window shows of a running model, through the app and the real worker: traces of an answer, the
//! chapters of "How it works" for two models, and `whaledeck-cli trace`.
use contract::{AnswerEvent, ErrorCode, ModelView, NextTokenQuery, SamplingView, SendRequest, TokenTrace};

use crate::host::{ONE_WORKER, open, root};
use crate::programs::{LANGS, cli, lines, run};

/// The events of an answer with traces.
async fn traced(app: &app::App, chat_id: &str, text: &str) -> Vec<AnswerEvent> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let request =
        SendRequest { chat_id: chat_id.into(), text: text.into(), trace: true, ..SendRequest::default() };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        let last = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
        events.push(event);
        if last {
            break;
        }
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_brings_its_tokens_drafts_and_memory() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let events = traced(&app, &chat.id, "What can I do with Whaledeck?").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("{events:?}") };
    let (mut shape, mut tokens): (_, Vec<TokenTrace>) = (None, Vec::new());
    for event in &events {
        if let AnswerEvent::Traced { experts, tokens: more, .. } = event {
            shape = experts.clone().or(shape);
            tokens.extend(more.iter().cloned());
        }
    }
    let shape = shape.expect("the Guide is a mixture");
    let text: String = tokens.iter().filter_map(|token| token.text.as_deref()).collect();
    assert_eq!(text.trim(), message.text.trim());
    assert!(tokens.iter().all(|token| token.experts.len() == shape.layers.len()));
    let stats = message.stats.as_ref().expect("is measured");
    assert_eq!(tokens.len() as u32, stats.completion_tokens);
    let drafts = stats.drafts.as_ref().expect("the Guide drafts");
    let drafted = tokens.iter().filter(|token| token.drafted).count() as u32;
    assert_eq!(drafted, drafts.accepted.iter().sum::<u32>());

    let memory = app.worker_memory().await.expect("asks").expect("is loaded");
    let foreseen: f64 = memory.parts.iter().map(|part| part.foreseen).sum();
    assert!(foreseen > 0.0 && foreseen <= memory.total.foreseen, "{memory:?}");
    assert!(memory.cache.pages_kept > 0 && memory.cache.sequences.is_empty(), "{memory:?}");
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chapters_follow_the_model() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let ModelView { id: coder, .. } =
        app.model_import(&root().join("tests/fixtures/worker/coder.gguf")).await.expect("is imported");
    let mut seen = Vec::new();
    for model in ["guide", &coder] {
        let sparsity = app.explain_sparsity(model, "Hello").await.expect("is measured");
        assert!(sparsity.active_parameters < sparsity.total_parameters && sparsity.all.token_ms > 0.0);
        let routing = app.explain_routing(model, "The whale dives.").await.expect("is routed");
        let text: String = routing.tokens.iter().filter_map(|token| token.text.as_deref()).collect();
        assert_eq!(text, "The whale dives.");
        let samplings = [0.0, 1.0].map(|temperature| SamplingView { temperature, ..SamplingView::default() });
        let query = NextTokenQuery {
            model_id: model.to_owned(),
            question: "Hello".into(),
            answer: String::new(),
            samplings: samplings.to_vec(),
        };
        let chances = app.explain_next_token(query).await.expect("is computed");
        assert_eq!((chances.len(), chances[0].len(), chances[0][0].probability), (2, 1, 1.0));
        let drafts = app.explain_drafts(model, "Hello hello hello").await.expect("is answered");
        assert!(!drafts.tokens.is_empty() && drafts.stats.is_some());
        let fp8 = app.explain_fp8(model).await.expect("is read");
        assert_eq!(fp8.values.len() as u32, fp8.rows * fp8.cols);
        seen.push((sparsity.total_parameters, routing.experts, chances, fp8.values));
    }
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
    assert_ne!(seen[0].2, seen[1].2);
    assert_ne!(seen[0].3, seen[1].3);
    let elsewhere = app.explain_fp8("cloud:nobody/model").await.expect_err("is not here");
    assert_ne!(elsewhere.code, ErrorCode::Internal, "{elsewhere:?}");
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_told_the_same() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let json = run(cli(data.path(), LANGS[0]).args(["trace", "What is MoE?", "--json"]));
    let report = &lines::<serde_json::Value>(&json.out)[0];
    let layers = report["experts"]["layers"].as_array().expect("a list").len();
    let tokens = report["tokens"].as_array().expect("a list");
    assert!(
        tokens.len() > 5 && tokens.iter().all(|t| t["experts"].as_array().is_some_and(|e| e.len() == layers))
    );
    assert!(report["memory"]["total"]["measured"].as_f64().is_some_and(|bytes| bytes > 0.0), "{json:?}");
    for (lang, word) in LANGS.into_iter().zip(["Experts: ", "专家："]) {
        let plain = run(cli(data.path(), lang).args(["trace", "What is MoE?"]));
        assert!(
            plain.out.contains(word) && plain.out.contains(report["text"].as_str().expect("text").trim()),
            "{plain:?}"
        );
    }
    let chats = run(cli(data.path(), LANGS[0]).args(["chats", "list", "--json"]));
    assert_eq!(lines::<serde_json::Value>(&chats.out), [serde_json::json!([])], "nothing is kept");
}
