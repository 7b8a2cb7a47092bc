// Stored weights as f16 codes in shared memory, for the tensor cores. A step of a product takes 64 columns,
// two runs of 32; a thread unpacks one of the two halves of a row's step. A code is the stored integer (times
// the integer scale of its sub-block where that stays exact in f16), so that nothing is rounded here; the f32
// scale that is left goes to shared memory beside it. Every four columns are stored in the order 0, 2, 1, 3,
// in which two masks of a word yield them; `split_rows` writes the activations in that order too.
#pragma once
#include "f16x2.cuh"

// f16 in [1024, 2048) are integers with the value in their low bits.
constexpr u32 F16_1024 = 0x64006400u;
// -1024, -1032, -1040, -1056, -1152: what is taken off again, with the offset of a format's codes.
constexpr u32 F16_LESS_1024 = 0xe400e400u;
constexpr u32 F16_LESS_1028 = 0xe404e404u;
constexpr u32 F16_LESS_1032 = 0xe408e408u;
constexpr u32 F16_LESS_1040 = 0xe410e410u;
constexpr u32 F16_LESS_1056 = 0xe420e420u;
constexpr u32 F16_LESS_1152 = 0xe480e480u;
constexpr u32 F16_SIXTEENTH = 0x2c002c00u;
constexpr u32 F16_LESS_64 = 0xd400d400u;
constexpr u32 F16_LESS_72 = 0xd480d480u;

// A small integer in both halves as f16.
__device__ __forceinline__ u32 f16x2_of(u32 value) {
    return f16x2_add((value * 0x10001u) | F16_1024, F16_LESS_1024);
}

// The four bytes of a word, each plus 1024 in f16, in the order of the tile.
__device__ __forceinline__ void bytes_over_1024(u32 bytes, u32& even, u32& odd) {
    even = (bytes & 0x00ff00ffu) | F16_1024;
    odd = ((bytes >> 8) & 0x00ff00ffu) | F16_1024;
}

// The power of two that brings `most` into [2^13, 2^14), and its inverse; NaN and infinities stay what they
// are.
__device__ __forceinline__ float scale_to_f16(float most, float& inverse) {
    u32 exponent = __float_as_uint(most) >> 23 & 255u;
    exponent = exponent < 14 ? 14 : exponent;
    inverse = __uint_as_float((exponent - 13) << 23);
    return __uint_as_float((267 - exponent) << 23);
}

// What a thread of the unpacking knows of its place.
struct Place {
    const u8* row; // the stored row
    u8* codes;     // the row of the tile, 128 bytes in chunks of 16, chunk c at c ^ (row & 7)
    u32 half;      // 0 or 1
    u32 tile_row;
    u32 matrix_row;
};

__device__ __forceinline__ void put_chunk(const Place& at, u32 chunk, u32 a, u32 b, u32 c, u32 d) {
    *reinterpret_cast<uint4*>(at.codes + ((chunk ^ (at.tile_row & 7)) << 4)) = make_uint4(a, b, c, d);
}
// 16 codes, of half `half` of run `run`.
__device__ __forceinline__ void put_16(const Place& at, u32 run, u32 half, const u32 (&v)[8]) {
    put_chunk(at, run * 4 + half * 2, v[0], v[1], v[2], v[3]);
    put_chunk(at, run * 4 + half * 2 + 1, v[4], v[5], v[6], v[7]);
}

// Shared memory beside the codes: scales [slot][128], the minima of up to eight sub-blocks [128][16] (twice,
// for the two parts of the sums of x), and what the minima are multiplied with [128].
struct Scales {
    float* scale;
    u16* minima;
    float* of_minima;
};
constexpr u32 TILE_ROWS = 128;

