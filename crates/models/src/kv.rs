//! The cache: pages of 64 tokens that hold the latent [c | k_pe] of every layer, never expanded keys and values.
//! Who owns which page is not known here.
use half::bf16;

/// Tokens of one page.
pub const PAGE_TOKENS: usize = 64;

/// What a model caches for each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    pub layers: usize,
    /// Numbers of one token in one layer: kv_lora_rank + qk_rope_head_dim.
    pub width: usize,
}

/// How a cached number is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheDtype {
    F32,
    Bf16,
}

/// The pages of one sequence, in order, and how many tokens they hold.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    pub pages: &'a [u32],
    pub len: usize,
}

/// All pages: [page, layer, token, width].
pub struct KvPages {
    shape: CacheShape,
    cells: Cells,
}

enum Cells {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
}

impl KvPages {
    pub fn new(shape: CacheShape, pages: usize, dtype: CacheDtype) -> Self {
        let count = pages * shape.layers * PAGE_TOKENS * shape.width;
        let cells = match dtype {
            CacheDtype::F32 => Cells::F32(vec![0.0; count]),
            CacheDtype::Bf16 => Cells::Bf16(vec![bf16::ZERO; count]),
        };
        Self { shape, cells }
    }

    pub fn bytes(&self) -> u64 {
        match &self.cells {
            Cells::F32(cells) => cells.len() as u64 * 4,
            Cells::Bf16(cells) => cells.len() as u64 * 2,
        }
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        let cells = match &self.cells {
            Cells::F32(cells) => cells.len(),
            Cells::Bf16(cells) => cells.len(),
        };
        cells / (self.shape.layers * PAGE_TOKENS * self.shape.width)
    }

    /// Writes one token's latent [width].
    pub fn write(&mut self, pages: &[u32], layer: usize, position: usize, latent: &[f32]) {
        let start = self.cell(pages[position / PAGE_TOKENS], layer, position % PAGE_TOKENS);
        let width = self.shape.width;
        match &mut self.cells {
            Cells::F32(cells) => cells[start..start + width].copy_from_slice(latent),
            Cells::Bf16(cells) => {
                cells[start..start + width]
                    .iter_mut()
                    .zip(latent)
                    .for_each(|(cell, v)| *cell = bf16::from_f32(*v));
            }
        }
    }

    /// The latents of the first `len` tokens of one layer, [len, width].
    pub fn read(&self, pages: &[u32], layer: usize, len: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(len * self.shape.width);
        for (index, &page) in pages.iter().enumerate().take(len.div_ceil(PAGE_TOKENS)) {
            let tokens = (len - index * PAGE_TOKENS).min(PAGE_TOKENS);
            let start = self.cell(page, layer, 0);
            let span = start..start + tokens * self.shape.width;
            match &self.cells {
                Cells::F32(cells) => out.extend_from_slice(&cells[span]),
                Cells::Bf16(cells) => out.extend(cells[span].iter().map(|cell| cell.to_f32())),
            }
        }
        out
    }

    fn cell(&self, page: u32, layer: usize, token: usize) -> usize {
        ((page as usize * self.shape.layers + layer) * PAGE_TOKENS + token) * self.shape.width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_any_order_read_back_in_sequence_order() {
        let mut kv = KvPages::new(CacheShape { layers: 2, width: 3 }, 4, CacheDtype::Bf16);
        let pages = [3, 1];
        for position in 0..70 {
            for layer in 0..2 {
                kv.write(&pages, layer, position, &[position as f32, layer as f32, -1.0]);
            }
        }
        let read = kv.read(&pages, 1, 70);
        assert_eq!(read.len(), 210);
        assert!(read.chunks(3).enumerate().all(|(p, latent)| latent == [p as f32, 1.0, -1.0]));
        assert_eq!(kv.bytes(), 4 * 2 * 64 * 3 * 2);
    }
}
