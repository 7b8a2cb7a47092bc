//! Export and import of a chat as one JSON file with a version: every branch, every image as base64, and the
//! text of every document.
//! An imported file is untrusted input.
use std::collections::HashSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{
    AnswerStats, AppEvent, BoxView, ChatView, DocumentView, ErrorCode, ErrorView, MessageState, PassageView,
    Role, SamplingView, ToolCallView,
};
use history::{
    ChatSettings, Document, DocumentText, History, HistoryError, ImportedMessage, NewToolCall, State,
};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::blocking::blocking;
use crate::chats::{check, title_of};
use crate::convert::{
    chat_view, document_kind_key, history_error, message_view, sampling_json, storage_error, stored_call,
};
use crate::exchange_file::{ExchangeFile, Header};
use crate::images::store_image;

const KIND: ExchangeFile = ExchangeFile {
    format: "whaledeck-chat",
    version: 1,
    // More than any real chat needs, its images included.
    max_bytes: 1 << 30,
    action: "read the chat",
    invalid: ErrorCode::ChatFileInvalid,
};

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    title: String,
    model_id: String,
    preset_id: String,
    sampling: SamplingView,
    system_prompt: String,
    /// Index in `messages` of the end of the selected branch.
    leaf: Option<usize>,
    messages: Vec<ExportedMessage>,
    pictures: Vec<ExportedImage>,
    /// Absent in the files of earlier versions.
    #[serde(default)]
    documents: Vec<ExportedDocument>,
}

#[derive(Serialize, Deserialize)]
struct ExportedMessage {
    /// Index in `messages`; smaller than the index of this message.
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
    #[serde(default)]
    documents: Vec<String>,
    #[serde(default)]
    passages: Vec<PassageView>,
    #[serde(default)]
    calls: Vec<ExportedCall>,
    /// RFC 3339.
    created_at: String,
}

#[derive(Serialize, Deserialize)]
struct ExportedCall {
    #[serde(flatten)]
    call: ToolCallView,
    /// `result` of the call is only what the model was given.
    whole_result: String,
}

#[derive(Serialize, Deserialize)]
struct ExportedImage {
    /// SHA-256 of the bytes.
    id: String,
    kind: String,
    data: String,
}

#[derive(Serialize, Deserialize)]
struct ExportedDocument {
    #[serde(flatten)]
    document: DocumentView,
    text: Vec<ExportedPage>,
}

#[derive(Serialize, Deserialize)]
struct ExportedPage {
    label: Option<String>,
    text: String,
}

impl App {
    /// Writes the chat to a file, which is replaced atomically.
    pub async fn chat_export(&self, chat_id: &str, path: &Path) -> Result<(), ErrorView> {
        let (history, id, path) = (self.chats_file.of(chat_id)?, chat_id.to_owned(), path.to_owned());
        blocking("use the chats", move || export_file(&history, &id, &path)).await
    }

    /// Adds the chat of a file as a new chat. Nothing is added unless the whole file is valid.
    pub async fn chat_import(&self, path: &Path) -> Result<ChatView, ErrorView> {
        let (history, path) = (self.chats_file.writable()?, path.to_owned());
        let chat = blocking("use the chats", move || {
            let file: File = KIND.read(&path)?;
            add(&history, &file).map_err(|error| {
                if error.code == ErrorCode::DiskFull { error } else { error.with("path", path.display()) }
            })
        })
        .await?;
        self.host.emit(AppEvent::ChatsChanged);
        Ok(chat)
    }
}

pub(crate) fn export_file(history: &History, chat_id: &str, path: &Path) -> Result<(), ErrorView> {
    let file = export(history, chat_id)?;
    let text = serde_json::to_vec_pretty(&file).map_err(|error| internal(&error.to_string()))?;
    store::replace(path, &text).map_err(|error| storage_error("save the chat", path, &error))
}

