//! The one choice of a chat answer, in chunks or complete.
//! It turns updates into OpenAI's JSON; `generation` has already separated reasoning and calls from text.
use protocol::AnswerExtension;
use protocol::openai::{ChatChoice, ChatLogprobs, ChunkChoice, Delta, FinishReason, Role, TokenLogprob};
use text::Piece;

use super::message::MessageBuilder;
use crate::generation::Update;
use crate::response::ResponseKind;

pub struct ChatKind {
    message: MessageBuilder,
    logprobs: Vec<TokenLogprob>,
}

impl ChatKind {
    pub fn new(message: MessageBuilder) -> Self {
        Self { message, logprobs: Vec::new() }
    }
}

impl ResponseKind for ChatKind {
    const OBJECT: &'static str = "chat.completion";
    const CHUNK_OBJECT: &'static str = "chat.completion.chunk";
    const ID_PREFIX: &'static str = "chatcmpl";

    type Choice = ChatChoice;
    type ChunkChoice = ChunkChoice;

    fn first_chunk(&self) -> Option<ChunkChoice> {
        let content = Some(String::new());
        Some(chunk(Delta { role: Some(Role::Assistant), content, ..Delta::default() }))
    }

    fn chunks(&mut self, update: &Update) -> Vec<ChunkChoice> {
        match update {
            Update::VisionProgress(progress) => {
                let whaledeck =
                    AnswerExtension { vision_progress: Some(*progress), ..AnswerExtension::default() };
                vec![chunk(Delta { whaledeck: Some(whaledeck), ..Delta::default() })]
            }
            Update::Pieces { pieces, logprobs } => {
                let mut logprobs = chat_logprobs(logprobs.clone());
                let deltas = pieces.iter().filter_map(|piece| self.message.push(piece.clone()));
                let mut chunks: Vec<ChunkChoice> =
                    deltas.map(|delta| ChunkChoice { logprobs: logprobs.take(), ..chunk(delta) }).collect();
                if logprobs.is_some() {
                    chunks.push(ChunkChoice { logprobs, ..ChunkChoice::default() });
                }
                chunks
            }
            Update::End { finish, .. } => {
                let whaledeck = self
                    .message
                    .unfinished()
                    .map(|part| AnswerExtension { unfinished: Some(part), ..AnswerExtension::default() });
                let finish_reason = Some(self.message.finish_reason(*finish));
                vec![ChunkChoice { finish_reason, ..chunk(Delta { whaledeck, ..Delta::default() }) }]
            }
            Update::Failed(_) => Vec::new(),
        }
    }

    fn push(&mut self, pieces: Vec<Piece>, logprobs: Vec<TokenLogprob>) {
        for piece in pieces {
            self.message.push(piece);
        }
        self.logprobs.extend(logprobs);
    }

    fn finish(self, finish: FinishReason) -> ChatChoice {
        ChatChoice {
            index: 0,
            message: self.message.complete(),
            finish_reason: Some(self.message.finish_reason(finish)),
            logprobs: chat_logprobs(self.logprobs),
        }
    }
}

fn chunk(delta: Delta) -> ChunkChoice {
    ChunkChoice { delta, ..ChunkChoice::default() }
}

fn chat_logprobs(content: Vec<TokenLogprob>) -> Option<ChatLogprobs> {
    (!content.is_empty()).then_some(ChatLogprobs { content })
}
