// The mixture of experts of decode, and the dense feed-forward network: gate and up, down, and the router's
// choice.
#include "product.cuh"

// out[t][slot] = silu(gate x) * (up x) of the expert ids[t][slot], or of the shared expert in the last slot.
// `gate` and `up` are those of expert 0, the others follow at a stride; both have one format and shape, and
// so have the shared ones. With top_k 0 it is a dense network.
struct gate_up_params {
    Mat gate, up;
    Mat shared_gate, shared_up; // rows 0: none
    const float* x;             // [rows][x_stride]
    const float* norm;          // weights of an RMS norm of x first; null: none
    const u32* ids;             // [rows][top_k]
    float* out;                 // [rows][slots][out_stride]
    u64 gate_stride, up_stride; // bytes
    u32 gate_scale_stride, up_scale_stride;
    u32 x_stride, out_stride, rows, top_k, slots;
    u32 split, shared_split;
    u32 blocks, shared_blocks; // of a slot; the shared expert's come first
    u32 range;
    float eps;
    u32 pad;
};

struct StoreSilu {
    float* out; // of the first row of activations
    u64 stride;
    u32 left; // rows of activations
    __device__ __forceinline__ float extra(u32, u32) const { return 0.f; }
    __device__ __forceinline__ void operator()(u32 at, u32 n, const float (&v)[2], float) const {
        if (n < left) out[n * stride + at] = v[0] / (1.f + expf(-v[0])) * v[1];
    }
};

template <u32 F, int NB> __device__ __forceinline__ void gate_up_of(const gate_up_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Fixed<NB> fixed;
    const bool shared = blockIdx.x < p.shared_blocks;
    Mat mats[2] = {shared ? p.shared_gate : p.gate, shared ? p.shared_up : p.up};
    const u32 row0 = blockIdx.y * NB;
    u32 slot = p.slots - 1, tile = blockIdx.x, step = p.shared_blocks;
    if (!shared) {
        slot = (blockIdx.x - p.shared_blocks) / p.blocks;
        tile = (blockIdx.x - p.shared_blocks) % p.blocks;
        step = p.blocks;
        pdl_wait();
        const u32 id = __ldcg(p.ids + (u64)row0 * p.top_k + slot);
        mats[0].base += id * p.gate_stride;
        mats[1].base += id * p.up_stride;
        if (mats[0].scales) mats[0].scales += (u64)id * p.gate_scale_stride;
        if (mats[1].scales) mats[1].scales += (u64)id * p.up_scale_stride;
    }
    const Room<NB> room = room_of(fixed, dynamic, p.range);
    const Activations in = {p.x, p.norm, mats[0].cols, p.x_stride, row0, p.rows, p.eps};
    const StoreSilu store = {p.out + ((u64)row0 * p.slots + slot) * p.out_stride, (u64)p.slots * p.out_stride,
                             p.rows - row0};
    product<F, 2, NB, true>(mats, in, room, tile, step, shared ? p.shared_split : p.split, store);
}
// `product` lets the next kernel start after its wait: `experts_down` may read ids before its own.
#define CASE(F, NAME)                                                                                        \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        gate_up_##NAME(const __grid_constant__ gate_up_params p) {                                           \
        gate_up_of<F, 1>(p);                                                                                 \
    }
ALL_FORMATS(CASE)
#undef CASE

// out[t] = residual[t] + shared h + sum over j of weights[t][j] * (down of ids[t][j]) h[t][j]. Must follow
// `gate_up`.
struct experts_down_params {
    Mat down;       // of expert 0
    Mat shared;     // rows 0: none
    const float* h; // [rows][slots][h_stride], the shared expert's last
    const u32* ids;
    const float* weights;  // [rows][top_k]
    const float* residual; // null: none
    float* out;
    u64 stride;
    u32 scale_stride, h_stride, residual_stride, out_stride, rows, top_k, slots;
    u32 split,
        shared_parts; // log2 of the warps that share a row, and how many of them take the shared expert
    u32 width, shared_width; // columns of a slot in shared memory: multiples of 512
    u32 pad;
};
constexpr u32 MAX_TOP_K = 32;

// Rows of h begin at multiples of four floats; beyond its columns there may be anything.
__device__ __forceinline__ float4 load_h(const float* row, u32 column, u32 cols) {
    float4 v = load4(row, column, cols);
    if (column + 4 > cols) {
        if (column + 1 >= cols) v.y = 0.f;
        if (column + 2 >= cols) v.z = 0.f;
        if (column + 3 >= cols) v.w = 0.f;
    }
    return v;
}

