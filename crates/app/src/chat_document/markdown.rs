//! A chat as Markdown, to read or to pass on. What the model wrote stays as it is; images and documents are
//! named, and what it thought is left out.
use messages::{CliMessage, Lang};

use super::content::{ChatDocument, Part, Turn};

pub(super) fn markdown(document: &ChatDocument, lang: Lang) -> String {
    let mut text = format!("# {}\n", document.title);
    if !document.system_prompt.is_empty() {
        text += &format!("\n> {}\n", document.system_prompt.replace('\n', "\n> "));
    }
    for turn in &document.turns {
        text += &format!("\n## {}\n", turn.label(lang));
        if let Some(version) = turn.version {
            text += &format!("\n*{}*\n", version.text(lang));
        }
        text += &attached(turn, lang);
        for part in &turn.parts {
            match part {
                Part::Thinking(_) => {}
                Part::Text(said) => text += &format!("\n{}\n", said.replace("[citation:", "[")),
                Part::Call(call) => {
                    text += &format!("\n*{}*\n", CliMessage::ExportTool.with(lang, &[("name", &call.name)]));
                }
            }
        }
        for source in &turn.sources {
            text += &format!("\n[{}] {}, {}\n", source.number, source.name, source.place);
        }
    }
    text
}

/// Images by size and documents by name.
fn attached(turn: &Turn, lang: Lang) -> String {
    let images = turn.images.iter().map(|image| {
        let (width, height) = (image.width.to_string(), image.height.to_string());
        CliMessage::ExportImage.with(lang, &[("width", &width), ("height", &height)])
    });
    images.chain(turn.documents.iter().cloned()).map(|name| format!("\n*{name}*\n")).collect()
}

#[cfg(test)]
mod tests {
    use contract::{ChatView, MessageView, PassageView, Role};

    use super::*;
    use crate::test_app::{chat_view, message_view, tool_call};

    fn branch(chat: &ChatView, lang: Lang) -> String {
        markdown(&ChatDocument::of_branch(chat, lang), lang)
    }

    #[test]
    fn a_branch_is_readable_with_its_citations() {
        let passage = |page: u32| PassageView {
            document_id: "d".into(),
            name: "town.pdf".into(),
            page,
            label: None,
            text: "text".into(),
        };
        let answer = MessageView {
            passages: vec![passage(3), passage(237)],
            ..message_view(Role::Assistant, "**Ellen Voss** [citation:2].")
        };
        let messages = vec![message_view(Role::User, "Who opened it?"), answer];
        let chat = ChatView { system_prompt: "Be brief.\nBe kind.".into(), ..chat_view("Who?", messages) };
        assert_eq!(
            branch(&chat, Lang::En),
            "# Who?\n\n> Be brief.\n> Be kind.\n\n## You\n\nWho opened it?\n\n\
             ## Answer\n\n**Ellen Voss** [2].\n\n\
             [2] town.pdf, page 237\n"
        );
        assert!(branch(&chat, Lang::Zh).contains("## 你\n"));
    }

    #[test]
    fn calls_are_where_they_were_made() {
        let call = contract::ToolCallView { text_before: 2, ..tool_call("one") };
        let answer = MessageView { calls: vec![call], ..message_view(Role::Assistant, "A.B.") };
        let text = branch(&chat_view("Calls", vec![answer]), Lang::En);
        assert_eq!(text, "# Calls\n\n## Answer\n\nA.\n\n*Tool: Files, look*\n\nB.\n");
    }
}
