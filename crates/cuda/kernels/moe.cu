// The mixture of experts of decode, and the dense feed-forward network: gate and up, down, and the router's
// choice.
#include "dense_product.cuh"
#include "plane_product.cuh"

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
    u32 lane_bytes; // of the ring of dense weights
};

struct StoreSilu {
    float* out;
    __device__ __forceinline__ float extra(u32) const { return 0.f; }
    __device__ __forceinline__ void operator()(u32 at, const float (&v)[2], float) const {
        out[at] = v[0] / (1.f + expf(-v[0])) * v[1];
    }
};

// The two matrices of a block, and its share of the blocks of their expert. Waits for the ids of routed ones.
struct PairTask {
    Mat mats[2];
    u32 slot, block, blocks;
    bool shared;
    __device__ __forceinline__ PairTask(const gate_up_params& p) {
        shared = blockIdx.x < p.shared_blocks;
        mats[0] = shared ? p.shared_gate : p.gate;
        mats[1] = shared ? p.shared_up : p.up;
        slot = p.slots - 1;
        block = blockIdx.x;
        blocks = p.shared_blocks;
        if (shared) return;
        slot = (blockIdx.x - p.shared_blocks) / p.blocks;
        block = (blockIdx.x - p.shared_blocks) % p.blocks;
        blocks = p.blocks;
        pdl_wait();
        const u32 id = __ldcg(p.ids + (u64)blockIdx.y * p.top_k + slot);
        mats[0].base += id * p.gate_stride;
        mats[1].base += id * p.up_stride;
        if (mats[0].scales) mats[0].scales += (u64)id * p.gate_scale_stride;
        if (mats[1].scales) mats[1].scales += (u64)id * p.up_scale_stride;
    }
    __device__ __forceinline__ StoreSilu store(const gate_up_params& p) const {
        return {p.out + ((u64)blockIdx.y * p.slots + slot) * p.out_stride};
    }
};
// Both let the next kernel start after their wait: `experts_down` may read ids before its own.
template <u32 F> __device__ __forceinline__ void dense_gate_up(const gate_up_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Fixed fixed;
    const PairTask task(p);
    const Room room = room_of(fixed, dynamic, p.lane_bytes, p.range);
    const Activations in = {p.x + (u64)blockIdx.y * p.x_stride, p.norm, task.mats[0].cols, p.eps};
    product<F, 2, true>(task.mats, in, room, task.block, task.blocks, task.shared ? p.shared_split : p.split,
                        task.store(p));
}
template <u32 F> __device__ __forceinline__ void quantized_gate_up(const gate_up_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Handed<2> handed;
    const PairTask task(p);
    const Tiles tiles(task.mats[0].rows, task.block, task.blocks);
    plane_product<F, 2>(task.mats, 0, task.mats[0].cols, p.x + (u64)blockIdx.y * p.x_stride, p.norm, p.eps,
                        tiles, dynamic, handed, task.store(p));
}
#define DENSE(F, NAME)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        gate_up_##NAME(const __grid_constant__ gate_up_params p) {                                           \
        dense_gate_up<F>(p);                                                                                 \
    }
DENSE_FORMATS(DENSE)
#undef DENSE
#define QUANTIZED(F, NAME)                                                                                   \
    extern "C" __global__ void __launch_bounds__(512, 1)                                                     \
        gate_up_##NAME(const __grid_constant__ gate_up_params p) {                                           \
        quantized_gate_up<F>(p);                                                                             \
    }
QUANTIZED_FORMATS(QUANTIZED)
#undef QUANTIZED

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
    u32 lane_bytes;          // of the ring of dense weights
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
    const u32 cols = s.mat().cols, items = div_up(cols, 128), total = items * s.count(), lane = lane_id();
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
            const float lift = pow2(Codes<F>::LIFT);
            if (i < total)
                s.x[slot * (s.width() / 4) + (i - slot * items) * 32 + lane] =
                    make_float4(v[k].x * lift, v[k].y * lift, v[k].z * lift, v[k].w * lift);
        }
    }
    // Of the warps of this share alone.
    if (SHARED) {
        asm volatile("barrier.sync 2, %0;" ::"r"(warps * 32) : "memory");
    } else {
        asm volatile("barrier.sync 1, %0;" ::"r"(warps * 32) : "memory");
    }
}