// What a warp does of its rows: SHARED, the shared expert; else the routed ones.
template <bool SHARED> struct Share {
    const experts_down_params& p;
    const u32* ids;
    const float* weights;
    float4* x;
    float* sums;
    const float* h;
    u32 part;
    __device__ __forceinline__ const Mat& mat() const { return SHARED ? p.shared : p.down; }
    __device__ __forceinline__ u32 count() const { return SHARED ? 1 : p.top_k; }
    __device__ __forceinline__ u32 width() const { return SHARED ? p.shared_width : p.width; }
    // Warps of a row that have this share.
    __device__ __forceinline__ u32 parts() const {
        return SHARED ? p.shared_parts : (1u << p.split) - p.shared_parts;
    }
};

template <u32 F, bool SHARED> __device__ __forceinline__ void load_slots(const Share<SHARED>& s) {
    constexpr u32 DEPTH = 6;
    const u32 cols = s.mat().cols, items = items_of<F>(cols), total = items * s.count(), lane = lane_id();
    const u32 warps = (WARPS >> s.p.split) * s.parts(), warp = (warp_id() >> s.p.split) * s.parts() + s.part;
#pragma unroll 1
    for (u32 first = warp; first < total; first += DEPTH * warps) {
        float4 v[DEPTH];
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 i = first + k * warps, slot = SHARED ? 0 : i / items;
            v[k] = make_float4(0.f, 0.f, 0.f, 0.f);
            if (i < total)
                v[k] = load_h(s.h + (u64)slot * s.p.h_stride, column_of<F>(i - slot * items, lane), cols);
        }
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 i = first + k * warps, slot = SHARED ? 0 : i / items;
            place<F>(s.x + slot * (s.width() / 4), s.sums + slot * (s.width() / 16), i - slot * items, v[k],
                     i < total);
        }
    }
    // Of the warps of this share alone.
    if (SHARED) {
        asm volatile("barrier.sync 2, %0;" ::"r"(warps * 32) : "memory");
    } else {
        asm volatile("barrier.sync 1, %0;" ::"r"(warps * 32) : "memory");
    }
}

// A lane's sums of its two rows over this warp's part of the slots' columns.
template <u32 F, bool SHARED> __device__ __forceinline__ void
part_of(const Share<SHARED>& s, const u32 (&index)[2], bool fresh, float (&acc)[2]) {
    using C = Codes<F>;
    constexpr u32 STEPS = C::STEPS;
    const u32 l = lane_id() & 7, tasks = s.mat().units * 32 / C::TASK, its = div_up(tasks, LANES * STEPS);
    const u32 none = s.p.rows >> 31; // 0, as in `product`
    struct Step {
        C c[STEPS][2];
    } one, two;
    struct Cursor {
        u32 slot, it;
    } loads = {s.part / its, s.part % its}, dots = loads;
    const auto next = [&](Cursor& c) {
        for (c.it += s.parts(); c.it >= its; c.it -= its) c.slot++;
    };
    const u8* row[2] = {s.mat().base + (u64)index[0] * s.mat().row_bytes,
                        s.mat().base + (u64)index[1] * s.mat().row_bytes};
    const auto load = [&](Step& to, u32 zero) {
        Mat mat = s.mat();
        u64 offset = zero;
        const bool real = loads.slot < s.count(); // else any place, as in `product`
        if (!SHARED) {
            const u32 id = s.ids[real ? loads.slot : 0];
            offset += id * s.p.stride;
            if (mat.scales) mat.scales += (u64)id * s.p.scale_stride;
        }
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            const u32 t = real ? min((loads.it * STEPS + step) * LANES + l, tasks - 1) : 0;
#pragma unroll
            for (int m = 0; m < 2; m++) to.c[step][m].load(mat, row[m] + offset, index[m], t);
        }
        next(loads);
    };
    const auto dot = [&](const Step& from) {
        float sum[2][1] = {};
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            const u32 q = dots.it * STEPS + step, t = q * LANES + l;
            const Input here = {s.x + dots.slot * (s.width() / 4) + q * (2 * C::TASK) + l,
                                s.sums + dots.slot * (s.width() / 16) + t * (C::TASK / 16), 0, 0};
            if (t < tasks) C::dot(from.c[step], here, t, sum);
        }
        const float weight = SHARED ? 1.f : s.weights[dots.slot];
        acc[0] = __fmaf_rn(weight, sum[0][0], acc[0]);
        acc[1] = __fmaf_rn(weight, sum[1][0], acc[1]);
        next(dots);
    };
    load(one, 0);
    if (fresh) {
        pdl_wait();
        pdl_trigger();
        load_slots<F>(s);
    }
