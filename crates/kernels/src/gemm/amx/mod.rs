//! Products of matrices on the tiles of Intel's AMX: 16 rows of 32 bf16 numbers meet 16 columns of as many, summed in f32.
//!
//! Numbers that bf16 does not hold are given in two parts, what bf16 holds and what bf16 holds of the rest: 16 bits of each number
//! stay. With what bf16 holds of the second rest as a third part all 24 do. Linux only, because a process has to ask for the tiles and
//! other systems are asked otherwise.

pub mod gemm;
mod microkernel;
pub mod output;
pub mod pack;
mod tile;

use std::sync::OnceLock;

pub use tile::{Packed, Square, Tiles};

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
    has && crate::simd_math::has_avx512()
        && std::is_x86_feature_detected!("avx512bf16")
        && unsafe { libc::syscall(libc::SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) } == 0
}
