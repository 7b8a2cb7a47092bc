//! The innermost product.
use super::{SIDE, SQUARE, TILE, Tiles};

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
