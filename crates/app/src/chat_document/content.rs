//! What a document of a chat says, whatever its format: the messages of a branch, or of every branch in the
//! order in which one reads a tree, with the parts of an answer in the order in which they were written.
use contract::{ChatView, MessageState, MessageView, PassageView, PictureView, Role, ToolCallView};
use messages::{CliMessage, Lang};

use super::branches::{Branch, in_reading_order};
use super::clean::clean;
use crate::text_cut::Cut;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChatDocument {
    pub title: String,
    pub model: String,
    /// The day of the last message, such as 2026-11-30; empty without messages.
    pub date: String,
    pub system_prompt: String,
    pub turns: Vec<Turn>,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turn {
    /// Its place in the document, from 1.
    pub number: usize,
    /// Where the same place of the chat has several messages.
    pub version: Option<Version>,
    pub answer: bool,
    pub images: Vec<PictureView>,
    /// Names.
    pub documents: Vec<String>,
    pub parts: Vec<Part>,
    /// The passages that the answer cites.
    pub sources: Vec<Source>,
    /// The answer ended before its end.
    pub cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    /// From 1.
    pub number: usize,
    pub count: usize,
    /// The turn that this one follows; `None` at the beginning of the chat.
    pub after: Option<usize>,
}

/// Texts of answers are Markdown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Thinking(String),
    Text(String),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// With the server.
    pub name: String,
    /// JSON.
    pub arguments: String,
    /// As far as the model was given it.
    pub result: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub number: usize,
    pub name: String,
    /// A page or the name of a sheet.
    pub place: String,
}

impl ChatDocument {
    /// Of the selected branch, which `chat` carries.
    pub fn of_branch(chat: &ChatView, lang: Lang) -> Self {
        let turns = chat.messages.iter().enumerate().map(|(at, message)| turn(message, at + 1, None, lang));
        Self::new(chat, turns.collect(), lang)
    }

    /// Of all messages, parents first.
    pub fn of_tree(chat: &ChatView, messages: &[MessageView], lang: Lang) -> Self {
        let ids: Vec<(&str, Option<&str>)> =
            messages.iter().map(|message| (message.id.as_str(), message.parent_id.as_deref())).collect();
        let turns = in_reading_order(&ids).into_iter().enumerate().map(|(at, branch)| {
            let Branch { message, number, count, after } = branch;
            let version = (count > 1).then_some(Version { number, count, after });
            turn(&messages[message], at + 1, version, lang)
        });
        Self::new(chat, turns.collect(), lang)
    }

    fn new(chat: &ChatView, turns: Vec<Turn>, lang: Lang) -> Self {
        let last =
            chat.messages.last().and_then(|message| message.created_at.parse::<jiff::Timestamp>().ok());
        let title = clean(&chat.title);
        Self {
            title: if title.trim().is_empty() { CliMessage::NoTitle.text(lang).to_owned() } else { title },
            model: clean(&chat.model_id),
            date: last.map(day).unwrap_or_default(),
            system_prompt: clean(chat.system_prompt.trim()),
            turns,
        }
    }
}

impl Version {
    /// Such as "Version 2 of 3, after message 4".
    pub fn text(self, lang: Lang) -> String {
        let (number, count) = (self.number.to_string(), self.count.to_string());
        let version = [("number", number.as_str()), ("count", &count)];
        match self.after {
            Some(after) => {
                let [number, count] = version;
                CliMessage::ExportVersionAfter.with(lang, &[number, count, ("after", &after.to_string())])
            }
            None => CliMessage::ExportVersion.with(lang, &version),
        }
    }
}

impl Turn {
    pub fn label(&self, lang: Lang) -> &'static str {
        let label = if self.answer { CliMessage::ExportAnswer } else { CliMessage::ExportYou };
        label.text(lang)
    }
}

/// In the time zone of this computer.
fn day(time: jiff::Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::system()).date().to_string()
}

