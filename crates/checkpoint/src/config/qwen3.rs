//! R1-0528-Qwen3-8B: queries and keys have a norm per head (QK norm).
//! The norm has no key in config.json; biases exist only if `attention_bias` is set.
use super::fields::Fields;
use super::{Decoder, GroupedAttention, Result};

#[derive(Debug, Clone)]
pub struct Qwen3Config {
    pub decoder: Decoder,
    pub attention: GroupedAttention,
}

impl Qwen3Config {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, None)?;
        let bias = fields.flag("attention_bias", false)?;
        let attention = GroupedAttention::read(fields, &decoder)?;
        Ok(Self {
            attention: GroupedAttention { qkv_bias: bias, o_bias: bias, qk_norm: true, ..attention },
            decoder,
        })
    }
}
