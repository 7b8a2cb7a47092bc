// Dense rows times one row of activations: the part that `gemv.cu` and `moe.cu` share. `plane_product.cuh` is
// for quantized rows.
//
// A block is eight warps: 8 / KS groups of rows, and KS warps that split the columns of a group's rows. In a
// warp eight lanes take a row (or the same row of two matrices), and four rows lie side by side. A step is
// what a lane takes at once; `ring.cuh` brings it, from before the wait on. Blocks go on with further tiles
// of rows, so that activations are read once a block. A sum's order depends on the shape and KS alone: never
// on the rows of activations beside it, on the steps in flight, or on the range of columns that shared
// memory holds.
#pragma once
#include "dense.cuh"
#include "ring.cuh"

constexpr u32 WARPS = 8, LANES = 8, SIDE = 4;

// A row of `cols` activations; a null `norm` is none.
struct Activations {
    const float* x;
    const float* norm;
    u32 cols;
    float eps;
};

// Shared memory of a block: the dynamic part holds the rings, then activations of `range` columns (a multiple
// of 512).
struct Room {
    const void* ring;
    float4* x;
    float* squares; // [WARPS]
    float* join;    // [2][WARPS][2 * SIDE], two by turns
    u32 lane_bytes; // of the ring
    u32 range;
};
struct alignas(16) Fixed {
    float squares[WARPS];
    float join[2 * WARPS * 2 * SIDE];
};
__device__ __forceinline__ Room room_of(Fixed& fixed, float4* dynamic, u32 lane_bytes, u32 range) {
    float4* x = dynamic + lane_bytes * (WARPS * 32 / 16);
    return {dynamic, x, fixed.squares, fixed.join, lane_bytes, range};
}

// The first of the four columns that a lane brings to the item'th 128 places of a range.
template <u32 F> __device__ __forceinline__ u32 column_of(u32 item, u32 lane) {
    constexpr u32 TASK = Codes<F>::TASK;
    const u32 t = lane & 7, i = lane >> 3;
    if (TASK == 4) return 128 * item + 4 * lane;
    if (TASK == 8) return 128 * item + 64 * (lane >> 4) + 8 * t + 4 * (i & 1);
    return 128 * item + 16 * t + 4 * i;
}

// Activations change between launches of one graph: past L1, which may hold what another kernel read.
__device__ __forceinline__ float4 load_edge(const float* row, u32 column, u32 cols) {
    float4 v = make_float4(0.f, 0.f, 0.f, 0.f);
    if (column < cols) v.x = __ldcg(row + column);
    if (column + 1 < cols) v.y = __ldcg(row + column + 1);
    if (column + 2 < cols) v.z = __ldcg(row + column + 2);
    if (column + 3 < cols) v.w = __ldcg(row + column + 3);
    return v;
}
__device__ __forceinline__ float4 load4(const float* row, u32 column, u32 cols) {
    float4 v = make_float4(0.f, 0.f, 0.f, 0.f);
    if (column < cols) v = __ldcg((const float4*)(row + column));
    return v;
}
// Brings the activations of columns `start` and on, times the weights of the norm, into shared memory in the
// order of the tasks. The squares of x are added to `squares`; 1 / rms comes at the end.
template <u32 F, int DEPTH, bool FOURS, bool NORM>
__device__ __forceinline__ void load_items(const Room& room, const Activations& in, u32 start,
                                           float& squares) {
    const u32 lane = lane_id(), items = div_up(min(room.range, in.cols - start), 128);
#pragma unroll 1
    for (u32 first = warp_id(); first < items; first += DEPTH * WARPS) {
        float4 v[DEPTH], weight[DEPTH];
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 item = first + k * WARPS,
                      column = item < items ? start + column_of<F>(item, lane) : in.cols;
            v[k] = FOURS ? load4(in.x, column, in.cols) : load_edge(in.x, column, in.cols);
            if (NORM)
                weight[k] = FOURS ? load4(in.norm, column, in.cols) : load_edge(in.norm, column, in.cols);
        }
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 item = first + k * WARPS;
            float4 x = v[k];
            if (NORM) {
                squares = __fmaf_rn(x.x, x.x, squares);
                squares = __fmaf_rn(x.y, x.y, squares);
                squares = __fmaf_rn(x.z, x.z, squares);
                squares = __fmaf_rn(x.w, x.w, squares);
                x = make_float4(__fmul_rn(x.x, weight[k].x), __fmul_rn(x.y, weight[k].y),
                                __fmul_rn(x.z, weight[k].z), __fmul_rn(x.w, weight[k].w));
            }
            const float lift = pow2(Codes<F>::LIFT);
            if (item < items)
                room.x[item * 32 + lane] = make_float4(x.x * lift, x.y * lift, x.z * lift, x.w * lift);
        }
    }
}
// `squares` stays in the lanes until the last range, so that a sum's order does not depend on `range`.
template <u32 F>
__device__ __forceinline__ void load_range(const Room& room, const Activations& in, u32 start,
                                           float& squares) {
    if (start == 0) squares = 0.f;
    if ((((u64)in.x & 15) | (in.cols & 3)) != 0) {
        if (in.norm) {
            load_items<F, 1, false, true>(room, in, start, squares);
        } else {
            load_items<F, 1, false, false>(room, in, start, squares);
        }
    } else if (in.norm) {
        load_items<F, 3, true, true>(room, in, start, squares);
    } else {
        load_items<F, 6, true, false>(room, in, start, squares);
    }
    if (in.norm && start + room.range >= in.cols) {
        const float sum = warp_sum(squares);
        if (lane_id() == 0) room.squares[warp_id()] = sum;
    }
}

