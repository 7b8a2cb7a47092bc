//! Repositories outside the catalogue as use cases: search them, look at one with a verdict for each
//! precision, and download one. What a file's header says is read by `remote`.
mod headers_folder;
mod open_repository;
mod remote;
mod verdicts;

use std::sync::Arc;

use catalog::Devices;
use contract::{
    DownloadView, ErrorCode, ErrorView, FileGroupView, RepositoryHitView, RepositoryView, SourceKind,
};
use futures_util::{StreamExt, TryStreamExt};
use hub::{FileGroup, FileGroups, Reference, SearchHit};
use parking_lot::Mutex;

use crate::App;
use crate::blocking::blocking;
use crate::convert::{fit_view, invalid};
use crate::downloads::{RepositoryFiles, hub_error};
use crate::imports::fit_of;
use crate::other_programs::LocalFiles;
pub(crate) use open_repository::LastRepository;
use open_repository::OpenRepository;
use remote::Remote;
use verdicts::{Judged, judge};

/// Repositories of one search.
const HITS: u32 = 20;

/// Precisions whose headers are read at the same time. Each header is some megabytes.
const CHECKS: usize = 4;

impl App {
    /// Searches a source; `None` is that of the settings.
    pub async fn repository_search(
        &self,
        text: &str,
        source: Option<SourceKind>,
    ) -> Result<Vec<RepositoryHitView>, ErrorView> {
        let text = text.trim();
        if text.is_empty() || text.len() > 200 || text.chars().any(char::is_control) {
            return Err(invalid("search for a model: there is no word", "text", "1-200"));
        }
        let settings = self.settings_now();
        let kind = source.unwrap_or(settings.source);
        let hub = self.hub().await?;
        let hits = hub.search(&self.configured(&settings, kind), text, HITS).await;
        let view = |hit: SearchHit| RepositoryHitView {
            repo: hit.repo,
            source: kind,
            downloads: hit.downloads.map(|count| count as f64),
            likes: hit.likes.map(|count| count as f64),
            licence: hit.licence,
            gated: hit.gated,
            gguf: hit.gguf,
        };
        Ok(hits.map_err(|error| hub_error(&error))?.into_iter().map(view).collect())
    }

    /// What a repository holds, or what of it the text names. The source is that of the text, else the given
    /// one, else that of the settings. The header of one precision tells about the others of its model:
    /// `repository_check` reads theirs.
    pub async fn repository(
        &self,
        text: &str,
        source: Option<SourceKind>,
    ) -> Result<RepositoryView, ErrorView> {
        let open = Arc::new(self.open_repository(text, source).await?);
        self.last_repository.keep(open.clone());
        let groups = open.matching(None)?;
        let (snapshot, devices) = (self.snapshot().await?, self.devices());
        let judged = judge(&open.remote, &groups).await;
        let views =
            groups.iter().zip(judged).map(|(group, judged)| group_view(group, judged, &snapshot, devices));
        Ok(RepositoryView {
            repo: open.reference.repo.clone(),
            source: open.source,
            licence: open.terms.licence.clone(),
            gated: open.terms.gated,
            groups: views.collect(),
            projectors: open.groups.projectors.iter().map(|file| file.path.clone()).collect(),
        })
    }

    /// The verdict for one precision from the headers of its own files.
    pub async fn repository_check(
        &self,
        repo: &str,
        source: SourceKind,
        group: &str,
    ) -> Result<FileGroupView, ErrorView> {
        let open = match self.last_repository.find(repo, source) {
            Some(open) => open,
            None => Arc::new(self.open_repository(repo, Some(source)).await?),
        };
        let known = open.groups.groups.iter().find(|known| known.name == group);
        let group = known.ok_or_else(|| open.unknown())?;
        let facts = open.remote.facts(group).await;
        let snapshot = self.snapshot().await?;
        Ok(group_view(group, Judged { facts, own_facts: true }, &snapshot, self.devices()))
    }

    /// As `repository`, with each verdict from the headers of its own files.
    pub async fn repository_checked(
        &self,
        text: &str,
        source: Option<SourceKind>,
    ) -> Result<RepositoryView, ErrorView> {
        let mut view = self.repository(text, source).await?;
        let checks: Vec<_> = view
            .groups
            .iter()
            .filter(|group| !group.own_facts)
            .map(|group| self.repository_check(&view.repo, view.source, &group.name))
            .collect();
        let checked: Vec<FileGroupView> =
            futures_util::stream::iter(checks).buffer_unordered(CHECKS).try_collect().await?;
        for one in checked {
            if let Some(group) = view.groups.iter_mut().find(|group| group.name == one.name) {
                *group = one;
            }
        }
        Ok(view)
    }

