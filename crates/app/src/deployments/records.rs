//! The list of deployments: what runs on which host, so that it is found again after the app ended or
//! crashed. It is read at each use, because the window and the command line share it.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use deploy::remote::Record;

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "deployments.json", field: "deployments", name: "deployments" },
    unreadable: ErrorCode::DeploymentsUnreadable,
};

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

    /// Finds a deployment by its id, or by its name if the name is unique.
    pub(crate) fn find(&self, id: &str) -> Result<Record, ErrorView> {
        let all = self.all()?;
        let mut named = all.iter().filter(|record| record.name == id);
        let by_name = named.next().filter(|_| named.next().is_none());
        let found = all.iter().find(|record| record.id == id).or(by_name).cloned();
        found.ok_or_else(|| missing(id))
    }

    pub(crate) fn add(&self, record: Record) -> Result<(), ErrorView> {
        self.0.change(|records| records.push(record))
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), ErrorView> {
        self.0.change(|records| records.retain(|record| record.id != id))
    }

    /// Does nothing for a deployment that was removed meanwhile.
    pub(crate) fn update(&self, record: Record) -> Result<(), ErrorView> {
        self.0.change(|records| {
            if let Some(known) = records.iter_mut().find(|known| known.id == record.id) {
                *known = record;
            }
        })
    }
}

pub(crate) fn missing(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::DeploymentNotFound, "find the deployment").with("deployment", id)
}

#[cfg(test)]
pub(super) mod tests {
    use deploy::remote::{Exposure, Host, Node, Process};

    use super::*;

    pub(crate) fn record(id: &str, name: &str) -> Record {
        let node = Node { host: Host::Ssh("gpu1".into()), script: "exec x\n".into(), process: None };
        Record {
            id: id.into(),
            name: name.into(),
            engine: "vllm".into(),
            model_id: "m".into(),
            engine_version: None,
            requires_key: false,
            key: None,
            model_name: "M".into(),
            precision: "FP8".into(),
            context: 4096,
            sequences: 4,
            gpus: "8xH100-80G".into(),
            port: 8000,
            health: "/health".into(),
            exposure: Exposure::Private,
            setup: String::new(),
            leader: "10.0.0.1".into(),
            nodes: vec![node],
            created_at: "2026-11-25T00:00:00Z".into(),
        }
    }

    #[test]
    fn what_was_started_is_read_again_and_a_strange_file_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (records, _) = Records::open(folder.path());
        let mut one = record("1", "R1");
        records.add(one.clone()).expect("is written");
        records.add(record("2", "twice")).expect("is written");
        records.add(record("3", "twice")).expect("is written");
        one.nodes[0].process = Some(Process { pid: 7, start_ticks: 8, boot_id: "b".into() });
        records.update(one.clone()).expect("is written");
        records.update(record("gone", "x")).expect("changes nothing");
        let (again, problem) = Records::open(folder.path());
        assert_eq!((again.find("1"), again.find("R1"), problem), (Ok(one.clone()), Ok(one), None));
        assert_eq!(again.find("twice").expect_err("two have it").code, ErrorCode::DeploymentNotFound);
        assert_eq!(again.all().expect("reads").len(), 3);

        let text = std::fs::read_to_string(folder.path().join(KIND.list.file)).expect("reads");
        std::fs::write(folder.path().join(KIND.list.file), text.replace("\"version\": 1", "\"version\": 9"))
            .expect("writes");
        let (empty, problem) = Records::open(folder.path());
        assert_eq!(problem.expect("an error").code, ErrorCode::DeploymentsUnreadable);
        assert_eq!(empty.all().expect("reads"), []);
    }
}