// 1 / rms of the activations, after the last range: an estimate and one step of Newton's.
__device__ __forceinline__ float norm_scale(const Room& room, const Activations& in) {
    const float4 a = *(const float4*)room.squares, b = *(const float4*)(room.squares + 4);
    const float sum = __fadd_rn(__fadd_rn(__fadd_rn(a.x, a.y), __fadd_rn(a.z, a.w)),
                                __fadd_rn(__fadd_rn(b.x, b.y), __fadd_rn(b.z, b.w)));
    const float mean = __fmaf_rn(sum, 1.f / (float)in.cols, in.eps), guess = rsqrtf(mean);
    return __fmaf_rn(__fmul_rn(guess, 0.5f), __fmaf_rn(-mean * guess, guess, 1.f), guess);
}

// The products of `tile`, `tile + tile_step`, ... with M rows a lane: of M matrices of one shape and format
// if PAIR, else neighbours of one. `out.extra(row)` is asked for early, and with the values (one a matrix)
// given to `out(row, values, extra)`. All threads of the block call it.
template <u32 F, int M, bool PAIR, class Out>
__device__ __forceinline__ void product(const Mat (&mats)[PAIR ? M : 1], const Activations& in,
                                        const Room& room, u32 tile, u32 tile_step, u32 split,
                                        const Out& out) {
    using C = Codes<F>;
    constexpr u32 STEPS = C::STEPS, EACH = M * SIDE, TALL = PAIR ? 1 : M, STORES = SIDE * TALL;
    const u32 lane = lane_id(), l = lane & 7, slot = lane >> 3, part = warp_id() & ((1u << split) - 1);
    const u32 group = warp_id() >> split, rows = mats[0].rows, tasks = mats[0].units * 32 / C::TASK;
    const u32 wide = (LANES * STEPS) << split, height = (WARPS >> split) * SIDE * TALL,
              tiles = div_up(rows, height);
    const bool ranges = in.cols > room.range;
    if (tile >= tiles) return; // of the whole block
    const u32 its = div_up(tasks, wide), range_its = ranges ? room.range / (C::TASK * wide) : its;
    const u32 total = div_up(tiles - tile, tile_step) * its;

    const u32 own = part * LANES + l, apart = LANES << split; // tasks of a lane: the first, and the distance
    const u8* row[M];
    u32 index[M], send_task = own, send_left = its, send_tile = tile, left = total;
    const auto aim = [&] {
#pragma unroll
        for (int m = 0; m < M; m++) {
            const Mat& mat = mats[PAIR ? m : 0];
            index[m] = min(send_tile * height + (group * TALL + (PAIR ? 0 : m)) * SIDE + slot, rows - 1);
            row[m] = mat.base + (u64)index[m] * mat.row_bytes;
        }
    };
    Ring ring(room.ring, room.lane_bytes, STEPS * M * C::BYTES);
    const auto send = [&] {
        if (left != 0) {
            left--;
            Send to = ring.next_send();
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
                const u32 t = min(send_task, tasks - 1);
                send_task += apart;
#pragma unroll
                for (int m = 0; m < M; m++) {
                    C code;
                    code.load(to, mats[PAIR ? m : 0], row[m], index[m], t);
                }
            }
            if (--send_left == 0) {
                send_left = its;
                send_task = own;
                send_tile += tile_step;
                aim();
            }
        }
        ring.sent();
    };
    // What this lane stores, if it does.
    const u32 side = lane % SIDE, of = lane / SIDE % TALL;
    const bool stores = part == 0 && lane < STORES;
    float extra = 0.f;
    const auto ask = [&] {
        const u32 at = tile * height + (group * TALL + of) * SIDE + side;
        if (stores && at < rows) extra = out.extra(at);
    };
    aim();
    for (u32 stage = 0; stage < ring.stages; stage++) send();
    pdl_wait();
    pdl_trigger(); // here, so that what runs beside the next kernel is this one alone
    ask();

    float acc[M] = {}, squares = 0.f;
    u32 it = 0, range_it = 0, start = 0, parity = 0, task = own;
    // A lane's tasks of a step lie at one distance, in the activations too.
    const float4* x = room.x + part * (2 * C::TASK) + l;
    const auto rewind = [&] { x = room.x + part * (2 * C::TASK) + l; };
