//! The answer of the Responses API, as events or as one response. Every block is an item: reasoning, a
//! message, or the call of a function.
use axum::response::sse::Event as SseEvent;
use protocol::Tokens;
use protocol::openai::{FinishReason, Usage};
use protocol::responses::{
    IncompleteDetails, InputTokensDetails, ItemStatus, OutputContent, OutputItem, OutputTokensDetails,
    Response, ResponseError, ResponseEvent, ResponseStatus, ResponseUsage, SequencedEvent,
};

use crate::generation::Update;
use crate::response::blocks::{Block, BlockBuilder, BlockChange, BlockEvent, BlockKind};
use crate::response::completion::ResponseMeta;
use crate::response::{AnswerEnd, AnswerWriter, json_event};

pub struct ResponseWriter {
    number: u64,
    blocks: BlockBuilder,
    /// Without output.
    response: Response,
    events: u64,
}

impl ResponseWriter {
    /// `echo`: what was asked for.
    pub fn new(meta: ResponseMeta, echo: Response) -> Self {
        let id = format!("resp_{}", meta.number);
        let response = Response { id, created_at: meta.created, model: meta.model, ..echo };
        Self { number: meta.number, blocks: BlockBuilder::new(meta.number), response, events: 0 }
    }

    fn event(&mut self, event: ResponseEvent) -> SseEvent {
        let sequence_number = self.events;
        self.events += 1;
        let name = event.name();
        json_event(&SequencedEvent { sequence_number, event }).event(name)
    }

    fn item_id(&self, kind: &BlockKind, index: usize) -> String {
        let prefix = match kind {
            BlockKind::Reasoning => "rs",
            BlockKind::Text => "msg",
            BlockKind::Call { .. } => "fc",
        };
        format!("{prefix}_{}_{index}", self.number)
    }

    fn item(&self, index: usize, block: &Block, status: ItemStatus) -> OutputItem {
        let id = self.item_id(&block.kind, index);
        // An item that begins has no part yet.
        let content = || match status {
            ItemStatus::InProgress => Vec::new(),
            ItemStatus::Completed | ItemStatus::Incomplete => content(block).into_iter().collect(),
        };
        match &block.kind {
            BlockKind::Reasoning => {
                OutputItem::Reasoning { id, status, summary: Vec::new(), content: content() }
            }
            BlockKind::Text => OutputItem::Message { id, status, role: "assistant", content: content() },
            BlockKind::Call { id: call_id, name } => OutputItem::FunctionCall {
                id,
                status,
                call_id: call_id.clone(),
                name: name.clone(),
                arguments: block.text.clone(),
            },
        }
    }

    fn block_events(&self, BlockEvent { index, change }: BlockEvent) -> Vec<ResponseEvent> {
        let (output_index, content_index) = (index, 0);
        match change {
            BlockChange::Begin(kind) => {
                let block = Block { kind, text: String::new(), complete: false };
                let item = self.item(index, &block, ItemStatus::InProgress);
                let item_id = self.item_id(&block.kind, index);
                let part = content(&block).map(|part| ResponseEvent::PartAdded {
                    item_id,
                    output_index,
                    content_index,
                    part,
                });
                [ResponseEvent::ItemAdded { output_index, item }].into_iter().chain(part).collect()
            }
            BlockChange::Append { kind, text: delta } => {
                let item_id = self.item_id(&kind, index);
                vec![match kind {
                    BlockKind::Reasoning => {
                        ResponseEvent::ReasoningDelta { item_id, output_index, content_index, delta }
                    }
                    BlockKind::Text => ResponseEvent::TextDelta {
                        item_id,
                        output_index,
                        content_index,
                        delta,
                        logprobs: Vec::new(),
                    },
                    BlockKind::Call { .. } => ResponseEvent::ArgumentsDelta { item_id, output_index, delta },
                }]
            }
            BlockChange::End(block) => self.end_events(index, &block),
        }
    }

