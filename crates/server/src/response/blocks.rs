//! An answer as a list of blocks, as the protocols of Anthropic and of OpenAI's Responses have it: reasoning,
//! text and calls, each with a beginning and an end. Knows the bodies of neither.
use protocol::openai::FinishReason;
use serde_json::{Map, Value};
use text::Piece;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    Reasoning,
    Text,
    Call { id: String, name: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub kind: BlockKind,
    /// The text, or the arguments of a call as JSON.
    pub text: String,
    /// False for a call that was cut off: it must not be executed.
    pub complete: bool,
}

/// A change of the block at `index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockEvent {
    pub index: usize,
    pub change: BlockChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockChange {
    Begin(BlockKind),
    Append { kind: BlockKind, text: String },
    End(Block),
}

/// The id of the call at this place of an answer. The answer's number makes it different from all others.
pub fn call_id(answer: u64, at: usize) -> String {
    format!("call_{answer}_{at}")
}

/// Whether a call without its closing mark is one: models leave the mark out at the end of an answer, so
/// complete arguments make a complete call.
pub fn is_complete(arguments: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(arguments).is_ok()
}

/// Makes blocks of the pieces of one answer.
pub struct BlockBuilder {
    /// The answer's number, which makes the ids of its calls different from all others.
    number: u64,
    calls: usize,
    ended: Vec<Block>,
    current: Option<Block>,
    /// White space of a text block that has nothing else yet. Before a call it is no block.
    blank: String,
}

impl BlockBuilder {
    pub fn new(number: u64) -> Self {
        Self { number, calls: 0, ended: Vec::new(), current: None, blank: String::new() }
    }

    pub fn push(&mut self, piece: Piece) -> Vec<BlockEvent> {
        let mut events = Vec::new();
        match piece {
            Piece::Reasoning(text) => self.append(BlockKind::Reasoning, &text, &mut events),
            Piece::Answer(text) => {
                let begun = self.current.as_ref().is_some_and(|block| block.kind == BlockKind::Text);
                let text = std::mem::take(&mut self.blank) + &text;
                if begun || !text.trim().is_empty() {
                    self.append(BlockKind::Text, &text, &mut events);
                } else {
                    self.blank = text;
                }
            }
            Piece::CallName(name) => {
                self.blank.clear();
                self.end(&mut events);
                let id = call_id(self.number, self.calls);
                self.calls += 1;
                self.begin(BlockKind::Call { id, name }, &mut events);
            }
            Piece::CallArguments(text) => {
                if let Some(block) = &self.current {
                    self.append(block.kind.clone(), &text, &mut events);
                }
            }
            Piece::CallEnd => {
                if let Some(block) = &mut self.current {
                    block.complete = true;
                    // Both protocols have an empty object for a call without arguments.
                    if block.text.is_empty() {
                        self.append_current("{}", &mut events);
                    }
                }
                self.end(&mut events);
            }
            // Boxes are an extension of the chat route.
            Piece::Grounding(_) => {}
        }
        events
    }

    /// The end of the answer: the last block ends.
    pub fn finish(&mut self) -> Vec<BlockEvent> {
        let mut events = Vec::new();
        self.end(&mut events);
        events
    }

    /// The blocks that have ended.
    pub fn ended(&self) -> &[Block] {
        &self.ended
    }

    /// Whether the answer waits for the results of its calls. An answer that was cut off does not.
    pub fn calls_tools(&self, finish: FinishReason) -> bool {
        let mut calls =
            self.ended.iter().filter(|block| matches!(block.kind, BlockKind::Call { .. })).peekable();
        finish == FinishReason::Stop && calls.peek().is_some() && calls.all(|call| call.complete)
    }

    fn append(&mut self, kind: BlockKind, text: &str, events: &mut Vec<BlockEvent>) {
        if self.current.as_ref().is_none_or(|block| block.kind != kind) {
            self.end(events);
            self.begin(kind, events);
        }
        self.append_current(text, events);
    }

    fn append_current(&mut self, text: &str, events: &mut Vec<BlockEvent>) {
        let index = self.ended.len();
        let Some(block) = &mut self.current else { return };
        block.text += text;
        let change = BlockChange::Append { kind: block.kind.clone(), text: text.to_owned() };
        events.push(BlockEvent { index, change });
    }

    fn begin(&mut self, kind: BlockKind, events: &mut Vec<BlockEvent>) {
        events.push(BlockEvent { index: self.ended.len(), change: BlockChange::Begin(kind.clone()) });
        let complete = !matches!(kind, BlockKind::Call { .. });
        self.current = Some(Block { kind, text: String::new(), complete });
    }

    fn end(&mut self, events: &mut Vec<BlockEvent>) {
        let Some(mut block) = self.current.take() else { return };
        block.complete |= is_complete(&block.text);
        events.push(BlockEvent { index: self.ended.len(), change: BlockChange::End(block.clone()) });
        self.ended.push(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(pieces: &[Piece]) -> (Vec<BlockEvent>, BlockBuilder) {
        let mut builder = BlockBuilder::new(7);
        let mut events: Vec<BlockEvent> =
            pieces.iter().flat_map(|piece| builder.push(piece.clone())).collect();
        events.extend(builder.finish());
        (events, builder)
    }

    fn answer(text: &str) -> Piece {
        Piece::Answer(text.into())
    }

    #[test]
    fn the_changes_of_each_block_add_up_to_it() {
        let pieces = [
            Piece::Reasoning("Hm".into()),
            Piece::Reasoning(".".into()),
            answer("\n"),
            answer("Yes"),
            answer("."),
            Piece::CallName("f".into()),
            Piece::CallArguments("{\"a\"".into()),
            Piece::CallArguments(": 1}".into()),
            Piece::CallEnd,
            answer("\n"),
            Piece::CallName("g".into()),
            Piece::CallEnd,
        ];
        let (events, builder) = blocks(&pieces);
        let texts: Vec<&str> = builder.ended().iter().map(|block| block.text.as_str()).collect();
        assert_eq!(texts, ["Hm.", "\nYes.", "{\"a\": 1}", "{}"]);
        assert!(builder.calls_tools(FinishReason::Stop) && !builder.calls_tools(FinishReason::Length));
        for (at, block) in builder.ended().iter().enumerate() {
            let of_block: Vec<_> =
                events.iter().filter(|event| event.index == at).map(|e| &e.change).collect();
            assert_eq!(of_block.first(), Some(&&BlockChange::Begin(block.kind.clone())));
            assert_eq!(of_block.last(), Some(&&BlockChange::End(block.clone())));
            let appended = of_block.iter().filter_map(|change| match change {
                BlockChange::Append { text, .. } => Some(text.as_str()),
                _ => None,
            });
            assert_eq!(appended.collect::<String>(), block.text);
        }
    }

    #[test]
    fn a_call_that_is_cut_off_is_not_complete_and_one_without_its_mark_is() {
        for (arguments, complete) in [("{\"a\": ", false), ("", false), ("{\"a\": 1}", true)] {
            let (_, builder) = blocks(&[Piece::CallName("f".into()), Piece::CallArguments(arguments.into())]);
            assert_eq!(builder.ended()[0].complete, complete, "{arguments}");
            assert_eq!(builder.calls_tools(FinishReason::Stop), complete);
        }
    }
}
