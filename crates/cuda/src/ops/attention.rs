//! Attention over pages: `kernels/attention_gqa.cu` and `kernels/attention_mla.cu`. The keys of a row are
//! split into ranges that depend on the row's own position, and joined in order.
use super::rope::PageDtype;
use super::{blocks, page_name};
use crate::{Card, Launch, Mat, Params, Ptr, Result};

/// Attention of `q` [rows, heads * head_dim], rotated, over the rows' pages.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct GqaAttend {
    pub q: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub positions: Ptr<i32>,
    pub tables: Ptr<i32>,
    pub pages: Ptr<u32>,
    pub out: Ptr<f32>,
    pub partials: Ptr<f32>,
    pub tickets: Ptr<u32>,
    pub rows: u32,
    pub heads: u32,
    pub kv_heads: u32,
    pub head_dim: u32,
    pub record_bytes: u32,
    pub splits: u32,
    /// 1: one block takes all keys of its row.
    pub whole: u32,
    pub q_stride: u32,
    pub out_stride: u32,
    pub scale: f32,
}

// SAFETY: mirrors `gqa_attend_params`.
unsafe impl Params for GqaAttend {
    const KERNEL: &'static str = "gqa_attend";
}

/// The most keys with the split below, and the keys of one split.
const GQA_SPLITS: [(usize, usize); 5] =
    [(2048, 64), (4096, 128), (16_384, 256), (65_536, 512), (usize::MAX, 1024)];
const MLA_SPLITS: [(usize, usize); 4] = [(2048, 64), (8192, 128), (32_768, 256), (usize::MAX, 512)];

/// The most splits of any row with up to `keys` keys.
fn splits(table: &[(usize, usize)], keys: usize) -> u32 {
    let bounds = table.iter().scan(0, |below, &(limit, each)| {
        let from = std::mem::replace(below, limit);
        (from < keys).then(|| keys.min(limit).div_ceil(each))
    });
    bounds.max().unwrap_or(1).max(1) as u32
}

impl GqaAttend {
    pub fn splits(keys: usize) -> u32 {
        splits(&GQA_SPLITS, keys)
    }

    /// Whether the kernel on tensor cores takes this shape.
    fn on_tensor_cores(&self, dtype: PageDtype) -> bool {
        dtype != PageDtype::F32
            && matches!(self.head_dim, 64 | 128)
            && self.record_bytes.is_multiple_of(16)
            && self.whole == 0
    }

    /// The head dimension that the kernel is made for.
    fn width(&self) -> u32 {
        [64, 128, 256].into_iter().find(|&width| self.head_dim <= width).unwrap_or(256)
    }

    /// Query heads that one block takes.
    fn group(&self, dtype: PageDtype) -> u32 {
        if !self.on_tensor_cores(dtype) && self.heads / self.kv_heads <= 4 { 4 } else { 8 }
    }

    /// Blocks of one row and split.
    fn groups(&self, dtype: PageDtype) -> u32 {
        self.kv_heads * (self.heads / self.kv_heads).div_ceil(self.group(dtype))
    }

    /// Floats of `partials` and words of `tickets`, which must be zero before the first launch.
    pub fn workspace(&self, dtype: PageDtype) -> (usize, usize) {
        let blocks = (self.rows * self.groups(dtype)) as usize;
        (blocks * (self.splits * self.group(dtype) * (self.width() + 2)) as usize, blocks)
    }

    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, dtype: PageDtype) -> Result<()> {
        let (page, group) = (page_name(dtype), self.group(dtype));
        let (name, shared) = if self.on_tensor_cores(dtype) {
            (format!("gqa_mma_{page}_d{}", self.head_dim), mma_shared(dtype, self.head_dim))
        } else {
            let width = self.width();
            (format!("gqa_attend_{page}_d{width}_g{group}"), gqa_shared(dtype, width, group))
        };
        let grid = [self.groups(dtype), self.splits, self.rows];
        card.launch_as(&name, Launch { grid, block: 256, shared }, self)
    }
}

/// Absorbed latent attention: partial contexts [rows, splits, heads, latent] and their statistics.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MlaAttend {
    pub absorbed: Ptr<f32>,
    pub q: Ptr<f32>,
    pub cache: Ptr<u8>,
    pub positions: Ptr<i32>,
    pub tables: Ptr<i32>,
    pub pages: Ptr<u32>,
    pub partials: Ptr<f32>,
    pub stats: Ptr<f32>,
    pub rows: u32,
    pub heads: u32,
    pub nope: u32,
    pub rope: u32,
    pub latent: u32,
    pub dtype: PageDtype,
    pub record_bytes: u32,
    pub splits: u32,
    /// 1: one block takes all keys of its row.
    pub whole: u32,
    pub q_stride: u32,
    pub scale: f32,
    pub pad: u32,
}