// 16 values as two parts of f16, the second run of the step holding the rest that the first leaves.
__device__ __forceinline__ void put_parts(const Place& at, const Scales& to, const float (&v)[16]) {
    float most = 0.f, inverse;
#pragma unroll
    for (int i = 0; i < 16; i++) most = fmaxf(most, fabsf(v[i]));
    const float scale = scale_to_f16(most, inverse);
    u32 high[8], low[8];
#pragma unroll
    for (int i = 0; i < 8; i++) {
        const int first = i / 2 * 4 + (i & 1);
        const float a = v[first] * scale, b = v[first + 2] * scale;
        high[i] = f16x2_from(a, b);
        low[i] = f16x2_from(a - f16_low(high[i]), b - f16_high(high[i]));
    }
    put_16(at, 0, at.half, high);
    put_16(at, 1, at.half, low);
    to.scale[at.half * TILE_ROWS + at.tile_row] = inverse;
    to.scale[(2 + at.half) * TILE_ROWS + at.tile_row] = inverse;
}

__device__ __forceinline__ void words(const uint4& q, u32 (&w)[4]) {
    w[0] = q.x, w[1] = q.y, w[2] = q.z, w[3] = q.w;
}
__device__ __forceinline__ u32 word_at(const u8* at) { return __ldg(reinterpret_cast<const u32*>(at)); }
__device__ __forceinline__ u32 short_at(const u8* at) { return __ldg(reinterpret_cast<const u16*>(at)); }
__device__ __forceinline__ uint4 quad_at(const u8* at) { return __ldg(reinterpret_cast<const uint4*>(at)); }

// Columns per scale (a whole step is 64, a superblock 256), whether there are minima, and the first columns
// of the two runs of a step.
template <u32 COLUMNS, bool MINIMA>
struct Shape {
    static constexpr u32 SCALE_COLUMNS = COLUMNS;
    static constexpr bool HAS_MINIMA = MINIMA;
    static __device__ __forceinline__ u32 steps(const Mat& m) { return (m.units + 1) / 2; }
    static __device__ __forceinline__ u32 first(u32 step) { return step * 64; }
    static __device__ __forceinline__ u32 second(u32 step) { return step * 64 + 32; }
};
// Two parts of the weights: both runs are the same 32 columns.
struct TwoParts {
    static constexpr u32 SCALE_COLUMNS = 16;
    static constexpr bool HAS_MINIMA = false;
    static __device__ __forceinline__ u32 steps(const Mat& m) { return m.units; }
    static __device__ __forceinline__ u32 first(u32 step) { return step * 32; }
    static __device__ __forceinline__ u32 second(u32 step) { return step * 32; }
};

// One kind of stored rows: `load` takes the bytes of a step into registers, `unpack` writes their codes.
template <u32 F>
struct Codes;

template <>
struct Codes<F32> : TwoParts {
    uint4 q[4];
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u8* from = at.row + step * 128 + at.half * 64;
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] = quad_at(from + i * 16);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
        float v[16];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            v[4 * i] = __uint_as_float(q[i].x), v[4 * i + 1] = __uint_as_float(q[i].y);
            v[4 * i + 2] = __uint_as_float(q[i].z), v[4 * i + 3] = __uint_as_float(q[i].w);
        }
        put_parts(at, to, v);
    }
};

template <>
struct Codes<Q2_K> : TwoParts {
    uint4 q;
    u32 pair, ds;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 block = step / 8, group = step % 8;
        q = quad_at(at.row + block * 64 + group / 4 * 32 + at.half * 16);
        pair = at.row[m.s1 + block * 16 + group * 2 + at.half];
        ds = word_at(at.row + m.s2 + block * 4);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        const float scale = f16_low(ds) * (float)(pair & 15), min = f16_high(ds) * (float)(pair >> 4);
        u32 w[4];
        words(q, w);
        float v[16];
#pragma unroll
        for (int i = 0; i < 16; i++)
            v[i] = scale * (float)(w[i / 4] >> (i % 4 * 8 + step % 4 * 2) & 3u) - min;
        put_parts(at, to, v);
    }
};

