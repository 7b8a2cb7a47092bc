//! Routing and the experts of decode rows: `kernels/moe.cu`.
//! Knows no rules of a family: scores and policy are numbers of the kernel.
use super::gemm::Product;
use super::gemv::{
    GateUp, Gemv, PairShape, TALL, TILE, WIDE, activations, height, lane_bytes, planes_bytes, shared, task,
};
use crate::{Card, Launch, Mat, Params, Ptr, Result};

/// Rows and columns of a block of FP8 weights that has one scale.
const FP8_BLOCK: usize = 128;

/// How logits become scores, as the kernel numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Scores {
    Softmax = 0,
    Sigmoid = 1,
}

/// How experts are chosen by score, as the kernel numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Policy {
    Greedy = 0,
    GroupLimited = 1,
    NoAuxTc = 2,
}

/// The most experts of a layer, and the most that a row chooses.
pub const MAX_EXPERTS: usize = 512;
pub const MAX_TOP_K: usize = 32;

/// Chooses the experts of each row: `ids` and `weights` [rows, top_k], best first.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Route {
    pub logits: Ptr<f32>,
    pub bias: Ptr<f32>,
    pub ids: Ptr<u32>,
    pub weights: Ptr<f32>,
    pub rows: u32,
    pub experts: u32,
    pub top_k: u32,
    pub scores: Scores,
    pub policy: Policy,
    pub groups: u32,
    pub top_groups: u32,
    pub normalize: u32,
    pub scale: f32,
    pub pad: u32,
}

// SAFETY: mirrors `route_params`.
unsafe impl Params for Route {
    const KERNEL: &'static str = "route";
}

impl Route {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        card.launch(Launch { grid: [self.rows, 1, 1], block: 32, shared: 0 }, self)
    }
}

/// `silu(gate x) * up x` of each row's experts and of the shared ones, into `inner` [rows, slots, width]. The
/// matrices of the routed experts are those of the first of a stack.
#[derive(Clone, Copy)]
pub struct ExpertsUp {
    pub x: Ptr<f32>,
    pub x_stride: u32,
    pub norm: Ptr<f32>,
    pub eps: f32,
    pub ids: Ptr<u32>,
    pub routed: [Mat; 2],
    pub shared: Option<[Mat; 2]>,
    pub inner: Ptr<f32>,
    pub rows: usize,
    pub top_k: usize,
}

/// Slots of a row, and the values of each slot.
pub fn inner_shape(routed: &Mat, shared: Option<&Mat>, top_k: usize) -> (usize, usize) {
    let width = (routed.rows as usize).max(shared.map_or(0, |mat| mat.rows as usize));
    (top_k + usize::from(shared.is_some()), width.next_multiple_of(4))
}

impl ExpertsUp {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let [gate, up] = self.routed;
        let (slots, width) = inner_shape(&gate, self.shared.as_ref().map(|mats| &mats[0]), self.top_k);
        let shared_rows = self.shared.map_or(0, |mats| mats[0].rows as usize);
        let total = self.top_k * gate.rows as usize + shared_rows;
        let shape = PairShape::new(card, &gate, total)?;
        let routed = GateUp {
            gate,
            up,
            shared_gate: Mat::NONE,
            shared_up: Mat::NONE,
            x: self.x,
            norm: self.norm,
            ids: self.ids,
            out: self.inner,
            gate_stride: stride(&gate),
            up_stride: stride(&up),
            gate_scale_stride: scale_stride(&gate),
            up_scale_stride: scale_stride(&up),
            x_stride: self.x_stride,
            out_stride: width as u32,
            rows: self.rows as u32,
            top_k: self.top_k as u32,
            slots: slots as u32,
            split: shape.split,
            shared_split: 0,
            blocks: shape.blocks,
            shared_blocks: 0,
            range: shape.range,
            eps: self.eps,
            lane_bytes: shape.lane_bytes,
        };
        let Some([shared_gate, shared_up]) = self.shared else {
            return launch_up(card, &shape, &gate, &routed);
        };
        let of_shared = PairShape::new(card, &shared_gate, total)?;
        let both = GateUp {
            shared_gate,
            shared_up,
            shared_split: of_shared.split,
            shared_blocks: of_shared.blocks,
            range: of_shared.range,
            lane_bytes: shape.lane_bytes.max(of_shared.lane_bytes),
            ..routed
        };
        if shared_gate.format == gate.format {
            let larger = if shape.shared > of_shared.shared { shape } else { of_shared };
            return launch_up(card, &larger, &gate, &both);
        }
        launch_up(card, &shape, &gate, &routed)?;
        launch_up(card, &of_shared, &shared_gate, &GateUp { top_k: 0, blocks: 0, ..both })
    }
}

