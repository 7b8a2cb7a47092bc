//! The definition of a product in whole numbers, for any processor. Each block is taken apart into codes,
//! scales and offsets; `x86` must give the same bits.
use super::{PlaneBlock, SUMS, WIDE, total};
use crate::blocks::{KVALUES_IQ4NL, KVALUES_MXFP4, e8m0_to_half_f32};
use crate::superblocks::{q3_k_scales, unpack_scales_mins};
use crate::{Dtype, f16_at};

/// 256 values `scale * scales[i / 16] * codes[i] - offset * offsets[i / 16]`.
struct SuperBlock {
    codes: [u8; WIDE],
    scales: [i16; 16],
    scale: f32,
    offsets: [i16; 16],
    offset: f32,
}

/// 32 values `scale * codes[i] - offset`.
struct Block {
    codes: [u8; 32],
    scale: f32,
    offset: f32,
}

pub fn dot(dtype: Dtype, x: &[PlaneBlock], row: &[u8]) -> f32 {
    match dtype {
        Dtype::Q4_0 => {
            dot_blocks(x, row, |block: &[u8; 18]| small(nibbles(&block[2..]), f16_at(block, 0), 8))
        }
        Dtype::Q4_1 => dot_blocks(x, row, |block: &[u8; 20]| Block {
            codes: nibbles(&block[4..]),
            scale: f16_at(block, 0),
            offset: -f16_at(block, 2),
        }),
        Dtype::Q5_0 => dot_blocks(x, row, |block: &[u8; 22]| {
            small(fifth_bits(nibbles(&block[6..]), &block[2..6]), f16_at(block, 0), 16)
        }),
        Dtype::Q5_1 => dot_blocks(x, row, |block: &[u8; 24]| Block {
            codes: fifth_bits(nibbles(&block[8..]), &block[4..8]),
            scale: f16_at(block, 0),
            offset: -f16_at(block, 2),
        }),
        Dtype::Q8_0 => dot_blocks(x, row, |block: &[u8; 34]| {
            small(std::array::from_fn(|at| block[2 + at] ^ 0x80), f16_at(block, 0), 128)
        }),
        Dtype::IQ4NL => dot_blocks(x, row, |block: &[u8; 18]| {
            let codes = nibbles(&block[2..]).map(|code| KVALUES_IQ4NL[usize::from(code)] as u8 ^ 0x80);
            small(codes, f16_at(block, 0), 128)
        }),
        Dtype::MXFP4 => dot_blocks(x, row, |block: &[u8; 17]| {
            let codes = nibbles(&block[1..]).map(|code| (KVALUES_MXFP4[usize::from(code)] + 12) as u8);
            small(codes, e8m0_to_half_f32(block[0]), 12)
        }),
        Dtype::Q2K => dot_super_blocks(x, row, q2_k),
        Dtype::Q3K => dot_super_blocks(x, row, q3_k),
        Dtype::Q4K => dot_super_blocks(x, row, q4_k),
        Dtype::Q5K => dot_super_blocks(x, row, q5_k),
        Dtype::Q6K => dot_super_blocks(x, row, q6_k),
        other => panic!("rows of {} are not multiplied in whole numbers", other.name()),
    }
}

fn dot_super_blocks<const BYTES: usize>(
    x: &[PlaneBlock],
    row: &[u8],
    unpack: impl Fn(&[u8; BYTES]) -> SuperBlock,
) -> f32 {
    let mut sums = [0.0f32; SUMS];
    for (x, block) in x.iter().zip(row.as_chunks::<BYTES>().0) {
        let block = unpack(block);
        let mut planes = [[0i32; SUMS]; 2];
        for at in 0..WIDE {
            let weight = i32::from(block.codes[at]) * i32::from(block.scales[at / 16]);
            planes[0][at / 4 % SUMS] += weight * i32::from(x.high[at]);
            planes[1][at / 4 % SUMS] += weight * i32::from(x.low[at]);
        }
        for at in 0..SUMS {
            let sum = (planes[0][at] as f32).mul_add(256.0, planes[1][at] as f32);
            sums[at] = sum.mul_add(block.scale * x.scale, sums[at]);
            let side = |side: usize| i32::from(block.offsets[2 * at + side]) * x.side_sums[side][at];
            sums[at] = ((side(0) + side(1)) as f32).mul_add(-(block.offset * x.scale), sums[at]);
        }
    }
    total(sums)
}

