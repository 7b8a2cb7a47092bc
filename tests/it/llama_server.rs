//! A deployment of llama.cpp's server. The app is killed with kill -9, once while the server loads and once
//! while it serves. The server keeps running, and the next start of the app reattaches to it.
#![cfg(target_os = "linux")]
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use contract::{DeploymentState, DeploymentView};

use crate::deployments::{deployments, start};
use crate::host::open;
use crate::programs::{LANGS, cli, run};

const QUESTION: &str = "Which DeepSeek model should I run on a 24 GB GPU?";

/// Shell commands that put the real server into PATH, and the Guide at the path of the plan's files. `None`
/// if llama.cpp was not built; `make test` builds it.
fn installed(data: &Path) -> Option<String> {
    let built = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let (Some(program), Some(guide)) = (built("WHALEDECK_LLAMA_SERVER"), built("WHALEDECK_GUIDE_GGUF"))
    else {
        println!("not run: there is no llama-server; `make test` builds one");
        return None;
    };
    let words = ["--gpus", "RTX-4090-24G", "--context", "2048", "--sequences", "1", "--render", "shell"];
    let mut plan = cli(data, LANGS[0]);
    plan.args(["plan", "--model", "deepseek-r1-distill-qwen-7b", "--engine", "llama-server"]).args(words);
    let script = run(&mut plan).out;
    let source = script.split_whitespace().skip_while(|word| *word != "--hf-repo").nth(1);
    let (repo, precision) =
        source.and_then(|it| it.split_once(':')).unwrap_or_else(|| panic!("no files: {script}"));
    let commit = "0123456789".repeat(4);
    let place = data.join("hub").join(format!("models--{}", repo.replace('/', "--")));
    let files = place.join("snapshots").join(&commit);
    std::fs::create_dir_all(place.join("refs")).expect("is made");
    std::fs::write(place.join("refs/main"), &commit).expect("is written");
    std::fs::create_dir_all(&files).expect("is made");
    std::os::unix::fs::symlink(guide, files.join(format!("model-{precision}.gguf"))).expect("is made");
    Some(format!(
        "PATH={}:$PATH; LLAMA_CACHE={}; LLAMA_ARG_OFFLINE=1; export PATH LLAMA_CACHE LLAMA_ARG_OFFLINE",
        program.parent().expect("a folder").display(),
        data.join("hub").display()
    ))
}

/// The process session of the engine, from the stored record. It is killed at the end of the test, also after
/// a failure.
struct Session(u32);

impl Session {
    fn of(data: &Path) -> Self {
        let all = std::fs::read_dir(data.join("deployments")).expect("something was started");
        let mut pids = all.flatten().filter_map(|one| std::fs::read_to_string(one.path().join("pid")).ok());
        let text = pids.next().expect("an engine");
        assert_eq!(pids.next(), None, "one was started");
        Self(text.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a number"))
    }

    /// The processes of the real server in the session.
    fn servers(&self) -> Vec<u32> {
        let pids = std::fs::read_dir("/proc").expect("is there").flatten();
        let pids = pids.filter_map(|one| one.file_name().to_str().and_then(|name| name.parse().ok()));
        pids.filter(|pid| self.holds(*pid).unwrap_or(false)).collect()
    }

    fn holds(&self, pid: u32) -> Option<bool> {
        // The fields after the name are state, parent, group, session. A zombie has no program.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let session = stat.rsplit_once(") ")?.1.split(' ').nth(3)?.parse::<u32>().ok()?;
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        Some(session == self.0 && program.ends_with("llama-server"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.servers().is_empty() {
            let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0)]).status();
        }
    }
}

/// The only deployment, after a new start of the app has reattached to it.
async fn reattached(data: &Path) -> DeploymentView {
    let (app, _host) = open(data).await;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let all = app.deployments().await.expect("lists");
        let [view] = &all[..] else { panic!("{all:?}") };
        if view.state == DeploymentState::Ready {
            return view.clone();
        }
        assert!(Instant::now() < end, "it does not serve: {view:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_engine_outlives_a_killed_app_and_is_found_by_the_next() {
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let Some(first) = installed(place) else { return };
    let mut starting = deployments(place, LANGS[0], &start(&first, &["--name", "Lab"]));
    let mut app = starting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(app.stderr.take().expect("is piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "== loading"), "it loads");
    app.kill().expect("kill -9");
    app.wait().expect("it ended");
    let session = Session::of(place);

    let view = reattached(place).await;
    let servers = session.servers();
    assert_eq!(servers.len(), 1, "it went on");
    assert_eq!((view.name.as_str(), view.machines.as_slice()), ("Lab", &["here".to_owned()][..]));

    // Another start of the app, which has asked the deployment and watches it.
    let mut talking = cli(place, LANGS[0]);
    talking.args(["chat", "--deployment", "Lab"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut app = talking.spawn().expect("it starts");
    let mut typed = app.stdin.take().expect("is piped");
    typed.write_all(format!("{QUESTION}\n").as_bytes()).expect("is typed");
    let mut shown = BufReader::new(app.stdout.take().expect("is piped")).lines().map_while(Result::ok);
    assert!(shown.any(|line| line.len() > 10), "it answers");
    assert!(app.try_wait().expect("is there").is_none(), "it waits for the next line");
    app.kill().expect("kill -9");
    app.wait().expect("it ended");
    assert_eq!(session.servers(), servers, "it goes on");

    let again = reattached(place).await;
    assert_eq!((&again.id, &again.address, &again.error), (&view.id, &view.address, &None));
    let output =
        run(cli(place, LANGS[0]).args(["ask", "--deployment", "Lab", "--temperature", "0", QUESTION]));
    assert!(output.code == Some(0) && output.out.trim().len() > 10, "{output:?}");
    assert_eq!(session.servers(), servers, "it was started once");
    let stopped = run(&mut deployments(place, LANGS[0], &["stop", "Lab"]));
    assert!(stopped.code == Some(0) && stopped.out.contains("stopped"), "{stopped:?}");
    assert_eq!(session.servers(), [0; 0]);
}
