//! The microkernel: 32 rows of A times 32 columns of B in four tile registers of sums. The order of the terms
//! within the assembly is the order of summation.
use super::{MR, NR, TILE_LEN, TILE_M, TileRegisters};

/// Loads one term of two A tiles.
macro_rules! load_a {
    ($term:literal) => {
        concat!(
            "tileloadd tmm4, [{a0} + {line}*1 + 1024*",
            $term,
            "]\n",
            "tileloadd tmm5, [{a1} + {line}*1 + 1024*",
            $term,
            "]"
        )
    };
}

/// Loads one term of two B tiles.
macro_rules! load_b {
    ($term:literal) => {
        concat!(
            "tileloadd tmm6, [{b0} + {line}*1 + 1024*",
            $term,
            "]\n",
            "tileloadd tmm7, [{b1} + {line}*1 + 1024*",
            $term,
            "]"
        )
    };
}

/// Adds the products of the loaded tiles to the sums.
macro_rules! multiply {
    () => {
        "tdpbf16ps tmm0, tmm4, tmm6\ntdpbf16ps tmm1, tmm4, tmm7\ntdpbf16ps tmm2, tmm5, tmm6\ntdpbf16ps tmm3, tmm5, tmm7"
    };
}

impl TileRegisters {
    /// 32 rows of A times 32 columns of B to `out[r * stride + c]`. `a` and `b` are two blocks of packed
    /// tiles each, in the order of K, every tile with all its terms; B tiles are `b_step` elements apart.
    /// Products of terms that are smaller than the error of the split are omitted. `ACCUMULATE` adds to the
    /// values in `out`.
    ///
    /// # Panics
    /// When the blocks differ in length, or `out` is too short.
    pub fn microkernel<const A_TERMS: usize, const B_TERMS: usize, const ACCUMULATE: bool>(
        &self,
        a: [&[u16]; 2],
        b: [&[u16]; 2],
        b_step: usize,
        out: &mut [f32],
        stride: usize,
    ) {
        let k_tiles = a[0].len() / (TILE_LEN * A_TERMS);
        assert!(a.iter().all(|block| block.len() == k_tiles * TILE_LEN * A_TERMS) && k_tiles > 0);
        assert!(
            b_step < 1 << 40
                && b.iter().all(|block| block.len() >= (k_tiles - 1) * b_step + TILE_LEN * B_TERMS)
        );
        assert!(stride >= NR && out.len() >= (MR - 1) * stride + NR);
        let out = out.as_mut_ptr();
        macro_rules! run {
            ($($op:expr),*) => {
                if ACCUMULATE {
                    run!(
                        from "tileloadd tmm0, [{c0} + {stride}*1]",
                        "tileloadd tmm1, [{c0} + {stride}*1 + 64]",
                        "tileloadd tmm2, [{c1} + {stride}*1]",
                        "tileloadd tmm3, [{c1} + {stride}*1 + 64]";
                        $($op),*
                    )
                } else {
                    run!(
                        from "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3"; $($op),*
                    )
                }
            };
            (from $($start:literal),*; $($op:expr),*) => {
                // SAFETY: `self` proves that the tile registers are configured; all accesses are in bounds as
                // asserted.
                unsafe {
                    std::arch::asm!(
                        $($start,)*
                        "2:",
                        $($op,)*
                        "add {a0}, {a_bytes}", "add {a1}, {a_bytes}", "add {b0}, {b_bytes}", "add {b1}, {b_bytes}",
                        "dec {k_tiles}",
                        "jnz 2b",
                        "tilestored [{c0} + {stride}*1], tmm0",
                        "tilestored [{c0} + {stride}*1 + 64], tmm1",
                        "tilestored [{c1} + {stride}*1], tmm2",
                        "tilestored [{c1} + {stride}*1 + 64], tmm3",
                        a0 = inout(reg) a[0].as_ptr() => _,
                        a1 = inout(reg) a[1].as_ptr() => _,
                        b0 = inout(reg) b[0].as_ptr() => _,
                        b1 = inout(reg) b[1].as_ptr() => _,
                        k_tiles = inout(reg) k_tiles => _,
                        line = in(reg) 64usize,
                        stride = in(reg) stride * 4,
                        c0 = in(reg) out,
                        c1 = in(reg) out.add(TILE_M * stride),
                        a_bytes = const 2 * TILE_LEN * A_TERMS,
                        b_bytes = in(reg) 2 * b_step,
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                        options(nostack),
                    )
                }
            };
        }
        macro_rules! three_by_two {
            ($($more:expr),*) => {
                run!(
                    load_a!(1), load_b!(1), multiply!(), load_b!(0), multiply!(), load_a!(2), multiply!(),
                    load_a!(0), multiply!(), load_b!(1), multiply!() $(, $more)*
                )
            };
        }
        match (A_TERMS, B_TERMS) {
            (2, 1) => run!(load_b!(0), load_a!(1), multiply!(), load_a!(0), multiply!()),
            (3, 1) => {
                run!(load_b!(0), load_a!(2), multiply!(), load_a!(1), multiply!(), load_a!(0), multiply!())
            }
            (2, 2) => {
                run!(load_a!(1), load_b!(0), multiply!(), load_a!(0), multiply!(), load_b!(1), multiply!())
            }
            (3, 2) => three_by_two!(),
            (3, 3) => three_by_two!(load_b!(2), multiply!()),
            _ => unreachable!("A has two or three terms, B one to as many"),
        }
    }
}
