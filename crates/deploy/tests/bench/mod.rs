//! A folder with a program named like the engine, and deployments of it. Shared by the tests that run engines.
#![allow(dead_code, reason = "each test uses a part of it")]
pub mod sshd;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::Catalog;
use deploy::plan::{Engine, Inventory, Plan, Spec, plan};
use deploy::run::{Change, Deployment, Machine, OnNews, Pace, Place, Reach, Reaching, Record, look};
use endpoint::{ChatRequest, Message};
use futures_util::StreamExt;

pub const MODEL: &str = "deepseek-r1-distill-qwen-7b";

/// A folder with a program named like the engine, and what is told of it.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub told: Arc<Mutex<Vec<Change>>>,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        std::fs::create_dir_all(&bin).expect("is made");
        let fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_engine.py");
        let program = bin.join("llama-server");
        std::fs::write(&program, format!("#!/bin/sh\npython=$(command -v /usr/bin/python3 || command -v python3)\nexec \"$python\" -I -S {} \"$@\"\n", fake.display())).expect("is written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may run");
        // What a plan for SGLang calls: python3 -m sglang.launch_server …
        let python = bin.join("python3");
        let shim = format!(
            "#!/bin/sh\ncase $1 in -c) exit 0 ;; esac\nshift 2\npython=$(command -v /usr/bin/python3 || PATH=${{PATH#*:}} command -v python3)\nexec \"$python\" -I -S {} \"$@\"\n",
            fake.display()
        );
        std::fs::write(&python, shim).expect("is written");
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).expect("may run");
        Self { folder, told: Arc::default() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With a configuration of ssh where the test wrote one.
    pub fn reaching(&self) -> Reaching {
        let ssh_config = Some(self.path("ssh_config")).filter(|it| it.exists());
        Reaching { folder: self.path("deployments"), ssh_config }
    }

    /// Lines for the shell: the program is found, and behaves like this.
    pub fn first(&self, mode: &str) -> String {
        let folder = self.folder.path().display();
        format!("PATH={folder}/bin:$PATH; export PATH; FAKE={mode}; FAKE_DIR={folder}; export FAKE FAKE_DIR")
    }

    pub async fn record(&self, mode: &str) -> Record {
        let looked = look(&self.reaching(), &Machine::Here, &self.first(mode), 38_080).await;
        let looked = looked.expect("this computer");
        assert!(looked.engines.contains(&Engine::LlamaServer), "{looked:?}");
        self.record_on(mode, vec![Machine::Here], free_port(), &llama())
    }

    pub fn record_on(&self, mode: &str, machines: Vec<Machine>, port: u16, plan: &Plan) -> Record {
        let plan = plan.clone().at(port, true);
        let place =
            Place { machines, reach: Reach::Private, first: self.first(mode), leader: "10.0.0.1".into() };
        let id = uuid::Uuid::new_v4().simple().to_string();
        Record::new(id, "R1".into(), "2026-11-25T00:00:00Z".into(), &plan, place)
    }

    pub fn begin(
        &self,
        record: Record,
        how: fn(Record, Reaching, Pace, OnNews) -> Deployment,
        pace: Pace,
    ) -> Deployment {
        let told = self.told.clone();
        let on_news = Arc::new(move |change| told.lock().expect("no panic").push(change));
        how(record, self.reaching(), pace, on_news)
    }

    pub fn starts(&self) -> usize {
        std::fs::read(self.path("starts")).map_or(0, |it| it.len())
    }

    pub fn phases(&self) -> Vec<String> {
        let told = self.told.lock().expect("no panic");
        let states = told.iter().filter_map(|it| match it {
            Change::State(state) => Some(&state.phase),
            _ => None,
        });
        let mut phases: Vec<String> = states
            .map(|phase| {
                let text = format!("{phase:?}");
                text.split([' ', '(']).next().unwrap_or_default().to_owned()
            })
            .collect();
        phases.dedup();
        phases
    }
}

impl Drop for Bench {
    /// A test that failed leaves no engine.
    fn drop(&mut self) {
        let Ok(all) = std::fs::read_dir(self.path("deployments")) else { return };
        for pid in all.flatten().filter_map(|one| std::fs::read_to_string(one.path().join("pid")).ok()) {
            let Some(pid) = pid.split(' ').next() else { continue };
            let _ = Command::new("kill")
                .args(["-KILL", "--", &format!("-{pid}")])
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
}

/// llama-server on one card.
pub fn llama() -> Plan {
    let model = Catalog::builtin().model(MODEL).expect("is known");
    let spec =
        Spec { model, variant: None, engine: Engine::LlamaServer, context: 4096, sequences: 2, ray: false };
    plan(&spec, &Inventory::parse("RTX-4090-24G").expect("is one")).expect("fits")
}

/// Tests run side by side, and a port that was free is soon another's.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port()
}

pub fn quick() -> Pace {
    Pace {
        poll: Duration::from_millis(100),
        silence: Duration::from_secs(30),
        steady: Duration::from_secs(60),
        grace: Duration::from_secs(5),
        hurry: 0.05,
    }
}

/// Whether the process lives. One that is dead and not yet collected does not.
pub fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn said(deployment: &Deployment, text: &str) -> String {
    let endpoint = deployment.endpoint().expect("it serves");
    let request = ChatRequest {
        model: MODEL.into(),
        messages: vec![Message::new("user", text)],
        ..ChatRequest::default()
    };
    let mut deltas = endpoint.chat(&request).await.expect("it answers");
    let mut all = String::new();
    while let Some(delta) = deltas.next().await {
        all += &delta.expect("a word").text;
    }
    all
}
