// Units of stored weights decoded to f32: 32 weights of a row as two runs of sixteen columns, whose codes lie
// in the same bytes. For products that use each weight with many activations, or across rows;
// `crates/formats` defines the values.
#pragma once
#include "common.cuh"

// Formats whose codes of sixteen bytes belong to two runs at some distance: 32 columns for Q4_K and Q5_K, 64
// for those with sub-blocks of sixteen.
template <u32 F> constexpr bool HALVES = F == Q4_K || F == Q5_K;
template <u32 F> constexpr bool QUARTERS_OF = F == Q2_K || F == Q3_K || F == Q6_K;

// The column of weight `i` of a unit.
template <u32 F> __device__ __forceinline__ u32 unit_column(u32 unit, u32 i) {
    const u32 block = 256 * (unit / 8), within = unit % 8;
    if (HALVES<F>) return block + 64 * (within / 2) + 16 * (within % 2) + (i < 16 ? i : i + 16);
    if (QUARTERS_OF<F>) {
        return block + 128 * (within / 4) + 32 * (within % 4 / 2) + 16 * (within % 2) + (i < 16 ? i : i + 48);
    }
    return 32 * unit + i;
}

__device__ __forceinline__ u32 word_of(const uint4& v, u32 i) {
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}
__device__ __forceinline__ u32 byte_of(const uint4& v, u32 i) {
    return word_of(v, i / 4) >> (8 * (i % 4)) & 255u;
}
__device__ __forceinline__ u32 stored2(const u8* at) { return *(const u16*)at; }

// The values that a nibble of IQ4_NL, IQ4_XS or MXFP4 selects.
template <u32 F> __device__ __forceinline__ float selected(u32 nibble) {
    const u32 a = F == MXFP4 ? 0x03020100u : 0xbfad9881u, b = F == MXFP4 ? 0x0c080604u : 0xf6eaddcfu;
    const u32 c = F == MXFP4 ? 0xfdfeff00u : 0x26190d01u, d = F == MXFP4 ? 0xf4f8fafcu : 0x71594535u;
    const u32 byte = nibble < 8 ? __byte_perm(a, b, nibble) : __byte_perm(c, d, nibble - 8);
    return (float)(i8)(byte & 255u);
}

