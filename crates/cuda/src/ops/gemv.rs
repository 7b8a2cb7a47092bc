//! Products of decode: `kernels/gemv.cu`. The shape of a launch depends on the matrices and the card, never
//! on the rows of activations: a row's bits are the same in any company.
use super::blocks;
use super::gemm::Product;
use crate::{Card, Error, Launch, Mat, Params, Ptr, Result};

/// No such matrix.
const ABSENT: u32 = u32::MAX;
/// The multiple that ranges of columns are padded to.
const RANGE_UNIT: usize = 512;
/// Threads of a block.
const THREADS: usize = 256;

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
    lane_bytes: u32,
    cols: u32,
    first_step: u32,
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
    pub lane_bytes: u32,
}

// SAFETY: mirrors `gate_up_params`.
unsafe impl Params for GateUp {
    const KERNEL: &'static str = "gate_up";
}

impl Gemv {
    /// The products with one to three matrices.
    ///
    /// # Errors
    /// When the card fails, or normed rows of activations do not fit its shared memory.
    pub fn launch(&self, card: &Card, products: &[Product]) -> Result<()> {
        let mut gemv = *self;
        for (name, same) in groups(products) {
            match same[0].weight.is_quantized() {
                true => gemv.launch_quantized(card, &name, same)?,
                false => gemv.launch_dense(card, &name, same)?,
            }
            gemv.residual = Ptr::NULL;
        }
        Ok(())
    }

    fn launch_dense(&self, card: &Card, name: &str, products: &[Product]) -> Result<()> {
        let total: usize = products.iter().map(|p| p.weight.rows as usize).sum();
        let range = range(card, &products[0].weight);
        let mut params = GemvParams { range: range as u32, ..self.params(products) };
        let mut blocks = 0;
        for (at, product) in products.iter().enumerate() {
            let shape = Shape::new(card, &product.weight, total, TALL);
            let ring = lane_bytes(card, &product.weight, shape.steps, activations(range));
            params.lane_bytes = params.lane_bytes.max(ring);
            (params.split[at], params.first[at]) = (shape.split, blocks);
            blocks += shape.blocks;
        }
        let shared = shared(params.lane_bytes, range);
        let launch = Launch { grid: [blocks, self.rows, 1], block: 256, shared };
        card.launch_as(&format!("gemv_{name}"), launch, &params)
    }

    /// As many launches as it takes for the activations to fit: each adds to what the one before gave.
    fn launch_quantized(&self, card: &Card, name: &str, products: &[Product]) -> Result<()> {
        let cols = products[0].weight.cols as usize;
        let tiles = |product: &Product| (product.weight.rows as usize).div_ceil(TILE);
        let total: usize = products.iter().map(tiles).sum();
        let mut params = self.params(products);
        let most = max_columns(card);
        if cols > most && (self.norm.address() != 0 || products.len() > 1) {
            return Err(Error::Shape(format!("{cols} columns of normed activations: a card takes {most}")));
        }
        for first in (0..cols).step_by(most) {
            let steps = (cols - first).min(most).div_ceil(WIDE);
            let (most_blocks, block) = planes_grid(card, total, steps);
            let mut blocks = 0;
            for (at, product) in products.iter().enumerate() {
                params.first[at] = blocks as u32;
                blocks += tiles(product).min((most_blocks * tiles(product)).div_ceil(total));
            }
            params.x = self.x.offset(first);
            params.cols = (cols - first).min(most) as u32;
            params.first_step = (first / WIDE) as u32;
            let grid = [blocks as u32, self.rows, 1];
            let launch = Launch { grid, block, shared: planes_bytes(steps) };
            card.launch_as(&format!("gemv_{name}"), launch, &params)?;
            (params.residual, params.residual_stride) = (products[0].y, products[0].y_stride);
            params.bias = [Ptr::NULL; 3];
        }
        Ok(())
    }

