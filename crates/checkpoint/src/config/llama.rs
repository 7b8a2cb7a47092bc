//! R1-Distill-Llama 8B and 70B: GQA and a gated MLP, without biases unless `attention_bias` is set.
//! A bias in the MLP is refused, because no released model has one.
use super::fields::Fields;
use super::{Decoder, GroupedAttention, Result};

#[derive(Debug, Clone)]
pub struct LlamaConfig {
    pub decoder: Decoder,
    pub attention: GroupedAttention,
}

impl LlamaConfig {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, None)?;
        fields.require_false("mlp_bias")?;
        let bias = fields.flag("attention_bias", false)?;
        let attention = GroupedAttention::read(fields, &decoder)?;
        Ok(Self { attention: GroupedAttention { qkv_bias: bias, o_bias: bias, ..attention }, decoder })
    }
}
