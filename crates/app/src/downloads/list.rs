//! The list of unfinished downloads on the disk, which are offered again after a restart.
//! It does not store the progress, which is read from the partial files.
use std::path::Path;

use contract::{ErrorCode, ErrorView, SourceKind};
use serde::{Deserialize, Serialize};

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "downloads.json", field: "downloads", name: "downloads" },
    unreadable: ErrorCode::DownloadsUnreadable,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct UnfinishedDownload {
    /// The id in the catalogue; `owner/name` of a repository that is downloaded by its name.
    pub model_id: String,
    pub variant_id: String,
    pub source: SourceKind,
    /// `None` for a model of the catalogue, which has its files there.
    #[serde(default)]
    pub repository: Option<RepositoryFiles>,
}

/// What is downloaded of a repository outside the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RepositoryFiles {
    /// The name of the folder in the folder of models.
    pub folder: String,
    /// Paths in the repository.
    pub files: Vec<String>,
    /// Bytes.
    pub size: u64,
}

pub(super) struct UnfinishedList(ListFile<UnfinishedDownload>);

impl UnfinishedList {
    /// As [`ListFile::open`]. A lost entry costs no bytes: they are found when the download is started again.
    pub fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    pub fn read(&self) -> Vec<UnfinishedDownload> {
        // `open` returned its error at the start.
        self.0.all().unwrap_or_default()
    }

    /// Replaces the list. A full disk leaves the old list, which at worst offers a finished download again.
    pub fn write(&self, downloads: Vec<UnfinishedDownload>) {
        if let Err(error) = self.0.change(|all| *all = downloads) {
            tracing::warn!(%error, "failed to write the list of downloads");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || UnfinishedList::open(folder.path());
        let (list, problem) = open();
        assert_eq!((list.read(), problem), (vec![], None));
        let download = UnfinishedDownload {
            model_id: "deepseek-r1".into(),
            variant_id: "fp8".into(),
            source: SourceKind::ModelScope,
            repository: None,
        };
        list.write(vec![download.clone()]);
        assert_eq!(open().0.read(), std::slice::from_ref(&download));
        let path = folder.path().join(KIND.list.file);
        let text = std::fs::read_to_string(&path).expect("reads");
        let one_odd = text.replace("\"downloads\": [", "\"downloads\": [{\"model_id\": 7},");
        std::fs::write(&path, one_odd).expect("is written");
        let (list, problem) = open();
        assert_eq!(problem.expect("an error").code, ErrorCode::DownloadsUnreadable);
        assert_eq!(list.read(), [download], "the other entry stays");
        for damaged in ["{", r#"{"version": 7, "downloads": []}"#] {
            std::fs::write(&path, damaged).expect("is written");
            let (list, problem) = open();
            assert_eq!(problem.expect("an error").code, ErrorCode::DownloadsUnreadable);
            assert_eq!(list.read(), []);
        }
    }
}
