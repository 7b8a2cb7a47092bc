//! R1-Distill-Qwen 1.5B to 32B: biases on q, k and v, none on the output projection.
//! The biases are part of the architecture and have no key in config.json.
use super::fields::Fields;
use super::{Decoder, GroupedAttention, Result};

#[derive(Debug, Clone)]
pub struct Qwen2Config {
    pub decoder: Decoder,
    pub attention: GroupedAttention,
}

impl Qwen2Config {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, None)?;
        let attention = GroupedAttention::read(fields, &decoder)?;
        Ok(Self { attention: GroupedAttention { qkv_bias: true, ..attention }, decoder })
    }
}
