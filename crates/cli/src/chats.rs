//! `chats`: lists the stored chats, exports one to a file and imports one from a file.
//! The file's format is in `app`; a chat keeps all its branches and pictures on the way.
use app::App;
use contract::ErrorView;
use messages::Lang;

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
            for chat in chats {
                let title = if chat.title.is_empty() {
                    lang.pick("(no title)", "（无标题）")
                } else {
                    &chat.title
                };
                println!("{}  {title}  {}", chat.id, chat.model_id);
            }
        }
        Chats::Export { chat, file } => {
            app.chat_export(chat, file).await?;
            let shown = file.display();
            if json {
                print_json(&serde_json::json!({ "path": shown.to_string() }));
            } else {
                match lang {
                    Lang::En => println!("The chat and its pictures are in {shown}."),
                    Lang::Zh => println!("对话及其图片已保存到 {shown}。"),
                }
            }
        }
        Chats::Import { file } => {
            let chat = app.chat_import(file).await?;
            if json {
                print_json(&chat);
            } else {
                match lang {
                    Lang::En => println!("{}: {}  was added.", chat.id, chat.title),
                    Lang::Zh => println!("{}：{}  已添加。", chat.id, chat.title),
                }
            }
        }
    }
    Ok(())
}
