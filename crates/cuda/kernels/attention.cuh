// What the attention kernels share: how the keys of a row are split among blocks, copies that do not pass
// through registers, matrix fragments and tensor core products, and numbers in several 16-bit parts.
#pragma once
#include "cache.cuh"

// Keys of one split of a row that attends `n` positions. Never depends on other rows, so neither do its bits.
__device__ __forceinline__ u32 gqa_split_keys(u32 n) {
    u32 keys = 128;
    if (n <= 2048) return 64;
    for (u64 limit = 4096; n > limit; limit *= 4) keys *= 2;
    return keys;
}
__device__ __forceinline__ u32 mla_split_keys(u32 n) {
    u32 keys = 64;
    for (u64 limit = 2048; n > limit; limit *= 4) keys *= 2;
    return keys;
}
// Of 2^19 positions.
static constexpr u32 MAX_SPLITS = 512;
// The longest split's pages.
static constexpr u32 MAX_SPLIT_PAGES = 32;

static constexpr float LOG2_E = 1.4426950408889634f;
#define MINUS_INFINITY __int_as_float(0xff800000)

// Positions of a row's sequence below this were written by earlier passes, so they may be read before the
// wait for the kernels of this one. Zero when there are too many rows to look at.
__device__ __forceinline__ u32 settled_positions(const i32* positions, const i32* tables, u32 rows, u32 row) {
    if (rows > 16) return 0;
    const i32 table = tables[row];
    i32 first = positions[row];
    for (u32 other = 0; other < rows; other++) {
        if (tables[other] == table) first = min(first, positions[other]);
    }
    return (u32)max(first, 0);
}

__device__ __forceinline__ u32 shared_address(const void* at) { return (u32)__cvta_generic_to_shared(at); }
// Sixteen bytes, or zeros.
__device__ __forceinline__ void copy_async16(void* to, const void* from, bool inside) {
    const u32 bytes = inside ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
                 "r"(bytes)
                 : "memory");
}
__device__ __forceinline__ void copy_async4(void* to, const void* from, bool inside) {
    const u32 bytes = inside ? 4 : 0;
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from),
                 "r"(bytes)
                 : "memory");
}
__device__ __forceinline__ void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ __forceinline__ void copy_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// Four matrices of 8 rows of 16 bytes; lane l names row l % 8 of matrix l / 8.
__device__ __forceinline__ void load_matrices(u32 (&r)[4], const void* at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(at))
                 : "memory");
}
__device__ __forceinline__ void load_matrices_transposed(u32 (&r)[4], const void* at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(at))
                 : "memory");
}

// c [16][8] += a [16][16] * b [16][8].
__device__ __forceinline__ void mma_bf16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ __forceinline__ void mma_f16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Into L2, for a later copy.
__device__ __forceinline__ void prefetch(const void* at) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(at));
}

// Two numbers as one word of bf16 (x low), and what is left of them.
__device__ __forceinline__ u32 take_bf16(float& x, float& y) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(x, y);
    const u32 word = *(const u32*)&pair;
    x -= bf16_low(word);
    y -= bf16_high(word);
    return word;
}
__device__ __forceinline__ u32 take_f16(float& x, float& y) {
    const __half2 pair = __floats2half2_rn(x, y);
    x -= __low2float(pair);
    y -= __high2float(pair);
    return *(const u32*)&pair;
}

// Of four e4m3 bytes, the first and third (or the second and fourth) as f16, over 256: the exponent bits stay
// as they are, so this is exact. NaN becomes 480 / 256.
__device__ __forceinline__ u32 e4m3_even(u32 bytes) {
    return ((bytes << 7) & 0x3f803f80u) | ((bytes << 8) & 0x80008000u);
}
__device__ __forceinline__ u32 e4m3_odd(u32 bytes) {
    return ((bytes >> 1) & 0x3f803f80u) | (bytes & 0x80008000u);
}

// The weights of FP8 values are f16, the largest of them up to this, so that small ones keep their bits.
static constexpr float WEIGHT_LIFT = 16384.f;

// The power of two that makes `largest` less than 2^14, and its inverse times 256: codes are values over 256.
__device__ __forceinline__ float query_scale(float largest, float& unscale) {
    const u32 exponent = max(__float_as_uint(largest) >> 23, 14u);
    unscale = __uint_as_float((exponent - 13) << 23) * 256.f;
    return __uint_as_float((267 - exponent) << 23);
}