fn export(history: &History, chat_id: &str) -> Result<File, ErrorView> {
    let chat = chat_view(history.chat(chat_id).map_err(history_error)?)?;
    let all = history.messages(chat_id).map_err(history_error)?;
    let index = |id: &str| all.iter().position(|message| message.id == id);
    let last = chat.messages.last().map(|message| message.id.clone());
    let leaf = last.and_then(|id| index(&id));
    let parents: Vec<Option<usize>> =
        all.iter().map(|message| message.parent_id.as_deref().and_then(index)).collect();
    let mut seen = HashSet::new();
    let (mut messages, mut pictures, mut documents) = (Vec::new(), Vec::new(), Vec::new());
    for (message, parent) in all.into_iter().zip(parents) {
        let message = message_view(message)?;
        for picture in &message.pictures {
            if seen.insert(picture.id.clone()) {
                let bytes = history.image_bytes(&picture.id).map_err(history_error)?;
                let (id, kind) = (picture.id.clone(), picture.kind.clone());
                pictures.push(ExportedImage { id, kind, data: STANDARD.encode(bytes) });
            }
        }
        for document in &message.documents {
            if seen.insert(document.id.clone()) {
                documents.push(exported_document(history, document.clone()).map_err(history_error)?);
            }
        }
        messages.push(ExportedMessage {
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
            documents: message.documents.into_iter().map(|document| document.id).collect(),
            passages: message.passages,
            calls: exported_calls(history, chat_id, message.calls).map_err(history_error)?,
            created_at: message.created_at,
        });
    }
    Ok(File {
        format: KIND.format.into(),
        version: KIND.version,
        title: chat.title,
        model_id: chat.model_id,
        preset_id: chat.preset_id,
        sampling: chat.sampling,
        system_prompt: chat.system_prompt,
        leaf,
        messages,
        pictures,
        documents,
    })
}

fn exported_calls(
    history: &History,
    chat_id: &str,
    calls: Vec<ToolCallView>,
) -> Result<Vec<ExportedCall>, HistoryError> {
    let exported = |call: ToolCallView| {
        let whole_result = history.tool_call_result(chat_id, &call.id)?.unwrap_or_default();
        Ok(ExportedCall { call, whole_result })
    };
    calls.into_iter().map(exported).collect()
}

fn exported_document(history: &History, document: DocumentView) -> Result<ExportedDocument, HistoryError> {
    let pages = history.document_pages(&document.id)?.into_iter();
    let text = pages.map(|page| ExportedPage { label: page.label, text: page.text }).collect();
    Ok(ExportedDocument { document, text })
}

impl Header for File {
    fn format(&self) -> &str {
        &self.format
    }

    fn version(&self) -> u32 {
        self.version
    }
}

fn add(history: &History, file: &File) -> Result<ChatView, ErrorView> {
    let invalid_chat =
        |reason: String| ErrorView::new(ErrorCode::ChatFileInvalid, format!("add the chat: {reason}"));
    check(&file.sampling).map_err(|error| invalid_chat(error.message))?;
    for (at, message) in file.messages.iter().enumerate() {
        if message.parent.is_some_and(|parent| parent >= at) {
            return Err(invalid_chat(format!("message {at} answers a later one")));
        }
        if message.created_at.parse::<jiff::Timestamp>().is_err() {
            return Err(invalid_chat(format!("the time of message {at} is none")));
        }
        if let Some(id) = message.pictures.iter().find(|id| !file.pictures.iter().any(|one| one.id == **id)) {
            return Err(invalid_chat(format!("picture {id} of message {at} is missing")));
        }
    }
    if let Some(id) = file
        .messages
        .iter()
        .flat_map(|message| &message.documents)
        .find(|id| !file.documents.iter().any(|one| one.document.id == **id))
    {
        return Err(invalid_chat(format!("document {id} is missing")));
    }
    let mut added = Vec::new();
    let chat = pictures(history, file, &mut added)
        .and_then(|()| documents(history, file))
        .and_then(|()| messages(history, file));
    if chat.is_err() {
        // No message refers to the images of a refused file.
        for id in added {
            history.image_discard(&id).map_err(history_error)?;
        }
    }
    chat
}

