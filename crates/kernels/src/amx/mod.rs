//! Products of matrices on the tiles of Intel's AMX: 16 rows of 32 bf16 numbers meet 16 columns of as many, summed in f32.
//!
//! Numbers that bf16 does not hold are given in two parts, what bf16 holds and what bf16 holds of the rest: 16 bits of each number
//! stay. With what bf16 holds of the second rest as a third part all 24 do. Linux only, because a process has to ask for the tiles and
//! other systems are asked otherwise.

pub mod pack;
pub mod places;
pub mod product;

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use crate::pages;

/// Rows and columns of a tile of results.
pub const SIDE: usize = 16;
/// Numbers of a row that one instruction takes.
pub const DEPTH: usize = 32;
/// Numbers of a packed tile.
pub const TILE: usize = SIDE * DEPTH;
/// Rows and columns that `Tiles::square` makes.
pub const SQUARE: usize = 2 * SIDE;

/// Whether this process may use the tiles; asks the system once.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(granted)
}

#[cfg(not(target_os = "linux"))]
fn granted() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn granted() -> bool {
    use std::arch::x86_64::{__cpuid_count, __get_cpuid_max};
    const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
    /// `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`
    const ASK_FOR_STATE: libc::c_ulong = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    #[allow(unused_unsafe, reason = "cpuid became safe in newer compilers")]
    // SAFETY: every x86-64 processor has cpuid.
    let has =
        unsafe { __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & TILES_AND_BF16 == TILES_AND_BF16 };
    // SAFETY: the call has no pointers; a system that does not know it answers with an error.
    has && crate::lanes::has_avx512()
        && std::is_x86_feature_detected!("avx512bf16")
        && unsafe { libc::syscall(libc::SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) } == 0
}

/// Packed numbers. They begin where a line of the processor's cache begins: else every row of a tile lies in two lines.
#[derive(Default)]
pub struct Packed(Vec<Line>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u16; DEPTH]);

impl Packed {
    /// Numbers that come are zero; those that stay are as they were.
    pub fn resize(&mut self, numbers: usize) {
        pages::resize(&mut self.0, numbers / DEPTH, Line([0; DEPTH]));
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

/// Loads one part of two tiles of rows.
macro_rules! rows {
    ($part:literal) => {
        concat!(
            "tileloadd tmm4, [{a0} + {line}*1 + 1024*",
            $part,
            "]\n",
            "tileloadd tmm5, [{a1} + {line}*1 + 1024*",
            $part,
            "]"
        )
    };
}

/// Loads one part of two tiles of columns.
macro_rules! columns {
    ($part:literal) => {
        concat!(
            "tileloadd tmm6, [{b0} + {line}*1 + 1024*",
            $part,
            "]\n",
            "tileloadd tmm7, [{b1} + {line}*1 + 1024*",
            $part,
            "]"
        )
    };
}

/// Multiplies what was loaded.
macro_rules! meet {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6\ntdpbf16ps tmm1, tmm4, tmm7\ntdpbf16ps tmm2, tmm5, tmm6\ntdpbf16ps tmm3, tmm5, tmm7"
    };
}

impl Tiles {
    /// # Panics
    /// When the tiles are not `available`.
    pub fn new() -> Self {
        assert!(available(), "AMX was not asked for");
        // SAFETY: the process has the tiles; the shape is one of palette 1.
        unsafe { std::arch::asm!("ldtilecfg [{}]", in(reg) &SHAPE, options(nostack, readonly)) };
        Self(PhantomData)
    }

    /// 32 rows times 32 columns, `out[r * stride + c]`. `rows` and `columns` are two runs of packed tiles each, tile after tile
    /// along the depth, with `TERMS` parts of each tile beside each other; those of columns are `step` numbers apart. Products of
    /// parts that are smaller than what the parts leave out are not made. With `MORE` the products are added to what is in `out`.
    ///
    /// # Panics
    /// When a run is shorter than another, or `out` too short.
    pub fn square<const ROW_TERMS: usize, const COLUMN_TERMS: usize, const MORE: bool>(
        &self,
        rows: [&[u16]; 2],
        columns: [&[u16]; 2],
        step: usize,
        out: &mut [f32],
        stride: usize,
    ) {
        let depth = rows[0].len() / (TILE * ROW_TERMS);
        assert!(rows.iter().all(|run| run.len() == depth * TILE * ROW_TERMS) && depth > 0);
        assert!(
            step < 1 << 40 && columns.iter().all(|run| run.len() >= (depth - 1) * step + TILE * COLUMN_TERMS)
        );
        assert!(stride >= SQUARE && out.len() >= (SQUARE - 1) * stride + SQUARE);
        let out = out.as_mut_ptr();
        macro_rules! product {
            ($($step:expr),*) => {
                if MORE {
                    product!(
                        from "tileloadd tmm0, [{c0} + {stride}*1]",
                        "tileloadd tmm1, [{c0} + {stride}*1 + 64]",
                        "tileloadd tmm2, [{c1} + {stride}*1]",
                        "tileloadd tmm3, [{c1} + {stride}*1 + 64]";
                        $($step),*
                    )
                } else {
                    product!(
                        from "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3"; $($step),*
                    )
                }
            };
            (from $($start:literal),*; $($step:expr),*) => {
                // SAFETY: tiles are in order, as `self` proves; what is read and written was measured above.
                unsafe {
                    std::arch::asm!(
                        $($start,)*
                        "2:",
                        $($step,)*
                        "add {a0}, {a_step}", "add {a1}, {a_step}", "add {b0}, {b_step}", "add {b1}, {b_step}",
                        "dec {depth}",
                        "jnz 2b",
                        "tilestored [{c0} + {stride}*1], tmm0",
                        "tilestored [{c0} + {stride}*1 + 64], tmm1",
                        "tilestored [{c1} + {stride}*1], tmm2",
                        "tilestored [{c1} + {stride}*1 + 64], tmm3",
                        a0 = inout(reg) rows[0].as_ptr() => _,
                        a1 = inout(reg) rows[1].as_ptr() => _,
                        b0 = inout(reg) columns[0].as_ptr() => _,
                        b1 = inout(reg) columns[1].as_ptr() => _,
                        depth = inout(reg) depth => _,
                        line = in(reg) 64usize,
                        stride = in(reg) stride * 4,
                        c0 = in(reg) out,
                        c1 = in(reg) out.add(SIDE * stride),
                        a_step = const 2 * TILE * ROW_TERMS,
                        b_step = in(reg) 2 * step,
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                        options(nostack),
                    )
                }
            };
        }
        macro_rules! three_with_two {
            ($($more:expr),*) => {
                product!(
                    rows!(1), columns!(1), meet!(), columns!(0), meet!(), rows!(2), meet!(), rows!(0), meet!(),
                    columns!(1), meet!() $(, $more)*
                )
            };
        }
        match (ROW_TERMS, COLUMN_TERMS) {
            (2, 1) => product!(columns!(0), rows!(1), meet!(), rows!(0), meet!()),
            (3, 1) => product!(columns!(0), rows!(2), meet!(), rows!(1), meet!(), rows!(0), meet!()),
            (2, 2) => product!(rows!(1), columns!(0), meet!(), rows!(0), meet!(), columns!(1), meet!()),
            (3, 2) => three_with_two!(),
            (3, 3) => three_with_two!(columns!(2), meet!()),
            _ => unreachable!("two or three parts of rows, one to as many of columns"),
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the thread has tiles to give back.
        unsafe { std::arch::asm!("tilerelease", options(nostack, nomem)) };
    }
}
