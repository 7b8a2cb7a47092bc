//! What can go wrong with a card, in words for a person, and the reasons why a card is not used.
//! The versions that those reasons name are here too.
use std::fmt;

pub type Result<T> = std::result::Result<T, Error>;

/// An operation on a card failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the card's memory is full: {}{} MB are free", needed_words(*needed), free / 1_000_000)]
    OutOfMemory { needed: Option<u64>, free: u64 },
    /// Nothing works on this card any more until the process ends.
    #[error("the card stopped working ({message}): what was computed on it is lost, start again")]
    Lost { message: String },
    #[error("{0}")]
    NoCard(NoCard),
    /// A programming error, or a build with kernels of other sources.
    #[error("this build has no kernel '{name}'")]
    NoKernel { name: String },
    #[error("matrices in {} cannot be computed on the card yet", .0.name())]
    Unsupported(formats::Dtype),
    #[error("{0}")]
    Shape(String),
    #[error("the driver's {call} failed with {code}: {message}")]
    Driver { call: &'static str, code: u32, message: String },
}

fn needed_words(needed: Option<u64>) -> String {
    needed.map_or_else(String::new, |needed| format!("{} MB were asked for, ", needed.div_ceil(1_000_000)))
}

/// Why a card, or all of them, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCard {
    #[error("no NVIDIA driver is installed")]
    NoDriver,
    #[error(
        "the NVIDIA driver is too old: it knows CUDA {have}, and CUDA {need} is needed; update the driver"
    )]
    DriverTooOld { have: DriverVersion, need: DriverVersion },
    #[error("the card is too old: it has compute capability {capability}, and 8.0 is needed")]
    Unsupported { capability: Capability },
    #[error("this program was built without kernels for cards")]
    NoKernels,
    #[error("the card's memory is full: other programs use all of it")]
    NoMemory,
    #[error("the card cannot be used: {0}")]
    Failed(String),
}

/// What a card can execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability {
    pub major: u32,
    pub minor: u32,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The CUDA version that a driver knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverVersion {
    pub major: u32,
    pub minor: u32,
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_card_says_how_much_was_asked_for() {
        let full = |needed| Error::OutOfMemory { needed, free: 5_000_000 }.to_string();
        assert_eq!(full(None), "the card's memory is full: 5 MB are free");
        assert_eq!(full(Some(7_000_001)), "the card's memory is full: 8 MB were asked for, 5 MB are free");
    }
}
