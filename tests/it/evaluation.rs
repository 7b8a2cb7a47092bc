//! The evaluation of a preset through the real worker and a cloud service: a model that knows the facts
//! scores high, one that writes given answers scores what they are worth, and a stop ends it.
use std::time::Duration;

use contract::{
    ClaimVerdict, EndpointSpec, EvaluationEvent, EvaluationMeasure, EvaluationRequest, EvaluationResult,
    EvaluationSet, UnconfirmedReason, WhenBusy,
};
use testkit::{CloudResponse, PLAIN_TEMPLATE, ScriptModel, TestCloud};

use crate::host::{ONE_WORKER, open};
use crate::programs::{LANGS, cli, run};
use crate::scripts::import;

fn request(model_id: &str, set: EvaluationSet) -> EvaluationRequest {
    EvaluationRequest {
        model_id: model_id.into(),
        set,
        preset_id: None,
        seeds: 2,
        prompts: Some(4),
        max_tokens: Some(128),
        when_busy: WhenBusy::Ask,
    }
}

/// Every event up to the terminal one, with a stop after the first answer where that is wanted.
async fn events(app: &app::App, request: EvaluationRequest, stop: bool) -> Vec<EvaluationEvent> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    app.evaluation_start(request, Box::new(move |event| _ = sender.send(event))).await.expect("starts");
    let mut events = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(300), receiver.recv()).await {
        if stop && matches!(event, EvaluationEvent::Progress { done: 1, .. }) {
            app.evaluation_stop().await.expect("is told");
        }
        events.push(event);
    }
    events
}

async fn evaluate(app: &app::App, request: EvaluationRequest) -> EvaluationResult {
    let events = events(app, request, false).await;
    let Some(EvaluationEvent::Finished { result }) = events.last() else { panic!("{events:?}") };
    let total = result.prompts * result.seeds * 2;
    let expected = (0..=total).map(|done| EvaluationEvent::Progress { done, total });
    assert!(events[..events.len() - 1].iter().cloned().eq(expected), "{events:?}");
    result.clone()
}

