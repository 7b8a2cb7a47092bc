//! The programs that can be connected, with the names that other parts of the app and people use for them.
//! Knows nothing of their settings.

use strum::VariantArray;

/// A program that can use the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray)]
pub enum Program {
    /// Anthropic's agent for the terminal.
    ClaudeCode,
    /// OpenAI's agent for the terminal.
    Codex,
    /// The agent of Anomaly for the terminal.
    OpenCode,
    /// The extension for VS Code and JetBrains, and its command line.
    Continue,
    /// The editor.
    Zed,
    /// The chat that is built into Visual Studio Code.
    VsCode,
    /// The web page for chats.
    OpenWebUi,
    /// The Copilot plugin of Obsidian.
    Obsidian,
}

impl Program {
    /// Each of them, in the order in which they are shown.
    #[must_use]
    pub fn all() -> &'static [Self] {
        Self::VARIANTS
    }

    /// The name in files, commands and links. It never changes.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::OpenCode => "opencode",
            Self::Continue => "continue",
            Self::Zed => "zed",
            Self::VsCode => "vscode",
            Self::OpenWebUi => "open-webui",
            Self::Obsidian => "obsidian",
        }
    }

    /// The name that its makers give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code",
            Self::Codex => "Codex",
            Self::OpenCode => "OpenCode",
            Self::Continue => "Continue",
            Self::Zed => "Zed",
            Self::VsCode => "VS Code",
            Self::OpenWebUi => "Open WebUI",
            Self::Obsidian => "Obsidian",
        }
    }

    /// The program with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::VARIANTS.iter().copied().find(|program| program.id() == id)
    }

    /// The origin that the program's requests carry, which the server must allow: its requests come from a
    /// page.
    #[must_use]
    pub fn origin(self) -> Option<&'static str> {
        (self == Self::Obsidian).then_some("app://obsidian.md")
    }
}
