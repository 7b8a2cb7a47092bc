//! The feed-forward half of a layer: an MLP, or a mixture of experts with shared experts.
//! Knows the routing policy of a family only as its configuration.
use candle_core::Tensor;
use checkpoint::{Decoder, Experts, ScoringFunc, TopkMethod};
use kernels::moe::{Mlp, Router, Scoring, TopK, TopkPolicy, moe};
use kernels::{Linear, PrefillRows};

use super::LayerContext;
use crate::ledger::WeightKind;
use crate::weights::Loader;
use crate::{ForwardError, LayerRouting, LoadError, Pass};

pub enum FeedForward {
    Dense(Mlp),
    Moe(Box<Moe>),
}

pub struct Moe {
    gate: Linear,
    e_score_correction_bias: Option<Vec<f32>>,
    router: Router,
    experts: Vec<Mlp>,
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

    /// `x` [T, H] -> [T, H].
    pub fn forward(
        &self,
        x: &Tensor,
        context: &LayerContext,
        pass: &mut Pass,
    ) -> Result<Tensor, ForwardError> {
        match self {
            Self::Dense(mlp) => Ok(mlp.forward(x, &context.batch.prefill, &pass.cancellation)?),
            Self::Moe(moe) => moe.forward(x, context, pass),
        }
    }
}

impl Moe {
    fn load(hidden: usize, config: &Experts, loader: &mut Loader, prefix: &str) -> Result<Self, LoadError> {
        let count = config.n_routed_experts;
        let gate = loader.linear(WeightKind::Dense, &format!("{prefix}.gate"), [count, hidden], false)?;
        let bias = format!("{prefix}.gate.e_score_correction_bias");
        let bias = config.has_bias().then(|| loader.vector(WeightKind::Dense, &bias, count)).transpose()?;
        let inner = config.moe_intermediate_size;
        let experts = (0..count)
            .map(|expert| {
                loader.mlp(WeightKind::Experts, &format!("{prefix}.experts.{expert}"), hidden, inner)
            })
            .collect::<Result<_, _>>()?;
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

    fn forward(&self, x: &Tensor, context: &LayerContext, pass: &mut Pass) -> Result<Tensor, ForwardError> {
        // Not with AMX tiles: their rounding could change which experts are chosen.
        let scores = self.gate.forward(x, &PrefillRows::none())?;
        let top_k = self.router.route(&scores, self.e_score_correction_bias.as_deref())?;
        record(&top_k, context.layer, pass);
        let prefill = &context.batch.prefill;
        let routed = moe(x, &top_k, &self.experts, prefill, &pass.cancellation)?;
        match &self.shared_experts {
            Some(shared) => Ok((routed + shared.forward(x, prefill, &pass.cancellation)?)?),
            None => Ok(routed),
        }
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

fn record(top_k: &TopK, layer: usize, pass: &mut Pass) {
    if let Some(routing) = &mut pass.routing {
        let rows = 0..top_k.tokens();
        routing.extend(rows.map(|row| LayerRouting { layer, row, experts: top_k.token(row).collect() }));
    }
}
