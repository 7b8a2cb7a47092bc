//! The answer of the Messages API, as events or as one message.
//! A block of it is a block of the answer, in the same order.
use axum::response::sse::Event as SseEvent;
use protocol::Tokens;
use protocol::anthropic::{
    BlockDelta, Message, MessageDelta, MessageEvent, MessageUsage, OutputBlock, StopReason,
};
use protocol::openai::{FinishReason, Usage};
use serde_json::Map;

use super::error::error_event;
use crate::generation::Update;
use crate::response::blocks::{Block, BlockBuilder, BlockChange, BlockEvent, BlockKind};
use crate::response::completion::ResponseMeta;
use crate::response::{AnswerEnd, AnswerWriter, json_event};

pub struct MessageWriter {
    meta: ResponseMeta,
    blocks: BlockBuilder,
}

impl MessageWriter {
    pub fn new(meta: ResponseMeta) -> Self {
        let blocks = BlockBuilder::new(meta.number);
        Self { meta, blocks }
    }

    fn message(&self, content: Vec<OutputBlock>, usage: MessageUsage) -> Message {
        Message {
            id: format!("msg_{}", self.meta.number),
            kind: "message",
            role: "assistant",
            model: self.meta.model.clone(),
            content,
            stop_reason: None,
            stop_sequence: None,
            usage,
        }
    }

    fn stop_reason(&self, finish: FinishReason, stop: Option<&str>) -> StopReason {
        match finish {
            _ if self.blocks.calls_tools(finish) => StopReason::ToolUse,
            FinishReason::Length => StopReason::MaxTokens,
            FinishReason::Stop | FinishReason::ToolCalls if stop.is_some() => StopReason::StopSequence,
            FinishReason::Stop | FinishReason::ToolCalls => StopReason::EndTurn,
        }
    }
}

impl AnswerWriter for MessageWriter {
    type Body = Message;

    fn begin(&mut self, prompt_tokens: usize) -> Vec<SseEvent> {
        let usage = MessageUsage { input_tokens: prompt_tokens.into(), ..MessageUsage::default() };
        vec![event(&MessageEvent::MessageStart { message: self.message(Vec::new(), usage) })]
    }

    fn events(&mut self, update: Update, _: (usize, usize)) -> Vec<SseEvent> {
        match update {
            Update::VisionProgress(_) | Update::PromptProgress(_) => Vec::new(),
            Update::Pieces { pieces, .. } => {
                let changes = pieces.into_iter().flat_map(|piece| self.blocks.push(piece));
                changes.map(|change| event(&block_event(change))).collect()
            }
            Update::End { finish, stop, usage } => {
                let mut events: Vec<SseEvent> =
                    self.blocks.finish().into_iter().map(|change| event(&block_event(change))).collect();
                let stop_reason = self.stop_reason(finish, stop.as_deref());
                let delta = MessageDelta { stop_reason, stop_sequence: stop };
                events.push(event(&MessageEvent::MessageDelta { delta, usage: message_usage(&usage) }));
                events.push(event(&MessageEvent::MessageStop));
                events
            }
            Update::Failed(error) => vec![event(&error_event(&error))],
        }
    }

    fn collect(&mut self, update: Update) {
        if let Update::Pieces { pieces, .. } = update {
            for piece in pieces {
                self.blocks.push(piece);
            }
        }
    }

    fn complete(mut self, end: AnswerEnd) -> Message {
        self.blocks.finish();
        let content = self.blocks.ended().iter().map(complete_block).collect();
        Message {
            stop_reason: Some(self.stop_reason(end.finish, end.stop.as_deref())),
            stop_sequence: end.stop,
            ..self.message(content, message_usage(&end.usage))
        }
    }
}

fn event(event: &MessageEvent) -> SseEvent {
    json_event(event).event(event.name())
}

fn block_event(BlockEvent { index, change }: BlockEvent) -> MessageEvent {
    match change {
        BlockChange::Begin(kind) => {
            let content_block = match kind {
                BlockKind::Text => OutputBlock::Text { text: String::new() },
                BlockKind::Reasoning => OutputBlock::Thinking { thinking: String::new(), signature: "" },
                BlockKind::Call { id, name } => OutputBlock::ToolUse { id, name, input: Map::new() },
            };
            MessageEvent::ContentBlockStart { index, content_block }
        }
        BlockChange::Append { kind, text } => {
            let delta = match kind {
                BlockKind::Text => BlockDelta::TextDelta { text },
                BlockKind::Reasoning => BlockDelta::ThinkingDelta { thinking: text },
                BlockKind::Call { .. } => BlockDelta::InputJsonDelta { partial_json: text },
            };
            MessageEvent::ContentBlockDelta { index, delta }
        }
        BlockChange::End(_) => MessageEvent::ContentBlockStop { index },
    }
}

/// A call that was cut off becomes text: it has no input that could be executed.
fn complete_block(block: &Block) -> OutputBlock {
    let text = || block.text.clone();
    match &block.kind {
        BlockKind::Text => OutputBlock::Text { text: text() },
        BlockKind::Reasoning => OutputBlock::Thinking { thinking: text(), signature: "" },
        BlockKind::Call { id, name } => match serde_json::from_str(&block.text) {
            Ok(input) if block.complete => OutputBlock::ToolUse { id: id.clone(), name: name.clone(), input },
            _ => OutputBlock::Text { text: format!("{name} {}", block.text) },
        },
    }
}

fn message_usage(usage: &Usage) -> MessageUsage {
    let cached = usage.cached_tokens();
    MessageUsage {
        input_tokens: Tokens(usage.prompt_tokens.0.saturating_sub(cached.0)),
        output_tokens: usage.completion_tokens,
        cache_creation_input_tokens: Tokens(0),
        cache_read_input_tokens: cached,
    }
}
