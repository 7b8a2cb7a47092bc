// The stored formats as a decode product reads them: what one lane loads at once (a task), and its product
// with activations in shared memory, in f32. `crates/formats` defines the values.
//
// A code stays where it is in its word: masked alone, its bits are the f32 code * 2^(place - 149), exact (a
// subnormal, or the binade above, which has the same steps). The activation that meets it is stored times
// 2^(LIFT - place), so one AND and one FMA a weight do, and nothing is converted. Must not be compiled with
// -ftz=true.
#pragma once
#include "common.cuh"

// CASE(format, its name in kernels) of every format.
#ifdef ONLY
#define ALL_FORMATS(CASE) ONLY(CASE)
#else
#define ALL_FORMATS(CASE)                                                                                    \
    CASE(F32, f32)                                                                                           \
    CASE(F16, f16)                                                                                           \
    CASE(BF16, bf16) CASE(F8E4M3, f8e4m3) CASE(Q4_0, q4_0) CASE(Q4_1, q4_1) CASE(Q5_0, q5_0)                 \
        CASE(Q5_1, q5_1) CASE(Q8_0, q8_0) CASE(Q2_K, q2_k) CASE(Q3_K, q3_k) CASE(Q4_K, q4_k)                 \
            CASE(Q5_K, q5_k) CASE(Q6_K, q6_k) CASE(IQ4_NL, iq4_nl) CASE(IQ4_XS, iq4_xs) CASE(MXFP4, mxfp4)
#endif

constexpr int LIFT = 96; // activations up to 2^32 stay finite
__device__ __forceinline__ float pow2(int e) { return __uint_as_float((u32)(127 + e) << 23); }
// Times this, the sum of lifted products is that of code * x.
#define CODE pow2(149 - LIFT)

// Activations of a range of columns in the order of the tasks: float4 i of task t is at
// (t / 8 * task / 4 + i) * 8 + t % 8, so that eight lanes with eight tasks read 128 contiguous bytes. `sums`
// has the plain sum of each 16 columns, [task][task / 16].
struct Input {
    const float4* x;
    const float* sums;
    u32 x_row, sums_row; // from one row of activations to the next
};

__device__ __forceinline__ u16 load_weights2(const void* at) {
    u16 v;
    asm volatile("ld.global.nc.u16 %0, [%1];" : "=h"(v) : "l"(at));
    return v;
}
// For two loads of one lane that share sectors: L1 keeps the second half.
__device__ __forceinline__ uint4 load_weights16_kept(const void* at) {
    uint4 v;
    asm volatile("ld.global.nc.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at));
    return v;
}

__device__ __forceinline__ u32 word(const uint4& v, int i) {
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}

// Four masked codes, and their product with four lifted activations.
struct Four {
    u32 a, b, c, d;
};
__device__ __forceinline__ float fma4(const Four& w, const float4& x, float sum) {
    sum = __fmaf_rn(__uint_as_float(w.a), x.x, sum);
    sum = __fmaf_rn(__uint_as_float(w.b), x.y, sum);
    sum = __fmaf_rn(__uint_as_float(w.c), x.z, sum);
    return __fmaf_rn(__uint_as_float(w.d), x.w, sum);
}
__device__ __forceinline__ Four bytes_of(u32 w) { return {w & 0xffu, w & 0xff00u, w & 0xff0000u, w >> 24}; }
__device__ __forceinline__ Four low_nibbles(u32 w) {
    return {w & 0xfu, w & 0xf00u, w & 0xf0000u, (w >> 8) & 0xf0000u};
}
__device__ __forceinline__ Four high_nibbles(u32 w) {
    return {w & 0xf0u, w & 0xf000u, w & 0xf00000u, (w >> 8) & 0xf00000u};
}
__device__ __forceinline__ float4 lift_at(int a, int b, int c, int d) {
    return make_float4(pow2(LIFT - a), pow2(LIFT - b), pow2(LIFT - c), pow2(LIFT - d));
}
// Of `bytes_of`, and of the nibbles.
__device__ __forceinline__ float4 lift_bytes() { return lift_at(0, 8, 16, 0); }
__device__ __forceinline__ float4 lift_nibbles(bool high) {
    return high ? lift_at(4, 12, 20, 20) : lift_at(0, 8, 16, 16);
}

// Products of one row of weights with each row of activations, term after term.
template <int R, int NB> struct Sums {
    float v[R][NB];
    __device__ __forceinline__ Sums() {
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int n = 0; n < NB; n++) v[r][n] = 0.f;
    }
    __device__ __forceinline__ void add(int r, const Four& w, const float4 (&x)[NB]) {
#pragma unroll
        for (int n = 0; n < NB; n++) v[r][n] = fma4(w, x[n], v[r][n]);
    }
};
template <int NB> __device__ __forceinline__ void fragment(float4 (&x)[NB], const Input& in, int i) {
#pragma unroll
    for (int n = 0; n < NB; n++) x[n] = in.x[n * in.x_row + i * 8];
}

