//! `backups`: lists, creates and restores backups of the chats, and starts with empty chats.
//! No subcommand deletes a file of chats: what is replaced becomes a backup. Sizes are printed in GB and MB.
use app::App;
use contract::{BackupKind, BackupView, ErrorView, StartWay};
use messages::{Lang, bytes};

use crate::args::Backups;
use crate::json::print_json;

pub async fn run(app: &App, command: &Backups, json: bool, lang: Lang) -> Result<(), ErrorView> {
    match command {
        Backups::List => {
            let view = app.backups().await?;
            if json {
                print_json(&view);
                return Ok(());
            }
            for one in &view.backups {
                println!("{}", line(one, lang));
            }
            match lang {
                Lang::En => println!("Folder: {}", view.folder),
                Lang::Zh => println!("文件夹：{}", view.folder),
            }
        }
        Backups::Create => {
            let backup = app.backup_create().await?;
            if json { print_json(&backup) } else { println!("{}", line(&backup, lang)) }
        }
        Backups::Restore { backup } => {
            let view = app.backup_restore(backup).await?;
            let message = lang.pick(
                "The chats of the backup are in place. Those that were there are kept as a backup.",
                "已恢复备份中的对话。原来的对话已保留为一份备份。",
            );
            if json { print_json(&view) } else { println!("{message}") }
        }
        Backups::StartEmpty => {
            let open = app.start_state().await?.failure.is_none();
            let view = app.start_again(StartWay::Empty).await?;
            let message = match (open, lang) {
                (true, Lang::En) => "The chats can be opened: nothing was changed.",
                (true, Lang::Zh) => "对话可以正常打开，没有任何改动。",
                (false, Lang::En) => "The chats are empty now. The file that was there is kept as a backup.",
                (false, Lang::Zh) => "现在对话是空的。原来的文件已保留为一份备份。",
            };
            if json { print_json(&view) } else { println!("{message}") }
        }
    }
    Ok(())
}

fn line(backup: &BackupView, lang: Lang) -> String {
    let kind = match backup.kind {
        BackupKind::Daily => lang.pick("daily", "每日"),
        BackupKind::Update => lang.pick("before an update", "更新前"),
        BackupKind::Replaced => lang.pick("replaced", "被替换"),
        BackupKind::Asked => lang.pick("made by you", "手动"),
    };
    format!("{}  {kind}  {}", backup.id, bytes(backup.bytes))
}
