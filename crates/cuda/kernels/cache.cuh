// The records of the paged cache, byte for byte as the processor writes them
// (crates/kernels/src/cache/layout.rs):
// `[values]` in f32 or bf16, or `[e4m3][one f32 scale a group][bf16]`. A page holds 64 records of one layer.
#pragma once
#include "common.cuh"

enum PageType : u32 { PAGE_F32 = 0, PAGE_BF16 = 1, PAGE_FP8 = 2 };
static constexpr u32 PAGE_TOKENS = 64;
// Values of a latent that share a scale.
static constexpr u32 LATENT_GROUP = 128;

// The nearest e4m3fn, ties to even; saturates at 448. NaN stays NaN.
__device__ __forceinline__ u8 f32_to_e4m3(float value) {
    const u32 bits = __float_as_uint(value), magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return 0x7f;
    const u8 sign = (u8)(bits >> 24) & 0x80;
    if (magnitude >= 0x43e00000u) return sign | 0x7e;
    // Below the smallest normal value, steps are 2^-9; eight of them have the code of that value.
    if (magnitude < 0x3c800000u) return sign | (u8)__float2int_rn(__uint_as_float(magnitude) * 512.f);
    return sign | (u8)(((magnitude + 0x7ffffu + ((magnitude >> 20) & 1u)) >> 20) - (120u << 3));
}

// The scale of a group with this largest magnitude: over 448, rounded up to a normal power of two.
__device__ __forceinline__ float group_scale(float largest) {
    const float x = fminf(fmaxf(__fdiv_rn(largest, 448.f), 1.17549435e-38f), 1.70141173e+38f);
    return __uint_as_float((__float_as_uint(x) + 0x7fffffu) & ~0x7fffffu);
}

// Parts of a record may be at any address when sizes are odd.
__device__ __forceinline__ void store_bytes4(u8* at, u32 value) {
#pragma unroll
    for (int byte = 0; byte < 4; byte++) at[byte] = (u8)(value >> (8 * byte));
}
__device__ __forceinline__ void store_bytes2(u8* at, u16 value) {
    at[0] = (u8)value;
    at[1] = (u8)(value >> 8);
}
__device__ __forceinline__ u32 load_bytes4(const u8* at) {
    return at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}
__device__ __forceinline__ u32 load_bytes2(const u8* at) { return at[0] | (u32)at[1] << 8; }

// Where the record of a position of one sequence is. `table` begins with the page of position 0.
__device__ __forceinline__ u64 record_slot(const u32* table, u32 position) {
    return (u64)__ldg(table + position / PAGE_TOKENS) * PAGE_TOKENS + position % PAGE_TOKENS;
}

// Value `index` of a record of `quantised` values in groups of `group`, and others after them.
__device__ __forceinline__ float decode_value(const u8* record, u32 type, u32 quantised, u32 group,
                                              u32 index) {
    if (type == PAGE_F32) return __uint_as_float(load_bytes4(record + 4 * index));
    if (type == PAGE_BF16) return bf16_low(load_bytes2(record + 2 * index));
    const u8* scales = record + quantised;
    if (index < quantised) {
        return e4m3_to_f32(record[index]) * __uint_as_float(load_bytes4(scales + 4 * (index / group)));
    }
    return bf16_low(load_bytes2(scales + 4 * div_up(quantised, group) + 2 * (index - quantised)));
}

// Of N values in each of 2N or N lanes (the lowest bits of the lane), adds them over the lanes so that each
// lane keeps one: halves of the values and of the lanes meet, step by step. Lane l of N gets value l.
template <int STEP, int N> __device__ __forceinline__ void sum_halves(float (&v)[N]) {
    if constexpr (STEP > 0) {
        const bool upper = lane_id() & STEP;
#pragma unroll
        for (int i = 0; i < STEP; i++) {
            const float kept = upper ? v[i + STEP] : v[i], given = upper ? v[i] : v[i + STEP];
            v[i] = kept + __shfl_xor_sync(0xffffffffu, given, STEP);
        }
        sum_halves<STEP / 2>(v);
    }
}

// ---- Absorbed queries in the parts and the order in which `mla_attend_bf16` and `_fp8` multiply them ----
// For 512 latent values and 64 rotated ones. Sixteen heads of a row are a tile; each quarter of the columns
// has a slot of 512 bytes for every part of every sixteen columns, then three for its sixteen rotated ones.
template <bool FP8> struct QueryTile {
    static constexpr u32 PARTS = FP8 ? 2 : 3, SLOTS = 8 * PARTS + 3, BYTES = 4 * SLOTS * 512;
    // Parts of FP8's queries are f16: the number times this, and what is left of it times LIFT.
    static constexpr float SCALE = 0.0625f, LIFT = 2048.f;
    // Where a 16-bit part of a number of head `head` of the tile is: lane and word of the fragment, half of
    // the word. Codes bring even and odd columns together.
    static __device__ __forceinline__ u32 at(u32 slot, u32 head, u32 column, bool codes) {
        const u32 c = column % 16;
        const u32 word = codes ? c % 2 : c / 8, t = codes ? c / 4 : c % 8 / 2,
                  side = codes ? c / 2 % 2 : c % 2;
        return slot * 512 + (head % 8 * 4 + t) * 16 + (head / 8 + 2 * word) * 4 + side * 2;
    }
    static __device__ __forceinline__ void store_latent(u8* tile, u32 head, u32 column, float value) {
        const u32 slot = column / 128 * SLOTS + column % 128 / 16 * PARTS;
        if (FP8) {
            const float x = value * SCALE;
            const __half high = __float2half_rn(x), low = __float2half_rn((x - __half2float(high)) * LIFT);
            *(u16*)(tile + at(slot, head, column, true)) = __half_as_ushort(high);
            *(u16*)(tile + at(slot + 1, head, column, true)) = __half_as_ushort(low);
        } else {
            store_parts(tile, slot, head, column, value);
        }
    }
    static __device__ __forceinline__ void store_rope(u8* tile, u32 head, u32 column, float value) {
        store_parts(tile, column / 16 * SLOTS + 8 * PARTS, head, column, value);
    }
    static __device__ __forceinline__ void store_parts(u8* tile, u32 slot, u32 head, u32 column,
                                                       float value) {
#pragma unroll
        for (u32 part = 0; part < 3; part++) {
            const u16 bits = f32_to_bf16(value);
            value -= bf16_low(bits);
            *(u16*)(tile + at(slot + part, head, column, false)) = bits;
        }
    }
};
