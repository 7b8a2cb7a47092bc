//! The list of cloud services that were added: everything about them but their keys. Read at each use, because the window
//! and the command line share it.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use contract::{ErrorCode, ErrorView, KeyPlace};
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;
use crate::files;

const FILE: &str = "endpoints.json";
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub id: String,
    pub provider_id: String,
    pub name: String,
    pub address: String,
    /// Under which its key is kept.
    pub key_id: String,
    pub key_place: KeyPlace,
    /// Models that the person named, and those that the service listed last.
    pub named: Vec<String>,
    pub listed: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    endpoints: Vec<Record>,
}

pub(crate) struct Records {
    file: PathBuf,
    writing: Mutex<()>,
}

impl Records {
    /// A list that cannot be read is moved aside, and the problem is told beside the empty one.
    pub(crate) fn open(data_dir: &Path) -> Result<(Self, Option<ErrorView>), ErrorView> {
        let list = Self { file: data_dir.join(FILE), writing: Mutex::default() };
        let Err(problem) = list.all() else { return Ok((list, None)) };
        if problem.code != ErrorCode::EndpointsUnreadable {
            return Err(problem);
        }
        let aside = files::set_aside(&list.file)
            .map_err(|error| storage_error("keep the old list of cloud services", &list.file, &error))?;
        Ok((list, Some(problem.with("path", aside.display()))))
    }

    pub(crate) fn all(&self) -> Result<Vec<Record>, ErrorView> {
        let unreadable = |why: String| {
            let message = format!("read the list of cloud services: {why}");
            ErrorView::new(ErrorCode::EndpointsUnreadable, message).with("path", self.file.display())
        };
        let text = match std::fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(storage_error("read the list of cloud services", &self.file, &error)),
        };
        let list: List = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if list.version != VERSION {
            return Err(unreadable(format!("version {} is not known", list.version)));
        }
        Ok(list.endpoints)
    }

    pub(crate) fn find(&self, id: &str) -> Result<Record, ErrorView> {
        let missing =
            || ErrorView::new(ErrorCode::EndpointNotFound, "find the cloud service").with("endpoint", id);
        self.all()?.into_iter().find(|record| record.id == id).ok_or_else(missing)
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Record>) -> T) -> Result<T, ErrorView> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut endpoints = self.all()?;
        let changed = change(&mut endpoints);
        let text = serde_json::to_vec_pretty(&List { version: VERSION, endpoints })
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        files::replace(&self.file, &text)
            .map_err(|error| storage_error("write the list of cloud services", &self.file, &error))?;
        Ok(changed)
    }
}

/// From the name, in letters that are easy to type, with a number when it is taken.
pub(crate) fn free_id(records: &[Record], name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let base = if words.is_empty() { "cloud".to_owned() } else { words.join("-") };
    let taken = |id: &str| records.iter().any(|record| record.id == id);
    let numbered = (2u32..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base)
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
        std::fs::write(folder.path().join(FILE), "{\"version\":9,\"endpoints\":[]}").expect("is written");
        let (list, problem) = Records::open(folder.path()).expect("opens");
        let problem = problem.expect("is told");
        assert_eq!(problem.code, ErrorCode::EndpointsUnreadable);
        assert!(std::fs::read_to_string(&problem.detail["path"]).expect("was kept").contains('9'));
        assert_eq!(list.all().expect("is empty now"), []);
    }
}
