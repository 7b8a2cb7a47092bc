//! The open application: what every use case shares.
use std::sync::{Arc, Mutex};

use contract::{ErrorCode, ErrorView, SettingsView};
use history::History;

use crate::answers::Running;
use crate::cloud::Clouds;
use crate::convert::history_error;
use crate::deployments::Deployments;
use crate::downloads::Downloads;
use crate::imports::OwnModels;
use crate::sharing::Sharing;
use crate::worker::Workers;
use crate::{Host, Keeping, Paths, settings};

const HISTORY_FILE: &str = "history.db";
pub(crate) const SETTINGS_FILE: &str = "settings.toml";

pub struct App {
    pub(crate) paths: Paths,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) history: Arc<History>,
    pub(crate) settings: Mutex<SettingsView>,
    pub(crate) start_problems: Vec<ErrorView>,
    pub(crate) running: Arc<Running>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) downloads: Arc<Downloads>,
    pub(crate) own_models: OwnModels,
    pub(crate) clouds: Arc<Clouds>,
    pub(crate) deployments: Arc<Deployments>,
    pub(crate) sharing: Sharing,
    /// Measured on request, bytes per second.
    pub(crate) bandwidth: Mutex<Option<f64>>,
}

impl App {
    /// Opens settings and history. Answers that were being written when the last run ended become `interrupted`.
    pub async fn open(paths: Paths, host: Arc<dyn Host>) -> Result<Self, ErrorView> {
        Self::open_keeping(paths, host, Keeping::of_environment()).await
    }

    /// As [`App::open`], with a choice of where new cloud keys go.
    pub async fn open_keeping(
        paths: Paths,
        host: Arc<dyn Host>,
        keeping: Keeping,
    ) -> Result<Self, ErrorView> {
        let defaults = settings::defaults(&paths.models_dir);
        let loaded = settings::load(&paths.data_dir.join(SETTINGS_FILE), defaults)?;
        let file = paths.data_dir.join(HISTORY_FILE);
        let history = tokio::task::spawn_blocking(move || History::open(&file))
            .await
            .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("open the history: {error}")))?
            .map_err(history_error)?;
        let (own_models, own_models_problem) = OwnModels::open(&paths.data_dir)?;
        let (clouds, clouds_problem) = Clouds::open(&paths.data_dir, keeping)?;
        let (deployments, deployments_problem) = Deployments::open(&paths.data_dir, host.clone())?;
        let downloads = Arc::new(Downloads::open(&paths.data_dir, host.clone()));
        let sharing = Sharing::new(&paths.data_dir);
        Ok(Self {
            paths,
            downloads,
            own_models,
            clouds: Arc::new(clouds),
            deployments,
            sharing,
            workers: Arc::new(Workers::new(host.clone())),
            host,
            history: Arc::new(history),
            settings: Mutex::new(loaded.settings),
            start_problems: [loaded.problem, own_models_problem, clouds_problem, deployments_problem]
                .into_iter()
                .flatten()
                .collect(),
            running: Arc::default(),
            bandwidth: Mutex::default(),
        })
    }
}
