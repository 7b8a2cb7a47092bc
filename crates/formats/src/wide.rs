//! The formats that models are mostly published in, in the vector registers of x86: decoded into memory, or multiplied on
//! their way.
mod bytes;
mod layouts;
mod width;

use layouts::Layout;
use width::{Eight, Sixteen, Width};

use crate::{Dtype, LANES, fetch};

/// Decodes, or says that this format has no wide form or this processor no wide registers.
pub fn decode(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> bool {
    run_here(dtype, Decode { dtype, bytes, out }).is_some()
}

/// See [`crate::lane_sums`].
pub fn lane_sums<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    ahead: usize,
) -> Option<[[[f32; LANES]; M]; N]> {
    run_here(dtype, LaneSums { x, rows, ahead })
}

fn run_here<Done>(
    dtype: Dtype,
    job: impl Job<Sixteen, Done = Done> + Job<Eight, Done = Done>,
) -> Option<Done> {
    match Sixteen::here() {
        Some(sixteen) => sixteen.run(dtype, job),
        None => Eight::here()?.run(dtype, job),
    }
}

/// What becomes of a block's numbers.
trait Sink<W: Width> {
    /// Sixteen numbers, run number `run` of the block. The runs come in their order.
    fn take(&mut self, run: usize, numbers: W::Numbers);
}

/// Something that is done with the blocks of any format.
trait Job<W: Width> {
    type Done;
    fn of<const BYTES: usize, const LEN: usize, L: Layout<BYTES, LEN>>(
        self,
        width: W,
        layout: L,
    ) -> Self::Done;
}

#[inline(always)]
fn with_layout<W: Width, J: Job<W>>(width: W, dtype: Dtype, job: J) -> Option<J::Done> {
    Some(match dtype {
        Dtype::F32 => job.of(width, layouts::F32),
        Dtype::F16 => job.of(width, layouts::F16),
        Dtype::BF16 => job.of(width, layouts::Bf16),
        Dtype::Q4_0 => job.of(width, layouts::Q4_0),
        Dtype::Q4_1 => job.of(width, layouts::Q4_1),
        Dtype::Q5_0 => job.of(width, layouts::Q5_0),
        Dtype::Q5_1 => job.of(width, layouts::Q5_1),
        Dtype::Q8_0 => job.of(width, layouts::Q8_0),
        Dtype::MXFP4 => job.of(width, layouts::Mxfp4),
        Dtype::IQ4NL => job.of(width, layouts::Iq4Nl),
        Dtype::IQ4XS => job.of(width, layouts::Iq4Xs),
        Dtype::Q2K => job.of(width, layouts::Q2K),
        Dtype::Q3K => job.of(width, layouts::Q3K),
        Dtype::Q4K => job.of(width, layouts::Q4K),
        Dtype::Q5K => job.of(width, layouts::Q5K),
        Dtype::Q6K => job.of(width, layouts::Q6K),
        _ => return None,
    })
}

struct Decode<'a> {
    dtype: Dtype,
    bytes: &'a [u8],
    out: &'a mut [f32],
}

struct Out<'a, W, const LEN: usize> {
    width: W,
    numbers: &'a mut [f32; LEN],
}

impl<W: Width> Job<W> for Decode<'_> {
    type Done = ();

    #[inline(always)]
    fn of<const BYTES: usize, const LEN: usize, L: Layout<BYTES, LEN>>(self, width: W, _: L) {
        let (blocks, rest) = self.bytes.as_chunks::<BYTES>();
        let (numbers, rest_out) = self.out.as_chunks_mut::<LEN>();
        for (block, numbers) in blocks.iter().zip(numbers) {
            L::decode(width, block, &mut Out { width, numbers });
        }
        crate::decode_plain(self.dtype, rest, rest_out);
    }
}

impl<W: Width, const LEN: usize> Sink<W> for Out<'_, W, LEN> {
    #[inline(always)]
    fn take(&mut self, run: usize, numbers: W::Numbers) {
        self.numbers.as_chunks_mut().0[run] = self.width.store(numbers);
    }
}

