//! The texts of the documents of a conversation, read from the history once for a prompt.
//! What of them is sent is decided in `prompt`.
use std::collections::BTreeMap;

use history::{DocumentText, History, HistoryError, Message};

/// Pages by the id of their document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Library(BTreeMap<String, Vec<DocumentText>>);

impl Library {
    /// Of the messages of a path, and of other documents: those of the next message and of the folder.
    pub(crate) fn load(
        history: &History,
        path: &[Message],
        attached: &[String],
    ) -> Result<Self, HistoryError> {
        let of_path = path.iter().flat_map(|message| &message.documents).map(|document| &document.hash);
        let mut texts = BTreeMap::new();
        for id in of_path.chain(attached) {
            if !texts.contains_key(id) {
                texts.insert(id.clone(), history.document_pages(id)?);
            }
        }
        Ok(Self(texts))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn pages(&self, id: &str) -> &[DocumentText] {
        self.0.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    #[cfg(test)]
    pub(crate) fn of(documents: impl IntoIterator<Item = (String, Vec<DocumentText>)>) -> Self {
        Self(documents.into_iter().collect())
    }
}
