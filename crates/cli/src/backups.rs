//! `backups`: lists, creates and restores backups of the chats, and starts with empty chats.
//! No subcommand deletes a file of chats: what is replaced becomes a backup. Sizes are printed in GB and MB.
use app::App;
use contract::{BackupKind, BackupView, ErrorView, StartWay};
use messages::{CliMessage, Lang, bytes};

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
            println!("{}", CliMessage::Folder.with(lang, &[("path", &view.folder)]));
        }
        Backups::Create => {
            let backup = app.backup_create().await?;
            if json { print_json(&backup) } else { println!("{}", line(&backup, lang)) }
        }
        Backups::Restore { backup } => {
            let view = app.backup_restore(backup).await?;
            let message = CliMessage::BackupRestored.text(lang);
            if json { print_json(&view) } else { println!("{message}") }
        }
        Backups::StartEmpty => {
            let open = app.start_state().await?.failure.is_none();
            let view = app.start_again(StartWay::Empty).await?;
            let message = if open { CliMessage::ChatsOpen } else { CliMessage::ChatsEmpty }.text(lang);
            if json { print_json(&view) } else { println!("{message}") }
        }
    }
    Ok(())
}

fn line(backup: &BackupView, lang: Lang) -> String {
    let kind = match backup.kind {
        BackupKind::Daily => CliMessage::Daily.text(lang),
        BackupKind::Update => CliMessage::BeforeUpdate.text(lang),
        BackupKind::Replaced => CliMessage::Replaced.text(lang),
        BackupKind::Asked => CliMessage::MadeByYou.text(lang),
    };
    format!("{}  {kind}  {}", backup.id, bytes(backup.bytes))
}