// The columns of a task. CONTIGUOUS: task * TASK and on. QUARTERS: half n of a block of 256 and side h of its
// groups of 32 (task % 4 = 2n + h): four runs of 16 at 32 columns' distance, as Q2_K, Q3_K and Q6_K pack
// them.
enum Columns : u32 { CONTIGUOUS, QUARTERS };

// Every format has: TASK, the columns of a task; STEPS, the tasks a lane loads at once; COLUMNS; SUMS,
// whether it uses the sums of 16; `lift(run)`, the factors of four activations of the run'th 16 columns of a
// task; `load`; `any`, which is known when all that was loaded is; and `dot`, which adds the task's product
// to `acc`.
template <u32 F> struct Codes;

// ---- dense ----
template <> struct Codes<F32> {
    static constexpr u32 TASK = 4, STEPS = 2, COLUMNS = CONTIGUOUS;
    static constexpr bool SUMS = false;
    uint4 q;
    static __device__ __forceinline__ float4 lift(u32) { return make_float4(1.f, 1.f, 1.f, 1.f); }
    __device__ __forceinline__ u32 any() const { return q.x; }
    __device__ __forceinline__ void load(const Mat&, const u8* row, u32, u32 t) {
        q = load_weights16(row + 16 * t);
    }
    template <int R, int NB> static __device__ __forceinline__ void dot(const Codes (&c)[R], const Input& in,
                                                                        u32, float (&acc)[R][NB]) {
        float4 x[NB];
        fragment(x, in, 0);
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int n = 0; n < NB; n++)
                acc[r][n] = fma4({c[r].q.x, c[r].q.y, c[r].q.z, c[r].q.w}, x[n], acc[r][n]);
    }
};

template <bool BF> struct Codes16 {
    static constexpr u32 TASK = 8, STEPS = 2, COLUMNS = CONTIGUOUS;
    static constexpr bool SUMS = false;
    uint4 q;
    static __device__ __forceinline__ float4 lift(u32) { return make_float4(1.f, 1.f, 1.f, 1.f); }
    __device__ __forceinline__ void load(const Mat&, const u8* row, u32, u32 t) {
        q = load_weights16(row + 16 * t);
    }
    __device__ __forceinline__ u32 any() const { return q.x; }
    static __device__ __forceinline__ Four four(u32 a, u32 b) {
        if (BF) return {a << 16, a & 0xffff0000u, b << 16, b & 0xffff0000u};
        return {__float_as_uint(f16_low(a)), __float_as_uint(f16_high(a)), __float_as_uint(f16_low(b)),
                __float_as_uint(f16_high(b))};
    }
    template <class C, int R, int NB>
    static __device__ __forceinline__ void dot_of(const C (&c)[R], const Input& in, float (&acc)[R][NB]) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float4 x[NB];
            fragment(x, in, i);
#pragma unroll
            for (int r = 0; r < R; r++) {
                const Four w = four(word(c[r].q, 2 * i), word(c[r].q, 2 * i + 1));
#pragma unroll
                for (int n = 0; n < NB; n++) acc[r][n] = fma4(w, x[n], acc[r][n]);
            }
        }
    }
};
template <> struct Codes<F16> : Codes16<false> {
    template <int R, int NB> static __device__ __forceinline__ void dot(const Codes (&c)[R], const Input& in,
                                                                        u32, float (&acc)[R][NB]) {
        dot_of(c, in, acc);
    }
};
template <> struct Codes<BF16> : Codes16<true> {
    template <int R, int NB> static __device__ __forceinline__ void dot(const Codes (&c)[R], const Input& in,
                                                                        u32, float (&acc)[R][NB]) {
        dot_of(c, in, acc);
    }
};