template <>
struct Codes<F16> : Shape<256, false> {
    uint4 q[4];
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
#pragma unroll
        for (int i = 0; i < 4; i++)
            q[i] = unit < m.units ? quad_at(at.row + unit * 64 + i * 16) : make_uint4(0, 0, 0, 0);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
#pragma unroll
        for (int i = 0; i < 4; i++)
            put_chunk(at, at.half * 4 + i, __byte_perm(q[i].x, q[i].y, 0x5410),
                      __byte_perm(q[i].x, q[i].y, 0x7632), __byte_perm(q[i].z, q[i].w, 0x5410),
                      __byte_perm(q[i].z, q[i].w, 0x7632));
        if (at.half == 0) to.scale[at.tile_row] = 1.f;
    }
};

// bf16 has eight bits, so a run of 32 over the power of two of its largest is exact in f16 down to 2^-31 of
// it; what is smaller is rounded to 2^-38 of it.
template <>
struct Codes<BF16> : Shape<32, false> {
    uint4 q[4];
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
#pragma unroll
        for (int i = 0; i < 4; i++)
            q[i] = unit < m.units ? quad_at(at.row + unit * 64 + i * 16) : make_uint4(0, 0, 0, 0);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
        u32 most = 0; // of the magnitudes, which order as integers do
#pragma unroll
        for (int i = 0; i < 4; i++) {
            u32 w[4];
            words(q[i], w);
#pragma unroll
            for (int j = 0; j < 4; j++) most = __vmaxu2(most, w[j] & 0x7fff7fffu);
        }
        most = max(most & 0xffffu, most >> 16);
        float inverse;
        const float scale = scale_to_f16(__uint_as_float(most << 16), inverse);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            u32 w[4], v[4];
            words(q[i], w);
#pragma unroll
            for (int j = 0; j < 2; j++) {
                v[2 * j] = f16x2_from(bf16_low(w[2 * j]) * scale, bf16_low(w[2 * j + 1]) * scale);
                v[2 * j + 1] = f16x2_from(bf16_high(w[2 * j]) * scale, bf16_high(w[2 * j + 1]) * scale);
            }
            put_chunk(at, at.half * 4 + i, v[0], v[1], v[2], v[3]);
        }
        to.scale[at.half * TILE_ROWS + at.tile_row] = inverse;
    }
};

// e4m3 moved to f16's place is the value over 256; a magnitude of 0x7f is NaN in both.
template <>
struct Codes<F8E4M3> : Shape<64, false> {
    uint4 q[2];
    float scale;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
#pragma unroll
        for (int i = 0; i < 2; i++)
            q[i] = unit < m.units ? quad_at(at.row + unit * 32 + i * 16) : make_uint4(0, 0, 0, 0);
        scale = m.scales ? __ldg(m.scales + at.matrix_row / 128 * m.scale_cols + step / 2) : 1.f;
    }
    static __device__ __forceinline__ u32 moved(u32 pair) {
        const u32 magnitude = pair & 0x007f007fu;
        const u32 nan = __vcmpeq2(magnitude, 0x007f007fu) & 0x7fff7fffu;
        return (pair & 0x00800080u) << 8 | magnitude << 7 | nan;
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            put_chunk(at, at.half * 4 + i * 2, moved(q[i].x), moved(q[i].x >> 8), moved(q[i].y),
                      moved(q[i].y >> 8));
            put_chunk(at, at.half * 4 + i * 2 + 1, moved(q[i].z), moved(q[i].z >> 8), moved(q[i].w),
                      moved(q[i].w >> 8));
        }
        if (at.half == 0) to.scale[at.tile_row] = scale * 256.f;
    }
};

