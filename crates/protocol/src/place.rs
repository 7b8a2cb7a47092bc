//! Where a worker computes: what a start asks for, and what a ready worker reports.
//! Knows no driver: reasons are codes with their values.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Bytes, ErrorCode, WorkerFailure};

/// `--place`: `auto`, `cpu`, `card` or `card:N`. A place that is named is never replaced by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlaceChoice {
    /// A card when the whole model fits it, else the processor.
    #[default]
    Auto,
    Cpu,
    /// The card with this number, in the order of the driver.
    Card(u32),
}

impl fmt::Display for PlaceChoice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Card(index) => write!(f, "card:{index}"),
        }
    }
}

impl FromStr for PlaceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "card" => Ok(Self::Card(0)),
            _ => match text.strip_prefix("card:").map(str::parse) {
                Some(Ok(index)) => Ok(Self::Card(index)),
                _ => Err("auto, cpu, card or card:N".to_owned()),
            },
        }
    }
}

/// Where a ready worker computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkerPlace {
    Cpu {
        threads: u32,
        /// Why not on a card, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CardRefusal>,
    },
    Card {
        index: u32,
        name: String,
        /// Memory of the card that the model takes.
        used: Bytes,
    },
}

/// Why a card is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum CardRefusal {
    NoDriver,
    DriverTooOld {
        have: String,
        need: String,
    },
    Unsupported {
        name: String,
        capability: String,
    },
    Memory {
        needed: Bytes,
        free: Bytes,
    },
    /// Other programs use all of its memory, so that it cannot even be opened.
    Full,
    /// The card does not compute with weights of this format yet.
    Format {
        format: String,
    },
    /// This program was built without kernels.
    NoKernels,
    /// What its kernels computed at the start was wrong.
    Unchecked {
        message: String,
    },
    Failed {
        message: String,
    },
}

impl CardRefusal {
    /// The failure of a start that named the card; also what the window shows of a card that is not used.
    pub fn failure(&self) -> WorkerFailure {
        let failure =
            |code, message: &str| WorkerFailure::new(code, format!("compute on the card: {message}"));
        match self {
            Self::NoDriver => failure(ErrorCode::GpuDriverMissing, "no NVIDIA driver is installed"),
            Self::DriverTooOld { have, need } => failure(ErrorCode::CardDriverOld, "the driver is too old")
                .with("have", have.clone())
                .with("need", need.clone()),
            Self::Unsupported { name, capability } => {
                failure(ErrorCode::CardUnsupported, "its compute capability is below 8.0")
                    .with("card", name.clone())
                    .with("capability", capability.clone())
            }
            Self::Memory { needed, free } => failure(ErrorCode::CardMemory, "it has too little free memory")
                .with("needed", needed.0)
                .with("free", free.0),
            Self::Full => failure(ErrorCode::CardMemory, "other programs use all of its memory"),
            Self::Format { format } => {
                failure(ErrorCode::CardFormat, "no kernel reads this format").with("format", format.clone())
            }
            Self::NoKernels => failure(ErrorCode::CardNoKernels, "this program was built without kernels"),
            Self::Unchecked { message } => {
                failure(ErrorCode::CardUnchecked, message).with("reason", message.clone())
            }
            Self::Failed { message } => {
                failure(ErrorCode::CardFailed, message).with("reason", message.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for choice in [PlaceChoice::Auto, PlaceChoice::Cpu, PlaceChoice::Card(0), PlaceChoice::Card(3)] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("card".parse(), Ok(PlaceChoice::Card(0)));
        for wrong in ["", "gpu", "card:", "card:x", "card:-1", "CPU"] {
            assert!(wrong.parse::<PlaceChoice>().is_err(), "{wrong}");
        }
    }
}
