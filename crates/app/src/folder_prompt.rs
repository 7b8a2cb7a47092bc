//! What a folder adds to the prompts of its chats: its instructions before their system prompts, and its
//! documents, which are in the prompt as those of messages are. Knows no messages.
use contract::{DocumentView, ErrorView};
use history::{Document, Folder, History, HistoryError};

use crate::convert::document_view;

/// The shared part of the prompts of a folder; empty without a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct FolderPrompt {
    instructions: String,
    documents: Vec<Document>,
}

impl FolderPrompt {
    pub(crate) fn of_chat(history: &History, chat_id: &str) -> Result<Self, HistoryError> {
        Ok(history.folder_of_chat(chat_id)?.map(Self::from).unwrap_or_default())
    }

    pub(crate) fn of_folder(history: &History, folder_id: &str) -> Result<Self, HistoryError> {
        history.folder(folder_id).map(Self::from)
    }

    /// The system prompt of a chat with the instructions before it.
    pub(crate) fn system_prompt(&self, own: &str) -> String {
        let parts = [self.instructions.trim(), own];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
        parts.join("\n\n")
    }

    pub(crate) fn document_ids(&self) -> Vec<String> {
        self.documents.iter().map(|document| document.hash.clone()).collect()
    }

    pub(crate) fn document_views(&self) -> Result<Vec<DocumentView>, ErrorView> {
        self.documents.iter().cloned().map(document_view).collect()
    }
}

impl From<Folder> for FolderPrompt {
    fn from(folder: Folder) -> Self {
        Self { instructions: folder.instructions, documents: folder.documents }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_go_before_the_system_prompt_of_the_chat() {
        let with =
            |instructions: &str| FolderPrompt { instructions: instructions.into(), documents: Vec::new() };
        assert_eq!(with("Cite.\n").system_prompt("Be brief."), "Cite.\n\nBe brief.");
        assert_eq!(with("Cite.").system_prompt(" "), "Cite.");
        assert_eq!(with(" \n").system_prompt("Be brief."), "Be brief.");
        assert_eq!(FolderPrompt::default().system_prompt(""), "");
    }
}
