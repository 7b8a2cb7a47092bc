//! One file from its source to the disk: resumed, retried, checked, and only then given its name. Nothing that arrived is
//! thrown away for what one answer says: an answer that does not fit is not kept, a block that differs from what arrived
//! is fetched again, and when the whole has the wrong hash, what the source sends a second time is compared with it.
//! It does not know which other files belong to the model.

use std::io::SeekFrom;
use std::path::Path;

use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::answer::{Span, size_mismatch};
use crate::connection::{Connection, Patience};
use crate::digest::{Hashes, hash_on};
use crate::names::part_path;
use crate::sums::Sums;
use crate::{HubError, RemoteFile};

/// An attempt that got this much further than any before it gives retries and patience back.
const HEADWAY: u64 = 16 << 20;

pub(crate) struct Transfer<'a> {
    pub connection: Connection<'a>,
    pub repo: &'a str,
    pub revision: &'a str,
    pub file: &'a RemoteFile,
    pub dir: &'a Path,
    /// Bytes between two digests of what arrives.
    pub block: u64,
    pub cancel: &'a CancellationToken,
    /// Called with the bytes of this file that are on the disk.
    pub on_bytes: &'a (dyn Fn(u64) + Send + Sync),
}

/// The growing file, hashed as far as it goes.
struct Part {
    file: File,
    hashes: Hashes,
    /// Of the answer that its last bytes came with.
    etag: Option<String>,
    sums: Sums,
}

/// How often what was tried may still fail.
struct Tries {
    patience: Patience,
    failures: u32,
    furthest: u64,
    /// Answers of another size than the announced one.
    mismatches: u32,
}

