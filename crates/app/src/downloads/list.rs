//! The list of unfinished downloads on the disk, so that they are offered again after a restart.
//! It does not know how far each one is: that is read off the parts themselves.
use std::path::Path;

use contract::{ErrorCode, ErrorView, SourceKind};
use serde::{Deserialize, Serialize};

use crate::list_file::{Kind, ListFile};

static KIND: Kind = Kind {
    file: "downloads.json",
    field: "downloads",
    name: "downloads",
    unreadable: ErrorCode::DownloadsUnreadable,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub model_id: String,
    pub variant_id: String,
    pub source: SourceKind,
}

pub(super) struct List(ListFile<Wanted>);

impl List {
    /// As [`ListFile::open`]. What a list lost is not lost: the bytes are found when the download is started again.
    pub fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    pub fn read(&self) -> Vec<Wanted> {
        // Said at the start, by `open`.
        self.0.all().unwrap_or_default()
    }

    /// Writes the list whole. A full disk leaves the old one, which at worst offers a finished download again.
    pub fn write(&self, downloads: Vec<Wanted>) {
        if let Err(error) = self.0.change(|all| *all = downloads) {
            tracing::warn!(%error, "the list of downloads was not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || List::open(folder.path());
        let (list, problem) = open();
        assert_eq!((list.read(), problem), (vec![], None));
        let wanted = Wanted {
            model_id: "deepseek-r1".into(),
            variant_id: "fp8".into(),
            source: SourceKind::ModelScope,
        };
        list.write(vec![wanted.clone()]);
        assert_eq!(open().0.read(), std::slice::from_ref(&wanted));
        let path = folder.path().join(KIND.file);
        let text = std::fs::read_to_string(&path).expect("reads");
        let one_odd = text.replace("\"downloads\": [", "\"downloads\": [{\"model_id\": 7},");
        std::fs::write(&path, one_odd).expect("is written");
        let (list, problem) = open();
        assert_eq!(problem.expect("is said").code, ErrorCode::DownloadsUnreadable);
        assert_eq!(list.read(), [wanted], "the other entry stays");
        for damaged in ["{", r#"{"version": 7, "downloads": []}"#] {
            std::fs::write(&path, damaged).expect("is written");
            let (list, problem) = open();
            assert_eq!(problem.expect("is said").code, ErrorCode::DownloadsUnreadable);
            assert_eq!(list.read(), []);
        }
    }
}