    fn end_events(&self, output_index: usize, block: &Block) -> Vec<ResponseEvent> {
        let content_index = 0;
        let item_id = || self.item_id(&block.kind, output_index);
        let text = block.text.clone();
        let mut events = vec![match &block.kind {
            BlockKind::Reasoning => {
                ResponseEvent::ReasoningDone { item_id: item_id(), output_index, content_index, text }
            }
            BlockKind::Text => ResponseEvent::TextDone {
                item_id: item_id(),
                output_index,
                content_index,
                text,
                logprobs: Vec::new(),
            },
            BlockKind::Call { name, .. } => ResponseEvent::ArgumentsDone {
                item_id: item_id(),
                output_index,
                name: name.clone(),
                arguments: text,
            },
        }];
        let part = content(block).map(|part| {
            let item_id = item_id();
            ResponseEvent::PartDone { item_id, output_index, content_index, part }
        });
        events.extend(part);
        let item = self.item(output_index, block, status(block));
        events.push(ResponseEvent::ItemDone { output_index, item });
        events
    }

    fn ended(&self, finish: FinishReason, usage: &Usage) -> Response {
        let blocks = self.blocks.ended().iter().enumerate();
        let cut = finish == FinishReason::Length;
        Response {
            status: if cut { ResponseStatus::Incomplete } else { ResponseStatus::Completed },
            incomplete_details: cut.then_some(IncompleteDetails { reason: "max_output_tokens" }),
            output: blocks.map(|(at, block)| self.item(at, block, status(block))).collect(),
            usage: Some(response_usage(usage)),
            ..self.response.clone()
        }
    }
}

impl AnswerWriter for ResponseWriter {
    type Body = Response;

    fn begin(&mut self, _: usize) -> Vec<SseEvent> {
        let response = Box::new(self.response.clone());
        let created = ResponseEvent::Created { response: response.clone() };
        vec![self.event(created), self.event(ResponseEvent::InProgress { response })]
    }

    fn events(&mut self, update: Update, _: (usize, usize)) -> Vec<SseEvent> {
        let events: Vec<ResponseEvent> = match update {
            Update::VisionProgress(_) | Update::PromptProgress(_) => Vec::new(),
            Update::Pieces { pieces, .. } => {
                let changes: Vec<BlockEvent> =
                    pieces.into_iter().flat_map(|piece| self.blocks.push(piece)).collect();
                changes.into_iter().flat_map(|change| self.block_events(change)).collect()
            }
            Update::End { finish, usage, .. } => {
                let changes = self.blocks.finish();
                let mut events: Vec<ResponseEvent> =
                    changes.into_iter().flat_map(|change| self.block_events(change)).collect();
                let response = Box::new(self.ended(finish, &usage));
                events.push(match finish {
                    FinishReason::Length => ResponseEvent::Incomplete { response },
                    FinishReason::Stop | FinishReason::ToolCalls => ResponseEvent::Completed { response },
                });
                events
            }
            Update::Failed(error) => {
                let (code, message) = (error.code.as_str(), error.message);
                let error = Some(ResponseError { code, message });
                let status = ResponseStatus::Failed;
                let response = Box::new(Response { status, error, ..self.response.clone() });
                vec![ResponseEvent::Failed { response }]
            }
        };
        events.into_iter().map(|event| self.event(event)).collect()
    }

    fn collect(&mut self, update: Update) {
        if let Update::Pieces { pieces, .. } = update {
            for piece in pieces {
                self.blocks.push(piece);
            }
        }
    }

    fn complete(mut self, end: AnswerEnd) -> Response {
        self.blocks.finish();
        self.ended(end.finish, &end.usage)
    }
}

/// The one part of an item; a call has none.
fn content(block: &Block) -> Option<OutputContent> {
    let text = block.text.clone();
    match block.kind {
        BlockKind::Reasoning => Some(OutputContent::ReasoningText { text }),
        BlockKind::Text => {
            Some(OutputContent::OutputText { text, annotations: Vec::new(), logprobs: Vec::new() })
        }
        BlockKind::Call { .. } => None,
    }
}

fn status(block: &Block) -> ItemStatus {
    if block.complete { ItemStatus::Completed } else { ItemStatus::Incomplete }
}

fn response_usage(usage: &Usage) -> ResponseUsage {
    let cached_tokens = usage.cached_tokens();
    let reasoning = usage.completion_tokens_details.map_or(Tokens(0), |details| details.reasoning_tokens);
    ResponseUsage {
        input_tokens: usage.prompt_tokens,
        input_tokens_details: InputTokensDetails { cached_tokens },
        output_tokens: usage.completion_tokens,
        output_tokens_details: OutputTokensDetails { reasoning_tokens: reasoning },
        total_tokens: usage.total_tokens,
    }
}
