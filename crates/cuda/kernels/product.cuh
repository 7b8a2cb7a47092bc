// Rows of stored weights times a few rows of activations: the part that `gemv.cu` and `moe.cu` share.
//
// A block is eight warps: 8 / KS groups of rows, and KS warps that split the columns of a group's rows. In a
// warp eight lanes take a row (or the same row of two matrices), and four rows lie side by side. A step is
// what a lane loads at once: the first is asked for before the wait, then one comes while another is used.
// Blocks go on with further tiles of rows, so that activations are read once a block. A sum's order depends
// on the shape and KS alone: never on the rows of activations beside it, or on the range of columns that
// shared memory holds.
#pragma once
#include "formats.cuh"

constexpr u32 WARPS = 8, LANES = 8, SIDE = 4;

// Rows `row0` and on of x [rows][stride], of `cols` columns; a null `norm` is none.
struct Activations {
    const float* x;
    const float* norm;
    u32 cols, stride, row0, rows;
    float eps;
    __device__ __forceinline__ const float* row(u32 n) const {
        const u32 at = row0 + n < rows ? row0 + n : rows - 1;
        return x + (u64)at * stride;
    }
};

// Shared memory of a block: the dynamic part holds activations of `range` columns (a multiple of 512), then
// their sums of 16.
template <int NB> struct Room {
    float4* x;
    float* sums;
    float* squares; // [NB][WARPS]
    float* join;    // [2][WARPS][2 * NB * SIDE], two by turns
    u32 range;
};
template <int NB> struct alignas(16) Fixed {
    float squares[NB * WARPS];
    float join[2 * WARPS * 2 * NB * SIDE];
};
template <int NB> __device__ __forceinline__ Room<NB> room_of(Fixed<NB>& fixed, float4* dynamic, u32 range) {
    return {dynamic, (float*)(dynamic + NB * (range / 4)), fixed.squares, fixed.join, range};
}

