//! Transfers one file: resumes, retries, verifies, and then renames it to its final name. Received bytes are
//! not discarded for a single bad response: an inconsistent response is dropped, a changed block is
//! downloaded again, and on a hash mismatch the blocks are downloaded a second time and compared. It does not
//! know the other files of the model.

use std::io::{self, SeekFrom};
use std::path::Path;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::block_digests::BlockDigests;
use crate::connection::{Connection, RateLimitBudget};
use crate::digest::{Hasher, hash_from_disk};
use crate::file_response::{ByteRange, size_mismatch};
use crate::names::part_path;
use crate::{HubError, RemoteFile};

/// Progress in bytes after which the retry budget is reset.
const RETRY_RESET_BYTES: u64 = 16 << 20;
/// The longest pause, as a multiple of the first.
const MAX_BACK_OFF: u32 = 32;

pub(crate) struct Transfer<'a> {
    pub connection: Connection<'a>,
    pub repo: &'a str,
    pub revision: &'a str,
    pub file: &'a RemoteFile,
    pub dir: &'a Path,
    /// Block size of the digests.
    pub block: u64,
    pub cancel: &'a CancellationToken,
    /// Called with the bytes of this file on the disk.
    pub on_bytes: &'a (dyn Fn(u64) + Send + Sync),
}

/// The part file and the hash of its bytes.
struct PartFile {
    file: File,
    hashes: Hasher,
    /// The ETag of the last response.
    etag: Option<String>,
    digests: BlockDigests,
}

/// The retry budget.
struct RetryState {
    rate_limit_budget: RateLimitBudget,
    /// The pauses that are left.
    back_off: ExponentialBackoff,
    furthest: u64,
    /// Responses with another size than announced.
    mismatches: u32,
}