// Sign to the sign, the other seven bits to the lowest exponent bits and the highest of the mantissa: the
// value times 2^-120, subnormals too. A NaN reads as 480.
template <> struct Codes<F8E4M3> {
    static constexpr u32 TASK = 16, STEPS = 2, COLUMNS = CONTIGUOUS;
    static constexpr bool SUMS = false;
    uint4 q;
    float scale;
    static __device__ __forceinline__ float4 lift(u32) { return lift_at(0, 0, 0, 0); }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32 index, u32 t) {
        q = load_weights16(row + 16 * t);
        scale = m.scales ? __ldg(m.scales + (index >> 7) * m.scale_cols + (t >> 3)) : 1.f;
    }
    __device__ __forceinline__ u32 any() const { return q.x ^ __float_as_uint(scale); }
    static __device__ __forceinline__ u32 value(u32 top) { return (u32)((i32)top >> 4) & 0x87f00000u; }
    template <int R, int NB> static __device__ __forceinline__ void dot(const Codes (&c)[R], const Input& in,
                                                                        u32, float (&acc)[R][NB]) {
        Sums<R, NB> s;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float4 x[NB];
            fragment(x, in, i);
#pragma unroll
            for (int r = 0; r < R; r++) {
                const u32 w = word(c[r].q, i);
                s.add(r, {value(w << 24), value(w << 16), value(w << 8), value(w)}, x);
            }
        }
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int n = 0; n < NB; n++)
                acc[r][n] = __fmaf_rn(c[r].scale * pow2(120 - LIFT), s.v[r][n], acc[r][n]);
    }
};

// ---- blocks of 32: low nibbles are columns 0 to 15, high ones 16 to 31 ----
// value = scale * code + offset; `offset` is of the plain sum.
template <u32 F> struct Codes32 {
    static constexpr bool FIVE = F == Q5_0 || F == Q5_1, EIGHT = F == Q8_0, MIN = F == Q4_1 || F == Q5_1;
    static constexpr u32 TASK = 32, STEPS = 1, COLUMNS = CONTIGUOUS;
    static constexpr bool SUMS = true;
    uint4 q[EIGHT ? 2 : 1];
    u32 high, scale; // of f16, or two
    static __device__ __forceinline__ float4 lift(u32 run) {
        return FIVE || EIGHT ? lift_bytes() : lift_nibbles(run == 1);
    }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32, u32 t) {
        if (EIGHT) {
            q[0] = load_weights16_kept(row + 32 * t);
            q[EIGHT ? 1 : 0] = load_weights16_kept(row + 32 * t + 16);
        } else {
            q[0] = load_weights16(row + 16 * t);
        }
        if (FIVE) high = load_weights4(row + m.s1 + 4 * t);
        const u8* at = row + (FIVE ? m.s2 : m.s1);
        scale = MIN ? load_weights4(at + 4 * t) : load_weights2(at + 2 * t);
    }
    __device__ __forceinline__ u32 any() const {
        return q[0].x ^ q[EIGHT ? 1 : 0].y ^ (FIVE ? high : 0) ^ scale;
    }
    // Four bits to bit 4 of four bytes: no two partial products share a bit.
    static __device__ __forceinline__ u32 spread(u32 bits) {
        return ((bits & 15u) * 0x02040810u) & 0x10101010u;
    }
    __device__ __forceinline__ Four low(int i) const {
        if (EIGHT) return bytes_of(word(q[0], i) ^ 0x80808080u);
        if (FIVE) return bytes_of((word(q[0], i) & 0x0f0f0f0fu) | spread(high >> (4 * i)));
        return low_nibbles(word(q[0], i));
    }
    __device__ __forceinline__ Four top(int i) const {
        if (EIGHT) return bytes_of(word(q[EIGHT ? 1 : 0], i) ^ 0x80808080u);
        if (FIVE) return bytes_of(((word(q[0], i) >> 4) & 0x0f0f0f0fu) | spread(high >> (4 * i + 16)));
        return high_nibbles(word(q[0], i));
    }
    template <int R, int NB> static __device__ __forceinline__ void
    dot(const Codes<F> (&c)[R], const Input& in, u32, float (&acc)[R][NB]) {
        Sums<R, NB> a, b;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float4 xa[NB], xb[NB];
            fragment(xa, in, i);
            fragment(xb, in, i + 4);
#pragma unroll
            for (int r = 0; r < R; r++) {
                a.add(r, c[r].low(i), xa);
                b.add(r, c[r].top(i), xb);
            }
        }
