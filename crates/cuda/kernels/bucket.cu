// Rows grouped by the experts they chose, for the grouped products, and the sum of what their experts
// answered. A pair is a row and one of its k experts, numbered row * k + slot.
#include "common.cuh"

struct bucket_params {
    const u32* ids; // [pairs], the expert of each pair
    u32* order;     // [pairs]: pairs by expert, ascending in each
    u32* tiles;     // [most][3]: expert, first place in order, count; count 0 past the last
    u32 pairs, experts, columns, most; // columns: pairs of a tile; most: pairs / columns + experts
};

// The sum of all lanes before this one; `total` is that of all.
__device__ __forceinline__ u32 warp_before(u32 v, u32& total) {
    u32 up = v;
#pragma unroll
    for (u32 step = 1; step < 32; step <<= 1) {
        const u32 other = __shfl_up_sync(0xffffffffu, up, step);
        if (lane_id() >= step) up += other;
    }
    total = __shfl_sync(0xffffffffu, up, 31);
    return up - v;
}

// One block of 32 warps; each takes a range of the pairs, so that the order is that of the pairs.
extern "C" __global__ void __launch_bounds__(1024) bucket(const __grid_constant__ bucket_params p) {
    extern __shared__ u32 counts[]; // [32][experts], then first [experts], first tile [experts], tiles used
    u32* first = counts + 32 * p.experts;
    u32* first_tile = first + p.experts;
    u32* used = first_tile + p.experts;
    pdl_trigger();
    const u32 lane = lane_id(), warp = warp_id();
    for (u32 i = threadIdx.x; i < 32 * p.experts; i += 1024) counts[i] = 0;
    __syncthreads();
    pdl_wait();
    const u32 range = div_up(p.pairs, 1024) * 32, from = warp * range, to = min(from + range, p.pairs);
    u32* mine = counts + warp * p.experts;
    for (u32 i = from; i < to; i += 32) {
        const u32 id = i + lane < to ? p.ids[i + lane] : ~0u;
        const u32 peers = __match_any_sync(0xffffffffu, id);
        if (id < p.experts && lane == __ffs(peers) - 1) mine[id] += __popc(peers);
        __syncwarp();
    }
    __syncthreads();
    for (u32 e = threadIdx.x; e < p.experts; e += 1024) {
        u32 sum = 0;
        for (u32 w = 0; w < 32; w++) {
            const u32 count = counts[w * p.experts + e];
            counts[w * p.experts + e] = sum;
            sum += count;
        }
        first[e] = sum;
    }
    __syncthreads();
    if (warp == 0) {
        u32 before = 0, tiles = 0;
        for (u32 e = lane; e < div_up(p.experts, 32) * 32; e += 32) {
            const u32 count = e < p.experts ? first[e] : 0, own = div_up(count, p.columns);
            u32 total, total_tiles;
            const u32 start = before + warp_before(count, total),
                      tile = tiles + warp_before(own, total_tiles);
            before += total, tiles += total_tiles;
            if (e >= p.experts) continue;
            first[e] = start, first_tile[e] = tile;
            for (u32 i = 0; i < own; i++) {
                u32* entry = p.tiles + (tile + i) * 3;
                entry[0] = e, entry[1] = start + i * p.columns;
                entry[2] = min(p.columns, count - i * p.columns);
            }
        }
        if (lane == 0) *used = tiles;
    }
    __syncthreads();
    for (u32 i = *used + threadIdx.x; i < p.most; i += 1024)
        p.tiles[i * 3] = p.tiles[i * 3 + 1] = p.tiles[i * 3 + 2] = 0;
    for (u32 i = from; i < to; i += 32) {
        const u32 id = i + lane < to ? p.ids[i + lane] : ~0u;
        const u32 peers = __match_any_sync(0xffffffffu, id);
        const u32 before = __popc(peers & ((1u << lane) - 1));
        if (id < p.experts) p.order[first[id] + mine[id] + before] = i + lane;
        __syncwarp();
        if (id < p.experts && before == 0) mine[id] += __popc(peers);
        __syncwarp();
    }
}

struct combine_params {
    const float* pairs;    // [rows * k][width], what each expert answered
    const u32* ids;        // [rows][k]
    const float* weights;  // [rows][k]
    const float* shared;   // [rows][width], of the shared experts, or null
    const float* residual; // [rows][width], or null
    float* y;              // [rows][width], may be the residual
    u32 rows, k, width, pad;
};

__device__ __forceinline__ float scaled(float weight, float v, float sum) { return fmaf(weight, v, sum); }
__device__ __forceinline__ float plus(float a, float b) { return a + b; }
__device__ __forceinline__ float4 scaled(float weight, float4 v, float4 sum) {
    return make_float4(fmaf(weight, v.x, sum.x), fmaf(weight, v.y, sum.y), fmaf(weight, v.z, sum.z),
                       fmaf(weight, v.w, sum.w));
}
__device__ __forceinline__ float4 plus(float4 a, float4 b) {
    return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

template <typename V>
__device__ __forceinline__ void combine_row(const combine_params& p, u32 row, const u32* slots,
                                            const float* weights) {
    const u32 width = p.width / (sizeof(V) / 4);
    const V* pairs = reinterpret_cast<const V*>(p.pairs) + (u64)row * p.k * width;
    const u64 start = (u64)row * width;
    for (u32 at = threadIdx.x; at < width; at += 256) {
        V sum = V();
#pragma unroll 4
        for (u32 s = 0; s < p.k; s++) sum = scaled(weights[s], pairs[slots[s] * width + at], sum);
        if (p.shared) sum = plus(sum, reinterpret_cast<const V*>(p.shared)[start + at]);
        if (p.residual) sum = plus(sum, reinterpret_cast<const V*>(p.residual)[start + at]);
        reinterpret_cast<V*>(p.y)[start + at] = sum;
    }
}

// The experts of a row in ascending order of their numbers, then the shared ones, then the residual. k <= 32.
extern "C" __global__ void __launch_bounds__(256) combine(const __grid_constant__ combine_params p) {
    __shared__ u32 slots[32];
    __shared__ float weights[32];
    pdl_trigger();
    pdl_wait();
    const u32 row = blockIdx.x;
    if (threadIdx.x < p.k) {
        const u32* ids = p.ids + row * p.k;
        const u32 id = ids[threadIdx.x];
        u32 place = 0;
        for (u32 s = 0; s < p.k; s++) place += ids[s] < id || (ids[s] == id && s < threadIdx.x);
        slots[place] = threadIdx.x;
        weights[place] = p.weights[row * p.k + threadIdx.x];
    }
    __syncthreads();
    if (p.width % 4 == 0) combine_row<float4>(p, row, slots, weights);
    else combine_row<float>(p, row, slots, weights);
}