// The first of the four columns that a lane brings to the item'th 128 places of a range.
template <u32 F> __device__ __forceinline__ u32 column_of(u32 item, u32 lane) {
    constexpr u32 TASK = Codes<F>::TASK;
    const u32 t = lane & 7, i = lane >> 3;
    if (TASK == 4) return 128 * item + 4 * lane;
    if (TASK == 8) return 128 * item + 64 * (lane >> 4) + 8 * t + 4 * (i & 1);
    if (TASK == 16) return 128 * item + 16 * t + 4 * i;
    if (TASK == 32) return 256 * (item >> 1) + 32 * t + 16 * (item & 1) + 4 * i;
    const u32 group = 512 * (item >> 2), run = item & 3;
    if (Codes<F>::COLUMNS == QUARTERS) {
        return group + 256 * (t >> 2) + 128 * ((t >> 1) & 1) + 32 * run + 16 * (t & 1) + 4 * i;
    }
    return group + 64 * t + 16 * run + 4 * i;
}
template <u32 F> __device__ __forceinline__ u32 items_of(u32 columns) {
    constexpr u32 EACH = Codes<F>::TASK > 16 ? Codes<F>::TASK / 16 : 1;
    return div_up(columns, 128 * EACH) * EACH;
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
// Whether fours of columns can be loaded at once.
__device__ __forceinline__ bool in_fours(const float* x, u32 stride, u32 cols) {
    return (((u64)x & 15) | (stride & 3) | (cols & 3)) == 0;
}

// Puts four activations of a warp's item at their places, with the sums of 16, if `real`; all lanes call it.
template <u32 F>
__device__ __forceinline__ void place(float4* x, float* sums, u32 item, const float4& v, bool real) {
    constexpr u32 RUNS = Codes<F>::TASK > 16 ? Codes<F>::TASK / 16 : 1;
    const u32 lane = lane_id(), run = item % RUNS;
    if (Codes<F>::SUMS) {
        float sum = __fadd_rn(__fadd_rn(v.x, v.y), __fadd_rn(v.z, v.w));
        sum += __shfl_xor_sync(0xffffffffu, sum, 8);
        sum += __shfl_xor_sync(0xffffffffu, sum, 16);
        if (real && lane < 8) sums[(item / RUNS * 8 + lane) * RUNS + run] = sum;
    }
    const float4 lift = Codes<F>::lift(run);
    if (real) x[item * 32 + lane] = make_float4(v.x * lift.x, v.y * lift.y, v.z * lift.z, v.w * lift.w);
}

// Brings the activations of columns `start` and on, times the weights of the norm, into shared memory:
// lifted, in the order of the tasks, with their sums. The squares of x are added to `squares`; 1 / rms comes
// at the end.
template <u32 F, int NB, int DEPTH, bool FOURS, bool NORM> __device__ __forceinline__ void
load_items(const Room<NB>& room, const Activations& in, u32 start, float (&squares)[NB]) {
    const u32 lane = lane_id(), items = items_of<F>(min(room.range, in.cols - start));
#pragma unroll 1
    for (u32 first = warp_id(); first < items; first += DEPTH * WARPS) {
        float4 v[NB][DEPTH], weight[DEPTH];
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 item = first + k * WARPS,
                      column = item < items ? start + column_of<F>(item, lane) : in.cols;
#pragma unroll
            for (int n = 0; n < NB; n++) {
                v[n][k] = FOURS ? load4(in.row(n), column, in.cols) : load_edge(in.row(n), column, in.cols);
            }
            if (NORM)
                weight[k] = FOURS ? load4(in.norm, column, in.cols) : load_edge(in.norm, column, in.cols);
        }
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            const u32 item = first + k * WARPS;
#pragma unroll
            for (int n = 0; n < NB; n++) {
                float4 x = v[n][k];
                if (NORM) {
                    squares[n] = __fmaf_rn(x.x, x.x, squares[n]);
                    squares[n] = __fmaf_rn(x.y, x.y, squares[n]);
                    squares[n] = __fmaf_rn(x.z, x.z, squares[n]);
                    squares[n] = __fmaf_rn(x.w, x.w, squares[n]);
                    x = make_float4(__fmul_rn(x.x, weight[k].x), __fmul_rn(x.y, weight[k].y),
                                    __fmul_rn(x.z, weight[k].z), __fmul_rn(x.w, weight[k].w));
                }
                place<F>(room.x + n * (room.range / 4), room.sums + n * (room.range / 16), item, x,
                         item < items);
            }
        }
    }
}
// `squares` stays in the lanes until the last range, so that a sum's order does not depend on `range`.
template <u32 F, int NB> __device__ __forceinline__ void
load_range(const Room<NB>& room, const Activations& in, u32 start, float (&squares)[NB]) {
#pragma unroll
    for (int n = 0; n < NB; n++) squares[n] = start == 0 ? 0.f : squares[n];
    if (!in_fours(in.x, in.stride, in.cols)) {
        if (in.norm) {
            load_items<F, NB, 1, false, true>(room, in, start, squares);
        } else {
            load_items<F, NB, 1, false, false>(room, in, start, squares);
        }
    } else if (in.norm) {
        load_items<F, NB, NB == 1 ? 3 : 1, true, true>(room, in, start, squares);
    } else {
        load_items<F, NB, NB == 1 ? 6 : 1, true, false>(room, in, start, squares);
    }
    if (in.norm && start + room.range >= in.cols) {
#pragma unroll
        for (int n = 0; n < NB; n++) {
            const float sum = warp_sum(squares[n]);
            if (lane_id() == 0) room.squares[n * WARPS + warp_id()] = sum;
        }
    }
}

// 1 / rms of the n'th row of activations, after the last range: an estimate and one step of Newton's.
template <int NB>
__device__ __forceinline__ float norm_scale(const Room<NB>& room, const Activations& in, u32 n) {
    const float4 a = *(const float4*)(room.squares + n * WARPS),
                 b = *(const float4*)(room.squares + n * WARPS + 4);
    const float sum = __fadd_rn(__fadd_rn(__fadd_rn(a.x, a.y), __fadd_rn(a.z, a.w)),
                                __fadd_rn(__fadd_rn(b.x, b.y), __fadd_rn(b.z, b.w)));
    const float mean = __fmaf_rn(sum, 1.f / (float)in.cols, in.eps), guess = rsqrtf(mean);
    return __fmaf_rn(__fmul_rn(guess, 0.5f), __fmaf_rn(-mean * guess, guess, 1.f), guess);
}

