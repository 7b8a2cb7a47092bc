//! Other programs that use the API of this app, as use cases: what has to change in their settings is shown,
//! written with a key of its own, and taken back. The files are the matter of the crate `connect`.
mod view;

use std::path::PathBuf;

use ::connect::{ConnectError, Places, Plan, Program, Server};
use contract::{
    ConnectDone, ConnectPlan, ConnectProgram, ConnectRequest, ConnectUndone, ConnectedProgram, ErrorCode,
    ErrorView,
};
use sha2::{Digest, Sha256};

use self::view::{line_view, step_view};
use crate::App;
use crate::blocking::blocking;

/// Stands for the key until a program is connected: the difference shows dots.
const NO_KEY: &str = "wd-key-that-is-made-when-you-connect";
/// Under the data folder: what was in the settings of other programs before.
const BACKUPS: &str = "connected";

impl App {
    /// The programs, and which of them are connected. `vault` is that of Obsidian.
    pub async fn connect_programs(&self, vault: Option<&str>) -> Result<Vec<ConnectProgram>, ErrorView> {
        let (places, backups) = (places(vault), self.connect_backups());
        blocking("read the settings of other programs", move || {
            let shown = |program: &Program| ConnectProgram {
                id: program.id().to_owned(),
                name: program.name().to_owned(),
                needs_vault: *program == Program::Obsidian,
                // Settings that cannot be read are told when the program is chosen.
                connected: ::connect::connected(*program, &places, &backups).ok().flatten().map(|found| {
                    let (path, address) = (found.path.display().to_string(), found.base);
                    ConnectedProgram { path, address, model: found.model }
                }),
            };
            Ok(Program::all().iter().map(shown).collect())
        })
        .await
    }

    /// What connecting a program would change. Writes nothing and makes no key.
    ///
    /// # Errors
    /// When the API is switched off, or the settings of the program cannot be read.
    pub async fn connect_plan(&self, request: ConnectRequest) -> Result<ConnectPlan, ErrorView> {
        let server = self.connect_server(&request.model_id, NO_KEY).await?;
        let program = program_of(&request.program_id)?;
        let places = places(request.vault.as_deref());
        blocking("read the settings of another program", move || {
            let plan = ::connect::plan(program, &server, &places).map_err(|error| failure(&error))?;
            Ok(match plan {
                Plan::File(change) => ConnectPlan {
                    path: Some(change.path.display().to_string()),
                    lines: change.diff().into_iter().map(line_view).collect(),
                    digest: digest(change.before.as_deref()),
                    steps: change.left.steps.iter().map(step_view).collect(),
                    origin: change.left.origin.map(str::to_owned),
                },
                Plan::Steps(steps) => ConnectPlan {
                    path: None,
                    lines: Vec::new(),
                    digest: String::new(),
                    steps: steps.steps.iter().map(step_view).collect(),
                    origin: steps.origin.map(str::to_owned),
                },
            })
        })
        .await
    }

    /// Makes a key named after the program and writes its settings. `seen` is the digest of the plan that the
    /// user has seen.
    ///
    /// # Errors
    /// As [`App::connect_plan`], and when the file has changed since the plan; then there is no new key.
    pub async fn connect_apply(&self, request: ConnectRequest, seen: &str) -> Result<ConnectDone, ErrorView> {
        let program = program_of(&request.program_id)?;
        // Before a key is made for settings that are not written.
        let now = self.connect_plan(request.clone()).await?;
        if now.digest != seen {
            return Err(changed(now.path.as_deref().unwrap_or_default()));
        }
        let old = self.keys_of(program).await?;
        let key = self.sharing_key_add(program.name(), None).await?;
        let server = self.connect_server(&request.model_id, &key.secret).await?;
        let (places, backups) = (places(request.vault.as_deref()), self.connect_backups());
        let done = blocking("write the settings of another program", move || {
            let plan = ::connect::plan(program, &server, &places).map_err(|error| failure(&error))?;
            Ok(match plan {
                Plan::File(change) => {
                    change.apply(&backups).map_err(|error| failure(&error))?;
                    let path = Some(change.path.display().to_string());
                    ConnectDone { path, steps: change.left.steps.iter().map(step_view).collect() }
                }
                Plan::Steps(steps) => {
                    ConnectDone { path: None, steps: steps.steps.iter().map(step_view).collect() }
                }
            })
        })
        .await;
        // The settings have the new key now, or the old one still.
        let unused = if done.is_ok() { old } else { vec![key.key.id] };
        for id in unused {
            self.sharing_key_remove(&id).await?;
        }
        done
    }

