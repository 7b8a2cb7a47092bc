//! Screenshots: how this desktop takes one, and the result. Image data is base64 of a whole file. Only the
//! desktop host takes screenshots; `app` does not know these types.
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ScreenWay {
    /// This desktop lets no program see the screen.
    Nothing,
    /// The desktop asks the person which part it shall be.
    Desktop,
    /// The whole screen is taken, and the person cuts the part out here.
    Cut,
    /// The system's own tool leaves the picture on the clipboard.
    Clipboard,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScreenTaken {
    /// The person closed it.
    Nothing,
    /// The part that the person chose: a picture file as base64, with its media type.
    Part { data: String, media: String },
    /// Everything on the screen, of which the person cuts a part.
    Whole { data: String, media: String },
    /// It will lie on the clipboard.
    Clipboard,
}