/// The scores by seed, without and with the preset.
fn values(result: &EvaluationResult, measure: EvaluationMeasure) -> (Vec<f64>, Vec<f64>) {
    let score = result.scores.iter().find(|score| score.measure == measure).expect("is measured");
    (score.without.values.clone(), score.with.values.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_knows_its_facts_and_writes_no_programs() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let facts = EvaluationRequest { prompts: Some(10), ..request("guide", EvaluationSet::Factual) };
    let result = evaluate(&app, facts).await;
    let score = &result.scores[0];
    assert!(score.without.mean >= 0.7 && score.with.mean >= 0.7, "{result:?}");
    assert_eq!((score.claim, result.preset_id.as_str(), result.cut), (Some(0.12), "factual", 0));

    let code = EvaluationRequest { prompts: Some(2), ..request("guide", EvaluationSet::Code) };
    let result = evaluate(&app, code).await;
    assert_eq!(values(&result, EvaluationMeasure::Passed), (vec![0.0; 2], vec![0.0; 2]));
    let score = &result.scores[0];
    let expected = (Some(ClaimVerdict::CannotBeConfirmed), Some(UnconfirmedReason::NoBaseline));
    assert_eq!((score.verdict, score.reason), expected);
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_written_program_is_worth_the_tests_that_it_passes() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    // It solves the first task; the others ask for another function.
    let right =
        ["```js\nfunction clamp(n, low, high) {", " return Math.min(high, Math.max(low, n));", "}\n```"];
    let wrong = ["```js\nfunction clamp(n, low, high) {", " return Math.max(low, n);", "}\n```"];
    for (name, steps, score) in [("right", right, 0.25), ("wrong", wrong, 0.0)] {
        let model = import(&app, data.path(), name, &ScriptModel::new(PLAIN_TEMPLATE, &steps)).await;
        let result = evaluate(&app, request(&model, EvaluationSet::Code)).await;
        assert_eq!(values(&result, EvaluationMeasure::Passed), (vec![score; 2], vec![score; 2]), "{name}");
    }

    let endless = ScriptModel::new(PLAIN_TEMPLATE, &["round ", "and "]).endless();
    let model = import(&app, data.path(), "endless", &endless).await;
    let result = evaluate(&app, request(&model, EvaluationSet::Creative)).await;
    assert_eq!(result.cut, 16, "each answer reaches the limit: {result:?}");
    // Two words and two pairs, in 4 answers of 128 words.
    let expected = vec![2.0 / (4.0 * 128.0); 2];
    for measure in [EvaluationMeasure::Distinct1, EvaluationMeasure::Distinct2] {
        assert_eq!(values(&result, measure), (expected.clone(), expected.clone()));
    }
    let long = EvaluationRequest { max_tokens: Some(8192), ..request(&model, EvaluationSet::Creative) };
    let (sender, mut first) = tokio::sync::mpsc::unbounded_channel();
    app.evaluation_start(long.clone(), Box::new(move |event| _ = sender.send(event))).await.expect("starts");
    assert!(matches!(first.recv().await, Some(EvaluationEvent::Progress { done: 0, .. })));
    let second = app.evaluation_start(long, Box::new(|_| {})).await.expect_err("one at a time");
    assert_eq!(second.code, contract::ErrorCode::AnswerRunning);
    app.evaluation_stop().await.expect("is told");
    let mut last = None;
    while let Some(event) = first.recv().await {
        last = Some(event);
    }
    assert_eq!(last, Some(EvaluationEvent::Stopped));
    app.worker_stop().await.expect("stops");
}

/// A streamed answer of a cloud service.
fn stream(text: &str) -> CloudResponse {
    let text = serde_json::to_string(text).expect("is JSON");
    CloudResponse::stream(format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":{text}}}}}]}}\n\n\
         data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_model_is_asked_with_both_samplings_and_graded_by_its_answers() {
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let spec = EndpointSpec {
        provider_id: "custom".into(),
        name: "Lab".into(),
        address: cloud.address().into(),
        key: String::new(),
        models: vec!["big".into()],
    };
    app.endpoint_add(spec).await.expect("is added");
    // The first four questions are about V3 and about R1, each in English and Chinese.
    let answers = [
        ("A mixture of experts (混合专家) with 671B parameters.", 1.0),
        ("A mixture of experts (混合专家) with 67B parameters.", 0.5),
        ("I don't know.", 0.0),
    ];
    for (answer, score) in answers {
        cloud.set_chat_response(stream(answer));
        let result = evaluate(&app, request("cloud:lab/big", EvaluationSet::Factual)).await;
        assert_eq!(values(&result, EvaluationMeasure::Right), (vec![score; 2], vec![score; 2]), "{answer}");
    }
    let bodies: Vec<serde_json::Value> = cloud
        .requests()
        .iter()
        .filter(|request| request.path.ends_with("/chat/completions"))
        .map(|request| serde_json::from_str(&request.body).expect("is JSON"))
        .collect();
    assert_eq!(bodies.len(), 3 * 16);
    let sampling = |body: &serde_json::Value| {
        ["temperature", "top_p", "frequency_penalty"].map(|name| body[name].as_f64())
    };
    let near = |values: [Option<f64>; 3], expected: [f64; 3]| {
        values.iter().zip(expected).all(|(value, expected)| (value.unwrap_or(0.0) - expected).abs() < 1e-6)
    };
    for (at, body) in bodies.iter().enumerate().take(16) {
        let expected = if at / 4 % 2 == 0 { [1.0, 1.0, 0.0] } else { [0.3, 0.9, 0.7] };
        assert!(near(sampling(body), expected), "request {at}: {body}");
        // A seed is the same without and with the preset, and another for each question.
        assert_eq!(body["seed"], (at / 8 + 1) * 1000 + at % 4, "request {at}");
        assert_eq!(body["max_tokens"], 128);
    }

    cloud.set_chat_response(CloudResponse::json("402 Payment Required", ""));
    let failed = events(&app, request("cloud:lab/big", EvaluationSet::Factual), false).await;
    let Some(EvaluationEvent::Failed { error }) = failed.last() else { panic!("{failed:?}") };
    assert_eq!(error.code, contract::ErrorCode::NoCredit);
    cloud.set_chat_response(stream("Yes."));
    let stopped = events(&app, request("cloud:lab/big", EvaluationSet::Factual), true).await;
    assert_eq!(stopped.last(), Some(&EvaluationEvent::Stopped), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_the_scores_and_the_verdict() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let evaluate = |lang: &str, words: &[&str]| {
        let mut command = cli(data.path(), lang);
        run(command.args(["evaluate", "guide", "--seeds", "2", "--prompts", "2"]).args(words))
    };
    let english = evaluate(LANGS[0], &["--set", "code", "--max-tokens", "64"]);
    assert_eq!(english.code, Some(0), "{english:?}");
    let row = english.out.lines().find(|line| line.contains("programs that pass")).expect("a row");
    assert!(row.contains("0.0 ± 0.0 %") && row.contains("+18 %"), "{row}");
    assert!(row.ends_with("cannot be confirmed"), "{row}");
    assert!(english.err.contains("small programs: 8 of 8 answers"), "{english:?}");
    let chinese = evaluate(LANGS[1], &["--set", "factual", "--preset", "creative"]);
    assert!(chinese.out.contains("事实问题，预设 creative"), "{chinese:?}");
    let json = evaluate(LANGS[0], &["--set", "creative", "--json"]);
    let result: EvaluationResult = serde_json::from_str(&json.out).expect("is JSON");
    assert_eq!((result.set, result.scores.len()), (EvaluationSet::Creative, 2));

    let refused = evaluate(LANGS[1], &["--set", "code", "--preset", "bold"]);
    refused.refused(LANGS[1], "invalid_input", "This value is not allowed", "这个值不允许");
}
