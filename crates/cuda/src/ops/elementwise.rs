//! Norms of rows and products of single values: `kernels/norm.cu`, and `silu_mul` of `kernels/moe.cu`.
//! Each is a launch of its own, for what no product takes along.
use super::blocks;
use crate::{Card, Launch, Params, Ptr, Result};

/// `out` [rows, width] is the norm of `x` [rows, width].
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RmsNorm {
    pub x: Ptr<f32>,
    pub weight: Ptr<f32>,
    pub out: Ptr<f32>,
    pub rows: u32,
    pub width: u32,
    pub x_stride: u32,
    pub out_stride: u32,
    pub eps: f32,
    pub pad: u32,
}

// SAFETY: mirrors `rms_norm_params`.
unsafe impl Params for RmsNorm {
    const KERNEL: &'static str = "rms_norm";
}

impl RmsNorm {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        card.launch(Launch { grid: [self.rows, 1, 1], block: 256, shared: 0 }, self)
    }
}

/// `out` [rows, cols] is `silu(gate) * up`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SiluMul {
    pub gate: Ptr<f32>,
    pub up: Ptr<f32>,
    pub out: Ptr<f32>,
    pub rows: u32,
    pub cols: u32,
    pub gate_stride: u32,
    pub up_stride: u32,
    pub out_stride: u32,
    pub pad: u32,
}

// SAFETY: mirrors `silu_mul_params`.
unsafe impl Params for SiluMul {
    const KERNEL: &'static str = "silu_mul";
}

impl SiluMul {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let grid = [blocks(self.cols as usize, 256), self.rows, 1];
        card.launch(Launch { grid, block: 256, shared: 0 }, self)
    }
}
