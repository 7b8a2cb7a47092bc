//! `folders`: lists, creates and deletes folders of chats, and moves chats. And the folder that a name of the
//! command line means, for `chat --folder`.
use std::path::PathBuf;

use app::App;
use clap::Subcommand;
use contract::{ChatView, ErrorCode, ErrorView, Folder};
use messages::{CliMessage, Lang, grouped};

use crate::documents::{attach_documents, discard_documents};
use crate::json::print_json;

#[derive(Debug, Subcommand)]
pub enum Folders {
    /// List the folders with the number of their chats and documents.
    List,
    /// Create a folder.
    Add {
        name: String,
        /// Text that goes before the system prompt of each of its chats.
        #[arg(long, default_value = "")]
        instructions: String,
        /// Document that each of its chats reads; repeatable.
        #[arg(long = "document", value_name = "FILE")]
        documents: Vec<PathBuf>,
    },
    /// Delete a folder, by its name or id. Its chats stay.
    Remove {
        folder: String,
        /// Delete its chats, too.
        #[arg(long)]
        with_chats: bool,
    },
    /// Move chats to a folder.
    Move {
        /// Ids from `chats list`.
        #[arg(required = true)]
        chats: Vec<String>,
        /// Name or id of the folder. Without it the chats are taken out of theirs.
        #[arg(long)]
        to: Option<String>,
    },
}

pub async fn run(app: &App, command: &Folders, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        Folders::List => {
            let folders = app.folders().await?;
            if json {
                print_json(&folders);
            } else {
                folders.iter().for_each(|folder| println!("{}", line(folder, lang)));
            }
        }
        Folders::Add { name, instructions, documents } => {
            let attached = attach_documents(app, documents).await?;
            let mut folder = match app.folder_create(name, instructions).await {
                Ok(folder) => folder,
                Err(error) => {
                    discard_documents(app, &attached).await?;
                    return Err(error);
                }
            };
            for document in &attached {
                folder = app.folder_document_add(&folder.id, document).await?;
            }
            if json {
                print_json(&folder);
            } else {
                println!("{}", line(&folder, lang));
            }
        }
        Folders::Remove { folder, with_chats } => {
            app.folder_delete(&folder_of(app, folder).await?.id, *with_chats).await?;
        }
        Folders::Move { chats, to } => {
            let folder = match to {
                Some(name) => Some(folder_of(app, name).await?.id),
                None => None,
            };
            app.chats_move(chats, folder.as_deref()).await?;
        }
    }
    Ok(())
}

fn line(folder: &Folder, lang: Lang) -> String {
    let (chats, documents) =
        (grouped(folder.chats.into()), grouped(u64::try_from(folder.documents.len()).unwrap_or(u64::MAX)));
    let values =
        [("id", folder.id.as_str()), ("name", &folder.name), ("chats", &chats), ("documents", &documents)];
    CliMessage::FolderLine.with(lang, &values)
}

/// The folder with this name or id.
///
/// # Errors
/// When there is none, or several have the name.
async fn folder_of(app: &App, name: &str) -> Result<Folder, ErrorView> {
    let folders = app.folders().await?.into_iter();
    let mut named: Vec<Folder> = folders.filter(|one| one.id == name || one.name == name).collect();
    match (named.pop(), named.len()) {
        (Some(folder), 0) => Ok(folder),
        (Some(_), others) => {
            let message = format!("find the folder: {} have the name {name}, so give its id", others + 1);
            Err(ErrorView::new(ErrorCode::InvalidInput, message))
        }
        (None, _) => {
            let message = format!("find folder {name}");
            Err(ErrorView::new(ErrorCode::FolderNotFound, message).with("folder", name))
        }
    }
}

/// A new chat, in the folder with this name or id.
pub async fn create_chat(app: &App, model: &str, folder: Option<&str>) -> Result<ChatView, ErrorView> {
    match folder {
        Some(name) => app.chat_create_in(model, &folder_of(app, name).await?.id).await,
        None => app.chat_create(model).await,
    }
}
