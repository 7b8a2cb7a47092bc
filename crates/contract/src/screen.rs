//! Screenshots: how this desktop takes one, and the result. Image data is base64 of a whole file. Only the
//! desktop host takes screenshots; `app` does not know these types.
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ScreenWay {
    /// This desktop does not allow screenshots.
    Nothing,
    /// The desktop asks the user for the region.
    Desktop,
    /// The whole screen is captured, and the user crops it in the page.
    Cut,
    /// The system's tool leaves the image on the clipboard.
    Clipboard,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScreenTaken {
    /// The user cancelled.
    Nothing,
    /// The region that the user chose: an image file as base64, with its media type.
    Part { data: String, media: String },
    /// The whole screen, which the user crops.
    Whole { data: String, media: String },
    /// The image will be on the clipboard.
    Clipboard,
}
