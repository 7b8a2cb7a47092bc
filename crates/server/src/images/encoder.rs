//! From the bytes of images to rows of the model's width in their places of the prompt. Rows are cached by
//! the image's hash, because every turn of a chat sends its images again.
use std::collections::VecDeque;
use std::sync::Arc;

use engine::EmbedSpan;
use models::{ForwardError, VisionTower};
use parking_lot::Mutex;
use protocol::openai::{ChatMessage, ContentPart, MessageContent};
use protocol::{ApiErrorCode, PromptSize, VisionProgress};
use sha2::{Digest, Sha256};
use text::{ImageMessage, ImageTemplate, Tokenizer};
use vision::{Tiles, Tiling};

use super::text_of;
use crate::error::ApiError;

/// Bytes of cached rows.
const CACHE_BYTES: usize = 128 << 20;

/// Rows [tokens, hidden] by the hash of their image, the most recently used last.
type RowCache = VecDeque<([u8; 32], Arc<[f32]>)>;

/// The vision side of a loaded model.
pub struct ImageEncoder {
    pub template: ImageTemplate,
    pub tiling: Tiling,
    pub tower: Arc<VisionTower>,
    cache: Mutex<RowCache>,
}

/// A prompt with the places of its images, which are decoded and not yet encoded.
pub struct ImagePrompt {
    tokens: Vec<u32>,
    images: Vec<TiledImage>,
    /// The first place of each image.
    places: Vec<usize>,
}

/// A prompt with the rows of its images.
pub struct EncodedPrompt {
    pub tokens: Vec<u32>,
    pub spans: Vec<EmbedSpan>,
}

struct TiledImage {
    hash: [u8; 32],
    tiles: Tiles,
    /// Width and height before tiling.
    size: (usize, usize),
}

impl ImageEncoder {
    pub fn new(template: ImageTemplate, tiling: Tiling, tower: Arc<VisionTower>) -> Self {
        Self { template, tiling, tower, cache: Mutex::default() }
    }

