//! What the window shares with the desktop around it: links that were opened, the tray, the start at login.
//! What a page does with a link is its own matter.
use serde::{Deserialize, Serialize};
use specta::Type;

/// A `whaledeck://` link that was opened, or an entry of the tray or a notification that was chosen. Nothing
/// is sent or downloaded by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LinkView {
    /// A new chat with this text in the message box.
    NewChat { model_id: Option<String>, text: String, temporary: bool },
    /// A chat of the list.
    Chat { id: String },
    /// The page of models, looking for a repository or an address of one.
    Models { search: String },
}

/// What the desktop offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DesktopView {
    /// The desktop shows the tray of this program; without it, a hidden window could not be found again.
    pub tray: bool,
    /// The program starts at login.
    pub autostart: bool,
}
