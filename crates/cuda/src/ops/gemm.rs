//! Products of many rows, on tensor cores: `kernels/split.cu`, `gemm.cu` and `bucket.cu`. The input is split
//! into two f16 parts once for all matrices that read it. A row's result depends on nothing but the row.
use crate::{Card, Launch, Mat, Params, Ptr, Result};

/// Rows of weights in a tile.
const TILE_ROWS: usize = 128;
/// Columns that share their sums, and the multiple that widths are padded to.
const GROUP: usize = 256;
const STEP: usize = 64;
/// Numbers for which the sums of a group have room.
const SUMS: usize = 16;

/// Splits the rows of `x`, normed if `norm` is given.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SplitRows {
    pub x: Ptr<f32>,
    pub norm: Ptr<f32>,
    pub high: Ptr<u16>,
    pub low: Ptr<u16>,
    pub sums: Ptr<u16>,
    pub inverse: Ptr<f32>,
    pub rows: u32,
    pub cols: u32,
    pub x_stride: u32,
    pub width: u32,
    pub groups: u32,
    pub eps: f32,
}

// SAFETY: mirrors `split_rows_params`.
unsafe impl Params for SplitRows {
    const KERNEL: &'static str = "split_rows";
}

impl SplitRows {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        card.launch(Launch { grid: [self.rows, 1, 1], block: 256, shared: 0 }, self)
    }
}

/// Rows that were split.
#[derive(Clone, Copy)]
pub struct SplitInput {
    pub high: Ptr<u16>,
    pub low: Ptr<u16>,
    pub sums: Ptr<u16>,
    pub inverse: Ptr<f32>,
    pub width: u32,
    pub groups: u32,
}

impl SplitInput {
    /// Bytes for `rows` rows of `cols` columns.
    pub fn bytes(rows: usize, cols: usize) -> usize {
        let width = cols.next_multiple_of(STEP);
        rows * (2 * 2 * width + 2 * SUMS * width.div_ceil(GROUP) + 4) + 64
    }

    /// The parts in memory of as many bytes.
    pub fn at(memory: Ptr<u8>, rows: usize, cols: usize) -> Self {
        let width = cols.next_multiple_of(STEP);
        let groups = width.div_ceil(GROUP);
        let high = memory.cast::<u16>();
        let low = high.offset(rows * width);
        let sums = low.offset(rows * width);
        let inverse = sums.offset(rows * groups * SUMS).cast();
        Self { high, low, sums, inverse, width: width as u32, groups: groups as u32 }
    }
}

/// `gemm_<format>_<columns>`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gemm {
    mats: [Mat; 3],
    y: [Ptr<f32>; 3],
    bias: [Ptr<f32>; 3],
    residual: Ptr<f32>,
    high: Ptr<u16>,
    low: Ptr<u16>,
    sums: Ptr<u16>,
    inverse: Ptr<f32>,
    tiles: Ptr<u32>,
    order: Ptr<u32>,
    rows: u32,
    matrices: u32,
    pair: u32,
    share: u32,
    width: u32,
    groups: u32,
    y_stride: [u32; 3],
    /// Rows of `x` in a tile.
    columns: u32,
}

// SAFETY: mirrors `gemm_params`.
unsafe impl Params for Gemm {
    const KERNEL: &'static str = "gemm";
}

/// One matrix of a product with its output.
#[derive(Clone, Copy)]
pub struct Product {
    pub weight: Mat,
    pub bias: Ptr<f32>,
    pub y: Ptr<f32>,
    pub y_stride: u32,
}

/// The experts' rows, sorted by expert.
#[derive(Clone, Copy)]
pub struct Buckets {
    pub tiles: Ptr<u32>,
    pub order: Ptr<u32>,
    /// Rows of a tile.
    pub columns: u32,
    /// The most tiles there can be.
    pub most: u32,
}

impl Buckets {
    /// Rows of a tile for a product of `height` rows of weights.
    pub fn columns(card: &Card, pairs: usize, experts: usize, height: usize) -> usize {
        columns(card, height.div_ceil(TILE_ROWS), |columns| Self::most(pairs, experts, columns))
    }

    pub fn most(pairs: usize, experts: usize, columns: usize) -> usize {
        pairs / columns + experts
    }
}

/// Whether the card has the kernels for Hopper.
fn is_hopper(card: &Card) -> bool {
    let capability = card.info().capability;
    (capability.major, capability.minor) == (9, 0)
}

/// Rows of `x` in a tile: few where wide tiles would leave multiprocessors idle.
fn columns(card: &Card, across: usize, down: impl Fn(usize) -> usize) -> usize {
    if is_hopper(card) && across * down(128) >= card.limits().sms as usize { 128 } else { 64 }
}

