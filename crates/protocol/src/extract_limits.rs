//! What the process that reads a document may use. It sets the limits itself; the process that started it
//! waits as long as this and says the numbers to the user.
use crate::Bytes;

/// Address space: the file, what it unpacks to, and the picture of a page.
pub const MEMORY: Bytes = Bytes(3 << 30);
/// Seconds of processor time. A book of a thousand pages takes a few.
pub const CPU_SECONDS: u64 = 120;
