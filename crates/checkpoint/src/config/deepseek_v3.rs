//! DeepSeek-V3, V3-0324, V3.1, R1, R1-0528 and the Guide model: MLA and a sigmoid router with a selection
//! bias. At most one MTP layer is accepted; no released checkpoint has more.
use super::experts::{Defaults, Experts};
use super::fields::Fields;
use super::{ConfigError, Decoder, LatentAttention, Result};

#[derive(Debug, Clone)]
pub struct DeepseekV3Config {
    pub decoder: Decoder,
    pub attention: LatentAttention,
    pub experts: Option<Experts>,
    /// Multi-token prediction (MTP) layers after the last layer, 0 or 1.
    pub num_nextn_predict_layers: usize,
}

impl DeepseekV3Config {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        let decoder = Decoder::read(fields, None)?;
        let predict = fields.count_opt("num_nextn_predict_layers")?.unwrap_or(0);
        if predict > 1 {
            return Err(ConfigError::unsupported("num_nextn_predict_layers", predict, "0, 1"));
        }
        Ok(Self {
            attention: LatentAttention::read(fields)?,
            experts: Experts::read(fields, &Defaults { scoring_func: "sigmoid", topk_method: "noaux_tc" })?,
            num_nextn_predict_layers: predict,
            decoder,
        })
    }
}
