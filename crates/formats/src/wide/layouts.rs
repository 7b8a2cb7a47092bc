//! How each format lays its numbers into a block, sixteen numbers after another. Every operation is the plain decoder's and is
//! rounded by itself, so the numbers are the same to the last bit; where a code is moved before it becomes a float here and
//! after it there, or a product is not rounded before something is taken from it, both are exact.
//!
//! All is inlined always, so that each is compiled with the instructions of the width it is used with; in loops, because what a
//! closure holds stays behind when it is given to another function.
use super::Sink;
use super::bytes::Bytes;
use super::width::Width;
use crate::LANES;
use crate::blocks::{E2M1, NON_LINEAR, half_of_e8m0};
use crate::superblocks::{iq4_xs_scales, q3_k_scales, scales_and_minima};

/// Blocks of so many bytes that hold so many numbers.
pub trait Layout<const BYTES: usize, const LEN: usize> {
    /// Gives the numbers in their order.
    fn decode<W: Width>(width: W, block: &[u8; BYTES], sink: &mut impl Sink<W>);
}

/// The values of codes that count from 0, and from -8.
const COUNTED: [i8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const AROUND_EIGHT: [i8; 16] = [-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7];

pub struct F32;
pub struct F16;
pub struct Bf16;
pub struct Q4_0;
pub struct Q4_1;
pub struct Q5_0;
pub struct Q5_1;
pub struct Q8_0;
pub struct Mxfp4;
pub struct Iq4Nl;
pub struct Iq4Xs;
pub struct Q2K;
pub struct Q3K;
pub struct Q4K;
pub struct Q5K;
pub struct Q6K;

impl Layout<64, LANES> for F32 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 64], sink: &mut impl Sink<W>) {
        let numbers = block.as_chunks::<4>().0.first_chunk::<LANES>().expect("four bytes each");
        sink.take(0, width.load(&numbers.map(f32::from_le_bytes)));
    }
}

impl Layout<32, LANES> for F16 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 32], sink: &mut impl Sink<W>) {
        sink.take(0, width.f16(block));
    }
}

impl Layout<32, LANES> for Bf16 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 32], sink: &mut impl Sink<W>) {
        sink.take(0, width.bf16(block));
    }
}

impl Layout<18, 32> for Q4_0 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 18], sink: &mut impl Sink<W>) {
        let table = width.scaled_table(&AROUND_EIGHT, width.half_at(block, 0));
        looked_up(width, Bytes::of(block, 2), table, 0, sink);
    }
}

impl Layout<20, 32> for Q4_1 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 20], sink: &mut impl Sink<W>) {
        let table = width.table(&COUNTED, width.half_at(block, 0), width.negated_half_at(block, 2));
        looked_up(width, Bytes::of(block, 4), table, 0, sink);
    }
}

impl Layout<22, 32> for Q5_0 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 22], sink: &mut impl Sink<W>) {
        let scale = width.half_at(block, 0);
        let [low, high] = Bytes::of(block, 6).nibbles();
        sink.take(0, width.scaled(width.more_where(!bits_at(block, 2), low, -16), scale));
        sink.take(1, width.scaled(width.more_where(!bits_at(block, 4), high, -16), scale));
    }
}

impl Layout<24, 32> for Q5_1 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 24], sink: &mut impl Sink<W>) {
        let (scale, less) = (width.half_at(block, 0), width.negated_half_at(block, 2));
        let [low, high] = Bytes::of(block, 8).nibbles();
        sink.take(0, width.less_min(width.more_where(bits_at(block, 4), low, 16), scale, less));
        sink.take(1, width.less_min(width.more_where(bits_at(block, 6), high, 16), scale, less));
    }
}

impl Layout<34, 32> for Q8_0 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 34], sink: &mut impl Sink<W>) {
        let scale = width.half_at(block, 0);
        sink.take(0, width.scaled(Bytes::of(block, 2), scale));
        sink.take(1, width.scaled(Bytes::of(block, 18), scale));
    }
}

impl Layout<17, 32> for Mxfp4 {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 17], sink: &mut impl Sink<W>) {
        let table = width.scaled_table(&E2M1, width.all(half_of_e8m0(block[0])));
        looked_up(width, Bytes::of(block, 1), table, 0, sink);
    }
}

impl Layout<18, 32> for Iq4Nl {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 18], sink: &mut impl Sink<W>) {
        let table = width.scaled_table(&NON_LINEAR, width.half_at(block, 0));
        looked_up(width, Bytes::of(block, 2), table, 0, sink);
    }
}

impl Layout<136, 256> for Iq4Xs {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 136], sink: &mut impl Sink<W>) {
        let scales = width.scales(Bytes::new(&iq4_xs_scales(block)).minus(32), width.half_at(block, 0));
        for (run, scale) in in_memory(&scales).iter().enumerate().take(8) {
            let codes = Bytes::of(block, 8 + run * 16);
            looked_up(width, codes, width.scaled_table(&NON_LINEAR, width.all(*scale)), 2 * run, sink);
        }
    }
}

