//! The list of prompts in the data folder, and which examples are hidden. It is read at each use, because the
//! window and the command line share it.
use std::path::Path;

use contract::{ErrorCode, ErrorView};
use serde::{Deserialize, Serialize};

use crate::list_file::{ListFile, ListKind};

static KIND: ListKind = ListKind {
    list: store::ListKind { file: "prompts.json", field: "prompts", name: "prompts" },
    unreadable: ErrorCode::PromptsUnreadable,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record {
    Prompt {
        id: String,
        name: String,
        text: String,
    },
    /// An example that is not shown.
    Hidden {
        id: String,
    },
}

impl Record {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Prompt { id, .. } | Self::Hidden { id } => id,
        }
    }
}

pub(crate) struct Prompts(ListFile<Record>);

impl Prompts {
    /// As [`ListFile::open`].
    pub(crate) fn open(data_dir: &Path) -> (Self, Option<ErrorView>) {
        let (list, problem) = ListFile::open(data_dir, &KIND);
        (Self(list), problem)
    }

    pub(crate) fn all(&self) -> Result<Vec<Record>, ErrorView> {
        self.0.all()
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Record>) -> T) -> Result<T, ErrorView> {
        self.0.change(change)
    }
}
