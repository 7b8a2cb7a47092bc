//! The list of tool servers as it is stored, the built-in tools among them. Values of variables and headers
//! are not in it: the secret store has them, as one JSON object per server.
use std::collections::BTreeMap;
use std::path::Path;

use contract::{BUILT_IN_TOOLS, ErrorCode, ErrorView, KeyPlace, ToolPermission, WebSearchService};
use serde::{Deserialize, Serialize};
use tools::ToolDescription;

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "tools.json", field: "servers", name: "tool servers" },
    unreadable: ErrorCode::ToolListUnreadable,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub id: String,
    pub name: String,
    pub on: bool,
    /// `None` for the built-in tools.
    pub transport: Option<StoredTransport>,
    /// The id of its values in the secret store.
    pub secrets_id: String,
    pub secrets_place: KeyPlace,
    /// By tool; absent is `ask`.
    #[serde(default)]
    pub permissions: BTreeMap<String, ToolPermission>,
    /// As the server last listed them.
    #[serde(default)]
    pub tools: Vec<StoredTool>,
    /// Of the built-in tools.
    #[serde(default)]
    pub search: Option<StoredSearch>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum StoredTransport {
    Stdio { command: String, args: Vec<String>, folder: String, env: Vec<String> },
    Http { url: String, headers: Vec<String> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredTool {
    pub name: String,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub description: String,
    pub schema: serde_json::Value,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredSearch {
    pub service: WebSearchService,
    pub address: String,
}

impl From<ToolDescription> for StoredTool {
    fn from(tool: ToolDescription) -> Self {
        let ToolDescription { name, title, description, schema, read_only } = tool;
        Self { name, title, description, schema, read_only }
    }
}

impl Record {
    fn built_in() -> Self {
        Self {
            id: BUILT_IN_TOOLS.to_owned(),
            name: String::new(),
            on: false,
            transport: None,
            secrets_id: String::new(),
            secrets_place: KeyPlace::Nowhere,
            permissions: BTreeMap::new(),
            tools: Vec::new(),
            search: None,
        }
    }

    pub(super) fn is_built_in(&self) -> bool {
        self.transport.is_none()
    }

    pub(super) fn permission(&self, tool: &str) -> ToolPermission {
        self.permissions.get(tool).copied().unwrap_or_default()
    }
}

pub(super) struct Records(ListFile<Record>);

impl Records {
    /// As [`ListFile::open`].
    pub(super) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    /// The built-in tools first, whether they were ever changed or not.
    pub(super) fn all(&self) -> Result<Vec<Record>, ErrorView> {
        let mut records = self.0.all()?;
        with_built_in(&mut records);
        Ok(records)
    }

    pub(super) fn find(&self, id: &str) -> Result<Record, ErrorView> {
        self.all()?.into_iter().find(|record| record.id == id).ok_or_else(|| not_found(id))
    }

    /// Changes one record and returns it as it is now.
    pub(super) fn update(&self, id: &str, change: impl FnOnce(&mut Record)) -> Result<Record, ErrorView> {
        let changed = self.0.change(|records| {
            with_built_in(records);
            let record = records.iter_mut().find(|record| record.id == id)?;
            change(record);
            Some(record.clone())
        })?;
        changed.ok_or_else(|| not_found(id))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Vec<Record>) -> T) -> Result<T, ErrorView> {
        self.0.change(change)
    }
}

fn with_built_in(records: &mut Vec<Record>) {
    let at = records.iter().position(|record| record.id == BUILT_IN_TOOLS);
    let built_in = at.map_or_else(Record::built_in, |at| records.remove(at));
    let tools = tools::built_in_tools().into_iter().map(StoredTool::from).collect();
    records.insert(0, Record { tools, transport: None, ..built_in });
}

fn not_found(id: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ToolServerNotFound, "find the tool server").with("id", id)
}
