//! What a KV cache stores: the record of one token in one layer, and the bytes of a page of records. The
//! cache itself is in `kernels`; a forecast of memory counts the same bytes.
mod layout;
mod shape;

pub use layout::{RecordLayout, next_power_of_two};
pub use shape::{CacheDtype, CacheKind, CacheShape};

/// Tokens of one page.
pub const PAGE_TOKENS: usize = 64;
/// Floats of the queries in the latent space, and of the contexts, of one piece of a prefill on a card.
pub const MAX_LATENT_FLOATS: usize = 1 << 25;
