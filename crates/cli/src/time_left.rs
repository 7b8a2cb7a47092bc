//! How long a download or a prompt still takes, as the end of a line.
//! What is measured is the matter of the callers.
use messages::{CliMessage, Lang};

/// With the comma before it.
pub fn time_left(seconds: f64, lang: Lang) -> String {
    let minutes = seconds / 60.0;
    let (message, count) = if seconds < 90.0 {
        (CliMessage::SecondsLeft, format!("{seconds:.0}"))
    } else if minutes < 90.0 {
        (CliMessage::MinutesLeft, format!("{minutes:.0}"))
    } else {
        (CliMessage::HoursLeft, format!("{:.1}", minutes / 60.0))
    };
    message.with(lang, &[("count", &count)])
}