    /// The prompt of a chat with the bytes of its images, in their order. Decoding takes a moment: call it on
    /// a blocking thread.
    ///
    /// # Errors
    /// An image that cannot be decoded, roles the model does not know, or a prompt longer than `context`.
    pub fn prompt(
        &self,
        messages: &[ChatMessage],
        images: &[Vec<u8>],
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Result<ImagePrompt, ApiError> {
        let count = images.len();
        let images: Vec<TiledImage> =
            images.iter().map(|bytes| self.tile(bytes, count)).collect::<Result<_, _>>()?;
        let mut sizes = images.iter().map(|image| self.tiling.tokens(image.tiles.grid));
        let messages: Vec<ImageMessage> =
            messages.iter().map(|one| message(one, &mut sizes)).collect::<Result<_, _>>()?;
        let prompt = self
            .template
            .encode(tokenizer, &messages)
            .map_err(|error| ApiError::invalid("messages", error.to_string()))?;
        let tokens = prompt.tokens.len();
        if tokens >= context {
            let message =
                format!("the prompt with its images has {tokens} tokens: the context has {context}");
            return Err(ApiError {
                prompt_size: Some(PromptSize { tokens: tokens.into(), context: context.into() }),
                ..ApiError::of("messages", ApiErrorCode::ContextLengthExceeded, message)
            });
        }
        Ok(ImagePrompt { tokens: prompt.tokens, images, places: prompt.images })
    }

    /// Runs the vision tower, which takes long. `progress` is called before each layer.
    ///
    /// # Errors
    /// When `progress` returned false.
    pub fn encode(
        &self,
        prompt: ImagePrompt,
        progress: &dyn Fn(VisionProgress) -> bool,
    ) -> Result<EncodedPrompt, ApiError> {
        let ImagePrompt { tokens, images, places } = prompt;
        let count = images.len() as u32;
        let mut spans = Vec::new();
        for (number, (image, at)) in (1..).zip(images.iter().zip(places)) {
            let progress = |layer: models::VisionProgress| {
                let (done, total) = (layer.layers as u32, layer.total as u32);
                progress(VisionProgress { image: number, images: count, done, total })
            };
            spans.push(EmbedSpan { start: at, values: self.rows(image, &progress)?, hash: image.hash });
        }
        Ok(EncodedPrompt { tokens, spans })
    }

    fn tile(&self, bytes: &[u8], count: usize) -> Result<TiledImage, ApiError> {
        let image = vision::decode(bytes)
            .map_err(|error| ApiError::of("messages", ApiErrorCode::InvalidImage, error.to_string()))?;
        let size = (image.width, image.height);
        let grid = self.tiling.grid(size.0, size.1, count);
        // The grid depends on the number of images, so it is a part of the hash.
        let hash = Sha256::new_with_prefix(Sha256::digest(bytes));
        let hash = hash
            .chain_update((grid.width as u64).to_le_bytes())
            .chain_update((grid.height as u64).to_le_bytes());
        Ok(TiledImage { hash: hash.finalize().into(), tiles: self.tiling.tiles(&image, grid), size })
    }

    fn rows(
        &self,
        image: &TiledImage,
        progress: &dyn Fn(models::VisionProgress) -> bool,
    ) -> Result<Arc<[f32]>, ApiError> {
        if let Some(rows) = self.cached(&image.hash) {
            return Ok(rows);
        }
        let grid = [image.tiles.grid.width, image.tiles.grid.height];
        let rows = self.tower.encode(&image.tiles.pixels, grid, progress);
        let failed = |error: ForwardError| ApiError::new(ApiErrorCode::EngineFailed, error.to_string());
        let rows: Arc<[f32]> = rows.map_err(failed)?.into();
        let mut cache = self.cache.lock();
        cache.push_back((image.hash, rows.clone()));
        let bytes = |cache: &RowCache| cache.iter().map(|(_, rows)| rows.len() * 4).sum::<usize>();
        while bytes(&cache) > CACHE_BYTES {
            cache.pop_front();
        }
        Ok(rows)
    }

    /// Rows of an image that was encoded before, which becomes the most recently used.
    fn cached(&self, hash: &[u8; 32]) -> Option<Arc<[f32]>> {
        let mut cache = self.cache.lock();
        let at = cache.iter().position(|(other, _)| other == hash)?;
        let entry = cache.remove(at)?;
        cache.push_back(entry.clone());
        Some(entry.1)
    }
}

impl ImagePrompt {
    pub fn into_tokens(self) -> Vec<u32> {
        self.tokens
    }

    /// Width and height of the last image, which boxes refer to.
    pub fn last_size(&self) -> Option<(usize, usize)> {
        self.images.last().map(|image| image.size)
    }
}

/// An image stands on a line of its own, as the model was trained. `sizes` are the tokens of the images.
fn message(message: &ChatMessage, sizes: &mut impl Iterator<Item = usize>) -> Result<ImageMessage, ApiError> {
    let mut parts = Vec::new();
    match &message.content {
        MessageContent::Null => {}
        MessageContent::Text(text) => parts.push(text::ContentPart::Text(text.clone())),
        MessageContent::Parts(list) => {
            for (at, part) in list.iter().enumerate() {
                if part.kind != "image_url" {
                    parts.push(text::ContentPart::Text(text_of(part)?));
                    continue;
                }
                parts.push(text::ContentPart::Image(sizes.next().expect("each picture was opened")));
                if !list.get(at + 1).is_some_and(begins_with_newline) {
                    parts.push(text::ContentPart::Text("\n".to_owned()));
                }
            }
        }
    }
    Ok(ImageMessage { role: message.role.clone(), parts })
}

fn begins_with_newline(part: &ContentPart) -> bool {
    part.text.as_deref().is_some_and(|text| text.starts_with('\n'))
}
