//! The operations that layers are made of. A lane computes one batch: the host lane calls the fused
//! operations of this crate at once, the card lane enqueues kernels. A model is written once, against this.
mod card;
mod host;

/// A value, computed within a span of that name: `bench --operations` adds up the times.
macro_rules! operation {
    ($name:literal, $work:expr) => {
        tracing::trace_span!($name).in_scope(|| $work)
    };
}
use operation;

use candle_core::{Result, Tensor, bail};

use crate::attention::{GqaSizes, MlaSizes};
use crate::cache::KvPages;
use crate::elementwise::add;
use crate::moe::{Experts, Mlp, Router, TopK, TopkPolicy};
use crate::rms_norm::RmsNorm;
use crate::rope::{Rope, RotaryTable};
use crate::{Cancellation, Linear, Logits, Place, PrefillRows, Weight};

pub use crate::place::Vector as Bias;
pub(crate) use card::Rows;
use card::{CardHead, CardLane, CardState, Plan};

/// The rows of one sequence in a batch.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// Its tokens, which are as many rows, after those of the sequences before.
    pub tokens: &'a [u32],
    /// Its pages, in order.
    pub pages: &'a [u32],
    /// Tokens that the pages hold already.
    pub past: usize,
    /// Whether the rows belong to a prefill: see [`PrefillRows`].
    pub prefill: bool,
    /// The temperature at which its logits are sampled, when only the most likely tokens are needed.
    pub top: Option<f32>,
}

/// Activations [T, width].
#[derive(Clone)]
pub enum Act {
    Host(Tensor),
    Card(Rows),
}

/// The output of a pass.
pub enum Head {
    Host { hidden: Vec<f32>, logits: Logits },
    Card(CardHead),
}

/// The mixture of experts of one layer.
pub struct Moe<'a> {
    pub gate: &'a Linear,
    /// `e_score_correction_bias` [experts]
    pub bias: Option<&'a Bias>,
    pub router: &'a Router,
    pub experts: &'a Experts,
    pub shared: Option<&'a Mlp>,
}

/// The experts that a layer chose for the rows of a batch.
pub struct LayerTopK {
    pub layer: usize,
    pub top_k: TopK,
}

/// What a model keeps for its lanes between passes; nothing on the host.
pub struct LaneState(Option<Box<CardState>>);

impl LaneState {
    /// # Errors
    /// When the card has too little memory.
    pub fn new(place: &Place, rope: &Rope) -> Result<Self> {
        Ok(Self(match place {
            Place::Host => None,
            Place::Card(memory) => Some(Box::new(CardState::new(memory, rope)?)),
        }))
    }
}

/// One batch at one place.
pub struct Lane<'a> {
    sequences: &'a [Sequence<'a>],
    prefill: PrefillRows,
    kv: &'a mut KvPages,
    cancellation: &'a Cancellation<'a>,
    routing: Vec<LayerTopK>,
    all_experts: bool,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Host { rotary: RotaryTable },
    Card(Box<CardLane<'a>>),
}

