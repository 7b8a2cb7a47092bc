// What a lane holds of 256 columns of a quantized row, and the product of two such rows with planes of
// activations. `crates/formats` defines the values of the codes.
#pragma once
#include "planes.cuh"

#define QUANTIZED_FORMATS(CASE)                                                                              \
    CASE(Q4_0, q4_0)                                                                                         \
    CASE(Q4_1, q4_1)                                                                                         \
    CASE(Q5_0, q5_0)                                                                                         \
    CASE(Q5_1, q5_1)                                                                                         \
    CASE(Q8_0, q8_0)                                                                                         \
    CASE(Q2_K, q2_k)                                                                                         \
    CASE(Q3_K, q3_k)                                                                                         \
    CASE(Q4_K, q4_k) CASE(Q5_K, q5_k) CASE(Q6_K, q6_k) CASE(IQ4_NL, iq4_nl) CASE(IQ4_XS, iq4_xs)             \
        CASE(MXFP4, mxfp4)

__device__ __forceinline__ u32 byte_at(u32 word, u32 i) { return word >> (8 * i) & 255u; }
__device__ __forceinline__ u32 nibbles(u32 word, bool high) {
    return (high ? word >> 4 : word) & 0x0f0f0f0fu;
}

// Every quantized format has: ZERO, the code of weight 0 where sums of planes correct it, else 0; what a lane
// holds of one row of a step; `load`; `any`, which is known when all of it has come; and `dot`, which adds
// the product of two rows. A step beyond the columns of a row meets planes of zeros and scales of zero.
template <u32 F> struct Held;

// Loads of a warp share one counter of what is outstanding: to wait for one step is to wait for all that was
// asked for. So the next step is asked for when this one has come (its result, 0, goes into the addresses)
// and before it is used. `none` is 0, which the compiler does not know.
template <u32 F> __device__ __forceinline__ u32 settled(const Held<F> (&step)[2], u32 none) {
    u32 zero;
    asm volatile("and.b32 %0, %1, %2;" : "=r"(zero) : "r"(step[0].any() ^ step[1].any()), "r"(none));
    return zero;
}

// ---- Q4_K, Q5_K: sub-blocks of 32, the nibbles of 32 bytes are two of them ----
template <u32 F> struct HeldHalves {
    static constexpr bool FIVE = F == Q5_K;
    static constexpr i32 ZERO = 0;
    // Lanes with t < 2 hold the codes of one pair of sub-blocks, the others those of the next.
    uint4 q[2], high, head;
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32 step, u32 t) {
#pragma unroll
        for (int i = 0; i < 2; i++) q[i] = load_weights16(row + 128 * step + 64 * i + 16 * t);
        if (FIVE) high = load_weights16(row + m.s1 + 32 * step + 16 * (t & 1));
        head = load_weights16(row + (FIVE ? m.s2 : m.s1) + 16 * step);
    }
    __device__ __forceinline__ u32 any() const { return q[0].x ^ q[1].x ^ head.x ^ (FIVE ? high.x : 0); }
    // The codes of a word, whose fifth bits are at `place` in the bytes of `bits`.
    static __device__ __forceinline__ u32 codes(u32 word, u32 bits, int place, bool upper) {
        const u32 low = nibbles(word, upper);
        if (!FIVE) return low;
        return low | ((place < 4 ? bits << (4 - place) : bits >> (place - 4)) & 0x10101010u);
    }
    static __device__ __forceinline__ void dot(const Held<F> (&r)[2], const View& x, u32 step, Acc& acc) {
        u32 scale[2][2], least[2][2];
        uint4 bits[2];
        const u32 side = x.t >> 1;
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const uint4 &head = r[k].head, &high = r[k].high;
            scale[k][0] = head.y & 0x3f3f3f3fu;
            least[k][0] = head.z & 0x3f3f3f3fu;
            scale[k][1] = (head.w & 0x0f0f0f0fu) | (head.y >> 2 & 0x30303030u);
            least[k][1] = (head.w >> 4 & 0x0f0f0f0fu) | (head.z >> 2 & 0x30303030u);
            if (FIVE) {
                const u32 by = 2 * side;
                bits[k] = make_uint4(high.x >> by, high.y >> by, high.z >> by, high.w >> by);
            } else {
                bits[k] = make_uint4(0, 0, 0, 0);
            }
        }
        i32 sum[4] = {};
