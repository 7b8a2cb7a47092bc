//! After a run that used every kind of secret, none is in a file of the app, in its output, or in the
//! arguments of a process: cloud keys, the password of a proxy, API keys of other programs, and the key
//! between app and worker.
#![cfg(target_os = "linux")]
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use contract::AnswerEvent;
use testkit::{ProxyAuth, TestCloud, TestProxy};

use crate::deployments::{installed, start};
use crate::host::{ONE_WORKER, ask, open};
use crate::programs::{LANGS, ProgramOutput, cli, run};
use crate::worker_dies::child;

const KEY: &str = "sk-marked-first-4711";
const NEW_KEY: &str = "sk-marked-second-4711";
const PASSWORD: &str = "marked-proxy-4711";

/// Runs the program with full logging and a secret on its standard input.
fn run_with_secret(data: &Path, args: &[&str], secret: &str) -> ProgramOutput {
    let mut command = cli(data, LANGS[0]);
    command.env("WHALEDECK_KEYS", "file").env("RUST_LOG", "trace").args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().expect("it starts");
    assert!(secret.is_empty() || !arguments(program.id()).iter().any(|word| word.contains(secret)));
    program.stdin.take().expect("is piped").write_all(format!("{secret}\n").as_bytes()).expect("is typed");
    ProgramOutput::of(program.wait_with_output().expect("it ends"))
}

fn arguments(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("is a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            // Sockets and pipes have no contents.
            false => all.push((path.clone(), std::fs::read(&path).unwrap_or_default())),
        }
    }
    all
}

/// The variables of a process that look like a secret of two UUIDs.
fn key_of(worker: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{worker}/environ")).expect("our own child");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let key = text.split('\0').filter_map(|variable| variable.split_once('=')).find(|(name, value)| {
        name.starts_with("WHALEDECK") && value.len() == 64 && value.chars().all(|it| it.is_ascii_hexdigit())
    });
    key.expect("the worker was given a key").1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_word_or_argument_holds_a_secret() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let cloud = TestCloud::start(NEW_KEY).await.expect("starts");
    let to = cloud.address().trim_start_matches("http://").trim_end_matches("/v1").parse();
    let proxy =
        TestProxy::start(to.expect("an address"), ProxyAuth::Basic("me", PASSWORD)).await.expect("starts");

    let mut output = vec![run_with_secret(place, &["connections", "proxy", &proxy.address("http")], "")];
    output.push(run_with_secret(place, &["connections", "login", "me"], PASSWORD));
    assert!(output[1].out.contains("User name: me  (password in an encrypted file)"), "{output:?}");
    let add = ["endpoints", "add", "custom", "--name", "Lab", "--address", "http://cloud", "--model", "m"];
    output.push(run_with_secret(place, &add, KEY));
    output.push(run_with_secret(place, &["endpoints", "test", "lab"], ""));
    assert!(output[3].err.contains("[key_refused]"), "{output:?}");
    output.push(run_with_secret(
        place,
        &["endpoints", "change", "lab", "--key", "--name", "My lab"],
        NEW_KEY,
    ));
    output.push(run_with_secret(place, &["endpoints", "test", "lab"], ""));
    assert_eq!(output[5].code, Some(0), "{output:?}");
    output.push(run_with_secret(place, &["ask", "--endpoint", "lab", "What is a whale?"], ""));
    assert!(output[6].out.contains("A whale"), "{output:?}");
    assert!(!proxy.targets().is_empty());
    let wrong = ["connections", "proxy", "http://me:marked-proxy-4711@proxy:1"];
    let refused = run(cli(place, LANGS[1]).args(wrong));
    refused.refused(LANGS[1], "invalid_input", "This value is not allowed", "这个值不允许");
    output.push(refused);

    let made = run_with_secret(place, &["serve", "keys", "add", "laptop"], "");
    let shared = made.out.trim().to_owned();
    assert!(shared.starts_with("wd-"), "{made:?}");

    let first = installed(place);
    let mut args = vec!["deployments"];
    args.extend(start(&first, &["--name", "Lab"]));
    let started = run_with_secret(place, &args, "");
    assert_eq!(started.code, Some(0), "{started:?}");
    output.push(started);
    output.push(run_with_secret(place, &["deployments", "logs", "Lab"], ""));

    let (app, host) = open(place).await;
    let chat = app.chat_create("guide").await.expect("a chat");
    let events = ask(&app, &chat.id, "What is MoE?").await;
    assert!(matches!(events.last(), Some(AnswerEvent::Finished { .. })), "{events:?}");
    let worker = child("whaledeck-engine");
    let own = key_of(worker);
    let secrets = [KEY, NEW_KEY, PASSWORD, &shared, &own];
    let argued = arguments(worker);
    assert!(
        argued.len() > 3 && !argued.iter().any(|word| secrets.iter().any(|it| word.contains(it))),
        "{argued:?}"
    );
    let told_host = format!("{:?} {:?}", host.events(), app.settings().await);

    // While everything runs, and afterwards.
    for moment in ["running", "ended"] {
        let kept = files(place);
        let names: Vec<String> = kept.iter().map(|(path, _)| path.display().to_string()).collect();
        for wanted in
            ["settings.toml", "endpoints.json", "keys.sealed.json", "history.db", "sharing", "deployments"]
        {
            assert!(names.iter().any(|name| name.contains(wanted)), "no {wanted} in {names:?}");
        }
        for (path, bytes) in &kept {
            for secret in secrets {
                let found = bytes.windows(secret.len()).any(|some| some == secret.as_bytes());
                assert!(!found, "{moment}: {} holds {secret}", path.display());
            }
        }
        if moment == "running" {
            app.worker_stop().await.expect("stops");
            output.push(run_with_secret(place, &["deployments", "stop", "Lab"], ""));
        }
    }
    let all = format!("{output:?} {told_host}");
    assert_eq!(secrets.into_iter().find(|secret| all.contains(*secret)), None);
    output.push(run_with_secret(place, &["deployments", "remove", "Lab"], ""));
}