impl<'a> Lane<'a> {
    /// A lane for the rows of `sequences`, at the place of `kv`.
    ///
    /// # Errors
    /// When the card fails.
    pub fn new(
        state: &'a LaneState,
        rope: &Rope,
        sequences: &'a [Sequence<'a>],
        kv: &'a mut KvPages,
        cancellation: &'a Cancellation<'a>,
    ) -> Result<Self> {
        let prefill = PrefillRows::from_steps(sequences.iter().map(|s| (s.tokens.len(), s.prefill)));
        let kind = match &state.0 {
            None => {
                let positions = sequences.iter().flat_map(|s| s.past..s.past + s.tokens.len());
                Kind::Host { rotary: rope.table(&positions.collect::<Vec<_>>()) }
            }
            Some(card) => Kind::Card(Box::new(CardLane::new(card, rope, sequences, kv)?)),
        };
        let (routing, all_experts) = (Vec::new(), false);
        Ok(Self { sequences, prefill, kv, cancellation, routing, all_experts, kind })
    }

    /// Computes every routed expert for each token, as a dense model of the same size would.
    ///
    /// # Errors
    /// On a card, whose kernels have room for the router's own choice.
    pub fn use_all_experts(&mut self) -> Result<()> {
        if matches!(self.kind, Kind::Card(_)) {
            bail!("all experts are computed on the processor only");
        }
        self.all_experts = true;
        Ok(())
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// The embeddings of the batch's tokens, [T, cols]; `replaced` are (first row, values [n, cols]) that
    /// take the place of some; they must fit the rows.
    ///
    /// # Errors
    /// When a token is out of range, or the card fails.
    pub fn embed(&mut self, weight: &Weight, replaced: &[(usize, &[f32])]) -> Result<Act> {
        match &mut self.kind {
            Kind::Host { .. } => {
                operation!("embed", host::embed(weight, self.sequences, replaced)).map(Act::Host)
            }
            Kind::Card(lane) => lane.embed(weight, replaced).map(Act::Card),
        }
    }

    /// Activations [T, width] from host memory.
    ///
    /// # Errors
    /// When the card fails.
    pub fn upload(&mut self, values: &[f32], width: usize) -> Result<Act> {
        match &mut self.kind {
            Kind::Host { .. } => {
                crate::slices::tensor(values.to_vec(), (values.len() / width, width)).map(Act::Host)
            }
            Kind::Card(lane) => lane.upload(values, width).map(Act::Card),
        }
    }

    /// Activations as values in host memory. A card finishes everything before.
    ///
    /// # Errors
    /// When the card fails.
    pub fn download(&mut self, x: &Act) -> Result<Vec<f32>> {
        match (&mut self.kind, x) {
            (Kind::Host { .. }, Act::Host(x)) => x.flatten_all()?.to_vec1(),
            (Kind::Card(lane), Act::Card(x)) => lane.download(x),
            _ => misplaced(),
        }
    }

    /// The products of `norm(x)` with each of `linears`, [T, rows] each.
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn norm_linear<const N: usize>(
        &mut self,
        x: &Act,
        norm: &RmsNorm,
        linears: [&Linear; N],
    ) -> Result<[Act; N]> {
        match (&mut self.kind, x) {
            (Kind::Host { .. }, Act::Host(x)) => {
                let x = operation!("norm", norm.forward(x))?;
                let y = operation!("linear", Linear::forward_all(linears, &x, &self.prefill))?;
                Ok(y.map(Act::Host))
            }
            (Kind::Card(lane), Act::Card(x)) => {
                let y = lane.linears(x, Some(norm), &linears, None)?;
                let mut y = y.into_iter();
                Ok(linears.map(|_| Act::Card(y.next().expect("one for each matrix"))))
            }
            _ => misplaced(),
        }
    }

    /// `residual + linear(x)`, [T, rows].
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn linear_add(&mut self, x: &Act, linear: &Linear, residual: &Act) -> Result<Act> {
        match (&mut self.kind, x, residual) {
            (Kind::Host { .. }, Act::Host(x), Act::Host(residual)) => {
                let y = operation!("linear", linear.forward(x, &self.prefill))?;
                Ok(Act::Host(operation!("residual", add(residual, &y))?))
            }
            (Kind::Card(lane), Act::Card(x), Act::Card(residual)) => {
                let mut y = lane.linears(x, None, &[linear], Some(residual))?;
                Ok(Act::Card(y.remove(0)))
            }
            _ => misplaced(),
        }
    }

    /// The product of `linear` with `[norm_a(a) | norm_b(b)]`, [T, rows]: the input of an MTP layer.
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn concat_linear(
        &mut self,
        [a, b]: [&Act; 2],
        [norm_a, norm_b]: [&RmsNorm; 2],
        linear: &Linear,
    ) -> Result<Act> {
        match (&mut self.kind, a, b) {
            (Kind::Host { .. }, Act::Host(a), Act::Host(b)) => {
                let pair = Tensor::cat(&[norm_a.forward(a)?, norm_b.forward(b)?], 1)?;
                linear.forward(&pair, &self.prefill).map(Act::Host)
            }
            (Kind::Card(lane), Act::Card(a), Act::Card(b)) => {
                lane.concat_linear([a, b], [norm_a, norm_b], linear).map(Act::Card)
            }
            _ => misplaced(),
        }
    }

    /// Grouped-query attention: `q` [T, heads * head_dim], `k` and `v` [T, kv_heads * head_dim]
    /// -> [T, heads * head_dim]. Applies `norms` to each head of `q` and `k`, rotates them, and writes `k`
    /// and `v` to cache layer `layer`.
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn grouped_attention(
        &mut self,
        [q, k, v]: [&Act; 3],
        norms: Option<&(RmsNorm, RmsNorm)>,
        sizes: &GqaSizes,
        layer: usize,
    ) -> Result<Act> {
        match (&mut self.kind, q, k, v) {
            (Kind::Host { rotary }, Act::Host(q), Act::Host(k), Act::Host(v)) => {
                let batch =
                    host::Batch { sequences: self.sequences, rotary, cancellation: self.cancellation };
                host::grouped_attention([q, k, v], norms, sizes, layer, &batch, self.kv).map(Act::Host)
            }
            (Kind::Card(lane), Act::Card(q), Act::Card(k), Act::Card(v)) => {
                lane.grouped_attention([q, k, v], norms, sizes, layer, self.kv).map(Act::Card)
            }
            _ => misplaced(),
        }
    }

    /// Latent attention: `q` [T, heads * (nope + rope)] and `kv_a` [T, latent + rope] -> [T, heads * value].
    /// Applies `norm` to the latent, rotates, and writes it to cache layer `layer`.
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn latent_attention(
        &mut self,
        [q, kv_a]: [&Act; 2],
        norm: &RmsNorm,
        kv_b: &Weight,
        sizes: &MlaSizes,
        layer: usize,
    ) -> Result<Act> {
        match (&mut self.kind, q, kv_a) {
            (Kind::Host { rotary }, Act::Host(q), Act::Host(kv_a)) => {
                let batch =
                    host::Batch { sequences: self.sequences, rotary, cancellation: self.cancellation };
                host::latent_attention([q, kv_a], norm, kv_b, sizes, layer, &batch, self.kv).map(Act::Host)
            }
            (Kind::Card(lane), Act::Card(q), Act::Card(kv_a)) => {
                lane.latent_attention([q, kv_a], norm, kv_b, sizes, layer, self.kv).map(Act::Card)
            }
            _ => misplaced(),
        }
    }

    /// `x + mlp(norm(x))`, [T, hidden].
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn mlp_add(&mut self, x: &Act, norm: &RmsNorm, mlp: &Mlp) -> Result<Act> {
        match (&mut self.kind, x) {
            (Kind::Host { .. }, Act::Host(x)) => {
                let normed = operation!("norm", norm.forward(x))?;
                let y = operation!("mlp", mlp.forward(&normed, &self.prefill, self.cancellation))?;
                Ok(Act::Host(operation!("residual", add(x, &y))?))
            }
            (Kind::Card(lane), Act::Card(x)) => lane.mlp_add(x, norm, mlp).map(Act::Card),
            _ => misplaced(),
        }
    }

    /// `x + moe(norm(x))`, [T, hidden]. Which experts were chosen is in [`Lane::take_routing`].
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn moe_add(&mut self, x: &Act, norm: &RmsNorm, moe: &Moe, layer: usize) -> Result<Act> {
        match (&mut self.kind, x) {
            (Kind::Host { .. }, Act::Host(x)) => {
                let normed = operation!("norm", norm.forward(x))?;
                let all =
                    Router { policy: TopkPolicy::Greedy, top_k: moe.experts.mlps().len(), ..*moe.router };
                let router = if self.all_experts { &all } else { moe.router };
                let moe = Moe { router, ..*moe };
                let (y, top_k) = host::moe(&normed, &moe, &self.prefill, self.cancellation)?;
                self.routing.push(LayerTopK { layer, top_k });
                Ok(Act::Host(operation!("residual", add(x, &y))?))
            }
            (Kind::Card(lane), Act::Card(x)) => lane.moe_add(x, norm, moe, layer).map(Act::Card),
            _ => misplaced(),
        }
    }

    /// Runs the computation number `computation` of a model. A card records it when it is asked for again,
    /// and replays it from then on, when nothing but tokens, positions and pages differs: `fixed` says so.
    ///
    /// # Errors
    /// Those of `compute`, or when the card fails.
    pub fn step<E: From<candle_core::Error>>(
        &mut self,
        computation: usize,
        outputs: [&[u32]; 2],
        fixed: bool,
        mut compute: impl FnMut(&mut Self) -> std::result::Result<Head, E>,
    ) -> std::result::Result<Head, E> {
        let Kind::Card(lane) = &mut self.kind else { return compute(self) };
        let cache = self.kv.on_card()?.address();
        let card = lane.card();
        match lane.plan(computation, cache, outputs, fixed) {
            Plan::Launch => compute(self),
            Plan::Replay(captured) => Ok(Head::Card(lane.replay(&captured)?)),
            Plan::Capture(key) => {
                // A capture must not allocate: this leaves the memory that it takes in the pool.
                drop(compute(self)?);
                self.forget_routing();
                let recorded = CardLane::record(card, || compute(self));
                match (&mut self.kind, recorded) {
                    (Kind::Card(lane), Ok((graph, Head::Card(head)))) => {
                        Ok(Head::Card(lane.finish_capture(&key, graph, head)?))
                    }
                    // Without a graph the step is only slower. What ended it otherwise ends it again.
                    (kind, _) => {
                        if let Kind::Card(lane) = kind {
                            lane.give_up_capture(&key);
                            lane.forget_routing();
                        }
                        compute(self)
                    }
                }
            }
        }
    }

    fn forget_routing(&mut self) {
        if let Kind::Card(lane) = &mut self.kind {
            lane.forget_routing();
        }
    }

    /// The rows `rows` of `x` after `norm`, and the logits of those of them that `logit_rows` names.
    ///
    /// # Errors
    /// When the shapes or places do not match.
    pub fn head(&mut self, x: &Act, norm: &RmsNorm, lm_head: &Linear, outputs: [&[u32]; 2]) -> Result<Head> {
        match (&mut self.kind, x) {
            (Kind::Host { .. }, Act::Host(x)) => {
                let (hidden, logits) = operation!("head", host::head(x, norm, lm_head, outputs))?;
                Ok(Head::Host { hidden, logits: logits.into() })
            }
            (Kind::Card(lane), Act::Card(x)) => lane.head(x, norm, lm_head, outputs).map(Head::Card),
            _ => misplaced(),
        }
    }

    /// Hidden states [rows, H] and logits [logit rows, vocab]. A card finishes everything before.
    ///
    /// # Errors
    /// When the card fails.
    pub fn read_head(&mut self, head: Head) -> Result<(Vec<f32>, Logits)> {
        match (&mut self.kind, head) {
            (Kind::Host { .. }, Head::Host { hidden, logits }) => Ok((hidden, logits)),
            (Kind::Card(lane), Head::Card(head)) => lane.read_head(&head),
            _ => misplaced(),
        }
    }

    /// The experts that the layers chose so far, in order of layers.
    ///
    /// # Errors
    /// When the card fails.
    pub fn take_routing(&mut self) -> Result<Vec<LayerTopK>> {
        match &mut self.kind {
            Kind::Host { .. } => Ok(std::mem::take(&mut self.routing)),
            Kind::Card(lane) => lane.take_routing(),
        }
    }
}

fn misplaced<T>() -> Result<T> {
    bail!("activations and weights are at different places")
}
