//! Products of decode: `kernels/gemv.cu`. The shape of a launch depends on the matrices and the card, never
//! on the rows of activations: a row's bits are the same in any company.
use super::blocks;
use super::gemm::Product;
use crate::{Card, Launch, Mat, Params, Ptr, Result};

/// No such matrix.
const ABSENT: u32 = u32::MAX;
/// The multiple that ranges of columns are padded to.
const RANGE_UNIT: usize = 512;

/// Rows of stored weights: an embedding look-up.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Embed {
    pub weight: Mat,
    pub tokens: Ptr<u32>,
    pub out: Ptr<f32>,
    pub rows: u32,
    pub out_stride: u32,
}

// SAFETY: mirrors `embed_params`.
unsafe impl Params for Embed {
    const KERNEL: &'static str = "embed";
}

impl Embed {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let grid = [blocks(self.weight.cols as usize, 256), self.rows, 1];
        card.launch(Launch { grid, block: 256, shared: 0 }, self)
    }
}

/// `x` [rows, cols], which is normed if `norm` is given, and what is added to the first product.
#[derive(Clone, Copy)]
pub struct Gemv {
    pub x: Ptr<f32>,
    pub x_stride: u32,
    pub rows: u32,
    pub norm: Ptr<f32>,
    pub eps: f32,
    pub residual: Ptr<f32>,
    pub residual_stride: u32,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct GemvParams {
    mats: [Mat; 3],
    x: Ptr<f32>,
    norm: Ptr<f32>,
    residual: Ptr<f32>,
    out: [Ptr<f32>; 3],
    bias: [Ptr<f32>; 3],
    out_stride: [u32; 3],
    first: [u32; 3],
    split: [u32; 3],
    x_stride: u32,
    residual_stride: u32,
    rows: u32,
    range: u32,
    eps: f32,
}

// SAFETY: mirrors `gemv_params`.
unsafe impl Params for GemvParams {
    const KERNEL: &'static str = "gemv";
}

/// The dense network and the experts: `silu(gate x) * up x`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct GateUp {
    pub gate: Mat,
    pub up: Mat,
    pub shared_gate: Mat,
    pub shared_up: Mat,
    pub x: Ptr<f32>,
    pub norm: Ptr<f32>,
    pub ids: Ptr<u32>,
    pub out: Ptr<f32>,
    pub gate_stride: u64,
    pub up_stride: u64,
    pub gate_scale_stride: u32,
    pub up_scale_stride: u32,
    pub x_stride: u32,
    pub out_stride: u32,
    pub rows: u32,
    pub top_k: u32,
    pub slots: u32,
    pub split: u32,
    pub shared_split: u32,
    pub blocks: u32,
    pub shared_blocks: u32,
    pub range: u32,
    pub eps: f32,
    pub pad: u32,
}

// SAFETY: mirrors `gate_up_params`.
unsafe impl Params for GateUp {
    const KERNEL: &'static str = "gate_up";
}