    /// Takes back what was written, and removes the key of the program.
    ///
    /// # Errors
    /// When nothing of ours is there, or the file cannot be changed.
    pub async fn connect_undo(
        &self,
        program_id: &str,
        vault: Option<&str>,
    ) -> Result<ConnectUndone, ErrorView> {
        let program = program_of(program_id)?;
        let (places, backups) = (places(vault), self.connect_backups());
        let keys = self.keys_of(program).await?;
        let undone = blocking("write the settings of another program", move || {
            ::connect::undo(program, &places, &backups).map_err(|error| failure(&error))
        })
        .await;
        // A program that was set up by hand has a key and no file of ours.
        let by_hand = |error: &ErrorView| error.code == ErrorCode::ConnectNothing && !keys.is_empty();
        let undone = match undone {
            Err(error) if by_hand(&error) => None,
            undone => Some(undone?),
        };
        for id in &keys {
            self.sharing_key_remove(id).await?;
        }
        let Some(undone) = undone else {
            return Ok(ConnectUndone { path: String::new(), deleted: false, kept: Vec::new() });
        };
        let (path, deleted, kept) = (undone.path.display().to_string(), undone.deleted, undone.kept);
        Ok(ConnectUndone { path, deleted, kept })
    }

    fn connect_backups(&self) -> PathBuf {
        self.paths.data_dir.join(BACKUPS)
    }

    /// The ids of the keys that bear the name of a program.
    async fn keys_of(&self, program: Program) -> Result<Vec<String>, ErrorView> {
        let all = self.sharing().await?.keys;
        Ok(all.into_iter().filter(|key| key.name == program.name()).map(|key| key.id).collect())
    }

    async fn connect_server(&self, model_id: &str, key: &str) -> Result<Server, ErrorView> {
        let sharing = self.sharing().await?;
        let off = || ErrorView::new(ErrorCode::SharingOff, "connect a program: API access is switched off");
        let address = sharing.addresses.first().ok_or_else(off)?;
        let base = address.trim_end_matches("/v1").to_owned();
        let context = self.context_of(model_id).await?;
        Ok(Server { base, key: key.to_owned(), model: model_id.to_owned(), context, output: None })
    }
}

fn program_of(id: &str) -> Result<Program, ErrorView> {
    Program::from_id(id).ok_or_else(|| {
        let known: Vec<&str> = Program::all().iter().map(|program| program.id()).collect();
        crate::convert::invalid("connect a program: it is not known", id, known.join(", "))
    })
}

fn places(vault: Option<&str>) -> Places {
    let places = Places::find();
    match vault {
        Some(vault) => places.in_vault(PathBuf::from(vault)),
        None => places,
    }
}

/// Of a file, or of its absence.
fn digest(content: Option<&str>) -> String {
    content.map_or_else(|| "none".to_owned(), |text| hex::encode(Sha256::digest(text)))
}

fn changed(path: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ConnectChanged, "connect a program: its settings have changed")
        .with("path", path)
}

fn failure(error: &ConnectError) -> ErrorView {
    let code = match error {
        ConnectError::Changed { .. } => ErrorCode::ConnectChanged,
        ConnectError::NothingToUndo { .. } => ErrorCode::ConnectNothing,
        _ => ErrorCode::ConnectUnreadable,
    };
    ErrorView::new(code, format!("connect a program: {error}")).with("reason", error)
}
