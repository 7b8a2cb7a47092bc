//! Pages in a card's memory, [layer][page][token][record]: the pages of one layer lie together, because one
//! launch works on one layer. Records are the same bytes as in host memory.
use std::sync::Arc;

use candle_core::{Error, Result, bail};
use cuda::ops::rope::PageDtype;
use cuda::{Buffer, Ptr};

use super::card_check::write_page;
use super::{CacheDtype, CacheKind, CacheShape, PAGE_TOKENS, RecordLayout};
use crate::card_memory::CardMemory;

pub struct CardPages {
    memory: Arc<CardMemory>,
    buffer: Buffer,
    layers: usize,
    /// Bytes of one layer of one page.
    part: usize,
    pages: usize,
    kind: CacheKind,
    layout: RecordLayout,
}

impl CardPages {
    /// The sizes were checked.
    pub fn new(
        memory: Arc<CardMemory>,
        shape: CacheShape,
        layout: RecordLayout,
        pages: usize,
    ) -> Result<Self> {
        let CacheShape { kind, layers } = shape;
        let part = PAGE_TOKENS * layout.bytes();
        let buffer = Buffer::new(memory.card(), (part * layers * pages).max(1)).map_err(Error::wrap)?;
        buffer.fill(0).map_err(Error::wrap)?;
        Ok(Self { memory, buffer, layers, part, pages, kind, layout })
    }

    pub fn record_bytes(&self) -> usize {
        self.layout.bytes()
    }

    /// The address of the first page of `layer`.
    ///
    /// # Errors
    /// When there is no such layer.
    pub fn layer(&self, layer: usize) -> Result<Ptr<u8>> {
        if layer >= self.layers {
            bail!("layer {layer} is out of range: the cache has {} layers", self.layers);
        }
        Ok(self.buffer.ptr::<u8>().offset(self.offset(layer, 0)))
    }

    /// Tells caches apart: graphs hold addresses.
    pub fn address(&self) -> u64 {
        self.buffer.ptr::<u8>().address()
    }

    fn offset(&self, layer: usize, page: u32) -> usize {
        (layer * self.pages + page as usize) * self.part
    }

    pub fn copy_page(&self, from: u32, to: u32) -> Result<()> {
        if from == to {
            return Ok(());
        }
        self.restore_page(to, &self.read_page(from)?)
    }

    pub fn read_page(&self, page: u32) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.layers * self.part);
        for layer in 0..self.layers {
            let part = self.buffer.read::<u8>(self.offset(layer, page), self.part).map_err(Error::wrap)?;
            bytes.extend(part);
        }
        Ok(bytes)
    }

    /// A page of one layer that the kernels wrote from `rows` [64, width]: the values that must be in it, and
    /// its bytes.
    pub fn check_page(&self, rows: &[f32]) -> Result<(Vec<f32>, Vec<u8>)> {
        let page = Buffer::new(self.memory.card(), self.part).map_err(Error::wrap)?;
        let (dtype, bytes) = (page_dtype(self.layout.dtype), self.layout.bytes());
        let expected = write_page(&self.memory, self.kind, dtype, bytes, rows, &page)?;
        Ok((expected, page.read(0, self.part).map_err(Error::wrap)?))
    }

    /// `bytes` must have the length of a page.
    pub fn restore_page(&self, page: u32, bytes: &[u8]) -> Result<()> {
        for (layer, part) in bytes.chunks_exact(self.part).enumerate() {
            self.buffer.write(self.offset(layer, page), part).map_err(Error::wrap)?;
        }
        Ok(())
    }
}

/// The type of cached values as the kernels number it.
pub fn page_dtype(dtype: CacheDtype) -> PageDtype {
    match dtype {
        CacheDtype::F32 => PageDtype::F32,
        CacheDtype::Bf16 => PageDtype::Bf16,
        CacheDtype::Fp8 => PageDtype::Fp8,
    }
}
