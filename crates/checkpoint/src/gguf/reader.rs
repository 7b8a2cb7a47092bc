//! Reads integers and strings from a header. It never reads past the end and never allocates more than the
//! file's length.
use super::HeaderError;

/// Limit of names and keys; string values such as chat templates may be longer.
const MAX_NAME: u64 = 1024;

/// A cursor over the bytes of a header.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, HeaderError>;

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Unread bytes.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N as u64)?;
        Ok(bytes.try_into().expect("as many as were asked for"))
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A string: its length, then its bytes.
    pub fn text(&mut self) -> Result<&'a str> {
        let len = self.u64()?;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| HeaderError::invalid("a text in its header is not UTF-8"))
    }

    /// A string that is a tensor name or a key.
    pub fn name(&mut self) -> Result<&'a str> {
        let name = self.text()?;
        if name.is_empty() || name.len() as u64 > MAX_NAME {
            return Err(HeaderError::invalid(format!("a name in its header has {} bytes", name.len())));
        }
        Ok(name)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8]> {
        if len > self.left() as u64 {
            return Err(HeaderError::Truncated { expected: (self.at as u64).saturating_add(len) });
        }
        let bytes = &self.bytes[self.at..][..len as usize];
        self.at += len as usize;
        Ok(bytes)
    }
}