impl Transfer<'_> {
    /// Returns the SHA-256 of the file now at its final name.
    pub async fn run(&self) -> Result<String, HubError> {
        let target = self.dir.join(&self.file.path);
        let part_path = part_path(self.dir, &self.file.path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).await?;
        }
        let mut part = self.found(&part_path).await?;
        self.fetch_rest(&mut part).await?;
        let mut hashed = part.hashes.clone().finish();
        if !hashed.is(self.file.digest.as_ref()) {
            tracing::warn!(path = %self.file.path, "the content differs from the announced one and is compared");
            let doubtful = part.sums.doubtful();
            let passes = if doubtful.is_empty() { vec![None] } else { vec![Some(&doubtful[..]), None] };
            for blocks in passes {
                if self.compare(&mut part, blocks).await? {
                    part.hashes = self.hashed(&part_path).await?;
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
        fs::rename(&part_path, &target).await?;
        part.sums.remove();
        Ok(hashed.sha256)
    }

    /// The part an earlier call left, with what of it is not what arrived fetched again. Without a hash to catch a mixture
    /// of two versions it is not continued.
    async fn found(&self, part_path: &Path) -> Result<Part, HubError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(part_path).await?;
        let size = self.file.size;
        let len = file.metadata().await?.len();
        let mut sums = Sums::beside(part_path, size, self.block);
        let kept = if self.file.digest.is_some() { len.min(size) } else { 0 };
        file.set_len(kept).await?;
        sums.cut(kept);
        let mut part = Part { file, hashes: Hashes::new(size), etag: None, sums };
        (self.on_bytes)(kept);
        while part.hashes.len() < kept {
            let from = part.hashes.len();
            let to = part.sums.next_end(from).min(kept);
            let (before, cancel) = (part.hashes.clone(), self.cancel.clone());
            let digest = self.file.digest.clone();
            let go_on = move |_| !cancel.is_cancelled();
            part.hashes = hash_on(part_path.to_owned(), before.clone(), to, digest, go_on).await?;
            if to % part.sums.block() != 0 {
                continue;
            }
            let here = part.hashes.sha256();
            let Some(arrived) = part.sums.at(to).map(str::to_owned) else {
                part.sums.arrived(to, &here);
                continue;
            };
            if arrived == here {
                continue;
            }
            tracing::warn!(path = %self.file.path, from, "a block is not what arrived and is fetched again");
            let bytes = self.fetch(Span { from, to }).await?;
            part.write_at(from, &bytes).await?;
            part.hashes = before;
            part.hashes.update(&bytes, self.file.digest.as_ref());
            if arrived != part.hashes.sha256() {
                // The source sends something else now: what is known of the blocks behind it does not hold.
                part.sums.cut(from);
                part.sums.arrived(to, &part.hashes.sha256());
            }
        }
        Ok(part)
    }

    async fn hashed(&self, part_path: &Path) -> Result<Hashes, HubError> {
        let (nothing, cancel) = (Hashes::new(self.file.size), self.cancel.clone());
        let (path, digest) = (part_path.to_owned(), self.file.digest.clone());
        hash_on(path, nothing, self.file.size, digest, move |_| !cancel.is_cancelled()).await
    }

    /// Appends until the file has its size.
    async fn fetch_rest(&self, part: &mut Part) -> Result<(), HubError> {
        let mut tries = self.tries(part.hashes.len());
        while part.hashes.len() < self.file.size {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(HubError::Cancelled),
                outcome = self.append(part) => outcome,
            };
            // Nothing may still be on its way to the file when the next attempt or process looks at it.
            part.file.flush().await?;
            if let Err(error) = outcome {
                tracing::debug!(path = %self.file.path, at = part.hashes.len(), %error, "download interrupted");
                self.pause(&mut tries, part.hashes.len(), error).await?;
            }
        }
        part.file.sync_all().await?;
        Ok(())
    }

    /// One request, read until it ends. Ending early is an error; the part keeps what arrived.
    async fn append(&self, part: &mut Part) -> Result<(), HubError> {
        let from = part.hashes.len();
        let span = Span { from, to: self.file.size };
        let mut answer = self.connection.bytes(self.repo, self.revision, self.file, span).await?;
        if from > 0 && answer.etag != part.etag && part.etag.is_some() && answer.etag.is_some() {
            // Of another version than what is here. Whoever says so twice is believed, and the hash decides.
            part.etag = answer.etag;
            if self.file.digest.is_none() {
                part.cut(0).await?;
            }
            let reason = "its tag has changed".to_owned();
            return Err(HubError::Foreign { host: answer.host, reason });
        }
        part.etag = answer.etag.clone();
        part.sums.seam(from);
        let before = part.hashes.clone();
        part.file.seek(SeekFrom::Start(from)).await?;
        while let Some((at, chunk)) = answer.next(&self.connection, &self.file.path).await? {
            // A source without ranges sends again what is here.
            let known = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(chunk.len());
            let chunk = &chunk[known..];
            let len = part.hashes.len() + chunk.len() as u64;
            if len > self.file.size {
                // Not the announced file, so nothing of this answer is.
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

    /// Fetches these bytes by themselves.
    async fn fetch(&self, span: Span) -> Result<Vec<u8>, HubError> {
        let mut tries = self.tries(0);
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(HubError::Cancelled),
                outcome = self.fetch_once(span) => outcome,
            };
            match outcome {
                Ok(bytes) => return Ok(bytes),
                Err(error) => self.pause(&mut tries, 0, error).await?,
            }
        }
    }

    async fn fetch_once(&self, span: Span) -> Result<Vec<u8>, HubError> {
        let mut answer = self.connection.bytes(self.repo, self.revision, self.file, span).await?;
        let mut bytes = Vec::new();
        while let Some((at, chunk)) = answer.next(&self.connection, &self.file.path).await? {
            let end = at + chunk.len() as u64;
            let (from, to) = (span.from.clamp(at, end), span.to.clamp(at, end));
            bytes.extend_from_slice(&chunk[(from - at) as usize..(to - at) as usize]);
            if end >= span.to {
                break;
            }
        }
        match bytes.len() as u64 == span.to - span.from {
            true => Ok(bytes),
            false => Err(size_mismatch(self.file, span.from + bytes.len() as u64)),
        }
    }

    /// Fetches blocks again, all of them when none is named, and puts in place what differs; whether anything did.
    async fn compare(&self, part: &mut Part, blocks: Option<&[u64]>) -> Result<bool, HubError> {
        let mut changed = false;
        let mut from = 0;
        while from < self.file.size {
            let to = part.sums.next_end(from).min(self.file.size);
            if blocks.is_none_or(|blocks| blocks.contains(&from)) {
                let bytes = self.fetch(Span { from, to }).await?;
                if part.read_at(from, bytes.len()).await? != bytes {
                    tracing::info!(path = %self.file.path, from, to, "a block is put right");
                    part.write_at(from, &bytes).await?;
                    changed = true;
                }
            }
            from = to;
        }
        if changed {
            // They are of what arrived before.
            part.sums.cut(0);
            part.file.sync_all().await?;
        }
        Ok(changed)
    }

    fn tries(&self, len: u64) -> Tries {
        let patience = Patience(self.connection.timing.patience);
        Tries { patience, failures: 0, furthest: len, mismatches: 0 }
    }

    /// Waits before the next try, or gives the error back when there is none.
    async fn pause(&self, tries: &mut Tries, len: u64, error: HubError) -> Result<(), HubError> {
        if len >= tries.furthest + HEADWAY {
            *tries = self.tries(len);
        }
        if matches!(error, HubError::SizeMismatch { .. }) {
            // Once may be a cut that looks like an end; twice is the source's own size.
            tries.mismatches += 1;
            if tries.mismatches > 1 {
                return Err(error);
            }
        }
        let pause = async {
            if !error.is_transient() {
                return self.connection.wait(&mut tries.patience, error).await;
            }
            if tries.failures >= self.connection.timing.retries {
                return Err(error);
            }
            tokio::time::sleep(self.connection.timing.back_off * 2u32.pow(tries.failures.min(5))).await;
            tries.failures += 1;
            Ok(())
        };
        tokio::select! {
            () = self.cancel.cancelled() => Err(HubError::Cancelled),
            go_on = pause => go_on,
        }
    }
}

impl Part {
    /// Adds bytes behind the last one, with a digest at the end of each block.
    async fn append(&mut self, mut bytes: &[u8], file: &RemoteFile) -> Result<(), HubError> {
        self.file.write_all(bytes).await?;
        while !bytes.is_empty() {
            let end = self.sums.next_end(self.hashes.len());
            let room = usize::try_from(end - self.hashes.len()).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.hashes.update(now, file.digest.as_ref());
            if self.hashes.len() == end {
                // Before its digest is: a digest of bytes that are not there would be taken for damage.
                self.file.flush().await?;
                self.sums.arrived(end, &self.hashes.sha256());
            }
            bytes = later;
        }
        Ok(())
    }

    /// Back to its first `len` bytes; the hash is the caller's.
    async fn cut(&mut self, len: u64) -> Result<(), HubError> {
        if len == 0 {
            self.hashes = self.hashes.anew();
        }
        self.file.flush().await?;
        self.file.set_len(len).await?;
        self.sums.cut(len);
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
