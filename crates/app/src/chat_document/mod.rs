//! A chat as a document: Markdown, HTML or Word, of the selected branch or of all branches. `content` says
//! what is in it, a writer how it looks. The file with which a chat comes back is that of `chat_export`. A
//! PDF is the HTML that the window prints (docs/adr/0013).
mod branches;
mod clean;
mod content;
mod html;
mod markdown;
mod rich_text;
mod word;

use std::path::Path;

use contract::{ChatFileFormat, ChatView, ErrorCode, ErrorView, MessageView, PictureView};
use history::History;
use messages::Lang;

use self::content::ChatDocument;
use crate::App;
use crate::blocking::blocking;
use crate::chat_export::export_file;
use crate::convert::{chat_view, history_error, message_view};
use crate::images::{data_url, unreadable};
use crate::save::save_bytes;

impl App {
    /// Writes the chat to a file, which is replaced atomically: the selected branch, or all branches, which
    /// the app's own format always has.
    ///
    /// # Errors
    /// When the chat or one of its images is not there, or the folder cannot be written.
    pub async fn chat_save(
        &self,
        chat_id: &str,
        path: &Path,
        format: ChatFileFormat,
        all_branches: bool,
        lang: Lang,
    ) -> Result<(), ErrorView> {
        let (history, id, path) = (self.chats_file.of(chat_id)?, chat_id.to_owned(), path.to_owned());
        blocking("save the chat", move || {
            let document = || read(&history, &id, all_branches, lang);
            let bytes = match format {
                ChatFileFormat::Markdown => markdown::markdown(&document()?, lang).into_bytes(),
                ChatFileFormat::Html => page(&history, &document()?, lang)?.into_bytes(),
                ChatFileFormat::Word => word::word(&document()?, lang, |image| png(&history, image))?,
                ChatFileFormat::Whaledeck => return export_file(&history, &id, &path),
            };
            save_bytes(&path, &bytes)
        })
        .await
    }

    /// The chat as an HTML page, for the window to print.
    ///
    /// # Errors
    /// As [`App::chat_save`].
    pub async fn chat_page(
        &self,
        chat_id: &str,
        all_branches: bool,
        lang: Lang,
    ) -> Result<String, ErrorView> {
        let (history, id) = (self.chats_file.of(chat_id)?, chat_id.to_owned());
        blocking("print the chat", move || page(&history, &read(&history, &id, all_branches, lang)?, lang))
            .await
    }
}

/// The selected branch as Markdown.
pub(crate) fn branch_markdown(chat: &ChatView, lang: Lang) -> String {
    markdown::markdown(&ChatDocument::of_branch(chat, lang), lang)
}

/// The format that the ending of a file names.
///
/// # Errors
/// Another ending, with the formats that there are.
pub fn chat_file_format(path: &Path) -> Result<ChatFileFormat, ErrorView> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    Ok(match ending.as_str() {
        "md" => ChatFileFormat::Markdown,
        "html" | "htm" => ChatFileFormat::Html,
        "docx" => ChatFileFormat::Word,
        "json" => ChatFileFormat::Whaledeck,
        _ => {
            let message = format!("save the chat: no format is written to a file that ends in \"{ending}\"");
            return Err(ErrorView::new(ErrorCode::ChatFormatUnknown, message).with("path", path.display()));
        }
    })
}

fn read(history: &History, chat_id: &str, all_branches: bool, lang: Lang) -> Result<ChatDocument, ErrorView> {
    let chat = chat_view(history.chat(chat_id).map_err(history_error)?)?;
    if !all_branches {
        return Ok(ChatDocument::of_branch(&chat, lang));
    }
    let messages = history.messages(chat_id).map_err(history_error)?.into_iter().map(message_view);
    Ok(ChatDocument::of_tree(&chat, &messages.collect::<Result<Vec<MessageView>, _>>()?, lang))
}

fn page(history: &History, document: &ChatDocument, lang: Lang) -> Result<String, ErrorView> {
    html::html(document, lang, |image| {
        let bytes = history.image_bytes(&image.id).map_err(history_error)?;
        let preview = vision::preview(&bytes).map_err(|error| unreadable(&error))?;
        Ok(match preview {
            Some(png) => data_url("image/png", &png),
            None => data_url(&image.kind, &bytes),
        })
    })
}

fn png(history: &History, image: &PictureView) -> Result<Vec<u8>, ErrorView> {
    let bytes = history.image_bytes(&image.id).map_err(history_error)?;
    vision::png(&bytes).map_err(|error| unreadable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_format() {
        let format = |name: &str| chat_file_format(Path::new(name));
        assert_eq!(format("a.MD"), Ok(ChatFileFormat::Markdown));
        assert_eq!(format("a.b.html"), Ok(ChatFileFormat::Html));
        assert_eq!(format("a.docx"), Ok(ChatFileFormat::Word));
        assert_eq!(format("a.json"), Ok(ChatFileFormat::Whaledeck));
        for name in ["a.pdf", "a.doc", "a", ".md"] {
            let error = format(name).expect_err("is refused");
            assert_eq!((error.code, error.detail["path"].as_str()), (ErrorCode::ChatFormatUnknown, name));
        }
    }
}