#pragma unroll
        for (int i = 0; i < 2; i++)
#pragma unroll
            for (int upper = 0; upper < 2; upper++) {
                const u32 column = step * WIDE + 128 * i + 64 * side + 32 * upper + 16 * (x.t & 1);
                const uint4 b = x.own_at(column);
                const uint4 &a0 = r[0].q[i], &a1 = r[1].q[i];
                const int place = 4 * i + upper;
                i32 c[4] = {};
                mma(c, codes(a0.x, bits[0].x, place, upper), codes(a1.x, bits[1].x, place, upper),
                    codes(a0.y, bits[0].y, place, upper), codes(a1.y, bits[1].y, place, upper), b.x, b.y);
                mma(c, codes(a0.z, bits[0].z, place, upper), codes(a1.z, bits[1].z, place, upper),
                    codes(a0.w, bits[0].w, place, upper), codes(a1.w, bits[1].w, place, upper), b.z, b.w);
#pragma unroll
                for (int k = 0; k < 2; k++) {
                    const i32 factor = (i32)(scale[k][i] >> (16 * side + 8 * upper) & 255u);
                    sum[2 * k] += factor * c[2 * k];
                    sum[2 * k + 1] += factor * c[2 * k + 1];
                }
            }
        // Lane t adds the minimums of sub-blocks t and t + 4.
        const float2 a = *(const float2*)(x.sums + 16 * step + 2 * x.t),
                     b = *(const float2*)(x.sums + 16 * step + 8 + 2 * x.t);
        const float first = a.x + a.y, second = b.x + b.y, of_x = x.scales[step];
#pragma unroll
        for (int k = 0; k < 2; k++) {
            const float mins =
                (float)byte_at(least[k][0], x.t) * first + (float)byte_at(least[k][1], x.t) * second;
            acc.low[k] = __fmaf_rn(-f16_high(r[k].head.x), mins, acc.low[k]);
            acc.add(k, f16_low(r[k].head.x) * of_x, sum[2 * k], sum[2 * k + 1]);
        }
    }
};
template <> struct Held<Q4_K> : HeldHalves<Q4_K> {};
template <> struct Held<Q5_K> : HeldHalves<Q5_K> {};

