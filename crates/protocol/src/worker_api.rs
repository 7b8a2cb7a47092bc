//! Answers of the worker beside the OpenAI API: health, token counts, memory and expert routing.
//! Sizes are in bytes, lengths in tokens. `endpoint` reads health and token counts; the rest is for `curl`
//! and benchmarks.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Bytes, CacheDtype, Tokens};

/// `/health`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum HealthStatus {
    Ok,
    /// With HTTP status 503.
    Loading {
        #[serde(default)]
        done: Bytes,
        #[serde(default)]
        total: Bytes,
    },
}

/// `/tokenize`, as vLLM answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizeResponse {
    pub count: Tokens,
    pub max_model_len: Tokens,
    #[serde(default)]
    pub tokens: Vec<u32>,
}

/// `/v1/whaledeck/memory`: bytes that were planned beside those that are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryReport {
    pub weights: WeightMemory,
    pub experts: PlannedMemory,
    pub cache: CacheMemory,
    pub buffers: BuffersMemory,
    /// Pages that were never written and weights that were never read are not resident yet.
    pub process: ProcessMemory,
    /// Of the card that the model is on, with the context of its driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<PlannedMemory>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightMemory {
    pub predicted: Bytes,
    pub measured: Bytes,
    /// By part of the model.
    pub parts: BTreeMap<String, Bytes>,
    /// By storage type.
    pub formats: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedMemory {
    pub predicted: Bytes,
    pub measured: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheMemory {
    pub predicted: Bytes,
    pub measured: Bytes,
    pub pages: usize,
    /// Of running sequences.
    pub pages_used: usize,
    /// Only in the prefix cache.
    pub pages_cached: usize,
    /// Pages that were ever written. The others are not resident.
    pub pages_written: usize,
    pub page_tokens: usize,
    pub dtype: CacheDtype,
    /// What the same pages take as bf16.
    pub bf16: Bytes,
    pub sequences: Vec<SequenceMemory>,
}

/// The cache of one running sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceMemory {
    pub tokens: usize,
    pub pages: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BuffersMemory {
    pub predicted: Bytes,
    /// The part of them that the widest pass so far needed, 0 to 1.
    pub used: f64,
}

/// Null where the system does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMemory {
    pub predicted: Option<Bytes>,
    pub measured: Option<Bytes>,
}

/// `/v1/whaledeck/routing`: which experts each token of the last answer went to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoutingReport {
    /// Routed experts of a layer; 0 in models without.
    pub experts: usize,
    pub tokens: Vec<TokenRouting>,
    /// More tokens were routed than are kept.
    pub cut: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRouting {
    pub id: u32,
    pub token: String,
    pub layers: Vec<LayerRouting>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRouting {
    pub layer: usize,
    pub experts: Vec<u16>,
    /// One for each expert. As f64, whose digits JSON has always shown.
    pub weights: Vec<f64>,
}