// A lane's sums of two rows over this warp's part of the slots' columns, tile after tile.
template <u32 F, bool SHARED> struct Part {
    using C = Codes<F>;
    static constexpr u32 STEPS = C::STEPS;
    const Share<SHARED>& s;
    Ring ring;
    u32 tasks, its, l, send_slot, send_it, send_tile, left;
    u32 index[2];
    // The rows of a lane in a tile: the first, and the distance to that of the next tile of this block.
    u32 first_row, next_row;

    __device__ __forceinline__ Part(const Share<SHARED>& s, const void* room, u32 first_row, u32 next_row,
                                    u32 num_tiles)
        : s(s), ring(room, s.p.lane_bytes, STEPS * 2 * C::BYTES), first_row(first_row), next_row(next_row) {
        l = lane_id() & 7;
        tasks = s.mat().units * 32 / C::TASK;
        its = div_up(tasks, LANES * STEPS);
        left = num_tiles * steps();
        send_tile = 0;
        rewind();
    }
    // Steps of this warp in a tile.
    __device__ __forceinline__ u32 steps() const {
        const u32 all = its * s.count();
        return all > s.part ? div_up(all - s.part, s.parts()) : 0;
    }
    __device__ __forceinline__ void rewind() {
        send_slot = s.part / its;
        send_it = s.part % its;
        const u32 at = first_row + send_tile * next_row;
        index[0] = min(at, s.mat().rows - 1);
        index[1] = min(at + SIDE, s.mat().rows - 1);
    }
    __device__ __forceinline__ void next(u32& slot, u32& it) const {
        for (it += s.parts(); it >= its; it -= its) slot++;
    }
    __device__ __forceinline__ void send() {
        if (left != 0) {
            left--;
            Mat mat = s.mat();
            if (!SHARED) {
                const u32 id = s.ids[send_slot];
                mat.base += id * s.p.stride;
                if (mat.scales) mat.scales += (u64)id * s.p.scale_stride;
            }
            Send to = ring.next_send();
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
                const u32 t = min((send_it * STEPS + step) * LANES + l, tasks - 1);
#pragma unroll
                for (int m = 0; m < 2; m++) {
                    C code;
                    code.load(to, mat, mat.base + (u64)index[m] * mat.row_bytes, index[m], t);
                }
            }
            next(send_slot, send_it);
            if (send_slot >= s.count()) {
                send_tile++;
                rewind();
            }
        }
        ring.sent();
    }
    __device__ __forceinline__ void start() {
        for (u32 stage = 0; stage < ring.stages; stage++) send();
    }
    __device__ __forceinline__ void add_tile(float (&acc)[2]) {
        u32 slot = s.part / its, it = s.part % its;
#pragma unroll 1
        for (u32 left_here = steps(); left_here != 0; left_here--) {
            Take from = ring.next_take();
            float sum[2] = {};
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
                const u32 q = it * STEPS + step, t = q * LANES + l;
                C codes[2];
#pragma unroll
                for (int m = 0; m < 2; m++) codes[m].load(from, s.mat(), s.mat().base, 0, t);
                const float4* here = s.x + slot * (s.width() / 4) + q * (2 * C::TASK) + l;
                if (t < tasks) C::dot(codes, here, t, sum);
            }
            const float weight = SHARED ? 1.f : s.weights[slot];
            acc[0] = __fmaf_rn(weight, sum[0], acc[0]);
            acc[1] = __fmaf_rn(weight, sum[1], acc[1]);
            send();
            next(slot, it);
        }
    }
};

// What a warp does for the tiles of its block; `out` stores a tile's sums.
template <u32 F, bool SHARED, class Out>
__device__ __forceinline__ void add_tiles(const Share<SHARED>& share, const void* room, u32 first_row,
                                          u32 next_row, u32 num_tiles, const Out& out) {
    Part<F, SHARED> part(share, room, first_row, next_row, num_tiles);
    part.start();
    pdl_wait();
    pdl_trigger();
    load_slots<F>(share);
#pragma unroll 1
    for (u32 tile = 0; tile < num_tiles; tile++) {
        float acc[2] = {};
        part.add_tile(acc);
        out(tile, acc);
    }
}

