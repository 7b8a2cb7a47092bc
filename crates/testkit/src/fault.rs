//! Faults of the hub: which kind, for which responses and how often.
//! Does not know how a fault is carried out.

use std::time::Duration;

/// The responses that a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultTarget {
    /// Metadata of a repository: its commit and its files.
    Listing,
    /// A file by its path in the repository, at the hub or at the storage that it redirects to.
    File(String),
    AnyFile,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    CutAfter(usize),
    StallAfter(usize),
    WrongByte(usize),
    Status { status: u16, error_code: Option<String>, retry_after: Option<u64> },
    ExpiredLink,
    IgnoreRange,
    ListedSize(u64),
    LoginPage,
    CaptivePortal,
    ContentEncoding,
    WrongRange(usize),
    Trickle(Duration),
    WrongEtag,
    NoContentLength,
}

/// Happens once, unless [`Fault::times`] sets another number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(crate) target: FaultTarget,
    pub(crate) kind: FaultKind,
    left: usize,
}

impl Fault {
    fn new(target: FaultTarget, kind: FaultKind) -> Self {
        Self { target, kind, left: 1 }
    }

    /// Closes the connection after so many bytes of the body.
    pub fn cut_after(target: FaultTarget, bytes: usize) -> Self {
        Self::new(target, FaultKind::CutAfter(bytes))
    }

    /// Stops sending after so many bytes of the body, with the connection open.
    pub fn stall_after(target: FaultTarget, bytes: usize) -> Self {
        Self::new(target, FaultKind::StallAfter(bytes))
    }

    /// Changes the byte at this offset of the file.
    pub fn wrong_byte(target: FaultTarget, at: usize) -> Self {
        Self::new(target, FaultKind::WrongByte(at))
    }

    /// Responds with this status.
    pub fn status(target: FaultTarget, status: u16) -> Self {
        Self::new(target, FaultKind::Status { status, error_code: None, retry_after: None })
    }

    /// The storage reports that the signed link has expired.
    pub fn expired_link(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::ExpiredLink)
    }

    /// Responds to a range request with the whole file.
    pub fn ignore_range(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::IgnoreRange)
    }

    /// Listings report this size of the file.
    pub fn listed_size(target: FaultTarget, bytes: u64) -> Self {
        Self::new(target, FaultKind::ListedSize(bytes))
    }

    /// Responds with a login page of 27 bytes and status 200.
    pub fn login_page(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::LoginPage)
    }

    /// Redirects to a login page on another host, as captive portals do.
    pub fn captive_portal(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::CaptivePortal)
    }

    /// Sends `Content-Encoding: gzip`, which was not requested.
    pub fn content_encoding(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::ContentEncoding)
    }

    /// Responds to a range request with a range that begins so many bytes later.
    pub fn wrong_range(target: FaultTarget, later: usize) -> Self {
        Self::new(target, FaultKind::WrongRange(later))
    }

    /// Sends one byte at a time, at this interval.
    pub fn trickle(target: FaultTarget, every: Duration) -> Self {
        Self::new(target, FaultKind::Trickle(every))
    }

    /// Sends another `ETag` than that of the file.
    pub fn wrong_etag(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::WrongEtag)
    }

    /// Sends no `Content-Length`.
    pub fn no_content_length(target: FaultTarget) -> Self {
        Self::new(target, FaultKind::NoContentLength)
    }

    /// Sets `X-Error-Code` of a status fault.
    pub fn error_code(mut self, code: &str) -> Self {
        if let FaultKind::Status { error_code, .. } = &mut self.kind {
            *error_code = Some(code.to_owned());
        }
        self
    }

    /// Sets `Retry-After` of a status fault, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let FaultKind::Status { retry_after, .. } = &mut self.kind {
            *retry_after = Some(seconds);
        }
        self
    }

    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn is_at(&self, file: Option<&str>) -> bool {
        match (&self.target, file) {
            (FaultTarget::Listing, None) => true,
            (FaultTarget::AnyFile, Some(_)) => true,
            (FaultTarget::File(wanted), Some(file)) => wanted == file,
            _ => false,
        }
    }
}

/// Pending faults, in the order in which they were injected.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the first fault of this response that `fits`; `file` is `None` for a listing.
    pub fn take(&mut self, file: Option<&str>, fits: impl Fn(&FaultKind) -> bool) -> Option<FaultKind> {
        let at = self.0.iter().position(|fault| fault.left > 0 && fault.is_at(file) && fits(&fault.kind))?;
        let fault = &mut self.0[at];
        fault.left -= 1;
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_as_often_as_asked_and_only_at_its_place() {
        let mut faults = Faults::default();
        faults.push(Fault::cut_after(FaultTarget::File("a".into()), 1).times(2));
        let any = |_: &FaultKind| true;
        assert_eq!(faults.take(None, any), None);
        assert_eq!(faults.take(Some("b"), any), None);
        assert_eq!(faults.take(Some("a"), |kind| *kind == FaultKind::ExpiredLink), None);
        assert_eq!(faults.take(Some("a"), any), Some(FaultKind::CutAfter(1)));
        assert_eq!(faults.take(Some("a"), any), Some(FaultKind::CutAfter(1)));
        assert_eq!(faults.take(Some("a"), any), None);
    }
}