    /// What both kinds of kernels are given, of the matrices of one launch.
    fn params(&self, products: &[Product]) -> GemvParams {
        let mut params = GemvParams {
            mats: [Mat::NONE; 3],
            x: self.x,
            norm: self.norm,
            residual: self.residual,
            out: [Ptr::NULL; 3],
            bias: [Ptr::NULL; 3],
            out_stride: [0; 3],
            first: [ABSENT; 3],
            split: [0; 3],
            x_stride: self.x_stride,
            residual_stride: self.residual_stride,
            rows: self.rows,
            range: 0,
            eps: self.eps,
            lane_bytes: 0,
            cols: 0,
            first_step: 0,
        };
        for (at, product) in products.iter().enumerate() {
            params.mats[at] = product.weight;
            (params.out[at], params.bias[at]) = (product.y, product.bias);
            params.out_stride[at] = product.y_stride;
        }
        params
    }

    /// `silu(gate x) * up x`, for matrices of one format.
    ///
    /// # Errors
    /// When the card fails.
    pub fn launch_silu(&self, card: &Card, [gate, up]: [Product; 2]) -> Result<()> {
        let mut params = GateUp {
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
            shared_split: 0,
            blocks: 0,
            shared_blocks: 0,
            range: 0,
            eps: self.eps,
            lane_bytes: 0,
        };
        let total = gate.weight.rows as usize;
        let shape = PairShape::new(card, &gate.weight, total)?;
        (params.shared_split, params.shared_blocks) = (shape.split, shape.blocks);
        (params.range, params.lane_bytes) = (shape.range, shape.lane_bytes);
        let launch = Launch { grid: [shape.blocks, self.rows, 1], block: shape.block, shared: shape.shared };
        card.launch_as(&format!("gate_up_{}", gate.weight.format_name()), launch, &params)
    }
}

/// How the blocks of a launch share a pair of matrices, quantized or dense.
pub(super) struct PairShape {
    pub split: u32,
    pub blocks: u32,
    pub block: u32,
    pub range: u32,
    pub lane_bytes: u32,
    pub shared: u32,
}

impl PairShape {
    /// For a launch over pairs of `total` rows together.
    ///
    /// # Errors
    /// When the activations do not fit the shared memory.
    pub fn new(card: &Card, mat: &Mat, total: usize) -> Result<Self> {
        if !mat.is_quantized() {
            let range = range(card, mat);
            let Shape { split, blocks, steps } = Shape::new(card, mat, total, FLAT);
            let lane_bytes = lane_bytes(card, mat, steps, activations(range));
            let shared = shared(lane_bytes, range);
            return Ok(Self { split, blocks, block: 256, range: range as u32, lane_bytes, shared });
        }
        let (cols, most) = (mat.cols as usize, max_columns(card));
        if cols > most {
            return Err(Error::Shape(format!("{cols} columns of activations: a card takes {most}")));
        }
        let steps = cols.div_ceil(WIDE);
        let (tiles, total) = ((mat.rows as usize).div_ceil(TILE), total.div_ceil(TILE));
        let (most_blocks, block) = planes_grid(card, total, 2 * steps);
        let blocks = tiles.min((most_blocks * tiles).div_ceil(total)) as u32;
        Ok(Self { split: 0, blocks, block, range: 0, lane_bytes: 0, shared: planes_bytes(steps) })
    }
}

/// Rows of a tile, and columns of a step, of a product of whole numbers.
pub(super) const TILE: usize = 16;
pub(super) const WIDE: usize = 256;

/// Shared memory of the activations of `steps` steps: `planes_at` of kernels/planes.cuh.
pub(super) fn planes_bytes(steps: usize) -> u32 {
    (steps * (256 + 64) + steps.next_multiple_of(4) * 4 + 3 * (steps * WIDE + 32)) as u32
}