// ---- Q2_K, Q3_K, Q6_K: sub-blocks of 16, of which a lane's bytes belong to one ----
template <u32 F> struct HeldQuarters {
    static constexpr i32 ZERO = F == Q6_K ? 32 : F == Q3_K ? 4 : 0;
    static constexpr int LOW = F == Q6_K ? 4 : 2, HIGH = F == Q6_K ? 2 : F == Q3_K ? 1 : 0;
    uint2 q[LOW], high[HIGH == 0 ? 1 : HIGH];
    uint4 scales; // of Q3_K three words
    u32 d;
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32 step, u32 t) {
        const u8* codes = row + 32 * LOW * step + 8 * t;
#pragma unroll
        for (int i = 0; i < LOW; i++) q[i] = load_weights8(codes + 32 * i);
#pragma unroll
        for (int i = 0; i < HIGH; i++)
            high[i] = load_weights8(row + m.s1 + 32 * HIGH * step + 32 * i + 8 * t);
        if (F == Q6_K) scales = load_weights16(row + m.s2 + 16 * step);
        if (F == Q2_K) scales = load_weights16(row + m.s1 + 16 * step);
        if (F == Q3_K) {
            const u8* at = row + m.s2 + 12 * step;
            scales = make_uint4(load_weights4(at), load_weights4(at + 4), load_weights4(at + 8), 0);
        }
        d = F == Q2_K ? load_weights4(row + m.s2 + 4 * step) : load_weights2(row + m.s3 + 2 * step);
    }
    __device__ __forceinline__ u32 any() const {
        u32 all = scales.x ^ d;
        if (F == Q3_K) all ^= scales.y ^ scales.z;
#pragma unroll
        for (int i = 0; i < LOW; i++) all ^= q[i].x;
#pragma unroll
        for (int i = 0; i < HIGH; i++) all ^= high[i].x;
        return all;
    }
    // The codes of run `run` of 32 columns in half `n`; `y` is the second word of a lane.
    __device__ __forceinline__ u32 codes(int n, int run, bool y) const {
        if (F == Q6_K) {
            const uint2 low = q[F == Q6_K ? 2 * n + (run & 1) : n], top = high[HIGH == 2 ? n : 0];
            const u32 bits = y ? top.y : top.x;
            const u32 two = run == 0 ? bits << 4 : run == 1 ? bits << 2 : run == 2 ? bits : bits >> 2;
            return nibbles(y ? low.y : low.x, run >= 2) | (two & 0x30303030u);
        }
        const u32 low = (y ? q[n].y : q[n].x) >> (2 * run) & 0x03030303u;
        if (F == Q2_K) return low;
        const int place = 4 * n + run;
        const u32 bits = y ? high[0].y : high[0].x;
        return low | ((place < 2 ? bits << (2 - place) : bits >> (place - 2)) & 0x04040404u);
    }
    // The scale of a run on side `side`; of Q2_K the minimum too.
    __device__ __forceinline__ i32 scale(int n, int run, u32 side, u32& least) const {
        if (F == Q3_K) {
            const u32 low = (run < 2 ? scales.x : scales.y) >> (4 * n),
                      top = scales.z >> (4 * n + (run < 2 ? 0 : 2));
            const u32 at = 16 * (run & 1) + 8 * side;
            return (i32)((low >> at & 15u) | (top >> at & 3u) << 4) - 32;
        }
        const u32 word = n == 0 ? (run < 2 ? scales.x : scales.y) : (run < 2 ? scales.z : scales.w);
        const u32 byte = word >> (16 * (run & 1) + 8 * side);
        if (F == Q6_K) return (i32)(i8)(byte & 255u);
        least = byte >> 4 & 15u;
        return (i32)(byte & 15u);
    }
    static __device__ __forceinline__ void dot(const Held<F> (&r)[2], const View& x, u32 step, Acc& acc) {
        const u32 side = x.t >> 1;
        i32 sum[4] = {};
        float mins[2] = {};
#pragma unroll
        for (int n = 0; n < 2; n++)
#pragma unroll
            for (int run = 0; run < 4; run++) {
                const u32 group = 4 * n + run;
                const uint2 b = x.at(step * WIDE + 32 * group + 8 * x.t);
                i32 c[4] = {};
                if (ZERO != 0) {
                    const int2 offset = *(const int2*)(x.offsets + step * 64 + 8 * group + 2 * x.t);
                    c[0] = c[2] = offset.x;
                    c[1] = c[3] = offset.y;
                }
                mma(c, r[0].codes(n, run, false), r[1].codes(n, run, false), r[0].codes(n, run, true),
                    r[1].codes(n, run, true), b.x & x.own, b.y & x.own);
                const float of_x = F == Q2_K ? x.sums[16 * step + 2 * group + side] : 0.f;
#pragma unroll
                for (int k = 0; k < 2; k++) {
                    u32 least = 0;
                    const i32 factor = r[k].scale(n, run, side, least);
                    sum[2 * k] += factor * c[2 * k];
                    sum[2 * k + 1] += factor * c[2 * k + 1];
                    if (F == Q2_K) mins[k] = __fmaf_rn((float)least, of_x, mins[k]);
                }
            }
        const float of_x = x.scales[step];
#pragma unroll
        for (int k = 0; k < 2; k++) {
            // Two lanes hold the same sub-blocks.
            if (F == Q2_K && (x.t & 1) == 0) acc.low[k] = __fmaf_rn(-f16_high(r[k].d), mins[k], acc.low[k]);
            acc.add(k, f16_low(r[k].d) * of_x, sum[2 * k], sum[2 * k + 1]);
        }
    }
};
template <> struct Held<Q2_K> : HeldQuarters<Q2_K> {};
template <> struct Held<Q3_K> : HeldQuarters<Q3_K> {};
template <> struct Held<Q6_K> : HeldQuarters<Q6_K> {};