#pragma unroll 1
    for (u32 s = 0; s < total; s++) {
        if (s == 0 || (ranges && (it == 0 || range_it == range_its))) {
            start = it == 0 ? 0 : start + room.range;
            range_it = 0;
            rewind();
            if (s != 0) __syncthreads();
            load_range<F>(room, in, start, squares);
            __syncthreads();
        }
        Take from = ring.next_take();
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            C codes[M];
#pragma unroll
            for (int m = 0; m < M; m++) {
                // Pieces come in the order of `send`; their addresses do not matter here.
                codes[m].load(from, mats[PAIR ? m : 0], mats[PAIR ? m : 0].base, 0, task);
            }
            if (task < tasks) C::dot(codes, x, task, acc);
            task += apart;
            x += apart * (C::TASK / 4);
        }
        send();
        it++;
        range_it++;
        if (it != its) continue;
        float* join = room.join + parity * (WARPS * EACH);
        parity ^= 1;
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int step = 4; step > 0; step >>= 1) acc[m] += __shfl_xor_sync(0xffffffffu, acc[m], step);
            if (l == 0) join[warp_id() * EACH + m * SIDE + slot] = acc[m];
            acc[m] = 0.f;
        }
        if (split == 0) {
            __syncwarp();
        } else {
            // Of the warps of this group alone.
            asm volatile("barrier.sync %0, %1;" ::"r"(1 + group), "r"(32u << split) : "memory");
        }
        const u32 at = tile * height + (group * TALL + of) * SIDE + side;
        if (stores && at < rows) {
            float values[PAIR ? M : 1];
#pragma unroll
            for (int m = 0; m < (PAIR ? M : 1); m++) {
                const float* parts = join + warp_id() * EACH + (PAIR ? m : of) * SIDE + side;
                float sum = 0.f;
                for (u32 p = 0; p < 1u << split; p++) sum += parts[p * EACH];
                values[m] = in.norm ? sum * norm_scale(room, in) : sum;
            }
            out(at, values, extra);
        }
        tile += tile_step;
        ask();
        it = range_it = 0;
        task = own;
        rewind();
    }
}
