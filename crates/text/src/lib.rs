//! Text to tokens and back: tokenizer, chat template, reasoning, calls and stop strings while streaming, and the grammar
//! that an answer can be held to.
//!
//! Knows nothing of candle, of the engine, or of HTTP.

mod answer;
mod boxes;
mod byte_level;
mod calls;
mod conversation;
mod detokenizer;
mod error;
mod grammar;
mod images;
mod jinja_source;
mod marks;
mod message;
mod plain;
mod pre_tokenizer;
mod python;
mod python_format;
mod python_methods;
mod reasoning;
mod stop;
mod template;
mod think;
mod tokenizer;
mod tools;
mod untrusted;
mod vocabulary;

pub use answer::{AnswerSplitter, Piece};
pub use boxes::Boxes;
pub use detokenizer::Detokenizer;
pub use error::TextError;
pub use grammar::Grammar;
pub use images::{ImagePart, ImagePrompt, ImageTemplate, ImageTurn};
pub use message::{Message, ToolCall};
pub use python::json as python_json;
pub use reasoning::Reasoning;
pub use stop::{StopStrings, Stopped};
pub use template::{ChatTemplate, Conversation, Prompt};
pub use tokenizer::Tokenizer;
pub use tools::CallForm;
pub use untrusted::Guarded;