impl Transfer<'_> {
    /// Returns the SHA-256 of the file at its final name.
    pub async fn run(&self) -> Result<String, HubError> {
        let target = self.dir.join(&self.file.path);
        let part_path = part_path(self.dir, &self.file.path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).await?;
        }
        let mut part = self.open_part(&part_path).await?;
        self.fetch_rest(&mut part).await?;
        let mut hashed = part.hashes.clone().finish();
        if !hashed.is(self.file.digest.as_ref()) {
            tracing::warn!(path = %self.file.path, "hash mismatch: comparing with a second download");
            let seam_blocks = part.digests.seam_blocks();
            let passes = if seam_blocks.is_empty() { vec![None] } else { vec![Some(&seam_blocks[..]), None] };
            for blocks in passes {
                if self.compare(&mut part, blocks).await? {
                    part.hashes = self.hash_part(&part_path).await?;
                    hashed = part.hashes.clone().finish();
                }
                if hashed.is(self.file.digest.as_ref()) {
                    break;
                }
            }
        }
        if !hashed.is(self.file.digest.as_ref()) {
            return Err(HubError::HashMismatch(self.file.path.clone()));
        }
        part.file.sync_all().await?;
        let renamed = tokio::task::spawn_blocking(move || store::rename(&part_path, &target));
        renamed.await.map_err(io::Error::other)??;
        part.digests.remove();
        Ok(hashed.sha256)
    }

    /// Opens the part of an earlier call and downloads its changed blocks again. Without an announced digest
    /// it starts over, because a mix of two versions would not be detected.
    async fn open_part(&self, part_path: &Path) -> Result<PartFile, HubError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(part_path).await?;
        let size = self.file.size;
        let len = file.metadata().await?.len();
        let mut digests = BlockDigests::read(part_path, size, self.block);
        let kept = if self.file.digest.is_some() { len.min(size) } else { 0 };
        file.set_len(kept).await?;
        digests.cut(kept);
        let mut part = PartFile { file, hashes: Hasher::new(size), etag: None, digests };
        (self.on_bytes)(kept);
        while part.hashes.len() < kept {
            let from = part.hashes.len();
            let to = part.digests.next_end(from).min(kept);
            let (before, cancel) = (part.hashes.clone(), self.cancel.clone());
            let digest = self.file.digest.clone();
            let go_on = move |_| !cancel.is_cancelled();
            part.hashes = hash_from_disk(part_path.to_owned(), before.clone(), to, digest, go_on).await?;
            if to % part.digests.block() != 0 {
                continue;
            }
            let here = part.hashes.sha256();
            let Some(recorded) = part.digests.at(to).map(str::to_owned) else {
                part.digests.record(to, &here);
                continue;
            };
            if recorded == here {
                continue;
            }
            tracing::warn!(path = %self.file.path, from, "a block has changed and is downloaded again");
            let bytes = self.fetch(ByteRange { from, to }).await?;
            part.write_at(from, &bytes).await?;
            part.hashes = before;
            part.hashes.update(&bytes, self.file.digest.as_ref());
            if recorded != part.hashes.sha256() {
                // The source has other content now: the digests of the following blocks are invalid.
                part.digests.cut(from);
                part.digests.record(to, &part.hashes.sha256());
            }
        }
        Ok(part)
    }

    async fn hash_part(&self, part_path: &Path) -> Result<Hasher, HubError> {
        let (nothing, cancel) = (Hasher::new(self.file.size), self.cancel.clone());
        let (path, digest) = (part_path.to_owned(), self.file.digest.clone());
        hash_from_disk(path, nothing, self.file.size, digest, move |_| !cancel.is_cancelled()).await
    }

    /// Appends until the file is complete.
    async fn fetch_rest(&self, part: &mut PartFile) -> Result<(), HubError> {
        let mut tries = self.tries(part.hashes.len());
        while part.hashes.len() < self.file.size {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(HubError::Cancelled),
                outcome = self.append(part) => outcome,
            };
            // Buffered bytes must be in the file before the next attempt or process reads it.
            part.file.flush().await?;
            if let Err(error) = outcome {
                tracing::debug!(path = %self.file.path, at = part.hashes.len(), %error, "download interrupted");
                self.pause(&mut tries, part.hashes.len(), error).await?;
            }
        }
        part.file.sync_all().await?;
        Ok(())
    }

    /// Reads one response to its end. An early end is an error, but the received bytes are kept.
    async fn append(&self, part: &mut PartFile) -> Result<(), HubError> {
        let from = part.hashes.len();
        let span = ByteRange { from, to: self.file.size };
        let mut response = self.connection.bytes(self.repo, self.revision, self.file, span).await?;
        if from > 0 && response.etag != part.etag && part.etag.is_some() && response.etag.is_some() {
            // Another version than the part. The second response with the new ETag is accepted, and the hash
            // decides.
            part.etag = response.etag;
            if self.file.digest.is_none() {
                part.cut(0).await?;
            }
            let reason = "its ETag has changed".to_owned();
            return Err(HubError::UnexpectedContent { host: response.host, reason });
        }
        part.etag = response.etag.clone();
        part.digests.seam(from);
        let before = part.hashes.clone();
        part.file.seek(SeekFrom::Start(from)).await?;
        while let Some((at, chunk)) = response.next(&self.connection, &self.file.path).await? {
            // A source without range support also sends the bytes that are already in the part.
            let known = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(chunk.len());
            let chunk = &chunk[known..];
            let len = part.hashes.len() + chunk.len() as u64;
            if len > self.file.size {
                // Not the announced file: all bytes of this response are dropped.
                part.hashes = before;
                part.cut(from).await?;
                (self.on_bytes)(from);
                return Err(size_mismatch(self.file, len));
            }
            part.append(chunk, self.file).await?;
            (self.on_bytes)(part.hashes.len());
        }
        match part.hashes.len() {
            len if len < self.file.size => Err(size_mismatch(self.file, len)),
            _ => Ok(()),
        }
    }

    /// Downloads these bytes into memory.
    async fn fetch(&self, span: ByteRange) -> Result<Vec<u8>, HubError> {
        let mut tries = self.tries(0);
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(HubError::Cancelled),
                outcome = self.connection.span(self.repo, self.revision, self.file, span) => outcome,
            };
            match outcome {
                Ok(bytes) => return Ok(bytes),
                Err(error) => self.pause(&mut tries, 0, error).await?,
            }
        }
    }

    /// Downloads blocks again (all if `None`) and overwrites those that differ. Returns whether any did.
    async fn compare(&self, part: &mut PartFile, blocks: Option<&[u64]>) -> Result<bool, HubError> {
        let mut changed = false;
        let mut from = 0;
        while from < self.file.size {
            let to = part.digests.next_end(from).min(self.file.size);
            if blocks.is_none_or(|blocks| blocks.contains(&from)) {
                let bytes = self.fetch(ByteRange { from, to }).await?;
                if part.read_at(from, bytes.len()).await? != bytes {
                    tracing::info!(path = %self.file.path, from, to, "a block is corrected");
                    part.write_at(from, &bytes).await?;
                    changed = true;
                }
            }
            from = to;
        }
        if changed {
            // The recorded digests are those of the old content.
            part.digests.cut(0);
            part.file.sync_all().await?;
        }
        Ok(changed)
    }

    fn tries(&self, len: u64) -> RetryState {
        let timing = self.connection.timing;
        let back_off = ExponentialBuilder::new()
            .with_min_delay(timing.back_off)
            .with_max_delay(timing.back_off * MAX_BACK_OFF)
            .with_max_times(timing.retries as usize);
        RetryState {
            rate_limit_budget: RateLimitBudget(timing.rate_limit_budget),
            back_off: back_off.build(),
            furthest: len,
            mismatches: 0,
        }
    }

    /// Waits before the next attempt, or returns the error if the budget is used up.
    async fn pause(&self, tries: &mut RetryState, len: u64, error: HubError) -> Result<(), HubError> {
        if len >= tries.furthest + RETRY_RESET_BYTES {
            *tries = self.tries(len);
        }
        if matches!(error, HubError::SizeMismatch { .. }) {
            // The first mismatch may be a truncated response; the second means the source has another size.
            tries.mismatches += 1;
            if tries.mismatches > 1 {
                return Err(error);
            }
        }
        let pause = async {
            if !error.is_transient() {
                return self.connection.wait(&mut tries.rate_limit_budget, error).await;
            }
            let Some(pause) = tries.back_off.next() else { return Err(error) };
            tokio::time::sleep(pause).await;
            Ok(())
        };
        tokio::select! {
            () = self.cancel.cancelled() => Err(HubError::Cancelled),
            go_on = pause => go_on,
        }
    }
}

