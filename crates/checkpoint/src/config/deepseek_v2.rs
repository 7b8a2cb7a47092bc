//! DeepSeek-V2, V2.5, Coder-V2 and their Lite variants: MLA and a softmax router, which selects greedily
//! unless the file says otherwise. Missing keys take the defaults of the published configuration class.
use super::experts::{Defaults, Experts};
use super::fields::Fields;
use super::{ConfigError, Decoder, LatentAttention, Result};

#[derive(Debug, Clone)]
pub struct DeepseekV2Config {
    pub decoder: Decoder,
    pub attention: LatentAttention,
    pub experts: Option<Experts>,
}

impl DeepseekV2Config {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, Some(2048))?;
        let experts = Experts::read(fields, &Defaults { scoring_func: "softmax", topk_method: "greedy" })?;
        // With norm_topk_prob, the code published with V2 omits the scale and that of VL2 applies it. No
        // release sets both, so the combination is rejected.
        if experts.is_some_and(|e| e.norm_topk_prob && e.routed_scaling_factor != 1.0 && !e.has_bias()) {
            return Err(ConfigError::unsupported(
                "norm_topk_prob",
                true,
                "false beside a routed_scaling_factor",
            ));
        }
        Ok(Self { attention: LatentAttention::read(fields)?, experts, decoder })
    }
}
