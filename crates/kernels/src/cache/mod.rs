//! The paged KV cache: pages of 64 tokens with the latent `[c | k_pe]` or the keys and values of every layer,
//! in f32, bf16 or FP8. A page is contiguous bytes, `[layer][token][record]`; on a card the pages of a layer
//! are together. Knows no sequences: the engine allocates the pages.

mod card;
mod card_check;
mod self_check;

use candle_core::{Result, Tensor, bail};

use crate::Place;
use crate::slices::with_slice;
pub(crate) use card::{CardPages, page_dtype};
pub(crate) use formats::kv_cache::RecordLayout;
pub use formats::kv_cache::{CacheDtype, CacheKind, CacheShape, PAGE_TOKENS};

/// The pages of all sequences.
pub struct KvPages {
    shape: CacheShape,
    layout: RecordLayout,
    pages: usize,
    store: Store,
}

enum Store {
    /// [page, layer, token, record]
    Host(Vec<u8>),
    Card(CardPages),
}

impl KvPages {
    /// # Errors
    /// When the shape is empty, or needs more bytes than can be addressed or the place has.
    pub fn new(shape: CacheShape, pages: usize, dtype: CacheDtype, place: &Place) -> Result<Self> {
        let bytes = Self::checked_bytes(shape, pages, dtype)?;
        let layout = RecordLayout::new(shape.kind, dtype);
        let store = match place {
            Place::Card(card) => Store::Card(CardPages::new(card.clone(), shape, layout, pages)?),
            Place::Host => {
                // `vec!` aborts the process when the allocation fails, so the size is tried first.
                if Vec::<u8>::new().try_reserve_exact(bytes).is_err() {
                    bail!("out of memory: cannot allocate a cache of {bytes} bytes ({pages} pages)");
                }
                // The system commits zeroed pages on first use.
                let mut memory = vec![0; bytes];
                crate::huge_pages::advise(&mut memory);
                Store::Host(memory)
            }
        };
        Ok(Self { shape, layout, pages, store })
    }

    fn checked_bytes(shape: CacheShape, pages: usize, dtype: CacheDtype) -> Result<usize> {
        let empty = match shape.kind {
            CacheKind::Latent { latent, rope } => latent == 0 || rope == 0,
            CacheKind::Gqa { kv_heads, head_dim } => kv_heads == 0 || head_dim == 0,
        };
        if empty || shape.layers == 0 {
            bail!("empty cache shape: {shape:?}");
        }
        let page = shape.page_bytes(dtype);
        match page.checked_mul(pages) {
            Some(bytes) if bytes.max(page) <= isize::MAX as usize => Ok(bytes),
            _ => bail!("cache size overflows: {pages} pages of {shape:?}"),
        }
    }

    pub fn shape(&self) -> CacheShape {
        self.shape
    }

    pub fn dtype(&self) -> CacheDtype {
        self.layout.dtype
    }

    /// The number of pages.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Bytes of one page, all layers.
    pub fn page_bytes(&self) -> usize {
        self.shape.page_bytes(self.layout.dtype)
    }

    /// Bytes of all pages.
    pub fn bytes(&self) -> u64 {
        self.page_bytes() as u64 * self.pages as u64
    }

    pub(crate) fn layout(&self) -> &RecordLayout {
        &self.layout
    }

    /// Writes the latents `rows` [T, latent + rope] of the positions from `first_position` on.
    ///
    /// # Errors
    /// When the cache is of the other kind, or `rows`, `pages` or `layer` do not match it.
    pub fn write_latent(
        &mut self,
        pages: &[u32],
        layer: usize,
        first_position: usize,
        rows: &Tensor,
    ) -> Result<()> {
        if !matches!(self.shape.kind, CacheKind::Latent { .. }) {
            bail!("cannot write latents to a cache of {:?}", self.shape.kind);
        }
        self.write(pages, layer, first_position, rows)
    }

    /// Writes rotated keys and values [T, kv_heads, head_dim] of the positions from `first_position` on.
    ///
    /// # Errors
    /// When the cache is of the other kind, or the tensors, `pages` or `layer` do not match it.
    pub fn write_gqa(
        &mut self,
        pages: &[u32],
        layer: usize,
        first_position: usize,
        k: &Tensor,
        v: &Tensor,
    ) -> Result<()> {
        let CacheKind::Gqa { kv_heads, head_dim } = self.shape.kind else {
            bail!("cannot write keys and values to a cache of {:?}", self.shape.kind)
        };
        let (tokens, heads, dim) = k.dims3()?;
        if (heads, dim) != (kv_heads, head_dim) || v.dims() != k.dims() {
            bail!(
                "shape mismatch: keys {:?}, values {:?}, cache of {:?}",
                k.dims(),
                v.dims(),
                self.shape.kind
            );
        }
        let rows = Tensor::stack(&[k, v], 2)?.reshape((tokens, self.layout.width()))?;
        self.write(pages, layer, first_position, &rows)
    }

