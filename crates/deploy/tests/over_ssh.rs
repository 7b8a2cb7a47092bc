//! Engines on other machines, over the system's own ssh and a real sshd: private behind a forwarded port,
//! watched through lost lines, found again, stopped on every machine; and what ssh refuses, by its name.
#![cfg(target_os = "linux")]
mod bench;

use bench::sshd::Machines;
use bench::{Bench, free_port, lives, llama, quick, said, until};
use catalog::Catalog;
use deploy::plan::{DeployRequest, Engine, Inventory, Plan, plan};
use deploy::remote::{Deployment, Machine, Phase, look};

fn machine(number: usize) -> Machine {
    Machine::Ssh(format!("m{number}"))
}

/// SGLang over two machines of one card each.
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
    let bench = Bench::new();
    let Some(mut machines) = Machines::start(bench.folder.path(), 1) else { return };
    let looked = look(&bench.reaching(), &machine(0), &bench.first("ready"), 38_090).await.expect("is there");
    assert_eq!((looked.installed(Engine::LlamaServer).is_some(), looked.port), (true, Some(38_090)));
    let port = free_port();
    let record = bench.record_on("ready", vec![machine(0)], port, &llama());
    let deployment = bench.begin(record, Deployment::start, quick());
    deployment.ready().await.expect("it serves");
    assert_eq!(said(&deployment, "there").await, "You said: there");
    assert!(machines.state(0).join("whaledeck/deployments").is_dir(), "its folder is on the machine");
    if machines.apart() {
        // Its loopback is not ours: only the forwarded port leads there.
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
        assert_ne!(deployment.address().expect("is seen"), format!("http://127.0.0.1:{port}"));
    }

    machines.cut();
    until("a lost line", || deployment.state().lost.is_some()).await;
    let state = deployment.state();
    assert_eq!(
        (state.phase, state.lost.expect("is lost").code.as_str()),
        (Phase::Ready, "machine_unreachable")
    );
    machines.mend();
    until("the line", || deployment.state().lost.is_none()).await;
    assert_eq!((said(&deployment, "again").await.as_str(), bench.starts()), ("You said: again", 1));

    // The app is gone without a word; another one finds what runs.
    let record = deployment.record();
    let pid = record.nodes[0].process.as_ref().expect("runs").pid;
    drop(deployment);
    assert!(lives(pid));
    let found = bench.begin(record, Deployment::find, quick());
    found.ready().await.expect("is found");
    found.stop().await.expect("stops");
    assert_eq!((lives(pid), bench.starts()), (false, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_serve_together_and_stop_together() {
    let bench = Bench::new();
    let Some(mut machines) = Machines::start(bench.folder.path(), 2) else { return };
    let plan = two_machines();
    let record = bench.record_on("ready", vec![machine(0), machine(1)], free_port(), &plan);
    if !machines.apart() {
        eprintln!("not run: both engines want the same port of one loopback");
        return;
    }
    let deployment = bench.begin(record, Deployment::start, quick());
    deployment.ready().await.expect("they serve");
    for rank in [0, 1] {
        let line = format!("fake engine ready rank {rank} of 10.0.0.1");
        let heard = || deployment.log().iter().any(|it| it.rank == rank && it.text == line);
        until(&line, heard).await;
    }
    let pids = |deployment: &Deployment| -> Vec<u32> {
        deployment.record().nodes.iter().filter_map(|node| Some(node.process.as_ref()?.pid)).collect()
    };
    let first = pids(&deployment);
    assert_eq!(first.len(), 2);
    // One of them dies: alone the other is of no use, so both begin anew.
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", "--", &format!("-{}", first[1])])
            .status()
            .expect("kill runs")
            .success()
    );
    until("a second start", || bench.starts() == 4).await;
    until("service", || deployment.state().phase == Phase::Ready).await;
    assert!(first.iter().all(|&pid| !lives(pid)));
    let second = pids(&deployment);

    // A machine that cannot be reached cannot be stopped, and that is said.
    machines.cut();
    let failure = deployment.stop().await.expect_err("nobody can reach them");
    assert_eq!((failure.code.as_str(), second.iter().all(|&pid| lives(pid))), ("machine_unreachable", true));
    machines.mend();
    deployment.stop().await.expect("now it can");
    assert!(second.iter().all(|&pid| !lives(pid)) && !deployment.record().started());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ssh_refuses_has_a_name() {
    let bench = Bench::new();
    let Some(machines) = Machines::start(bench.folder.path(), 1) else { return };
    let reaching = bench.reaching();
    let code = async |what: &str| {
        let failure =
            look(&reaching, &machine(0), "", 30_000).await.err().map(|failure| failure.code.as_str());
        (what.to_owned(), failure)
    };
    assert_eq!(code("all is well").await.1, None);
    let known = std::fs::read_to_string(bench.path("known")).expect("reads");
    std::fs::write(bench.path("known"), "").expect("is written");
    assert_eq!(code("an unknown key").await.1.as_deref(), Some("machine_not_trusted"));
    let other = known.replace("AAAAC3NzaC1lZDI1NTE5AAAAI", "AAAAC3NzaC1lZDI1NTE5AAAAJ");
    std::fs::write(bench.path("known"), other).expect("is written");
    assert_eq!(code("a changed key").await.1.as_deref(), Some("machine_not_trusted"));
    std::fs::write(bench.path("known"), known).expect("is written");
    std::fs::write(bench.path("authorized"), "").expect("is written");
    assert_eq!(code("a stranger").await.1.as_deref(), Some("machine_refused"));
    drop(machines);
    assert_eq!(code("nobody").await.1.as_deref(), Some("machine_unreachable"));
}
