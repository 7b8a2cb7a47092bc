//! The file of the chats: open, open read-only, or not open, with the reason. Every use case gets the history
//! from here, and fails with that reason until the user has chosen a recovery.
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use contract::{ErrorCode, ErrorView, StartView, StartWay};
use history::{History, HistoryError, is_temporary};
use parking_lot::RwLock;

use crate::convert::history_error;

pub(crate) struct ChatsFile {
    path: PathBuf,
    state: RwLock<State>,
    /// The chats that are never written down, from the first one on.
    temporary: OnceLock<Arc<History>>,
}

enum State {
    Open(Arc<History>),
    /// With the reason why it cannot be written.
    ReadOnly(Arc<History>, ErrorView),
    Failed(ErrorView),
}

impl ChatsFile {
    /// Blocks on the disk.
    pub(crate) fn open(path: PathBuf) -> Self {
        let state = RwLock::new(State::of(History::open(&path)));
        Self { path, state, temporary: OnceLock::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The history, perhaps read-only; then a change fails in the history itself.
    pub(crate) fn get(&self) -> Result<Arc<History>, ErrorView> {
        match &*self.state.read() {
            State::Open(history) | State::ReadOnly(history, _) => Ok(history.clone()),
            State::Failed(reason) => Err(reason.clone()),
        }
    }

    /// The history for an operation that starts work before its first change, such as an answer.
    pub(crate) fn writable(&self) -> Result<Arc<History>, ErrorView> {
        match &*self.state.read() {
            State::Open(history) => Ok(history.clone()),
            State::ReadOnly(_, reason) => Err(read_only(reason)),
            State::Failed(reason) => Err(reason.clone()),
        }
    }

    /// As [`ChatsFile::get`], for the history of this chat or message.
    pub(crate) fn of(&self, id: &str) -> Result<Arc<History>, ErrorView> {
        if is_temporary(id) { self.temporary() } else { self.get() }
    }

    /// As [`ChatsFile::writable`], for the history of this chat.
    pub(crate) fn writable_of(&self, id: &str) -> Result<Arc<History>, ErrorView> {
        if is_temporary(id) { self.temporary() } else { self.writable() }
    }

    /// The history in memory.
    pub(crate) fn temporary(&self) -> Result<Arc<History>, ErrorView> {
        if let Some(open) = self.temporary.get() {
            return Ok(open.clone());
        }
        let opened = Arc::new(History::temporary().map_err(history_error)?);
        // Another thread may have been faster; its chats must not be lost.
        Ok(self.temporary.get_or_init(|| opened).clone())
    }

    /// The history in memory where there is a chat in it; a list opens none.
    pub(crate) fn temporary_if_any(&self) -> Option<Arc<History>> {
        self.temporary.get().cloned()
    }

    pub(crate) fn failure(&self) -> Option<ErrorView> {
        match &*self.state.read() {
            State::Failed(reason) => Some(reason.clone()),
            State::Open(_) | State::ReadOnly(..) => None,
        }
    }

    pub(crate) fn view(&self) -> StartView {
        let (failure, read_only) = match &*self.state.read() {
            State::Open(_) => (None, None),
            State::ReadOnly(_, reason) => (None, Some(reason.clone())),
            State::Failed(reason) => (Some(reason.clone()), None),
        };
        let mut ways = vec![StartWay::Retry];
        if let Some(reason) = &failure {
            // Offered only where it works.
            if History::open_read_only(&self.path).is_ok() {
                ways.push(StartWay::ReadOnly);
            }
            // Offered where the file itself is damaged; a full disk or a lock would affect an empty file too.
            if matches!(reason.code, ErrorCode::HistoryUnreadable | ErrorCode::HistoryTooNew) {
                ways.push(StartWay::Empty);
            }
        }
        StartView { failure, read_only, ways, path: self.path.display().to_string() }
    }

    pub(crate) fn recover(&self, way: StartWay) -> Result<(), ErrorView> {
        let mut state = self.state.write();
        let reason = match &*state {
            State::Open(_) => return Ok(()),
            State::ReadOnly(_, reason) | State::Failed(reason) => reason.clone(),
        };
        *state = match way {
            StartWay::Retry => match State::of(History::open(&self.path)) {
                // A history that is open read-only stays open, with the newer reason.
                State::Failed(newer) => match &*state {
                    State::ReadOnly(history, _) => State::ReadOnly(history.clone(), newer),
                    _ => State::Failed(newer),
                },
                open => open,
            },
            StartWay::ReadOnly => {
                let history = History::open_read_only(&self.path).map_err(history_error)?;
                State::ReadOnly(Arc::new(history), reason)
            }
            StartWay::Empty => {
                State::Open(Arc::new(History::start_empty(&self.path).map_err(history_error)?))
            }
        };
        Ok(())
    }

    /// Replaces the file with a backup, whether the file could be opened or not.
    pub(crate) fn restore(&self, id: &str) -> Result<(), ErrorView> {
        let mut state = self.state.write();
        match &*state {
            State::Open(history) => history.restore(id).map(drop).map_err(history_error),
            State::ReadOnly(_, reason) | State::Failed(reason) if reason.code == ErrorCode::HistoryLocked => {
                Err(reason.clone())
            }
            State::ReadOnly(..) | State::Failed(_) => {
                *state = State::Open(Arc::new(History::replace(&self.path, id).map_err(history_error)?));
                Ok(())
            }
        }
    }
}

impl State {
    fn of(opened: Result<History, HistoryError>) -> Self {
        opened
            .map_or_else(|error| Self::Failed(history_error(error)), |history| Self::Open(Arc::new(history)))
    }
}

fn read_only(reason: &ErrorView) -> ErrorView {
    let message = format!("change the chats: they are open for reading only: {}", reason.message);
    let mut error = ErrorView::new(ErrorCode::HistoryReadOnly, message);
    error.detail.clone_from(&reason.detail);
    error
}