impl PartFile {
    /// Appends bytes and records a digest at the end of each block.
    async fn append(&mut self, mut bytes: &[u8], file: &RemoteFile) -> Result<(), HubError> {
        self.file.write_all(bytes).await?;
        while !bytes.is_empty() {
            let end = self.digests.next_end(self.hashes.len());
            let room = usize::try_from(end - self.hashes.len()).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hashes.update(now, file.digest.as_ref());
            if self.hashes.len() == end {
                // Flushed before the digest is recorded, because a digest of unwritten bytes would look like
                // damage.
                self.file.flush().await?;
                self.digests.record(end, &self.hashes.sha256());
            }
            bytes = later;
        }
        Ok(())
    }

    /// Truncates to `len` bytes. The caller resets the hash unless `len` is 0.
    async fn cut(&mut self, len: u64) -> Result<(), HubError> {
        if len == 0 {
            self.hashes = self.hashes.restart();
        }
        self.file.flush().await?;
        self.file.set_len(len).await?;
        self.digests.cut(len);
        Ok(())
    }

    async fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), HubError> {
        self.file.seek(SeekFrom::Start(at)).await?;
        self.file.write_all(bytes).await?;
        Ok(self.file.flush().await?)
    }

    async fn read_at(&mut self, at: u64, count: usize) -> Result<Vec<u8>, HubError> {
        self.file.seek(SeekFrom::Start(at)).await?;
        let mut bytes = vec![0; count];
        self.file.read_exact(&mut bytes).await?;
        Ok(bytes)
    }
}
