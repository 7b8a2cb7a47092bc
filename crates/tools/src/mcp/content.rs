//! The content of a result as text. What is no text is named with its kind and size: a model of text cannot
//! read it.
use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

use crate::ToolResult;

pub(super) fn result_of(result: CallToolResult) -> ToolResult {
    let is_error = result.is_error.unwrap_or(false);
    let mut parts: Vec<String> = result.content.into_iter().map(part).collect();
    if parts.iter().all(String::is_empty)
        && let Some(structured) = result.structured_content
    {
        parts = vec![structured.to_string()];
    }
    ToolResult { text: parts.join("\n"), is_error }
}

fn part(block: ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text,
        ContentBlock::Image(image) => data("image", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => data("audio", &audio.mime_type, &audio.data),
        ContentBlock::Resource(resource) => match resource.resource {
            ResourceContents::TextResourceContents { text, .. } => text,
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                data(&uri, mime_type.as_deref().unwrap_or("unknown"), &blob)
            }
            _ => String::new(),
        },
        ContentBlock::ResourceLink(link) => format!("[{}]({})", link.name, link.uri),
        _ => String::new(),
    }
}

fn data(what: &str, kind: &str, base64: &str) -> String {
    // Four letters are three bytes.
    format!("[{what}: {kind}, {} bytes, not shown]", base64.len() / 4 * 3)
}
