//! What to deploy: the model, the engine, the context in tokens and the number of concurrent sequences.
//! The hosts are apart in `Inventory`, because a plan tries one request on several of them.
use catalog::ModelFacts;

use crate::engine::Engine;

#[derive(Debug, Clone, PartialEq)]
pub struct DeployRequest<'a> {
    pub model: &'a ModelFacts,
    /// A variant id; `None` takes the best one that fits.
    pub variant: Option<String>,
    pub engine: Engine,
    /// Tokens per sequence.
    pub context: u32,
    /// Concurrent sequences.
    pub sequences: u32,
    /// Ray instead of vLLM's own multi-node mode.
    pub ray: bool,
}