fn pictures(history: &History, file: &File, added: &mut Vec<String>) -> Result<(), ErrorView> {
    let invalid_chat =
        |reason: String| ErrorView::new(ErrorCode::ChatFileInvalid, format!("add the chat: {reason}"));
    for one in &file.pictures {
        let bytes = STANDARD
            .decode(&one.data)
            .map_err(|error| invalid_chat(format!("picture {}: {error}", one.id)))?;
        let stored = store_image(history, &bytes)?;
        added.push(stored.id.clone());
        if stored.id != one.id {
            return Err(invalid_chat(format!("picture {} is another one, {}", one.id, stored.id)));
        }
    }
    Ok(())
}

/// The text comes with the file; a document that nothing refers to in the end is deleted after a day.
fn documents(history: &History, file: &File) -> Result<(), ErrorView> {
    for ExportedDocument { document, text } in &file.documents {
        if document.id.len() != 64 || !document.id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = format!("add the chat: {} is no id of a document", document.id);
            return Err(ErrorView::new(ErrorCode::ChatFileInvalid, message));
        }
        let stored = Document {
            hash: document.id.clone(),
            name: document.name.clone(),
            kind: document_kind_key(document.kind),
            bytes: document.size as u64,
            pages: text.len() as u64,
            tokens: document.tokens.into(),
            scanned: document.scanned.clone(),
        };
        let page = |page: &ExportedPage| DocumentText { label: page.label.clone(), text: page.text.clone() };
        let pages: Vec<DocumentText> = text.iter().map(page).collect();
        history.document_import(&stored, &pages).map_err(history_error)?;
    }
    Ok(())
}

fn messages(history: &History, file: &File) -> Result<ChatView, ErrorView> {
    let fields: Vec<JsonFields> = file
        .messages
        .iter()
        .map(|message| {
            Ok(JsonFields {
                error: message.error.as_ref().map(json).transpose()?,
                stats: message.stats.as_ref().map(json).transpose()?,
                boxes: (!message.boxes.is_empty()).then(|| json(&message.boxes)).transpose()?,
                calls: message.calls.iter().map(stored).collect::<Result<_, _>>()?,
                passages: (!message.passages.is_empty()).then(|| json(&message.passages)).transpose()?,
            })
        })
        .collect::<Result<_, ErrorView>>()?;
    let all: Vec<ImportedMessage<'_>> =
        file.messages.iter().zip(&fields).map(|(message, fields)| history_message(message, fields)).collect();
    let settings = ChatSettings {
        model_id: file.model_id.clone(),
        preset_id: file.preset_id.clone(),
        sampling: sampling_json(&file.sampling)?,
        system_prompt: file.system_prompt.clone(),
    };
    let chat = history.chat_import(&title_of(&file.title), &settings, &all, file.leaf);
    chat_view(chat.map_err(history_error)?)
}

/// The values of a message that the history stores as JSON.
struct JsonFields {
    error: Option<String>,
    stats: Option<String>,
    boxes: Option<String>,
    passages: Option<String>,
    calls: Vec<NewToolCall>,
}

fn stored(exported: &ExportedCall) -> Result<NewToolCall, ErrorView> {
    stored_call(&exported.call, exported.whole_result.clone())
}

fn history_message<'a>(message: &'a ExportedMessage, fields: &'a JsonFields) -> ImportedMessage<'a> {
    ImportedMessage {
        parent: message.parent,
        role: match message.role {
            Role::System => history::Role::System,
            Role::User => history::Role::User,
            Role::Assistant => history::Role::Assistant,
        },
        text: &message.text,
        reasoning: &message.reasoning,
        thinking_ms: message.thinking_seconds.map(|seconds| (seconds * 1000.0) as u32),
        state: match message.state {
            MessageState::Streaming => State::Streaming,
            MessageState::Done => State::Done,
            MessageState::Stopped => State::Stopped,
            MessageState::Length => State::Length,
            MessageState::Interrupted => State::Interrupted,
        },
        error: fields.error.as_deref(),
        stats: fields.stats.as_deref(),
        boxes: fields.boxes.as_deref(),
        passages: fields.passages.as_deref(),
        created_at: &message.created_at,
        images: &message.pictures,
        documents: &message.documents,
        calls: &fields.calls,
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, ErrorView> {
    serde_json::to_string(value).map_err(|error| internal(&error.to_string()))
}

fn internal(reason: &str) -> ErrorView {
    ErrorView::new(ErrorCode::Internal, reason)
}
