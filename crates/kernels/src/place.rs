//! Where a model computes: on the processor, or on a graphics card.
//! `Vector` is the smallest thing that lies at a place.
use std::sync::Arc;

use candle_core::{Error, Result, Tensor};
use cuda::{Buffer, Ptr};

use crate::card_memory::CardMemory;

/// The place of weights, KV cache and activations.
#[derive(Clone, Default)]
pub enum Place {
    /// The processor and its memory.
    #[default]
    Host,
    /// A graphics card and its memory.
    Card(Arc<CardMemory>),
}

impl Place {
    /// # Errors
    /// When the card cannot be opened.
    pub fn card(index: u32) -> std::result::Result<Self, cuda::Error> {
        Ok(Self::Card(Arc::new(CardMemory::open(index)?)))
    }

    /// Waits until all weights are at the place.
    ///
    /// # Errors
    /// When the card fails.
    pub fn finish_uploads(&self) -> Result<()> {
        match self {
            Self::Host => Ok(()),
            Self::Card(card) => card.card().finish_uploads().map_err(Error::wrap),
        }
    }

    pub fn is_host(&self) -> bool {
        matches!(self, Self::Host)
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str("Host"),
            Self::Card(_) => f.write_str("Card"),
        }
    }
}

/// A vector of f32, such as the weight of a norm or a bias.
#[derive(Clone)]
pub struct Vector {
    /// [n], in host memory.
    pub(crate) host: Tensor,
    card: Option<Buffer>,
}

impl Vector {
    /// The values, from host memory.
    ///
    /// # Panics
    /// Never: they are made of f32.
    pub fn values(&self) -> Vec<f32> {
        self.host.to_vec1().expect("a vector of f32")
    }

    /// # Errors
    /// When the card has too little memory.
    pub fn new(values: Vec<f32>, place: &Place) -> Result<Self> {
        let card = match place {
            Place::Host => None,
            Place::Card(card) => Some(card.upload(&values)?),
        };
        let len = values.len();
        Ok(Self { host: crate::slices::tensor(values, len)?, card })
    }

    pub(crate) fn len(&self) -> usize {
        self.host.elem_count()
    }

    /// The address on the card; null on the host.
    pub(crate) fn ptr(&self) -> Ptr<f32> {
        self.card.as_ref().map_or(Ptr::NULL, Buffer::ptr)
    }
}
