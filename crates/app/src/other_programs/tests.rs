//! A home folder with the layout of every program, links in circles, and manifests that are none.
use super::*;

struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, PathBuf)>,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), variables: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("home").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
        std::fs::write(&path, bytes).expect("is written");
        path
    }

    fn gguf(&self, name: &str) -> PathBuf {
        self.write(name, &gguf())
    }

    /// A model of safetensors.
    fn folder(&self, name: &str) -> PathBuf {
        for file in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
            let bytes = std::fs::read(fixture("worker/coder").join(file)).expect("the fixture is there");
            self.write(&format!("{name}/{file}"), &bytes);
        }
        self.path(name)
    }

    /// A manifest of Ollama with this digest, and the blob of it.
    fn ollama(&self, root: &str, manifest: &str, digest: &str) -> PathBuf {
        let text = format!(
            "{{\"schemaVersion\":2,\"config\":{{\"digest\":\"sha256:00\"}},\"layers\":[\
             {{\"mediaType\":\"application/vnd.ollama.image.template\",\"digest\":\"sha256:{}\"}},\
             {{\"mediaType\":\"application/vnd.ollama.image.model\",\"digest\":\"sha256:{digest}\",\"size\":1}}]}}",
            "e".repeat(64)
        );
        self.write(&format!("{root}/manifests/{manifest}"), text.as_bytes());
        self.gguf(&format!("{root}/blobs/sha256-{digest}"))
    }

    fn environment<'a>(&self, variable: &'a dyn Fn(&str) -> Option<std::ffi::OsString>) -> Environment<'a> {
        Environment { home: self.path(""), variable, root: self.folder.path().join("system") }
    }

    fn search(&self) -> Vec<ProgramModel> {
        let variable = |name: &str| {
            let set = self.variables.iter().find(|(known, _)| *known == name);
            set.map(|(_, value)| value.clone().into_os_string())
        };
        search(&self.environment(&variable))
    }

    /// Programs and labels.
    fn labels(&self) -> Vec<(&'static str, String)> {
        self.search().into_iter().map(|model| (model.program, model.label)).collect()
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name)
}

fn gguf() -> Vec<u8> {
    std::fs::read(fixture("gguf/qwen2/f32.gguf")).expect("the fixture is there")
}

fn digest(letter: &str) -> String {
    letter.repeat(64)
}

