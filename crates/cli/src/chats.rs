//! `chats`: lists the stored chats, exports one to a file and imports one from a file.
//! The formats are in `app`; as JSON a chat keeps all its branches and pictures on the way.
use app::App;
use contract::ErrorView;
use messages::{CliMessage, Lang};

use crate::args::Chats;
use crate::json::print_json;

pub async fn run(app: &App, command: &Chats, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        Chats::List => {
            let chats = app.chats().await?;
            if json {
                print_json(&chats);
                return Ok(());
            }
            let folders = app.folders().await?;
            for chat in chats {
                let title = if chat.title.is_empty() { CliMessage::NoTitle.text(lang) } else { &chat.title };
                let folder = folders.iter().find(|folder| chat.folder_id.as_ref() == Some(&folder.id));
                let folder = folder.map(|folder| format!("  {}", folder.name)).unwrap_or_default();
                println!("{}  {title}  {}{folder}", chat.id, chat.model_id);
            }
        }
        Chats::Export { chat, file, tree } => {
            let format = app::chat_file_format(file)?;
            app.chat_save(chat, file, format, *tree, lang).await?;
            let path = file.display().to_string();
            if json {
                print_json(&serde_json::json!({ "path": path }));
            } else {
                println!("{}", CliMessage::ChatExported.with(lang, &[("path", &path)]));
            }
        }
        Chats::Import { file } => {
            let chat = app.chat_import(file).await?;
            if json {
                print_json(&chat);
            } else {
                let values = [("id", chat.id.as_str()), ("title", &chat.title)];
                println!("{}", CliMessage::ChatImported.with(lang, &values));
            }
        }
    }
    Ok(())
}
