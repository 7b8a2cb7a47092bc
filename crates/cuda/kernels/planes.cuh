// Products of quantized rows with one row of activations on the integer tensor cores.
//
// Activations are fixed-point numbers of 23 bits, a scale for every 256 columns, held as three planes of
// signed bytes: x = scale * (p0 + 256 p1 + 65536 p2). Codes are small integers, so the sums of a sub-block
// are exact, and a row's bits depend on the shape of its matrix alone. A warp takes 16 rows by 256 columns at
// a time, as mma.m16n8k32: rows of A are rows of weights, columns 0 to 2 of B the planes of one sub-block, 4
// to 6 those of another. In a warp lane = 4 g + t has rows g and g + 8 of A and column g of B.
#pragma once
#include "common.cuh"

// The largest magnitude: below 2^22, so that adding 1.5 * 2^23 rounds to a whole number.
constexpr float MOST = 4194000.f;
constexpr u32 WIDE = 256; // columns of a scale, and of a step
// Bytes of shared memory of a step's columns: three planes, sums of 16 columns of the planes and of x, the
// scale. `ops/gemv.rs` has the same number.
constexpr u32 STEP_ROOM = 3 * 256 + 8 * 8 * 4 + 16 * 4 + 4;
constexpr u32 MAX_WARPS = 16;

struct Planes {
    i8* bytes;     // [3][stride]
    i32* offsets;  // [step][8][2 sides of 16 columns][4]: sums of the planes times minus the format's zero
    float* sums;   // [step][16]: of x
    float* scales; // [step]
    u32 stride;    // bytes of a plane: its rows lie on other banks
};
// In the dynamic shared memory, for `steps` steps.
__device__ __forceinline__ Planes planes_at(void* room, u32 steps) {
    Planes planes;
    planes.stride = steps * WIDE + 32;
    planes.offsets = (i32*)room;
    planes.sums = (float*)(planes.offsets + steps * 64);
    planes.scales = planes.sums + steps * 16;
    planes.bytes = (i8*)(planes.scales + ((steps + 3) & ~3u));
    return planes;
}

// Eight activations of a lane: columns 8 lane and on of a step.
struct Eight {
    float4 a, b;
};
__device__ __forceinline__ Eight load_eight(const float* x, u32 column, u32 cols) {
    Eight v = {make_float4(0.f, 0.f, 0.f, 0.f), make_float4(0.f, 0.f, 0.f, 0.f)};
    if (column < cols) {
        // Activations change between launches of one graph: past L1, which may hold what another kernel read.
        v.a = __ldcg((const float4*)(x + column));
        v.b = __ldcg((const float4*)(x + column + 4));
    }
    return v;
}
__device__ __forceinline__ float squares_of(const Eight& v) {
    float sum = __fmul_rn(v.a.x, v.a.x);
    sum = __fmaf_rn(v.a.y, v.a.y, sum);
    sum = __fmaf_rn(v.a.z, v.a.z, sum);
    sum = __fmaf_rn(v.a.w, v.a.w, sum);
    sum = __fmaf_rn(v.b.x, v.b.x, sum);
    sum = __fmaf_rn(v.b.y, v.b.y, sum);
    sum = __fmaf_rn(v.b.z, v.b.z, sum);
    return __fmaf_rn(v.b.w, v.b.w, sum);
}
__device__ __forceinline__ Eight times(const Eight& v, const Eight& w) {
    return {make_float4(__fmul_rn(v.a.x, w.a.x), __fmul_rn(v.a.y, w.a.y), __fmul_rn(v.a.z, w.a.z),
                        __fmul_rn(v.a.w, w.a.w)),
            make_float4(__fmul_rn(v.b.x, w.b.x), __fmul_rn(v.b.y, w.b.y), __fmul_rn(v.b.z, w.b.z),
                        __fmul_rn(v.b.w, w.b.w))};
}

// The bytes at `from` of four words as one word.
__device__ __forceinline__ u32 bytes_at(u32 from, u32 a, u32 b, u32 c, u32 d) {
    const u32 low = __byte_perm(a, b, from | (from + 4) << 4),
              high = __byte_perm(c, d, from | (from + 4) << 4);
    return __byte_perm(low, high, 0x5410);
}

// Writes a step's activations, all lanes of a warp. `factor` is multiplied into the scale, `zero` is the
// code of weight 0. A NaN or an infinity makes the scale one.
__device__ __forceinline__ void quantize(const Planes& to, u32 step, const Eight& v, float factor, i32 zero) {
    const u32 lane = lane_id();
    const float x[8] = {v.a.x, v.a.y, v.a.z, v.a.w, v.b.x, v.b.y, v.b.z, v.b.w};
    u32 most = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) most = max(most, __float_as_uint(x[i]) & 0x7fffffffu);
    most = __reduce_max_sync(0xffffffffu, most);
    const float largest = __uint_as_float(most);
    // Numbers so small that their inverse overflows are zero.
    const bool none = largest < 1e-30f;
    const float inverse = none ? 0.f : __fdividef(MOST, largest), scale = none ? 0.f : largest * (1.f / MOST);
    u32 q[8];
#pragma unroll
    for (int i = 0; i < 8; i++)
        q[i] = __float_as_uint(__fmaf_rn(x[i], inverse, 12582912.f)) - 0x4b400000u + 0x808080u;
    i32 sum[3];