impl Gemv {
    /// The products with one to three matrices.
    ///
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, products: &[Product]) -> Result<()> {
        let mut residual = self.residual;
        for (name, same) in groups(products) {
            let params = self.params(card, same, residual);
            let grid = [params.1, self.rows, 1];
            let launch = Launch { grid, block: 256, shared: shared(params.0.range as usize) };
            card.launch_as(&format!("gemv_{name}"), launch, &params.0)?;
            residual = Ptr::NULL;
        }
        Ok(())
    }

    /// The parameters for matrices of one kernel, and the blocks.
    fn params(&self, card: &Card, products: &[Product], residual: Ptr<f32>) -> (GemvParams, u32) {
        let total: usize = products.iter().map(|p| p.weight.rows as usize).sum();
        let range = range(card, &products[0].weight);
        let mut params = GemvParams {
            mats: [Mat::NONE; 3],
            x: self.x,
            norm: self.norm,
            residual,
            out: [Ptr::NULL; 3],
            bias: [Ptr::NULL; 3],
            out_stride: [0; 3],
            first: [ABSENT; 3],
            split: [0; 3],
            x_stride: self.x_stride,
            residual_stride: self.residual_stride,
            rows: self.rows,
            range: range as u32,
            eps: self.eps,
        };
        let mut next = 0;
        for (at, product) in products.iter().enumerate() {
            let Shape { split, blocks } = Shape::new(card, &product.weight, total, TALL);
            params.mats[at] = product.weight;
            (params.out[at], params.bias[at]) = (product.y, product.bias);
            (params.out_stride[at], params.split[at], params.first[at]) = (product.y_stride, split, next);
            next += blocks;
        }
        (params, next)
    }

    /// `silu(gate x) * up x`, for matrices of one format.
    ///
    /// # Errors
    /// When the card fails.
    pub fn launch_silu(&self, card: &Card, [gate, up]: [Product; 2]) -> Result<()> {
        let range = range(card, &gate.weight);
        let shape = Shape::new(card, &gate.weight, gate.weight.rows as usize, FLAT);
        let params = GateUp {
            gate: Mat::NONE,
            up: Mat::NONE,
            shared_gate: gate.weight,
            shared_up: up.weight,
            x: self.x,
            norm: self.norm,
            ids: Ptr::NULL,
            out: gate.y,
            gate_stride: 0,
            up_stride: 0,
            gate_scale_stride: 0,
            up_scale_stride: 0,
            x_stride: self.x_stride,
            out_stride: gate.y_stride,
            rows: self.rows,
            top_k: 0,
            slots: 1,
            split: 0,
            shared_split: shape.split,
            blocks: 0,
            shared_blocks: shape.blocks,
            range: range as u32,
            eps: self.eps,
            pad: 0,
        };
        let launch = Launch { grid: [shape.blocks, self.rows, 1], block: 256, shared: shared(range) };
        card.launch_as(&format!("gate_up_{}", gate.weight.format_name()), launch, &params)
    }
}

/// Neighbours that one kernel takes, with its name: matrices of one format, or of a K format and Q6_K as
/// published files mix them.
fn groups(products: &[Product]) -> Vec<(String, &[Product])> {
    let is = |name: &'static str| move |p: &Product| p.weight.format_name() == name;
    for k in ["q4_k", "q5_k"] {
        let mixed = products.iter().any(is(k)) && products.iter().any(is("q6_k"));
        if mixed && products.iter().all(|p| is(k)(p) || is("q6_k")(p)) {
            return vec![(format!("{k}_q6_k"), products)];
        }
    }
    let same = products.chunk_by(|a, b| a.weight.format == b.weight.format);
    same.map(|group| (group[0].weight.format_name().to_owned(), group)).collect()
}

/// How the blocks share a matrix.
pub(super) struct Shape {
    /// Base-2 logarithm of the warps that share the columns of a row.
    pub split: u32,
    pub blocks: u32,
}

impl Shape {
    /// For a launch over matrices of `total` rows together, whose warps take `side` rows each.
    pub fn new(card: &Card, mat: &Mat, total: usize, side: usize) -> Self {
        let (sms, rows) = (card.limits().sms as usize, mat.rows as usize);
        // What the busiest multiprocessor does one after the other; fewer warps on a row when it is the same.
        let work = |split: &u32| {
            let steps = (mat.cols as usize).div_ceil((8 * task(mat)) << split);
            steps * total.div_ceil(height(*split, side)).div_ceil(sms)
        };
        let split = (0..=3).min_by_key(work).expect("four splits");
        let blocks = rows.div_ceil(height(split, side)).min((2 * sms * rows).div_ceil(total)).max(1);
        Self { split, blocks: blocks as u32 }
    }
}

/// Rows of a warp in a product, and in a pair of products.
pub(super) const TALL: usize = 8;
pub(super) const FLAT: usize = 4;

/// Rows that a block takes at once.
pub(super) fn height(split: u32, side: usize) -> usize {
    (8 >> split) * side
}

/// Columns that a lane takes at once, by format.
fn task(mat: &Mat) -> usize {
    match mat.format_name() {
        "f32" => 8,
        "f16" | "bf16" => 16,
        "q2_k" | "q3_k" | "q4_k" | "q5_k" | "q6_k" => 64,
        _ => 32,
    }
}

/// Columns of activations that are in shared memory at once.
pub(super) fn range(card: &Card, mat: &Mat) -> usize {
    const WIDE: usize = 32_768;
    const NARROW: usize = 16_384;
    let most = if card.limits().shared_per_block >= shared(WIDE) { WIDE } else { NARROW };
    (mat.cols as usize).next_multiple_of(RANGE_UNIT).min(most)
}

/// Bytes of `range` columns with their sums.
pub(super) fn shared(range: usize) -> u32 {
    (range * 4 + range / 4) as u32
}
