//! The reasons that follow from a choice, whichever engine it is for: a constructor for each.
//! The engines differ in the names of their arguments only.
use catalog::ModelFacts;

use crate::choose::Choice;
use crate::reason::{Reason, ReasonCode};

impl Choice<'_> {
    pub fn tensor_reason(&self) -> Reason {
        Reason::new(ReasonCode::Tensor)
            .with("count", self.parallelism.tensor)
            .with("heads", self.shape.heads)
            .with("each", self.shape.heads / self.parallelism.tensor)
    }

    pub fn pipeline_reason(&self) -> Reason {
        Reason::new(ReasonCode::Pipeline).with("count", self.parallelism.pipeline)
    }

    pub fn replicas_reason(&self) -> Reason {
        Reason::new(ReasonCode::Replicas).with("count", self.replicas).with("cards", self.parallelism.gpus())
    }

    pub fn attention_data_reason(&self) -> Reason {
        self.cache_reason(ReasonCode::AttentionData).with("count", self.parallelism.attention_data)
    }

    pub fn experts_reason(&self) -> Reason {
        Reason::new(ReasonCode::Experts)
            .with("experts", self.shape.experts)
            .with("each", self.shape.experts / self.parallelism.tensor)
    }

    pub fn machines_reason(&self) -> Reason {
        Reason::new(ReasonCode::Machines).with("count", self.hosts)
    }

    pub fn machine_rank_reason(&self) -> Reason {
        Reason::new(ReasonCode::MachineRank).with("last", self.hosts - 1)
    }

    pub fn context_reason(&self, model: &ModelFacts) -> Reason {
        Reason::new(ReasonCode::Context).with("tokens", self.context).with("max", model.context_max)
    }

    pub fn sequences_reason(&self) -> Reason {
        Reason::new(ReasonCode::Sequences).with("count", self.sequences)
    }

    /// The reason of an argument that makes room for more tokens in the cache.
    pub fn cache_reason(&self, code: ReasonCode) -> Reason {
        Reason::new(code).with("plain", self.bf16_tokens).with("tokens", self.memory.tokens)
    }

    pub fn draft_reason(&self) -> Reason {
        Reason::new(ReasonCode::Draft).with("layers", self.shape.mtp_layers)
    }

    pub fn model_path_reason(&self, repo: &str) -> Reason {
        Reason::new(ReasonCode::ModelPath)
            .with("repo", repo)
            .with("precision", &self.variant.precision)
            .with_bytes("size", self.variant.size)
    }

    /// The reason for the memory fraction, with the sizes of the GPU that holds the most.
    pub fn memory_share_reason(&self, gpu_memory: u64, share: f64) -> Reason {
        Reason::new(ReasonCode::MemoryShare)
            .with("share", format!("{share:.2}"))
            .with_bytes("card", gpu_memory)
            .with_bytes("weights", self.memory.weights)
            .with_bytes("overhead", self.memory.overhead)
            .with("tokens", self.memory.tokens)
    }
}
