//! Images of a chat: fetched, decoded into tiles, and encoded by the vision tower to rows of the model's
//! width.
mod encoder;
mod fetcher;
mod vision_run;

use protocol::ApiErrorCode;
use protocol::openai::{ChatMessage, ContentPart, MessageContent};
use vision::MAX_IMAGES;

pub use self::encoder::{EncodedPrompt, ImageEncoder, ImagePrompt};
pub use self::fetcher::ImageFetcher;
pub use self::vision_run::VisionRun;
use crate::error::ApiError;

/// The URLs of all images of a chat, in their order.
///
/// # Errors
/// An image without a URL, or too many of them.
pub fn image_urls(messages: &[ChatMessage]) -> Result<Vec<String>, ApiError> {
    let mut urls = Vec::new();
    for message in messages {
        let MessageContent::Parts(parts) = &message.content else { continue };
        for part in parts.iter().filter(|part| part.kind == "image_url") {
            let url = part.image_url.as_ref().map(|image| image.url.clone());
            urls.push(url.ok_or_else(|| {
                ApiError::invalid("messages", "a part of type image_url has no image_url.url")
            })?);
        }
    }
    if urls.len() > MAX_IMAGES {
        let message = format!("{} images; the limit is {MAX_IMAGES}", urls.len());
        return Err(ApiError::invalid("messages", message));
    }
    Ok(urls)
}

/// # Errors
/// A part that is not text.
pub fn text_of(part: &ContentPart) -> Result<String, ApiError> {
    let text = part.text.clone().filter(|_| part.kind == "text");
    text.ok_or_else(|| {
        let message = format!("this model supports text only, not {}", part.kind);
        ApiError::of("messages", ApiErrorCode::UnsupportedContent, message)
    })
}
