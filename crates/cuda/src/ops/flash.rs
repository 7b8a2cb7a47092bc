//! Attention of a prefill on tensor cores: `kernels/flash.cu`. The rows are consecutive positions of one
//! sequence, whose records are written already.
use super::rope::PageDtype;
use super::{blocks, page_name};
use crate::{Card, Launch, Params, Ptr, Result};

/// Grouped-query attention of rows `first..first + count`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct GqaFlash {
    pub q: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub positions: Ptr<i32>,
    pub tables: Ptr<i32>,
    pub pages: Ptr<u32>,
    pub out: Ptr<f32>,
    pub first: u32,
    pub count: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub record_bytes: u32,
    pub q_stride: u32,
    pub out_stride: u32,
    pub scale: f32,
}

// SAFETY: mirrors `gqa_flash_params`.
unsafe impl Params for GqaFlash {
    const KERNEL: &'static str = "gqa_flash";
}

impl GqaFlash {
    /// Whether there is a kernel for this shape.
    pub fn supports(dtype: PageDtype, head_dim: usize, record_bytes: usize) -> bool {
        dtype != PageDtype::F32 && matches!(head_dim, 64 | 128) && record_bytes.is_multiple_of(16)
    }

    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, dtype: PageDtype, head_dim: usize) -> Result<()> {
        let shared = match (dtype, head_dim) {
            (PageDtype::Fp8, 64) => 21_504,
            (PageDtype::Fp8, _) => 37_888,
            (_, 64) => 36_864,
            _ => 69_632,
        };
        let group = self.heads / self.kv_heads;
        let grid = [self.kv_heads, blocks((self.count * group) as usize, 64), 1];
        let name = format!("gqa_flash_{}_d{head_dim}", page_name(dtype));
        card.launch_as(&name, Launch { grid, block: 128, shared }, self)
    }
}

/// Absorbed latent attention of rows `first..first + count`: contexts and statistics as `MlaAttend` writes
/// them with one split.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MlaFlash {
    pub absorbed: Ptr<f32>,
    pub q: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub positions: Ptr<i32>,
    pub tables: Ptr<i32>,
    pub pages: Ptr<u32>,
    pub partials: Ptr<f32>,
    pub stats: Ptr<f32>,
    pub first: u32,
    pub count: u32,
    pub heads: u32,
    pub nope: u32,
    pub record_bytes: u32,
    pub q_stride: u32,
    pub scale: f32,
    pub pad: u32,
}

// SAFETY: mirrors `mla_flash_params`.
unsafe impl Params for MlaFlash {
    const KERNEL: &'static str = "mla_flash";
}

impl MlaFlash {
    /// Whether the card has a kernel for this shape: it takes nearly all shared memory of a Hopper card.
    pub fn supports(card: &Card, dtype: PageDtype, latent: usize, rope: usize) -> bool {
        dtype != PageDtype::F32
            && (latent, rope) == (512, 64)
            && card.limits().shared_per_block >= mla_shared(dtype)
    }

    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, dtype: PageDtype) -> Result<()> {
        let grid = [blocks((self.count * self.heads) as usize, 64), 1, 1];
        let name = format!("mla_flash_{}", page_name(dtype));
        card.launch_as(&name, Launch { grid, block: 256, shared: mla_shared(dtype) }, self)
    }
}

fn mla_shared(dtype: PageDtype) -> u32 {
    if dtype == PageDtype::Fp8 { 200_192 } else { 230_928 }
}
