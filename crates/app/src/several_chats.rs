//! Several chats at once: move them to a folder, delete them, save them as Markdown. A move or a deletion is
//! done for all of them or for none; an error names the chat at which it happened, and how many are done.
use std::path::Path;

use contract::{AppEvent, ErrorCode, ErrorView};
use messages::{CliMessage, Lang};
use store::Access;

use crate::App;
use crate::blocking::blocking;
use crate::chat_document::branch_markdown;
use crate::convert::storage_error;

/// Files of the same name in a folder.
const MOST_NUMBER: u32 = 10_000;

impl App {
    /// Moves chats to a folder, or out of any with `None`.
    pub async fn chats_move(&self, ids: &[String], folder_id: Option<&str>) -> Result<(), ErrorView> {
        let (all, folder) = (ids.to_vec(), folder_id.map(str::to_owned));
        let moved = self.with_history(move |history| history.chats_move(&all, folder.as_deref())).await;
        if let Err(error) = moved {
            return Err(self.at_chat(error, 0, ids.len()).await);
        }
        self.host.emit(AppEvent::ChatsChanged);
        Ok(())
    }

    /// Stops the answers in progress of these chats, then deletes them.
    pub async fn chats_delete(&self, ids: &[String]) -> Result<(), ErrorView> {
        for id in ids {
            self.answer_stop(id).await?;
        }
        let all = ids.to_vec();
        let deleted = self.with_history(move |history| history.chats_delete(&all)).await;
        self.host.emit(AppEvent::ChatsChanged);
        let Err(error) = deleted else { return Ok(()) };
        // Without a chat it was after the deletion, at the files of their images, or nothing is deleted.
        let done = match error.detail.contains_key("chat_id") {
            true => 0,
            false => {
                let left = self.chats().await?;
                ids.iter().filter(|id| !left.iter().any(|chat| chat.id == **id)).count()
            }
        };
        Err(self.at_chat(error, done, ids.len()).await)
    }

    /// Writes the selected branch of each chat to a file of its own in a folder. A file that is there already
    /// stays as it is, and the new one gets another name.
    ///
    /// # Errors
    /// When a chat is not there, or the folder cannot be written. What is saved until then stays.
    pub async fn chats_save_markdown(
        &self,
        ids: &[String],
        folder: &Path,
        lang: Lang,
    ) -> Result<(), ErrorView> {
        for (done, id) in ids.iter().enumerate() {
            if let Err(error) = self.save_markdown_in(id, folder, lang).await {
                return Err(self.at_chat(error.with("chat_id", id), done, ids.len()).await);
            }
        }
        Ok(())
    }

    async fn save_markdown_in(&self, id: &str, folder: &Path, lang: Lang) -> Result<(), ErrorView> {
        let chat = self.chat_get(id).await?;
        let (text, folder) = (branch_markdown(&chat, lang), folder.to_owned());
        let stem = Some(file_stem(&chat.title)).filter(|stem| !stem.is_empty());
        let stem = stem.unwrap_or_else(|| CliMessage::NoTitle.text(lang).to_owned());
        blocking("save the chats", move || save_new(&folder, &stem, &text)).await
    }

    /// The error with the title of the chat that it names, the number of chats that are done, and of all.
    async fn at_chat(&self, error: ErrorView, done: usize, count: usize) -> ErrorView {
        let error = error.with("done", done).with("count", count);
        let Some(id) = error.detail.get("chat_id").cloned() else { return error };
        // Of a chat that is not there the id is all that is known.
        let title = self.chat_get(&id).await.map_or(id, |chat| chat.title);
        error.with("title", title)
    }
}

/// Writes to `stem.md`, or with a number behind the stem where that name is taken.
fn save_new(folder: &Path, stem: &str, text: &str) -> Result<(), ErrorView> {
    for number in 1..=MOST_NUMBER {
        let name = if number == 1 { format!("{stem}.md") } else { format!("{stem} ({number}).md") };
        let path = folder.join(name);
        // Asked before it is written, so that each taken name does not cost a temporary file.
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match store::create_new(&path, Access::Umask, text.as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(storage_error("save the chats", &path, &error)),
            Ok(()) => return Ok(()),
        }
    }
    let message = format!("save the chats: {MOST_NUMBER} files are named {stem}");
    Err(ErrorView::new(ErrorCode::InvalidInput, message).with("path", folder.display()))
}

/// A title as the name of a file that every system takes, without its ending.
fn file_stem(title: &str) -> String {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "COM", "LPT"];
    let spaced: String = title
        .chars()
        .map(|letter| if letter.is_control() || "\\/:*?\"<>|".contains(letter) { ' ' } else { letter })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    // Windows drops dots and spaces at the end; one at the beginning hides a file.
    let stem = words.join(" ").trim_matches(['.', ' ']).to_owned();
    let device =
        stem.split('.').next().unwrap_or_default().trim_end_matches(|one: char| one.is_ascii_digit());
    if DEVICES.iter().any(|name| device.eq_ignore_ascii_case(name)) { format!("_{stem}") } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_name_that_every_system_takes() {
        let cases = [
            ("Why?", "Why"),
            ("a/b\\c: \"d\" <e>|f*\u{7}", "a b c d e f"),
            ("..hidden. ", "hidden"),
            ("../../etc/passwd", "etc passwd"),
            ("显存 24 GB 能跑哪个模型？", "显存 24 GB 能跑哪个模型？"),
            ("CON", "_CON"),
            ("com1.txt", "_com1.txt"),
            ("Console", "Console"),
            ("???", ""),
        ];
        for (title, name) in cases {
            assert_eq!(file_stem(title), name, "{title}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        for text in ["one", "two", "three"] {
            save_new(folder.path(), "Why", text).expect("is saved");
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("is there");
        assert_eq!([read("Why.md"), read("Why (2).md"), read("Why (3).md")], ["one", "two", "three"]);
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 3, "nothing is left beside");
        let nowhere = save_new(&folder.path().join("no"), "Why", "").expect_err("there is no folder");
        assert_eq!(nowhere.code, ErrorCode::FileMissing);
    }
}
