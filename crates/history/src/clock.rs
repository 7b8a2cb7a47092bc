//! The time of chats, messages and images: RFC 3339 in UTC.
//! Text of one width, so that the database sorts it.

/// The current time with a fixed number of digits, so that it sorts as text.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
