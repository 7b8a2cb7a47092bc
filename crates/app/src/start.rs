//! A start whose chats could not be opened, as use cases: its state, the recoveries, and the places to look
//! at. What each recovery does is in `chats_file`.
use std::path::PathBuf;

use contract::{AppEvent, ErrorView, ShownPlace, StartView, StartWay};

use crate::App;
use crate::blocking::blocking;

impl App {
    /// Whether the chats are open. The window shows a recovery page while they are not.
    pub async fn start_state(&self) -> Result<StartView, ErrorView> {
        let chats = self.chats_file.clone();
        blocking("use the chats", move || Ok(chats.view())).await
    }

    /// Runs one of the offered recoveries after a failed start.
    ///
    /// # Errors
    /// When the recovery fails. A failed retry is not an error; it gives the new state.
    pub async fn start_again(&self, way: StartWay) -> Result<StartView, ErrorView> {
        let chats = self.chats_file.clone();
        let view = blocking("use the chats", move || {
            chats.recover(way)?;
            Ok(chats.view())
        });
        let view = view.await?;
        self.reload_settings();
        self.host.emit(AppEvent::ChatsChanged);
        Ok(view)
    }

    /// The path to show in the system's file manager.
    pub fn location(&self, place: ShownPlace) -> PathBuf {
        match place {
            ShownPlace::Chats => self.chats_file.path().to_owned(),
            ShownPlace::Backups => history::backup_folder(self.chats_file.path()),
        }
    }
}
