//! Packed matrices, and the tile registers of a thread.
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::{DEPTH, SQUARE, available};
use crate::huge_pages;

/// Packed numbers. They begin where a line of the processor's cache begins: else every row of a tile lies in two lines.
#[derive(Default)]
pub struct Packed(Vec<Line>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u16; DEPTH]);

impl Packed {
    /// Numbers that come are zero; those that stay are as they were.
    pub fn resize(&mut self, numbers: usize) {
        huge_pages::resize(&mut self.0, numbers / DEPTH, Line([0; DEPTH]));
    }
}

impl Deref for Packed {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        // SAFETY: a line is its numbers and nothing else.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * DEPTH) }
    }
}

impl DerefMut for Packed {
    fn deref_mut(&mut self) -> &mut [u16] {
        let count = self.0.len() * DEPTH;
        // SAFETY: a line is its numbers and nothing else.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), count) }
    }
}

/// What `Tiles::square` writes.
#[repr(C, align(64))]
pub struct Square(pub [f32; SQUARE * SQUARE]);

impl Square {
    pub const fn new() -> Self {
        Self([0.0; SQUARE * SQUARE])
    }
}

/// A thread that has its tiles in order, until this is dropped.
pub struct Tiles(PhantomData<*const ()>);

#[repr(C, align(64))]
struct Shape {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static SHAPE: Shape = Shape {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Tiles {
    /// # Panics
    /// When the tiles are not `available`.
    pub fn new() -> Self {
        assert!(available(), "AMX was not asked for");
        // SAFETY: the process has the tiles; the shape is one of palette 1.
        unsafe { std::arch::asm!("ldtilecfg [{}]", in(reg) &SHAPE, options(nostack, readonly)) };
        Self(PhantomData)
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the thread has tiles to give back.
        unsafe { std::arch::asm!("tilerelease", options(nostack, nomem)) };
    }
}
