//! llama.cpp's own server, started from a plan: it answers, is measured, survives this program, is reattached
//! and stopped. Other processes of the same program are left alone.
#![cfg(target_os = "linux")]
mod fixture;

use std::process::{Command, Stdio};

use deploy::remote::{Deployment, Host, Phase, probe, read_log};
use endpoint::{ChatMessage, ChatRequest, EndpointError};
use fixture::{Answer, Fixture, answer, free_port, greedy, is_alive, llama, test_timing, wait_until};
use futures_util::StreamExt;

#[tokio::test]
async fn llama_server_serves_a_plan_word_for_word() {
    let plan = llama();
    let Some(fixture) = Fixture::real(&plan) else { return };
    let report =
        probe(&fixture.transport(), &Host::Local, &fixture.setup(""), 38_120).await.expect("is here");
    assert!(report.installed(plan.engine).is_some_and(|it| it.version.is_some()), "{report:?}");
    let record = fixture.record_on("", vec![Host::Local], free_port(), &plan);
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    let endpoint = deployment.ready().await.unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(fixture.phases(), ["Loading", "Ready"]);
    assert_eq!(endpoint.models().await, Ok(vec![fixture::MODEL.to_owned()]));

    let Answer { text, pieces, finish, usage } = answer(&endpoint, &greedy("What is a narwhal?", 24)).await;
    assert!(text.len() > 10 && pieces > 3, "{text} in {pieces}");
    assert!(matches!(finish.as_str(), "stop" | "length"), "{finish}");
    assert!(usage.prompt_tokens.0 > 3 && (4..=24).contains(&usage.completion_tokens.0), "{usage:?}");
    wait_until("a speed and the end of the work", || {
        let points = deployment.points();
        points.iter().any(|point| point.tokens_per_second.is_some_and(|speed| speed > 0.0))
            && points.last().is_some_and(|point| (point.running, point.waiting) == (Some(0.0), Some(0.0)))
    })
    .await;

    // A dropped stream cancels the request. At this temperature an end token is as likely as any other, so
    // the answer would be long.
    let likely =
        ChatRequest { temperature: 100.0, top_k: Some(0), min_p: Some(0.0), ..greedy("Count.", 1800) };
    let mut deltas = endpoint.chat(&likely).await.expect("it answers");
    deltas.next().await.expect("a piece").expect("a word");
    drop(deltas);
    wait_until("the end of it", || {
        deployment.log().iter().any(|line| line.text.contains("cancel task"))
            && deployment.points().last().is_some_and(|point| point.running == Some(0.0))
    })
    .await;

    // A rejected request keeps the server's message.
    let mut much = greedy(&"whale ".repeat(6000), 8);
    let refused = endpoint.chat(&much).await.err();
    assert!(
        matches!(&refused, Some(EndpointError::Server { status: 400, message, .. }) if message.contains("context")),
        "{refused:?}"
    );
    much.messages = vec![ChatMessage::new("user", "Hi")];
    answer(&endpoint, &much).await;

    // As after kill -9 of the app: only the record is left.
    let record = deployment.record();
    let pid = record.nodes[0].process.clone().expect("is written down").pid;
    drop((deployment, endpoint));
    assert!(is_alive(pid));
    let again = fixture.deploy(record.clone(), Deployment::reattach, test_timing());
    let endpoint = again.ready().await.expect("it still serves");
    assert_eq!(answer(&endpoint, &greedy("What is a narwhal?", 24)).await.text, text);
    let log = read_log(&fixture.transport(), &Host::Local, &record.node_id(0), None).await.expect("reads");
    assert!(log.iter().any(|line| line.text.contains("listening")), "{log:?}");

    // Another process of the same program, which the deployment did not start.
    let mut stranger = Command::new(fixture.path("bin/llama-server"))
        .args(["--model", &std::env::var("WHALEDECK_GUIDE_GGUF").expect("is there"), "--port"])
        .arg(free_port().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    again.stop().await.expect("it stops");
    assert_eq!((again.state().phase, is_alive(pid)), (Phase::Stopped, false));
    assert!(stranger.try_wait().expect("is there").is_none(), "a stranger was ended");
    stranger.kill().expect("ends");
    stranger.wait().expect("ends");
}