fn launch_up(card: &Card, shape: &PairShape, format: &Mat, params: &GateUp) -> Result<()> {
    let grid = [params.shared_blocks + params.top_k * params.blocks, params.rows, 1];
    let launch = Launch { grid, block: shape.block, shared: shape.shared };
    card.launch_as(&format!("gate_up_{}", format.format_name()), launch, params)
}

/// Bytes from one matrix of a stack to the next.
fn stride(mat: &Mat) -> u64 {
    u64::from(mat.rows) * u64::from(mat.row_bytes)
}

/// Block scales from one matrix of a stack to the next.
fn scale_stride(mat: &Mat) -> u32 {
    if mat.scales.address() == 0 {
        0
    } else {
        (mat.rows as usize).div_ceil(FP8_BLOCK) as u32 * mat.scale_cols
    }
}

/// `out` [rows, hidden] is the residual plus the weighted down projections of each row's experts plus those
/// of the shared ones. Must follow `ExpertsUp` in the stream.
#[derive(Clone, Copy)]
pub struct ExpertsDown {
    pub inner: Ptr<f32>,
    pub residual: Ptr<f32>,
    pub residual_stride: u32,
    pub ids: Ptr<u32>,
    pub weights: Ptr<f32>,
    pub routed: Mat,
    pub shared: Option<Mat>,
    pub out: Ptr<f32>,
    pub out_stride: u32,
    pub rows: usize,
    pub top_k: usize,
    /// Values of a slot of `inner`.
    pub inner_width: usize,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct DownParams {
    down: Mat,
    shared: Mat,
    h: Ptr<f32>,
    ids: Ptr<u32>,
    weights: Ptr<f32>,
    residual: Ptr<f32>,
    out: Ptr<f32>,
    stride: u64,
    scale_stride: u32,
    h_stride: u32,
    residual_stride: u32,
    out_stride: u32,
    rows: u32,
    top_k: u32,
    slots: u32,
    split: u32,
    shared_parts: u32,
    width: u32,
    shared_width: u32,
    lane_bytes: u32,
}

// SAFETY: mirrors `experts_down_params`.
unsafe impl Params for DownParams {
    const KERNEL: &'static str = "experts_down";
}

impl ExpertsDown {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let routed = self.routed.format_name();
        let name =
            self.shared.map_or(Some(routed.to_owned()), |shared| one_kernel(routed, shared.format_name()));
        // Mixtures that no kernel takes at once add the shared experts afterwards.
        let (name, together) = match name {
            Some(name) => (name, self.shared),
            None => (routed.to_owned(), None),
        };
        let slots = self.top_k + usize::from(self.shared.is_some());
        let mut params = DownParams {
            down: self.routed,
            shared: together.unwrap_or(Mat::NONE),
            h: self.inner,
            ids: self.ids,
            weights: self.weights,
            residual: self.residual,
            out: self.out,
            stride: stride(&self.routed),
            scale_stride: scale_stride(&self.routed),
            h_stride: self.inner_width as u32,
            residual_stride: self.residual_stride,
            out_stride: self.out_stride,
            rows: self.rows as u32,
            top_k: self.top_k as u32,
            slots: slots as u32,
            split: 0,
            shared_parts: 0,
            width: 0,
            shared_width: 0,
            lane_bytes: 0,
        };
        let launch = match self.routed.is_quantized() {
            true => self.quantized(card, together.as_ref(), &mut params),
            false => self.dense(card, together.as_ref(), &mut params),
        };
        card.launch_as(&format!("experts_down_{name}"), launch, &params)?;
        match (self.shared, together) {
            (Some(shared), None) => self.add_shared(card, shared, slots),
            _ => Ok(()),
        }
    }

