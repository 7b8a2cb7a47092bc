//! A folder with a program named like the engine, and deployments of it. Shared by the tests that run
//! engines.
#![allow(dead_code, reason = "each test uses a part of it")]
pub mod sshd;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::Catalog;
use deploy::plan::{DeployRequest, Engine, Inventory, Plan, Value, plan};
use deploy::remote::{Change, Deployment, Machine, OnNews, Pace, Place, Reach, Reaching, Record, look};
use endpoint::{ChatRequest, Endpoint, Message, Usage};
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

    /// With llama.cpp's own server in its place, and the Guide where that looks for a plan's files. Nothing
    /// where they were not built, which `make test` does.
    pub fn real(plan: &Plan) -> Option<Self> {
        let built = |name| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
        let (Some(program), Some(guide)) = (built("WHALEDECK_LLAMA_SERVER"), built("WHALEDECK_GUIDE_GGUF"))
        else {
            println!("not run: there is no llama-server; `make test` builds one");
            return None;
        };
        let bench = Self::new();
        std::fs::remove_file(bench.path("bin/llama-server")).expect("is removed");
        std::os::unix::fs::symlink(program, bench.path("bin/llama-server")).expect("is made");
        let value = |name| plan.arguments.iter().find(|it| it.name == name).map(|it| it.value.clone());
        let Some(Value::Text(source)) = value("--hf-repo") else { panic!("no files: {plan:?}") };
        let (repo, precision) = source.split_once(':').expect("files of a precision");
        let commit = "0123456789".repeat(4);
        let place = bench.path("hub").join(format!("models--{}", repo.replace('/', "--")));
        std::fs::create_dir_all(place.join("refs")).expect("is made");
        std::fs::write(place.join("refs/main"), &commit).expect("is written");
        let files = place.join("snapshots").join(commit);
        std::fs::create_dir_all(&files).expect("is made");
        std::os::unix::fs::symlink(guide, files.join(format!("model-{precision}.gguf"))).expect("is made");
        let more = format!(
            "LLAMA_CACHE={}; LLAMA_ARG_OFFLINE=1; LLAMA_ARG_CACHE_TYPE_K=f32; LLAMA_ARG_CACHE_TYPE_V=f32; \
             export LLAMA_CACHE LLAMA_ARG_OFFLINE LLAMA_ARG_CACHE_TYPE_K LLAMA_ARG_CACHE_TYPE_V",
            bench.path("hub").display()
        );
        std::fs::write(bench.path("more"), more).expect("is written");
        Some(bench)
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
        let more = std::fs::read_to_string(self.path("more")).unwrap_or_else(|_| ":".into());
        format!(
            "PATH={folder}/bin:$PATH; export PATH; FAKE={mode}; FAKE_DIR={folder}; export FAKE FAKE_DIR; {more}"
        )
    }

    pub async fn record(&self, mode: &str) -> Record {
        let looked = look(&self.reaching(), &Machine::Here, &self.first(mode), 38_080).await;
        let looked = looked.expect("this computer");
        assert_eq!(
            looked.installed(Engine::LlamaServer).and_then(|it| it.version.as_deref()),
            Some("6123"),
            "{looked:?}"
        );
        self.record_on(mode, vec![Machine::Here], free_port(), &llama())
    }

    pub fn record_on(&self, mode: &str, machines: Vec<Machine>, port: u16, plan: &Plan) -> Record {
        let plan = plan.clone().with_port(port);
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
    let spec = DeployRequest {
        model,
        variant: None,
        engine: Engine::LlamaServer,
        context: 4096,
        sequences: 2,
        ray: false,
    };
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

/// No dice: the likeliest token each time.
pub fn greedy(text: &str, most: u32) -> ChatRequest {
    ChatRequest {
        model: MODEL.into(),
        messages: vec![Message::new("user", text)],
        top_p: 1.0,
        max_tokens: Some(most),
        ..ChatRequest::default()
    }
}

/// A whole answer, and how it came.
pub struct Answer {
    pub text: String,
    /// That brought text.
    pub pieces: usize,
    pub finish: String,
    pub usage: Usage,
}

pub async fn answer(endpoint: &Endpoint, request: &ChatRequest) -> Answer {
    let mut deltas = endpoint.chat(request).await.expect("it answers");
    let (mut text, mut pieces, mut finish, mut usage) = (String::new(), 0, None, None);
    while let Some(delta) = deltas.next().await {
        let delta = delta.expect("a word");
        pieces += usize::from(!delta.text.is_empty());
        text += &delta.text;
        finish = delta.finish.or(finish);
        usage = delta.usage.or(usage);
    }
    Answer { text, pieces, finish: finish.expect("a reason"), usage: usage.expect("counts") }
}