template <>
struct Codes<Q8_0> : Shape<32, false> {
    uint4 q[2];
    u32 d;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
        const bool inside = unit < m.units;
#pragma unroll
        for (int i = 0; i < 2; i++)
            q[i] = inside ? quad_at(at.row + unit * 32 + i * 16) : make_uint4(0, 0, 0, 0);
        d = inside ? short_at(at.row + m.s1 + unit * 2) : 0;
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            u32 w[4], v[8];
            words(q[i], w);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                bytes_over_1024(w[j] ^ 0x80808080u, v[2 * j], v[2 * j + 1]);
                v[2 * j] = f16x2_add(v[2 * j], F16_LESS_1152);
                v[2 * j + 1] = f16x2_add(v[2 * j + 1], F16_LESS_1152);
            }
            put_16(at, at.half, i, v);
        }
        to.scale[at.half * TILE_ROWS + at.tile_row] = f16_low(d);
    }
};

// 16 bytes of two nibbles each, times `scale_low` and `scale_high`: the offsets are those of the two FMAs. A
// high nibble stays in its place, so its factor is a sixteenth.
__device__ __forceinline__ void nibbles(const uint4& q, u32 factor_low, u32 offset_low, u32 factor_high,
                                        u32 offset_high, u32 (&low)[8], u32 (&high)[8]) {
    u32 w[4];
    words(q, w);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const u32 odd = w[j] >> 8;
        low[2 * j] = f16x2_fma((w[j] & 0x000f000fu) | F16_1024, factor_low, offset_low);
        low[2 * j + 1] = f16x2_fma((odd & 0x000f000fu) | F16_1024, factor_low, offset_low);
        high[2 * j] = f16x2_fma((w[j] & 0x00f000f0u) | F16_1024, factor_high, offset_high);
        high[2 * j + 1] = f16x2_fma((odd & 0x00f000f0u) | F16_1024, factor_high, offset_high);
    }
}
constexpr u32 F16_ONE = 0x3c003c00u;

// Blocks of 32 with nibbles and one or two f16: a half of the step is a block.
template <bool FIFTH, bool MINIMA>
struct Block32 : Shape<32, MINIMA> {
    uint4 q;
    u32 fifth, d;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
        const bool inside = unit < m.units;
        q = inside ? quad_at(at.row + unit * 16) : make_uint4(0, 0, 0, 0);
        if (FIFTH) fifth = inside ? word_at(at.row + m.s1 + unit * 4) : 0;
        const u8* ds = at.row + (FIFTH ? m.s2 : m.s1);
        if (MINIMA) d = inside ? word_at(ds + unit * 4) : 0;
        else d = inside ? short_at(ds + unit * 2) : 0;
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        u32 low[8], high[8];
        if (!FIFTH) {
            if (MINIMA) nibbles(q, F16_ONE, F16_LESS_1024, F16_SIXTEENTH, F16_LESS_64, low, high);
            else nibbles(q, F16_ONE, F16_LESS_1032, F16_SIXTEENTH, F16_LESS_72, low, high);
        } else {
            constexpr u32 LESS = MINIMA ? F16_LESS_1024 : F16_LESS_1040;
            u32 w[4];
            words(q, w);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                // Four bits of `fifth` to bit 4 of four bytes.
                const u32 to_low = (fifth >> (4 * j) & 15u) * 0x02040810u & 0x10101010u;
                const u32 to_high = (fifth >> (16 + 4 * j) & 15u) * 0x02040810u & 0x10101010u;
                bytes_over_1024((w[j] & 0x0f0f0f0fu) | to_low, low[2 * j], low[2 * j + 1]);
                bytes_over_1024((w[j] >> 4 & 0x0f0f0f0fu) | to_high, high[2 * j], high[2 * j + 1]);
            }
#pragma unroll
            for (int j = 0; j < 8; j++) low[j] = f16x2_add(low[j], LESS), high[j] = f16x2_add(high[j], LESS);
        }
        put_16(at, at.half, 0, low);
        put_16(at, at.half, 1, high);
        to.scale[at.half * TILE_ROWS + at.tile_row] = f16_low(d);
        if (MINIMA) {
            u16* minima = to.minima + at.tile_row * 16 + step % 4 * 2 + at.half;
            minima[0] = minima[8] = (u16)(d >> 16);
            to.of_minima[at.tile_row] = 64.f;
        }
    }
};
template <>
struct Codes<Q4_0> : Block32<false, false> {};
template <>
struct Codes<Q4_1> : Block32<false, true> {};
template <>
struct Codes<Q5_0> : Block32<true, false> {};
template <>
struct Codes<Q5_1> : Block32<true, true> {};

