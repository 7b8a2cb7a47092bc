//! What a person wants to run, and on what.
use catalog::{Card, Catalog, ModelFacts};

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

    /// The version whose flags the plans were read against, where they have one: llama.cpp numbers its builds and keeps its flags.
    pub fn read_version(self) -> Option<&'static str> {
        match self {
            Self::Sglang => Some(super::sglang::VERSION),
            Self::Vllm => Some(super::vllm::VERSION),
            Self::LlamaServer | Self::Ollama => None,
        }
    }

    /// A command that installs it, and the line for a shell that enters where it then is.
    pub fn install(self) -> (String, &'static str) {
        match self {
            Self::Sglang => (
                format!(
                    "python3 -m venv ~/sglang && ~/sglang/bin/pip install 'sglang=={}'",
                    super::sglang::VERSION
                ),
                ". ~/sglang/bin/activate",
            ),
            Self::Vllm => (
                format!(
                    "python3 -m venv ~/vllm && ~/vllm/bin/pip install 'vllm=={}.*'",
                    super::vllm::VERSION
                ),
                ". ~/vllm/bin/activate",
            ),
            Self::LlamaServer => ("brew install llama.cpp".to_owned(), ""),
            Self::Ollama => ("curl -fsSL https://ollama.com/install.sh | sh".to_owned(), ""),
        }
    }

    /// Whether an installed version is the one that was read, up to what it adds behind.
    pub fn is_read(self, installed: &str) -> bool {
        self.read_version().is_none_or(|read| {
            installed
                .strip_prefix(read)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
        })
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Engines of llama.cpp's kind: GGUF files, one machine, layers divided among its cards.
    pub(crate) fn reads_gguf(self) -> bool {
        matches!(self, Self::Ollama | Self::LlamaServer)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Spec<'a> {
    pub model: &'a ModelFacts,
    /// The best that fits when left out.
    pub variant: Option<String>,
    pub engine: Engine,
    /// Tokens of one conversation.
    pub context: u32,
    /// Conversations at the same time.
    pub sequences: u32,
    /// vLLM over Ray instead of its own way over several machines.
    pub ray: bool,
}

/// Equal machines with equal cards.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    pub machines: u32,
    /// In each machine.
    pub cards: u32,
    pub card: Card,
}

const MOST_MACHINES: u32 = 64;
const MOST_CARDS: u32 = 16;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    #[error("`{0}` is not like 8xH100-80G or 2x8xH100-80G")]
    Form(String),
    #[error("no card `{0}` is known")]
    Card(String),
    #[error("at most {MOST_MACHINES} machines of {MOST_CARDS} cards")]
    Count,
}

impl Inventory {
    /// From "H100-80G", "8xH100-80G" or "2x8xH100-80G".
    pub fn parse(text: &str) -> Result<Self, InventoryError> {
        let form = || InventoryError::Form(text.to_owned());
        let mut counts = Vec::new();
        let mut rest = text.trim();
        while let Some((count, after)) = rest.split_once(['x', 'X', '×']) {
            // The x of "MAX" is no count.
            if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
                break;
            }
            counts.push(count.parse::<u32>().map_err(|_| InventoryError::Count)?);
            rest = after;
        }
        let (machines, cards) = match counts[..] {
            [] => (1, 1),
            [cards] => (1, cards),
            [machines, cards] => (machines, cards),
            _ => return Err(form()),
        };
        if rest.is_empty() {
            return Err(form());
        }
        if !(1..=MOST_MACHINES).contains(&machines) || !(1..=MOST_CARDS).contains(&cards) {
            return Err(InventoryError::Count);
        }
        let card = Catalog::builtin().card(rest).ok_or_else(|| InventoryError::Card(rest.to_owned()))?;
        Ok(Self { machines, cards, card: card.clone() })
    }

    /// As it is typed.
    pub fn label(&self) -> String {
        match self.machines {
            1 => format!("{}x{}", self.cards, self.card.label()),
            machines => format!("{machines}x{}x{}", self.cards, self.card.label()),
        }
    }
}