#pragma unroll
        for (int n = 0; n < NB; n++) {
            const float2 runs = *(const float2*)(in.sums + n * in.sums_row);
            const float sum = runs.x + runs.y;
#pragma unroll
            for (int r = 0; r < R; r++) {
                const float codes = (a.v[r][n] + b.v[r][n]) * CODE, d = f16_low(c[r].scale);
                if (MIN) {
                    acc[r][n] = __fmaf_rn(d, codes, __fmaf_rn(f16_high(c[r].scale), sum, acc[r][n]));
                } else {
                    const float zero = EIGHT ? 128.f : FIVE ? 16.f : 8.f;
                    acc[r][n] = __fmaf_rn(d, __fmaf_rn(-zero, sum, codes), acc[r][n]);
                }
            }
        }
    }
};
template <> struct Codes<Q4_0> : Codes32<Q4_0> {};
template <> struct Codes<Q4_1> : Codes32<Q4_1> {};
template <> struct Codes<Q5_0> : Codes32<Q5_0> {};
template <> struct Codes<Q5_1> : Codes32<Q5_1> {};
template <> struct Codes<Q8_0> : Codes32<Q8_0> {};

// A nibble selects one of 16 values, here stored plus ZERO.
__device__ __forceinline__ u32 four_of_16(u32 nibbles, uint4 table) {
    const u32 within = nibbles & 0x7777u;
    const u32 low = __byte_perm(table.x, table.y, within), high = __byte_perm(table.z, table.w, within);
    return __byte_perm(low, high, 0x3210u | ((nibbles & 0x8888u) >> 1));
}
template <u32 F> struct CodesTable {
    static constexpr u32 TASK = 32, STEPS = 1, COLUMNS = CONTIGUOUS, ZERO = F == MXFP4 ? 12 : 128;
    static constexpr bool SUMS = true;
    uint4 q;
    float scale;
    __device__ __forceinline__ u32 any() const { return q.x ^ __float_as_uint(scale); }
    // Two columns of the low nibbles and two of the high ones share a word of `four_of_16`.
    static __device__ __forceinline__ float4 lift(u32 run) {
        return run == 1 ? lift_at(8, 0, 8, 0) : lift_at(0, 16, 0, 16);
    }
    static __device__ __forceinline__ uint4 table() {
        // -127 -104 -83 -65 -49 -35 -22 -10 1 13 25 38 53 69 89 113; 0 1 2 3 4 6 8 12 0 -1 -2 -3 -4 -6 -8 -12
        return F == MXFP4 ? make_uint4(0x0f0e0d0cu, 0x18141210u, 0x090a0b0cu, 0x00040608u)
                          : make_uint4(0x3f2d1801u, 0x766a5d4fu, 0xa6998d81u, 0xf1d9c5b5u);
    }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32, u32 t) {
        q = load_weights16(row + 16 * t);
        if (F == IQ4_NL) scale = f16_to_f32(load_weights2(row + m.s1 + 2 * t));
        if (F == MXFP4) scale = e8m0_half(__ldg(row + m.s1 + t));
        if (F == IQ4_XS) {
            const uint2 head = load_weights8(row + m.s1 + (t >> 3) * 8);
            const u32 s = t & 7, low = (head.y >> (4 * s)) & 15u, high = (head.x >> (16 + 2 * s)) & 3u;
            scale = f16_low(head.x) * (float)((i32)(low | high << 4) - 32);
        }
    }
    template <int R, int NB> static __device__ __forceinline__ void
    dot(const Codes<F> (&c)[R], const Input& in, u32, float (&acc)[R][NB]) {
        Sums<R, NB> a, b;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float4 xa[NB], xb[NB];
            fragment(xa, in, i);
            fragment(xb, in, i + 4);
#pragma unroll
            for (int r = 0; r < R; r++) {
                const u32 w = word(c[r].q, i), one = four_of_16(w & 0xffffu, table()),
                          two = four_of_16(w >> 16, table());
                a.add(r, {one & 0xffu, one & 0xff0000u, two & 0xffu, two & 0xff0000u}, xa);
                b.add(r, {one & 0xff00u, one >> 24, two & 0xff00u, two >> 24}, xb);
            }
        }
