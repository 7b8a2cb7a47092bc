//! The settings shared by all downloads: the models folder, the HTTP client, timeouts, and the free space
//! function. It does not know what is downloaded.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use outbound::Outbound;
use reqwest::{Client, redirect::Policy};
use tokio_util::sync::CancellationToken;

use crate::block_digests::BLOCK;
use crate::download::Download;
use crate::lock::lock_model;
use crate::names::model_dir;
use crate::progress::ProgressAggregator;
use crate::{FindLocal, FreeSpace, HubError, InstalledModel, Job, OnProgress, Phase, Timing};

#[derive(Clone)]
pub struct Hub {
    models_dir: PathBuf,
    pub(crate) client: Client,
    pub(crate) timing: Timing,
    free_space: FreeSpace,
    find_local: FindLocal,
    block: u64,
}

impl Hub {
    pub fn new(models_dir: impl Into<PathBuf>) -> Result<Self, HubError> {
        let free_space: FreeSpace = Arc::new(|dir| fs4::available_space(dir));
        let client = client(&Outbound::default())?;
        Ok(Self {
            models_dir: models_dir.into(),
            client,
            timing: Timing::default(),
            free_space,
            find_local: Arc::new(|files| vec![Vec::new(); files.len()]),
            block: BLOCK,
        })
    }

    /// Sets the network configuration (proxy and certificates).
    pub fn with_outbound(self, outbound: &Outbound) -> Result<Self, HubError> {
        Ok(Self { client: client(outbound)?, ..self })
    }

    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    pub fn with_free_space(self, free_space: FreeSpace) -> Self {
        Self { free_space, ..self }
    }

    /// Sets where downloads look for files of other programs; without it they look nowhere.
    pub fn with_local_files(self, find_local: FindLocal) -> Self {
        Self { find_local, ..self }
    }

    /// Sets the block size: a damaged block is downloaded again separately.
    pub fn with_block(self, block: u64) -> Self {
        Self { block, ..self }
    }

    /// Downloads the missing files, but links those that another program has. After an error or a cancel the
    /// next call resumes at the same bytes of the same commit. `Busy` if another call, also in another
    /// process, downloads the same model.
    pub async fn download(
        &self,
        job: Job,
        on_progress: OnProgress,
        cancel: CancellationToken,
    ) -> Result<InstalledModel, HubError> {
        let dir = model_dir(&self.models_dir, &job.id)?;
        let _lock = lock_model(&self.models_dir, &job.id)?;
        let tally = Arc::new(ProgressAggregator::new(&job.id, on_progress));
        let download = Download {
            client: &self.client,
            timing: self.timing,
            free_space: &self.free_space,
            find_local: &self.find_local,
            models_dir: &self.models_dir,
            block: self.block,
            job: &job,
            dir: &dir,
            tally: &tally,
            cancel: &cancel,
        };
        let outcome = download.run().await;
        tally.set_phase(Phase::Ended);
        outcome.map(|bytes| InstalledModel { id: job.id.clone(), dir: dir.clone(), bytes })
    }
}

fn client(outbound: &Outbound) -> Result<Client, HubError> {
    outbound
        .client()
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(20))
        .user_agent(concat!("whaledeck/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| HubError::network("", error))
}