template <u32 F> __device__ __forceinline__ void dense_down(const experts_down_params& p) {
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
    float4* x = dynamic + p.lane_bytes * (WARPS * 32 / 16);
    const float* h = p.h + (u64)t * p.slots * p.h_stride;
    const Share<false> routed_share = {p, ids, weights, x, h, part - p.shared_parts};
    const Share<true> shared_share = {
        p, nullptr, nullptr, x + p.top_k * (p.width / 4), h + (u64)(p.slots - 1) * p.h_stride, part};
    const u32 rows = p.down.rows, height = groups * SIDE * 2, tiles = div_up(rows, height);
    const u32 row = blockIdx.x * height + group * SIDE * 2, num_tiles = div_up(tiles - blockIdx.x, gridDim.x);
    const u32 next_row = gridDim.x * height;
    const auto store = [&](u32 tile, float (&acc)[2]) {
        const u32 at = row + tile * next_row + lane_id(), parity = tile & 1;
        const bool stores = part == 0 && lane_id() < 2 * SIDE && at < rows;
        float sum = 0.f;
        if (stores && p.residual) sum = __ldcg(p.residual + (u64)t * p.residual_stride + at);
#pragma unroll
        for (int m = 0; m < 2; m++) {
#pragma unroll
            for (int step = 4; step > 0; step >>= 1) acc[m] += __shfl_xor_sync(0xffffffffu, acc[m], step);
            if ((lane_id() & 7) == 0) join[parity][warp_id()][m * SIDE + slot] = acc[m];
        }
        // From the code of both shares.
        asm volatile("barrier.sync 3, %0;" ::"r"(WARPS * 32) : "memory");
        if (stores) {
            for (u32 q = 0; q < parts; q++) sum += join[parity][warp_id() + q][lane_id()];
            p.out[(u64)t * p.out_stride + at] = sum;
        }
    };
    if (shared) {
        add_tiles<F>(shared_share, dynamic, row + slot, next_row, num_tiles, store);
    } else {
        add_tiles<F>(routed_share, dynamic, row + slot, next_row, num_tiles, store);
    }
}

#define DENSE(F, NAME)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        experts_down_##NAME(const __grid_constant__ experts_down_params p) {                                 \
        dense_down<F>(p);                                                                                    \
    }
DENSE_FORMATS(DENSE)
#undef DENSE