#pragma unroll
        for (int n = 0; n < NB; n++) {
            const float2 runs = *(const float2*)(in.sums + n * in.sums_row);
            const float sum = runs.x + runs.y;
#pragma unroll
            for (int r = 0; r < R; r++)
                acc[r][n] = __fmaf_rn(
                    c[r].scale, __fmaf_rn(-(float)ZERO, sum, (a.v[r][n] + b.v[r][n]) * CODE), acc[r][n]);
        }
    }
};
template <> struct Codes<IQ4_NL> : CodesTable<IQ4_NL> {};
template <> struct Codes<IQ4_XS> : CodesTable<IQ4_XS> {};
template <> struct Codes<MXFP4> : CodesTable<MXFP4> {};

// ---- Q4_K, Q5_K: 64 columns, the first 32 in the low nibbles; two scales and two minimums of a block's
// eight ----
template <u32 F> struct Codes64 {
    static constexpr bool FIVE = F == Q5_K;
    static constexpr u32 TASK = 64, STEPS = 1, COLUMNS = CONTIGUOUS;
    static constexpr bool SUMS = true;
    uint4 q[2], high[FIVE ? 2 : 1], head;
    static __device__ __forceinline__ float4 lift(u32 run) {
        return FIVE ? lift_bytes() : lift_nibbles(run >= 2);
    }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32, u32 t) {
        q[0] = load_weights16_kept(row + 32 * t);
        q[1] = load_weights16_kept(row + 32 * t + 16);
        if (FIVE) {
            high[0] = load_weights16_kept(row + m.s1 + (t >> 2) * 32);
            high[FIVE ? 1 : 0] = load_weights16_kept(row + m.s1 + (t >> 2) * 32 + 16);
        }
        head = load_weights16_kept(row + (FIVE ? m.s2 : m.s1) + (t >> 2) * 16);
    }
    __device__ __forceinline__ u32 any() const {
        return q[0].x ^ q[1].x ^ head.x ^ (FIVE ? high[0].x ^ high[FIVE ? 1 : 0].y : 0);
    }
    // The 6-bit scales and minimums of the sub-blocks 2c and 2c + 1, each in its byte. The first four fill
    // the low bits of a byte; the others have four bits in the last word and two above the first.
    static __device__ __forceinline__ void unpack(const uint4& head, u32 c, u32& scales, u32& mins) {
        const u32 shift = (c & 1) * 16, low = head.w >> shift, s = head.y >> shift, m = head.z >> shift;
        const u32 last = 0u - (c >> 1); // all bits, or none
        scales = (s & 0x3f3fu & ~last) | (((low & 0x0f0fu) | ((s >> 2) & 0x3030u)) & last);
        mins = (m & 0x3f3fu & ~last) | ((((low >> 4) & 0x0f0fu) | ((m >> 2) & 0x3030u)) & last);
    }
    template <int R, int NB> static __device__ __forceinline__ void
    dot(const Codes<F> (&c)[R], const Input& in, u32 t, float (&acc)[R][NB]) {
        Sums<R, NB> a, b;
        const u32 pair = t & 3;
#pragma unroll
        for (int i = 0; i < 8; i++) {
            float4 xa[NB], xb[NB];
            fragment(xa, in, i);
            fragment(xb, in, i + 8);
#pragma unroll
            for (int r = 0; r < R; r++) {
                const u32 w = word(c[r].q[i / 4], i % 4);
                if (FIVE) {
                    const u32 bits = word(c[r].high[FIVE ? i / 4 : 0], i % 4) >> (2 * pair);
                    a.add(r, bytes_of((w & 0x0f0f0f0fu) | ((bits << 4) & 0x10101010u)), xa);
                    b.add(r, bytes_of(((w >> 4) & 0x0f0f0f0fu) | ((bits << 3) & 0x10101010u)), xb);
                } else {
                    a.add(r, low_nibbles(w), xa);
                    b.add(r, high_nibbles(w), xb);
                }
            }
        }
        float first[NB], second[NB];
#pragma unroll
        for (int n = 0; n < NB; n++) {
            const float4 runs = *(const float4*)(in.sums + n * in.sums_row);
            first[n] = runs.x + runs.y;
            second[n] = runs.z + runs.w;
        }
#pragma unroll
        for (int r = 0; r < R; r++) {
            u32 scales, mins;
            unpack(c[r].head, pair, scales, mins);
            const float d = f16_low(c[r].head.x) * CODE, least = -f16_high(c[r].head.x);
            const float da = d * (float)(scales & 0xffu), db = d * (float)(scales >> 8 & 0xffu);
            const float ma = least * (float)(mins & 0xffu), mb = least * (float)(mins >> 8 & 0xffu);
#pragma unroll
            for (int n = 0; n < NB; n++) {
                float sum = __fmaf_rn(ma, first[n], acc[r][n]);
                sum = __fmaf_rn(mb, second[n], sum);
                sum = __fmaf_rn(da, a.v[r][n], sum);
                acc[r][n] = __fmaf_rn(db, b.v[r][n], sum);
            }
        }
    }
};
template <> struct Codes<Q4_K> : Codes64<Q4_K> {};
template <> struct Codes<Q5_K> : Codes64<Q5_K> {};

