//! Engines on localhost: started from a plan, watched, restarted, reattached and stopped. The engine is a
//! fake; the shell, the processes and the ports are real.
#![cfg(target_os = "linux")]
mod fixture;

use std::process::Command;
use std::time::Duration;

use deploy::remote::{Deployment, DeploymentEvent, Exposure, Host, Phase, Record, Timing, read_log};
use fixture::{Fixture, ask, is_alive, test_timing, wait_until};

#[tokio::test]
async fn an_engine_serves_is_measured_is_found_again_and_stops_alone() {
    let fixture = Fixture::new();
    let record = fixture.record("slow").await;
    // An unrelated process with the same name, which must not be killed.
    let other = fixture.path("llama-server");
    std::os::unix::fs::symlink("/bin/sleep", &other).expect("is made");
    let mut stranger = Command::new(other).arg("1000").spawn().expect("starts");
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    wait_until("a word", || deployment.log().iter().any(|line| line.text == "loading shard 3")).await;
    assert_eq!(deployment.endpoint().expect_err("it loads").code, "deployment_not_ready");
    std::fs::write(fixture.path("go"), "").expect("is written");
    deployment.ready().await.expect("it serves");
    assert_eq!(fixture.phases(), ["Loading", "Ready"]);
    assert_eq!(ask(&deployment, "Hi").await, "You said: Hi");
    wait_until("a speed", || {
        deployment.points().iter().any(|point| point.tokens_per_second.is_some_and(|speed| speed > 0.0))
    })
    .await;
    let last = *deployment.points().last().expect("points");
    assert_eq!((last.running, last.waiting), (Some(1.0), Some(2.0)));

    // As after kill -9 of the app: only the record is left.
    let record = deployment.record();
    let process = record.nodes[0].process.clone().expect("is written down");
    let written = fixture
        .events
        .lock()
        .expect("no panic")
        .iter()
        .any(|it| matches!(it, DeploymentEvent::Record(it) if **it == record));
    assert!(written, "the record was emitted");
    drop(deployment);
    assert!(is_alive(process.pid));
    let again = fixture.deploy(record.clone(), Deployment::reattach, test_timing());
    again.ready().await.expect("it still serves");
    assert_eq!((fixture.starts(), ask(&again, "again").await.as_str()), (1, "You said: again"));
    assert!(again.log().iter().any(|line| line.text.starts_with("listening on")), "its log is read again");
    let log = read_log(&fixture.transport(), &Host::Local, &record.node_id(0), None).await.expect("reads");
    assert!(log.iter().any(|line| line.text.starts_with("fake engine slow")));

    again.stop().await.expect("it stops");
    assert_eq!(
        (again.state().phase, again.record().has_processes(), is_alive(process.pid)),
        (Phase::Stopped, false, false)
    );
    assert!(stranger.try_wait().expect("is there").is_none(), "a stranger was ended");
    stranger.kill().expect("ends");
    stranger.wait().expect("ends");
    // A stopped deployment can be started again.
    again.restart().await;
    again.ready().await.expect("it serves anew");
    assert_eq!(fixture.starts(), 2);
    again.stop().await.expect("it stops");
}

#[tokio::test]
async fn a_crash_is_started_again_and_a_steady_one_is_given_up_with_its_last_words() {
    let fixture = Fixture::new();
    let deployment = fixture.deploy(fixture.record("once").await, Deployment::start, test_timing());
    deployment.ready().await.expect("the second start serves");
    assert_eq!((fixture.starts(), deployment.state().tries), (2, 1));
    assert_eq!(fixture.phases(), ["Loading", "Waiting", "Starting", "Loading", "Ready"]);
    deployment.stop().await.expect("stops");

    let fixture = Fixture::new();
    let deployment = fixture.deploy(fixture.record("crash").await, Deployment::start, test_timing());
    let failure = deployment.ready().await.expect_err("it never serves");
    assert_eq!((failure.code.as_str(), failure.detail["status"].as_str()), ("engine_died", "code 3"));
    assert_eq!((failure.detail["tries"].as_str(), fixture.starts()), ("5", 5));
    assert!(failure.detail["log"].ends_with("Segmentation fault"), "{failure:?}");
}

#[tokio::test]
async fn memory_and_refused_flags_are_said_as_such_and_not_tried_again() {
    let fixture = Fixture::new();
    let deployment = fixture.deploy(fixture.record("memory").await, Deployment::start, test_timing());
    let failure = deployment.ready().await.expect_err("it never serves");
    let detail = |name: &str| failure.detail[name].as_str();
    assert_eq!((failure.code.as_str(), fixture.starts()), ("engine_out_of_memory", 1), "{failure:?}");
    assert_eq!((detail("engine"), detail("machine"), detail("smaller")), ("llama-server", "here", "2048"));
    assert!(detail("line").contains("larger than the available KV cache memory"), "{failure:?}");

    let fixture = Fixture::new();
    let record = Record { engine_version: Some("6123".into()), ..fixture.record("flag").await };
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    let failure = deployment.ready().await.expect_err("it never serves");
    assert_eq!((failure.code.as_str(), fixture.starts()), ("engine_flag_refused", 1), "{failure:?}");
    assert_eq!(failure.detail["version"], "6123");
    assert_eq!(failure.detail["line"], "error: invalid argument: --reasoning-format");
}