#pragma unroll
    for (u32 p = 0; p < 3; p++) {
        // A byte of the biased number is the signed one plus 128.
        const u32 first = bytes_at(p, q[0], q[1], q[2], q[3]) ^ 0x80808080u,
                  second = bytes_at(p, q[4], q[5], q[6], q[7]) ^ 0x80808080u;
        *(uint2*)(to.bytes + p * to.stride + step * WIDE + 8 * lane) = make_uint2(first, second);
        sum[p] = __dp4a((i32)first, 0x01010101, __dp4a((i32)second, 0x01010101, 0));
        sum[p] += __shfl_xor_sync(0xffffffffu, sum[p], 1);
    }
    if ((lane & 1) == 0) {
        *(int4*)(to.offsets + step * 64 + 4 * (lane >> 1)) =
            make_int4(-zero * sum[0], -zero * sum[1], -zero * sum[2], 0);
        to.sums[step * 16 + (lane >> 1)] = factor * scale * (float)(sum[0] + 256 * sum[1] + 65536 * sum[2]);
    }
    if (lane == 0) to.scales[step] = factor * scale;
}

// Writes all steps of a row of `cols` activations, if NORM times the weights of a norm, by all warps of the
// block; returns this lane's part of the sum of squares.
template <bool NORM>
__device__ __forceinline__ float quantize_steps(const Planes& to, const float* x, const float* norm, u32 cols,
                                                i32 zero) {
    // As many as registers beside the weights on their way allow.
    constexpr u32 DEPTH = NORM ? 2 : 3;
    const u32 steps = div_up(cols, WIDE), warps = blockDim.x >> 5, column = 8 * lane_id();
    float squares = 0.f;
#pragma unroll 1
    for (u32 first = warp_id(); first < steps; first += DEPTH * warps) {
        Eight v[DEPTH], weight[NORM ? DEPTH : 1];
#pragma unroll
        for (u32 k = 0; k < DEPTH; k++) {
            const u32 at = (first + k * warps) * WIDE + column;
            v[k] = load_eight(x, at, cols);
            if (NORM) weight[k] = load_eight(norm, at, cols);
        }
#pragma unroll
        for (u32 k = 0; k < DEPTH; k++) {
            const u32 step = first + k * warps;
            if (step >= steps) break;
            if (NORM) {
                squares += squares_of(v[k]);
                v[k] = times(v[k], weight[NORM ? k : 0]);
            }
            quantize(to, step, v[k], 1.f, zero);
        }
    }
    return squares;
}
// With or without a norm; returns this warp's sum of squares.
__device__ __forceinline__ float quantize_row(const Planes& to, const float* x, const float* norm, u32 cols,
                                              i32 zero) {
    if (norm) return warp_sum(quantize_steps<true>(to, x, norm, cols, zero));
    return quantize_steps<false>(to, x, norm, cols, zero);
}

// 1 / rms of `cols` activations, from the sums of squares of `warps` warps.
__device__ __forceinline__ float inverse_rms(const float* squares, u32 warps, u32 cols, float eps) {
    float sum = 0.f;
    for (u32 warp = 0; warp < warps; warp++) sum = __fadd_rn(sum, squares[warp]);
    const float mean = __fmaf_rn(sum, 1.f / (float)cols, eps), guess = rsqrtf(mean);
    return __fmaf_rn(__fmul_rn(guess, 0.5f), __fmaf_rn(-mean * guess, guess, 1.f), guess);
}

__device__ __forceinline__ void mma(i32 (&c)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// What a lane needs of the activations: its column of B is plane g % 4 (the fourth repeats the third) of the
// first sub-block if g < 4, else of the second.
struct View {
    const i8* plane;
    const i32* offsets;
    const float* sums;
    const float* scales;
    u32 t;
    u32 first, second; // masks of B for products that hold one sub-block
    u32 own;           // mask of B where lanes with t < 2 hold one sub-block, the others the second
    __device__ __forceinline__ View(const Planes& planes) {
        const u32 g = lane_id() >> 2, half = g >> 2;
        t = lane_id() & 3;
        plane = planes.bytes + min(g & 3, 2u) * planes.stride;
        offsets = planes.offsets;
        sums = planes.sums;
        scales = planes.scales;
        first = half == 0 ? ~0u : 0u;
        second = ~first;
        own = half == t >> 1 ? ~0u : 0u;
    }
    __device__ __forceinline__ uint2 at(u32 column) const { return *(const uint2*)(plane + column); }
    // Sixteen columns, or none where this lane's column of B is of another sub-block.
    __device__ __forceinline__ uint4 own_at(u32 column) const {
        const uint4 v = *(const uint4*)(plane + column);
        return make_uint4(v.x & own, v.y & own, v.z & own, v.w & own);
    }
    // Of two sub-blocks of 32 columns that follow each other, the one of this lane's column of B.
    __device__ __forceinline__ uint2 of_two(u32 column) const { return at(column + (second & 32) + 8 * t); }
};

// Sums of a lane: its rows g and g + 8, its columns 2 t and 2 t + 1 of C, and what is added in f32.
struct Acc {
    float v[2][2], low[2];
    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int r = 0; r < 2; r++) v[r][0] = v[r][1] = low[r] = 0.f;
    }
    __device__ __forceinline__ void add(int r, float factor, i32 a, i32 b) {
        v[r][0] = __fmaf_rn(factor, (float)a, v[r][0]);
        v[r][1] = __fmaf_rn(factor, (float)b, v[r][1]);
    }
    // The sum of row g + 8 r, the same in the four lanes of a row. Even t hold planes 0 and 1, odd ones
    // plane 2 and nothing.
    __device__ __forceinline__ float total(int r) const {
        const bool odd = lane_id() & 1;
        float sum = __fmaf_rn(v[r][0], odd ? 65536.f : 1.f, low[r]);
        sum = __fmaf_rn(v[r][1], odd ? 0.f : 256.f, sum);
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        return sum + __shfl_xor_sync(0xffffffffu, sum, 2);
    }
};
