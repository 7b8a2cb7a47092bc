//! A chat as one file: every branch and every picture, to be kept elsewhere or read on another computer. JSON with a
//! version; pictures lie in it as base64, so that nothing can be lost beside it. A file that comes in is a stranger's.
use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{
    AnswerStats, AppEvent, BoxView, ChatView, ErrorCode, ErrorView, MessageState, Role, SamplingView,
};
use history::{ChatSettings, Copied, History, State};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::chats::{check, title_of};
use crate::chats_file::blocking;
use crate::convert::{chat_view, history_error, message_view, sampling_json, storage_error};
use crate::files;
use crate::pictures::keep;

const FORMAT: &str = "whaledeck-chat";
const VERSION: u32 = 1;
/// Far more than a chat that somebody wrote, its pictures included.
const MOST_BYTES: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    title: String,
    model_id: String,
    preset_id: String,
    sampling: SamplingView,
    system_prompt: String,
    /// Of `messages`: the end of the branch that is on show.
    leaf: Option<usize>,
    messages: Vec<Line>,
    pictures: Vec<Kept>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Of `messages`, before this one.
    parent: Option<usize>,
    role: Role,
    text: String,
    #[serde(default)]
    reasoning: String,
    thinking_seconds: Option<f64>,
    state: MessageState,
    error: Option<ErrorView>,
    stats: Option<AnswerStats>,
    #[serde(default)]
    boxes: Vec<BoxView>,
    #[serde(default)]
    pictures: Vec<String>,
    /// RFC 3339.
    created_at: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// SHA-256 of the bytes.
    id: String,
    kind: String,
    data: String,
}

impl App {
    /// Writes the chat to a file, which is replaced whole.
    pub async fn chat_export(&self, chat_id: &str, path: &Path) -> Result<(), ErrorView> {
        let (history, id, path) = (self.chats_file.get()?, chat_id.to_owned(), path.to_owned());
        blocking(move || {
            let file = file(&history, &id)?;
            let text = serde_json::to_vec_pretty(&file).map_err(|error| internal(&error.to_string()))?;
            files::replace(&path, &text).map_err(|error| storage_error("save the chat", &path, &error))
        })
        .await
    }

    /// Adds the chat of a file as a new one. Nothing is added unless all of it is understood.
    pub async fn chat_import(&self, path: &Path) -> Result<ChatView, ErrorView> {
        let (history, path) = (self.chats_file.writable()?, path.to_owned());
        let chat = blocking(move || {
            let file = read(&path)?;
            add(&history, &file).map_err(|error| {
                if error.code == ErrorCode::DiskFull { error } else { error.with("path", path.display()) }
            })
        })
        .await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(chat)
    }
}

fn file(history: &History, chat_id: &str) -> Result<File, ErrorView> {
    let chat = chat_view(history.chat(chat_id).map_err(history_error)?)?;
    let all = history.messages(chat_id).map_err(history_error)?;
    let place = |id: &str| all.iter().position(|message| message.id == id);
    let shown = chat.messages.last().map(|message| message.id.clone());
    let leaf = shown.and_then(|id| place(&id));
    let parents: Vec<Option<usize>> =
        all.iter().map(|message| message.parent_id.as_deref().and_then(place)).collect();
    let mut seen = HashSet::new();
    let (mut messages, mut pictures) = (Vec::new(), Vec::new());
    for (message, parent) in all.into_iter().zip(parents) {
        let message = message_view(message)?;
        for picture in &message.pictures {
            if seen.insert(picture.id.clone()) {
                let bytes = history.picture_bytes(&picture.id).map_err(history_error)?;
                let (id, kind) = (picture.id.clone(), picture.kind.clone());
                pictures.push(Kept { id, kind, data: STANDARD.encode(bytes) });
            }
        }
        messages.push(Line {
            parent,
            role: message.role,
            text: message.text,
            reasoning: message.reasoning,
            thinking_seconds: message.thinking_seconds,
            state: message.state,
            error: message.error,
            stats: message.stats,
            boxes: message.boxes,
            pictures: message.pictures.into_iter().map(|picture| picture.id).collect(),
            created_at: message.created_at,
        });
    }
    Ok(File {
        format: FORMAT.into(),
        version: VERSION,
        title: chat.title,
        model_id: chat.model_id,
        preset_id: chat.preset_id,
        sampling: chat.sampling,
        system_prompt: chat.system_prompt,
        leaf,
        messages,
        pictures,
    })
}

