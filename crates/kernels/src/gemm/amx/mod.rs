//! Matrix products on Intel AMX: a tile instruction multiplies 16 rows of 32 bf16 values with 16 columns of
//! 32 and adds to 16 x 16 f32 sums.
//!
//! An f32 value is split into bf16 terms: two terms keep 16 bits of its mantissa, three keep all 24. Linux
//! only: the process must request the tile registers, and other systems have other interfaces for that.
pub mod gemm;
mod microkernel;
pub mod pack;
mod tile;

use std::sync::OnceLock;

#[cfg(target_os = "linux")]
use formats::Isa;

pub use tile::{OutputTile, PackedMatrix, TileRegisters};

/// Rows of an A tile and of a tile of sums.
pub const TILE_M: usize = 16;
/// Columns of a B tile and of a tile of sums.
pub const TILE_N: usize = 16;
/// Elements of a row or column that one instruction multiplies.
pub const TILE_K: usize = 32;
/// Elements of a packed A or B tile.
pub const TILE_LEN: usize = TILE_M * TILE_K;
/// Rows of the microkernel's output.
pub const MR: usize = 2 * TILE_M;
/// Columns of the microkernel's output.
pub const NR: usize = 2 * TILE_N;

/// Whether the process may use AMX; requests it from the system on the first call.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(request)
}

#[cfg(not(target_os = "linux"))]
fn request() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn request() -> bool {
    use std::arch::x86_64::{__cpuid_count, __get_cpuid_max};
    const AMX_TILE_AND_BF16: u32 = 1 << 24 | 1 << 22;
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    #[allow(unused_unsafe, reason = "cpuid became safe in newer compilers")]
    // SAFETY: every x86-64 processor has cpuid.
    let has_amx = unsafe {
        __get_cpuid_max(0).0 >= 7 && __cpuid_count(7, 0).edx & AMX_TILE_AND_BF16 == AMX_TILE_AND_BF16
    };
    // SAFETY: the call passes no pointers; a kernel without it returns an error.
    has_amx
        && Isa::detect() >= Isa::Avx512
        && std::is_x86_feature_detected!("avx512bf16")
        && unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) } == 0
}
