//! llama.cpp's own server, started from a plan word for word: asked, measured, left alone by a killed program, found again,
//! stopped alone.
#![cfg(target_os = "linux")]
mod bench;

use std::process::{Command, Stdio};

use bench::{Answer, Bench, answer, free_port, greedy, lives, llama, quick, until};
use deploy::remote::{Deployment, Machine, Phase, look, read_log};
use endpoint::{ChatRequest, EndpointError, Message};
use futures_util::StreamExt;

#[tokio::test]
async fn llama_server_serves_a_plan_word_for_word() {
    let plan = llama();
    let Some(bench) = Bench::real(&plan) else { return };
    let looked = look(&bench.reaching(), &Machine::Here, &bench.first(""), 38_120).await.expect("is here");
    assert!(looked.installed(plan.engine).is_some_and(|it| it.version.is_some()), "{looked:?}");
    let record = bench.record_on("", vec![Machine::Here], free_port(), &plan);
    let deployment = bench.begin(record, Deployment::start, quick());
    let endpoint = deployment.ready().await.unwrap_or_else(|failure| panic!("{failure:?}"));
    assert_eq!(bench.phases(), ["Loading", "Ready"]);
    assert_eq!(endpoint.models().await, Ok(vec![bench::MODEL.to_owned()]));

    let Answer { text, pieces, finish, usage } = answer(&endpoint, &greedy("What is a narwhal?", 24)).await;
    assert!(text.len() > 10 && pieces > 3, "{text} in {pieces}");
    assert!(matches!(finish.as_str(), "stop" | "length"), "{finish}");
    assert!(usage.prompt_tokens > 3 && (4..=24).contains(&usage.completion_tokens), "{usage:?}");
    until("a speed and the end of the work", || {
        let points = deployment.points();
        points.iter().any(|point| point.tokens_per_second.is_some_and(|speed| speed > 0.0))
            && points.last().is_some_and(|point| (point.running, point.waiting) == (Some(0.0), Some(0.0)))
    })
    .await;

    // Dropped after a word: it works no more. Any token is as likely as the one that ends an answer, so it would have gone on.
    let likely =
        ChatRequest { temperature: 100.0, top_k: Some(0), min_p: Some(0.0), ..greedy("Count.", 1800) };
    let mut deltas = endpoint.chat(&likely).await.expect("it answers");
    deltas.next().await.expect("a piece").expect("a word");
    drop(deltas);
    until("the end of it", || {
        deployment.log().iter().any(|line| line.text.contains("cancel task"))
            && deployment.points().last().is_some_and(|point| point.running == Some(0.0))
    })
    .await;

    // What it refuses is said in its words.
    let mut much = greedy(&"whale ".repeat(6000), 8);
    let refused = endpoint.chat(&much).await.err();
    assert!(
        matches!(&refused, Some(EndpointError::Server { status: 400, message, .. }) if message.contains("context")),
        "{refused:?}"
    );
    much.messages = vec![Message::new("user", "Hi")];
    answer(&endpoint, &much).await;

    // As after kill -9 of the app: only the record is left.
    let record = deployment.record();
    let pid = record.nodes[0].process.clone().expect("is written down").pid;
    drop((deployment, endpoint));
    assert!(lives(pid));
    let again = bench.begin(record.clone(), Deployment::find, quick());
    let endpoint = again.ready().await.expect("it still serves");
    assert_eq!(answer(&endpoint, &greedy("What is a narwhal?", 24)).await.text, text);
    let log = read_log(&bench.reaching(), &Machine::Here, &record.part(0), None).await.expect("reads");
    assert!(log.iter().any(|line| line.text.contains("listening")), "{log:?}");

    // Another one of the same program, which nobody of us started.
    let mut stranger = Command::new(bench.path("bin/llama-server"))
        .args(["--model", &std::env::var("WHALEDECK_GUIDE_GGUF").expect("is there"), "--port"])
        .arg(free_port().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    again.stop().await.expect("it stops");
    assert_eq!((again.state().phase, lives(pid)), (Phase::Stopped, false));
    assert!(stranger.try_wait().expect("is there").is_none(), "a stranger was ended");
    stranger.kill().expect("ends");
    stranger.wait().expect("ends");
}
