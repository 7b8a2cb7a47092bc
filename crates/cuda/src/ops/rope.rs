//! Rotary embedding, and what is written to the cache: `kernels/rope.cu`.
//! Angles are computed in f64.
use super::blocks;
use crate::{Card, Launch, Mat, Params, Ptr, Result};

/// The type of cached values, as the kernels number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum PageDtype {
    F32 = 0,
    Bf16 = 1,
    Fp8 = 2,
}

/// Which elements form a rotated pair, as the kernels number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Pairs {
    Interleaved = 0,
    Neox = 1,
}

/// Cosines and sines [rows, half] of `positions`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RopeTable {
    pub positions: Ptr<i32>,
    pub inv_freq: Ptr<f64>,
    pub cos: Ptr<f32>,
    pub sin: Ptr<f32>,
    pub scale: f64,
    pub rows: u32,
    pub half: u32,
}

// SAFETY: mirrors `rope_table_params`.
unsafe impl Params for RopeTable {
    const KERNEL: &'static str = "rope_table";
}

impl RopeTable {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let grid = [blocks((self.rows * self.half) as usize, 128), 1, 1];
        card.launch(Launch { grid, block: 128, shared: 0 }, self)
    }
}

/// Norms and rotates the heads of `q` in place and of `k`, and encodes `k` and `v` into the rows' records.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct GqaWrite {
    pub q: Ptr<f32>,
    pub k: Ptr<f32>,
    pub v: Ptr<f32>,
    pub q_norm: Ptr<f32>,
    pub k_norm: Ptr<f32>,
    pub cos: Ptr<f32>,
    pub sin: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub slots: Ptr<i32>,
    pub rows: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub half: u32,
    pub style: Pairs,
    pub dtype: PageDtype,
    pub record_bytes: u32,
    pub q_stride: u32,
    pub k_stride: u32,
    pub v_stride: u32,
    pub eps: f32,
}

// SAFETY: mirrors `gqa_write_params`.
unsafe impl Params for GqaWrite {
    const KERNEL: &'static str = "gqa_write";
}

impl GqaWrite {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let grid = [blocks((self.heads + 2 * self.kv_heads) as usize, 4), self.rows, 1];
        card.launch(Launch { grid, block: 128, shared: 0 }, self)
    }
}

/// Norms and rotates the latent of `kv_a`, encodes it into the rows' records, rotates `q` in place and
/// multiplies its other part with W_UK: `absorbed` [rows, heads, latent].
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MlaPrepare {
    pub kv_b: Mat,
    pub q: Ptr<f32>,
    pub kv_a: Ptr<f32>,
    pub norm: Ptr<f32>,
    pub cos: Ptr<f32>,
    pub sin: Ptr<f32>,
    pub absorbed: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub slots: Ptr<i32>,
    pub rows: u32,
    pub heads: u32,
    pub nope: u32,
    pub rope: u32,
    pub value: u32,
    pub latent: u32,
    pub style: Pairs,
    pub dtype: PageDtype,
    pub record_bytes: u32,
    pub q_stride: u32,
    pub kv_a_stride: u32,
    pub eps: f32,
    /// 1: rows of a prefill, whose sums have another order.
    pub prefill: u32,
    /// 1: `absorbed` becomes the query tiles that the fast kernel of `MlaAttend` reads.
    pub parts: u32,
}

// SAFETY: mirrors `mla_prepare_params`.
unsafe impl Params for MlaPrepare {
    const KERNEL: &'static str = "mla_prepare";
}

impl MlaPrepare {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        const WRITERS: u32 = 8;
        const PREFILL_SHARED: u32 = 38_912;
        let groups = blocks(self.latent.div_ceil(32) as usize, 2);
        let rows_each = if self.prefill == 1 { 64 } else { 8 };
        let grid = [WRITERS + self.heads * groups, blocks(self.rows as usize, rows_each), 1];
        let name = format!("mla_prepare_{}", self.kv_b.format_name());
        card.launch_as(&name, Launch { grid, block: 256, shared: self.prefill * PREFILL_SHARED }, self)
    }
}
