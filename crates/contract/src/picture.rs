//! Images: the stored file, the tokens that a model makes of it, and the boxes of visual grounding.
//! Boxes are in pixels, or in 0..=999 of the sides where the answer does not tell which image it means.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{DocumentView, ErrorView};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PictureView {
    /// SHA-256 of its bytes.
    pub id: String,
    /// Media type, such as `image/png`.
    pub kind: String,
    /// Pixels, after the rotation of the EXIF data.
    pub width: u32,
    pub height: u32,
    /// Bytes.
    pub size: f64,
}

/// An image or a file of the clipboard: attached as an image or as a document, or the error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PastedFile {
    /// The file name; empty for an image without a file.
    pub name: String,
    pub image: Option<PictureView>,
    pub document: Option<DocumentView>,
    pub error: Option<ErrorView>,
}

impl PastedFile {
    pub fn image(name: String, attached: Result<PictureView, ErrorView>) -> Self {
        let (image, error) = split(attached);
        Self { name, image, document: None, error }
    }

    pub fn document(name: String, attached: Result<DocumentView, ErrorView>) -> Self {
        let (document, error) = split(attached);
        Self { name, image: None, document, error }
    }
}

fn split<T>(result: Result<T, ErrorView>) -> (Option<T>, Option<ErrorView>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    }
}

/// The largest coordinate of DeepSeek-VL2's boxes; both sides of an image are 0 to 999.
pub const BOX_SCALE: u32 = 999;

/// An object that an answer names, with its areas in an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct BoxView {
    pub label: String,
    /// `None` where the conversation has several images and does not say which one is meant. Areas are then
    /// in 0..=999.
    pub picture_id: Option<String>,
    pub areas: Vec<AreaView>,
}

/// In pixels of the image, from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct AreaView {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    Sees,
    /// A text-only model.
    Blind,
    /// Only the service of the model knows it.
    Unknown,
}

/// The cost of the images of a conversation, before they are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PicturesPlan {
    pub sight: Sight,
    /// The cost of each new image, in order; empty unless the model accepts images and runs on this computer.
    pub each: Vec<PicturePlan>,
    /// The number of images of the whole conversation, and their tokens; 0 tokens where that is not known.
    pub pictures: u32,
    pub tokens: u32,
    /// The context length of the model on this computer, in tokens.
    pub context: Option<u32>,
    /// For a text-only model: a model that accepts images and fits this computer.
    pub offer: Option<SightOffer>,
}

/// The tiling of one image: one global view, and a grid of local tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PicturePlan {
    pub id: String,
    pub columns: u32,
    pub rows: u32,
    pub tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SightOffer {
    pub model_id: String,
    pub name: String,
    /// The model can answer now; otherwise it must be downloaded first.
    pub ready: bool,
    /// Bytes to download, or on the disk.
    pub size: f64,
}
