//! The feed-forward half of a layer: one network, or a mixture of experts with shared ones beside it.
use candle_core::Tensor;
use checkpoint::{Decoder, Experts, ScoringFunc, TopkMethod};
use kernels::moe::{ExpertWeights, moe};
use kernels::router::{Choices, Gate, Method, Scoring};
use kernels::{Linear, Prompts};

use super::Reading;
use crate::ledger::Part;
use crate::weights::Loader;
use crate::{ForwardError, LoadError, Pass, Routed};

pub enum FeedForward {
    Dense(ExpertWeights),
    Moe(Box<Moe>),
}

pub struct Moe {
    gate: Linear,
    e_score_correction_bias: Option<Vec<f32>>,
    rule: Gate,
    experts: Vec<ExpertWeights>,
    /// All shared experts as one network of their joint width.
    shared_experts: Option<ExpertWeights>,
}

impl FeedForward {
    pub fn dense(decoder: &Decoder, loader: &mut Loader, layer: &str) -> Result<Self, LoadError> {
        let (hidden, inner) = (decoder.hidden_size, decoder.intermediate_size);
        Ok(Self::Dense(loader.network(Part::Dense, &format!("{layer}.mlp"), hidden, inner)?))
    }

    /// A mixture in the layers that have one, else one network.
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
    pub fn forward(&self, x: &Tensor, reading: &Reading, pass: &mut Pass) -> Result<Tensor, ForwardError> {
        match self {
            Self::Dense(network) => Ok(network.forward(x, &reading.batch.prompts, &pass.cancellation)?),
            Self::Moe(moe) => moe.forward(x, reading, pass),
        }
    }
}

impl Moe {
    fn load(hidden: usize, config: &Experts, loader: &mut Loader, prefix: &str) -> Result<Self, LoadError> {
        let count = config.n_routed_experts;
        let gate = loader.linear(Part::Dense, &format!("{prefix}.gate"), [count, hidden], false)?;
        let bias = format!("{prefix}.gate.e_score_correction_bias");
        let bias = config.has_bias().then(|| loader.vector(Part::Dense, &bias, count)).transpose()?;
        let inner = config.moe_intermediate_size;
        let experts = (0..count)
            .map(|expert| loader.network(Part::Experts, &format!("{prefix}.experts.{expert}"), hidden, inner))
            .collect::<Result<_, _>>()?;
        let shared = format!("{prefix}.shared_experts");
        let shared = config
            .shared_width()
            .map(|width| loader.network(Part::Dense, &shared, hidden, width))
            .transpose()?;
        Ok(Self { gate, e_score_correction_bias: bias, rule: rule(config), experts, shared_experts: shared })
    }

    fn forward(&self, x: &Tensor, reading: &Reading, pass: &mut Pass) -> Result<Tensor, ForwardError> {
        // Which experts are chosen hangs on differences that tiles would round.
        let scores = self.gate.forward(x, &Prompts::none())?;
        let choices = self.rule.route(&scores, self.e_score_correction_bias.as_deref())?;
        log(&choices, reading.layer, pass);
        let prompts = &reading.batch.prompts;
        let routed = moe(x, &choices, &self.experts, prompts, &pass.cancellation)?;
        match &self.shared_experts {
            Some(shared) => Ok((routed + shared.forward(x, prompts, &pass.cancellation)?)?),
            None => Ok(routed),
        }
    }
}

fn rule(config: &Experts) -> Gate {
    Gate {
        scoring: match config.scoring_func {
            ScoringFunc::Softmax => Scoring::Softmax,
            ScoringFunc::Sigmoid => Scoring::Sigmoid,
        },
        method: match config.topk_method {
            TopkMethod::Greedy => Method::Greedy,
            TopkMethod::GroupLimitedGreedy { n_group: groups, topk_group: kept } => {
                Method::GroupLimitedGreedy { groups, kept }
            }
            TopkMethod::NoauxTc { n_group: groups, topk_group: kept } => Method::NoAuxTc { groups, kept },
        },
        experts_per_token: config.num_experts_per_tok,
        normalise: config.norm_topk_prob,
        scale: config.routed_scaling_factor,
    }
}

fn log(choices: &Choices, layer: usize, pass: &mut Pass) {
    if let Some(routing) = &mut pass.routing {
        let rows = 0..choices.tokens();
        routing.extend(rows.map(|row| Routed { layer, row, experts: choices.token(row).collect() }));
    }
}
