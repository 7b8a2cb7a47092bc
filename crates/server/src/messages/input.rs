//! The messages of a request, block by block, as messages of a chat. A user's message with results of tools
//! becomes one message for each result and one for the rest.
use protocol::ApiErrorCode;
use protocol::anthropic::{ImageSource, InputBlock, InputContent, InputMessage};
use protocol::openai::{Arguments, ChatMessage, ContentPart, FunctionCall, MessageContent, ToolCall};

use crate::error::ApiError;

/// Claude Code begins its system prompt with a line of accounting that differs with every request. Left in,
/// no prompt would begin as the one before it, and the prefix cache would never be used.
const BILLING: &str = "x-anthropic-billing-header:";

pub fn messages(
    system: Option<InputContent>,
    turns: Vec<InputMessage>,
) -> Result<Vec<ChatMessage>, ApiError> {
    let mut messages = Vec::new();
    if let Some(system) = system.map(|system| system_text(system, "system")).transpose()? {
        messages.push(ChatMessage::new("system", system));
    }
    for (at, turn) in turns.into_iter().enumerate() {
        let path = format!("messages[{at}].content");
        match turn.role.as_str() {
            "user" => user(turn.content, &path, &mut messages)?,
            "assistant" => messages.push(assistant(turn.content, &path)?),
            "system" => messages.push(ChatMessage::new("system", system_text(turn.content, &path)?)),
            _ => {
                let message = "role is user or assistant";
                return Err(ApiError::invalid(format!("messages[{at}].role"), message));
            }
        }
    }
    // As in Anthropic's API, an answer that was begun is continued.
    if let Some(last) = messages.last_mut()
        && last.role == "assistant"
    {
        last.prefix = true;
    }
    Ok(messages)
}

fn system_text(content: InputContent, path: &str) -> Result<String, ApiError> {
    let texts: Vec<String> = blocks(content)
        .into_iter()
        .enumerate()
        .map(|(at, block)| match block.kind.as_str() {
            "text" => Ok(block.text.unwrap_or_default()),
            kind => Err(unsupported(&format!("{path}[{at}]"), kind)),
        })
        .collect::<Result<_, _>>()?;
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.starts_with(BILLING)).collect();
    Ok(texts.join("\n\n"))
}

fn user(content: InputContent, path: &str, messages: &mut Vec<ChatMessage>) -> Result<(), ApiError> {
    let mut parts = Vec::new();
    for (at, block) in blocks(content).into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        if block.kind == "tool_result" {
            let id = block.tool_use_id.ok_or_else(|| ApiError::missing(&path, "tool_use_id"))?;
            let results = block.content.map(blocks).unwrap_or_default().into_iter().enumerate();
            let results = results
                .map(|(at, block)| part(block, &format!("{path}.content[{at}]")))
                .collect::<Result<_, _>>()?;
            messages.push(ChatMessage {
                content: MessageContent::of_parts(results),
                tool_call_id: Some(id),
                ..ChatMessage::new("tool", "")
            });
        } else {
            parts.push(part(block, &path)?);
        }
    }
    if !parts.is_empty() {
        messages
            .push(ChatMessage { content: MessageContent::of_parts(parts), ..ChatMessage::new("user", "") });
    }
    Ok(())
}

fn assistant(content: InputContent, path: &str) -> Result<ChatMessage, ApiError> {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for (at, block) in blocks(content).into_iter().enumerate() {
        let path = format!("{path}[{at}]");
        match block.kind.as_str() {
            "text" => text += &block.text.unwrap_or_default(),
            "thinking" => reasoning += &block.thinking.unwrap_or_default(),
            // Encrypted by another service; nobody else can read it.
            "redacted_thinking" => {}
            "tool_use" => {
                let name = block.name.ok_or_else(|| ApiError::missing(&path, "name"))?;
                let arguments = Arguments::Object(block.input.unwrap_or_default());
                let function = FunctionCall { name, arguments };
                calls.push(ToolCall::function(block.id.unwrap_or_default(), function));
            }
            kind => return Err(unsupported(&path, kind)),
        }
    }
    Ok(ChatMessage {
        reasoning_content: Some(reasoning).filter(|reasoning| !reasoning.is_empty()),
        tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
        ..ChatMessage::new("assistant", text)
    })
}

fn blocks(content: InputContent) -> Vec<InputBlock> {
    match content {
        InputContent::Text(text) => {
            vec![InputBlock { kind: "text".to_owned(), text: Some(text), ..InputBlock::default() }]
        }
        InputContent::List(blocks) => blocks,
    }
}

fn part(block: InputBlock, path: &str) -> Result<ContentPart, ApiError> {
    match (block.kind.as_str(), block.source) {
        ("text", _) => Ok(ContentPart::text(block.text.unwrap_or_default())),
        ("image", Some(source)) => image_url(source, path).map(ContentPart::image_url),
        ("image", None) => Err(ApiError::missing(path, "source")),
        (kind, _) => Err(unsupported(path, kind)),
    }
}

/// A data URL, or the address itself.
fn image_url(source: ImageSource, path: &str) -> Result<String, ApiError> {
    let ImageSource { kind, media_type, data, url } = source;
    match (kind.as_str(), media_type, data, url) {
        ("base64", Some(media_type), Some(data), _) => Ok(format!("data:{media_type};base64,{data}")),
        ("url", _, _, Some(url)) => Ok(url),
        _ => {
            let message = "an image comes as base64 with its media_type and data, or as url";
            Err(ApiError::invalid(format!("{path}.source"), message))
        }
    }
}

fn unsupported(path: &str, kind: &str) -> ApiError {
    let message = format!("{path} is a block of type {kind}, which is not supported here");
    ApiError::of(format!("{path}.type"), ApiErrorCode::UnsupportedContent, message)
}