    fn write(&mut self, pages: &[u32], layer: usize, first: usize, rows: &Tensor) -> Result<()> {
        let (tokens, width) = rows.dims2()?;
        if width != self.layout.width() {
            bail!("shape mismatch: rows of {width} values, cache records of {}", self.layout.width());
        }
        self.check(pages, layer, first + tokens)?;
        let (layout, record) = (self.layout, self.layout.bytes());
        let layers = self.shape.layers;
        match &mut self.store {
            Store::Host(bytes) => with_slice(rows, |rows| {
                for (offset, row) in rows.chunks_exact(width).enumerate() {
                    let position = first + offset;
                    let page = pages[position / PAGE_TOKENS] as usize;
                    let at = ((page * layers + layer) * PAGE_TOKENS + position % PAGE_TOKENS) * record;
                    layout.encode(row, &mut bytes[at..at + record]);
                }
                Ok(())
            }),
            Store::Card(_) => bail!("the cache is on a card, which writes it itself"),
        }
    }

    /// Whether `layer` and the first `tokens` positions of `pages` exist.
    pub(crate) fn check(&self, pages: &[u32], layer: usize, tokens: usize) -> Result<()> {
        if layer >= self.shape.layers {
            bail!("layer {layer} is out of range: the cache has {} layers", self.shape.layers);
        }
        let needed = tokens.div_ceil(PAGE_TOKENS);
        if pages.len() < needed {
            bail!("{tokens} tokens do not fit {} pages of {PAGE_TOKENS}", pages.len());
        }
        match pages[..needed].iter().find(|&&page| page as usize >= self.pages) {
            Some(page) => bail!("page {page} is out of range: the cache has {} pages", self.pages),
            None => Ok(()),
        }
    }

    /// Whether pages are in host memory.
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.store, Store::Host(_))
    }

    /// The records [64, record] of one page and layer; `None` when the cache is on a card.
    pub(crate) fn records(&self, page: u32, layer: usize) -> Option<&[u8]> {
        let Store::Host(bytes) = &self.store else { return None };
        let count = PAGE_TOKENS * self.layout.bytes();
        Some(&bytes[(page as usize * self.shape.layers + layer) * count..][..count])
    }

    /// The pages on a card.
    pub(crate) fn on_card(&self) -> Result<&CardPages> {
        match &self.store {
            Store::Host(_) => bail!("the cache is in host memory"),
            Store::Card(pages) => Ok(pages),
        }
    }

    /// The rows [tokens, width] of the first `tokens` positions, in f32: for references and tests.
    #[cfg(test)]
    pub(crate) fn decoded(&self, pages: &[u32], layer: usize, tokens: usize) -> Vec<f32> {
        let (width, record) = (self.layout.width(), self.layout.bytes());
        let mut out = vec![0.0; tokens * width];
        for (position, row) in out.chunks_exact_mut(width).enumerate() {
            let records = self.records(pages[position / PAGE_TOKENS], layer).expect("a cache in memory");
            self.layout.decode(&records[position % PAGE_TOKENS * record..][..record], 0, row);
        }
        out
    }

    /// Copies page `from` to page `to`, all layers.
    ///
    /// # Errors
    /// When one of them does not exist, or the card fails.
    pub fn copy_page(&mut self, from: u32, to: u32) -> Result<()> {
        self.check(&[from], 0, 1)?;
        self.check(&[to], 0, 1)?;
        let page = self.page_bytes();
        match &mut self.store {
            Store::Host(bytes) => {
                let from = from as usize * page;
                bytes.copy_within(from..from + page, to as usize * page);
                Ok(())
            }
            Store::Card(store) => store.copy_page(from, to),
        }
    }

    /// One page as bytes [layer][token][record], identical at every place.
    ///
    /// # Errors
    /// When it does not exist, or the card fails.
    pub fn read_page(&self, page: u32) -> Result<Vec<u8>> {
        self.check(&[page], 0, 1)?;
        let size = self.page_bytes();
        match &self.store {
            Store::Host(bytes) => Ok(bytes[page as usize * size..][..size].to_vec()),
            Store::Card(store) => store.read_page(page),
        }
    }

    /// Writes the bytes that `read_page` returned, from a cache of the same shape and dtype.
    ///
    /// # Errors
    /// When the page does not exist, `bytes` is not as long as a page, or the card fails.
    pub fn restore_page(&mut self, page: u32, bytes: &[u8]) -> Result<()> {
        self.check(&[page], 0, 1)?;
        let size = self.page_bytes();
        if bytes.len() != size {
            bail!("page size mismatch: {} bytes, the cache has pages of {size} bytes", bytes.len());
        }
        match &mut self.store {
            Store::Host(store) => {
                store[page as usize * size..][..size].copy_from_slice(bytes);
                Ok(())
            }
            Store::Card(store) => store.restore_page(page, bytes),
        }
    }

    /// Encodes and decodes a test row in every dtype of this cache kind, and in this cache's own store.
    ///
    /// # Errors
    /// Names the value that came back outside the error bound of its format. An engine must not serve with
    /// such a cache.
    pub fn self_check(&self) -> Result<()> {
        self_check::check_layouts(self.shape.kind)?;
        self_check::check_store(self)
    }
}

#[cfg(test)]
mod tests;