#pragma unroll 1
    while (dots.slot < s.count()) {
        load(two, settled(one, none));
        dot(one);
        load(one, settled(two, none));
        if (dots.slot < s.count()) dot(two);
    }
}

// Of format A; the shared expert of format B.
template <u32 A, u32 B> __device__ __forceinline__ void experts_down_of(const experts_down_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ u32 ids[MAX_TOP_K];
    __shared__ float weights[MAX_TOP_K], join[2][WARPS][2 * SIDE];
    const u32 t = blockIdx.y, parts = 1u << p.split, groups = WARPS >> p.split;
    const u32 group = warp_id() >> p.split, part = warp_id() & (parts - 1), slot = lane_id() >> 3;
    // Written two kernels before, and `gate_up` let this one start after they were.
    if (threadIdx.x < p.top_k) {
        ids[threadIdx.x] = __ldcg(p.ids + (u64)t * p.top_k + threadIdx.x);
        weights[threadIdx.x] = __ldcg(p.weights + (u64)t * p.top_k + threadIdx.x);
    }
    __syncthreads();
    const bool shared = part < p.shared_parts;
    float* sums = (float*)dynamic + p.top_k * p.width + p.shared_width;
    const float* h = p.h + (u64)t * p.slots * p.h_stride;
    const Share<false> routed_share = {p, ids, weights, dynamic, sums, h, part - p.shared_parts};
    const Share<true> shared_share = {p,
                                      nullptr,
                                      nullptr,
                                      dynamic + p.top_k * (p.width / 4),
                                      sums + p.top_k * (p.width / 16),
                                      h + (u64)(p.slots - 1) * p.h_stride,
                                      part};
    const u32 rows = p.down.rows, height = groups * SIDE * 2, tiles = div_up(rows, height);
    u32 parity = 0;
    bool fresh = true;
#pragma unroll 1
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const u32 row = tile * height + group * SIDE * 2 + slot,
                  index[2] = {min(row, rows - 1), min(row + SIDE, rows - 1)};
        float acc[2] = {};
        if (shared) {
            part_of<B>(shared_share, index, fresh, acc);
        } else {
            part_of<A>(routed_share, index, fresh, acc);
        }
        const u32 at = tile * height + group * SIDE * 2 + lane_id();
        const bool stores = part == 0 && lane_id() < 2 * SIDE && at < rows;
        float sum = 0.f;
        if (stores && p.residual) sum = __ldcg(p.residual + (u64)t * p.residual_stride + at);
        fresh = false;
#pragma unroll
        for (int m = 0; m < 2; m++) {
#pragma unroll
            for (int step = 4; step > 0; step >>= 1) acc[m] += __shfl_xor_sync(0xffffffffu, acc[m], step);
            if ((lane_id() & 7) == 0) join[parity][warp_id()][m * SIDE + slot] = acc[m];
        }
        __syncthreads();
        if (stores) {
            for (u32 q = 0; q < parts; q++) sum += join[parity][warp_id() + q][lane_id()];
            p.out[(u64)t * p.out_stride + at] = sum;
        }
        parity ^= 1;
    }
}

#define DOWN(A, B, NAME)                                                                                     \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        NAME(const __grid_constant__ experts_down_params p) {                                                \
        experts_down_of<A, B>(p);                                                                            \
    }
#define CASE(F, NAME) DOWN(F, F, experts_down_##NAME)
ALL_FORMATS(CASE)
#undef CASE
// As they meet in Q4_K_M files whose experts have no multiple of 256 columns.
DOWN(Q5_0, Q4_K, experts_down_q5_0_q4_k)
DOWN(Q8_0, Q6_K, experts_down_q8_0_q6_k)

struct silu_mul_params {
    const float* gate;
    const float* up;
    float* out;
    u32 rows, cols, gate_stride, up_stride, out_stride, pad;
};
extern "C" __global__ void __launch_bounds__(256) silu_mul(const __grid_constant__ silu_mul_params p) {
    pdl_trigger();
    pdl_wait();
    const u32 at = blockIdx.x * 256 + threadIdx.x, t = blockIdx.y;
    if (at >= p.cols) return;
    const float gate = __ldcg(p.gate + (u64)t * p.gate_stride + at);
    p.out[(u64)t * p.out_stride + at] = gate / (1.f + expf(-gate)) * __ldcg(p.up + (u64)t * p.up_stride + at);
}
