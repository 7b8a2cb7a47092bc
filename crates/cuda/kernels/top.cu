// The most likely tokens of rows of logits: all within a number of nats of the largest, in no order, with the
// sum of the exponentials of the row. A row is too long for the host to look at for every token.
#include "common.cuh"

constexpr u32 SPAN = 4096, EACH = SPAN / 256; // logits of a block, and of a thread
constexpr u32 SPANS = 64, ROOM = 4096;        // `ops/top.rs` has the same numbers

struct top_params {
    const float* logits;       // [rows][stride]
    const float* temperatures; // [rows]; 0: the largest alone
    u32* keys;                 // [rows][SPANS]: the largest logit of each block
    u32* found; // [rows]: how many, the key of the largest, SPANS sums, ROOM ids with their logits
    u32 vocab, stride;
    float depth; // nats below the largest
    u32 pad;
};
constexpr u32 RECORD = 2 + SPANS + 2 * ROOM;

// Larger numbers have larger keys, as f32::total_cmp orders them.
__device__ __forceinline__ u32 key_of(float v) {
    const u32 bits = __float_as_uint(v);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float of_key(u32 key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

extern "C" __global__ void __launch_bounds__(256) top_max(const __grid_constant__ top_params p) {
    __shared__ u32 most[8];
    pdl_trigger();
    pdl_wait();
    const float* logits = p.logits + (u64)blockIdx.y * p.stride;
    u32 key = 0;
#pragma unroll
    for (u32 i = 0; i < EACH; i++) {
        const u32 id = blockIdx.x * SPAN + i * 256 + threadIdx.x;
        if (id < p.vocab) key = max(key, key_of(__ldcg(logits + id)));
    }
    key = __reduce_max_sync(0xffffffffu, key);
    if (lane_id() == 0) most[warp_id()] = key;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (u32 warp = 1; warp < 8; warp++) key = max(key, most[warp]);
    p.keys[blockIdx.y * SPANS + blockIdx.x] = key;
    if (blockIdx.x == 0) p.found[blockIdx.y * RECORD] = 0;
}

// Must follow `top_max`.
extern "C" __global__ void __launch_bounds__(256) top_select(const __grid_constant__ top_params p) {
    __shared__ float sums[8];
    pdl_trigger();
    const u32 row = blockIdx.y;
    const float* logits = p.logits + (u64)row * p.stride;
    pdl_wait();
    u32* found = p.found + row * RECORD;
    const u32 own = lane_id() < gridDim.x ? __ldcg(p.keys + row * SPANS + lane_id()) : 0,
              other = lane_id() + 32 < gridDim.x ? __ldcg(p.keys + row * SPANS + lane_id() + 32) : 0;
    const u32 key = __reduce_max_sync(0xffffffffu, max(own, other));
    const float top = of_key(key), temperature = __ldcg(p.temperatures + row);
    const float least = top - p.depth * temperature, inverse = temperature > 0.f ? 1.f / temperature : 0.f;
    float sum = 0.f;
#pragma unroll
    for (u32 i = 0; i < EACH; i++) {
        const u32 id = blockIdx.x * SPAN + i * 256 + threadIdx.x;
        if (id >= p.vocab) continue;
        const float logit = __ldcg(logits + id);
        sum += expf((logit - top) * inverse);
        if (logit >= least) {
            const u32 at = atomicAdd(found, 1u);
            if (at < ROOM) *(uint2*)(found + 2 + SPANS + 2 * at) = make_uint2(id, __float_as_uint(logit));
        }
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x != 0) return;
    ((float*)found)[2 + blockIdx.x] = sum;
    if (blockIdx.x == 0) found[1] = key;
}
