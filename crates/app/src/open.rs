//! The open application: what every use case shares.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use contract::{ErrorView, SettingsView};
use jiff::Timestamp;

use crate::answer::{RunningAnswers, Subscribers};
use crate::chats_file::{ChatsFile, blocking};
use crate::cloud::Clouds;
use crate::deployments::Deployments;
use crate::downloads::Downloads;
use crate::imports::OwnModels;
use crate::precisions::Precisions;
use crate::sharing::Sharing;
use crate::worker::Workers;
use crate::{Host, Keeping, Paths, rights, settings};

const HISTORY_FILE: &str = "history.db";
pub(crate) const SETTINGS_FILE: &str = "settings.toml";

pub struct App {
    pub(crate) paths: Paths,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) chats_file: Arc<ChatsFile>,
    /// When the last backup that was due failed, and why.
    pub(crate) backup_problem: Mutex<Option<(Timestamp, ErrorView)>>,
    pub(crate) settings: Mutex<SettingsView>,
    /// The file of the settings holds more than was understood.
    pub(crate) settings_unkept: AtomicBool,
    pub(crate) start_problems: Mutex<Vec<ErrorView>>,
    pub(crate) running: Arc<RunningAnswers>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) downloads: Arc<Downloads>,
    pub(crate) own_models: OwnModels,
    pub(crate) precisions: Precisions,
    pub(crate) clouds: Arc<Clouds>,
    pub(crate) deployments: Arc<Deployments>,
    pub(crate) sharing: Sharing,
    pub(crate) last_look: crate::hardware::LastLook,
    /// Held while the settings are changed and written.
    pub(crate) settings_writing: Mutex<()>,
}

impl App {
    /// Opens settings and chats. Answers that were being written when the last run ended become `interrupted`.
    ///
    /// # Errors
    /// When the chats cannot be opened. Whatever else cannot be read is told by [`App::start_problems`].
    pub async fn open(paths: Paths, host: Arc<dyn Host>) -> Result<Self, ErrorView> {
        Self::open_keeping(paths, host, Keeping::of_environment()).await
    }

    /// As [`App::open`], with a choice of where new cloud keys go.
    pub async fn open_keeping(
        paths: Paths,
        host: Arc<dyn Host>,
        keeping: Keeping,
    ) -> Result<Self, ErrorView> {
        let app = Self::open_any(paths, host, keeping).await?;
        app.chats_file.failure().map_or(Ok(app), Err)
    }

    /// For a host that can show a start that failed: [`App::start_state`] says how it went, and what can be tried.
    ///
    /// # Errors
    /// Only as a bug.
    pub async fn open_or_say(paths: Paths, host: Arc<dyn Host>) -> Result<Self, ErrorView> {
        Self::open_any(paths, host, Keeping::of_environment()).await
    }

    async fn open_any(paths: Paths, host: Arc<dyn Host>, keeping: Keeping) -> Result<Self, ErrorView> {
        let (data_dir, file) = (paths.data_dir.clone(), paths.data_dir.join(HISTORY_FILE));
        // First, because it makes the folder.
        let opened = blocking(move || {
            rights::restrict(&data_dir);
            Ok(ChatsFile::open(file))
        });
        let chats_file = Arc::new(opened.await?);
        let defaults = settings::defaults(&paths.models_dir);
        let loaded = settings::file::load(&paths.data_dir.join(SETTINGS_FILE), defaults);
        let (own_models, own_models_problem) = OwnModels::open(&paths.data_dir);
        let (precisions, precisions_problem) = Precisions::open(&paths.data_dir);
        let (clouds, clouds_problems) = Clouds::open(&paths.data_dir, keeping);
        let (deployments, deployments_problem) = Deployments::open(&paths.data_dir, host.clone());
        let (downloads, downloads_problem) = Downloads::open(&paths.data_dir, host.clone());
        let (sharing, sharing_problems) = Sharing::open(&paths.data_dir);
        let lists = [own_models_problem, precisions_problem, deployments_problem, downloads_problem];
        let problems = loaded.problem.into_iter().chain(lists.into_iter().flatten());
        let problems = problems.chain(clouds_problems).chain(sharing_problems).collect();
        let running = Arc::<RunningAnswers>::default();
        Ok(Self {
            paths,
            downloads: Arc::new(downloads),
            own_models,
            precisions,
            clouds: Arc::new(clouds),
            deployments,
            sharing,
            workers: Arc::new(Workers::new(host.clone(), running.clone())),
            host,
            chats_file,
            backup_problem: Mutex::default(),
            settings: Mutex::new(loaded.settings),
            settings_unkept: AtomicBool::new(loaded.unkept),
            start_problems: Mutex::new(problems),
            running,
            subscribers: Arc::default(),
            last_look: Default::default(),
            settings_writing: Mutex::default(),
        })
    }

    /// The settings of a folder that could not be read before.
    pub(crate) fn settings_again(&self) {
        if !self.settings_unkept.load(Ordering::Relaxed) {
            return;
        }
        let defaults = settings::defaults(&self.paths.models_dir);
        let loaded = settings::file::load(&self.paths.data_dir.join(SETTINGS_FILE), defaults);
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = loaded.settings;
        self.settings_unkept.store(loaded.unkept, Ordering::Relaxed);
    }
}
