//! Every use case as a plain async function; the only crate that sees every domain. Hosts call these and show the
//! views of the contract. Knows no window, no terminal and no web view.

mod answer;
mod backups;
mod chats;
mod chats_file;
mod cloud;
mod compare;
mod context;
mod convert;
mod copies;
mod deployments;
mod downloads;
mod files;
mod hardware;
mod host;
mod imports;
pub mod lang;
mod list_file;
mod model_ref;
mod models;
mod open;
mod paths;
mod pictures;
mod plan_words;
mod plans;
mod precisions;
mod repetition;
mod rights;
mod save;
mod settings;
mod sharing;
mod sizing;
mod snippet;
#[cfg(test)]
mod test_app;
pub mod words;
mod worker;

pub use answer::OnAnswer;
pub use cloud::Keeping;
pub use compare::OnCompare;
pub use host::Host;
pub use open::App;
pub(crate) use open::SETTINGS_FILE;
pub use paths::{Paths, find_paths};
pub use plan_words::plan_words;
pub use plans::{cards_csv, plan_for};
pub use save::save_text;
pub use sizing::sizing_wanted;

/// Names that files which are being split still use.
mod answers {
    pub(crate) use crate::answer::RunningAnswers as Running;
}
mod ask {
    pub(crate) use crate::answer::{PromptMessage as Said, prompt_messages as told};
}
mod reply {
    pub(crate) use crate::answer::{role_name as role_key, thinking_param as thinks};
}
mod recorder {
    pub(crate) use crate::answer::AnswerText as Text;
}
