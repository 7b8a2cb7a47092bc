//! Deployments from the command line, with the worker in place of an installed engine: started, left running
//! by kill -9 of the app, reattached, asked, stopped.
#![cfg(target_os = "linux")]
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::{DeploymentState, DeploymentView};

use crate::host::{engine_binary, root};
use crate::programs::{LANGS, cli, run};

/// A program named `llama-server` that is the worker with the Guide, and the shell command that puts it into
/// PATH.
pub fn installed(folder: &Path) -> String {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("is made");
    let text = format!(
        "#!/bin/sh\nwhile [ $# -gt 0 ]; do\n  case $1 in\n    --version) echo 'version: 6123 (test)'; exit ;;\n    --alias) name=$2 ;;\n    --host) host=$2 ;;\n    --port) port=$2 ;;\n  esac\n  \
         shift\ndone\nexec {} serve --model {} --model-name \"$name\" --host \"$host\" --port \"$port\" --context 2048\n",
        engine_binary().display(),
        root().join("assets/guide-model").display()
    );
    let program = bin.join("llama-server");
    std::fs::write(&program, text).expect("is written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may run");
    format!("PATH={}:$PATH; export PATH", bin.display())
}

pub fn deployments(data: &Path, lang: &str, args: &[&str]) -> Command {
    let mut command = cli(data, lang);
    command.env("WHALEDECK_KEYS", "file").arg("deployments").args(args);
    command
}

pub fn start<'a>(first: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["start", "--model", "deepseek-r1-distill-qwen-7b", "--engine", "llama-server"];
    args.extend(["--gpus", "RTX-4090-24G", "--context", "2048", "--sequences", "1", "--first", first]);
    args.extend(more);
    args
}

fn listed(data: &Path) -> DeploymentView {
    let output = run(&mut deployments(data, LANGS[0], &["list", "--json"]));
    let mut all: Vec<DeploymentView> =
        serde_json::from_str(output.out.trim()).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_terminal_starts_is_killed_finds_asks_and_stops() {
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let first = installed(place);
    let mut starting = deployments(place, LANGS[0], &start(&first, &["--name", "Lab"]));
    let mut program = starting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(program.stderr.take().expect("is piped")).lines();
    let seen = lines.map_while(Result::ok).any(|line| line == "== loading");
    assert!(seen, "it loads");
    // The deployment is stored by now, and its processes do not end with the program that started them.
    program.kill().expect("kill -9");
    program.wait().expect("it ended");

    let end = Instant::now() + Duration::from_secs(60);
    let view = loop {
        let view = listed(place);
        if view.state == DeploymentState::Ready {
            break view;
        }
        assert!(Instant::now() < end, "it does not serve: {view:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!((view.name.as_str(), view.machines.as_slice()), ("Lab", &["here".to_owned()][..]));
    assert!(view.address.expect("is seen").starts_with("http://127.0.0.1:"));
    let asked = run(cli(place, LANGS[0]).args(["ask", "--deployment", "Lab", "--temperature", "0", "Hello"]));
    assert!(asked.code == Some(0) && asked.out.trim().len() > 10, "{asked:?}");
    let logs = run(&mut deployments(place, LANGS[0], &["logs", "Lab"]));
    assert!(logs.out.contains("\"event\":\"ready\""), "{logs:?}");
    let stopped = run(&mut deployments(place, LANGS[1], &["stop", "Lab"]));
    assert!(stopped.code == Some(0) && stopped.out.contains("已停止"), "{stopped:?}");
    assert_eq!(listed(place).state, DeploymentState::Stopped);
    let mut idle = cli(place, LANGS[1]);
    let refused = run(idle.args(["ask", "--deployment", "Lab", "Hello"]));
    refused.refused(LANGS[1], "deployment_not_ready", "The deployment is not ready", "这个部署尚未就绪");

    // Again by its name, with output in Chinese, until it serves.
    let again = run(&mut deployments(place, LANGS[1], &["start", "Lab"]));
    assert!(again.code == Some(0) && again.out.contains("就绪"), "{again:?}");
    let removed = run(&mut deployments(place, LANGS[0], &["remove", "Lab"]));
    assert!(removed.out.contains("Lab is stopped and forgotten"), "{removed:?}");
    let none = run(&mut deployments(place, LANGS[0], &["list"]));
    assert!(none.out.contains("No deployments yet"), "{none:?}");
    let gone = run(&mut deployments(place, LANGS[1], &["stop", "Lab"]));
    gone.refused(LANGS[1], "deployment_not_found", "This deployment no longer exists", "这个部署已经不在了");
}

#[test]
fn what_cannot_be_started_is_said_and_leaves_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let missing = run(&mut deployments(place, LANGS[0], &start("PATH=/usr/bin:/bin", &[])));
    missing.refused(
        LANGS[0],
        "engine_missing",
        "The engine is not installed on that machine",
        "那台机器上没有安装引擎",
    );
    // The plan is shown first.
    assert!(
        missing.out.contains("--host 127.0.0.1") && missing.out.contains("Listens on this machine only"),
        "{missing:?}"
    );

    let config = place.join("ssh_config");
    std::fs::write(&config, "Host nobody\n  HostName 127.0.0.1\n  Port 1\n").expect("is written");
    let mut command = deployments(place, LANGS[1], &start("", &["--on", "nobody"]));
    let unreachable = run(command.env("WHALEDECK_SSH_CONFIG", &config));
    unreachable.refused(LANGS[1], "machine_unreachable", "The machine cannot be reached", "无法连接这台机器");
    let odd = run(&mut deployments(place, LANGS[0], &start("", &["--on=-oProxyCommand=touch /tmp/x"])));
    odd.refused(LANGS[0], "invalid_input", "This value is not allowed", "这个值不允许");
    // The engine is named, because the default plan would be llama-server with smaller files.
    let small = ["start", "--model", "DeepSeek-R1", "--gpus", "8xH100-80G", "--engine", "sglang"];
    let small = run(&mut deployments(place, LANGS[0], &small));
    assert!(small.code == Some(1) && small.out.contains("684 GB < 689 GB"), "{small:?}");
    let none = run(&mut deployments(place, LANGS[1], &["list"]));
    assert!(none.out.contains("还没有启动过部署"), "{none:?}");
    let here = run(&mut deployments(place, LANGS[0], &["look"]));
    assert!(here.out.contains("here: Linux"), "{here:?}");
}
