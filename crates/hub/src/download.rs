//! Downloads a model, from its listing to its manifest: verifies existing files, links those that another
//! program has, checks the disk space, transfers several files concurrently, and writes the manifest only
//! after all files are verified. It knows no protocol.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use reqwest::Client;
use tokio_util::sync::CancellationToken;

use crate::block_digests::remove_part;
use crate::connection::Connection;
use crate::digest::{Hasher, hash_from_disk};
use crate::local_files::{FindLocal, SameFile, find_same};
use crate::manifest::MANIFEST;
use crate::names::part_path;
use crate::progress::ProgressAggregator;
use crate::resume_state::{RESUME_FILE, ResumeState};
use crate::transfer::Transfer;
use crate::{HubError, Job, Listing, Manifest, ManifestFile, Phase, RemoteFile, Timing, glob};

const FILES_AT_ONCE: usize = 4;

/// Returns the free bytes on the disk of a folder.
pub type FreeSpace = Arc<dyn Fn(&Path) -> std::io::Result<u64> + Send + Sync>;

/// One call of `Hub::download`, which holds the folder's lock.
pub(crate) struct Download<'a> {
    pub client: &'a Client,
    pub timing: Timing,
    pub free_space: &'a FreeSpace,
    pub find_local: &'a FindLocal,
    pub models_dir: &'a Path,
    pub block: u64,
    pub job: &'a Job,
    pub dir: &'a Path,
    pub tally: &'a Arc<ProgressAggregator>,
    pub cancel: &'a CancellationToken,
}

