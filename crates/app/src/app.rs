//! The open application: the state that the use cases share. Hosts open it once and call its methods.
//! A use case is an `impl App` in the file of its subject; its state is in a file that does not know `App`.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ::hardware::Snapshot;
use contract::{ErrorView, SettingsView};
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::answer::{RunningAnswers, Subscribers};
use crate::chats_file::ChatsFile;
use crate::cloud::Clouds;
use crate::deployments::Deployments;
use crate::downloads::Downloads;
use crate::imports::OwnModels;
use crate::model_settings::{HeaderCache, MemoryHistory};
use crate::precisions::Precisions;
use crate::prompts::Prompts;
use crate::repositories::LastRepository;
use crate::sharing::Sharing;
use crate::tools::Tools;
use crate::worker::Workers;
use crate::{Host, Paths};

pub struct App {
    pub(crate) paths: Paths,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) chats_file: Arc<ChatsFile>,
    /// The time and the error of a daily backup that failed.
    pub(crate) backup_problem: Mutex<Option<(Timestamp, ErrorView)>>,
    pub(crate) settings: Mutex<SettingsView>,
    /// The settings file has values that could not be read and have no copy, so it must not be overwritten.
    pub(crate) settings_file_protected: AtomicBool,
    pub(crate) start_problems: Mutex<Vec<ErrorView>>,
    pub(crate) running: Arc<RunningAnswers>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) downloads: Arc<Downloads>,
    pub(crate) own_models: Arc<OwnModels>,
    pub(crate) precisions: Precisions,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) last_repository: LastRepository,
    pub(crate) clouds: Arc<Clouds>,
    pub(crate) deployments: Arc<Deployments>,
    pub(crate) sharing: Sharing,
    pub(crate) tools: Arc<Tools>,
    /// What models took of memory when they ran.
    pub(crate) memory_history: Arc<MemoryHistory>,
    pub(crate) model_headers: HeaderCache,
    /// The last snapshot of the hardware and its time.
    pub(crate) last_snapshot: tokio::sync::Mutex<Option<(Instant, Arc<Snapshot>)>>,
    /// A card was lost: until the app ends, models are on the processor.
    pub(crate) without_card: AtomicBool,
    /// Held while the settings are changed and written.
    pub(crate) settings_lock: Mutex<()>,
}
