//! The file of deployments: what was started where, so that it is found again after the app ended, however that happened.
//! Read at each use, because the window and the command line share it.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use contract::{ErrorCode, ErrorView};
use deploy::run::Record;
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;
use crate::files;

const FILE: &str = "deployments.json";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    deployments: Vec<Record>,
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
        if problem.code != ErrorCode::DeploymentsUnreadable {
            return Err(problem);
        }
        let aside = files::set_aside(&list.file)
            .map_err(|error| storage_error("keep the old list of deployments", &list.file, &error))?;
        Ok((list, Some(problem.with("path", aside.display()))))
    }

    pub(crate) fn all(&self) -> Result<Vec<Record>, ErrorView> {
        let unreadable = |why: String| {
            let message = format!("read the list of deployments: {why}");
            ErrorView::new(ErrorCode::DeploymentsUnreadable, message).with("path", self.file.display())
        };
        let text = match std::fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(storage_error("read the list of deployments", &self.file, &error)),
        };
        let list: List = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if list.version != VERSION {
            return Err(unreadable(format!("version {} is not known", list.version)));
        }
        Ok(list.deployments)
    }

    /// By its id, or by its name where only one has it.
    pub(crate) fn find(&self, id: &str) -> Result<Record, ErrorView> {
        let all = self.all()?;
        let mut named = all.iter().filter(|record| record.name == id);
        let by_name = named.next().filter(|_| named.next().is_none());
        let found = all.iter().find(|record| record.id == id).or(by_name).cloned();
        found.ok_or_else(|| missing(id))
    }

    pub(crate) fn add(&self, record: Record) -> Result<(), ErrorView> {
        self.change(|records| records.push(record))
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), ErrorView> {
        self.change(|records| records.retain(|record| record.id != id))
    }

    /// Of one that was removed meanwhile, nothing is kept.
    pub(crate) fn update(&self, record: Record) -> Result<(), ErrorView> {
        self.change(|records| {
            if let Some(known) = records.iter_mut().find(|known| known.id == record.id) {
                *known = record;
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Record>)) -> Result<(), ErrorView> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut deployments = self.all()?;
        change(&mut deployments);
        let text = serde_json::to_vec_pretty(&List { version: VERSION, deployments })
            .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
        files::replace(&self.file, &text)
            .map_err(|error| storage_error("write the list of deployments", &self.file, &error))
    }
}

pub(crate) fn missing(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::DeploymentNotFound, "find the deployment").with("deployment", id)
}

#[cfg(test)]
mod tests {
    use deploy::run::{Machine, Node, Process, Reach};

    use super::*;

    fn record(id: &str, name: &str) -> Record {
        let node = Node { machine: Machine::Ssh("gpu1".into()), script: "exec x\n".into(), process: None };
        Record {
            id: id.into(),
            name: name.into(),
            engine: "vllm".into(),
            model_id: "m".into(),
            model_name: "M".into(),
            precision: "FP8".into(),
            context: 4096,
            sequences: 4,
            cards: "8xH100-80G".into(),
            port: 8000,
            health: "/health".into(),
            reach: Reach::Private,
            first: String::new(),
            leader: "10.0.0.1".into(),
            nodes: vec![node],
            created_at: "2026-11-25T00:00:00Z".into(),
        }
    }

    #[test]
    fn what_was_started_is_read_again_and_a_strange_file_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (records, _) = Records::open(folder.path()).expect("opens");
        let mut one = record("1", "R1");
        records.add(one.clone()).expect("is written");
        records.add(record("2", "twice")).expect("is written");
        records.add(record("3", "twice")).expect("is written");
        one.nodes[0].process = Some(Process { pid: 7, started: 8, boot: "b".into() });
        records.update(one.clone()).expect("is written");
        records.update(record("gone", "x")).expect("changes nothing");
        let (again, problem) = Records::open(folder.path()).expect("opens");
        assert_eq!((again.find("1"), again.find("R1"), problem), (Ok(one.clone()), Ok(one), None));
        assert_eq!(again.find("twice").expect_err("two have it").code, ErrorCode::DeploymentNotFound);
        assert_eq!(again.all().expect("reads").len(), 3);

        let text = std::fs::read_to_string(folder.path().join(FILE)).expect("reads");
        std::fs::write(folder.path().join(FILE), text.replace("\"version\": 1", "\"version\": 9"))
            .expect("writes");
        let (empty, problem) = Records::open(folder.path()).expect("opens");
        assert_eq!(problem.expect("is told").code, ErrorCode::DeploymentsUnreadable);
        assert_eq!(empty.all().expect("reads"), []);
    }
}