    /// The launch for dense weights, whose part of the parameters it fills in.
    fn dense(&self, card: &Card, shared_mat: Option<&Mat>, params: &mut DownParams) -> Launch {
        let width = |mat: &Mat| (mat.cols as usize).next_multiple_of(512);
        let (own, shared_width) = (width(&self.routed), shared_mat.map_or(0, width));
        let rows = self.routed.rows as usize;
        // Two blocks on each multiprocessor, or as many as there are tiles.
        let split = if rows.div_ceil(height(2, TALL)) < 2 * card.limits().sms as usize { 3 } else { 2 };
        let tiles = rows.div_ceil(height(split, TALL));
        let blocks = tiles.min(2 * card.limits().sms as usize);
        let shared_parts = shared_mat.map_or(0, |shared| self.shared_parts(1 << split, shared));
        let of_activations = activations(self.top_k * own + shared_width);
        let ring = |mat: &Mat, count: usize, parts: usize| {
            let steps = (count * (mat.cols as usize).div_ceil(8 * task(mat))).div_ceil(parts);
            lane_bytes(card, mat, steps * tiles.div_ceil(blocks), of_activations)
        };
        let own_ring = ring(&self.routed, self.top_k, (1 << split) - shared_parts);
        let shared_ring = shared_mat.map_or(0, |shared| ring(shared, 1, shared_parts));
        (params.split, params.shared_parts) = (split, shared_parts as u32);
        (params.width, params.shared_width) = (own as u32, shared_width as u32);
        params.lane_bytes = own_ring.max(shared_ring);
        let shared = shared(params.lane_bytes, self.top_k * own + shared_width);
        Launch { grid: [blocks as u32, params.rows, 1], block: 256, shared }
    }

    /// The same for quantized ones: one block of sixteen warps on a multiprocessor, because each needs the
    /// activations of all slots.
    fn quantized(&self, card: &Card, shared_mat: Option<&Mat>, params: &mut DownParams) -> Launch {
        const WARPS: usize = 16;
        let steps = |mat: &Mat| (mat.cols as usize).div_ceil(WIDE);
        let all = self.top_k * steps(&self.routed) + shared_mat.map_or(0, steps);
        params.shared_parts = shared_mat.map_or(0, |shared| self.shared_parts(WARPS, shared)) as u32;
        let tiles = (self.routed.rows as usize).div_ceil(TILE);
        let blocks = tiles.min(card.limits().sms as usize);
        let grid = [blocks as u32, params.rows, 1];
        Launch { grid, block: 32 * WARPS as u32, shared: planes_bytes(all) }
    }

    /// Of `parts` warps that share rows, how many take the shared experts.
    fn shared_parts(&self, parts: usize, shared: &Mat) -> usize {
        let (own, shared) = (self.top_k * self.routed.cols as usize, shared.cols as usize);
        let rounded = (parts * shared * 2 + own + shared) / (2 * (own + shared));
        rounded.clamp(1, parts - 1)
    }

    fn add_shared(&self, card: &Card, shared: Mat, slots: usize) -> Result<()> {
        let down = Gemv {
            x: self.inner.offset(self.top_k * self.inner_width),
            x_stride: (slots * self.inner_width) as u32,
            rows: self.rows as u32,
            norm: Ptr::NULL,
            eps: 0.0,
            residual: self.out,
            residual_stride: self.out_stride,
        };
        let product = Product { weight: shared, bias: Ptr::NULL, y: self.out, y_stride: self.out_stride };
        down.launch(card, &[product])
    }
}

/// The kernel that takes routed experts of one format and shared ones of another.
fn one_kernel(routed: &str, shared: &str) -> Option<String> {
    match (routed, shared) {
        _ if routed == shared => Some(routed.to_owned()),
        ("q5_0", "q4_k") | ("q8_0", "q6_k") => Some(format!("{routed}_{shared}")),
        _ => None,
    }
}