// Loads of a warp share one counter of what is outstanding: to wait for one step is to wait for all that was
// asked for. So the next step is asked for when this one has come (its result, 0, goes into the addresses)
// and before it is used.
template <class Step> __device__ __forceinline__ u32 settled(const Step& step, u32 none) {
    u32 any = 0;
#pragma unroll
    for (u32 i = 0; i < sizeof(step.c) / sizeof(step.c[0]); i++)
#pragma unroll
        for (u32 m = 0; m < sizeof(step.c[0]) / sizeof(step.c[0][0]); m++) any ^= step.c[i][m].any();
    u32 zero;
    asm volatile("and.b32 %0, %1, %2;" : "=r"(zero) : "r"(any), "r"(none));
    return zero;
}

// The products of `tile`, `tile + tile_step`, ... with M rows a lane: of M matrices of one shape and format
// if PAIR, else neighbours of one. `out.extra(row, n)` is asked for early, and with the values (one a matrix)
// given to `out(row, n, values, extra)`. All threads of the block call it.
template <u32 F, int M, int NB, bool PAIR, class Out>
__device__ __forceinline__ void product(const Mat (&mats)[PAIR ? M : 1], const Activations& in,
                                        const Room<NB>& room, u32 tile, u32 tile_step, u32 split,
                                        const Out& out) {
    using C = Codes<F>;
    constexpr u32 STEPS = C::STEPS, EACH = M * NB * SIDE, TALL = PAIR ? 1 : M, STORES = NB * SIDE * TALL;
    static_assert(STORES <= 32, "one warp stores");
    const u32 lane = lane_id(), l = lane & 7, slot = lane >> 3, part = warp_id() & ((1u << split) - 1);
    const u32 group = warp_id() >> split, rows = mats[0].rows, tasks = mats[0].units * 32 / C::TASK;
    const u32 wide = (LANES * STEPS) << split, height = (WARPS >> split) * SIDE * TALL,
              tiles = div_up(rows, height);
    const bool ranges = in.cols > room.range;
    if (tile >= tiles) return; // of the whole block
    // Ranges change between two steps, never inside a pair of them.
    const u32 its = ranges ? (div_up(tasks, wide) + 1) & ~1u : div_up(tasks, wide);
    const u32 range_its = ranges ? room.range / (C::TASK * wide) : its;
    const u32 total = div_up(tiles - tile, tile_step) * its;
    const u32 none = in.rows >> 31; // 0, which the compiler does not know

    struct Step {
        C c[STEPS][M];
    } one, two;
    const u32 own = part * LANES + l, apart = LANES << split; // tasks of a lane: the first, and the distance
    const u8* row[M];
    u32 index[M], load_task = own, load_left = its, load_tile = tile, last = tasks - 1;
    const auto aim = [&] {
#pragma unroll
        for (int m = 0; m < M; m++) {
            const Mat& mat = mats[PAIR ? m : 0];
            index[m] = min(load_tile * height + (group * TALL + (PAIR ? 0 : m)) * SIDE + slot, rows - 1);
            row[m] = mat.base + (u64)index[m] * mat.row_bytes;
        }
        // Beyond the end all load one place: a branch would make the compiler wait for loads twice.
        if (load_tile >= tiles) {
            last = 0;
#pragma unroll
            for (int m = 0; m < M; m++) row[m] = mats[0].base;
        }
    };
    const auto load = [&](Step& to, u32 zero) {
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            const u32 t = min(load_task, last);
            load_task += apart;
#pragma unroll
            for (int m = 0; m < M; m++) to.c[step][m].load(mats[PAIR ? m : 0], row[m] + zero, index[m], t);
        }
        if (--load_left == 0) {
            load_left = its;
            load_task = own;
            load_tile += tile_step;
            aim();
        }
    };
    // What this lane stores, if it does.
    const u32 side = lane % SIDE, of = lane / SIDE % TALL, n_of = lane / SIDE / TALL;
    const bool stores = part == 0 && lane < STORES;
    float extra = 0.f;
    const auto ask = [&] {
        const u32 at = tile * height + (group * TALL + of) * SIDE + side;
        if (stores && at < rows) extra = out.extra(at, n_of);
    };
    aim();
    load(one, 0);
    pdl_wait();
    pdl_trigger(); // here, so that what runs beside the next kernel is this one alone
    ask();

    float acc[M][NB] = {}, squares[NB];
    u32 it = 0, range_it = 0, start = 0, parity = 0, task = own;
    // A lane's tasks of a step lie at one distance, in the activations too.
    const float4* x = room.x + part * (2 * C::TASK) + l;
    const float* sums = room.sums + own * (C::TASK / 16);
    const auto rewind = [&](u32 to) {
        task = to;
        x = room.x + part * (2 * C::TASK) + l;
        sums = room.sums + own * (C::TASK / 16);
    };
    const auto dot = [&](const Step& from) {
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            const Input here = {x, sums, room.range / 4, room.range / 16};
            if (task < tasks) C::dot(from.c[step], here, task, acc);
            task += apart;
            x += apart * (C::TASK / 4);
            sums += apart * (C::TASK / 16);
        }
        it++;
        range_it++;
    };
