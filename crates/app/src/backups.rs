//! Backups of the chats as use cases: list, create, restore, and the daily backup.
//! `history` writes and verifies the files.
use std::sync::Arc;
use std::time::Duration;

use contract::{AppEvent, BackupKind, BackupView, BackupsView, ErrorCode, ErrorView};
use jiff::{SignedDuration, Timestamp};

use crate::App;
use crate::blocking::blocking;
use crate::convert::history_error;

/// The interval of the check whether a backup is due.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// The write-ahead log is checkpointed when nothing was written for this long.
const QUIET: Duration = Duration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The wait after a backup that failed, for instance on a full disk.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

impl App {
    /// Lists the backups, also when the chats cannot be opened.
    pub async fn backups(&self) -> Result<BackupsView, ErrorView> {
        let chats = self.chats_file.clone();
        let found =
            blocking("use the chats", move || history::backups(chats.path()).map_err(history_error)).await?;
        let problem = self.backup_problem.lock().clone();
        Ok(BackupsView {
            folder: history::backup_folder(self.chats_file.path()).display().to_string(),
            backups: found.into_iter().map(view).collect(),
            problem: problem.map(|(_, error)| error),
        })
    }

    /// Creates a backup now, in addition to the daily ones.
    pub async fn backup_create(&self) -> Result<BackupView, ErrorView> {
        self.backup(history::BackupKind::Asked).await
    }

    /// Replaces the chats with a backup. The replaced chats are kept as a backup.
    ///
    /// # Errors
    /// While an answer is being written; when the backup is damaged, or the disk is full. Then nothing was
    /// replaced.
    pub async fn backup_restore(&self, id: &str) -> Result<BackupsView, ErrorView> {
        if self.running.any() {
            let message = "restore a backup: an answer is still being written";
            return Err(ErrorView::new(ErrorCode::AnswerRunning, message));
        }
        let (chats, id) = (self.chats_file.clone(), id.to_owned());
        blocking("use the chats", move || chats.restore(&id)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        self.host.emit(AppEvent::BackupsChanged);
        self.backups().await
    }

    async fn backup(&self, kind: history::BackupKind) -> Result<BackupView, ErrorView> {
        let history = self.chats_file.writable()?;
        let made = blocking("use the chats", move || history.backup(kind).map_err(history_error)).await;
        let problem = made.as_ref().err().map(|error| (Timestamp::now(), error.clone()));
        *self.backup_problem.lock() = problem;
        self.host.emit(AppEvent::BackupsChanged);
        made.map(view)
    }

    /// Whether a daily backup is due: the last one is a day old, and there is at least one chat.
    fn backup_due(&self, now: Timestamp) -> Result<bool, ErrorView> {
        let failed = self.backup_problem.lock();
        if failed.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < RETRY_AFTER) {
            return Ok(false);
        }
        drop(failed);
        let history = self.chats_file.writable()?;
        let all = history::backups(self.chats_file.path()).map_err(history_error)?;
        let last = all.iter().find(|one| one.kind == history::BackupKind::Daily);
        let last = last.and_then(|one| one.created_at.parse::<Timestamp>().ok());
        // A last backup in the future means that the clock was set back; it does not count.
        let recent = last.is_some_and(|at| at <= now && now.duration_since(at) < DAY);
        Ok(!recent && !history.chats().map_err(history_error)?.is_empty())
    }

    /// For a host that stays open: checkpoints the log, so that a copy of the file alone is complete, and
    /// makes the daily backup. Ends with the app.
    pub fn run_backups(self: &Arc<Self>) {
        let app = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                // The pause comes first, so that the start of the app is not slowed down.
                tokio::time::sleep(CHECK_EVERY).await;
                let Some(app) = app.upgrade() else { return };
                app.backup_if_due().await;
            }
        });
    }

    async fn backup_if_due(self: &Arc<Self>) {
        let Ok(history) = self.chats_file.writable() else { return };
        let moved =
            blocking("use the chats", move || history.checkpoint_after(QUIET).map_err(history_error)).await;
        if let Err(error) = moved {
            // For instance a full disk: everything stays in the log, and the next check tries again.
            tracing::warn!(%error, "failed to checkpoint the log of the chats");
        }
        let app = self.clone();
        let due = blocking("use the chats", move || app.backup_due(Timestamp::now())).await;
        match due {
            Ok(true) => {
                if let Err(error) = self.backup(history::BackupKind::Daily).await {
                    tracing::warn!(%error, "failed to make the daily backup");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "failed to list the backups"),
        }
    }

    /// Called before a host ends: afterwards a copy of the file alone is complete.
    pub async fn close(&self) {
        let Ok(history) = self.chats_file.writable() else { return };
        match blocking("use the chats", move || history.checkpoint().map_err(history_error)).await {
            Ok(true) => {}
            // The other program checkpoints the log when it ends.
            Ok(false) => tracing::info!("another program uses the chats and will checkpoint their log"),
            Err(error) => tracing::warn!(%error, "failed to checkpoint the log of the chats"),
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
        pictures: u32::try_from(backup.images).unwrap_or(u32::MAX),
    }
}
