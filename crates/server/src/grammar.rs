//! A grammar between the request that asks for it and the engine that draws tokens.
use std::sync::{Arc, Mutex};

use text::{Detokenizer, Grammar, TextError};

use crate::loaded::Loaded;

/// Holds an answer to its form. What the model thinks before it answers is free.
pub struct Held {
    grammar: Grammar,
    /// What was thought so far, until the closing tag comes.
    thinking: Option<Thought>,
    error: Fault,
}

struct Thought {
    loaded: Arc<Loaded>,
    detokenizer: Detokenizer,
    text: String,
}

/// What went wrong on the engine's thread, for who writes the answer.
#[derive(Clone, Default)]
pub struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    fn note(&self, result: Result<(), TextError>) {
        if let Err(error) = result {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error.to_string());
        }
    }
}

impl Held {
    /// `thinking` when the prompt ended inside `<think>`.
    pub fn new(grammar: Grammar, loaded: Arc<Loaded>, thinking: bool) -> (Self, Fault) {
        let thought = Thought { loaded, detokenizer: Detokenizer::default(), text: String::new() };
        let error = Fault::default();
        (Self { grammar, thinking: thinking.then_some(thought), error: error.clone() }, error)
    }
}

impl engine::Constraint for Held {
    fn mask(&mut self, logits: &mut [f32]) {
        if self.thinking.is_none() {
            let result = self.grammar.mask(logits);
            self.error.note(result);
        }
    }

    fn accept(&mut self, token: u32) {
        let Some(thought) = &mut self.thinking else {
            let result = self.grammar.accept(token);
            return self.error.note(result);
        };
        thought.text += &thought.detokenizer.push(&thought.loaded.tokenizer, token);
        // The tag is a token in every model that thinks, so the answer begins with the next.
        if thought.text.contains("</think>") {
            self.thinking = None;
        }
    }
}
