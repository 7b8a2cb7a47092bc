//! A whole model from its listing to its manifest: what is here already, whether the rest has room, several files at
//! once, and a folder that counts as installed only when every file passed. It knows no protocol.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use reqwest::Client;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::digest::{Hashes, hash_on};
use crate::names::part_path;
use crate::pin::{PIN, Pin};
use crate::progress::Tally;
use crate::store::{MANIFEST, drop_file};
use crate::transfer::Transfer;
use crate::{FreeSpace, HubError, Listing, Manifest, ManifestFile, Phase, RemoteFile, Source, Timing, glob};

const FILES_AT_ONCE: usize = 4;

#[derive(Debug, Clone)]
pub struct Job {
    /// The folder's name under the models folder.
    pub id: String,
    pub source: Source,
    pub repo: String,
    /// Which files, with `*` and `?`; none means all.
    pub globs: Vec<String>,
}

/// One call of `Hub::download`, which holds the lock of the folder.
pub(crate) struct Download<'a> {
    pub client: &'a Client,
    pub timing: Timing,
    pub free_space: &'a FreeSpace,
    pub block: u64,
    pub job: &'a Job,
    pub dir: &'a Path,
    pub tally: &'a Tally,
    pub cancel: &'a CancellationToken,
}

impl Download<'_> {
    /// Returns the bytes of the model that is whole now.
    pub async fn run(&self) -> Result<u64, HubError> {
        let on_wait = |wait| self.tally.waiting(wait);
        let connection = Connection {
            client: self.client,
            source: &self.job.source,
            timing: self.timing,
            on_wait: &on_wait,
        };
        let mut left = Pin::read(self.dir);
        let listing = tokio::select! {
            () = self.cancel.cancelled() => return Err(HubError::Cancelled),
            listing = self.list(&connection, left.as_mut()) => listing?,
        };
        let installed = Manifest::read(self.dir);
        let verified_at = installed.as_ref().map(|manifest| manifest.verified_at);
        let mut pin = Pin::new(self.job, &listing, left, installed);
        let Listing { revision, files } = listing;
        let renamed = pin.renamed(self.dir, &files);
        if !renamed.is_empty() {
            pin.write(self.dir)?;
            drop_file(&self.dir.join(MANIFEST))?;
        }
        for (from, to) in renamed {
            tracing::info!(from = %from.display(), to = %to.display(), "the source has a file under another name");
            std::fs::create_dir_all(to.parent().unwrap_or(self.dir))?;
            std::fs::rename(from, to)?;
        }
        let mut ready = self.check_what_is_here(&files, &mut pin).await?;

        let missing = || files.iter().enumerate().zip(&ready).filter(|(_, sha256)| sha256.is_none());
        let mut needed = 0;
        for ((_, file), _) in missing() {
            needed += file.size - self.part_bytes(file).await;
        }
        tokio::fs::create_dir_all(self.dir).await?;
        let free = (self.free_space)(self.dir)?;
        if needed > free {
            return Err(HubError::DiskFull { needed, free });
        }
        let missing: Vec<usize> = missing().map(|((index, _), _)| index).collect();
        if !missing.is_empty() {
            pin.write(self.dir)?;
            // From here until the new manifest, the folder does not count as installed.
            drop_file(&self.dir.join(MANIFEST))?;
        }
        self.tally.turn(Phase::Transferring);
        match self.transfer(connection, &revision, &files, &missing, &mut ready, &mut pin).await {
            // A listing may name a commit whose files are gone, after somebody rewrote the history.
            Err(error @ HubError::NotOnSource(_)) => {
                pin.forget_revision(self.dir)?;
                return Err(error);
            }
            Err(HubError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                return Err(HubError::DiskFull { needed, free: (self.free_space)(self.dir).unwrap_or(0) });
            }
            outcome => outcome?,
        }

        pin.remove_replaced(self.dir, &files)?;
        let entry = |(file, sha256): (RemoteFile, Option<String>)| {
            Some(ManifestFile { path: file.path, size: file.size, sha256: sha256? })
        };
        let entries: Vec<_> = files.into_iter().zip(ready).filter_map(entry).collect();
        let bytes = entries.iter().map(|file| file.size).sum();
        let mut manifest = Manifest::new(self.job.repo.clone(), self.job.source.kind, revision, entries);
        if let Some(verified_at) = verified_at.filter(|_| missing.is_empty()) {
            // Nothing came, so it has been here as long as before.
            manifest.verified_at = verified_at;
        }
        manifest.write(self.dir)?;
        drop_file(&self.dir.join(PIN))?;
        Ok(bytes)
    }

    /// The wanted files, at the commit an unfinished download began with if there is one.
    async fn list(&self, connection: &Connection<'_>, left: Option<&mut Pin>) -> Result<Listing, HubError> {
        let (job, host) = (self.job, &self.job.source.endpoint);
        let pinned = left.as_ref().and_then(|left| left.revision_for(job)).map(str::to_owned);
        let mut listing = match (connection.list(&job.repo, pinned.as_deref()).await, pinned, left) {
            (Err(HubError::NotOnSource(what)), Some(revision), Some(left)) => {
                left.forget_revision(self.dir)?;
                let gone = format!("{what}: commit {revision} of the first start is gone");
                return Err(HubError::NotOnSource(gone));
            }
            (listing, ..) => listing?,
        };
        listing.files.retain(|file| glob::wanted(&job.globs, &file.path));
        if listing.files.is_empty() {
            return Err(HubError::NotOnSource(format!("{} has no matching files", job.repo)));
        }
        // Every later sum of sizes is at most this one.
        if listing.files.iter().try_fold(0, |sum: u64, file| sum.checked_add(file.size)).is_none() {
            return Err(HubError::unusable(host, "the listed sizes are absurd"));
        }
        if let Some(file) = listing.files.iter().find(|file| [MANIFEST, PIN].contains(&&*file.path)) {
            return Err(HubError::unusable(host, format!("{} is a reserved name", file.path)));
        }
        Ok(listing)
    }

    /// For each file its SHA-256, if the announced content lies at its final name already.
    async fn check_what_is_here(
        &self,
        files: &[RemoteFile],
        pin: &mut Pin,
    ) -> Result<Vec<Option<String>>, HubError> {
        let mut on_disk = Vec::with_capacity(files.len());
        for file in files {
            on_disk.push(match len_of(self.dir.join(&file.path)).await {
                Some(len) if len == file.size => len,
                _ => self.part_bytes(file).await,
            });
        }
        self.tally.listed(files, &on_disk);
        let mut ready = Vec::with_capacity(files.len());
        for (index, file) in files.iter().enumerate() {
            let sha256 = match pin.has_passed(self.dir, file) {
                Some(sha256) => Some(sha256),
                None => self.hash_in_place(file).await?,
            };
            match &sha256 {
                Some(sha256) => {
                    pin.passed(self.dir, &file.path, sha256)?;
                    self.passed(index, file);
                }
                // It may be whole and wrong, and then it is fetched from its first byte on.
                None => self.tally.set(index, self.part_bytes(file).await),
            }
            ready.push(sha256);
        }
        Ok(ready)
    }

    async fn hash_in_place(&self, file: &RemoteFile) -> Result<Option<String>, HubError> {
        if self.cancel.is_cancelled() {
            return Err(HubError::Cancelled);
        }
        let path = self.dir.join(&file.path);
        if len_of(path.clone()).await != Some(file.size) {
            return Ok(None);
        }
        let cancel = self.cancel.clone();
        let (nothing, go_on) = (Hashes::new(file.size), move |_| !cancel.is_cancelled());
        let hashes = hash_on(path, nothing, file.size, file.digest.clone(), go_on).await?;
        let hashed = hashes.finish();
        Ok(hashed.is(file.digest.as_ref()).then_some(hashed.sha256))
    }

    /// Fetches the missing files, several at once, and notes each that passed.
    async fn transfer(
        &self,
        connection: Connection<'_>,
        revision: &str,
        files: &[RemoteFile],
        missing: &[usize],
        ready: &mut [Option<String>],
        pin: &mut Pin,
    ) -> Result<(), HubError> {
        let stop = self.cancel.child_token();
        // Boxed one by one: a closure over borrowed files would not be general enough for a spawned task.
        let mut transfers: Vec<BoxFuture<'_, Result<(usize, String), HubError>>> = Vec::new();
        for &index in missing {
            let (file, stop, tally) = (&files[index], &stop, self.tally);
            let (repo, dir, block) = (&*self.job.repo, self.dir, self.block);
            transfers.push(Box::pin(async move {
                let on_bytes = move |bytes: u64| tally.set(index, bytes);
                let transfer = Transfer {
                    connection,
                    repo,
                    revision,
                    file,
                    dir,
                    block,
                    cancel: stop,
                    on_bytes: &on_bytes,
                };
                Ok((index, transfer.run().await?))
            }));
        }
        let mut transfers = futures_util::stream::iter(transfers).buffer_unordered(FILES_AT_ONCE);
        let mut first_error = None;
        while let Some(outcome) = transfers.next().await {
            let noted = outcome.and_then(|(index, sha256)| {
                self.passed(index, &files[index]);
                pin.passed(self.dir, &files[index].path, &sha256)?;
                pin.write(self.dir)?;
                ready[index] = Some(sha256);
                Ok(())
            });
            if let Err(error) = noted {
                // The others stop too, but each gets to put its part file in order.
                stop.cancel();
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn passed(&self, index: usize, file: &RemoteFile) {
        if file.digest.is_some() {
            self.tally.verified(index);
        }
    }

    /// What of the part can be continued.
    async fn part_bytes(&self, file: &RemoteFile) -> u64 {
        let len = len_of(part_path(self.dir, &file.path)).await.unwrap_or(0);
        if file.digest.is_some() && len <= file.size { len } else { 0 }
    }
}

async fn len_of(path: PathBuf) -> Option<u64> {
    tokio::fs::metadata(path).await.ok().filter(|meta| meta.is_file()).map(|meta| meta.len())
}
