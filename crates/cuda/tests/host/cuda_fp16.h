// What the headers of the kernels use of CUDA, on the host: one block, whose lanes are contexts of one thread.
// A lane runs until it exchanges values with the others, then the next one does.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <ucontext.h>
#include <vector>

#define __device__
#define __global__
#define __shared__ static
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

struct float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }

struct Index {
    unsigned x;
};
inline Index threadIdx; // of the lane that runs
inline Index blockIdx{0}, blockDim{32};
constexpr unsigned MOST_LANES = 256;

struct Lane {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(1 << 18);
    bool done = false;
};
inline ucontext_t scheduler;
inline std::vector<Lane>* block;
inline std::function<void(unsigned)> body;

inline void run_lane() {
    body(threadIdx.x);
    (*block)[threadIdx.x].done = true;
}
// Runs `lane` for every lane of a block of `count`.
inline void run_block(unsigned count, std::function<void(unsigned)> lane) {
    std::vector<Lane> lanes(count);
    block = &lanes;
    blockDim.x = count;
    body = std::move(lane);
    for (Lane& one : lanes) {
        getcontext(&one.context);
        one.context.uc_stack.ss_sp = one.stack.data();
        one.context.uc_stack.ss_size = one.stack.size();
        one.context.uc_link = &scheduler;
        makecontext(&one.context, run_lane, 0);
    }
    for (bool going = true; going;) {
        going = false;
        for (unsigned id = 0; id < count; id++) {
            if (lanes[id].done) continue;
            going = true;
            threadIdx.x = id;
            swapcontext(&scheduler, &lanes[id].context);
        }
    }
}

using std::max;
using std::min;

inline void __syncthreads() { swapcontext(&(*block)[threadIdx.x].context, &scheduler); }
// The values of the lanes of this lane's warp.
template <class T> struct Lanes {
    T of[32];
};
template <class T> Lanes<T> of_lanes(T value) {
    static Lanes<T> room[MOST_LANES / 32];
    Lanes<T>& own = room[threadIdx.x / 32];
    own.of[threadIdx.x % 32] = value;
    __syncthreads();
    const Lanes<T> all = own;
    __syncthreads();
    return all;
}
template <class T> T __shfl_xor_sync(unsigned, T value, int step) {
    return of_lanes(value).of[threadIdx.x % 32 ^ step];
}
inline unsigned __reduce_max_sync(unsigned, unsigned value) {
    const auto all = of_lanes(value);
    return *std::max_element(all.of, all.of + 32);
}

template <class To, class From> To bits_of(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}
inline float __uint_as_float(unsigned bits) { return bits_of<float>(bits); }
inline unsigned __float_as_uint(float value) { return bits_of<unsigned>(value); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float value) { return 1.f / std::sqrt(value); }
template <class T> T __ldcg(const T* at) { return *at; }
template <class T> T __ldg(const T* at) { return *at; }

// Four bytes of eight, by the nibbles of `selector`.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
    const uint64_t bytes = (uint64_t)b << 32 | a;
    unsigned out = 0;
    for (int i = 0; i < 4; i++) out |= (unsigned)(bytes >> (8 * (selector >> (4 * i) & 7)) & 255) << (8 * i);
    return out;
}
inline int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 4; i++) c += (signed char)(a >> (8 * i)) * (signed char)(b >> (8 * i));
    return c;
}

struct __half {
    unsigned short bits;
};
inline __half __ushort_as_half(unsigned short bits) { return {bits}; }
inline float __half2float(__half half) {
    const unsigned sign = (half.bits & 0x8000u) << 16, exponent = half.bits >> 10 & 31, rest = half.bits & 1023;
    if (exponent == 31) return __uint_as_float(sign | 0x7f800000u | rest << 13);
    const float value = exponent == 0 ? std::ldexp((float)rest, -24)
                                      : std::ldexp((float)(rest | 1024), (int)exponent - 25);
    return sign ? -value : value;
}
// The larger of each half.
inline unsigned __vmaxu2(unsigned a, unsigned b) {
    return max(a >> 16, b >> 16) << 16 | max(a & 0xffffu, b & 0xffffu);
}
inline unsigned __vcmpeq2(unsigned a, unsigned b) {
    const unsigned apart = a ^ b;
    return (apart >> 16 ? 0u : 0xffff0000u) | (apart & 0xffffu ? 0u : 0xffffu);
}
// Rounded to the nearest, ties to even.
inline unsigned short f16_bits(double value) {
    const unsigned sign = std::signbit(value) ? 0x8000u : 0u;
    const double size = std::fabs(value);
    if (std::isnan(value)) return sign | 0x7e00u;
    if (size >= 65520.0) return sign | 0x7c00u;
    const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
    const double digits = std::nearbyint(std::ldexp(size, 10 - exponent));
    // 2,048 digits are the next power of two, and 1,024 of the least exponent are its first normal number.
    return sign | (unsigned)((exponent + 14) * 1024 + (int)digits);
}
inline __half __float2half_rn(float value) { return {f16_bits(value)}; }
inline unsigned short __half_as_ushort(__half half) { return half.bits; }