fn dot_blocks<const BYTES: usize>(
    x: &[PlaneBlock],
    row: &[u8],
    unpack: impl Fn(&[u8; BYTES]) -> Block,
) -> f32 {
    // Every second block has sums of its own: a wide register holds two.
    let mut sums = [[0.0f32; SUMS]; 2];
    for (x, blocks) in x.iter().zip(row.as_chunks::<BYTES>().0.chunks(8)) {
        let mut offsets = [0.0; SUMS];
        for (at, block) in blocks.iter().enumerate() {
            let block = unpack(block);
            let mut whole = [0i32; SUMS];
            for (column, &code) in block.codes.iter().enumerate() {
                let (high, low) = (x.high[32 * at + column], x.low[32 * at + column]);
                whole[column / 4] += i32::from(code) * (256 * i32::from(high) + i32::from(low));
            }
            for (sum, whole) in sums[at % 2].iter_mut().zip(whole) {
                *sum = (whole as f32).mul_add(block.scale * x.scale, *sum);
            }
            offsets[at] = block.offset;
        }
        for at in 0..SUMS {
            sums[0][at] = (x.sums[at] as f32).mul_add(-(offsets[at] * x.scale), sums[0][at]);
        }
    }
    total(std::array::from_fn(|at| sums[0][at] + sums[1][at]))
}

/// Codes of which `zero` is the value 0.
fn small(codes: [u8; 32], scale: f32, zero: u8) -> Block {
    Block { codes, scale, offset: scale * f32::from(zero) }
}

/// The low nibbles of 16 bytes, then the high ones.
fn nibbles(bytes: &[u8]) -> [u8; 32] {
    std::array::from_fn(|at| bytes[at % 16] >> (at / 16 * 4) & 15)
}

fn fifth_bits(codes: [u8; 32], bits: &[u8]) -> [u8; 32] {
    std::array::from_fn(|at| codes[at] | (bits[at / 8] >> (at % 8) & 1) << 4)
}

fn q2_k(block: &[u8; 84]) -> SuperBlock {
    SuperBlock {
        codes: std::array::from_fn(|at| block[16 + at / 128 * 32 + at % 32] >> (at % 128 / 32 * 2) & 3),
        scales: std::array::from_fn(|at| i16::from(block[at] & 15)),
        scale: f16_at(block, 80),
        offsets: std::array::from_fn(|at| i16::from(block[at] >> 4)),
        offset: f16_at(block, 82),
    }
}

fn q3_k(block: &[u8; 110]) -> SuperBlock {
    let scales = q3_k_scales(block).map(|scale| i16::from(scale) - 32);
    let scale = f16_at(block, 108);
    let code = |at: usize| {
        let low = block[32 + at / 128 * 32 + at % 32] >> (at % 128 / 32 * 2) & 3;
        low | (block[at % 32] >> (at / 32) & 1) << 2
    };
    SuperBlock { codes: std::array::from_fn(code), scales, scale, offsets: scales, offset: 4.0 * scale }
}

fn q4_k(block: &[u8; 144]) -> SuperBlock {
    let codes = std::array::from_fn(|at| block[16 + at / 64 * 32 + at % 32] >> (at / 32 % 2 * 4) & 15);
    with_mins(block, codes)
}

fn q5_k(block: &[u8; 176]) -> SuperBlock {
    let code = |at: usize| {
        let low = block[48 + at / 64 * 32 + at % 32] >> (at / 32 % 2 * 4) & 15;
        low | (block[16 + at % 32] >> (at / 32) & 1) << 4
    };
    with_mins(block, std::array::from_fn(code))
}

/// The scales and minimums of Q4_K and Q5_K.
fn with_mins(block: &[u8], codes: [u8; WIDE]) -> SuperBlock {
    let packed = block[4..].first_chunk().expect("a block has 12 bytes of scales");
    let [scales, offsets] =
        unpack_scales_mins(packed).map(|of_32| std::array::from_fn(|at| i16::from(of_32[at / 2])));
    SuperBlock { codes, scales, scale: f16_at(block, 0), offsets, offset: f16_at(block, 2) }
}

fn q6_k(block: &[u8; 210]) -> SuperBlock {
    let code = |at: usize| {
        let (half, quarter) = (at / 128, at % 128 / 32);
        let low = block[half * 64 + quarter % 2 * 32 + at % 32] >> (quarter / 2 * 4) & 15;
        low | (block[128 + half * 32 + at % 32] >> (quarter * 2) & 3) << 4
    };
    let scales = std::array::from_fn(|at| i16::from(block[192 + at] as i8));
    let scale = f16_at(block, 208);
    SuperBlock { codes: std::array::from_fn(code), scales, scale, offsets: scales, offset: 32.0 * scale }
}
