//! Opens the application: every use case's state from its files. Only the chats can make a start fail; every
//! other file that is damaged is reported and replaced by defaults.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::ErrorView;
use parking_lot::Mutex;

use crate::answer::RunningAnswers;
use crate::blocking::blocking;
use crate::chats_file::ChatsFile;
use crate::cloud::Clouds;
use crate::deployments::Deployments;
use crate::downloads::Downloads;
use crate::imports::OwnModels;
use crate::model_settings::{HeaderCache, MemoryHistory};
use crate::precisions::Precisions;
use crate::prompts::Prompts;
use crate::settings::file::SETTINGS_FILE;
use crate::sharing::Sharing;
use crate::tools::Tools;
use crate::worker::Workers;
use crate::{App, Host, Paths, SecretBackend, permissions, settings, worker};

const HISTORY_FILE: &str = "history.db";

impl App {
    /// Opens settings and chats. Answers that were in progress when the last run ended become `interrupted`.
    ///
    /// # Errors
    /// When the chats cannot be opened. [`App::start_problems`] has the errors of all other files.
    pub async fn open(paths: Paths, host: Arc<dyn Host>) -> Result<Self, ErrorView> {
        Self::open_with_secrets(paths, host, SecretBackend::from_env()).await
    }

    /// As [`App::open`], with a choice of the backend for new cloud keys.
    pub async fn open_with_secrets(
        paths: Paths,
        host: Arc<dyn Host>,
        secrets: SecretBackend,
    ) -> Result<Self, ErrorView> {
        let app = Self::open_any(paths, host, secrets).await?;
        app.chats_file.failure().map_or(Ok(app), Err)
    }

    /// For a host that can show a failed start: [`App::start_state`] has the error and the possible
    /// recoveries.
    ///
    /// # Errors
    /// Only on an internal error.
    pub async fn open_for_window(paths: Paths, host: Arc<dyn Host>) -> Result<Self, ErrorView> {
        Self::open_any(paths, host, SecretBackend::from_env()).await
    }

    async fn open_any(paths: Paths, host: Arc<dyn Host>, secrets: SecretBackend) -> Result<Self, ErrorView> {
        let (data_dir, file) = (paths.data_dir.clone(), paths.data_dir.join(HISTORY_FILE));
        // The chats are opened first, because that creates the folder.
        let opened = blocking("use the chats", move || {
            permissions::restrict(&data_dir);
            Ok(ChatsFile::open(file))
        });
        let chats_file = Arc::new(opened.await?);
        let defaults = settings::defaults(&paths.models_dir);
        let loaded = settings::file::load(&paths.data_dir.join(SETTINGS_FILE), defaults);
        let (own_models, own_models_problem) = OwnModels::open(&paths.data_dir);
        let (precisions, precisions_problem) = Precisions::open(&paths.data_dir);
        let (prompts, prompts_problem) = Prompts::open(&paths.data_dir);
        let (clouds, clouds_problems) = Clouds::open(&paths.data_dir, secrets);
        let (deployments, deployments_problem) = Deployments::open(&paths.data_dir, host.clone());
        let (downloads, downloads_problem) = Downloads::open(&paths.data_dir, host.clone());
        let (memory_history, memory_problem) = MemoryHistory::open(&paths.data_dir);
        let memory_history = Arc::new(memory_history);
        let clouds = Arc::new(clouds);
        let (tools, tools_problem) =
            Tools::open(&paths.data_dir, &paths.engine_binary, clouds.clone(), host.clone());
        let (sharing, sharing_problems) = Sharing::open(&paths.data_dir);
        let lists = [
            own_models_problem,
            precisions_problem,
            prompts_problem,
            deployments_problem,
            downloads_problem,
            memory_problem,
            tools_problem,
        ];
        let problems = loaded.problem.into_iter().chain(lists.into_iter().flatten());
        let problems = problems.chain(clouds_problems).chain(sharing_problems).collect();
        let running = Arc::<RunningAnswers>::default();
        let workers = Arc::new(Workers::new(host.clone(), running.clone(), memory_history.clone()));
        tokio::spawn(worker::watch(Arc::downgrade(&workers)));
        Ok(Self {
            paths,
            downloads: Arc::new(downloads),
            own_models: Arc::new(own_models),
            precisions,
            prompts: Arc::new(prompts),
            last_repository: Default::default(),
            clouds,
            deployments,
            sharing,
            tools: Arc::new(tools),
            workers,
            memory_history,
            model_headers: HeaderCache::default(),
            host,
            chats_file,
            backup_problem: Mutex::default(),
            settings: Mutex::new(loaded.settings),
            settings_file_protected: AtomicBool::new(loaded.protected),
            start_problems: Mutex::new(problems),
            running,
            subscribers: Arc::default(),
            last_snapshot: Default::default(),
            without_card: AtomicBool::default(),
            settings_lock: Mutex::default(),
        })
    }

    /// Reads the settings again after a start at which the folder was not readable.
    pub(crate) fn reload_settings(&self) {
        if !self.settings_file_protected.load(Ordering::Relaxed) {
            return;
        }
        let defaults = settings::defaults(&self.paths.models_dir);
        let loaded = settings::file::load(&self.paths.data_dir.join(SETTINGS_FILE), defaults);
        *self.settings.lock() = loaded.settings;
        self.settings_file_protected.store(loaded.protected, Ordering::Relaxed);
    }
}
