//! Connects each program in a temporary home: the texts, the files, and what undoing leaves.
//! What all of these tests share is here.

mod files;
mod programs;
mod random;
mod refusals;
mod undoing;

use std::path::PathBuf;

use connect::{ConnectError, FileChange, Places, Plan, Program, Server, Undone};

/// A home with nothing in it.
pub struct Home {
    folder: tempfile::TempDir,
    pub places: Places,
}

impl Home {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = folder.path().join("vault");
        let plugin = vault.join(".obsidian/plugins/copilot");
        std::fs::create_dir_all(&plugin).expect("is made");
        std::fs::write(plugin.join("manifest.json"), r#"{"version": "3.2.8"}"#).expect("is written");
        let places = Places::under(folder.path()).in_vault(vault);
        Self { folder, places }
    }

    /// The settings of a program before anybody wrote them.
    pub fn file(&self, program: Program) -> PathBuf {
        self.folder.path().join(match program {
            Program::ClaudeCode => ".claude/settings.json",
            Program::Codex => ".codex/config.toml",
            Program::OpenCode => ".config/opencode/opencode.json",
            Program::Continue => ".continue/config.yaml",
            Program::Zed => ".config/zed/settings.json",
            Program::VsCode => ".config/Code/User/chatLanguageModels.json",
            Program::OpenWebUi => unreachable!("it has no file"),
            Program::Obsidian => "vault/.obsidian/plugins/copilot/data.json",
        })
    }

    pub fn write(&self, program: Program, text: &str) {
        let path = self.file(program);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
        std::fs::write(path, text).expect("is written");
    }

    pub fn read(&self, program: Program) -> String {
        std::fs::read_to_string(self.file(program)).expect("reads")
    }

    pub fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    pub fn plan(&self, program: Program, server: &Server) -> Result<FileChange, ConnectError> {
        match connect::plan(program, server, &self.places)? {
            Plan::File(change) => Ok(*change),
            Plan::Steps(steps) => panic!("{steps:?}"),
        }
    }

    pub fn connect(&self, program: Program, server: &Server) -> FileChange {
        let change = self.plan(program, server).expect("is planned");
        change.apply(&self.backups()).expect("is written");
        change
    }

    pub fn undo(&self, program: Program) -> Result<Undone, ConnectError> {
        connect::undo(program, &self.places, &self.backups())
    }

    pub fn connected(&self, program: Program) -> Option<connect::Connected> {
        connect::connected(program, &self.places, &self.backups()).expect("is read")
    }
}

pub fn server() -> Server {
    Server {
        base: "http://127.0.0.1:8080".into(),
        key: "wd-0123456789".into(),
        model: "deepseek-ai/DeepSeek-V3".into(),
        context: Some(65_536),
        output: None,
    }
}

/// The programs with a file.
pub fn with_files() -> impl Iterator<Item = Program> {
    Program::all().iter().copied().filter(|program| *program != Program::OpenWebUi)
}

/// Settings of each program as people have them, with comments and things of their own.
pub fn existing(program: Program) -> &'static str {
    match program {
        Program::ClaudeCode => concat!(
            "{\n    \"permissions\": { \"allow\": [\"Bash(ls:*)\"] },\n    \"env\": {\n",
            "        \"EDITOR\": \"vi\",\n        \"ANTHROPIC_AUTH_TOKEN\": \"sk-of-another\"\n    },\n",
            "    \"theme\": \"dark\"\n}\n",
        ),
        Program::Codex => concat!(
            "# my Codex\nmodel = \"gpt-5\"   # the large one\napproval_policy = 'on-request'\n\n",
            "# tools\n[mcp_servers.docs]\ncommand = \"docs\"\nargs = [\n  \"--fast\", # yes\n]\n\n",
            "[model_providers.other]\nname = \"Other\"\nbase_url = \"https://example.com/v1\"\n\n[tui]\ntheme = \"x\"\n",
        ),
        Program::OpenCode => concat!(
            "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  /* mine */\n  \"model\": \"anthropic/claude\",\n",
            "  \"provider\": {\n    \"mine\": { \"name\": \"Mine\" }, // keep\n  },\n}\n",
        ),
        Program::Continue => concat!(
            "# my models\nname: Mine\nversion: 0.0.1\nschema: v1\nmodels: # all\n  # the first\n",
            "  - name: GPT\n    provider: openai\n    model: gpt-5\n    apiKey: ${{ secrets.KEY }}\n\n",
            "  - name: Text\n    provider: ollama\n    model: \"x\"\n    description: |\n      - name: Whaledeck\n\n",
            "rules:\n- Be kind\n",
        ),
        Program::Zed => concat!(
            "// Zed settings\n{\n  \"vim_mode\": true,\n  \"agent\": {\n    \"default_model\": { \"provider\": \"zed.dev\", ",
            "\"model\": \"claude\" }, // mine\n    \"enabled\": true,\n  },\n  \"language_models\": { \"ollama\": {} },\n}\n",
        ),
        Program::VsCode => {
            "[\n\t{\n\t\t\"name\": \"Mine\",\n\t\t\"vendor\": \"customendpoint\", // keep\n\t\t\"models\": []\n\t}\n]\n"
        }
        Program::Obsidian => concat!(
            "{\n  \"userId\": \"me\",\n  \"defaultModelKey\": \"gpt|openai\",\n  \"activeModels\": [\n    {\n",
            "      \"name\": \"gpt\",\n      \"provider\": \"openai\",\n      \"enabled\": true\n    }\n  ],\n  \"chain\": 1\n}",
        ),
        Program::OpenWebUi => unreachable!("it has no file"),
    }
}
