//! The engines that a plan can be for: their names, versions and installation.
//! Names are those of the command line and of stored records. It does not ask a host what is installed there.
const SGLANG_VERSION: &str = "0.5.23";
/// Without a patch number: patch releases keep the flags.
const VLLM_VERSION: &str = "0.33";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sglang,
    Vllm,
    Ollama,
    LlamaServer,
}

impl Engine {
    pub const ALL: [Self; 4] = [Self::Sglang, Self::Vllm, Self::LlamaServer, Self::Ollama];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sglang => "sglang",
            Self::Vllm => "vllm",
            Self::Ollama => "ollama",
            Self::LlamaServer => "llama-server",
        }
    }

    /// The version whose flags the plans use. `None` for llama.cpp and ollama, whose builds keep their flags.
    pub fn known_version(self) -> Option<&'static str> {
        match self {
            Self::Sglang => Some(SGLANG_VERSION),
            Self::Vllm => Some(VLLM_VERSION),
            Self::LlamaServer | Self::Ollama => None,
        }
    }

    /// A command that installs the engine, and the shell line that activates its environment.
    pub fn install(self) -> (String, &'static str) {
        match self {
            Self::Sglang => (
                format!("python3 -m venv ~/sglang && ~/sglang/bin/pip install 'sglang=={}'", SGLANG_VERSION),
                ". ~/sglang/bin/activate",
            ),
            Self::Vllm => (
                format!("python3 -m venv ~/vllm && ~/vllm/bin/pip install 'vllm=={}.*'", VLLM_VERSION),
                ". ~/vllm/bin/activate",
            ),
            Self::LlamaServer => ("brew install llama.cpp".to_owned(), ""),
            Self::Ollama => ("curl -fsSL https://ollama.com/install.sh | sh".to_owned(), ""),
        }
    }

    /// Whether an installed version is the known one, apart from a suffix such as a patch number.
    pub fn matches_known_version(self, installed: &str) -> bool {
        self.known_version().is_none_or(|known| {
            installed
                .strip_prefix(known)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
        })
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Engines based on llama.cpp: GGUF files, one host, layers split over its GPUs.
    pub(crate) fn reads_gguf(self) -> bool {
        matches!(self, Self::Ollama | Self::LlamaServer)
    }
}
