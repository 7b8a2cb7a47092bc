//! What every download of this program shares: the folder of models, one HTTP client, patience, and how free space
//! is measured. It does not know what is downloaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use outbound::Outbound;
use reqwest::{Client, redirect::Policy};
use tokio_util::sync::CancellationToken;

use crate::download::Download;
use crate::lock::Lock;
use crate::names::model_dir;
use crate::progress::Tally;
use crate::sums::BLOCK;
use crate::{HubError, Installed, Job, OnProgress, Phase};

#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a source may send nothing.
    pub stall: Duration,
    /// Bytes that have to come in that time: a byte now and then is no download.
    pub least: u64,
    /// The first pause before a retry; it doubles each time.
    pub back_off: Duration,
    pub retries: u32,
    /// How long in all one file waits when the source asks for fewer requests.
    pub patience: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let least = 16 << 10;
        Self { stall: seconds(60), least, back_off: seconds(1), retries: 5, patience: seconds(600) }
    }
}

/// Bytes that can still be written below a folder.
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

#[derive(Clone)]
pub struct Hub {
    models_dir: PathBuf,
    client: Client,
    timing: Timing,
    free_space: FreeSpace,
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
            block: BLOCK,
        })
    }

    /// With another way out of this computer than the system's own.
    pub fn through(self, outbound: &Outbound) -> Result<Self, HubError> {
        Ok(Self { client: client(outbound)?, ..self })
    }

    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    pub fn with_free_space(self, free_space: FreeSpace) -> Self {
        Self { free_space, ..self }
    }

    /// With blocks of another size, of which each that is damaged is fetched again by itself.
    pub fn with_block(self, block: u64) -> Self {
        Self { block, ..self }
    }

    /// Fetches what is missing. After an error or a cancel, the next call goes on from the same bytes of the same
    /// commit. `Busy` when another call, here or in another process, works on the same model.
    pub async fn download(
        &self,
        job: Job,
        on_progress: OnProgress,
        cancel: CancellationToken,
    ) -> Result<Installed, HubError> {
        let dir = model_dir(&self.models_dir, &job.id)?;
        let _lock = Lock::take(&self.models_dir, &job.id)?;
        let tally = Tally::new(&job.id, on_progress);
        let download = Download {
            client: &self.client,
            timing: self.timing,
            free_space: &self.free_space,
            block: self.block,
            job: &job,
            dir: &dir,
            tally: &tally,
            cancel: &cancel,
        };
        let outcome = download.run().await;
        tally.turn(Phase::Ended);
        outcome.map(|bytes| Installed { id: job.id.clone(), dir: dir.clone(), bytes })
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
