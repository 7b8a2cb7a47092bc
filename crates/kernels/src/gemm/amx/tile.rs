//! Memory of packed matrices and of output tiles, and the tile registers of a thread.
//! The tile configuration is the same for all products.
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::{MR, NR, TILE_K, available};
use crate::huge_pages;

/// A packed bf16 matrix, aligned to cache lines: unaligned, every row of a tile would span two lines.
#[derive(Default)]
pub struct PackedMatrix(Vec<CacheLine>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u16; TILE_K]);

impl PackedMatrix {
    /// Resizes to `len` elements, a multiple of `TILE_K`. New elements are zero, the others keep their
    /// values.
    pub fn resize(&mut self, len: usize) {
        huge_pages::resize(&mut self.0, len / TILE_K, CacheLine([0; TILE_K]));
    }
}

impl Deref for PackedMatrix {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        // SAFETY: `CacheLine` has the layout of `[u16; TILE_K]`.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * TILE_K) }
    }
}

impl DerefMut for PackedMatrix {
    fn deref_mut(&mut self) -> &mut [u16] {
        let len = self.0.len() * TILE_K;
        // SAFETY: `CacheLine` has the layout of `[u16; TILE_K]`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) }
    }
}

/// The output [MR, NR] of the microkernel.
#[repr(C, align(64))]
pub struct OutputTile(pub [f32; MR * NR]);

impl OutputTile {
    pub const fn new() -> Self {
        Self([0.0; MR * NR])
    }
}

/// Proof that the tile registers of this thread are configured; released on drop.
pub struct TileRegisters(PhantomData<*const ()>);

/// The operand of `ldtilecfg`.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIG: TileConfig = TileConfig {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl TileRegisters {
    /// # Panics
    /// When AMX is not `available`.
    pub fn new() -> Self {
        assert!(available(), "AMX is not available");
        // SAFETY: the process may use AMX; the configuration is valid for palette 1.
        unsafe { std::arch::asm!("ldtilecfg [{}]", in(reg) &CONFIG, options(nostack, readonly)) };
        Self(PhantomData)
    }
}

impl Drop for TileRegisters {
    fn drop(&mut self) {
        // SAFETY: `new` configured the registers of this thread, and `self` is not `Send`.
        unsafe { std::arch::asm!("tilerelease", options(nostack, nomem)) };
    }
}