/// Columns whose activations fit, with the variables of a kernel.
fn max_columns(card: &Card) -> usize {
    const VARIABLES: usize = 4096;
    let steps = (card.limits().shared_per_block as usize - VARIABLES) / 1104;
    steps * WIDE
}

/// The most blocks, and the threads of each, for `tiles` tiles of `steps` steps.
fn planes_grid(card: &Card, tiles: usize, steps: usize) -> (usize, u32) {
    let sms = card.limits().sms as usize;
    // With few tiles more warps share one; else two blocks on each multiprocessor hide each other's ends.
    if tiles <= sms && steps > 8 { (tiles, 512) } else { (tiles.min(2 * sms), 256) }
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
    /// Steps of each warp: what its lanes take at once, again and again.
    pub steps: usize,
}

impl Shape {
    /// For a launch over matrices of `total` rows together, whose warps take `side` rows each.
    pub fn new(card: &Card, mat: &Mat, total: usize, side: usize) -> Self {
        let (sms, rows) = (card.limits().sms as usize, mat.rows as usize);
        let steps = |split: u32| (mat.cols as usize).div_ceil((8 * task(mat)) << split);
        // What the busiest multiprocessor does one after the other; fewer warps on a row when it is the same.
        let work = |split: &u32| steps(*split) * total.div_ceil(height(*split, side)).div_ceil(sms);
        let split = (0..=3).min_by_key(work).expect("four splits");
        let tiles = rows.div_ceil(height(split, side));
        let blocks = tiles.min((2 * sms * rows).div_ceil(total)).max(1);
        Self { split, blocks: blocks as u32, steps: steps(split) * tiles.div_ceil(blocks) }
    }
}

/// Rows of a warp in a product, and in a pair of products.
pub(super) const TALL: usize = 8;
pub(super) const FLAT: usize = 4;

/// Rows that a block takes at once.
pub(super) fn height(split: u32, side: usize) -> usize {
    (8 >> split) * side
}

/// Columns of a dense row that a lane takes at once.
pub(super) fn task(mat: &Mat) -> usize {
    match mat.format_name() {
        "f32" => 8,
        "f8e4m3" => 32,
        _ => 16,
    }
}

/// Bytes of a dense row that a lane takes at once: `STEPS * BYTES` of kernels/dense.cuh.
fn step_bytes(mat: &Mat) -> usize {
    if mat.format_name() == "f8e4m3" { 40 } else { 32 }
}

/// Shared memory that each lane gets for the weights in flight of two rows, for `steps` steps beside `other`
/// bytes of the block: as much as lets two blocks run on a multiprocessor, and two steps at least.
pub(super) fn lane_bytes(card: &Card, mat: &Mat, steps: usize, other: usize) -> u32 {
    const MAX_STAGES: usize = 4;
    /// What the driver takes of each block, and the kernels' own variables.
    const RESERVED: usize = 1024 + 1024;
    let most = card.limits().shared_per_block as usize;
    let (step, half) = (2 * step_bytes(mat), most / 2);
    let fitting = half.saturating_sub(other + RESERVED) / (THREADS * step);
    let needed = steps.clamp(1, 2);
    (fitting.min(MAX_STAGES).min(steps).max(needed) * step) as u32
}

/// Columns of activations that are in shared memory at once.
pub(super) fn range(card: &Card, mat: &Mat) -> usize {
    const WIDE: usize = 32_768;
    const NARROW: usize = 8192;
    let ring = 2 * 2 * THREADS * step_bytes(mat);
    let fits = card.limits().shared_per_block as usize >= activations(WIDE) + ring;
    (mat.cols as usize).next_multiple_of(RANGE_UNIT).min(if fits { WIDE } else { NARROW })
}

/// Bytes of `columns` activations.
pub(super) fn activations(columns: usize) -> usize {
    columns * 4
}

/// Dynamic shared memory of a block.
pub(super) fn shared(lane_bytes: u32, columns: usize) -> u32 {
    (lane_bytes as usize * THREADS + activations(columns)) as u32
}