#[tokio::test]
async fn an_open_engine_asks_for_a_key_that_is_in_no_record_and_no_log() {
    let fixture = Fixture::new();
    let plan = fixture::llama().open_to_network().expect("llama-server knows keys");
    let record = fixture.record_on("ready", vec![Host::Local], fixture::free_port(), &plan);
    assert!(record.requires_key && record.key.is_none());
    let key = "wd-of-this-test";
    let record = Record { exposure: Exposure::Open("127.0.0.1".into()), key: Some(key.into()), ..record };
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    deployment.ready().await.expect("it serves clients with the key");
    assert_eq!(ask(&deployment, "Hi").await, "You said: Hi");
    let address = deployment.address().expect("is seen");
    let stranger = endpoint::Endpoint::new(address, Some("wd-other".into()));
    assert!(matches!(stranger.models().await, Err(endpoint::EndpointError::Unauthorized)));
    wait_until("its own words", || deployment.log().iter().any(|line| line.text == "api_key='•••'")).await;
    assert!(deployment.log().iter().all(|line| !line.text.contains(key)));
    let written = serde_json::to_string(&deployment.record()).expect("is written");
    assert!(!written.contains(key) && written.contains("API_KEY"), "{written}");
    let read = read_log(&fixture.transport(), &Host::Local, &deployment.record().node_id(0), Some(key)).await;
    assert!(read.expect("reads").iter().all(|line| !line.text.contains(key)));
    deployment.stop().await.expect("stops");
}

#[tokio::test]
async fn a_killed_engine_is_noticed_and_a_stop_elsewhere_is_no_crash() {
    let fixture = Fixture::new();
    let deployment = fixture.deploy(fixture.record("ready").await, Deployment::start, test_timing());
    deployment.ready().await.expect("it serves");
    let pid = deployment.record().nodes[0].process.as_ref().expect("runs").pid;
    // The whole process group, as by the OOM killer.
    let killed = Command::new("kill").args(["-KILL", "--", &format!("-{pid}")]).status().expect("kill runs");
    assert!(killed.success());
    wait_until("a second start", || fixture.starts() == 2).await;
    wait_until("service", || deployment.state().phase == Phase::Ready).await;

    // Another program of the same user stops it.
    let other = fixture.deploy(deployment.record(), Deployment::reattach, test_timing());
    other.ready().await.expect("is found");
    other.stop().await.expect("stops");
    wait_until("the end", || deployment.state().phase == Phase::Stopped).await;
    assert_eq!(fixture.starts(), 2);
}

#[tokio::test]
async fn silence_is_told_from_slowness() {
    let fixture = Fixture::new();
    // It logs all the time and takes longer to load than `hang_after`.
    let timing = Timing { hang_after: Duration::from_secs(4), ..test_timing() };
    let deployment = fixture.deploy(fixture.record("slow").await, Deployment::start, timing);
    wait_until("a word", || !deployment.log().is_empty()).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    std::fs::write(fixture.path("go"), "").expect("is written");
    deployment.ready().await.expect("slow is not silent");
    assert_eq!(fixture.starts(), 1);
    deployment.stop().await.expect("stops");

    let fixture = Fixture::new();
    let timing = Timing { hang_after: Duration::from_secs(5), backoff_scale: 1000.0, ..test_timing() };
    let deployment = fixture.deploy(fixture.record("hang").await, Deployment::start, timing);
    wait_until("a wait", || matches!(deployment.state().phase, Phase::Waiting { .. })).await;
    let Phase::Waiting { why, .. } = deployment.state().phase else { panic!("waits") };
    assert_eq!((why.code.as_str(), why.detail["log"].contains("loading weights")), ("engine_silent", true));
    deployment.stop().await.expect("stops while it waits");
    assert_eq!((deployment.state().phase, fixture.starts()), (Phase::Stopped, 1));
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let fixture = Fixture::new();
    let mut record = fixture.record("ready").await;
    record.nodes[0].script = "exec no-such-engine\n".into();
    let deployment = fixture.deploy(record.clone(), Deployment::start, test_timing());
    let failure = deployment.ready().await.expect_err("there is no such program");
    assert_eq!((failure.code.as_str(), failure.detail["machine"].as_str()), ("engine_missing", "here"));

    // It ended while this program did not run.
    let gone = fixture.deploy(Record { id: "gone".into(), ..record }, Deployment::reattach, test_timing());
    assert_eq!(gone.ready().await.expect_err("is gone").code, "engine_died");
    gone.restart().await;
    assert_eq!(gone.ready().await.expect_err("there is no such program").code, "engine_missing");
    gone.stop().await.expect("nothing is left to end");
}
