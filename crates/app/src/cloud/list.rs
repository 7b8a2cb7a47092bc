//! The list of cloud services that were added, without their keys. It is read at each use, because the window
//! and the command line share it.
use std::path::Path;

use contract::{ErrorCode, ErrorView, KeyPlace};
use serde::{Deserialize, Serialize};

use crate::list_file::{self, ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "endpoints.json", field: "endpoints", name: "cloud services" },
    unreadable: ErrorCode::EndpointsUnreadable,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub id: String,
    pub provider_id: String,
    pub name: String,
    pub address: String,
    /// The id of its key in the secret store.
    pub key_id: String,
    pub key_place: KeyPlace,
    /// Models that the user named, and those that the service listed last.
    pub named: Vec<String>,
    pub listed: Vec<String>,
}

pub(crate) struct Records(ListFile<Record>);

impl Records {
    /// As [`ListFile::open`].
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    pub(crate) fn all(&self) -> Result<Vec<Record>, ErrorView> {
        self.0.all()
    }

    pub(crate) fn find(&self, id: &str) -> Result<Record, ErrorView> {
        let missing =
            || ErrorView::new(ErrorCode::EndpointNotFound, "find the cloud service").with("endpoint", id);
        self.all()?.into_iter().find(|record| record.id == id).ok_or_else(missing)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Record>) -> T) -> Result<T, ErrorView> {
        self.0.change(change)
    }
}

/// An id made of the name, with a number when it is taken.
pub(crate) fn free_id(records: &[Record], name: &str) -> String {
    list_file::free_id(name, "cloud", |id| records.iter().any(|record| record.id == id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_and_never_taken_twice() {
        let record = |id: &str| Record {
            id: id.into(),
            provider_id: "custom".into(),
            name: String::new(),
            address: String::new(),
            key_id: String::new(),
            key_place: KeyPlace::Nowhere,
            named: Vec::new(),
            listed: Vec::new(),
        };
        assert_eq!(free_id(&[], "Azure AI Foundry"), "azure-ai-foundry");
        assert_eq!(free_id(&[record("deepseek")], "DeepSeek"), "deepseek-2");
        assert_eq!(free_id(&[], "云"), "cloud");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_kept_and_told() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(KIND.list.file), "{\"version\":9,\"endpoints\":[]}")
            .expect("is written");
        let (list, problem) = Records::open(folder.path());
        let problem = problem.expect("an error");
        assert_eq!(problem.code, ErrorCode::EndpointsUnreadable);
        assert!(std::fs::read_to_string(&problem.detail["path"]).expect("was kept").contains('9'));
        assert_eq!(list.all().expect("is empty now"), []);
    }
}