#[test]
fn every_program_is_looked_into() {
    let home = Home::new();
    let hub = ".cache/huggingface/hub/models--deepseek-ai--DeepSeek-R1-Distill-Qwen-7B";
    home.folder(&format!("{hub}/snapshots/1234"));
    home.write(&format!("{hub}/refs/main"), b"1234");
    home.folder(&format!("{hub}/snapshots/0000"));
    home.gguf(".cache/huggingface/hub/models--unsloth--R1-GGUF/snapshots/12/Q4/R1-Q4_K_M.gguf");
    home.gguf(".cache/huggingface/hub/models--unsloth--R1-GGUF/snapshots/12/R1-Q8_0.gguf");
    home.gguf(".cache/huggingface/hub/datasets--maker--texts/snapshots/12/x.gguf");
    home.folder(".cache/modelscope/hub/models/deepseek-ai/DeepSeek-R1-Distill-Qwen-1___5B");
    home.folder(".cache/modelscope/hub/old-owner/old-name");
    home.ollama(".ollama/models", "registry.ollama.ai/library/deepseek-r1/8b", &digest("a"));
    home.ollama(".ollama/models", "registry.ollama.ai/library/deepseek-r1/latest", &digest("a"));
    home.ollama(".ollama/models", "registry.ollama.ai/someone/r1/7b", &digest("b"));
    home.ollama(".ollama/models", "hf.co/bartowski/R1-GGUF/Q4_K_M", &digest("c"));
    home.ollama("../system/usr/share/ollama/.ollama/models", "registry.ollama.ai/library/s/1", &digest("d"));
    home.gguf(".lmstudio/models/lmstudio-community/R1-GGUF/R1-Q4_K_M.gguf");
    home.gguf(".cache/lm-studio/models/publisher/repo/old.gguf");
    home.gguf(".local/share/Jan/data/llamacpp/models/janhq/R1/model.gguf");
    home.gguf("jan/models/r1/r1.gguf");
    home.gguf(".cache/llama.cpp/unsloth_R1_R1-Q4_K_M.gguf");
    home.gguf("text-generation-webui/models/flat.gguf");
    home.folder("text-generation-webui/user_data/models/owner_name");
    let expected = [
        ("Hugging Face", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"),
        ("Hugging Face", "unsloth/R1-GGUF/R1-Q4_K_M"),
        ("Hugging Face", "unsloth/R1-GGUF/R1-Q8_0"),
        ("ModelScope", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
        ("ModelScope", "old-owner/old-name"),
        ("Ollama", "hf.co/bartowski/R1-GGUF:Q4_K_M"),
        ("Ollama", "deepseek-r1:8b"),
        ("Ollama", "someone/r1:7b"),
        ("Ollama", "s:1"),
        ("LM Studio", "lmstudio-community/R1-GGUF/R1-Q4_K_M"),
        ("LM Studio", "publisher/repo/old"),
        ("Jan", "janhq/R1"),
        ("Jan", "r1/r1"),
        ("llama.cpp", "unsloth_R1_R1-Q4_K_M"),
        ("text-generation-webui", "flat"),
        ("text-generation-webui", "owner_name"),
    ];
    let found = home.labels();
    let found: Vec<_> = found.iter().map(|(program, label)| (*program, label.as_str())).collect();
    assert_eq!(found, expected);
    let newest = &home.search()[0].path;
    assert!(newest.ends_with("snapshots/1234"), "{}", newest.display());
}

#[test]
fn a_download_is_told_of_the_files_that_may_be_the_same() {
    let home = Home::new();
    let (sha256, git) = (digest("a"), "b".repeat(40));
    let cache = ".cache/huggingface/hub/models--maker--r1";
    home.write(&format!("{cache}/blobs/{sha256}"), b"12345");
    home.write(&format!("{cache}/blobs/{}", digest("d")), b"12345");
    home.write(&format!("{cache}/blobs/{git}"), b"{}");
    home.write(&format!("{cache}/blobs/{}.incomplete", digest("e")), b"12345");
    home.write(".cache/huggingface/hub/datasets--maker--texts/blobs/x", b"12345");
    home.write(&format!(".ollama/models/blobs/sha256-{sha256}"), b"12345");
    home.write(".ollama/models/manifests/registry.ollama.ai/library/r1/1", b"12345");
    home.write(".cache/modelscope/hub/models/maker/R1-1___5B/config.json", b"{}");
    home.write(".lmstudio/models/maker/r1/r1-Q4_K_M.gguf", b"12345");
    home.write(".lmstudio/models/maker/r1/other.gguf", b"12345");
    home.write("jan/models/r1/r1.gguf.part", b"12345");
    #[cfg(unix)]
    {
        let link = home.path(&format!("{cache}/snapshots/1/r1-Q4_K_M.gguf"));
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("is made");
        std::os::unix::fs::symlink(home.path(&format!("{cache}/blobs/{sha256}")), link).expect("is linked");
    }
    let files = LocalFiles::of_environment(&home.environment(&|_| None));
    let found = |path: &str, size, digest| {
        let all = files.of(&hub::RemoteFile { path: path.into(), size, digest });
        let name = |local: hub::LocalFile| {
            let name = local.path.file_name().expect("a name").to_string_lossy().into_owned();
            (local.program, name)
        };
        all.into_iter().map(name).collect::<Vec<_>>()
    };
    let of = |program: &str, name: &str| (program.to_owned(), name.to_owned());
    // Those that are named by the hash, those of the name, the others; none that is named by another hash.
    assert_eq!(
        found("q/r1-Q4_K_M.gguf", 5, Some(hub::Digest::Sha256(sha256.to_uppercase()))),
        [
            of("Hugging Face", &sha256),
            of("Ollama", &format!("sha256-{sha256}")),
            of("LM Studio", "r1-Q4_K_M.gguf"),
            of("LM Studio", "other.gguf"),
        ]
    );
    let config = [of("Hugging Face", &git), of("ModelScope", "config.json")];
    assert_eq!(found("config.json", 2, Some(hub::Digest::GitBlob(git.clone()))), config);
    assert_eq!(found("config.json", 2, None), [], "without a hash nothing can be verified");
    assert_eq!(found("config.json", 3, Some(hub::Digest::GitBlob(git))), []);
    assert!(
        LocalFiles::scan(None).of(&hub::RemoteFile { path: "a".into(), size: 5, digest: None }).is_empty()
    );
}

#[test]
fn variables_choose_folders() {
    let mut home = Home::new();
    let set = [
        ("HF_HUB_CACHE", "a", "models--o--a/snapshots/1/a.gguf"),
        ("HF_HOME", "b", "hub/models--o--b/snapshots/1/b.gguf"),
        ("XDG_CACHE_HOME", "c", "huggingface/hub/models--o--c/snapshots/1/c.gguf"),
        ("MODELSCOPE_CACHE", "d", "models/o/d/d.gguf"),
        ("XDG_DATA_HOME", "f", "Jan/data/llamacpp/models/f/model.gguf"),
        ("LLAMA_CACHE", "g", "g.gguf"),
    ];
    for (variable, folder, file) in set {
        home.gguf(&format!("{folder}/{file}"));
        home.variables.push((variable, home.path(folder)));
    }
    home.ollama("e", "registry.ollama.ai/library/e/1", &digest("e"));
    home.variables.push(("OLLAMA_MODELS", "~/e".into()));
    let labels: Vec<String> = home.labels().into_iter().map(|(_, label)| label).collect();
    assert_eq!(labels, ["o/a/a", "o/b/b", "o/c/c", "o/d/d", "e:1", "f", "g"]);
    // A folder relative to the working folder of another program is nowhere.
    home.variables = vec![("LLAMA_CACHE", "src".into()), ("OLLAMA_MODELS", "".into())];
    assert_eq!(home.labels(), []);
}

#[test]
fn a_manifest_that_is_none_is_skipped() {
    let home = Home::new();
    let manifest = |name: &str, text: &[u8]| {
        home.write(&format!(".ollama/models/manifests/registry.ollama.ai/library/{name}/1"), text)
    };
    let layer = |digest: &str| {
        let layer =
            format!("{{\"mediaType\":\"application/vnd.ollama.image.model\",\"digest\":\"{digest}\"}}");
        format!("{{\"layers\":[{layer}]}}").into_bytes()
    };
    home.gguf(&format!(".ollama/models/blobs/sha256-{}", digest("a")));
    home.gguf("outside.gguf");
    home.write(".ollama/models/blobs/sha256-x/empty", b"");
    manifest("text", b"not JSON");
    manifest("binary", &[0xff, 0, 0xfe]);
    manifest("list", b"[1,2]");
    manifest("no-layers", b"{\"layers\":[]}");
    manifest("deep", "[".repeat(100_000).as_bytes());
    let mut huge = layer(&format!("sha256:{}", digest("a")));
    huge.resize(2 << 20, b' ');
    manifest("huge", &huge);
    let up = "../".repeat(3);
    let long = format!("sha256:{up:/<64}");
    for (at, digest) in [
        "sha256:../../../../outside.gguf",
        // With the folder `sha256-x` this path exists.
        "sha256:x/../../../../outside.gguf",
        "sha256:",
        "",
        "md5:00",
        &long,
        &format!("sha256:{}", "b".repeat(64)),
        &format!("sha256:{}\u{e9}", "a".repeat(62)),
    ]
    .iter()
    .enumerate()
    {
        manifest(&format!("digest{at}"), &layer(digest));
    }
    std::fs::create_dir_all(home.path(".ollama/models/manifests/registry.ollama.ai/library/folder/1/2"))
        .expect("is made");
    assert_eq!(home.labels(), []);
    manifest("sound", &layer(&format!("sha256:{}", digest("a"))));
    assert_eq!(home.labels(), [("Ollama", "sound:1".to_owned())]);
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_pipes_end_and_a_file_is_listed_once() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    let model = home.gguf(".lmstudio/models/maker/repo/r1.gguf");
    let root = home.path(".lmstudio/models");
    for at in 0..50 {
        symlink(&root, root.join(format!("maker/back{at}"))).expect("is linked");
    }
    symlink(&model, root.join("maker/repo/same.gguf")).expect("is linked");
    // Jan shows the same file through a link to the folder.
    std::fs::create_dir_all(home.path("jan")).expect("is made");
    symlink(&root, home.path("jan/models")).expect("is linked");
    let manifests = home.path(".ollama/models/manifests");
    std::fs::create_dir_all(&manifests).expect("is made");
    for at in 0..10 {
        symlink(&manifests, manifests.join(format!("again{at}"))).expect("is linked");
    }
    let tags = manifests.join("registry.ollama.ai/library/r1");
    std::fs::create_dir_all(&tags).expect("is made");
    for pipe in [root.join("pipe.gguf"), tags.join("pipe")] {
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
    }
    assert_eq!(home.labels(), [("LM Studio", "maker/repo/r1".to_owned())]);
}

#[test]
fn a_view_has_the_verdict_or_the_reason_and_whether_it_is_added() {
    let home = Home::new();
    let ollama = home.ollama(".ollama/models", "registry.ollama.ai/library/r1/1", &digest("a"));
    let folder = home.folder(".cache/huggingface/hub/models--maker--coder/snapshots/12");
    let other = testkit::TestGguf::read(&gguf()).with_text("general.architecture", "gemma3");
    home.write(".lmstudio/models/google/gemma/gemma.gguf", &other.write());
    let shards = testkit::TestGguf::read(&gguf()).split(2);
    for (at, shard) in shards.iter().enumerate() {
        home.write(&format!("jan/models/s/s-{:05}-of-00002.gguf", at + 1), shard);
    }
    let found = home.search();
    let facts = inspect(&ollama).expect("is a model");
    assert_eq!(facts.name, "r1:1", "the name of Ollama and not the digest");
    let own = OwnModel { id: "own-r1-1".into(), path: ollama, facts, downloaded: None };
    let snapshot = ::hardware::snapshot(Path::new("/"));
    let views = views(found, &[own], &snapshot, Devices::AUTO);
    let rows: Vec<_> = views
        .iter()
        .map(|view| (&*view.label, view.fit.is_some(), view.problem.as_ref().map(|p| p.code), view.added))
        .collect();
    let not_run = Some(contract::ErrorCode::ModelNotRun);
    let expected = [
        ("maker/coder", true, None, false),
        ("r1:1", true, None, true),
        ("s/s", true, None, false),
        ("google/gemma/gemma", false, not_run, false),
    ];
    assert_eq!(rows, expected);
    let weights = folder.join("model.safetensors").metadata().expect("is there").len();
    let both = shards.iter().map(Vec::len).sum::<usize>();
    assert_eq!(
        [views[0].size, views[1].size, views[2].size],
        [weights as f64, gguf().len() as f64, both as f64]
    );
    assert_eq!(views[3].problem.as_ref().map(|problem| &*problem.detail["name"]), Some("Gemma 3"));
}

#[test]
fn names_that_programs_give_are_the_names_of_an_import() {
    let home = Home::new();
    let name = |path: &Path| inspect(path).expect("is a model").name;
    assert_eq!(name(&home.gguf("jan/models/DeepSeek-R1-8B/model.gguf")), "DeepSeek-R1-8B");
    assert_eq!(
        name(&home.folder("models/o/DeepSeek-R1-Distill-Qwen-1___5B")),
        "DeepSeek-R1-Distill-Qwen-1.5B"
    );
    // A blob that no manifest names keeps the name of its file.
    let blob = format!("blobs/sha256-{}", digest("f"));
    assert_eq!(name(&home.gguf(&blob)), format!("sha256-{}", digest("f")));
}
