//! The selected branch of a chat as Markdown, to read or to pass on. Images and documents are named; a chat
//! with both, and with all branches, is the file of `chat_export`.
use std::path::Path;

use contract::{ChatView, ErrorView, MessageView, Role};
use messages::{CliMessage, Lang};

use crate::App;
use crate::save::save_text;

impl App {
    /// Writes the selected branch to a file, which is replaced atomically.
    ///
    /// # Errors
    /// When the chat is not there, or the folder cannot be written.
    pub async fn chat_save_markdown(&self, chat_id: &str, path: &Path, lang: Lang) -> Result<(), ErrorView> {
        let chat = self.chat_get(chat_id).await?;
        save_text(path.to_owned(), markdown(&chat, lang)).await.map(drop)
    }
}

/// The selected branch.
pub(crate) fn markdown(chat: &ChatView, lang: Lang) -> String {
    let mut text = format!("# {}\n", chat.title);
    if !chat.system_prompt.trim().is_empty() {
        text += &format!("\n> {}\n", chat.system_prompt.trim().replace('\n', "\n> "));
    }
    for message in &chat.messages {
        let label = match message.role {
            Role::Assistant => CliMessage::ExportAnswer,
            Role::User | Role::System => CliMessage::ExportYou,
        };
        text += &format!("\n## {}\n", label.text(lang));
        text += &attached(message, lang);
        text += &format!("\n{}\n", cited(message.text.trim()));
        for (at, passage) in message.passages.iter().enumerate() {
            if message.cites(at + 1) {
                let place = match &passage.label {
                    Some(label) => label.clone(),
                    None => CliMessage::PassagePage.with(lang, &[("page", &passage.page.to_string())]),
                };
                text += &format!("\n[{}] {}, {place}\n", at + 1, passage.name);
            }
        }
    }
    text
}

/// What is attached to a message, by name or size, and the tools that it called.
fn attached(message: &MessageView, lang: Lang) -> String {
    let images = message.pictures.iter().map(|picture| {
        let (width, height) = (picture.width.to_string(), picture.height.to_string());
        CliMessage::ExportImage.with(lang, &[("width", &width), ("height", &height)])
    });
    let documents = message.documents.iter().map(|document| document.name.clone());
    let calls = message.calls.iter().map(|call| {
        let name = if call.server.is_empty() {
            call.tool.clone()
        } else {
            format!("{}, {}", call.server, call.tool)
        };
        CliMessage::ExportTool.with(lang, &[("name", &name)])
    });
    images.chain(documents).chain(calls).map(|name| format!("\n*{name}*\n")).collect()
}

/// A citation as its number, as the list below the answer has it.
fn cited(text: &str) -> String {
    text.replace("[citation:", "[")
}

#[cfg(test)]
mod tests {
    use contract::PassageView;

    use super::*;
    use crate::test_app::message_view;

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
        let chat = ChatView {
            id: "c".into(),
            title: "Who?".into(),
            model_id: "guide".into(),
            preset_id: String::new(),
            sampling: contract::SamplingView::default(),
            system_prompt: "Be brief.\nBe kind.".into(),
            context_start: None,
            folder_id: None,
            messages: vec![message_view(Role::User, "Who opened it?"), answer],
        };
        assert_eq!(
            markdown(&chat, Lang::En),
            "# Who?\n\n> Be brief.\n> Be kind.\n\n## You\n\nWho opened it?\n\n## Answer\n\n**Ellen Voss** [2].\n\n\
             [2] town.pdf, page 237\n"
        );
        assert!(markdown(&chat, Lang::Zh).contains("## 你\n"));
    }
}
