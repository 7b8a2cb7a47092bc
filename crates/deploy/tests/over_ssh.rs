//! Engines on other hosts, over the system's own ssh and a real sshd: private behind a forwarded port,
//! watched through broken connections, reattached, stopped on every host; and the failures of ssh by their
//! codes.
#![cfg(target_os = "linux")]
mod fixture;

use catalog::Catalog;
use deploy::remote::{Deployment, Host, Phase, probe};
use fixture::sshd::SshHosts;
use fixture::{Fixture, ask, free_port, is_alive, llama, test_timing, wait_until};
use plan::{DeployRequest, Engine, Inventory, Plan, plan};

fn host(number: usize) -> Host {
    Host::Ssh(format!("m{number}"))
}

/// SGLang over two hosts with one GPU each.
fn two_machines() -> Plan {
    let model = Catalog::builtin().model("deepseek-r1-distill-llama-70b").expect("is known");
    let spec = DeployRequest {
        model,
        variant: Some("bf16".into()),
        engine: Engine::Sglang,
        context: 4096,
        sequences: 1,
        ray: false,
    };
    let plan = plan(&spec, &Inventory::parse("2x1xH200-141G").expect("is one")).expect("fits");
    assert_eq!(plan.inventory.hosts, 2);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_elsewhere_is_private_survives_a_lost_line_and_stops() {
    let fixture = Fixture::new();
    let Some(mut hosts) = SshHosts::start(fixture.folder.path(), 1) else { return };
    let report =
        probe(&fixture.transport(), &host(0), &fixture.setup("ready"), 38_090).await.expect("is there");
    assert_eq!((report.installed(Engine::LlamaServer).is_some(), report.port), (true, Some(38_090)));
    let port = free_port();
    let record = fixture.record_on("ready", vec![host(0)], port, &llama());
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    deployment.ready().await.expect("it serves");
    assert_eq!(ask(&deployment, "there").await, "You said: there");
    assert!(hosts.state(0).join("whaledeck/deployments").is_dir(), "its folder is on the host");
    if hosts.have_namespaces() {
        // The host has its own loopback: only the forwarded port reaches it.
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
        assert_ne!(deployment.address().expect("is seen"), format!("http://127.0.0.1:{port}"));
    }

    hosts.disconnect();
    wait_until("a lost line", || deployment.state().connection_error.is_some()).await;
    let state = deployment.state();
    assert_eq!(
        (state.phase, state.connection_error.expect("is lost").code.as_str()),
        (Phase::Ready, "machine_unreachable")
    );
    hosts.reconnect();
    wait_until("the line", || deployment.state().connection_error.is_none()).await;
    assert_eq!((ask(&deployment, "again").await.as_str(), fixture.starts()), ("You said: again", 1));

    // The app ended without a stop; another one reattaches.
    let record = deployment.record();
    let pid = record.nodes[0].process.as_ref().expect("runs").pid;
    drop(deployment);
    assert!(is_alive(pid));
    let found = fixture.deploy(record, Deployment::reattach, test_timing());
    found.ready().await.expect("is found");
    found.stop().await.expect("stops");
    assert_eq!((is_alive(pid), fixture.starts()), (false, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_serve_together_and_stop_together() {
    let fixture = Fixture::new();
    let Some(mut hosts) = SshHosts::start(fixture.folder.path(), 2) else { return };
    let plan = two_machines();
    let record = fixture.record_on("ready", vec![host(0), host(1)], free_port(), &plan);
    if !hosts.have_namespaces() {
        eprintln!("not run: both engines want the same port of one loopback");
        return;
    }
    let deployment = fixture.deploy(record, Deployment::start, test_timing());
    deployment.ready().await.expect("they serve");
    for rank in [0, 1] {
        let line = format!("fake engine ready rank {rank} of 10.0.0.1");
        let logged = || deployment.log().iter().any(|it| it.rank == rank && it.text == line);
        wait_until(&line, logged).await;
    }
    let pids = |deployment: &Deployment| -> Vec<u32> {
        deployment.record().nodes.iter().filter_map(|node| Some(node.process.as_ref()?.pid)).collect()
    };
    let first = pids(&deployment);
    assert_eq!(first.len(), 2);
    // One rank dies: both are restarted, because one alone cannot serve.
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", first[1])])
            .status()
            .expect("kill runs")
            .success()
    );
    wait_until("a second start", || fixture.starts() == 4).await;
    wait_until("service", || deployment.state().phase == Phase::Ready).await;
    assert!(first.iter().all(|&pid| !is_alive(pid)));
    let second = pids(&deployment);

    // A host that cannot be reached cannot be stopped, which is an error.
    hosts.disconnect();
    let failure = deployment.stop().await.expect_err("the hosts are unreachable");
    assert_eq!(
        (failure.code.as_str(), second.iter().all(|&pid| is_alive(pid))),
        ("machine_unreachable", true)
    );
    hosts.reconnect();
    deployment.stop().await.expect("now it can");
    assert!(second.iter().all(|&pid| !is_alive(pid)) && !deployment.record().has_processes());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ssh_refuses_has_a_name() {
    let fixture = Fixture::new();
    let Some(hosts) = SshHosts::start(fixture.folder.path(), 1) else { return };
    let transport = fixture.transport();
    let code = async |what: &str| {
        let failure =
            probe(&transport, &host(0), "", 30_000).await.err().map(|failure| failure.code.as_str());
        (what.to_owned(), failure)
    };
    assert_eq!(code("all is well").await.1, None);
    let known = std::fs::read_to_string(fixture.path("known")).expect("reads");
    std::fs::write(fixture.path("known"), "").expect("is written");
    assert_eq!(code("an unknown key").await.1, Some("machine_not_trusted"));
    let other = known.replace("AAAAC3NzaC1lZDI1NTE5AAAAI", "AAAAC3NzaC1lZDI1NTE5AAAAJ");
    std::fs::write(fixture.path("known"), other).expect("is written");
    assert_eq!(code("a changed key").await.1, Some("machine_not_trusted"));
    std::fs::write(fixture.path("known"), known).expect("is written");
    std::fs::write(fixture.path("authorized"), "").expect("is written");
    assert_eq!(code("a stranger").await.1, Some("machine_refused"));
    drop(hosts);
    assert_eq!(code("nobody").await.1, Some("machine_unreachable"));
}
