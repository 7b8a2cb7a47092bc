//! The file of the chats as it was found at the start: open, open for reading only, or not open at all, with the reason. Every use
//! case asks here; one that needs the file fails with that reason until a way on was taken.
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use contract::{AppEvent, ErrorCode, ErrorView, ShownPlace, StartView, StartWay};
use history::{History, HistoryError};

use crate::App;
use crate::convert::history_error;

pub(crate) struct ChatsFile {
    path: PathBuf,
    state: RwLock<State>,
}

enum State {
    Open(Arc<History>),
    /// With why it cannot be written.
    ReadOnly(Arc<History>, ErrorView),
    Failed(ErrorView),
}

impl ChatsFile {
    /// Waits for the disk.
    pub(crate) fn open(path: PathBuf) -> Self {
        let state = RwLock::new(State::of(History::open(&path)));
        Self { path, state }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// For whatever is done with it; a change of one that is open for reading only fails by itself.
    pub(crate) fn get(&self) -> Result<Arc<History>, ErrorView> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(history) | State::ReadOnly(history, _) => Ok(history.clone()),
            State::Failed(why) => Err(why.clone()),
        }
    }

    /// For what begins work before its first change, such as an answer.
    pub(crate) fn writable(&self) -> Result<Arc<History>, ErrorView> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(history) => Ok(history.clone()),
            State::ReadOnly(_, why) => Err(read_only(why)),
            State::Failed(why) => Err(why.clone()),
        }
    }

    pub(crate) fn failure(&self) -> Option<ErrorView> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Failed(why) => Some(why.clone()),
            State::Open(_) | State::ReadOnly(..) => None,
        }
    }

    pub(crate) fn view(&self) -> StartView {
        let (failure, read_only) = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => (None, None),
            State::ReadOnly(_, why) => (None, Some(why.clone())),
            State::Failed(why) => (Some(why.clone()), None),
        };
        let mut ways = vec![StartWay::Retry];
        if let Some(why) = &failure {
            // Only where it shows something.
            if History::open_read_only(&self.path).is_ok() {
                ways.push(StartWay::ReadOnly);
            }
            // Where the file itself is the trouble; a full disk or a lock would meet the empty one, too.
            if matches!(why.code, ErrorCode::HistoryUnreadable | ErrorCode::HistoryTooNew) {
                ways.push(StartWay::Empty);
            }
        }
        StartView { failure, read_only, ways, path: self.path.display().to_string() }
    }

    fn take(&self, way: StartWay) -> Result<(), ErrorView> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let why = match &*state {
            State::Open(_) => return Ok(()),
            State::ReadOnly(_, why) | State::Failed(why) => why.clone(),
        };
        *state = match way {
            StartWay::Retry => match State::of(History::open(&self.path)) {
                // What can be read is still shown, with the newer reason.
                State::Failed(newer) => match &*state {
                    State::ReadOnly(history, _) => State::ReadOnly(history.clone(), newer),
                    _ => State::Failed(newer),
                },
                open => open,
            },
            StartWay::ReadOnly => {
                let history = History::open_read_only(&self.path).map_err(history_error)?;
                State::ReadOnly(Arc::new(history), why)
            }
            StartWay::Empty => {
                State::Open(Arc::new(History::start_empty(&self.path).map_err(history_error)?))
            }
        };
        Ok(())
    }

    /// Puts a backup in place of what is there, whether that could be opened or not.
    pub(crate) fn restore(&self, id: &str) -> Result<(), ErrorView> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            State::Open(history) => history.restore(id).map(drop).map_err(history_error),
            State::ReadOnly(_, why) | State::Failed(why) if why.code == ErrorCode::HistoryLocked => {
                Err(why.clone())
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

fn read_only(why: &ErrorView) -> ErrorView {
    let message = format!("change the chats: they are open for reading only: {}", why.message);
    let mut error = ErrorView::new(ErrorCode::HistoryReadOnly, message);
    error.detail.clone_from(&why.detail);
    error
}

impl App {
    /// How the start went. The window shows a page of its own while the chats are not open.
    pub async fn start_state(&self) -> Result<StartView, ErrorView> {
        let chats = self.chats_file.clone();
        blocking(move || Ok(chats.view())).await
    }

    /// Takes a way on after a start that failed.
    ///
    /// # Errors
    /// When it leads nowhere; a retry that fails is no error but the new state.
    pub async fn start_again(&self, way: StartWay) -> Result<StartView, ErrorView> {
        let chats = self.chats_file.clone();
        let view = blocking(move || {
            chats.take(way)?;
            Ok(chats.view())
        });
        let view = view.await?;
        self.settings_again();
        self.host.emit(AppEvent::ChatsChanged);
        Ok(view)
    }

    /// Where the system's file manager finds it.
    pub fn place(&self, place: ShownPlace) -> PathBuf {
        match place {
            ShownPlace::Chats => self.chats_file.path().to_owned(),
            ShownPlace::Backups => history::backup_folder(self.chats_file.path()),
        }
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ErrorView> + Send + 'static,
) -> Result<T, ErrorView> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("use the chats: {error}")))?
}