#pragma unroll 1
    for (u32 s = 0; s < total; s += 2) {
        if (s == 0 || (ranges && (it == 0 || range_it == range_its))) {
            start = it == 0 ? 0 : start + room.range;
            range_it = 0;
            rewind(task);
            if (s != 0) __syncthreads();
            load_range<F>(room, in, start, squares);
            __syncthreads();
        }
        load(two, settled(one, none));
        dot(one);
        float first[M][NB];
        const bool first_ends = it == its;
        if (first_ends) {
            it = range_it = 0;
            rewind(own);
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int n = 0; n < NB; n++) {
                    first[m][n] = acc[m][n];
                    acc[m][n] = 0.f;
                }
        }
        load(one, settled(two, none));
        if (s + 1 < total) dot(two);
#pragma unroll 1
        for (int k = first_ends ? 0 : 1; k < 2; k++) {
            if (k == 1 && it != its) break;
            float* join = room.join + parity * (WARPS * EACH);
            parity ^= 1;
#pragma unroll
            for (int m = 0; m < M; m++)
#pragma unroll
                for (int n = 0; n < NB; n++) {
                    float v = k == 0 ? first[m][n] : acc[m][n];
#pragma unroll
                    for (int step = 4; step > 0; step >>= 1) v += __shfl_xor_sync(0xffffffffu, v, step);
                    if (l == 0) join[warp_id() * EACH + (n * M + m) * SIDE + slot] = v;
                }
            if (split == 0) {
                __syncwarp();
            } else {
                __syncthreads();
            }
            const u32 at = tile * height + (group * TALL + of) * SIDE + side;
            if (stores && at < rows) {
                float values[PAIR ? M : 1];
#pragma unroll
                for (int m = 0; m < (PAIR ? M : 1); m++) {
                    const float* from = join + warp_id() * EACH + (n_of * M + (PAIR ? m : of)) * SIDE + side;
                    float sum = 0.f;
                    for (u32 p = 0; p < 1u << split; p++) sum += from[p * EACH];
                    values[m] = sum;
                }
                if (in.norm) {
                    const float scale = norm_scale(room, in, n_of);
#pragma unroll
                    for (int m = 0; m < (PAIR ? M : 1); m++) values[m] *= scale;
                }
                out(at, n_of, values, extra);
            }
            tile += tile_step;
            ask();
            if (k == 1) {
                it = range_it = 0;
                rewind(own);
#pragma unroll
                for (int m = 0; m < M; m++)
#pragma unroll
                    for (int n = 0; n < NB; n++) acc[m][n] = 0.f;
            }
        }
    }
}
