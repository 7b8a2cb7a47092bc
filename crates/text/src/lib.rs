//! Text to tokens and back: tokenizer, chat template, streaming parsers for reasoning, tool calls and stop
//! strings, and grammars for constrained decoding.
//!
//! Knows nothing of candle, the engine or HTTP.

mod barriers;
mod byte_level;
mod detokenizer;
mod error;
mod gguf_vocab;
mod grammar;
mod grounding;
mod grounding_parser;
mod guarded_encode;
mod image_prompt;
mod jinja_source;
mod markers;
mod message;
mod output_parser;
mod parser_factory;
mod piece;
mod pre_tokenizer;
mod prompt;
mod python;
mod python_format;
mod python_methods;
mod reasoning;
mod reasoning_parser;
mod render;
mod stop;
mod template;
mod tokenizer;
mod tool_call_parser;
mod tool_format;

pub use barriers::GuardedText;
pub use detokenizer::Detokenizer;
pub use error::TextError;
pub use grammar::Grammar;
pub use grounding::Grounding;
pub use image_prompt::{ContentPart, ImageMessage, ImagePrompt, ImageTemplate};
pub use message::{Message, ToolCall};
pub use output_parser::OutputParser;
pub use piece::Piece;
pub use prompt::Prompt;
pub use python::json as python_json;
pub use reasoning::Reasoning;
pub use stop::{StopOutput, StopStrings};
pub use template::{ChatTemplate, Conversation};
pub use tokenizer::Tokenizer;
pub use tool_format::ToolCallFormat;
