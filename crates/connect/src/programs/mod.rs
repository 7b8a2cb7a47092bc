//! The programs: a file for each, with its file, its settings for our server and what is left to do by hand.
//! Knows no text: formats are elsewhere.

mod claude_code;
mod codex;
mod continue_dev;
mod obsidian;
mod open_webui;
mod opencode;
mod vscode;
mod zed;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::entry::Entry;
use crate::format::Format;
use crate::steps::Steps;
use crate::{ConnectError, Places, Program, Server};

/// Our name in the settings of programs, for people.
const NAME: &str = "Whaledeck";

/// Our name where programs want a key of small letters.
const ID: &str = "whaledeck";

/// The file of a program.
pub(crate) struct Site {
    pub path: PathBuf,
    pub format: Format,
}

/// How a program is connected.
pub(crate) enum Route {
    File(Site),
    Hand,
}

/// What settings say of a server.
#[derive(Default)]
pub(crate) struct Found {
    /// With `/v1` or without.
    pub base: String,
    /// The model, if it is the program's default.
    pub model: Option<String>,
}

impl Site {
    fn json(path: PathBuf) -> Route {
        Route::File(Self { path, format: Format::Json })
    }

    fn jsonc(path: PathBuf) -> Route {
        Route::File(Self { path, format: Format::Jsonc })
    }
}

/// How the program is connected here.
pub(crate) fn route(program: Program, places: &Places) -> Result<Route, ConnectError> {
    Ok(match program {
        Program::ClaudeCode => Site::json(places.claude.join("settings.json")),
        Program::Codex => Route::File(Site { path: places.codex.join("config.toml"), format: Format::Toml }),
        Program::OpenCode => Site::jsonc(opencode::path(places)),
        Program::Continue => Route::File(continue_dev::site(places)),
        Program::Zed => Site::jsonc(places.zed.join("settings.json")),
        Program::VsCode => Site::jsonc(places.code.join("chatLanguageModels.json")),
        Program::OpenWebUi => Route::Hand,
        Program::Obsidian => obsidian::route(places)?,
    })
}

/// The folder of the program's settings, which errors name when no file is concerned.
pub(crate) fn folder(program: Program, places: &Places) -> PathBuf {
    match program {
        Program::ClaudeCode => places.claude.clone(),
        Program::Codex => places.codex.clone(),
        Program::OpenCode => places.opencode.clone(),
        Program::Continue => places.continues.clone(),
        Program::Zed => places.zed.clone(),
        Program::VsCode => places.code.clone(),
        Program::OpenWebUi => PathBuf::from(program.name()),
        Program::Obsidian => places.vault.clone().unwrap_or_else(|| PathBuf::from(program.name())),
    }
}

/// Our settings.
pub(crate) fn entries(program: Program, server: &Server, format: Format) -> Vec<Entry> {
    match program {
        Program::ClaudeCode => claude_code::entries(server),
        Program::Codex => codex::entries(server),
        Program::OpenCode => opencode::entries(server),
        Program::Continue => continue_dev::entries(server, format),
        Program::Zed => zed::entries(server),
        Program::VsCode => vscode::entries(server),
        Program::OpenWebUi => Vec::new(),
        Program::Obsidian => obsidian::entries(server),
    }
}

/// What the settings say of a server that could be ours.
pub(crate) fn found(program: Program, tree: &Json, format: Format) -> Option<Found> {
    match program {
        Program::ClaudeCode => claude_code::found(tree),
        Program::Codex => codex::found(tree),
        Program::OpenCode => opencode::found(tree),
        Program::Continue => continue_dev::found(tree, format),
        Program::Zed => zed::found(tree),
        Program::VsCode => vscode::found(tree),
        Program::OpenWebUi => None,
        Program::Obsidian => obsidian::found(tree),
    }
}

/// Whether our settings have our name. Claude Code has room for one server only, without a name.
pub(crate) fn are_named(program: Program) -> bool {
    program != Program::ClaudeCode
}

/// What is left to do after the file was written.
pub(crate) fn left(program: Program, server: &Server) -> Steps {
    let steps = match program {
        Program::Zed => zed::left(server),
        Program::VsCode => vscode::left(server),
        Program::Obsidian => obsidian::left(),
        _ => Vec::new(),
    };
    Steps { steps, origin: program.origin() }
}

/// What to do by hand in place of a file.
pub(crate) fn steps(program: Program, server: &Server, places: &Places) -> Steps {
    let steps = match program {
        Program::OpenWebUi => open_webui::steps(server),
        Program::Obsidian => obsidian::steps(server, places),
        _ => Vec::new(),
    };
    Steps { steps, origin: program.origin() }
}

fn text(tree: &Json, keys: &[&str]) -> Option<String> {
    let value = keys.iter().try_fold(tree, |tree, key| tree.get(key));
    value.and_then(Json::as_str).map(str::to_owned)
}

fn is_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
