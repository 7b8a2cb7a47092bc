//! What form an answer must have, as `response_format` and `tool_choice` ask for it, and the grammar that
//! holds the sampler to it.
use std::sync::Arc;

use parking_lot::Mutex;
use protocol::openai::{self, ChatCompletionRequest};
use serde_json::{Map, Value};
use text::{Detokenizer, Grammar, TextError};

use crate::error::ApiError;
use crate::model::LoadedModel;

pub enum ResponseFormat {
    Text,
    /// JSON of this schema.
    Json(Value),
    /// One call of one of these functions.
    Call(Vec<Value>),
}

impl ResponseFormat {
    /// # Errors
    /// A tool choice or a format that is not known, or one that the other excludes.
    pub fn of(request: &ChatCompletionRequest) -> Result<Self, ApiError> {
        let schema = request.response_format.as_ref().map(schema).transpose()?.flatten();
        match (schema, forced_tools(request)?) {
            (Some(_), Some(_)) => Err(ApiError::invalid(
                "response_format",
                "response_format and a forced tool call exclude each other",
            )),
            (Some(schema), None) => Ok(Self::Json(schema)),
            (None, Some(tools)) => Ok(Self::Call(tools)),
            (None, None) => Ok(Self::Text),
        }
    }
}

/// The functions of which one must be called.
fn forced_tools(request: &ChatCompletionRequest) -> Result<Option<Vec<Value>>, ApiError> {
    let invalid = |message: &str| ApiError::invalid("tool_choice", message);
    let tools = match &request.tool_choice {
        None => return Ok(None),
        Some(Value::String(choice)) => match choice.as_str() {
            "none" | "auto" => return Ok(None),
            "required" => request.tools.clone(),
            _ => return Err(invalid("it must be none, auto, required, or a function of tools")),
        },
        Some(choice) => {
            let name = &choice["function"]["name"];
            request.tools.iter().filter(|tool| tool["function"]["name"] == *name).cloned().collect()
        }
    };
    if tools.is_empty() { Err(invalid("no such function is in tools")) } else { Ok(Some(tools)) }
}

fn schema(format: &openai::ResponseFormat) -> Result<Option<Value>, ApiError> {
    let invalid = |message: &str| ApiError::invalid("response_format", message);
    match format.kind.as_str() {
        "text" => Ok(None),
        "json_object" => {
            let any_object = || Value::Object(Map::from_iter([("type".to_owned(), "object".into())]));
            Ok(Some(format.schema.clone().filter(Value::is_object).unwrap_or_else(any_object)))
        }
        "json_schema" => {
            let schema = format.json_schema.as_ref().map(|named| named["schema"].clone());
            schema.filter(Value::is_object).map(Some).ok_or_else(|| invalid("json_schema has no schema"))
        }
        _ => Err(invalid("its type must be text, json_object or json_schema")),
    }
}

/// From where on an answer is held to its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrammarStart {
    First,
    /// The prompt ended inside `<think>`: reasoning is free.
    AfterReasoning,
    /// All before this token is free: the model may call a function, and may not.
    Token(u32),
}

/// Masks the tokens that the grammar does not allow.
pub struct GrammarConstraint {
    grammar: Grammar,
    free: Option<Free>,
    error: GrammarError,
}

/// Until when all tokens are allowed.
enum Free {
    /// Until the closing tag.
    Reasoning(ReasoningState),
    UntilToken(u32),
}

struct ReasoningState {
    model: Arc<LoadedModel>,
    detokenizer: Detokenizer,
    text: String,
}

/// What failed on the engine's thread, for the task that writes the answer.
#[derive(Clone, Default)]
pub struct GrammarError(Arc<Mutex<Option<String>>>);

impl GrammarError {
    pub fn take(&self) -> Option<String> {
        self.0.lock().take()
    }

    fn set(&self, result: Result<(), TextError>) {
        if let Err(error) = result {
            self.0.lock().get_or_insert(error.to_string());
        }
    }
}

impl GrammarConstraint {
    pub fn new(grammar: Grammar, model: Arc<LoadedModel>, start: GrammarStart) -> (Self, GrammarError) {
        let free = match start {
            GrammarStart::First => None,
            GrammarStart::AfterReasoning => {
                let (detokenizer, text) = (Detokenizer::default(), String::new());
                Some(Free::Reasoning(ReasoningState { model, detokenizer, text }))
            }
            GrammarStart::Token(token) => Some(Free::UntilToken(token)),
        };
        let error = GrammarError::default();
        (Self { grammar, free, error: error.clone() }, error)
    }
}

impl engine::Constraint for GrammarConstraint {
    fn restricts(&self) -> bool {
        self.free.is_none()
    }

    fn mask(&mut self, logits: &mut [f32]) {
        let result = self.grammar.mask(logits);
        self.error.set(result);
    }

    fn accept(&mut self, token: u32) {
        match &mut self.free {
            Some(Free::Reasoning(state)) => {
                state.text += &state.detokenizer.push(&state.model.tokenizer, token);
                // The tag is a token in every reasoning model, so the answer begins with the next.
                if state.text.contains("</think>") {
                    self.free = None;
                }
                return;
            }
            Some(Free::UntilToken(begin)) if token != *begin => return,
            // The token is the first of the grammar.
            Some(Free::UntilToken(_)) => self.free = None,
            None => {}
        }
        let result = self.grammar.accept(token);
        self.error.set(result);
    }
}