    /// Starts the download of one precision. It is refused before a byte of weights is fetched where a start
    /// of the model would be. `group` is a name of the view; `None` is what the text names.
    pub async fn repository_download(
        &self,
        text: &str,
        source: Option<SourceKind>,
        group: Option<&str>,
    ) -> Result<DownloadView, ErrorView> {
        let open = self.open_repository(text, source).await?;
        let chosen = match open.matching(group)?[..] {
            [one] => one,
            ref several => return Err(open.several(several)),
        };
        open.remote.facts(chosen).await?;
        let files = RepositoryFiles {
            folder: folder(&open.reference.repo, &chosen.name),
            files: chosen.files.iter().map(|file| file.path.clone()).collect(),
            size: chosen.size,
        };
        self.download_repository(&open.reference.repo, &chosen.name, open.source, files).await
    }

    async fn open_repository(
        &self,
        text: &str,
        source: Option<SourceKind>,
    ) -> Result<OpenRepository, ErrorView> {
        let settings = self.settings_now();
        let sources =
            [SourceKind::HuggingFace, SourceKind::ModelScope].map(|kind| self.configured(&settings, kind));
        let reference = Reference::parse(text, &sources).map_err(|error| {
            ErrorView::new(ErrorCode::RepositoryUnclear, format!("find the repository: {error}"))
                .with("text", text.chars().filter(|letter| !letter.is_control()).collect::<String>())
        })?;
        let named = reference.source.map(|kind| match kind {
            hub::SourceKind::HuggingFace => SourceKind::HuggingFace,
            hub::SourceKind::ModelScope => SourceKind::ModelScope,
        });
        let kind = named.or(source).unwrap_or(settings.source);
        let (hub, source) = (self.hub().await?, self.configured(&settings, kind));
        let repository = hub.repository(&source, &reference.repo).await.map_err(|error| hub_error(&error))?;
        let groups = FileGroups::of(&repository.listing.files);
        let home = self.paths.home_dir.clone();
        let local = blocking("look for files of other programs", move || Ok(LocalFiles::scan(home))).await?;
        let remote = Remote {
            hub,
            source,
            repo: reference.repo.clone(),
            revision: repository.listing.revision,
            data_dir: self.paths.data_dir.clone(),
            local: Arc::new(local),
            header_lengths: Mutex::default(),
        };
        Ok(OpenRepository { reference, source: kind, remote, terms: repository.terms, groups })
    }
}

fn group_view(
    group: &FileGroup,
    Judged { facts, own_facts }: Judged,
    snapshot: &::hardware::Snapshot,
    devices: Devices,
) -> FileGroupView {
    let known = facts.as_ref().ok();
    let precision = group.precision.clone().or_else(|| known.map(|facts| facts.precision.clone()));
    FileGroupView {
        name: group.name.clone(),
        precision: precision.unwrap_or_default(),
        size: group.size as f64,
        files: group.files.len() as u32,
        architecture: known.map(|facts| facts.architecture.clone()),
        params_total: known.map(|facts| facts.params_total as f64),
        context_max: known.map(|facts| facts.context_max),
        fit: known.map(|facts| fit_view(&fit_of(facts, snapshot, devices))),
        problem: facts.err(),
        own_facts,
    }
}

/// The folder of a group of files. No name of an owner or a repository has an `@`, so no two share one.
fn folder(repo: &str, group: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    format!("{}@{}", repo.replace('/', "@"), group.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_name_that_no_other_group_has() {
        let check = |repo: &str, group: &str, expected: &str| {
            assert_eq!(folder(repo, group), expected);
            assert!(hub::check_path(&folder(repo, group)).is_ok() && !folder(repo, group).contains('/'));
        };
        check("unsloth/R1-GGUF", "UD-Q4_K_XL", "unsloth@R1-GGUF@UD-Q4_K_XL");
        check("a/b", "../x:y", "a@b@..-x-y");
        check("a--b/c", "Q8_0", "a--b@c@Q8_0");
    }
}
