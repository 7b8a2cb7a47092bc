// Rows of a table in any format as f32, the very bits of `crates/formats`: no fused operation, the same
// order.
#include "common.cuh"

struct embed_params {
    Mat table;
    const u32* tokens;
    float* out; // [rows][out_stride]
    u32 rows, out_stride;
};

__device__ __constant__ i8 IQ4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};
__device__ __constant__ i8 E2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

__device__ __forceinline__ u32 u16_at(const u8* at) { return at[0] | (u32)at[1] << 8; }
__device__ __forceinline__ float f16_at(const u8* at) { return f16_to_f32((u16)u16_at(at)); }
__device__ __forceinline__ u32 nibble(const u8* qs, u32 block, u32 i) {
    return (qs[block * 16 + i % 16] >> (i / 16 * 4)) & 15u;
}

// scale * code + offset, each operation rounded.
__device__ __forceinline__ float affine(float scale, u32 code, float offset) {
    return __fadd_rn(__fmul_rn(scale, (float)code), offset);
}

// The 6-bit scale and minimum of sub-block s of Q4_K and Q5_K.
__device__ __forceinline__ void scale_min(const u8* head, u32 s, float& scale, float& least) {
    const u8* packed = head + 4;
    const u32 code = s < 4 ? packed[s] & 63u : (packed[s + 4] & 15u) | (packed[s - 4] >> 6) << 4;
    const u32 min = s < 4 ? packed[s + 4] & 63u : packed[s + 4] >> 4 | (packed[s] >> 6) << 4;
    scale = __fmul_rn(f16_at(head), (float)code);
    least = __fmul_rn(f16_at(head + 2), (float)min);
}

__device__ float weight_at(const Mat& m, const u8* row, u32 index, u32 column) {
    const u32 block = column / 32, i = column % 32; // of the formats of 32
    const u32 super = column / 256, within = column % 256, half = within / 128, quarter = within % 128 / 32;
    const u32 at = within % 32, side = at / 16;
    const u8 *one = row + m.s1, *two = row + m.s2, *three = row + m.s3;
    switch (m.format) {
    case F32: return ((const float*)row)[column];
    case F16: return f16_at(row + 2 * column);
    case BF16: return bf16_low(u16_at(row + 2 * column));
    case F8E4M3: {
        const float v = e4m3_to_f32(row[column]);
        return m.scales ? __fmul_rn(v, m.scales[index / 128 * m.scale_cols + column / 128]) : v;
    }
    case Q4_0: return __fmul_rn(f16_at(one + 2 * block), (float)nibble(row, block, i) - 8.f);
    case Q4_1: return affine(f16_at(one + 4 * block), nibble(row, block, i), f16_at(one + 4 * block + 2));
    case Q5_0:
    case Q5_1: {
        const u32 high = (one[4 * block + i / 8] >> (i % 8)) & 1u, code = nibble(row, block, i) | high << 4;
        if (m.format == Q5_0) return __fmul_rn(f16_at(two + 2 * block), (float)code - 16.f);
        return affine(f16_at(two + 4 * block), code, f16_at(two + 4 * block + 2));
    }
    case Q8_0: return __fmul_rn((float)(i8)row[column], f16_at(one + 2 * block));
    case Q2_K: {
        const u32 pair = one[16 * super + within / 16],
                  code = (row[64 * super + 32 * half + at] >> (2 * quarter)) & 3u;
        const float scale = __fmul_rn(f16_at(two + 4 * super), (float)(pair & 15u));
        return affine(scale, code, -__fmul_rn(f16_at(two + 4 * super + 2), (float)(pair >> 4)));
    }
    case Q3_K: {
        const u32 s = within / 16;
        const u8* packed = two + 12 * super;
        const u32 low = (packed[s % 8] >> (s / 8 * 4)) & 15u, top = (packed[8 + s % 4] >> (s / 4 * 2)) & 3u;
        const u32 third = (one[32 * super + at] >> (within / 32)) & 1u;
        const u32 code = ((row[64 * super + 32 * half + at] >> (2 * quarter)) & 3u) | third << 2;
        const float scale = __fmul_rn(f16_at(three + 2 * super), (float)(low | top << 4) - 32.f);
        return __fmul_rn(scale, (float)code - 4.f);
    }
    case Q4_K:
    case Q5_K: {
        const u32 s = within / 32;
        u32 code = (row[128 * super + s / 2 * 32 + at] >> (s % 2 * 4)) & 15u;
        if (m.format == Q5_K) code |= ((one[32 * super + at] >> s) & 1u) << 4;
        float scale, least;
        scale_min((m.format == Q5_K ? two : one) + 16 * super, s, scale, least);
        return affine(scale, code, -least);
    }
    case Q6_K: {
        const u32 low = (row[128 * super + 64 * half + quarter % 2 * 32 + at] >> (quarter / 2 * 4)) & 15u;
        const u32 high = (one[64 * super + 32 * half + at] >> (2 * quarter)) & 3u;
        const float scale = __fmul_rn(f16_at(three + 2 * super),
                                      (float)(i8)two[16 * super + 2 * (4 * half + quarter) + side]);
        return __fmul_rn(scale, (float)(low | high << 4) - 32.f);
    }
    case IQ4_NL: return __fmul_rn(f16_at(one + 2 * block), (float)IQ4[nibble(row, block, i)]);
    case IQ4_XS: {
        const u8* head = one + 8 * super;
        const u32 s = within / 32, low = (head[4 + s / 2] >> (s % 2 * 4)) & 15u,
                  high = (u16_at(head + 2) >> (2 * s)) & 3u;
        const float scale = __fmul_rn(f16_at(head), (float)(low | high << 4) - 32.f);
        return __fmul_rn(scale, (float)IQ4[nibble(row, block, i)]);
    }
    case MXFP4: return __fmul_rn(e8m0_half(one[block]), (float)E2M1[nibble(row, block, i)]);
    }
    return __uint_as_float(0x7fc00000u);
}

extern "C" __global__ void __launch_bounds__(256) embed(const __grid_constant__ embed_params p) {
    pdl_trigger();
    pdl_wait();
    const u32 column = blockIdx.x * 256 + threadIdx.x, t = blockIdx.y;
    if (column >= p.table.cols) return;
    const u32 token = min(p.tokens[t], p.table.rows - 1);
    const float v = weight_at(p.table, p.table.base + (u64)token * p.table.row_bytes, token, column);
    p.out[(u64)t * p.out_stride + column] = v;
}
