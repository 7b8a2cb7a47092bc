//! One file from its source to the disk: resumed, retried, checked, and only then given its name.
//! It does not know which other files belong to the model.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::source::status_error;
use crate::{HubError, RemoteFile, Source};

/// An attempt that got this much further than any before it gives the retries back.
const HEADWAY: u64 = 16 << 20;

#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long a source may send nothing.
    pub stall: Duration,
    /// The first pause before a retry; it doubles each time.
    pub back_off: Duration,
    pub retries: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self { stall: Duration::from_secs(60), back_off: Duration::from_secs(1), retries: 5 }
    }
}

pub(crate) struct Transfer<'a> {
    pub client: &'a Client,
    pub source: &'a Source,
    pub repo: &'a str,
    pub file: &'a RemoteFile,
    pub dir: &'a Path,
    pub timing: Timing,
    pub cancel: &'a CancellationToken,
    /// Called with the bytes of this file that are on the disk; it falls when a file starts over.
    pub on_bytes: &'a (dyn Fn(u64) + Send + Sync),
}

/// What is in the `.part` file, hashed as far as it goes.
#[derive(Default)]
struct Part {
    len: u64,
    hash: Sha256,
    etag: Option<String>,
}

impl Transfer<'_> {
    /// Returns the SHA-256 of the file now at its final name.
    pub async fn run(&self) -> Result<String, HubError> {
        let target = self.dir.join(&self.file.path);
        let part_path = part_path(self.dir, &self.file.path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).await?;
        }
        // Without a hash to catch a mixture of two versions, an old part is not continued.
        let mut part = match fs::metadata(&part_path).await {
            Ok(meta) if self.file.sha256.is_some() && meta.len() <= self.file.size => {
                let (len, hash) = hash_file(part_path.clone()).await?;
                Part { len, hash, etag: None }
            }
            _ => Part::default(),
        };
        self.fetch_all(&part_path, &mut part).await?;

        let sha256 = hex(&part.hash.finalize());
        if self.file.sha256.as_ref().is_some_and(|want| !want.eq_ignore_ascii_case(&sha256)) {
            fs::remove_file(&part_path).await?;
            return Err(HubError::HashMismatch(self.file.path.clone()));
        }
        fs::rename(&part_path, &target).await?;
        Ok(sha256)
    }

    async fn fetch_all(&self, part_path: &Path, part: &mut Part) -> Result<(), HubError> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(part_path).await?;
        file.set_len(part.len).await?;
        let (mut failures, mut mismatches, mut furthest) = (0, 0, part.len);
        while part.len < self.file.size {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(HubError::Cancelled),
                outcome = self.attempt(&mut file, part) => outcome,
            };
            // Nothing may still be on its way to the file when the next attempt or process looks at it.
            file.flush().await?;
            let Err(error) = outcome else { continue };
            if part.len >= furthest + HEADWAY {
                (failures, furthest) = (0, part.len);
            }
            if matches!(error, HubError::SizeMismatch { .. }) {
                // Once may be a stale part or a cut that looks like an end; twice is the source's own size.
                mismatches += 1;
                if mismatches > 1 {
                    drop(file);
                    fs::remove_file(part_path).await?;
                    return Err(error);
                }
            }
            if !error.is_transient() || failures >= self.timing.retries {
                return Err(error);
            }
            tracing::debug!(path = %self.file.path, at = part.len, %error, "download interrupted");
            let pause = self.timing.back_off * 2u32.pow(failures.min(5));
            failures += 1;
            tokio::select! {
                () = self.cancel.cancelled() => return Err(HubError::Cancelled),
                () = tokio::time::sleep(pause) => {}
            }
        }
        file.sync_all().await?;
        Ok(())
    }

    /// One request, read until it ends. Ending early is an error; `part` keeps what arrived.
    async fn attempt(&self, file: &mut File, part: &mut Part) -> Result<(), HubError> {
        let mut headers = Vec::new();
        if part.len > 0 {
            headers.push((header::RANGE, format!("bytes={}-", part.len)));
            if let Some(etag) = &part.etag {
                headers.push((header::IF_RANGE, etag.clone()));
            }
        }
        let url = self.source.file_url(self.repo, &self.file.path)?;
        let request = self.source.get(self.client, url, &headers);
        let mut response = self.in_time(request).await??;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&response, part.len) => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                *part = Part::default();
                return Err(self.size_mismatch(0));
            }
            StatusCode::OK => *part = Part::default(),
            _ => return Err(status_error(&response)),
        }
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok());
        // A weak tag does not promise the same bytes.
        part.etag = etag.filter(|t| t.starts_with('"')).map(str::to_owned);
        file.set_len(part.len).await?;
        file.seek(SeekFrom::Start(part.len)).await?;
        (self.on_bytes)(part.len);
        while let Some(chunk) = self.in_time(response.chunk()).await?.map_err(HubError::network)? {
            let len = part.len + chunk.len() as u64;
            if len > self.file.size {
                *part = Part::default();
                return Err(self.size_mismatch(len));
            }
            file.write_all(&chunk).await?;
            part.hash.update(&chunk);
            part.len = len;
            (self.on_bytes)(len);
        }
        if part.len < self.file.size { Err(self.size_mismatch(part.len)) } else { Ok(()) }
    }

    async fn in_time<T>(&self, step: impl Future<Output = T>) -> Result<T, HubError> {
        let stalled = |_| HubError::DownloadStalled(self.file.path.clone());
        tokio::time::timeout(self.timing.stall, step).await.map_err(stalled)
    }

    fn size_mismatch(&self, got: u64) -> HubError {
        HubError::SizeMismatch { path: self.file.path.clone(), expected: self.file.size, got }
    }
}

pub(crate) fn part_path(dir: &Path, path: &str) -> PathBuf {
    dir.join(format!("{path}.part"))
}

fn starts_at(response: &reqwest::Response, at: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
    range.is_some_and(|r| r.starts_with(&format!("bytes {at}-")))
}

/// Length and running hash of a file already on the disk.
pub(crate) async fn hash_file(path: PathBuf) -> Result<(u64, Sha256), HubError> {
    let hashed = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut file = std::fs::File::open(path)?;
        let (mut len, mut hash, mut buffer) = (0, Sha256::new(), vec![0; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((len, hash)),
                n => {
                    hash.update(&buffer[..n]);
                    len += n as u64;
                }
            }
        }
    });
    hashed.await.map_err(std::io::Error::other)?.map_err(|e: std::io::Error| e.into())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