// Nibbles that select from the table of IQ4_NL, here plus 128; two words of the table hold eight of its
// values.
__device__ __forceinline__ u32 iq4_values(u32 four_codes) {
    const u32 below = four_codes & 0x7777u;
    const u32 first = __byte_perm(0x3f2d1801u, 0x766a5d4fu, below);
    const u32 second = __byte_perm(0xa6998d81u, 0xf1d9c5b5u, below);
    return __byte_perm(first, second, 0x3210u | (four_codes & 0x8888u) >> 1);
}
__device__ __forceinline__ void iq4_codes(const uint4& q, u32 (&low)[8], u32 (&high)[8]) {
    u32 w[4];
    words(q, w);
#pragma unroll
    for (int j = 0; j < 4; j++) {
        // Low and high nibble of two bytes each.
        const u32 a = iq4_values(w[j] & 0xffffu), b = iq4_values(w[j] >> 16);
        low[2 * j] = __byte_perm(a, b, 0x0400), low[2 * j + 1] = __byte_perm(a, b, 0x0602);
        high[2 * j] = __byte_perm(a, b, 0x0501), high[2 * j + 1] = __byte_perm(a, b, 0x0703);
    }
#pragma unroll
    for (int j = 0; j < 8; j++) {
        low[j] = f16x2_add((low[j] & 0x00ff00ffu) | F16_1024, F16_LESS_1152);
        high[j] = f16x2_add((high[j] & 0x00ff00ffu) | F16_1024, F16_LESS_1152);
    }
}

template <>
struct Codes<IQ4_NL> : Shape<32, false> {
    uint4 q;
    u32 d;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
        const bool inside = unit < m.units;
        q = inside ? quad_at(at.row + unit * 16) : make_uint4(0, 0, 0, 0);
        d = inside ? short_at(at.row + m.s1 + unit * 2) : 0;
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
        u32 low[8], high[8];
        iq4_codes(q, low, high);
        put_16(at, at.half, 0, low);
        put_16(at, at.half, 1, high);
        to.scale[at.half * TILE_ROWS + at.tile_row] = f16_low(d);
    }
};

template <>
struct Codes<IQ4_XS> : Shape<32, false> {
    uint4 q;
    uint2 head;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        q = quad_at(at.row + (step * 2 + at.half) * 16);
        head = __ldg(reinterpret_cast<const uint2*>(at.row + m.s1 + step / 4 * 8));
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        u32 low[8], high[8];
        iq4_codes(q, low, high);
        put_16(at, at.half, 0, low);
        put_16(at, at.half, 1, high);
        const u32 sub = step % 4 * 2 + at.half;
        const u32 six = (head.y >> (sub * 4) & 15u) | (head.x >> (16 + sub * 2) & 3u) << 4;
        to.scale[at.half * TILE_ROWS + at.tile_row] = f16_low(head.x) * ((float)six - 32.f);
    }
};

// e2m1 moved to f16's place is the value over 2^14.
template <>
struct Codes<MXFP4> : Shape<32, false> {
    uint4 q;
    u32 e;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 unit = step * 2 + at.half;
        const bool inside = unit < m.units;
        q = inside ? quad_at(at.row + unit * 16) : make_uint4(0, 0, 0, 0);
        e = inside ? at.row[m.s1 + unit] : 0;
    }
    static __device__ __forceinline__ u32 moved(u32 pair) {
        return (pair & 0x00070007u) << 9 | (pair & 0x00080008u) << 12;
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32, const Scales& to) const {
        u32 w[4], low[8], high[8];
        words(q, w);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            low[2 * j] = moved(w[j]), low[2 * j + 1] = moved(w[j] >> 8);
            high[2 * j] = moved(w[j] >> 4), high[2 * j + 1] = moved(w[j] >> 12);
        }
        put_16(at, at.half, 0, low);
        put_16(at, at.half, 1, high);
        to.scale[at.half * TILE_ROWS + at.tile_row] = e8m0_half((u8)e) * 32768.f;
    }
};