impl Download<'_> {
    /// Returns the size of the installed model.
    pub async fn run(&self) -> Result<u64, HubError> {
        let on_wait = |wait| self.tally.waiting(wait);
        let connection = Connection {
            client: self.client,
            source: &self.job.source,
            timing: self.timing,
            on_wait: &on_wait,
        };
        let mut left = ResumeState::read(self.dir);
        let listing = tokio::select! {
            () = self.cancel.cancelled() => return Err(HubError::Cancelled),
            listing = self.list(&connection, left.as_mut()) => listing?,
        };
        let installed = Manifest::read(self.dir);
        let verified_at = installed.as_ref().map(|manifest| manifest.verified_at);
        let mut resume_state = ResumeState::new(self.job, &listing, left, installed);
        let Listing { revision, files } = listing;
        let renamed = resume_state.renamed(self.dir, &files);
        if !renamed.is_empty() {
            resume_state.write(self.dir)?;
            store::remove_if_exists(&self.dir.join(MANIFEST))?;
        }
        for (from, to) in renamed {
            tracing::info!(from = %from.display(), to = %to.display(), "a file was renamed in the repository");
            std::fs::create_dir_all(to.parent().unwrap_or(self.dir))?;
            std::fs::rename(&from, &to)?;
            resume_state.rename_linked(self.dir, &from, &to);
        }
        let mut ready = self.verify_existing(&files, &mut resume_state).await?;

        let missing = |ready: &[Option<String>]| -> Vec<usize> {
            ready.iter().enumerate().filter(|(_, sha256)| sha256.is_none()).map(|(index, _)| index).collect()
        };
        let all_here = missing(&ready).is_empty();
        tokio::fs::create_dir_all(self.dir).await?;
        if !all_here {
            let (wanted, own) = (missing(&ready), self.models_dir);
            let same = find_same(self.find_local, &files, &wanted, own, self.tally, self.cancel).await?;
            let linked = |index: &usize| same.iter().any(|same| same.index == *index);
            self.check_space(&files, wanted.iter().copied().filter(|index| !linked(index))).await?;
            resume_state.write(self.dir)?;
            // Without the manifest the folder does not count as installed.
            store::remove_if_exists(&self.dir.join(MANIFEST))?;
            self.link(&same, &files, &mut ready, &mut resume_state)?;
        }
        // Also what could not be linked.
        let missing = missing(&ready);
        let needed = self.check_space(&files, missing.iter().copied()).await?;
        if !missing.is_empty() {
            self.tally.set_phase(Phase::Transferring);
        }
        match self.transfer(connection, &revision, &files, &missing, &mut ready, &mut resume_state).await {
            // After a force push the listing may name a commit whose files do not exist.
            Err(error @ HubError::NotOnSource(_)) => {
                resume_state.forget_revision(self.dir)?;
                return Err(error);
            }
            Err(HubError::Io(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                return Err(HubError::DiskFull { needed, free: (self.free_space)(self.dir).unwrap_or(0) });
            }
            outcome => outcome?,
        }

        resume_state.remove_replaced(self.dir, &files)?;
        let entry = |(file, sha256): (RemoteFile, Option<String>)| {
            let linked = resume_state.linked(self.dir, &file.path);
            Some(ManifestFile { path: file.path, size: file.size, sha256: sha256?, linked })
        };
        let entries: Vec<_> = files.into_iter().zip(ready).filter_map(entry).collect();
        let bytes = entries.iter().map(|file| file.size).sum();
        let mut manifest = Manifest::new(self.job.repo.clone(), self.job.source.kind, revision, entries);
        if let Some(verified_at) = verified_at.filter(|_| all_here) {
            // Nothing was transferred or linked, so the time of the verification is unchanged.
            manifest.verified_at = verified_at;
        }
        manifest.write(self.dir)?;
        store::remove_if_exists(&self.dir.join(RESUME_FILE))?;
        Ok(bytes)
    }

    /// The bytes that these files lack on the disk.
    ///
    /// # Errors
    /// `DiskFull` if there are fewer.
    async fn check_space(
        &self,
        files: &[RemoteFile],
        missing: impl Iterator<Item = usize>,
    ) -> Result<u64, HubError> {
        let mut needed = 0;
        for index in missing {
            needed += files[index].size - self.part_bytes(&files[index]).await;
        }
        let free = (self.free_space)(self.dir)?;
        if needed > free {
            return Err(HubError::DiskFull { needed, free });
        }
        Ok(needed)
    }

    /// Links the files that another program has. One that cannot be linked stays missing.
    fn link(
        &self,
        same: &[SameFile],
        files: &[RemoteFile],
        ready: &mut [Option<String>],
        resume_state: &mut ResumeState,
    ) -> Result<(), HubError> {
        // Written before the links, so that a process that is killed between them knows what they are.
        for one in same {
            resume_state.set_linked(&files[one.index].path, Some(one.linked.clone()));
        }
        resume_state.write(self.dir)?;
        for one in same {
            let file = &files[one.index];
            if !one.link(&self.dir.join(&file.path))? {
                resume_state.set_linked(&file.path, None);
                continue;
            }
            tracing::info!(path = %file.path, from = %one.linked.path, "linked a file of another program");
            // What an earlier call received of it is of no use any more.
            remove_part(&part_path(self.dir, &file.path))?;
            resume_state.mark_verified(self.dir, &file.path, &one.sha256)?;
            resume_state.write(self.dir)?;
            self.tally.linked(one.index, &one.linked.program);
            self.tally.set(one.index, file.size);
            self.mark_verified(one.index, file);
            ready[one.index] = Some(one.sha256.clone());
        }
        Ok(())
    }

    /// The selected files, at the commit of an unfinished download if there is one.
    async fn list(
        &self,
        connection: &Connection<'_>,
        left: Option<&mut ResumeState>,
    ) -> Result<Listing, HubError> {
        let (job, host) = (self.job, &self.job.source.endpoint);
        let pinned = left.as_ref().and_then(|left| left.revision_for(job)).map(str::to_owned);
        let mut listing = match (connection.list(&job.repo, pinned.as_deref()).await, pinned, left) {
            (Err(HubError::NotOnSource(what)), Some(revision), Some(left)) => {
                left.forget_revision(self.dir)?;
                let gone = format!("{what}: commit {revision} of the unfinished download no longer exists");
                return Err(HubError::NotOnSource(gone));
            }
            (listing, ..) => listing?,
        };
        listing.files.retain(|file| glob::matches_globs(&job.globs, &file.path));
        if listing.files.is_empty() {
            return Err(HubError::NotOnSource(format!("{} has no matching files", job.repo)));
        }
        // Checked once: every later sum of sizes is at most this one.
        if listing.files.iter().try_fold(0, |sum: u64, file| sum.checked_add(file.size)).is_none() {
            return Err(HubError::unusable(host, "the sum of the listed sizes overflows"));
        }
        if let Some(file) = listing.files.iter().find(|file| [MANIFEST, RESUME_FILE].contains(&&*file.path)) {
            return Err(HubError::unusable(host, format!("{} is a reserved name", file.path)));
        }
        Ok(listing)
    }

    /// For each file its SHA-256, if the file at its final name has the announced content.
    async fn verify_existing(
        &self,
        files: &[RemoteFile],
        resume_state: &mut ResumeState,
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
            let sha256 = match resume_state.verified_sha256(self.dir, file) {
                Some(sha256) => Some(sha256),
                None => self.hash_in_place(index, file).await?,
            };
            match &sha256 {
                Some(sha256) => {
                    resume_state.mark_verified(self.dir, &file.path, sha256)?;
                    if let Some(linked) = resume_state.linked(self.dir, &file.path) {
                        self.tally.linked(index, &linked.program);
                    }
                    self.tally.hashed(index, file.size);
                    self.mark_verified(index, file);
                }
                // A complete file with other content is downloaded again from the start.
                None => {
                    self.tally.hashed(index, 0);
                    self.tally.set(index, self.part_bytes(file).await);
                }
            }
            ready.push(sha256);
        }
        Ok(ready)
    }

    async fn hash_in_place(&self, index: usize, file: &RemoteFile) -> Result<Option<String>, HubError> {
        if self.cancel.is_cancelled() {
            return Err(HubError::Cancelled);
        }
        let path = self.dir.join(&file.path);
        if len_of(path.clone()).await != Some(file.size) {
            return Ok(None);
        }
        let (cancel, tally) = (self.cancel.clone(), self.tally.clone());
        let go_on = move |bytes| {
            tally.hashed(index, bytes);
            !cancel.is_cancelled()
        };
        let nothing = Hasher::new(file.size);
        let hashes = hash_from_disk(path, nothing, file.size, file.digest.clone(), go_on).await?;
        let hashed = hashes.finish();
        Ok(hashed.is(file.digest.as_ref()).then_some(hashed.sha256))
    }

    /// Transfers the missing files concurrently and records each verified one.
    async fn transfer(
        &self,
        connection: Connection<'_>,
        revision: &str,
        files: &[RemoteFile],
        missing: &[usize],
        ready: &mut [Option<String>],
        resume_state: &mut ResumeState,
    ) -> Result<(), HubError> {
        let stop = self.cancel.child_token();
        // Boxed: a closure over borrowed files is not general enough for a spawned task.
        let mut transfers: Vec<BoxFuture<'_, Result<(usize, String), HubError>>> = Vec::new();
        for &index in missing {
            let (file, stop, tally) = (&files[index], &stop, &**self.tally);
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
                self.mark_verified(index, &files[index]);
                resume_state.set_linked(&files[index].path, None);
                resume_state.mark_verified(self.dir, &files[index].path, &sha256)?;
                resume_state.write(self.dir)?;
                ready[index] = Some(sha256);
                Ok(())
            });
            if let Err(error) = noted {
                // Cancels the other transfers, which still flush their part files.
                stop.cancel();
                first_error.get_or_insert(error);
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn mark_verified(&self, index: usize, file: &RemoteFile) {
        if file.digest.is_some() {
            self.tally.verified(index);
        }
    }

    /// Bytes of the part file that can be resumed.
    async fn part_bytes(&self, file: &RemoteFile) -> u64 {
        let len = len_of(part_path(self.dir, &file.path)).await.unwrap_or(0);
        if file.digest.is_some() && len <= file.size { len } else { 0 }
    }
}

async fn len_of(path: PathBuf) -> Option<u64> {
    tokio::fs::metadata(path).await.ok().filter(|meta| meta.is_file()).map(|meta| meta.len())
}