/// The products of `x` with one to three matrices of one format, plus `residual` to the first.
///
/// # Errors
/// When the card fails.
pub fn products(
    card: &Card,
    x: SplitInput,
    rows: usize,
    products: &[Product],
    residual: Ptr<f32>,
) -> Result<()> {
    let across = products.iter().map(|p| (p.weight.rows as usize).div_ceil(TILE_ROWS)).sum();
    let columns = columns(card, across, |columns| rows.div_ceil(columns));
    let params = Gemm { residual, rows: rows as u32, columns: columns as u32, ..params(x, products) };
    launch(card, &params, across * rows.div_ceil(columns))
}

/// `silu(gate x) * up x`, for matrices of one format.
///
/// # Errors
/// When the card fails.
pub fn product_pair(card: &Card, x: SplitInput, rows: usize, pair: [Product; 2]) -> Result<()> {
    let across = (pair[0].weight.rows as usize).div_ceil(TILE_ROWS / 2);
    let columns = columns(card, across, |columns| rows.div_ceil(columns));
    let params = Gemm { pair: 1, rows: rows as u32, columns: columns as u32, ..params(x, &pair) };
    launch(card, &params, across * rows.div_ceil(columns))
}

/// `silu(gate x) * up x` of each expert of a stack, whose first matrices are given, with its rows.
///
/// # Errors
/// When the card fails.
pub fn grouped_pair(
    card: &Card,
    x: SplitInput,
    pair: [Product; 2],
    buckets: Buckets,
    share: u32,
) -> Result<()> {
    let across = (pair[0].weight.rows as usize).div_ceil(TILE_ROWS / 2);
    let Buckets { tiles, order, columns, most, .. } = buckets;
    let params = Gemm { pair: 1, tiles, order, share, rows: most, columns, ..params(x, &pair) };
    launch(card, &params, across * most as usize)
}

/// The product of each expert of a stack, whose first matrix is given, with its rows.
///
/// # Errors
/// When the card fails.
pub fn grouped_product(
    card: &Card,
    x: SplitInput,
    product: Product,
    buckets: Buckets,
    share: u32,
) -> Result<()> {
    let across = (product.weight.rows as usize).div_ceil(TILE_ROWS);
    let Buckets { tiles, order, columns, most, .. } = buckets;
    let params = Gemm { tiles, order, share, rows: most, columns, ..params(x, &[product]) };
    launch(card, &params, across * most as usize)
}

fn params(x: SplitInput, products: &[Product]) -> Gemm {
    let of = |at: usize| products[at.min(products.len() - 1)];
    Gemm {
        mats: [of(0).weight, of(1).weight, of(2).weight],
        y: [of(0).y, of(1).y, of(2).y],
        bias: [of(0).bias, of(1).bias, of(2).bias],
        residual: Ptr::NULL,
        high: x.high,
        low: x.low,
        sums: x.sums,
        inverse: x.inverse,
        tiles: Ptr::NULL,
        order: Ptr::NULL,
        rows: 0,
        matrices: products.len() as u32,
        pair: 0,
        share: 1,
        width: x.width,
        groups: x.groups,
        y_stride: [of(0).y_stride, of(1).y_stride, of(2).y_stride],
        columns: 0,
    }
}

fn launch(card: &Card, params: &Gemm, tiles: usize) -> Result<()> {
    let launch = if is_hopper(card) {
        let blocks = tiles.min(card.limits().sms as usize) as u32;
        Launch { grid: [blocks, 1, 1], block: 512, shared: 223_360 }
    } else {
        Launch { grid: [tiles as u32, 1, 1], block: 256, shared: 99_328 }
    };
    card.launch_as(&format!("gemm_{}", params.mats[0].format_name()), launch, params)
}

/// Sorts pairs of row and expert by expert.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Bucket {
    pub ids: Ptr<u32>,
    pub order: Ptr<u32>,
    pub tiles: Ptr<u32>,
    pub pairs: u32,
    pub experts: u32,
    pub columns: u32,
    pub most: u32,
}

// SAFETY: mirrors `bucket_params`.
unsafe impl Params for Bucket {
    const KERNEL: &'static str = "bucket";
}

impl Bucket {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let shared = (34 * self.experts + 1) * 4;
        card.launch(Launch { grid: [1, 1, 1], block: 1024, shared }, self)
    }
}

/// The weighted sum of each row's experts, plus the shared one, plus the residual.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Combine {
    pub pairs: Ptr<f32>,
    pub ids: Ptr<u32>,
    pub weights: Ptr<f32>,
    pub shared: Ptr<f32>,
    pub residual: Ptr<f32>,
    pub y: Ptr<f32>,
    pub rows: u32,
    pub k: u32,
    pub width: u32,
    pub pad: u32,
}

// SAFETY: mirrors `combine_params`.
unsafe impl Params for Combine {
    const KERNEL: &'static str = "combine";
}

impl Combine {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        card.launch(Launch { grid: [self.rows, 1, 1], block: 256, shared: 0 }, self)
    }
}
