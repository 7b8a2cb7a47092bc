//! Backups of the chats as use cases: list, make, put back, and the daily one. Files and how they are proved are `history`'s.
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use contract::{AppEvent, BackupKind, BackupView, BackupsView, ErrorCode, ErrorView};
use jiff::{SignedDuration, Timestamp};

use crate::App;
use crate::chats_file::blocking;
use crate::convert::history_error;

/// Between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The log is emptied into the file when nothing was written for this long.
const QUIET: Duration = Duration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// After one that failed, for instance on a full disk.
const TRY_AGAIN: SignedDuration = SignedDuration::from_hours(1);

impl App {
    /// Those that are there, also when the chats cannot be opened.
    pub async fn backups(&self) -> Result<BackupsView, ErrorView> {
        let chats = self.chats_file.clone();
        let found = blocking(move || history::backups(chats.path()).map_err(history_error)).await?;
        let problem = self.backup_problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(BackupsView {
            folder: history::backup_folder(self.chats_file.path()).display().to_string(),
            backups: found.into_iter().map(view).collect(),
            problem: problem.map(|(_, error)| error),
        })
    }

    /// Makes one now, beside those of each day.
    pub async fn backup_create(&self) -> Result<BackupView, ErrorView> {
        self.backup(history::BackupKind::Asked).await
    }

    /// Puts a backup in the place of the chats. What was there is kept as a backup.
    ///
    /// # Errors
    /// While an answer is being written; when the copy is not whole, or the disk is full. Nothing was replaced then.
    pub async fn backup_restore(&self, id: &str) -> Result<BackupsView, ErrorView> {
        if self.running.any() {
            let message = "put a backup back: an answer is still being written";
            return Err(ErrorView::new(ErrorCode::AnswerRunning, message));
        }
        let (chats, id) = (self.chats_file.clone(), id.to_owned());
        blocking(move || chats.restore(&id)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        self.host.emit(AppEvent::BackupsChanged);
        self.backups().await
    }

    async fn backup(&self, kind: history::BackupKind) -> Result<BackupView, ErrorView> {
        let history = self.chats_file.writable()?;
        let made = blocking(move || history.backup(kind).map_err(history_error)).await;
        let problem = made.as_ref().err().map(|error| (Timestamp::now(), error.clone()));
        *self.backup_problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        self.host.emit(AppEvent::BackupsChanged);
        made.map(view)
    }

    /// Whether a daily one is due: the last is a day old, and there is something to back up.
    fn backup_due(&self, now: Timestamp) -> Result<bool, ErrorView> {
        let failed = self.backup_problem.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < TRY_AGAIN) {
            return Ok(false);
        }
        drop(failed);
        let history = self.chats_file.writable()?;
        let all = history::backups(self.chats_file.path()).map_err(history_error)?;
        let last = all.iter().find(|one| one.kind == history::BackupKind::Daily);
        let last = last.and_then(|one| one.created_at.parse::<Timestamp>().ok());
        // A clock that was put back makes one, too.
        let fresh = last.is_some_and(|at| at <= now && now.duration_since(at) < DAY);
        Ok(!fresh && !history.chats().map_err(history_error)?.is_empty())
    }

    /// For a host that stays open: keeps a copy of the file whole and makes the daily backup. Ends with the app.
    pub fn keep_safe(self: &Arc<Self>) {
        let app = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                // First a pause: the start has better things to do.
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(app) = app.upgrade() else { return };
                app.safe_now().await;
            }
        });
    }

    async fn safe_now(self: &Arc<Self>) {
        let Ok(history) = self.chats_file.writable() else { return };
        let moved = blocking(move || history.checkpoint_after(QUIET).map_err(history_error)).await;
        if let Err(error) = moved {
            // A full disk: everything stays in the log, and the next look tries again.
            tracing::warn!(%error, "the log of the chats was not emptied");
        }
        let app = self.clone();
        let due = blocking(move || app.backup_due(Timestamp::now())).await;
        match due {
            Ok(true) => {
                if let Err(error) = self.backup(history::BackupKind::Daily).await {
                    tracing::warn!(%error, "the daily backup was not made");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the backups could not be looked at"),
        }
    }

    /// Before a host ends: after this a copy of the file alone is whole.
    pub async fn close(&self) {
        let Ok(history) = self.chats_file.writable() else { return };
        match blocking(move || history.checkpoint().map_err(history_error)).await {
            Ok(true) => {}
            // The other program empties it when it ends.
            Ok(false) => tracing::info!("another program uses the chats: their log was left to it"),
            Err(error) => tracing::warn!(%error, "the log of the chats was not emptied"),
        }
    }
}

fn view(backup: history::Backup) -> BackupView {
    let kind = match backup.kind {
        history::BackupKind::Daily => BackupKind::Daily,
        history::BackupKind::Update => BackupKind::Update,
        history::BackupKind::Replaced => BackupKind::Replaced,
        history::BackupKind::Asked => BackupKind::Asked,
    };
    BackupView {
        id: backup.id,
        kind,
        created_at: backup.created_at,
        bytes: backup.bytes as f64,
        pictures: u32::try_from(backup.pictures).unwrap_or(u32::MAX),
    }
}
