//! DeepSeekMoE-16B: multi-head attention, softmax router without groups.
//! Missing keys take the defaults of the published configuration class. Sigmoid scores and grouped selection
//! are refused, because this architecture has neither.
use super::experts::{Defaults, Experts};
use super::fields::Fields;
use super::{ConfigError, Decoder, GroupedAttention, Result, ScoringFunc, TopkMethod};

#[derive(Debug, Clone)]
pub struct DeepseekConfig {
    pub decoder: Decoder,
    pub attention: GroupedAttention,
    pub experts: Option<Experts>,
}

impl DeepseekConfig {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, Some(2048))?;
        let bias = fields.flag("attention_bias", false)?;
        let attention = GroupedAttention::read(fields, &decoder)?;
        let experts = Experts::read(fields, &Defaults { scoring_func: "softmax", topk_method: "greedy" })?;
        if let Some(experts) = &experts {
            if experts.scoring_func != ScoringFunc::Softmax {
                return Err(ConfigError::unsupported("scoring_func", "sigmoid", "softmax"));
            }
            if experts.topk_method != TopkMethod::Greedy {
                return Err(ConfigError::unsupported("topk_method", "with groups", "greedy"));
            }
        }
        Ok(Self {
            attention: GroupedAttention { qkv_bias: bias, o_bias: bias, ..attention },
            experts,
            decoder,
        })
    }
}