fn turn(message: &MessageView, number: usize, version: Option<Version>, lang: Lang) -> Turn {
    let passages = message.passages.iter().enumerate();
    let cited = passages.filter(|(at, _)| message.cites(at + 1));
    Turn {
        number,
        version,
        answer: message.role == Role::Assistant,
        images: message.pictures.clone(),
        documents: message.documents.iter().map(|document| clean(&document.name)).collect(),
        parts: parts(message),
        sources: cited.map(|(at, passage)| source(at + 1, passage, lang)).collect(),
        cut: message.role == Role::Assistant
            && matches!(
                message.state,
                MessageState::Stopped | MessageState::Length | MessageState::Interrupted
            ),
    }
}

fn parts(message: &MessageView) -> Vec<Part> {
    let (mut text, mut reasoning) = (Cut::new(&message.text), Cut::new(&message.reasoning));
    let mut parts = Vec::new();
    for call in &message.calls {
        push(&mut parts, reasoning.to(call.reasoning_before), text.to(call.text_before));
        parts.push(Part::Call(read_call(call)));
    }
    push(&mut parts, reasoning.rest(), text.rest());
    parts
}

fn push(parts: &mut Vec<Part>, reasoning: &str, text: &str) {
    let (reasoning, text) = (clean(reasoning.trim()), clean(text.trim()));
    parts.extend((!reasoning.is_empty()).then_some(Part::Thinking(reasoning)));
    parts.extend((!text.is_empty()).then_some(Part::Text(text)));
}

fn read_call(call: &ToolCallView) -> Call {
    let name =
        if call.server.is_empty() { call.tool.clone() } else { format!("{}, {}", call.server, call.tool) };
    Call { name: clean(&name), arguments: clean(&call.arguments), result: clean(&call.result) }
}

fn source(number: usize, passage: &PassageView, lang: Lang) -> Source {
    let place = match &passage.label {
        Some(label) => clean(label),
        None => CliMessage::PassagePage.with(lang, &[("page", &passage.page.to_string())]),
    };
    Source { number, name: clean(&passage.name), place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_app::{chat_view, message_view, tool_call};

    #[test]
    fn the_parts_of_an_answer_are_in_their_order() {
        let first = ToolCallView { text_before: 2, reasoning_before: 3, ..tool_call("one") };
        let second = ToolCallView { text_before: 2, reasoning_before: 5, ..tool_call("two") };
        let answer = MessageView {
            reasoning: "查一查再想".into(),
            calls: vec![first, second],
            ..message_view(Role::Assistant, "好。完成")
        };
        let call =
            Part::Call(Call { name: "Files, look".into(), arguments: "{}".into(), result: String::new() });
        let [thinking, text] = [Part::Thinking, Part::Text];
        assert_eq!(
            parts(&answer),
            [
                thinking("查一查".into()),
                text("好。".into()),
                call.clone(),
                thinking("再想".into()),
                call,
                text("完成".into()),
            ]
        );
    }

    #[test]
    fn a_tree_has_every_branch_with_its_place() {
        let message = |id: &str, parent: Option<&str>, role: Role| MessageView {
            id: id.into(),
            parent_id: parent.map(str::to_owned),
            ..message_view(role, id)
        };
        let all = [
            message("q", None, Role::User),
            message("a", Some("q"), Role::Assistant),
            message("b", Some("q"), Role::Assistant),
            message("c", Some("a"), Role::User),
        ];
        let document = ChatDocument::of_tree(&chat_view("Tree", Vec::new()), &all, Lang::En);
        let texts: Vec<(usize, Option<String>, &[Part])> = document
            .turns
            .iter()
            .map(|turn| (turn.number, turn.version.map(|version| version.text(Lang::En)), &turn.parts[..]))
            .collect();
        let part = |text: &str| [Part::Text(text.into())];
        assert_eq!(
            texts,
            [
                (1, None, &part("q")[..]),
                (2, Some("Version 1 of 2, after message 1".into()), &part("a")[..]),
                (3, None, &part("c")[..]),
                (4, Some("Version 2 of 2, after message 1".into()), &part("b")[..]),
            ]
        );
    }

    #[test]
    fn an_untitled_chat_says_so() {
        let document = ChatDocument::of_branch(&chat_view(" \u{7}", Vec::new()), Lang::Zh);
        assert_eq!((document.title.as_str(), document.date.as_str()), ("（无标题）", ""));
    }
}