fn read(path: &Path) -> Result<File, ErrorView> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => invalid(path, &error.to_string()),
        _ => storage_error("read the chat", path, &error),
    };
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(invalid(path, &format!("it has {length} bytes")));
    }
    let text = std::fs::read(path).map_err(failed)?;
    let file: File = serde_json::from_slice(&text).map_err(|error| invalid(path, &error.to_string()))?;
    if file.format != FORMAT || file.version != VERSION {
        return Err(invalid(path, &format!("it is {} of version {}", file.format, file.version)));
    }
    Ok(file)
}

fn add(history: &History, file: &File) -> Result<ChatView, ErrorView> {
    let odd = |why: String| ErrorView::new(ErrorCode::ChatFileInvalid, format!("add the chat: {why}"));
    check(&file.sampling).map_err(|error| odd(error.message))?;
    for (at, line) in file.messages.iter().enumerate() {
        if line.parent.is_some_and(|parent| parent >= at) {
            return Err(odd(format!("message {at} answers a later one")));
        }
        if line.created_at.parse::<jiff::Timestamp>().is_err() {
            return Err(odd(format!("the time of message {at} is none")));
        }
        if let Some(id) = line.pictures.iter().find(|id| !file.pictures.iter().any(|one| one.id == **id)) {
            return Err(odd(format!("picture {id} of message {at} is missing")));
        }
    }
    let mut added = Vec::new();
    let chat = pictures(history, file, &mut added).and_then(|()| messages(history, file));
    if chat.is_err() {
        // What the refused file brought is shown by no message.
        for id in added {
            history.picture_discard(&id).map_err(history_error)?;
        }
    }
    chat
}

fn pictures(history: &History, file: &File, added: &mut Vec<String>) -> Result<(), ErrorView> {
    let odd = |why: String| ErrorView::new(ErrorCode::ChatFileInvalid, format!("add the chat: {why}"));
    for one in &file.pictures {
        let bytes =
            STANDARD.decode(&one.data).map_err(|error| odd(format!("picture {}: {error}", one.id)))?;
        let kept = keep(history, &bytes)?;
        added.push(kept.id.clone());
        if kept.id != one.id {
            return Err(odd(format!("picture {} is another one, {}", one.id, kept.id)));
        }
    }
    Ok(())
}

fn messages(history: &History, file: &File) -> Result<ChatView, ErrorView> {
    let texts: Vec<Texts> = file
        .messages
        .iter()
        .map(|line| {
            Ok(Texts {
                error: line.error.as_ref().map(json).transpose()?,
                stats: line.stats.as_ref().map(json).transpose()?,
                boxes: (!line.boxes.is_empty()).then(|| json(&line.boxes)).transpose()?,
            })
        })
        .collect::<Result<_, ErrorView>>()?;
    let all: Vec<Copied<'_>> =
        file.messages.iter().zip(&texts).map(|(line, texts)| copied(line, texts)).collect();
    let settings = ChatSettings {
        model_id: file.model_id.clone(),
        preset_id: file.preset_id.clone(),
        sampling: sampling_json(&file.sampling)?,
        system_prompt: file.system_prompt.clone(),
    };
    let chat = history.chat_copy_in(&title_of(&file.title), &settings, &all, file.leaf);
    chat_view(chat.map_err(history_error)?)
}

/// What the history keeps as text of a message.
struct Texts {
    error: Option<String>,
    stats: Option<String>,
    boxes: Option<String>,
}

fn copied<'a>(line: &'a Line, texts: &'a Texts) -> Copied<'a> {
    Copied {
        parent: line.parent,
        role: match line.role {
            Role::System => history::Role::System,
            Role::User => history::Role::User,
            Role::Assistant => history::Role::Assistant,
        },
        text: &line.text,
        reasoning: &line.reasoning,
        thinking_ms: line.thinking_seconds.map(|seconds| (seconds * 1000.0) as u32),
        state: match line.state {
            MessageState::Streaming => State::Streaming,
            MessageState::Done => State::Done,
            MessageState::Stopped => State::Stopped,
            MessageState::Length => State::Length,
            MessageState::Interrupted => State::Interrupted,
        },
        error: texts.error.as_deref(),
        stats: texts.stats.as_deref(),
        boxes: texts.boxes.as_deref(),
        created_at: &line.created_at,
        pictures: &line.pictures,
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, ErrorView> {
    serde_json::to_string(value).map_err(|error| internal(&error.to_string()))
}

fn invalid(path: &Path, why: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ChatFileInvalid, format!("read the chat: {why}")).with("path", path.display())
}

fn internal(why: &str) -> ErrorView {
    ErrorView::new(ErrorCode::Internal, why)
}
