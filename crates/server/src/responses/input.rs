//! The items of a request as messages of a chat. Reasoning, text and calls that follow each other are one
//! message of the assistant, as the chat template writes them.
use protocol::ApiErrorCode;
use protocol::TextOrList;
use protocol::openai::{Arguments, ChatMessage, ContentPart, FunctionCall, MessageContent, ToolCall};
use protocol::responses::{InputItem, InputPart, ResponseInput};

use crate::error::ApiError;

pub fn messages(instructions: Option<String>, input: ResponseInput) -> Result<Vec<ChatMessage>, ApiError> {
    let mut messages: Vec<ChatMessage> = Vec::new();
    messages.extend(instructions.map(|text| ChatMessage::new("system", text)));
    let items = match input {
        TextOrList::Text(text) => {
            messages.push(ChatMessage::new("user", text));
            return Ok(messages);
        }
        TextOrList::List(items) => items,
    };
    for (at, item) in items.into_iter().enumerate() {
        let path = format!("input[{at}]");
        match item.kind.as_deref() {
            None | Some("message") => message(item, &path, &mut messages)?,
            Some("function_call") => {
                let call = call(item, &path)?;
                assistant(&mut messages).tool_calls.get_or_insert_default().push(call);
            }
            Some("function_call_output") => {
                let output = item.output.ok_or_else(|| ApiError::missing(&path, "output"))?;
                let id = item.call_id.ok_or_else(|| ApiError::missing(&path, "call_id"))?;
                let content = content(output, &format!("{path}.output"))?;
                messages.push(ChatMessage {
                    content,
                    tool_call_id: Some(id),
                    ..ChatMessage::new("tool", "")
                });
            }
            Some("reasoning") => {
                let text =
                    item.content.map(|content| text_of(content, &format!("{path}.content"))).transpose()?;
                let reasoning = &mut assistant(&mut messages).reasoning_content;
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    *reasoning.get_or_insert_default() += &text;
                }
            }
            Some(kind) => {
                let message = format!("{path} is an item of type {kind}, which is not supported here");
                return Err(ApiError::of(format!("{path}.type"), ApiErrorCode::UnsupportedContent, message));
            }
        }
    }
    messages.retain(|message| message.role != "assistant" || has_content(message));
    Ok(messages)
}

fn message(item: InputItem, path: &str, messages: &mut Vec<ChatMessage>) -> Result<(), ApiError> {
    let role = item.role.ok_or_else(|| ApiError::missing(path, "role"))?;
    let part = item.content.ok_or_else(|| ApiError::missing(path, "content"))?;
    let path = format!("{path}.content");
    if role == "assistant" {
        let text = text_of(part, &path)?;
        // A second message of the assistant begins where one already has text.
        let last = assistant(messages);
        if last.content == MessageContent::Null && last.tool_calls.is_none() {
            last.content = MessageContent::Text(text);
        } else {
            messages.push(ChatMessage::new("assistant", text));
        }
    } else {
        messages.push(ChatMessage { content: content(part, &path)?, ..ChatMessage::new(&role, "") });
    }
    Ok(())
}

fn call(item: InputItem, path: &str) -> Result<ToolCall, ApiError> {
    let name = item.name.ok_or_else(|| ApiError::missing(path, "name"))?;
    let arguments = Arguments::Text(item.arguments.unwrap_or_default());
    Ok(ToolCall::function(item.call_id.unwrap_or_default(), FunctionCall { name, arguments }))
}

/// The message of the assistant at the end, which is begun where there is none.
fn assistant(messages: &mut Vec<ChatMessage>) -> &mut ChatMessage {
    if messages.last().is_none_or(|last| last.role != "assistant") {
        messages.push(ChatMessage { role: "assistant".to_owned(), ..ChatMessage::default() });
    }
    messages.last_mut().expect("one was pushed")
}

/// Reasoning of another service is encrypted and leaves an empty message.
fn has_content(message: &ChatMessage) -> bool {
    message.content != MessageContent::Null
        || message.tool_calls.is_some()
        || message.reasoning_content.is_some()
}

fn content(content: TextOrList<InputPart>, path: &str) -> Result<MessageContent, ApiError> {
    let parts = match content {
        TextOrList::Text(text) => return Ok(MessageContent::Text(text)),
        TextOrList::List(parts) => parts,
    };
    let parts = parts.into_iter().enumerate().map(|(at, part)| match (part.kind.as_str(), part.image_url) {
        ("input_text" | "output_text" | "reasoning_text" | "text", _) => {
            Ok(ContentPart::text(part.text.unwrap_or_default()))
        }
        ("input_image", Some(url)) => Ok(ContentPart::image_url(url)),
        ("input_image", None) => Err(ApiError::missing(&format!("{path}[{at}]"), "image_url")),
        (kind, _) => {
            let message = format!("{path}[{at}] is a part of type {kind}, which is not supported here");
            Err(ApiError::of(format!("{path}[{at}].type"), ApiErrorCode::UnsupportedContent, message))
        }
    });
    let parts: Vec<ContentPart> = parts.collect::<Result<_, _>>()?;
    Ok(MessageContent::of_parts(parts))
}

fn text_of(part: TextOrList<InputPart>, path: &str) -> Result<String, ApiError> {
    match content(part, path)? {
        MessageContent::Text(text) => Ok(text),
        MessageContent::Parts(_) | MessageContent::Null => {
            Err(ApiError::of(path.to_owned(), ApiErrorCode::UnsupportedContent, "an answer has no image"))
        }
    }
}