// The 6-bit scales (or minima) of the two sub-blocks of a step, as the low two bytes: those of the first two
// steps fill the low six bits of `plain`, the others have their high bits above those.
__device__ __forceinline__ u32 two_of_six_bits(u32 plain, u32 low, u32 in_block) {
    const u32 last = (low & 0x0f0f0f0fu) | (plain >> 6 & 0x03030303u) << 4;
    return (in_block < 2 ? plain & 0x3f3f3f3fu : last) >> (in_block % 2 * 16) & 0xffffu;
}
__device__ __forceinline__ void put_minima(const Place& at, const Scales& to, const uint4& head,
                                           u32 in_block) {
    const u32 pair = two_of_six_bits(head.z, head.w >> 4, in_block);
    const u32 minima = f16x2_add((pair & 0xffu) | (pair & 0xff00u) << 8 | F16_1024, F16_LESS_1024);
    u32* to_minima = reinterpret_cast<u32*>(to.minima + at.tile_row * 16) + in_block;
    to_minima[0] = to_minima[4] = minima;
    to.scale[at.tile_row] = f16_low(head.x);
    to.of_minima[at.tile_row] = -64.f * f16_high(head.x);
}

template <>
struct Codes<Q4_K> : Shape<256, true> {
    uint4 q, head;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        q = quad_at(at.row + step * 32 + at.half * 16);
        head = quad_at(at.row + m.s1 + step / 4 * 16);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        const u32 pair = two_of_six_bits(head.y, head.w, step % 4);
        const u32 s0 = f16x2_of(pair & 255u), s1 = f16x2_of(pair >> 8);
        u32 low[8], high[8];
        // (1024 + q) s - 1024 s, and (1024 + 16 q) s/16 - 64 s: exact in one FMA.
        nibbles(q, s0, f16x2_mul(s0, F16_LESS_1024), f16x2_mul(s1, F16_SIXTEENTH), f16x2_mul(s1, F16_LESS_64),
                low, high);
        put_16(at, 0, at.half, low);
        put_16(at, 1, at.half, high);
        if (at.half == 0) put_minima(at, to, head, step % 4);
    }
};

template <>
struct Codes<Q5_K> : Shape<256, true> {
    uint4 q, fifth, head;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        q = quad_at(at.row + step * 32 + at.half * 16);
        fifth = quad_at(at.row + m.s1 + step / 4 * 32 + at.half * 16);
        head = quad_at(at.row + m.s2 + step / 4 * 16);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        const u32 pair = two_of_six_bits(head.y, head.w, step % 4);
        const u32 s0 = f16x2_of(pair & 255u), s1 = f16x2_of(pair >> 8);
        const u32 o0 = f16x2_mul(s0, F16_LESS_1024), o1 = f16x2_mul(s1, F16_LESS_1024);
        u32 w[4], f[4], low[8], high[8];
        words(q, w);
        words(fifth, f);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const u32 bits = f[j] >> (step % 4 * 2);
            bytes_over_1024((w[j] & 0x0f0f0f0fu) | (bits << 4 & 0x10101010u), low[2 * j], low[2 * j + 1]);
            bytes_over_1024((w[j] >> 4 & 0x0f0f0f0fu) | (bits << 3 & 0x10101010u), high[2 * j],
                            high[2 * j + 1]);
        }
#pragma unroll
        for (int j = 0; j < 8; j++) low[j] = f16x2_fma(low[j], s0, o0), high[j] = f16x2_fma(high[j], s1, o1);
        put_16(at, 0, at.half, low);
        put_16(at, 1, at.half, high);
        if (at.half == 0) put_minima(at, to, head, step % 4);
    }
};

