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

/// A chat with a selected branch.
pub(crate) fn chat_view(title: &str, messages: Vec<contract::MessageView>) -> contract::ChatView {
    contract::ChatView {
        id: "c".into(),
        title: title.to_owned(),
        model_id: "guide".into(),
        preset_id: String::new(),
        sampling: contract::SamplingView::default(),
        system_prompt: String::new(),
        context_start: None,
        folder_id: None,
        temporary: false,
        messages,
    }
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

pub(crate) fn picture_view(kind: &str, width: u32, height: u32) -> contract::PictureView {
    contract::PictureView { id: String::new(), kind: kind.into(), width, height, size: 0.0 }
}

/// A chat whose texts try to be markup, are broken, or are no text at all.
pub(crate) fn hostile_chat() -> contract::ChatView {
    use contract::Role::{Assistant, User};
    let markup =
        "<script>alert(1)</script> ]]> <!-- <![CDATA[ &amp; \0\u{1}\u{b}\u{1b}\u{ffff} \"' </style><script>";
    let broken =
        "```\nno end <b>\n~~~\n| a |\n|---|---|\n[x](<javascript:alert(1)>) ![y](data:text/html,z)\n$\\frac{";
    let image = "<img src=x onerror=alert(2)>\n\n<a href=\"javascript:alert(3)\">a</a>\n\n&lt;script&gt;";
    let call = contract::ToolCallView {
        server: markup.into(),
        arguments: "{\"a\": \"</pre><script>\"}".into(),
        result: markup.into(),
        ..tool_call("one")
    };
    let messages = vec![
        message_view(User, markup),
        contract::MessageView { calls: vec![call], ..message_view(Assistant, markup) },
        message_view(User, &"x".repeat(1 << 20)),
        message_view(Assistant, &format!("{}\n\n{image}", "x".repeat(1 << 20))),
        contract::MessageView { reasoning: broken.into(), ..message_view(Assistant, broken) },
        message_view(Assistant, &"> - ".repeat(2_000)),
        message_view(Assistant, &format!("| {} |\n|{}\n| b |", "a | ".repeat(200), "---|".repeat(201))),
    ];
    contract::ChatView { system_prompt: markup.into(), ..chat_view(markup, messages) }
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
