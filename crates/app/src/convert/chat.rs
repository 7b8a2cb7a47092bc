//! Chats and messages of the history as views of the contract. JSON that the history stores as text is parsed
//! here; text that is no longer valid is an error, not a default.
use contract::{
    ChatSummary, ChatView, DocumentKind, DocumentView, ErrorCode, ErrorView, Folder, MessageState,
    MessageView, PictureView, Role, SamplingView, SearchHit, ToolCallState, ToolCallView,
};
use history::{Chat, Document, Image, Message, NewToolCall, State, Summary, ToolCall, is_temporary};
use serde::de::DeserializeOwned;

pub(crate) fn summary(summary: Summary, answering: bool, hit: Option<SearchHit>) -> ChatSummary {
    let temporary = is_temporary(&summary.id);
    ChatSummary {
        id: summary.id,
        title: summary.title,
        model_id: summary.model_id,
        updated_at: summary.updated_at,
        answering,
        folder_id: summary.folder_id,
        temporary,
        hit,
    }
}

pub(crate) fn chat_view(chat: Chat) -> Result<ChatView, ErrorView> {
    let temporary = is_temporary(&chat.id);
    Ok(ChatView {
        id: chat.id,
        title: chat.title,
        model_id: chat.settings.model_id,
        preset_id: chat.settings.preset_id,
        sampling: read(&chat.settings.sampling)?,
        system_prompt: chat.settings.system_prompt,
        context_start: chat.context_start,
        folder_id: chat.folder_id,
        temporary,
        messages: chat.path.into_iter().map(message_view).collect::<Result<_, _>>()?,
    })
}

pub(crate) fn folder_view(folder: history::Folder) -> Result<Folder, ErrorView> {
    Ok(Folder {
        id: folder.id,
        name: folder.name,
        instructions: folder.instructions,
        documents: folder.documents.into_iter().map(document_view).collect::<Result<_, _>>()?,
        chats: folder.chats,
    })
}

pub(crate) fn message_view(message: Message) -> Result<MessageView, ErrorView> {
    Ok(MessageView {
        id: message.id,
        parent_id: message.parent_id,
        role: match message.role {
            history::Role::System => Role::System,
            history::Role::User => Role::User,
            history::Role::Assistant => Role::Assistant,
        },
        text: message.text,
        pictures: message.images.into_iter().map(picture_view).collect(),
        documents: message.documents.into_iter().map(document_view).collect::<Result<_, _>>()?,
        passages: message.passages.as_deref().map(read).transpose()?.unwrap_or_default(),
        calls: message
            .calls
            .into_iter()
            .map(|call| call_view(call, message.state))
            .collect::<Result<_, _>>()?,
        boxes: message.boxes.as_deref().map(read).transpose()?.unwrap_or_default(),
        reasoning: message.reasoning,
        thinking_seconds: message.thinking_ms.map(|ms| f64::from(ms) / 1000.0),
        state: match message.state {
            State::Streaming => MessageState::Streaming,
            State::Done => MessageState::Done,
            State::Stopped => MessageState::Stopped,
            State::Length => MessageState::Length,
            State::Interrupted => MessageState::Interrupted,
        },
        error: message.error.as_deref().map(read).transpose()?,
        stats: message.stats.as_deref().map(read).transpose()?,
        siblings: message.siblings,
        created_at: message.created_at,
    })
}

/// A call that was in progress when the program ended will not go on.
fn call_view(call: ToolCall, message: State) -> Result<ToolCallView, ErrorView> {
    let fields: ToolCallView = read(&call.fields)?;
    let open = matches!(fields.state, ToolCallState::Asking | ToolCallState::Running);
    let state = if open && message != State::Streaming { ToolCallState::Stopped } else { fields.state };
    let read_chars = fields.read_chars as usize;
    let end = call.result.char_indices().nth(read_chars).map_or(call.result.len(), |(at, _)| at);
    Ok(ToolCallView {
        id: call.id,
        state,
        result: call.result[..end].to_owned(),
        result_chars: u32::try_from(call.result_chars).unwrap_or(u32::MAX),
        ..fields
    })
}

/// The result is stored beside the other fields.
pub(crate) fn stored_call(call: &ToolCallView, result: String) -> Result<NewToolCall, ErrorView> {
    let fields = ToolCallView { result: String::new(), ..call.clone() };
    let fields = serde_json::to_string(&fields)
        .map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))?;
    Ok(NewToolCall { id: call.id.clone(), fields, result })
}

pub(crate) fn picture_view(picture: Image) -> PictureView {
    PictureView {
        id: picture.hash,
        kind: picture.kind,
        width: picture.width,
        height: picture.height,
        size: picture.bytes as f64,
    }
}

pub(crate) fn document_view(document: Document) -> Result<DocumentView, ErrorView> {
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(DocumentView {
        id: document.hash,
        name: document.name,
        kind: read(&format!("\"{}\"", document.kind))?,
        size: document.bytes as f64,
        pages: number(document.pages),
        tokens: number(document.tokens),
        scanned: document.scanned,
    })
}

/// The name of a kind as the history stores it.
pub(crate) fn document_kind_key(kind: DocumentKind) -> String {
    let key = serde_json::to_value(kind).ok();
    key.as_ref().and_then(|key| key.as_str()).unwrap_or_default().to_owned()
}

pub(crate) fn sampling_json(sampling: &SamplingView) -> Result<String, ErrorView> {
    serde_json::to_string(sampling).map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ErrorView> {
    serde_json::from_str(text).map_err(|error| {
        ErrorView::new(ErrorCode::HistoryUnreadable, format!("read a value of a chat: {error}"))
    })
}
