//! What the hub does wrong, where, and how often.
//! It does not know how a fault is carried out.

use std::time::Duration;

/// Which answers a fault spoils.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Answers about a repository: its commit, its files.
    Listing,
    /// A file by its path in the repository, at the source itself or at the storage behind it.
    File(String),
    AnyFile,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    CutAfter(usize),
    StallAfter(usize),
    WrongByte(usize),
    Status { status: u16, error_code: Option<String>, retry_after: Option<u64> },
    ExpiredLink,
    IgnoreRange,
    AnnouncedSize(u64),
    Page,
    Portal,
    Encoded,
    WrongRange(usize),
    Trickle(Duration),
    OtherTag,
    Unsized,
}

/// Happens once, unless `times` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(crate) place: Place,
    pub(crate) what: What,
    left: usize,
}

impl Fault {
    fn new(place: Place, what: What) -> Self {
        Self { place, what, left: 1 }
    }

    /// The connection ends after so many bytes of the body.
    pub fn cut_after(place: Place, bytes: usize) -> Self {
        Self::new(place, What::CutAfter(bytes))
    }

    /// The connection stays, but nothing comes after so many bytes of the body.
    pub fn stall_after(place: Place, bytes: usize) -> Self {
        Self::new(place, What::StallAfter(bytes))
    }

    /// The byte at this place of the file is another one.
    pub fn wrong_byte(place: Place, at: usize) -> Self {
        Self::new(place, What::WrongByte(at))
    }

    /// The source refuses with this status.
    pub fn status(place: Place, status: u16) -> Self {
        Self::new(place, What::Status { status, error_code: None, retry_after: None })
    }

    /// The storage says that the signed link is too old.
    pub fn expired_link(place: Place) -> Self {
        Self::new(place, What::ExpiredLink)
    }

    /// A request for a range is answered by the whole file.
    pub fn ignore_range(place: Place) -> Self {
        Self::new(place, What::IgnoreRange)
    }

    /// A listing says that the file has this size.
    pub fn announced_size(place: Place, bytes: u64) -> Self {
        Self::new(place, What::AnnouncedSize(bytes))
    }

    /// A login page of 27 bytes comes with the status of success.
    pub fn page(place: Place) -> Self {
        Self::new(place, What::Page)
    }

    /// The network sends callers to its login page on another host, as captive portals do.
    pub fn portal(place: Place) -> Self {
        Self::new(place, What::Portal)
    }

    /// The answer says that it is compressed, though nobody asked for that.
    pub fn encoded(place: Place) -> Self {
        Self::new(place, What::Encoded)
    }

    /// A request for a range is answered with one that begins so many bytes later.
    pub fn wrong_range(place: Place, later: usize) -> Self {
        Self::new(place, What::WrongRange(later))
    }

    /// One byte comes at a time, so far apart.
    pub fn trickle(place: Place, every: Duration) -> Self {
        Self::new(place, What::Trickle(every))
    }

    /// The answer has another `ETag` than the file.
    pub fn other_tag(place: Place) -> Self {
        Self::new(place, What::OtherTag)
    }

    /// The answer does not say how long it is.
    pub fn unsized_body(place: Place) -> Self {
        Self::new(place, What::Unsized)
    }

    /// `X-Error-Code` of a refusal.
    pub fn error_code(mut self, code: &str) -> Self {
        if let What::Status { error_code, .. } = &mut self.what {
            *error_code = Some(code.to_owned());
        }
        self
    }

    /// `Retry-After` of a refusal, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let What::Status { retry_after, .. } = &mut self.what {
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
        match (&self.place, file) {
            (Place::Listing, None) => true,
            (Place::AnyFile, Some(_)) => true,
            (Place::File(wanted), Some(file)) => wanted == file,
            _ => false,
        }
    }
}

/// Faults that still have to happen, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the first fault of this answer that `fits`; `file` is `None` for a listing.
    pub fn take(&mut self, file: Option<&str>, fits: impl Fn(&What) -> bool) -> Option<What> {
        let at = self.0.iter().position(|fault| fault.left > 0 && fault.is_at(file) && fits(&fault.what))?;
        let fault = &mut self.0[at];
        fault.left -= 1;
        Some(fault.what.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_as_often_as_asked_and_only_at_its_place() {
        let mut faults = Faults::default();
        faults.push(Fault::cut_after(Place::File("a".into()), 1).times(2));
        let any = |_: &What| true;
        assert_eq!(faults.take(None, any), None);
        assert_eq!(faults.take(Some("b"), any), None);
        assert_eq!(faults.take(Some("a"), |what| *what == What::ExpiredLink), None);
        assert_eq!(faults.take(Some("a"), any), Some(What::CutAfter(1)));
        assert_eq!(faults.take(Some("a"), any), Some(What::CutAfter(1)));
        assert_eq!(faults.take(Some("a"), any), None);
    }
}
