//! What the tests of the history share: the settings of a chat, messages, and a writer that is killed.
//! Each test has a history of its own in a temporary folder.
#![allow(dead_code, reason = "every test program uses a part of it")]
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use history::{ChatSettings, History, NewMessage, Role, State};

/// Where the writer finds the path of its history.
pub const FILE: &str = "WHALEDECK_TEST_HISTORY";

pub fn settings() -> ChatSettings {
    ChatSettings {
        model_id: "guide".into(),
        preset_id: "factual".into(),
        sampling: "{\"temperature\":0.3}".into(),
        system_prompt: String::new(),
    }
}

pub fn add(history: &History, chat: &str, parent: Option<&str>, role: Role, text: &str) -> String {
    let new = NewMessage {
        chat_id: chat,
        parent_id: parent,
        role,
        text,
        state: State::Done,
        images: &[],
        documents: &[],
    };
    history.message_add(&new).expect("is added").id
}

/// An answer that is being written.
pub fn begin_answer(history: &History, chat: &str, parent: Option<&str>) -> String {
    let new = NewMessage {
        chat_id: chat,
        parent_id: parent,
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        images: &[],
        documents: &[],
    };
    history.message_add(&new).expect("is added").id
}

/// Starts the test `writer` of the calling program in a process of its own, and returns what it prints.
pub fn start_writer(path: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut writer = Command::new(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", "writer", "--ignored", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test starts itself");
    let lines = BufReader::new(writer.stdout.take().expect("is piped")).lines();
    (writer, lines)
}