// ---- Q2_K, Q3_K, Q6_K: sub-blocks of 16; a task is side h of half n of a block, its runs the four groups of
// 32 ----
template <u32 F> struct CodesQuarters {
    static constexpr u32 TASK = 64, STEPS = 1, COLUMNS = QUARTERS;
    static constexpr bool SUMS = true;
    uint4 q[F == Q6_K ? 2 : 1], high;
    uint2 scales; // of the eight sub-blocks of the half; Q3_K: three words, with `third`
    u32 third, d;
    static __device__ __forceinline__ float4 lift(u32 run) {
        if (F != Q2_K) return lift_bytes();
        return run == 0   ? lift_at(0, 8, 16, 16)
               : run == 1 ? lift_at(2, 10, 18, 18)
               : run == 2 ? lift_at(4, 12, 20, 20)
                          : lift_at(6, 14, 22, 22);
    }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32, u32 t) {
        const u32 block = t >> 2, n = (t >> 1) & 1, h = t & 1;
        if (F == Q6_K) {
            q[0] = load_weights16_kept(row + 128 * block + 64 * n + 16 * h);
            q[F == Q6_K ? 1 : 0] = load_weights16_kept(row + 128 * block + 64 * n + 16 * h + 32);
            high = load_weights16(row + m.s1 + 64 * block + 32 * n + 16 * h);
            scales = load_weights8(row + m.s2 + 16 * block + 8 * n);
            d = load_weights2(row + m.s3 + 2 * block);
        } else {
            q[0] = load_weights16(row + 64 * block + 32 * n + 16 * h);
            if (F == Q2_K) {
                scales = load_weights8(row + m.s1 + 16 * block + 8 * n);
                d = load_weights4(row + m.s2 + 4 * block);
            } else {
                high = load_weights16(row + m.s1 + 32 * block + 16 * h);
                scales.x = load_weights4(row + m.s2 + 12 * block);
                scales.y = load_weights4(row + m.s2 + 12 * block + 4);
                third = load_weights4(row + m.s2 + 12 * block + 8);
                d = load_weights2(row + m.s3 + 2 * block);
            }
        }
    }
    __device__ __forceinline__ u32 any() const {
        const u32 v = q[0].x ^ q[F == Q6_K ? 1 : 0].y ^ scales.x ^ d;
        return F == Q2_K ? v : F == Q6_K ? v ^ high.x : v ^ high.x ^ scales.y ^ third;
    }
    __device__ __forceinline__ Four codes(int run, int i, u32 n) const {
        if (F == Q6_K) {
            const u32 w = word(q[F == Q6_K ? run & 1 : 0], i), bits = word(high, i);
            const u32 low = run < 2 ? w & 0x0f0f0f0fu : (w >> 4) & 0x0f0f0f0fu;
            const u32 two = run == 0 ? bits << 4 : run == 1 ? bits << 2 : run == 2 ? bits : bits >> 2;
            return bytes_of(low | (two & 0x30303030u));
        }
        const u32 w = word(q[0], i);
        if (F == Q3_K) {
            const u32 bit = word(high, i) >> (4 * n + run);
            return bytes_of(((w >> (2 * run)) & 0x03030303u) | ((bit << 2) & 0x04040404u));
        }
        const u32 mask = 3u << (2 * run);
        return {w & mask, w & (mask << 8), w & (mask << 16), (w >> 8) & (mask << 16)};
    }
    // Scale of a run; of Q2_K the minimum too.
    __device__ __forceinline__ float scale(int run, u32 n, u32 h, float& least) const {
        if (F == Q3_K) {
            const u32 low = (run < 2 ? scales.x : scales.y) >> (4 * n),
                      top = third >> (4 * n + (run < 2 ? 0 : 2));
            const u32 at = 8 * (2 * (run & 1) + h);
            return f16_low(d) * (float)((i32)(((low >> at) & 15u) | (((top >> at) & 3u) << 4)) - 32);
        }
        const u32 byte = (run < 2 ? scales.x : scales.y) >> (8 * (2 * (run & 1) + h));
        if (F == Q6_K) return f16_low(d) * (float)(i8)byte;
        least = f16_high(d) * (float)(byte >> 4 & 15u);
        return f16_low(d) * (float)(byte & 15u);
    }
    template <int R, int NB> static __device__ __forceinline__ void
    dot(const Codes<F> (&c)[R], const Input& in, u32 t, float (&acc)[R][NB]) {
        const u32 half = (t >> 1) & 1, side = t & 1;
        Sums<R, NB> s[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int run = 0; run < 4; run++) {
                float4 x[NB];
                fragment(x, in, 4 * run + i);
#pragma unroll
                for (int r = 0; r < R; r++) s[run].add(r, c[r].codes(run, i, half), x);
            }
        float4 runs[NB];
#pragma unroll
        for (int n = 0; n < NB; n++) runs[n] = *(const float4*)(in.sums + n * in.sums_row);
#pragma unroll
        for (int r = 0; r < R; r++)
#pragma unroll
            for (int run = 0; run < 4; run++) {
                float least = 0.f;
                const float scale = c[r].scale(run, half, side, least);
#pragma unroll
                for (int n = 0; n < NB; n++) {
                    const float sum = run == 0   ? runs[n].x
                                      : run == 1 ? runs[n].y
                                      : run == 2 ? runs[n].z
                                                 : runs[n].w;
                    const float codes = s[run].v[r][n] * CODE;
                    if (F == Q2_K) {
                        acc[r][n] = __fmaf_rn(scale, codes, __fmaf_rn(-least, sum, acc[r][n]));
                    } else {
                        const float zero = F == Q6_K ? 32.f : 4.f;
                        acc[r][n] = __fmaf_rn(scale, __fmaf_rn(-zero, sum, codes), acc[r][n]);
                    }
                }
            }
    }
};
template <> struct Codes<Q2_K> : CodesQuarters<Q2_K> {};
template <> struct Codes<Q3_K> : CodesQuarters<Q3_K> {};
template <> struct Codes<Q6_K> : CodesQuarters<Q6_K> {};
