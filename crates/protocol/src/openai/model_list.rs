//! The answer of `/v1/models`: a list with the one model that the worker serves.
//! `max_model_len` is in tokens and an extension of vLLM; OpenAI's API has no such field.
use serde::{Deserialize, Serialize};

use crate::Tokens;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelList {
    pub object: String,
    pub data: Vec<ModelObject>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelObject {
    pub id: String,
    pub object: String,
    pub owned_by: String,
    /// Context length, under vLLM's name; null while the model is loading.
    pub max_model_len: Option<Tokens>,
}

impl ModelList {
    pub fn new(data: Vec<ModelObject>) -> Self {
        Self { object: "list".to_owned(), data }
    }
}

impl ModelObject {
    pub fn new(id: String, max_model_len: Option<Tokens>) -> Self {
        Self { id, object: "model".to_owned(), owned_by: "whaledeck".to_owned(), max_model_len }
    }
}
