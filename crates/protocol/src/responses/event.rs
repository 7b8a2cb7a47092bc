//! The events of a streamed response.
//! The name of each event is its `type`.
use serde::Serialize;

use super::{OutputContent, OutputItem, Response};

/// An event with its place in the stream, from 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SequencedEvent {
    pub sequence_number: u64,
    #[serde(flatten)]
    pub event: ResponseEvent,
}

#[derive(Debug, Clone, PartialEq, Serialize, strum::IntoStaticStr)]
#[serde(tag = "type")]
pub enum ResponseEvent {
    #[serde(rename = "response.created")]
    #[strum(serialize = "response.created")]
    Created { response: Box<Response> },
    #[serde(rename = "response.in_progress")]
    #[strum(serialize = "response.in_progress")]
    InProgress { response: Box<Response> },
    #[serde(rename = "response.completed")]
    #[strum(serialize = "response.completed")]
    Completed { response: Box<Response> },
    #[serde(rename = "response.incomplete")]
    #[strum(serialize = "response.incomplete")]
    Incomplete { response: Box<Response> },
    #[serde(rename = "response.failed")]
    #[strum(serialize = "response.failed")]
    Failed { response: Box<Response> },
    #[serde(rename = "response.output_item.added")]
    #[strum(serialize = "response.output_item.added")]
    ItemAdded { output_index: usize, item: OutputItem },
    #[serde(rename = "response.output_item.done")]
    #[strum(serialize = "response.output_item.done")]
    ItemDone { output_index: usize, item: OutputItem },
    #[serde(rename = "response.content_part.added")]
    #[strum(serialize = "response.content_part.added")]
    PartAdded { item_id: String, output_index: usize, content_index: usize, part: OutputContent },
    #[serde(rename = "response.content_part.done")]
    #[strum(serialize = "response.content_part.done")]
    PartDone { item_id: String, output_index: usize, content_index: usize, part: OutputContent },
    #[serde(rename = "response.output_text.delta")]
    #[strum(serialize = "response.output_text.delta")]
    TextDelta { item_id: String, output_index: usize, content_index: usize, delta: String, logprobs: Vec<()> },
    #[serde(rename = "response.output_text.done")]
    #[strum(serialize = "response.output_text.done")]
    TextDone { item_id: String, output_index: usize, content_index: usize, text: String, logprobs: Vec<()> },
    #[serde(rename = "response.reasoning_text.delta")]
    #[strum(serialize = "response.reasoning_text.delta")]
    ReasoningDelta { item_id: String, output_index: usize, content_index: usize, delta: String },
    #[serde(rename = "response.reasoning_text.done")]
    #[strum(serialize = "response.reasoning_text.done")]
    ReasoningDone { item_id: String, output_index: usize, content_index: usize, text: String },
    #[serde(rename = "response.function_call_arguments.delta")]
    #[strum(serialize = "response.function_call_arguments.delta")]
    ArgumentsDelta { item_id: String, output_index: usize, delta: String },
    #[serde(rename = "response.function_call_arguments.done")]
    #[strum(serialize = "response.function_call_arguments.done")]
    ArgumentsDone { item_id: String, output_index: usize, name: String, arguments: String },
}

impl ResponseEvent {
    /// The `event` of a server-sent event.
    pub fn name(&self) -> &'static str {
        self.into()
    }
}
