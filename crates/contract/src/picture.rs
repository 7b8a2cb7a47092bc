//! Images: the stored file, the tokens that a model makes of it, and the boxes of visual grounding.
//! Boxes are in pixels, or in 0..=999 of the sides where the answer does not tell which image it means.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PictureView {
    /// SHA-256 of its bytes.
    pub id: String,
    /// Media type, such as `image/png`.
    pub kind: String,
    /// Pixels, turned as the file says.
    pub width: u32,
    pub height: u32,
    /// Bytes.
    pub size: f64,
}

/// An image of the clipboard: attached, or refused and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PastedImage {
    /// Of its file; empty for an image without one.
    pub name: String,
    pub image: Option<PictureView>,
    pub error: Option<ErrorView>,
}

impl PastedImage {
    pub fn new(name: String, attached: Result<PictureView, ErrorView>) -> Self {
        let (image, error) = match attached {
            Ok(image) => (Some(image), None),
            Err(error) => (None, Some(error)),
        };
        Self { name, image, error }
    }
}

/// Sides of an image as DeepSeek-VL2 writes boxes: 0 to 999.
pub const BOX_SCALE: u32 = 999;

/// Something that an answer names, and where in a picture it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct BoxView {
    pub label: String,
    /// `None` where several images are in the conversation and it does not tell which one is meant; areas are then in
    /// 0..=999 of the sides.
    pub picture_id: Option<String>,
    pub areas: Vec<AreaView>,
}

/// In pixels of the picture, from its upper left corner.
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
    /// A model of text alone.
    Blind,
    /// Only the service of the model knows.
    Unknown,
}

/// What a model would make of the pictures of a conversation, before they are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct PicturesPlan {
    pub sight: Sight,
    /// Of the pictures that were asked about, in their order; empty unless the model sees and runs here.
    pub each: Vec<PicturePlan>,
    /// Pictures of the whole conversation, and the tokens that they take; 0 tokens where that is not known.
    pub pictures: u32,
    pub tokens: u32,
    /// Tokens that a conversation of this model holds here.
    pub context: Option<u32>,
    /// For a model of text alone: one that sees and fits this computer.
    pub offer: Option<SightOffer>,
}

/// How one picture is cut: the whole once, and tiles beside and above each other.
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
    /// It can answer now; otherwise it is downloaded first.
    pub ready: bool,
    /// Bytes to download, or on the disk.
    pub size: f64,
}