// ---- Q8_0 ----
template <> struct Held<Q8_0> {
    static constexpr i32 ZERO = 0;
    uint2 q[8];
    uint4 scales;
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32 step, u32 t) {
#pragma unroll
        for (int i = 0; i < 8; i++) q[i] = load_weights8(row + 256 * step + 32 * i + 8 * t);
        scales = load_weights16(row + m.s1 + 16 * step);
    }
    __device__ __forceinline__ u32 any() const {
        u32 all = scales.x;
#pragma unroll
        for (int i = 0; i < 8; i++) all ^= q[i].x;
        return all;
    }
    static __device__ __forceinline__ void dot(const Held<Q8_0> (&r)[2], const View& x, u32 step, Acc& acc) {
        const float of_x = x.scales[step];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const uint2 b = x.of_two(step * WIDE + 64 * i);
            i32 c[4] = {};
            mma(c, r[0].q[2 * i].x, r[1].q[2 * i].x, r[0].q[2 * i].y, r[1].q[2 * i].y, b.x & x.first,
                b.y & x.first);
            mma(c, r[0].q[2 * i + 1].x, r[1].q[2 * i + 1].x, r[0].q[2 * i + 1].y, r[1].q[2 * i + 1].y,
                b.x & x.second, b.y & x.second);
#pragma unroll
            for (int k = 0; k < 2; k++) {
                const uint4& s = r[k].scales;
                const u32 pair = i == 0 ? s.x : i == 1 ? s.y : i == 2 ? s.z : s.w;
                acc.add(k, f16_low(pair >> (8 * (x.t & 2))) * of_x, c[2 * k], c[2 * k + 1]);
            }
        }
    }
};

