//! Folders of chats as use cases: list, create, change, delete, and their documents.
//! `folder_prompt` has what a folder adds to prompts.
use contract::{AppEvent, ErrorCode, ErrorView, Folder};
use history::{History, HistoryError};

use crate::App;
use crate::chats::title_of;
use crate::convert::folder_view;

impl App {
    /// All folders by name.
    pub async fn folders(&self) -> Result<Vec<Folder>, ErrorView> {
        let folders = self.with_history(|history| history.folders()).await?;
        folders.into_iter().map(folder_view).collect()
    }

    /// A new folder without chats or documents.
    ///
    /// # Errors
    /// When the name is empty.
    pub async fn folder_create(&self, name: &str, instructions: &str) -> Result<Folder, ErrorView> {
        let (name, instructions) = (folder_name(name)?, instructions.to_owned());
        self.change_folder(move |history| history.folder_create(&name, &instructions)).await
    }

    /// # Errors
    /// When the name is empty, or the folder is not there.
    pub async fn folder_change(&self, id: &str, name: &str, instructions: &str) -> Result<Folder, ErrorView> {
        let (id, name, instructions) = (id.to_owned(), folder_name(name)?, instructions.to_owned());
        self.change_folder(move |history| history.folder_change(&id, &name, &instructions)).await
    }

    /// Deletes a folder. Its chats stay, without a folder, or are deleted too; their answers in progress are
    /// stopped first.
    pub async fn folder_delete(&self, id: &str, with_chats: bool) -> Result<(), ErrorView> {
        let id = id.to_owned();
        if with_chats {
            let folder = id.clone();
            for chat in self.with_history(move |history| history.folder_chats(&folder)).await? {
                self.answer_stop(&chat).await?;
            }
        }
        self.with_history(move |history| history.folder_delete(&id, with_chats)).await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Adds an attached document to a folder: every chat of it reads the document from the next question on.
    pub async fn folder_document_add(&self, id: &str, document_id: &str) -> Result<Folder, ErrorView> {
        let (id, document) = (id.to_owned(), document_id.to_owned());
        self.change_folder(move |history| history.folder_document_add(&id, &document)).await
    }

    /// Takes a document out of a folder. It is deleted unless a message or another folder uses it.
    pub async fn folder_document_remove(&self, id: &str, document_id: &str) -> Result<Folder, ErrorView> {
        let (id, document) = (id.to_owned(), document_id.to_owned());
        self.change_folder(move |history| history.folder_document_remove(&id, &document)).await
    }

    async fn change_folder(
        &self,
        change: impl FnOnce(&History) -> Result<history::Folder, HistoryError> + Send + 'static,
    ) -> Result<Folder, ErrorView> {
        let folder = self.with_history(change).await?;
        self.host.emit(AppEvent::ChatsChanged);
        folder_view(folder)
    }
}

fn folder_name(name: &str) -> Result<String, ErrorView> {
    let name = title_of(name);
    if name.is_empty() {
        return Err(ErrorView::new(ErrorCode::InvalidInput, "name the folder: the name is empty"));
    }
    Ok(name)
}