impl Layout<84, 256> for Q2K {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 84], sink: &mut impl Sink<W>) {
        let [scales, minima] = Bytes::of(block, 0).nibbles();
        let scales = width.scales(scales, width.half_at(block, 80));
        let minima = width.scales(minima, width.half_at(block, 82));
        let (scales, minima) = (in_memory(&scales), in_memory(&minima));
        for run in 0..16 {
            let codes = Bytes::of(block, 16 + run / 8 * 32 + run % 2 * 16).right(run % 8 / 2 * 2).and(3);
            sink.take(run, width.less_min(codes, width.all(scales[run]), width.all(minima[run])));
        }
    }
}

impl Layout<110, 256> for Q3K {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 110], sink: &mut impl Sink<W>) {
        let scales = Bytes::new(&q3_k_scales(block)).minus(32);
        let scales = width.scales(scales, width.half_at(block, 108));
        for (run, scale) in in_memory(&scales).iter().enumerate() {
            let side = run % 2 * 16;
            let low = Bytes::of(block, 32 + run / 8 * 32 + side).right(run % 8 / 2 * 2).and(3);
            let third = Bytes::of(block, side).right(run / 2).and(1);
            let codes = low.or(third.left(2)).minus(4);
            sink.take(run, width.scaled(codes, width.all(*scale)));
        }
    }
}

impl Layout<144, 256> for Q4K {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 144], sink: &mut impl Sink<W>) {
        let (scales, minima) = scales_and_minima_of(width, block);
        let (scales, minima) = (in_memory(&scales), in_memory(&minima));
        for pair in 0..4 {
            let (low, high) = (2 * pair, 2 * pair + 1);
            let low = width.table(&COUNTED, width.all(scales[low]), width.all(minima[low]));
            let tables = [low, width.table(&COUNTED, width.all(scales[high]), width.all(minima[high]))];
            let first = width.looked_up(Bytes::of(block, 16 + pair * 32), tables);
            let second = width.looked_up(Bytes::of(block, 32 + pair * 32), tables);
            for half in 0..2 {
                sink.take(pair * 4 + 2 * half, first[half]);
                sink.take(pair * 4 + 2 * half + 1, second[half]);
            }
        }
    }
}

impl Layout<176, 256> for Q5K {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 176], sink: &mut impl Sink<W>) {
        let (scales, minima) = scales_and_minima_of(width, block);
        let (scales, minima) = (in_memory(&scales), in_memory(&minima));
        let high = width.bytes(block, 16);
        for run in 0..8 {
            let low = width.bytes(block, 48 + run / 2 * 32).bits(run % 2 * 4, 15, 0);
            let codes = low.or(high.bits(run, 1, 4)).halves();
            let (scale, min) = (width.all(scales[run]), width.all(minima[run]));
            sink.take(2 * run, width.less_min(codes[0], scale, min));
            sink.take(2 * run + 1, width.less_min(codes[1], scale, min));
        }
    }
}

impl Layout<210, 256> for Q6K {
    #[inline(always)]
    fn decode<W: Width>(width: W, block: &[u8; 210], sink: &mut impl Sink<W>) {
        let scales = width.scales(Bytes::of(block, 192), width.half_at(block, 208));
        let scales = in_memory(&scales);
        for quarter in 0..8 {
            // 128 numbers share 64 low bytes and 32 high ones: four quarters of 32.
            let (half, within) = (quarter / 4, quarter % 4);
            let low = width.bytes(block, half * 64 + within % 2 * 32).bits(within / 2 * 4, 15, 0);
            let high = width.bytes(block, 128 + half * 32).bits(within * 2, 3, 4);
            let codes = low.or(high).minus(32).halves();
            for (side, codes) in codes.into_iter().enumerate() {
                let run = 2 * quarter + side;
                sink.take(run, width.scaled(codes, width.all(scales[run])));
            }
        }
    }
}

/// Sixteen bits of a block, the first one lowest.
#[inline(always)]
fn bits_at<const LEN: usize>(block: &[u8; LEN], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}

/// The scales and minima of the eight runs of Q4_K and Q5_K.
#[inline(always)]
fn scales_and_minima_of<const LEN: usize>(width: impl Width, block: &[u8; LEN]) -> ([f32; 16], [f32; 16]) {
    let [scales, minima] =
        scales_and_minima(block[4..].first_chunk().expect("a block has 12 bytes of scales"));
    (
        width.scales(Bytes::eight(scales), width.half_at(block, 0)),
        width.scales(Bytes::eight(minima), width.half_at(block, 2)),
    )
}

/// From memory a scale comes into a whole register at no cost, while the compiler, which sees through what it has just stored, would
/// move it about in registers twice.
#[inline(always)]
fn in_memory(scales: &[f32; 16]) -> &[f32; 16] {
    std::hint::black_box(scales)
}

/// Sixteen bytes, each two codes into `table`: two runs from `run` on.
#[inline(always)]
fn looked_up<W: Width>(width: W, codes: Bytes, table: W::Table, run: usize, sink: &mut impl Sink<W>) {
    let [low, high] = width.looked_up(codes, [table; 2]);
    sink.take(run, low);
    sink.take(run + 1, high);
}
