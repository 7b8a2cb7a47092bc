//! Pictures of a chat: from files to rows of the model's width in the places of the prompt. A picture seen before is
//! not seen again. Where the files come from is decided beside it.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use engine::EmbedSpan;
use models::{ForwardError, VisionProgress, VisionTower};
use protocol::ApiErrorCode;
use serde_json::json;
use sha2::{Digest, Sha256};
use text::{ContentPart, ImageMessage, ImageTemplate, Tokenizer};
use vision::{MAX_IMAGES, Tiles, Tiling};

use crate::error::ApiError;
use crate::request::{Content, Part, Turn};

/// Rows kept for pictures that come again, as every turn of a chat sends its pictures anew.
const MOST_KEPT: usize = 128 << 20;

/// Rows by the name of their picture, the newest last.
type Kept = VecDeque<([u8; 32], Arc<[f32]>)>;

/// What a loaded model sees with.
pub struct Seeing {
    pub template: ImageTemplate,
    pub tiling: Tiling,
    pub vision: Arc<VisionTower>,
    kept: Mutex<Kept>,
}

/// A prompt with the places of its pictures, which were opened and not yet looked at.
pub struct Prepared {
    tokens: Vec<u32>,
    shown: Vec<Shown>,
    /// The first place of each picture.
    places: Vec<usize>,
}

/// A prompt with its pictures.
pub struct Seen {
    pub tokens: Vec<u32>,
    pub spans: Vec<EmbedSpan>,
}

/// How far it is: `done` of `all` steps of picture `picture`, counted from 1, of `pictures`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looking {
    pub picture: usize,
    pub pictures: usize,
    pub done: usize,
    pub all: usize,
}

struct Shown {
    name: [u8; 32],
    tiles: Tiles,
    size: (usize, usize),
}

impl Seeing {
    pub fn new(template: ImageTemplate, tiling: Tiling, vision: Arc<VisionTower>) -> Self {
        Self { template, tiling, vision, kept: Mutex::default() }
    }