// SAFETY: mirrors `mla_attend_params`.
unsafe impl Params for MlaAttend {
    const KERNEL: &'static str = "mla_attend";
}

impl MlaAttend {
    pub fn splits(keys: usize) -> u32 {
        splits(&MLA_SPLITS, keys)
    }

    /// Floats of `partials` and of `stats`.
    pub fn workspace(&self) -> (usize, usize) {
        let blocks = (self.rows * self.splits * self.heads) as usize;
        (blocks * self.latent as usize, blocks * 2)
    }

    /// Whether the kernel on tensor cores takes this shape; it reads queries in parts of 16 bits.
    pub fn on_tensor_cores(dtype: PageDtype, heads: usize, latent: usize, rope: usize) -> bool {
        dtype != PageDtype::F32 && (latent, rope) == (512, 64) && heads.is_multiple_of(16)
    }

    /// Bytes of `absorbed` in parts, for each row and head.
    pub const PART_BYTES: usize = 3456;

    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card, in_parts: bool) -> Result<()> {
        let (name, heads, shared) = if in_parts {
            (format!("mla_attend_{}", page_name(self.dtype)), 16, mla_shared(self.dtype))
        } else {
            ("mla_attend_any".to_owned(), 4, 4 * (self.latent + self.rope) * 20 + 2048)
        };
        let grid = [blocks(self.heads as usize, heads), self.splits, self.rows];
        card.launch_as(&name, Launch { grid, block: 256, shared }, self)
    }
}

/// Joins the splits of `MlaAttend` or takes what `MlaFlash` wrote, and multiplies with W_UV: `out` [rows,
/// heads * value].
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LatentUp {
    pub kv_b: Mat,
    pub partials: Ptr<f32>,
    pub stats: Ptr<f32>,
    pub positions: Ptr<i32>,
    pub out: Ptr<f32>,
    pub rows: u32,
    pub heads: u32,
    pub nope: u32,
    pub value: u32,
    pub latent: u32,
    pub splits: u32,
    pub whole: u32,
    pub out_stride: u32,
}

// SAFETY: mirrors `latent_up_params`.
unsafe impl Params for LatentUp {
    const KERNEL: &'static str = "latent_up";
}

impl LatentUp {
    /// # Errors
    /// When the card fails.
    pub fn launch(&self, card: &Card) -> Result<()> {
        let name = format!("latent_up_{}", self.kv_b.format_name());
        let groups = match (self.whole, self.rows) {
            (0, rows) if rows <= 16 => rows,
            (0, rows) => rows.div_ceil(16),
            (_, rows) => rows.div_ceil(64),
        };
        let grid = [self.heads * blocks(self.value as usize, 16), groups, 1];
        card.launch_as(&name, Launch { grid, block: 256, shared: 0 }, self)
    }
}

/// Bytes of `GqaRoom` of the kernel.
fn gqa_shared(dtype: PageDtype, width: u32, group: u32) -> u32 {
    let by_group = match (dtype, width) {
        (PageDtype::F32, 64) => [81_076, 91_364],
        (PageDtype::F32, 128) => [74_932, 81_636],
        (PageDtype::F32, _) => [73_396, 79_844],
        (PageDtype::Bf16, 64) => [48_308, 58_596],
        (PageDtype::Bf16, 128) => [82_100, 93_412],
        (PageDtype::Bf16, _) => [76_980, 85_732],
        (PageDtype::Fp8, 64) => [31_924, 42_212],
        (PageDtype::Fp8, 128) => [49_332, 60_644],
        (PageDtype::Fp8, _) => [84_148, 97_508],
    };
    by_group[usize::from(group > 4)]
}

/// Bytes of shared memory of the kernel on tensor cores.
fn mma_shared(dtype: PageDtype, head_dim: u32) -> u32 {
    match (dtype, head_dim) {
        (PageDtype::Fp8, 64) => 28_388,
        (PageDtype::Fp8, _) => 46_820,
        (_, 64) => 44_772,
        _ => 79_588,
    }
}

/// Bytes of `LatentRoom` of the kernel.
fn mla_shared(dtype: PageDtype) -> u32 {
    if dtype == PageDtype::Fp8 { 95_680 } else { 86_464 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_has_more_splits_than_its_bucket() {
        for table in [&GQA_SPLITS[..], &MLA_SPLITS[..]] {
            let own = |keys: usize| {
                let each = table.iter().find(|(limit, _)| keys <= *limit).expect("the last has no limit").1;
                keys.div_ceil(each) as u32
            };
            for bucket in [1, 63, 64, 65, 512, 2048, 2049, 8192, 9000, 40_000, 163_840] {
                let most = (1..=bucket).map(own).max().expect("not empty");
                assert_eq!(splits(table, bucket), most, "{bucket}");
            }
        }
    }
}
