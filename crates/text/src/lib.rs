//! Text to tokens and back: tokenizer, chat template, reasoning and stop strings while streaming.
//!
//! Knows nothing of candle or HTTP.

mod detokenizer;
mod stop;
mod template;
mod think;
mod tokenizer;

pub use detokenizer::Detokenizer;
pub use stop::{StopStrings, Stopped};
pub use template::{ChatTemplate, Message, primes_thinking};
pub use think::{Piece, ThinkSplitter};
pub use tokenizer::{TextError, Tokenizer};