    /// The prompt of a chat with the bytes of its pictures, in their order. It computes for a moment: not for a thread that others
    /// wait for.
    ///
    /// # Errors
    /// A picture that cannot be read, turns the model does not know, or a prompt longer than `context`.
    pub fn prepare(
        &self,
        turns: &[Turn],
        pictures: &[Vec<u8>],
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Result<Prepared, ApiError> {
        let mut shown = Vec::new();
        for bytes in pictures {
            shown.push(self.open(bytes, pictures.len())?);
        }
        let mut places = shown.iter().map(|one| self.tiling.tokens(one.tiles.grid));
        let turns: Vec<ImageMessage> =
            turns.iter().map(|turn| self.turn(turn, &mut places)).collect::<Result<_, _>>()?;
        let prompt = self
            .template
            .encode(tokenizer, &turns)
            .map_err(|error| ApiError::invalid("messages", error.to_string()))?;
        let tokens = prompt.tokens.len();
        if tokens >= context {
            let message =
                format!("the prompt with its pictures has {tokens} tokens: the context holds {context}");
            return Err(ApiError {
                whaledeck: Some(Box::new(json!({"tokens": tokens, "context": context}))),
                ..ApiError::of("messages", ApiErrorCode::ContextLengthExceeded, message)
            });
        }
        Ok(Prepared { tokens: prompt.tokens, shown, places: prompt.images })
    }

    /// Looks at the pictures, for long. `goes_on` is asked before each layer.
    ///
    /// # Errors
    /// When `goes_on` said no.
    pub fn look(&self, prepared: Prepared, goes_on: &dyn Fn(Looking) -> bool) -> Result<Seen, ApiError> {
        let Prepared { tokens, shown, places } = prepared;
        let mut spans = Vec::new();
        for (number, (one, at)) in shown.iter().zip(places).enumerate() {
            let (picture, pictures) = (number + 1, shown.len());
            let goes_on = |looked: VisionProgress| {
                goes_on(Looking { picture, pictures, done: looked.layers, all: looked.total })
            };
            spans.push(EmbedSpan { start: at, values: self.rows(one, &goes_on)?, hash: one.name });
        }
        Ok(Seen { tokens, spans })
    }

    fn open(&self, bytes: &[u8], pictures: usize) -> Result<Shown, ApiError> {
        let picture = vision::decode(bytes).map_err(|error| invalid(error.to_string()))?;
        let size = (picture.width, picture.height);
        let grid = self.tiling.grid(size.0, size.1, pictures);
        // The same file is cut otherwise in larger company.
        let hash = Sha256::new_with_prefix(Sha256::digest(bytes));
        let hash = hash
            .chain_update((grid.width as u64).to_le_bytes())
            .chain_update((grid.height as u64).to_le_bytes());
        Ok(Shown { name: hash.finalize().into(), tiles: self.tiling.tiles(&picture, grid), size })
    }

    /// A picture stands on a line of its own, as the model was trained.
    fn turn(&self, turn: &Turn, places: &mut impl Iterator<Item = usize>) -> Result<ImageMessage, ApiError> {
        let mut parts = Vec::new();
        match &turn.content {
            Content::Nothing => {}
            Content::Text(text) => parts.push(ContentPart::Text(text.clone())),
            Content::Parts(list) => {
                for (at, part) in list.iter().enumerate() {
                    if part.kind != "image_url" {
                        parts.push(ContentPart::Text(part.text()?));
                        continue;
                    }
                    parts.push(ContentPart::Image(places.next().expect("each picture was opened")));
                    let next = list.get(at + 1).and_then(|next| next.text.as_deref());
                    if !next.is_some_and(|next| next.starts_with('\n')) {
                        parts.push(ContentPart::Text("\n".to_owned()));
                    }
                }
            }
        }
        Ok(ImageMessage { role: turn.role.clone(), parts })
    }

    fn rows(&self, one: &Shown, goes_on: &dyn Fn(VisionProgress) -> bool) -> Result<Arc<[f32]>, ApiError> {
        if let Some(rows) = self.kept(&one.name) {
            return Ok(rows);
        }
        let grid = [one.tiles.grid.width, one.tiles.grid.height];
        let seen = self.vision.encode(&one.tiles.pixels, grid, goes_on);
        let rows: Arc<[f32]> = seen.map_err(failed)?.into();
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        kept.push_back((one.name, rows.clone()));
        let bytes = |kept: &Kept| kept.iter().map(|(_, rows)| rows.len() * 4).sum::<usize>();
        while bytes(&kept) > MOST_KEPT {
            kept.pop_front();
        }
        Ok(rows)
    }

    /// Rows of a picture seen before; it becomes the newest.
    fn kept(&self, name: &[u8; 32]) -> Option<Arc<[f32]>> {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = kept.iter().position(|(other, _)| other == name)?;
        let one = kept.remove(at)?;
        kept.push_back(one.clone());
        Some(one.1)
    }
}

impl Prepared {
    pub fn into_tokens(self) -> Vec<u32> {
        self.tokens
    }

    /// Width and height of the last picture, which boxes lie on.
    pub fn last(&self) -> Option<(usize, usize)> {
        self.shown.last().map(|one| one.size)
    }
}

fn failed(error: ForwardError) -> ApiError {
    ApiError::new(ApiErrorCode::EngineFailed, error.to_string())
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::of("messages", ApiErrorCode::InvalidImage, message)
}

/// The addresses of all pictures of a chat.
///
/// # Errors
/// A picture without an address, or too many of them.
pub fn addresses(turns: &[Turn]) -> Result<Vec<String>, ApiError> {
    let urls: Vec<&str> = turns.iter().flat_map(Turn::images).collect::<Result<_, _>>()?;
    if urls.len() > MAX_IMAGES {
        let message = format!("{} pictures are shown, and {MAX_IMAGES} are taken", urls.len());
        return Err(ApiError::invalid("messages", message));
    }
    Ok(urls.into_iter().map(str::to_owned).collect())
}

impl Turn {
    /// The URLs of its pictures.
    fn images(&self) -> Vec<Result<&str, ApiError>> {
        let Content::Parts(parts) = &self.content else { return Vec::new() };
        parts.iter().filter(|part| part.kind == "image_url").map(Part::url).collect()
    }
}

impl Part {
    fn url(&self) -> Result<&str, ApiError> {
        let url = self.image_url.as_ref().map(|image| image.url.as_str());
        url.ok_or_else(|| ApiError::invalid("messages", "a part of type image_url has no image_url.url"))
    }
}