// Of quantized experts: a block takes tiles of 16 rows, and its warps share the steps of all slots, those of
// the shared expert apart.
struct DownRoom {
    u32 ids[MAX_TOP_K];
    float weights[MAX_TOP_K], sums[2][MAX_WARPS][16];
};
// `shared`: this warp takes the shared expert, else the routed ones.
template <u32 F>
__device__ __forceinline__ void add_slots(const experts_down_params& p, DownRoom& room, const Planes& planes,
                                          bool shared, u32 own_steps, u32 other_steps, i32 zero,
                                          i32 shared_zero) {
    using H = Held<F>;
    const Mat& mat = shared ? p.shared : p.down;
    const u32 warps = blockDim.x >> 5, warp = warp_id(), g = lane_id() >> 2, t = lane_id() & 3;
    const u32 steps = shared ? other_steps : own_steps, routed = p.top_k * own_steps;
    const u32 units = shared ? other_steps : routed, parts = shared ? p.shared_parts : warps - p.shared_parts,
              part = shared ? warp : warp - p.shared_parts;
    const u32 begin = part * units / parts, end = (part + 1) * units / parts;
    const u32 tiles = div_up(mat.rows, 16), first_slot = begin / steps,
              first_step = begin - first_slot * steps;
    u32 ahead = begin, slot = first_slot, step = first_step, ahead_tile = begin == end ? tiles : blockIdx.x;
    const u32 none = p.rows >> 31;
    H one[2], two[2];
    const auto load = [&](H(&to)[2], u32 zero) {
        if (ahead_tile >= tiles) return;
        const u8* base = (shared ? mat.base : mat.base + room.ids[slot] * p.stride) + zero;
#pragma unroll
        for (u32 r = 0; r < 2; r++) {
            const u32 row = min(ahead_tile * 16 + g + 8 * r, mat.rows - 1);
            to[r].load(mat, base + (u64)row * mat.row_bytes, step, t);
        }
        if (++step == steps) {
            step = 0;
            slot++;
        }
        if (++ahead == end) {
            ahead = begin;
            slot = first_slot;
            step = first_step;
            ahead_tile += gridDim.x;
        }
    };
    load(one, 0);
    load(two, 0);
    pdl_wait();
    pdl_trigger();
    const float* h = p.h + (u64)blockIdx.y * p.slots * p.h_stride;
    constexpr u32 DEPTH = 3;
#pragma unroll 1
    for (u32 first = warp; first < routed + other_steps; first += DEPTH * warps) {
        Eight v[DEPTH];
        float factor[DEPTH];
#pragma unroll
        for (u32 k = 0; k < DEPTH; k++) {
            const u32 step = first + k * warps;
            const bool of_shared = step >= routed;
            const u32 slot = of_shared ? p.slots - 1 : step / own_steps;
            const u32 column = (of_shared ? step - routed : step - slot * own_steps) * WIDE + 8 * lane_id();
            const u32 cols = of_shared ? p.shared.cols : p.down.cols;
            factor[k] = of_shared ? 1.f : room.weights[slot];
            v[k] = load_eight(h + (u64)slot * p.h_stride, step < routed + other_steps ? column : cols, cols);
        }
#pragma unroll
        for (u32 k = 0; k < DEPTH; k++) {
            const u32 step = first + k * warps;
            if (step < routed + other_steps)
                quantize(planes, step, v[k], factor[k], step >= routed ? shared_zero : zero);
        }
    }
    asm volatile("barrier.sync 1, %0;" ::"r"(blockDim.x) : "memory");
    const View view(planes);
    const u32 skipped = shared ? routed : 0;
    Acc acc;
    u32 parity = 0;
    // Two steps by turns, over the ends of tiles.
    bool odd = false;
#pragma unroll 1
    for (u32 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        acc.clear();
#pragma unroll 1
        for (u32 at = begin; at < end; at++) {
            if (odd) {
                H::dot(two, view, skipped + at, acc);
                load(two, settled(one, none));
            } else {
                H::dot(one, view, skipped + at, acc);
                load(one, settled(two, none));
            }
            odd = !odd;
        }
        const float a = acc.total(0), b = acc.total(1);
        if (t < 2) room.sums[parity][warp][g + 8 * t] = t == 0 ? a : b;
        const u32 row = tile * 16 + lane_id();
        const bool stores = warp == 0 && lane_id() < 16 && row < mat.rows;
        float sum = 0.f;
        if (stores && p.residual) sum = __ldcg(p.residual + (u64)blockIdx.y * p.residual_stride + row);
        asm volatile("barrier.sync 1, %0;" ::"r"(blockDim.x) : "memory");
        if (stores) {
            for (u32 other = 0; other < warps; other++) sum += room.sums[parity][other][lane_id()];
            p.out[(u64)blockIdx.y * p.out_stride + row] = sum;
        }
        parity ^= 1;
    }
}
template <u32 A, u32 B> __device__ __forceinline__ void quantized_down(const experts_down_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ DownRoom room;
    // Written two kernels before, and `gate_up` let this one start after they were.
    if (threadIdx.x < p.top_k) {
        room.ids[threadIdx.x] = __ldcg(p.ids + (u64)blockIdx.y * p.top_k + threadIdx.x);
        room.weights[threadIdx.x] = __ldcg(p.weights + (u64)blockIdx.y * p.top_k + threadIdx.x);
    }
    __syncthreads();
    const u32 own_steps = div_up(p.down.cols, WIDE),
              other_steps = p.shared.rows == 0 ? 0 : div_up(p.shared.cols, WIDE);
    const Planes planes = planes_at(dynamic, p.top_k * own_steps + other_steps);
    const bool shared = warp_id() < p.shared_parts;
    if (A == B || !shared) {
        add_slots<A>(p, room, planes, shared, own_steps, other_steps, Held<A>::ZERO, Held<B>::ZERO);
    } else {
        add_slots<B>(p, room, planes, shared, own_steps, other_steps, Held<A>::ZERO, Held<B>::ZERO);
    }
}
#define QUANTIZED(A, B, NAME)                                                                                \
    extern "C" __global__ void __launch_bounds__(512, 1)                                                     \
        experts_down_##NAME(const __grid_constant__ experts_down_params p) {                                 \
        quantized_down<A, B>(p);                                                                             \
    }
#define CASE(F, NAME) QUANTIZED(F, F, NAME)
QUANTIZED_FORMATS(CASE)
#undef CASE
// As they meet in Q4_K_M files whose experts have no multiple of 256 columns.
QUANTIZED(Q5_0, Q4_K, q5_0_q4_k)
QUANTIZED(Q8_0, Q6_K, q8_0_q6_k)

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
