//! Questions about repositories that somebody waits for: a search, what a repository holds, and some bytes of
//! a file before it is downloaded. They give up sooner than a download, and store nothing.

use std::time::Duration;

use crate::connection::Connection;
use crate::file_response::ByteRange;
use crate::search::{self, SearchHit};
use crate::{Hub, HubError, Listing, RemoteFile, Source, Terms, Timing};

/// The longest time without data. A download waits longer.
const STALL: Duration = Duration::from_secs(20);
/// The longest time for a search or for the information of a repository, which may be several requests.
const LONGEST: Duration = Duration::from_secs(120);
const TRIES: u32 = 3;

/// What a repository holds, and on which terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub listing: Listing,
    pub terms: Terms,
}

impl Hub {
    /// The repositories that a source finds for a text, as the source orders them; at most `limit`.
    pub async fn search(&self, source: &Source, text: &str, limit: u32) -> Result<Vec<SearchHit>, HubError> {
        let connection = self.asking(source);
        in_time(source, search::search(&connection, text, limit)).await
    }

    pub async fn repository(&self, source: &Source, repo: &str) -> Result<Repository, HubError> {
        let connection = self.asking(source);
        let (listing, terms) = in_time(source, connection.list_with_terms(repo)).await?;
        Ok(Repository { listing, terms })
    }

    /// The bytes `from..to` of a file at a commit.
    pub async fn bytes_of(
        &self,
        source: &Source,
        repo: &str,
        revision: &str,
        file: &RemoteFile,
        (from, to): (u64, u64),
    ) -> Result<Vec<u8>, HubError> {
        let (connection, to) = (self.asking(source), to.min(file.size));
        if from >= to {
            return Ok(Vec::new());
        }
        let mut tries = 1;
        loop {
            match connection.span(repo, revision, file, ByteRange { from, to }).await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    tracing::debug!(path = %file.path, %error, "reading a part of a file is tried again");
                    tokio::time::sleep(self.timing.back_off).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn asking<'a>(&'a self, source: &'a Source) -> Connection<'a> {
        let timing = Timing {
            stall: self.timing.stall.min(STALL),
            // The wait is reported instead.
            rate_limit_budget: Duration::ZERO,
            ..self.timing
        };
        Connection { client: &self.client, source, timing, on_wait: &|_| () }
    }
}

async fn in_time<T>(
    source: &Source,
    asked: impl Future<Output = Result<T, HubError>>,
) -> Result<T, HubError> {
    let late = |_| HubError::DownloadStalled(source.endpoint.clone());
    tokio::time::timeout(LONGEST, asked).await.map_err(late)?
}
