// Dense rows as a decode product reads them: what one lane takes at once (a task), and its product with
// activations in shared memory, in f32. Must not be compiled with -ftz=true.
#pragma once
#include "common.cuh"

// CASE(format, its name in kernels).
#define DENSE_FORMATS(CASE) CASE(F32, f32) CASE(F16, f16) CASE(BF16, bf16) CASE(F8E4M3, f8e4m3)

__device__ __forceinline__ float pow2(int e) { return __uint_as_float((u32)(127 + e) << 23); }
__device__ __forceinline__ u32 word(const uint4& v, int i) {
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// Four weights as bits of f32, and their product with four activations.
struct Four {
    u32 a, b, c, d;
};
__device__ __forceinline__ float fma4(const Four& w, const float4& x, float sum) {
    sum = __fmaf_rn(__uint_as_float(w.a), x.x, sum);
    sum = __fmaf_rn(__uint_as_float(w.b), x.y, sum);
    sum = __fmaf_rn(__uint_as_float(w.c), x.z, sum);
    return __fmaf_rn(__uint_as_float(w.d), x.w, sum);
}

// Every format has: TASK, the columns of a task; STEPS, the tasks a lane takes at once; BYTES, what `load`
// brings of a task; LIFT, the power of two that activations are stored times; `load`, whose pieces `from`
// brings; and `dot`, which adds the task's product with the activations from `x` on to `acc`. Float4 i of
// task t is at (t / 8 * TASK / 4 + i) * 8 + t % 8, so that eight lanes with eight tasks read 128 contiguous
// bytes.
template <u32 F> struct Codes;

template <> struct Codes<F32> {
    static constexpr u32 TASK = 4, STEPS = 2, BYTES = 16;
    uint4 q;
    static constexpr int LIFT = 0;
    template <class From>
    __device__ __forceinline__ void load(From& from, const Mat&, const u8* row, u32, u32 t) {
        q = from.next16(row + 16 * t);
    }
    template <int R>
    static __device__ __forceinline__ void dot(const Codes (&c)[R], const float4* in, u32, float (&acc)[R]) {
        const float4 x = in[8 * (0)];
#pragma unroll
        for (int r = 0; r < R; r++) acc[r] = fma4({c[r].q.x, c[r].q.y, c[r].q.z, c[r].q.w}, x, acc[r]);
    }
};

template <bool BF> struct Codes16 {
    static constexpr u32 TASK = 8, STEPS = 2, BYTES = 16;
    uint4 q;
    static constexpr int LIFT = 0;
    template <class From>
    __device__ __forceinline__ void load(From& from, const Mat&, const u8* row, u32, u32 t) {
        q = from.next16(row + 16 * t);
    }
    static __device__ __forceinline__ Four four(u32 a, u32 b) {
        if (BF) return {a << 16, a & 0xffff0000u, b << 16, b & 0xffff0000u};
        return {__float_as_uint(f16_low(a)), __float_as_uint(f16_high(a)), __float_as_uint(f16_low(b)),
                __float_as_uint(f16_high(b))};
    }
    template <class C, int R>
    static __device__ __forceinline__ void dot_of(const C (&c)[R], const float4* in, float (&acc)[R]) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            const float4 x = in[8 * (i)];
#pragma unroll
            for (int r = 0; r < R; r++) {
                const Four w = four(word(c[r].q, 2 * i), word(c[r].q, 2 * i + 1));
                acc[r] = fma4(w, x, acc[r]);
            }
        }
    }
};
template <> struct Codes<F16> : Codes16<false> {
    template <int R>
    static __device__ __forceinline__ void dot(const Codes (&c)[R], const float4* in, u32, float (&acc)[R]) {
        dot_of(c, in, acc);
    }
};
template <> struct Codes<BF16> : Codes16<true> {
    template <int R>
    static __device__ __forceinline__ void dot(const Codes (&c)[R], const float4* in, u32, float (&acc)[R]) {
        dot_of(c, in, acc);
    }
};

// Sign to the sign, the other seven bits to the lowest exponent bits and the highest of the mantissa: the
// value times 2^-120, subnormals too. A NaN reads as 480.
template <> struct Codes<F8E4M3> {
    static constexpr u32 TASK = 16, STEPS = 2, BYTES = 20;
    uint4 q;
    float scale;
    static constexpr int LIFT = 96; // activations up to 2^32 stay finite
    template <class From>
    __device__ __forceinline__ void load(From& from, const Mat& m, const u8* row, u32 index, u32 t) {
        q = from.next16(row + 16 * t);
        const float* at = m.scales ? m.scales + (index >> 7) * m.scale_cols + (t >> 3) : (const float*)row;
        const u32 bits = from.next4(at);
        scale = m.scales ? __uint_as_float(bits) : 1.f;
    }
    static __device__ __forceinline__ u32 value(u32 top) { return (u32)((i32)top >> 4) & 0x87f00000u; }
    template <int R>
    static __device__ __forceinline__ void dot(const Codes (&c)[R], const float4* in, u32, float (&acc)[R]) {
        float sum[R] = {};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const float4 x = in[8 * (i)];
#pragma unroll
            for (int r = 0; r < R; r++) {
                const u32 w = word(c[r].q, i);
                sum[r] = fma4({value(w << 24), value(w << 16), value(w << 8), value(w)}, x, sum[r]);
            }
        }
#pragma unroll
        for (int r = 0; r < R; r++) acc[r] = __fmaf_rn(c[r].scale * pow2(120 - LIFT), sum[r], acc[r]);
    }
};
