//! For unit tests: an app whose files are all in one folder, with a host that drops every event. No worker
//! and no built-in model are there.
use std::path::Path;
use std::sync::Arc;

use crate::{App, Host, Paths};

struct NoHost;

impl Host for NoHost {
    fn emit(&self, _: contract::AppEvent) {}
}

pub(crate) fn paths(folder: &Path) -> Paths {
    Paths {
        data_dir: folder.to_owned(),
        models_dir: folder.join("models"),
        engine_binary: folder.join("whaledeck-engine"),
        guide_dir: folder.join("guide"),
        home_dir: None,
    }
}

pub(crate) async fn open(folder: &Path) -> App {
    App::open(paths(folder), Arc::new(NoHost)).await.expect("opens")
}

/// A message of no chat.
pub(crate) fn message_view(role: contract::Role, text: &str) -> contract::MessageView {
    contract::MessageView {
        id: String::new(),
        parent_id: None,
        role,
        text: text.to_owned(),
        pictures: Vec::new(),
        documents: Vec::new(),
        passages: Vec::new(),
        calls: Vec::new(),
        boxes: Vec::new(),
        reasoning: String::new(),
        thinking_seconds: None,
        state: contract::MessageState::Done,
        error: None,
        stats: None,
        siblings: Vec::new(),
        created_at: String::new(),
    }
}

/// A call that has ended with an empty result.
pub(crate) fn tool_call(id: &str) -> contract::ToolCallView {
    contract::ToolCallView {
        id: id.to_owned(),
        text_before: 0,
        reasoning_before: 0,
        round: 0,
        function: "look".into(),
        server_id: "files".into(),
        server: "Files".into(),
        tool: "look".into(),
        arguments: "{}".into(),
        edited: false,
        state: contract::ToolCallState::Done,
        result: String::new(),
        read_chars: 0,
        result_chars: 0,
        error: None,
        ms: None,
    }
}
