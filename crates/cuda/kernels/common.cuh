// What every kernel shares: types, the description of a weight matrix, loads, reductions with a fixed order, the
// two instructions of programmatic dependent launch, and the decoders of small floats that need no header.
// Compiled by NVRTC (no host headers) and by nvcc.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

typedef signed char i8;
typedef unsigned char u8;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef unsigned long long u64;

// A matrix of stored weights; `crates/cuda/src/matrix` makes it. Row r begins at base + r * row_bytes, sections
// of the same kind of bytes one after the other in it: section 0 at 0, the others at s1, s2, s3.
struct Mat {
    const u8* base;
    const float* scales; // of FP8: [ceil(rows / 128)][scale_cols], else null
    u32 rows, cols, row_bytes, format;
    u32 s1, s2, s3, scale_cols;
    u32 units; // ceil(cols / 32): what one lane takes at once
    u32 pad[3];
};
static_assert(sizeof(Mat) == 64, "Mat is mirrored in Rust");

enum Format : u32 {
    F32 = 0,
    F16 = 1,
    BF16 = 2,
    F8E4M3 = 3,
    Q4_0 = 4,
    Q4_1 = 5,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q2_K = 9,
    Q3_K = 10,
    Q4_K = 11,
    Q5_K = 12,
    Q6_K = 13,
    IQ4_NL = 14,
    IQ4_XS = 15,
    MXFP4 = 16,
    FORMATS = 17,
};

// Programmatic dependent launch: the next kernel of the stream may start, and this one waits until all that was
// launched before it has ended and is visible. Nothing before sm_90.
__device__ __forceinline__ void pdl_trigger() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ __forceinline__ void pdl_wait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Weights are read once: past L1, and without keeping other data out of it. The second cache brings whole lines,
// whose other parts are asked for next.
__device__ __forceinline__ uint4 load_weights16(const void* at) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(at));
    return v;
}
__device__ __forceinline__ uint2 load_weights8(const void* at) {
    uint2 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(at));
    return v;
}
__device__ __forceinline__ u32 load_weights4(const void* at) {
    u32 v;
    asm volatile("ld.global.nc.L1::no_allocate.u32 %0, [%1];" : "=r"(v) : "l"(at));
    return v;
}

__device__ __forceinline__ u32 load_weights2(const void* at) {
    u16 v;
    asm volatile("ld.global.nc.L1::no_allocate.u16 %0, [%1];" : "=h"(v) : "l"(at));
    return v;
}
__device__ __forceinline__ u32 load_weights1(const void* at) {
    u32 v;
    asm volatile("ld.global.nc.L1::no_allocate.u8 %0, [%1];" : "=r"(v) : "l"(at));
    return v;
}

__device__ __forceinline__ u32 lane_id() { return threadIdx.x & 31; }
__device__ __forceinline__ u32 warp_id() { return threadIdx.x >> 5; }
__device__ __forceinline__ u32 div_up(u32 a, u32 b) { return (a + b - 1) / b; }

// The sum over a warp, the same bits in every lane: the tree is symmetric.
__device__ __forceinline__ float warp_sum(float v) {
#pragma unroll
    for (int step = 16; step > 0; step >>= 1) v += __shfl_xor_sync(0xffffffffu, v, step);
    return v;
}
// The largest of a warp; a NaN anywhere is lost, as in fmaxf.
__device__ __forceinline__ float warp_max(float v) {
#pragma unroll
    for (int step = 16; step > 0; step >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, step));
    return v;
}
// The sum over a block in the order of its warps, the same bits in every thread. `room` holds one float a warp
// and may be used again after the next __syncthreads().
__device__ __forceinline__ float block_sum(float v, float* room) {
    v = warp_sum(v);
    if (lane_id() == 0) room[warp_id()] = v;
    __syncthreads();
    float total = 0.f;
    const u32 warps = blockDim.x >> 5;
    for (u32 warp = 0; warp < warps; warp++) total += room[warp];
    return total;
}
__device__ __forceinline__ float block_max(float v, float* room) {
    v = warp_max(v);
    if (lane_id() == 0) room[warp_id()] = v;
    __syncthreads();
    float most = room[0];
    const u32 warps = blockDim.x >> 5;
    for (u32 warp = 1; warp < warps; warp++) most = fmaxf(most, room[warp]);
    return most;
}

// bf16 is the upper half of an f32. The low and the high one of a word:
__device__ __forceinline__ float bf16_low(u32 pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float bf16_high(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }
// Rounded to the nearest, ties to even; NaN stays one.
__device__ __forceinline__ u16 f32_to_bf16(float v) {
    u32 bits = __float_as_uint(v);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (u16)((bits >> 16) | 0x40u);
    return (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
__device__ __forceinline__ float f16_to_f32(u16 bits) { return __half2float(__ushort_as_half(bits)); }
__device__ __forceinline__ float f16_low(u32 pair) { return f16_to_f32((u16)pair); }
__device__ __forceinline__ float f16_high(u32 pair) { return f16_to_f32((u16)(pair >> 16)); }

// e4m3fn: the same bits at the place of f16's exponent are the value over 256, subnormals too; 0x7f is NaN.
__device__ __forceinline__ float e4m3_to_f32(u8 code) {
    const u32 magnitude = code & 0x7fu;
    const float v = f16_to_f32((u16)(magnitude << 7)) * 256.f;
    const float with_nan = magnitude == 0x7fu ? __uint_as_float(0x7fc00000u) : v;
    return (code & 0x80u) ? -with_nan : with_nan;
}
// Half of the power of two that an e8m0 byte encodes: the values of MXFP4 are doubled.
__device__ __forceinline__ float e8m0_half(u8 code) {
    return __uint_as_float(code < 2 ? 0x00200000u << code : (u32)(code - 1) << 23);
}