// Unit `unit` of row `row`. The last unit of a dense row is padded with zeros.
template <u32 F>
__device__ __forceinline__ void decode_unit(const Mat& m, u32 row, u32 unit, float (&w)[32]) {
    const u8* at = m.base + (u64)row * m.row_bytes;
    const u32 block = unit / 8, within = unit % 8;
    if (F == F32) {
#pragma unroll
        for (u32 i = 0; i < 8; i++) {
            const uint4 v = load_weights16(at + 128 * unit + 16 * i);
#pragma unroll
            for (u32 j = 0; j < 4; j++) w[4 * i + j] = __uint_as_float(word_of(v, j));
        }
    } else if (F == F16 || F == BF16) {
#pragma unroll
        for (u32 i = 0; i < 4; i++) {
            const uint4 v = load_weights16(at + 64 * unit + 16 * i);
#pragma unroll
            for (u32 j = 0; j < 4; j++) {
                const u32 pair = word_of(v, j);
                w[8 * i + 2 * j] = F == F16 ? f16_low(pair) : bf16_low(pair);
                w[8 * i + 2 * j + 1] = F == F16 ? f16_high(pair) : bf16_high(pair);
            }
        }
    } else if (F == F8E4M3 || F == Q8_0) {
        float scale = 1.f;
        if (F == Q8_0) scale = f16_to_f32((u16)stored2(at + m.s1 + 2 * unit));
        if (F == F8E4M3 && m.scales) scale = m.scales[row / 128 * m.scale_cols + unit / 4];
#pragma unroll
        for (u32 i = 0; i < 2; i++) {
            const uint4 v = load_weights16(at + 32 * unit + 16 * i);
#pragma unroll
            for (u32 j = 0; j < 16; j++) {
                const u32 code = byte_of(v, j);
                w[16 * i + j] = scale * (F == Q8_0 ? (float)(i8)code : e4m3_to_f32((u8)code));
            }
        }
    } else if (F == Q4_0 || F == Q4_1 || F == Q5_0 || F == Q5_1) {
        constexpr bool FIVE = F == Q5_0 || F == Q5_1, LEAST = F == Q4_1 || F == Q5_1;
        const uint4 v = load_weights16(at + 16 * unit);
        const u32 high = FIVE ? load_weights4(at + m.s1 + 4 * unit) : 0;
        const u8* factors = at + (FIVE ? m.s2 : m.s1);
        const u32 both = LEAST ? load_weights4(factors + 4 * unit) : stored2(factors + 2 * unit);
        const float scale = f16_low(both), least = LEAST ? f16_high(both) : 0.f;
#pragma unroll
        for (u32 i = 0; i < 32; i++) {
            u32 code = byte_of(v, i % 16) >> (i / 16 * 4) & 15u;
            if (FIVE) code |= (high >> i & 1u) << 4;
            w[i] = LEAST ? fmaf(scale, (float)code, least) : scale * (float)((i32)code - (FIVE ? 16 : 8));
        }
    } else if (F == IQ4_NL || F == IQ4_XS || F == MXFP4) {
        const uint4 v = load_weights16(at + 16 * unit);
        float scale;
        if (F == IQ4_NL) scale = f16_to_f32((u16)stored2(at + m.s1 + 2 * unit));
        if (F == MXFP4) scale = e8m0_half(at[m.s1 + unit]);
        if (F == IQ4_XS) {
            const uint2 head = load_weights8(at + m.s1 + 8 * block);
            const u32 bits = (head.y >> (4 * within) & 15u) | (head.x >> (16 + 2 * within) & 3u) << 4;
            scale = f16_low(head.x) * (float)((i32)bits - 32);
        }
#pragma unroll
        for (u32 i = 0; i < 32; i++) w[i] = scale * selected<F>(byte_of(v, i % 16) >> (i / 16 * 4) & 15u);
    } else if (HALVES<F>) {
        const uint4 v = load_weights16(at + 16 * unit);
        const u32 pair = within / 2;
        uint4 high = {};
        if (F == Q5_K) high = load_weights16(at + m.s1 + 32 * block + 16 * (within % 2));
        const uint4 head = load_weights16(at + (F == Q5_K ? m.s2 : m.s1) + 16 * block);
        // Six bits of scales and minimums: the first four sub-blocks fill the low bits of a byte, the others
        // have four bits in the last word and two above the first.
        const u32 shift = 16 * (pair % 2), low = head.w >> shift;
        u32 scales = head.y >> shift, mins = head.z >> shift;
        if (pair >= 2) {
            scales = (low & 0x0f0fu) | ((scales >> 2) & 0x3030u);
            mins = ((low >> 4) & 0x0f0fu) | ((mins >> 2) & 0x3030u);
        } else {
            scales &= 0x3f3fu;
            mins &= 0x3f3fu;
        }
#pragma unroll
        for (u32 run = 0; run < 2; run++) {
            const float scale = f16_low(head.x) * (float)(scales >> (8 * run) & 255u);
            const float least = f16_high(head.x) * (float)(mins >> (8 * run) & 255u);
#pragma unroll
            for (u32 i = 0; i < 16; i++) {
                u32 code = byte_of(v, i) >> (4 * run) & 15u;
                if (F == Q5_K) code |= (byte_of(high, i) >> (2 * pair + run) & 1u) << 4;
                w[16 * run + i] = fmaf(scale, (float)code, -least);
            }
        }
    } else if (QUARTERS_OF<F>) {
        const u32 n = within / 4, group = within % 4 / 2, side = within % 2;
        uint4 v, high = {};
        float d, least_of = 0.f;
        if (F == Q6_K) {
            v = load_weights16(at + 16 * unit);
            high = load_weights16(at + m.s1 + 64 * block + 32 * n + 16 * side);
            d = f16_to_f32((u16)stored2(at + m.s3 + 2 * block));
        } else {
            v = load_weights16(at + 64 * block + 32 * n + 16 * side);
            if (F == Q3_K) high = load_weights16(at + m.s1 + 32 * block + 16 * side);
            const u32 both =
                F == Q2_K ? load_weights4(at + m.s2 + 4 * block) : stored2(at + m.s3 + 2 * block);
            d = f16_low(both);
            if (F == Q2_K) least_of = f16_high(both);
        }
#pragma unroll
        for (u32 run = 0; run < 2; run++) {
            const u32 of32 = group + 2 * run, sub = 8 * n + 2 * of32 + side;
            float scale, least = 0.f;
            if (F == Q6_K) {
                scale = d * (float)(i8)at[m.s2 + 16 * block + sub];
            } else if (F == Q2_K) {
                const u32 byte = at[m.s1 + 16 * block + sub];
                scale = d * (float)(byte & 15u);
                least = least_of * (float)(byte >> 4);
            } else {
                const u8* packed = at + m.s2 + 12 * block;
                const u32 low = packed[sub % 8] >> (sub / 8 * 4) & 15u,
                          top = packed[8 + sub % 4] >> (sub / 4 * 2) & 3u;
                scale = d * (float)((i32)(low | top << 4) - 32);
            }
#pragma unroll
            for (u32 i = 0; i < 16; i++) {
                if (F == Q6_K) {
                    const u32 code =
                        (byte_of(v, i) >> (4 * run) & 15u) | (byte_of(high, i) >> (2 * of32) & 3u) << 4;
                    w[16 * run + i] = scale * (float)((i32)code - 32);
                } else {
                    const u32 code = byte_of(v, i) >> (2 * of32) & 3u;
                    const i32 above = F == Q3_K ? (i32)(byte_of(high, i) >> (4 * n + of32) & 1u) * 4 - 4 : 0;
                    w[16 * run + i] = fmaf(scale, (float)((i32)code + above), -least);
                }
            }
        }
    }
}

#define FOR_EACH_FORMAT(X)                                                                                   \
    X(f32, F32)                                                                                              \
    X(f16, F16)                                                                                              \
    X(bf16, BF16)                                                                                            \
    X(f8e4m3, F8E4M3)                                                                                        \
    X(q4_0, Q4_0)                                                                                            \
    X(q4_1, Q4_1)                                                                                            \
    X(q5_0, Q5_0)                                                                                            \
    X(q5_1, Q5_1)                                                                                            \
    X(q8_0, Q8_0)                                                                                            \
    X(q2_k, Q2_K)                                                                                            \
    X(q3_k, Q3_K)                                                                                            \
    X(q4_k, Q4_K)                                                                                            \
    X(q5_k, Q5_K)                                                                                            \
    X(q6_k, Q6_K)                                                                                            \
    X(iq4_nl, IQ4_NL)                                                                                        \
    X(iq4_xs, IQ4_XS)                                                                                        \
    X(mxfp4, MXFP4)
