//! Repositories outside the catalogue as use cases: search them, look at one with a verdict for each
//! precision, and download one. What a file's header says is read by `remote`.
mod headers_folder;
mod remote;
mod verdicts;

use contract::{
    DownloadView, ErrorCode, ErrorView, FileGroupView, RepositoryHitView, RepositoryView, SourceKind,
};
use hub::{FileGroup, FileGroups, Reference, SearchHit, Terms};

use crate::App;
use crate::convert::{fit_view, invalid};
use crate::downloads::{RepositoryFiles, configured, hub_error};
use crate::imports::fit_of;
use remote::Remote;
use verdicts::{Judged, judge};

/// Repositories of one search.
const HITS: u32 = 20;

/// A repository that a text names, as its source lists it now.
struct OpenRepository {
    reference: Reference,
    source: SourceKind,
    remote: Remote,
    terms: Terms,
    groups: FileGroups,
}

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
        let hits = hub.search(&configured(&settings, kind), text, HITS).await;
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
    /// one, else that of the settings.
    pub async fn repository(
        &self,
        text: &str,
        source: Option<SourceKind>,
    ) -> Result<RepositoryView, ErrorView> {
        let open = self.open_repository(text, source).await?;
        let groups = open.matching(None)?;
        let (snapshot, devices) = (self.snapshot().await?, self.devices());
        let judged = judge(&open.remote, &groups).await;
        let view = |(group, Judged { facts, own_facts }): (&&FileGroup, Judged)| {
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
                fit: known.map(|facts| fit_view(&fit_of(facts, &snapshot, devices))),
                problem: facts.err(),
                own_facts,
            }
        };
        Ok(RepositoryView {
            repo: open.reference.repo.clone(),
            source: open.source,
            licence: open.terms.licence.clone(),
            gated: open.terms.gated,
            groups: groups.iter().zip(judged).map(view).collect(),
            projectors: open.groups.projectors.iter().map(|file| file.path.clone()).collect(),
        })
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
            [SourceKind::HuggingFace, SourceKind::ModelScope].map(|kind| configured(&settings, kind));
        let reference = Reference::parse(text, &sources).map_err(|error| {
            ErrorView::new(ErrorCode::RepositoryUnclear, format!("find the repository: {error}"))
                .with("text", text.chars().filter(|letter| !letter.is_control()).collect::<String>())
        })?;
        let named = reference.source.map(|kind| match kind {
            hub::SourceKind::HuggingFace => SourceKind::HuggingFace,
            hub::SourceKind::ModelScope => SourceKind::ModelScope,
        });
        let kind = named.or(source).unwrap_or(settings.source);
        let (hub, source) = (self.hub().await?, configured(&settings, kind));
        let repository = hub.repository(&source, &reference.repo).await.map_err(|error| hub_error(&error))?;
        let groups = FileGroups::of(&repository.listing.files);
        let remote = Remote {
            hub,
            source,
            repo: reference.repo.clone(),
            revision: repository.listing.revision,
            data_dir: self.paths.data_dir.clone(),
        };
        Ok(OpenRepository { reference, source: kind, remote, terms: repository.terms, groups })
    }
}

impl OpenRepository {
    /// The groups that the text and a name leave; at least one.
    fn matching(&self, group: Option<&str>) -> Result<Vec<&FileGroup>, ErrorView> {
        let named = |one: &&FileGroup| group.is_none_or(|name| one.name.eq_ignore_ascii_case(name));
        let left: Vec<&FileGroup> = self.groups.matching(&self.reference).into_iter().filter(named).collect();
        if !left.is_empty() {
            return Ok(left);
        }
        let all: Vec<&FileGroup> = self.groups.groups.iter().collect();
        if all.is_empty() {
            let message =
                "find a model in the repository: it has neither GGUF nor safetensors with config.json";
            return Err(ErrorView::new(ErrorCode::NotAModel, message).with("path", &self.reference.repo));
        }
        Err(self.choice(ErrorCode::PrecisionUnknown, "find the precision in the repository", &all))
    }

    fn several(&self, groups: &[&FileGroup]) -> ErrorView {
        self.choice(ErrorCode::PrecisionNeeded, "choose a precision of the repository", groups)
    }

    fn choice(&self, code: ErrorCode, message: &str, groups: &[&FileGroup]) -> ErrorView {
        let names: Vec<&str> = groups.iter().map(|group| &*group.name).collect();
        // The middle of the sizes is a better example than the smallest.
        let example = names[names.len() / 2];
        ErrorView::new(code, message)
            .with("repo", &self.reference.repo)
            .with("allowed", names.join(", "))
            .with("example", format!("{}:{example}", self.reference.repo))
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