struct LaneSums<'a, const M: usize, const N: usize> {
    x: [&'a [f32]; M],
    rows: [&'a [u8]; N],
    ahead: usize,
}

/// Running sums of one row.
struct Products<'a, W: Width, const LEN: usize, const M: usize> {
    width: W,
    x: [&'a [f32; LEN]; M],
    sums: [W::Numbers; M],
}

impl<W: Width, const M: usize, const N: usize> Job<W> for LaneSums<'_, M, N> {
    type Done = [[[f32; LANES]; M]; N];

    #[inline(always)]
    fn of<const BYTES: usize, const LEN: usize, L: Layout<BYTES, LEN>>(self, width: W, _: L) -> Self::Done {
        let count = self.x.iter().map(|x| x.len() / LEN);
        let count = count.chain(self.rows.iter().map(|row| row.len() / BYTES)).min().unwrap_or(0);
        // Cut to one length, so that the compiler sees that no index is beyond it.
        let x = self.x.map(|x| &x.as_chunks::<LEN>().0[..count]);
        let rows = self.rows.map(|row| &row.as_chunks::<BYTES>().0[..count]);
        let mut sums = [[width.zeros(); M]; N];
        for at in 0..count {
            for n in 0..N {
                let block = &rows[n][at];
                fetch(block, self.ahead);
                // By value, so that the sums of a block stay in registers.
                let mut products = Products { width, x: x.map(|x| &x[at]), sums: sums[n] };
                L::decode(width, block, &mut products);
                sums[n] = products.sums;
            }
        }
        sums.map(|sums| sums.map(|sums| width.store(sums)))
    }
}

impl<W: Width, const LEN: usize, const M: usize> Sink<W> for Products<'_, W, LEN, M> {
    #[inline(always)]
    fn take(&mut self, run: usize, numbers: W::Numbers) {
        for m in 0..M {
            let x = self.width.load(&self.x[m].as_chunks().0[run]);
            self.sums[m] = self.width.fused(x, numbers, self.sums[m]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes and how many numbers they are; not whole registers of the dense formats.
    fn bytes_of(dtype: Dtype) -> (Vec<u8>, usize) {
        let mut state = 1u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let count = (dtype.block_len() * 40).max(256) + if dtype.block_len() == 1 { 13 } else { 0 };
        ((0..dtype.bytes_of(count).unwrap()).map(|_| byte()).collect(), count)
    }

    fn equal(dtype: Dtype, plain: &[f32], wide: &[f32]) {
        for (at, (plain, wide)) in plain.iter().zip(wide).enumerate() {
            let same = plain.to_bits() == wide.to_bits() || plain.is_nan() && wide.is_nan();
            assert!(same, "{dtype:?} at {at}: {plain} {wide}");
        }
    }

    fn check<W: Width>(width: W) {
        for &dtype in Dtype::ALL {
            let (bytes, count) = bytes_of(dtype);
            let mut plain = vec![0.0f32; count];
            crate::decode_plain(dtype, &bytes, &mut plain);
            let mut out = vec![0.0f32; count];
            let Some(()) = width.run(dtype, Decode { dtype, bytes: &bytes, out: &mut out }) else { continue };
            equal(dtype, &plain, &out);

            let x: [Vec<f32>; 2] =
                [3, 5].map(|step| (0..count).map(|at| (at * step % 17) as f32 - 8.0).collect());
            let job = LaneSums { x: x.each_ref().map(Vec::as_slice), rows: [&bytes[..]; 2], ahead: 64 };
            let sums = width.run(dtype, job).expect("what is decoded is multiplied");
            for (x, sums) in x.iter().zip(&sums[1]) {
                let mut slow = [0.0f32; LANES];
                for (x, row) in x.as_chunks::<LANES>().0.iter().zip(plain.as_chunks::<LANES>().0) {
                    for lane in 0..LANES {
                        slow[lane] = x[lane].mul_add(row[lane], slow[lane]);
                    }
                }
                equal(dtype, &slow, sums);
            }
        }
    }

    #[test]
    fn wide_and_plain_give_the_same_bits() {
        if let Some(eight) = Eight::here() {
            check(eight);
        }
        if let Some(sixteen) = Sixteen::here() {
            check(sixteen);
        }
    }
}
