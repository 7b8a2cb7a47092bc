//! The folders in which other programs keep their models, as their documentation names them: those that an
//! environment variable chooses first, then the default ones. Looks at nothing on the disk. The folders of
//! Linux are run by tests; those of macOS and Windows were written by the same documentation and not run.
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What decides where the folders are.
pub(super) struct Environment<'a> {
    /// The home folder of the user.
    pub home: PathBuf,
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// `/`, below which a system service keeps its files.
    pub root: PathBuf,
}

/// How a program arranges models in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `models--owner--name/snapshots/<commit>/`.
    HuggingFaceCache,
    /// Manifests that name blobs by their digest.
    Ollama,
    /// Files under the names of their makers and repositories.
    Tree,
    /// A tree in which "___" stands for a dot.
    ModelScopeCache,
}

/// A folder that may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProgramFolder {
    pub program: &'static str,
    pub layout: Layout,
    pub path: PathBuf,
}

/// Every folder to look into. Programs and folders are in the order in which a model that is in several is
/// named.
pub(super) fn program_folders(environment: &Environment) -> Vec<ProgramFolder> {
    let home = |path: &str| Some(environment.home.join(path));
    let set = |variable: &str| environment.chosen(variable);
    let in_set = |variable: &str, path: &str| Some(set(variable)?.join(path));
    let cache = set("XDG_CACHE_HOME").unwrap_or_else(|| environment.home.join(".cache"));
    let caches = |path: &str| Some(cache.join(path));

    let hugging_face = [
        set("HF_HUB_CACHE"),
        set("HUGGINGFACE_HUB_CACHE"),
        in_set("HF_HOME", "hub"),
        caches("huggingface/hub"),
        home(".cache/huggingface/hub"),
    ];
    // The earlier versions have no folder `models`.
    let model_scope = [
        in_set("MODELSCOPE_CACHE", "models"),
        in_set("MODELSCOPE_CACHE", "hub/models"),
        in_set("MODELSCOPE_CACHE", "hub"),
        set("MODELSCOPE_CACHE"),
        home(".cache/modelscope/hub/models"),
        home(".cache/modelscope/hub"),
    ];
    let ollama = [
        set("OLLAMA_MODELS"),
        home(".ollama/models"),
        Some(environment.root.join("usr/share/ollama/.ollama/models")),
    ];
    let lm_studio = [home(".lmstudio/models"), home(".cache/lm-studio/models")];
    let jan = [environment.data().map(|data| data.join("Jan/data/llamacpp/models")), home("jan/models")];
    let llama_cpp = [set("LLAMA_CACHE"), environment.llama_cpp(&cache)];
    let web_ui = [home("text-generation-webui/models"), home("text-generation-webui/user_data/models")];

    let mut folders = Vec::new();
    let mut add = |program, layout, paths: &[Option<PathBuf>]| {
        folders.extend(paths.iter().flatten().map(|path| ProgramFolder {
            program,
            layout,
            path: path.clone(),
        }));
    };
    add("Hugging Face", Layout::HuggingFaceCache, &hugging_face);
    add("ModelScope", Layout::ModelScopeCache, &model_scope);
    add("Ollama", Layout::Ollama, &ollama);
    add("LM Studio", Layout::Tree, &lm_studio);
    add("Jan", Layout::Tree, &jan);
    add("llama.cpp", Layout::Tree, &llama_cpp);
    add("text-generation-webui", Layout::Tree, &web_ui);
    folders
}

impl Environment<'static> {
    pub(super) fn of_this_process(home: PathBuf) -> Self {
        Self { home, variable: &|name| std::env::var_os(name), root: PathBuf::from("/") }
    }
}

impl Environment<'_> {
    /// The folder that a variable names. One that is relative to some working folder is left out.
    fn chosen(&self, variable: &str) -> Option<PathBuf> {
        let path = PathBuf::from((self.variable)(variable)?);
        let path = path.strip_prefix("~").map_or(path.clone(), |below| self.home.join(below));
        path.is_absolute().then_some(path)
    }

    /// The folder for the data of programs.
    fn data(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            self.chosen("APPDATA")
        } else if cfg!(target_os = "macos") {
            Some(self.home.join("Library/Application Support"))
        } else {
            self.chosen("XDG_DATA_HOME").or_else(|| Some(self.home.join(".local/share")))
        }
    }

    fn llama_cpp(&self, cache: &Path) -> Option<PathBuf> {
        let folder = if cfg!(windows) {
            self.chosen("LOCALAPPDATA")?
        } else if cfg!(target_os = "macos") {
            self.home.join("Library/Caches")
        } else {
            cache.to_owned()
        };
        Some(folder.join("llama.cpp"))
    }
}
