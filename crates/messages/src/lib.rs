//! The sentences of the app in English and Chinese: codes and values come in, text goes out. The sentences are
//! in assets/messages, one file per subject, which the window reads too. Knows no file, no network and no host.

mod catalogue;
mod errors;
mod lang;
mod plans;
mod template;

pub use errors::{ErrorMessage, error_message, terminal_text};
pub use lang::{Lang, bytes, counted, grouped};
pub use plans::plan_message;