// ---- blocks of 32 in sixteen bytes: low nibbles are columns 0 to 15, high ones 16 to 31 ----
// A nibble selects one of 16 signed bytes.
__device__ __forceinline__ u32 four_of_16(u32 nibbles, const uint4& table) {
    const u32 within = nibbles & 0x7777u;
    const u32 low = __byte_perm(table.x, table.y, within), high = __byte_perm(table.z, table.w, within);
    return __byte_perm(low, high, 0x3210u | ((nibbles & 0x8888u) >> 1));
}
template <u32 F> struct HeldNibbles {
    static constexpr bool FIVE = F == Q5_0 || F == Q5_1, MIN = F == Q4_1 || F == Q5_1;
    static constexpr bool TABLE = F == IQ4_NL || F == IQ4_XS || F == MXFP4;
    static constexpr i32 ZERO = 0; // corrected in f32
    uint2 q[4];
    u32 high[FIVE ? 4 : 1], scales[4]; // of this lane's block of two: of f16 or two, or bytes
    static __device__ __forceinline__ uint4 table() {
        return F == MXFP4 ? make_uint4(0x03020100u, 0x0c080604u, 0xfdfeff00u, 0xf4f8fafcu)
                          : make_uint4(0xbfad9881u, 0xf6eaddcfu, 0x26190d01u, 0x71594535u);
    }
    __device__ __forceinline__ void load(const Mat& m, const u8* row, u32 step, u32 t) {
        const u32 blocks = m.units, first = 8 * step + (t >> 1);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            q[i] = load_weights8(row + 128 * step + 32 * i + 8 * t);
            const u32 block = first + 2 * i;
            if (FIVE) high[FIVE ? i : 0] = load_weights4(row + m.s1 + 4 * block);
            const u8* at = row + (FIVE ? m.s2 : m.s1);
            if (MIN) {
                // What follows the last block may be no number.
                const u32 both = load_weights4(at + 4 * min(block, blocks - 1));
                scales[i] = block < blocks ? both : 0;
            } else if (F == MXFP4) {
                scales[i] = load_weights1(at + block);
            } else if (F == IQ4_XS) {
                if (i < 2) scales[i] = load_weights4(at + 8 * step + 4 * i);
            } else {
                scales[i] = load_weights2(at + 2 * block);
            }
        }
    }
    __device__ __forceinline__ u32 any() const {
        u32 all = 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            all ^= q[i].x;
            if (F != IQ4_XS || i < 2) all ^= scales[i];
            if (FIVE) all ^= high[FIVE ? i : 0];
        }
        return all;
    }
    // Four bits to bit 4 of four bytes: no two partial products share a bit.
    static __device__ __forceinline__ u32 spread(u32 bits) {
        return ((bits & 15u) * 0x02040810u) & 0x10101010u;
    }
    // Codes of a lane's eight bytes: `y` the second four, `upper` the high nibbles.
    __device__ __forceinline__ u32 codes(int i, bool y, bool upper, u32 t) const {
        const u32 word = y ? q[i].y : q[i].x;
        if (TABLE) {
            const u32 one = four_of_16(word & 0xffffu, table()), two = four_of_16(word >> 16, table());
            return __byte_perm(one, two, upper ? 0x7531 : 0x6420);
        }
        const u32 low = nibbles(word, upper);
        if (!FIVE) return low;
        return low | spread(high[FIVE ? i : 0] >> (8 * (t & 1) + (upper ? 16 : 0) + (y ? 4 : 0)));
    }
    static __device__ __forceinline__ void dot(const Held<F> (&r)[2], const View& x, u32 step, Acc& acc) {
        const float of_x = x.scales[step];
        const u32 side = x.t >> 1;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const u32 column = step * WIDE + 64 * i + 32 * side + 8 * (x.t & 1);
            const uint2 low = x.at(column), high = x.at(column + 16);
            i32 c[4] = {};
            mma(c, r[0].codes(i, false, false, x.t), r[1].codes(i, false, false, x.t),
                r[0].codes(i, true, false, x.t), r[1].codes(i, true, false, x.t), low.x & x.own,
                low.y & x.own);
            mma(c, r[0].codes(i, false, true, x.t), r[1].codes(i, false, true, x.t),
                r[0].codes(i, true, true, x.t), r[1].codes(i, true, true, x.t), high.x & x.own,
                high.y & x.own);
            const float2 halves = *(const float2*)(x.sums + 16 * step + 4 * i + 2 * side);
            // Two lanes hold the same block: one adds what is in f32.
            const float sum = (x.t & 1) == 0 ? halves.x + halves.y : 0.f;
#pragma unroll
            for (int k = 0; k < 2; k++) {
                float d, zero = 0.f;
                if (F == IQ4_XS) {
                    const u32 head = r[k].scales[0], s = 2 * i + side;
                    const u32 bits = (r[k].scales[1] >> (4 * s) & 15u) | (head >> (16 + 2 * s) & 3u) << 4;
                    d = f16_low(head) * (float)((i32)bits - 32);
                } else if (F == MXFP4) {
                    d = e8m0_half((u8)r[k].scales[i]);
                } else {
                    d = f16_low(r[k].scales[i]);
                    zero = FIVE ? 16.f : 8.f;
                }
                if (MIN) {
                    acc.low[k] = __fmaf_rn(f16_high(r[k].scales[i]), sum, acc.low[k]);
                } else if (!TABLE) {
                    acc.low[k] = __fmaf_rn(-zero * d, sum, acc.low[k]);
                }
                acc.add(k, d * of_x, c[2 * k], c[2 * k + 1]);
            }
        }
    }
};
template <> struct Held<Q4_0> : HeldNibbles<Q4_0> {};
template <> struct Held<Q4_1> : HeldNibbles<Q4_1> {};
template <> struct Held<Q5_0> : HeldNibbles<Q5_0> {};
template <> struct Held<Q5_1> : HeldNibbles<Q5_1> {};
template <> struct Held<IQ4_NL> : HeldNibbles<IQ4_NL> {};
template <> struct Held<IQ4_XS> : HeldNibbles<IQ4_XS> {};
template <> struct Held<MXFP4> : HeldNibbles<MXFP4> {};