// A step is 32 columns of a half superblock and those 64 further, which share their bytes.
template <>
struct Codes<Q6_K> : Shape<16, false> {
    uint4 q, top;
    u32 first_scale, second_scale, d;
    static __device__ __forceinline__ u32 first(u32 step) { return step / 2 * 128 + step % 2 * 32; }
    static __device__ __forceinline__ u32 second(u32 step) { return first(step) + 64; }
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        q = quad_at(at.row + step * 32 + at.half * 16);
        top = quad_at(at.row + m.s1 + step / 2 * 32 + at.half * 16);
        const u8* scales = at.row + m.s2 + step / 2 * 8 + step % 2 * 2 + at.half;
        first_scale = __ldg(scales), second_scale = __ldg(scales + 4);
        d = short_at(at.row + m.s3 + step / 4 * 2);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        u32 w[4], t[4], low[8], high[8];
        words(q, w);
        words(top, t);
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const u32 bits = t[j] >> (step % 2 * 2);
            bytes_over_1024((w[j] & 0x0f0f0f0fu) | (bits << 4 & 0x30303030u), low[2 * j], low[2 * j + 1]);
            bytes_over_1024((w[j] >> 4 & 0x0f0f0f0fu) | (bits & 0x30303030u), high[2 * j], high[2 * j + 1]);
        }
#pragma unroll
        for (int j = 0; j < 8; j++)
            low[j] = f16x2_add(low[j], F16_LESS_1056), high[j] = f16x2_add(high[j], F16_LESS_1056);
        put_16(at, 0, at.half, low);
        put_16(at, 1, at.half, high);
        const float scale = f16_low(d);
        to.scale[at.half * TILE_ROWS + at.tile_row] = scale * (float)(i8)first_scale;
        to.scale[(2 + at.half) * TILE_ROWS + at.tile_row] = scale * (float)(i8)second_scale;
    }
};

template <>
struct Codes<Q3_K> : Shape<256, false> {
    uint4 q, third;
    u32 scales[3], d;
    __device__ __forceinline__ void load(const Mat& m, const Place& at, u32 step) {
        const u32 block = step / 4;
        q = quad_at(at.row + step / 2 * 32 + at.half * 16);
        third = quad_at(at.row + m.s1 + block * 32 + at.half * 16);
#pragma unroll
        for (int i = 0; i < 3; i++) scales[i] = word_at(at.row + m.s2 + block * 12 + i * 4);
        d = short_at(at.row + m.s3 + block * 2);
    }
    __device__ __forceinline__ void unpack(const Mat&, const Place& at, u32 step, const Scales& to) const {
        const u32 in_block = step % 4;
        u32 w[4], t[4];
        words(q, w);
        words(third, t);
        const u32 low_bits = (in_block % 2 ? scales[1] : scales[0]) >> (in_block / 2 * 4);
        const u32 four = (low_bits & 0x0f0f0f0fu) | (scales[2] >> (in_block * 2) & 0x03030303u) << 4;
#pragma unroll
        for (int run = 0; run < 2; run++) {
            // Less 32, in both halves.
            const u32 six = four >> (run * 16 + at.half * 8) & 255u;
            const u32 scale = f16x2_add((six * 0x10001u) | F16_1024, F16_LESS_1056);
            u32 v[8];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const u32 two = w[j] >> (in_block % 2 * 4 + run * 2) & 0x03030303u;
                const u32 top = t[j] >> (in_block * 2 + run) & 0x01010101u;
                bytes_over_1024(two | top << 2, v[2 * j], v[2 * j + 1]);
            }
#pragma unroll
            for (int j = 0; j < 8; j++) v[j] = f16x2_mul(f16x2_add(v[j], F16_LESS_1028), scale);
            put_16(at, run, at.half, v);
        }
        if (at.half == 0) to.scale[at.tile_row] = f16_low(d);
    }
};
