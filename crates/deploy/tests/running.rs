//! Engines that are run, on this computer: started from a plan, watched, started again, found again and
//! stopped. The engine is a small program in its place; the shell, the processes and the ports are real.
#![cfg(target_os = "linux")]
mod bench;

use std::process::Command;
use std::time::Duration;

use bench::{Bench, lives, quick, said, until};
use deploy::remote::{Change, Deployment, Machine, Pace, Phase, Reach, Record, read_log};

#[tokio::test]
async fn an_engine_serves_is_measured_is_found_again_and_stops_alone() {
    let bench = Bench::new();
    let record = bench.record("slow").await;
    // A stranger with the same name, which is nobody's to end.
    let other = bench.path("llama-server");
    std::os::unix::fs::symlink("/bin/sleep", &other).expect("is made");
    let mut stranger = Command::new(other).arg("1000").spawn().expect("starts");
    let deployment = bench.begin(record, Deployment::start, quick());
    until("a word", || deployment.log().iter().any(|line| line.text == "loading shard 3")).await;
    assert_eq!(deployment.endpoint().expect_err("it loads").code, "deployment_not_ready");
    std::fs::write(bench.path("go"), "").expect("is written");
    deployment.ready().await.expect("it serves");
    assert_eq!(bench.phases(), ["Loading", "Ready"]);
    assert_eq!(said(&deployment, "Hi").await, "You said: Hi");
    until("a speed", || {
        deployment.points().iter().any(|point| point.tokens_per_second.is_some_and(|speed| speed > 0.0))
    })
    .await;
    let last = *deployment.points().last().expect("points");
    assert_eq!((last.running, last.waiting), (Some(1.0), Some(2.0)));

    // As after kill -9 of the app: only the record is left.
    let record = deployment.record();
    let process = record.nodes[0].process.clone().expect("is written down");
    let written = bench
        .told
        .lock()
        .expect("no panic")
        .iter()
        .any(|it| matches!(it, Change::Record(it) if **it == record));
    assert!(written, "whoever keeps records was told");
    drop(deployment);
    assert!(lives(process.pid));
    let again = bench.begin(record.clone(), Deployment::find, quick());
    again.ready().await.expect("it still serves");
    assert_eq!((bench.starts(), said(&again, "again").await.as_str()), (1, "You said: again"));
    assert!(again.log().iter().any(|line| line.text.starts_with("listening on")), "its log is read again");
    let log = read_log(&bench.reaching(), &Machine::Here, &record.part(0), None).await.expect("reads");
    assert!(log.iter().any(|line| line.text.starts_with("fake engine slow")));

    again.stop().await.expect("it stops");
    assert_eq!(
        (again.state().phase, again.record().started(), lives(process.pid)),
        (Phase::Stopped, false, false)
    );
    assert!(stranger.try_wait().expect("is there").is_none(), "a stranger was ended");
    stranger.kill().expect("ends");
    stranger.wait().expect("ends");
    // What is stopped stays so, also for whoever looks for it later.
    again.restart().await;
    again.ready().await.expect("it serves anew");
    assert_eq!(bench.starts(), 2);
    again.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_crash_is_started_again_and_a_steady_one_is_given_up_with_its_last_words() {
    let bench = Bench::new();
    let deployment = bench.begin(bench.record("once").await, Deployment::start, quick());
    deployment.ready().await.expect("the second start serves");
    assert_eq!((bench.starts(), deployment.state().tries), (2, 1));
    assert_eq!(bench.phases(), ["Loading", "Waiting", "Starting", "Loading", "Ready"]);
    deployment.stop().await.expect("stops");

    let bench = Bench::new();
    let deployment = bench.begin(bench.record("crash").await, Deployment::start, quick());
    let failure = deployment.ready().await.expect_err("it never serves");
    assert_eq!((failure.code.as_str(), failure.detail["status"].as_str()), ("engine_died", "code 3"));
    assert_eq!((failure.detail["tries"].as_str(), bench.starts()), ("5", 5));
    assert!(failure.detail["log"].ends_with("Segmentation fault"), "{failure:?}");
}

#[tokio::test]
async fn memory_and_refused_flags_are_said_as_such_and_not_tried_again() {
    let bench = Bench::new();
    let deployment = bench.begin(bench.record("memory").await, Deployment::start, quick());
    let failure = deployment.ready().await.expect_err("it never serves");
    let said = |name: &str| failure.detail[name].as_str();
    assert_eq!((failure.code.as_str(), bench.starts()), ("engine_out_of_memory", 1), "{failure:?}");
    assert_eq!((said("engine"), said("machine"), said("smaller")), ("llama-server", "here", "2048"));
    assert!(said("line").contains("larger than the available KV cache memory"), "{failure:?}");

    let bench = Bench::new();
    let record = Record { engine_version: Some("6123".into()), ..bench.record("flag").await };
    let deployment = bench.begin(record, Deployment::start, quick());
    let failure = deployment.ready().await.expect_err("it never serves");
    assert_eq!((failure.code.as_str(), bench.starts()), ("engine_flag_refused", 1), "{failure:?}");
    assert_eq!(failure.detail["version"], "6123");
    assert_eq!(failure.detail["line"], "error: invalid argument: --reasoning-format");
}

#[tokio::test]
async fn an_open_engine_asks_for_a_key_that_is_in_no_record_and_no_log() {
    let bench = Bench::new();
    let plan = bench::llama().open_to_network().expect("llama-server knows keys");
    let record = bench.record_on("ready", vec![Machine::Here], bench::free_port(), &plan);
    assert!(record.keyed && record.key.is_none());
    let key = "wd-of-this-test";
    let record = Record { reach: Reach::Open("127.0.0.1".into()), key: Some(key.into()), ..record };
    let deployment = bench.begin(record, Deployment::start, quick());
    deployment.ready().await.expect("it serves whoever shows the key");
    assert_eq!(said(&deployment, "Hi").await, "You said: Hi");
    let address = deployment.address().expect("is seen");
    let stranger = endpoint::Endpoint::new(address, Some("wd-other".into()));
    assert!(matches!(stranger.models().await, Err(endpoint::EndpointError::Unauthorized)));
    until("its own words", || deployment.log().iter().any(|line| line.text == "api_key='•••'")).await;
    assert!(deployment.log().iter().all(|line| !line.text.contains(key)));
    let written = serde_json::to_string(&deployment.record()).expect("is written");
    assert!(!written.contains(key) && written.contains("API_KEY"), "{written}");
    let read = read_log(&bench.reaching(), &Machine::Here, &deployment.record().part(0), Some(key)).await;
    assert!(read.expect("reads").iter().all(|line| !line.text.contains(key)));
    deployment.stop().await.expect("stops");
}

#[tokio::test]
async fn a_killed_engine_is_noticed_and_a_stop_elsewhere_is_no_crash() {
    let bench = Bench::new();
    let deployment = bench.begin(bench.record("ready").await, Deployment::start, quick());
    deployment.ready().await.expect("it serves");
    let pid = deployment.record().nodes[0].process.as_ref().expect("runs").pid;
    // The whole group, as by a system that is out of memory.
    let killed = Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status().expect("kill runs");
    assert!(killed.success());
    until("a second start", || bench.starts() == 2).await;
    until("service", || deployment.state().phase == Phase::Ready).await;

    // Another program of the same person stops it.
    let other = bench.begin(deployment.record(), Deployment::find, quick());
    other.ready().await.expect("is found");
    other.stop().await.expect("stops");
    until("the end", || deployment.state().phase == Phase::Stopped).await;
    assert_eq!(bench.starts(), 2);
}

#[tokio::test]
async fn silence_is_told_from_slowness() {
    let bench = Bench::new();
    // It talks all the time, and takes longer than the silence that is borne.
    let pace = Pace { silence: Duration::from_secs(4), ..quick() };
    let deployment = bench.begin(bench.record("slow").await, Deployment::start, pace);
    until("a word", || !deployment.log().is_empty()).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    std::fs::write(bench.path("go"), "").expect("is written");
    deployment.ready().await.expect("slow is not silent");
    assert_eq!(bench.starts(), 1);
    deployment.stop().await.expect("stops");

    let bench = Bench::new();
    let pace = Pace { silence: Duration::from_secs(5), hurry: 1000.0, ..quick() };
    let deployment = bench.begin(bench.record("hang").await, Deployment::start, pace);
    until("a wait", || matches!(deployment.state().phase, Phase::Waiting { .. })).await;
    let Phase::Waiting { why, .. } = deployment.state().phase else { panic!("waits") };
    assert_eq!((why.code.as_str(), why.detail["log"].contains("loading weights")), ("engine_silent", true));
    deployment.stop().await.expect("stops while it waits");
    assert_eq!((deployment.state().phase, bench.starts()), (Phase::Stopped, 1));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let bench = Bench::new();
    let mut record = bench.record("ready").await;
    record.nodes[0].script = "exec no-such-engine\n".into();
    let deployment = bench.begin(record.clone(), Deployment::start, quick());
    let failure = deployment.ready().await.expect_err("there is no such program");
    assert_eq!((failure.code.as_str(), failure.detail["machine"].as_str()), ("engine_missing", "here"));

    // It ended while nobody looked.
    let gone = bench.begin(Record { id: "gone".into(), ..record }, Deployment::find, quick());
    assert_eq!(gone.ready().await.expect_err("is gone").code, "engine_died");
    gone.restart().await;
    assert_eq!(gone.ready().await.expect_err("there is no such program").code, "engine_missing");
    gone.stop().await.expect("nothing is left to end");
}
