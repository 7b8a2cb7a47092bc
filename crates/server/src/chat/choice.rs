//! The one choice of a chat answer, in chunks or complete.
//! It turns updates into OpenAI's JSON; `generation` has already separated reasoning and calls from text.
use protocol::openai::{ChatChoice, ChatLogprobs, ChunkChoice, Delta, FinishReason, Role, TokenLogprob};
use protocol::{AnswerExtension, ExpertLayers, TokenTrace};
use text::Piece;

use super::message::MessageBuilder;
use crate::generation::Update;
use crate::response::completion::ResponseKind;

pub struct ChatKind {
    message: MessageBuilder,
    logprobs: Vec<TokenLogprob>,
    /// Of an answer whose tokens are traced.
    experts: Option<ExpertLayers>,
}

impl ChatKind {
    pub fn new(message: MessageBuilder, experts: Option<ExpertLayers>) -> Self {
        Self { message, logprobs: Vec::new(), experts }
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
        let experts = self.experts.clone();
        let whaledeck =
            experts.map(|experts| AnswerExtension { experts: Some(experts), ..AnswerExtension::default() });
        Some(chunk(Delta { role: Some(Role::Assistant), content, whaledeck, ..Delta::default() }))
    }

    fn chunks(&mut self, update: &Update) -> Vec<ChunkChoice> {
        match update {
            Update::VisionProgress(progress) => {
                let whaledeck =
                    AnswerExtension { vision_progress: Some(*progress), ..AnswerExtension::default() };
                vec![chunk(Delta { whaledeck: Some(whaledeck), ..Delta::default() })]
            }
            Update::Pieces { pieces, logprobs, traces } => {
                let deltas = pieces.iter().filter_map(|piece| self.message.push(piece.clone()));
                let mut chunks: Vec<ChunkChoice> = deltas.map(chunk).collect();
                let logprobs = chat_logprobs(logprobs.clone());
                // Text may be held back, what belongs to its tokens is not.
                if chunks.is_empty() && (logprobs.is_some() || !traces.is_empty()) {
                    chunks.push(ChunkChoice::default());
                }
                if let Some(first) = chunks.first_mut() {
                    first.logprobs = logprobs;
                    if !traces.is_empty() {
                        first.delta.whaledeck.get_or_insert_default().tokens.clone_from(traces);
                    }
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
            Update::PromptProgress(_) => vec![ChunkChoice::default()],
            Update::Failed(_) => Vec::new(),
        }
    }

    fn push(&mut self, pieces: Vec<Piece>, logprobs: Vec<TokenLogprob>, traces: Vec<TokenTrace>) {
        for piece in pieces {
            self.message.push(piece);
        }
        self.message.push_traces(traces);
        self.logprobs.extend(logprobs);
    }

    fn finish(self, finish: FinishReason) -> ChatChoice {
        ChatChoice {
            index: 0,
            message: self.message.complete(self.experts.clone()),
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
