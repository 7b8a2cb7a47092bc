//! The mixture-of-experts settings: which layers have experts, their width, and the router.
//! Field names are those of DeepSeek's config.json. The configs of DeepSeekMoE, V2, V3 and VL2 share it and
//! differ only in the defaults of missing keys.
use super::fields::Fields;
use super::{ConfigError, Result};

/// Four times the largest published model.
const MAX_EXPERTS: usize = 1024;

#[derive(Debug, Clone, Copy)]
pub struct Experts {
    pub n_routed_experts: usize,
    /// 0 if the model has no shared experts.
    pub n_shared_experts: usize,
    pub moe_intermediate_size: usize,
    pub num_experts_per_tok: usize,
    pub first_k_dense_replace: usize,
    pub moe_layer_freq: usize,
    pub scoring_func: ScoringFunc,
    pub topk_method: TopkMethod,
    pub norm_topk_prob: bool,
    pub routed_scaling_factor: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoringFunc {
    Softmax,
    Sigmoid,
}

/// How the router selects experts from their scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopkMethod {
    Greedy,
    /// Groups are selected by their best score.
    GroupLimitedGreedy {
        n_group: usize,
        topk_group: usize,
    },
    /// Groups are selected by the sum of their two best scores. A bias is added for the selection, not for
    /// the weights.
    NoauxTc {
        n_group: usize,
        topk_group: usize,
    },
}

/// The defaults of a family for missing keys.
pub struct Defaults {
    pub scoring_func: &'static str,
    pub topk_method: &'static str,
}

impl Experts {
    /// `None` if `n_routed_experts` is null: a dense model.
    pub(super) fn read(fields: &Fields, defaults: &Defaults) -> Result<Option<Self>> {
        let Some(count) = fields.size_opt("n_routed_experts")? else { return Ok(None) };
        if count > MAX_EXPERTS {
            return Err(ConfigError::invalid(format!("n_routed_experts is {count}, above {MAX_EXPERTS}")));
        }
        let scoring_func = match fields.text("scoring_func")?.unwrap_or(defaults.scoring_func) {
            "softmax" => ScoringFunc::Softmax,
            "sigmoid" => ScoringFunc::Sigmoid,
            other => return Err(ConfigError::unsupported("scoring_func", other, "softmax, sigmoid")),
        };
        let experts = Self {
            n_routed_experts: count,
            n_shared_experts: fields.count_opt("n_shared_experts")?.unwrap_or(0),
            moe_intermediate_size: fields.size("moe_intermediate_size")?,
            num_experts_per_tok: fields.size("num_experts_per_tok")?,
            first_k_dense_replace: fields.count_opt("first_k_dense_replace")?.unwrap_or(0),
            moe_layer_freq: fields.size_or("moe_layer_freq", 1)?,
            scoring_func,
            topk_method: TopkMethod::read(fields, defaults.topk_method)?,
            norm_topk_prob: fields.flag("norm_topk_prob", false)?,
            routed_scaling_factor: fields.positive_or("routed_scaling_factor", 1.0)? as f32,
        };
        experts.check()?;
        Ok(Some(experts))
    }

    /// Whether a layer is an MoE layer.
    pub fn is_moe(&self, layer: usize) -> bool {
        layer >= self.first_k_dense_replace && layer.is_multiple_of(self.moe_layer_freq)
    }

    /// Width of all shared experts merged into one MLP.
    pub fn shared_width(&self) -> Option<usize> {
        (self.n_shared_experts > 0).then(|| self.n_shared_experts * self.moe_intermediate_size)
    }

    /// Whether the router has `e_score_correction_bias`.
    pub fn has_bias(&self) -> bool {
        matches!(self.topk_method, TopkMethod::NoauxTc { .. })
    }

    fn check(&self) -> Result<()> {
        let (groups, kept) = match self.topk_method {
            TopkMethod::Greedy => (1, 1),
            TopkMethod::GroupLimitedGreedy { n_group, topk_group }
            | TopkMethod::NoauxTc { n_group, topk_group } => (n_group, topk_group),
        };
        let groups_ok = self.n_routed_experts.is_multiple_of(groups) && kept <= groups;
        if !groups_ok || self.num_experts_per_tok > self.n_routed_experts / groups * kept {
            return Err(ConfigError::invalid(format!(
                "{} experts in {groups} groups, {kept} of them kept, cannot give {} experts a token",
                self.n_routed_experts, self.num_experts_per_tok
            )));
        }
        Ok(())
    }
}

impl TopkMethod {
    fn read(fields: &Fields, default: &'static str) -> Result<Self> {
        const KNOWN: &str = "greedy, group_limited_greedy, noaux_tc";
        match fields.text("topk_method")?.unwrap_or(default) {
            // "gready" is a default in DeepSeek's code and occurs in files.
            "greedy" | "gready" => Ok(Self::Greedy),
            "group_limited_greedy" => {
                let (n_group, topk_group) = (fields.size("n_group")?, fields.size("topk_group")?);
                Ok(Self::GroupLimitedGreedy { n_group, topk_group })
            }
            "noaux_tc" => {
                let (n_group, topk_group) = (fields.size("n_group")?, fields.size("topk_group")?);
                Ok(Self::NoauxTc { n_group, topk_group })
            }
            other => Err(ConfigError::unsupported("topk_method", other, KNOWN)),
        }
    }
}
