//! Mixture of experts: the router chooses on the card, so that nothing waits for the host. Decode rows visit
//! their experts one by one, the rows of a longer prefill are sorted by expert first.
use candle_core::{Result, bail};
use cuda::ops::gemm::{self, Bucket, Buckets, Combine, Product};
use cuda::ops::moe::{ExpertsDown, ExpertsUp, MAX_EXPERTS, MAX_TOP_K, Policy, Route, Scores, inner_shape};
use cuda::{Mat, Ptr};

use super::linear::norm_params;
use super::{CardLane, Rows};
use crate::lane::{LayerTopK, Moe};
use crate::moe::{Mlp, Scoring, TopK, TopkPolicy};
use crate::rms_norm::RmsNorm;

/// The matrices of a layer: gate, up and down of the first expert of the stack, and of the shared experts.
struct Mats {
    routed: [Mat; 3],
    shared: Option<[Mat; 3]>,
}

/// The chosen experts of some rows, [rows, top_k] each.
#[derive(Clone, Copy)]
struct Choice {
    ids: Ptr<u32>,
    weights: Ptr<f32>,
    top_k: usize,
}

impl CardLane<'_> {
    pub fn moe_add(&mut self, x: &Rows, norm: &RmsNorm, moe: &Moe, layer: usize) -> Result<Rows> {
        let Some(first) = moe.experts.mlps().first() else { bail!("a mixture without experts") };
        let experts = moe.experts.mlps().len();
        moe.router.check(experts)?;
        if experts > MAX_EXPERTS || moe.router.top_k > MAX_TOP_K {
            bail!(
                "{} of {experts} experts: a card chooses {MAX_TOP_K} of {MAX_EXPERTS} at most",
                moe.router.top_k
            );
        }
        if first.hidden_size() != x.width || moe.gate.weight().rows() != experts {
            bail!("shape mismatch: input of {}, {experts} experts", x.width);
        }
        let choice = self.route(x, norm, moe)?;
        let mats = Mats { routed: mats(first)?, shared: moe.shared.map(mats).transpose()? };
        let out = self.new_rows(x.width)?;
        for (range, on_tensor_cores) in self.ranges() {
            let part = |rows: &Rows| rows.part(range.start, range.len());
            let (x, out) = (part(x), part(&out));
            let skipped = range.start * choice.top_k;
            let choice =
                Choice { ids: choice.ids.offset(skipped), weights: choice.weights.offset(skipped), ..choice };
            match on_tensor_cores {
                true => self.sorted_experts(&x, norm, moe, &mats, choice, &out)?,
                false => self.experts_in_turn(&x, norm, &mats, choice, &out)?,
            }
        }
        self.logged.push((layer, choice.top_k));
        self.throttle()?;
        Ok(out)
    }

    /// Chooses the experts of every row, in the next entry of the log. Never on tensor cores: their rounding
    /// could change the choice.
    fn route(&mut self, x: &Rows, norm: &RmsNorm, moe: &Moe) -> Result<Choice> {
        let (experts, top_k) = (moe.experts.mlps().len(), moe.router.top_k);
        let logits = Rows::take(self.memory, x.rows, experts)?;
        let gate = Product {
            weight: moe.gate.weight().on_card()?.mat(),
            bias: Ptr::NULL,
            y: logits.ptr(),
            y_stride: experts as u32,
        };
        self.check(self.gemv(x, Some(norm), None).launch(self.memory.card(), &[gate]))?;
        let (ids, weights) = self.log_entry(top_k)?;
        let (policy, groups, top_groups) = match moe.router.policy {
            TopkPolicy::Greedy => (Policy::Greedy, 1, 1),
            TopkPolicy::GroupLimitedGreedy { n_group, topk_group } => {
                (Policy::GroupLimited, n_group, topk_group)
            }
            TopkPolicy::NoAuxTc { n_group, topk_group } => (Policy::NoAuxTc, n_group, topk_group),
        };
        let route = Route {
            logits: logits.ptr(),
            bias: moe.bias.map_or(Ptr::NULL, |bias| bias.ptr()),
            ids,
            weights,
            rows: x.rows as u32,
            experts: experts as u32,
            top_k: top_k as u32,
            scores: match moe.router.scoring {
                Scoring::Softmax => Scores::Softmax,
                Scoring::Sigmoid => Scores::Sigmoid,
            },
            policy,
            groups: groups as u32,
            top_groups: top_groups as u32,
            normalize: u32::from(moe.router.norm_topk_prob),
            scale: moe.router.routed_scaling_factor,
            pad: 0,
        };
        self.check(route.launch(self.memory.card()))?;
        Ok(Choice { ids, weights, top_k })
    }

    fn experts_in_turn(
        &self,
        x: &Rows,
        norm: &RmsNorm,
        mats: &Mats,
        choice: Choice,
        out: &Rows,
    ) -> Result<()> {
        let card = self.memory.card();
        let shared_gate = mats.shared.as_ref().map(|mats| &mats[0]);
        let (slots, inner_width) = inner_shape(&mats.routed[0], shared_gate, choice.top_k);
        let inner = Rows::take(self.memory, x.rows, slots * inner_width)?;
        let (norm, eps) = norm_params(Some(norm));
        let up = ExpertsUp {
            x: x.ptr(),
            x_stride: x.width as u32,
            norm,
            eps,
            ids: choice.ids,
            routed: [mats.routed[0], mats.routed[1]],
            shared: mats.shared.map(|mats| [mats[0], mats[1]]),
            inner: inner.ptr(),
            rows: x.rows,
            top_k: choice.top_k,
        };
        self.check(up.launch(card))?;
        let down = ExpertsDown {
            inner: inner.ptr(),
            residual: x.ptr(),
            residual_stride: x.width as u32,
            ids: choice.ids,
            weights: choice.weights,
            routed: mats.routed[2],
            shared: mats.shared.map(|mats| mats[2]),
            out: out.ptr(),
            out_stride: out.width as u32,
            rows: x.rows,
            top_k: choice.top_k,
            inner_width,
        };
        self.check(down.launch(card))
    }

    fn sorted_experts(
        &self,
        x: &Rows,
        norm: &RmsNorm,
        moe: &Moe,
        mats: &Mats,
        choice: Choice,
        out: &Rows,
    ) -> Result<()> {
        let (card, experts) = (self.memory.card(), moe.experts.mlps().len());
        let pairs = x.rows * choice.top_k;
        let inner_rows = mats.routed[0].rows as usize;
        let columns = Buckets::columns(card, pairs, experts, inner_rows);
        let most = Buckets::most(pairs, experts, columns);
        let sorted = Rows::take(self.memory, 1, pairs + 3 * most)?;
        let order = sorted.ptr().cast::<u32>();
        let buckets =
            Buckets { order, tiles: order.offset(pairs), columns: columns as u32, most: most as u32 };
        let bucket = Bucket {
            ids: choice.ids,
            order,
            tiles: buckets.tiles,
            pairs: pairs as u32,
            experts: experts as u32,
            columns: columns as u32,
            most: most as u32,
        };
        self.check(bucket.launch(card))?;

        let split = self.split(x, Some(norm))?;
        let inner = Rows::take(self.memory, pairs, inner_rows)?;
        let product =
            |weight: Mat, y: &Rows| Product { weight, bias: Ptr::NULL, y: y.ptr(), y_stride: y.width as u32 };
        let pair = [product(mats.routed[0], &inner), product(mats.routed[1], &inner)];
        if pair[0].weight.format != pair[1].weight.format {
            bail!("gate and up projections of experts are stored in different formats");
        }
        let share = choice.top_k as u32;
        self.check(gemm::grouped_pair(card, split.input, pair, buckets, share))?;
        let answers = Rows::take(self.memory, pairs, x.width)?;
        let inner_split = self.split(&inner, None)?;
        let down = product(mats.routed[2], &answers);
        self.check(gemm::grouped_product(card, inner_split.input, down, buckets, 1))?;

        let shared = match moe.shared {
            None => None,
            Some(mlp) => {
                let shared = Rows::take(self.memory, x.rows, x.width)?;
                self.mlp(x, Some(norm), mlp, &shared, None, true)?;
                Some(shared)
            }
        };
        let combine = Combine {
            pairs: answers.ptr(),
            ids: choice.ids,
            weights: choice.weights,
            shared: shared.as_ref().map_or(Ptr::NULL, Rows::ptr),
            residual: x.ptr(),
            y: out.ptr(),
            rows: x.rows as u32,
            k: share,
            width: x.width as u32,
            pad: 0,
        };
        self.check(combine.launch(card))
    }

    /// Starts the log again, for a pass that is computed a second time.
    pub fn forget_routing(&mut self) {
        self.logged.clear();
    }

    /// Words of the log so far.
    pub(super) fn log_words(&self) -> usize {
        self.logged.iter().map(|(_, top_k)| 2 * self.rows * top_k).sum()
    }

    /// Where the next layer's choice goes in the log: ids and weights, [rows, top_k] each.
    fn log_entry(&self, top_k: usize) -> Result<(Ptr<u32>, Ptr<f32>)> {
        let before = self.log_words();
        if (before + 2 * self.rows * top_k) * 4 > self.scratch.log.bytes() {
            bail!("the routing log is full: {} layers of {} rows", self.logged.len(), self.rows);
        }
        let ids = self.scratch.log.ptr::<u32>().offset(before);
        Ok((ids, ids.offset(self.rows * top_k).cast()))
    }

    /// The experts that were chosen, in order of layers. Waits for the card.
    pub fn take_routing(&mut self) -> Result<Vec<LayerTopK>> {
        let words = self.log_words();
        let logged = std::mem::take(&mut self.logged);
        let log = match self.log.take() {
            Some(log) => log,
            None => self.check(self.scratch.log.read::<u32>(0, words))?,
        };
        let mut rest = &log[..];
        let mut take = |count: usize| {
            let (taken, after) = rest.split_at(count);
            rest = after;
            taken
        };
        let entries = logged.into_iter().map(|(layer, top_k)| {
            let experts = take(self.rows * top_k).iter().map(|&id| id as u16).collect();
            let weights = take(self.rows * top_k).iter().map(|&bits| f32::from_bits(bits)).collect();
            LayerTopK { layer, top_k: TopK { top_k, experts, weights } }
        });
        Ok(entries.collect())
    }
}

fn mats(mlp: &Mlp) -> Result<[Mat; 3]> {
    Ok([mlp.gate.on_card()?.mat(), mlp.up.on_card()?.mat(), mlp.down.on_card()?.mat()])
}
