//! The feed-forward half of a layer: an MLP, or a mixture of experts with shared experts.
//! Knows the routing policy of a family only as its configuration.
use checkpoint::{Decoder, Experts, ScoringFunc, TopkMethod};
use kernels::Linear;
use kernels::lane::{self, Act, Lane};
use kernels::moe::{self, Mlp, Router, Scoring, TopkPolicy};
use kernels::rms_norm::RmsNorm;

use crate::ledger::WeightKind;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

pub enum FeedForward {
    Dense(Mlp),
    Moe(Box<Moe>),
}

pub struct Moe {
    gate: Linear,
    e_score_correction_bias: Option<lane::Bias>,
    router: Router,
    experts: moe::Experts,
    /// All shared experts as one MLP of their summed width.
    shared_experts: Option<Mlp>,
}

impl FeedForward {
    pub fn dense(decoder: &Decoder, loader: &mut Loader, layer: &str) -> Result<Self, LoadError> {
        let (hidden, inner) = (decoder.hidden_size, decoder.intermediate_size);
        Ok(Self::Dense(loader.mlp(WeightKind::Dense, &format!("{layer}.mlp"), hidden, inner)?))
    }

    /// A mixture of experts in the layers that have one, else an MLP.
    pub fn load(
        decoder: &Decoder,
        experts: Option<&Experts>,
        index: usize,
        loader: &mut Loader,
        layer: &str,
    ) -> Result<Self, LoadError> {
        match experts.filter(|experts| experts.is_moe(index)) {
            None => Self::dense(decoder, loader, layer),
            Some(config) => {
                let prefix = format!("{layer}.mlp");
                Ok(Self::Moe(Box::new(Moe::load(decoder.hidden_size, config, loader, &prefix)?)))
            }
        }
    }

    /// Of a mixture: the bias of each expert in the selection, empty without one.
    pub fn router_bias(&self) -> Option<Vec<f32>> {
        match self {
            Self::Dense(_) => None,
            Self::Moe(moe) => {
                Some(moe.e_score_correction_bias.as_ref().map(lane::Bias::values).unwrap_or_default())
            }
        }
    }

    /// `x + feed_forward(norm(x))`, [T, H].
    pub fn forward(
        &self,
        lane: &mut Lane,
        x: &Act,
        norm: &RmsNorm,
        layer: usize,
    ) -> Result<Act, ForwardError> {
        Ok(match self {
            Self::Dense(mlp) => lane.mlp_add(x, norm, mlp)?,
            Self::Moe(moe) => {
                let moe = lane::Moe {
                    gate: &moe.gate,
                    bias: moe.e_score_correction_bias.as_ref(),
                    router: &moe.router,
                    experts: &moe.experts,
                    shared: moe.shared_experts.as_ref(),
                };
                lane.moe_add(x, norm, &moe, layer)?
            }
        })
    }
}

impl Moe {
    fn load(hidden: usize, config: &Experts, loader: &mut Loader, prefix: &str) -> Result<Self, LoadError> {
        let count = config.n_routed_experts;
        let gate = loader.linear(WeightKind::Dense, &format!("{prefix}.gate"), [count, hidden], false)?;
        let bias = format!("{prefix}.gate.e_score_correction_bias");
        let bias = config.has_bias().then(|| loader.bias(WeightKind::Dense, &bias, count)).transpose()?;
        let inner = config.moe_intermediate_size;
        // A card takes all of them at once, from host memory.
        let expert = |expert: usize, loader: &mut Loader| {
            loader.mlp(WeightKind::Experts, &format!("{prefix}.experts.{expert}"), hidden, inner)
        };
        let experts = loader
            .on_host(|loader| (0..count).map(|index| expert(index, loader)).collect::<Result<_, _>>())?;
        let experts = moe::Experts::new(experts, loader.place())?.with_read_ahead(loader.reads_ahead());
        let shared = format!("{prefix}.shared_experts");
        let shared = config
            .shared_width()
            .map(|width| loader.mlp(WeightKind::Dense, &shared, hidden, width))
            .transpose()?;
        Ok(Self {
            gate,
            e_score_correction_bias: bias,
            router: router(config),
            experts,
            shared_experts: shared,
        })
    }
}

fn router(config: &Experts) -> Router {
    Router {
        scoring: match config.scoring_func {
            ScoringFunc::Softmax => Scoring::Softmax,
            ScoringFunc::Sigmoid => Scoring::Sigmoid,
        },
        policy: match config.topk_method {
            TopkMethod::Greedy => TopkPolicy::Greedy,
            TopkMethod::GroupLimitedGreedy { n_group, topk_group } => {
                TopkPolicy::GroupLimitedGreedy { n_group, topk_group }
            }
            TopkMethod::NoauxTc { n_group, topk_group } => TopkPolicy::NoAuxTc { n_group, topk_group },
        },
        top_k: config.num_experts_per_tok,
        norm_topk_prob: config.norm_topk_prob,
        routed_scaling_factor: config.routed_scaling_factor,
    }
}
