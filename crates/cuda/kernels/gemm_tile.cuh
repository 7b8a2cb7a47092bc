// A tile of 128 rows of weights by 64 rows of x for every tensor core since sm_80, by a block of eight warps
// that all copy, unpack and multiply. The codes of the next step are unpacked while those of this one are
// multiplied. The order of the sums depends on the format alone, so a row of x has the same bits in every
// company.
#pragma once
#include "gemm_parts.cuh"

template <u32 F>
struct Tile {
    typedef Codes<F> Kind;
    static constexpr u32 THREADS = 256, COLUMNS = 64, STAGES = 3; // stages of x; the codes have two
    static constexpr u32 M = 2, N = 4;                            // fragments of a warp; 4 x 2 warps
    // Shared memory, in bytes. Rows of 128 bytes in chunks of 16, chunk c at c ^ (row & 7).
    static constexpr u32 CODES = 0; // [2][128][128]
    static constexpr u32 CODES_STAGE = TILE_ROWS * 128;
    static constexpr u32 X = CODES + 2 * CODES_STAGE; // [STAGES][2 parts][COLUMNS][128]
    static constexpr u32 X_PART = COLUMNS * 128;
    static constexpr u32 X_STAGE = 2 * X_PART;
    static constexpr u32 SCALES = X + STAGES * X_STAGE; // f32 [2][4][128]
    static constexpr u32 SCALES_STAGE = 4 * TILE_ROWS * 4;
    static constexpr u32 OF_MINIMA = SCALES + 2 * SCALES_STAGE;  // f32 [2][128]
    static constexpr u32 MINIMA = OF_MINIMA + 2 * TILE_ROWS * 4; // f16 [2][128][16]
    static constexpr u32 MINIMA_STAGE = TILE_ROWS * 32;
    static constexpr u32 SUMS = MINIMA + 2 * MINIMA_STAGE; // f16 [2][COLUMNS][16]
    static constexpr u32 SUMS_STAGE = COLUMNS * 32;
    static constexpr u32 BYTES = SUMS + 2 * SUMS_STAGE;
    static_assert(BYTES == 99328, "the host asks for as much");

    u8* room;
    float result[M][N][4];
    float part[M][N][4];
    u32 x_row[2]; // of x, that this thread copies

    static __device__ __forceinline__ u32 row() { return warp_id() / 2 * 32; }
    static __device__ __forceinline__ u32 column() { return warp_id() % 2 * 32; }

    __device__ __forceinline__ void copy_stage(const gemm_params& p, const TileRows& rows, u32 step,
                                               u32 steps) {
        if (step < steps) {
            const u32 chunk = threadIdx.x & 7, row = threadIdx.x >> 3;
            const u32 column = (chunk & 4 ? Kind::second(step) : Kind::first(step)) + (chunk & 3) * 8;
            const u32 to =
                shared_address(room) + X + step % STAGES * X_STAGE + row * 128 + ((chunk ^ (row & 7)) << 4);
#pragma unroll
            for (u32 i = 0; i < 2; i++) {
                const u64 from = (u64)x_row[i] * p.width + column;
                copy_async(to + i * 32 * 128, p.high + from);
                copy_async(to + X_PART + i * 32 * 128, p.low + from);
            }
            if (Kind::HAS_MINIMA && step % 4 == 0 && threadIdx.x < 2 * COLUMNS) {
                const u32 at = threadIdx.x >> 1, half = threadIdx.x & 1;
                copy_async(shared_address(room) + SUMS + step / 4 % 2 * SUMS_STAGE + sums_at(at, half),
                           p.sums + ((u64)rows.source(at) * p.groups + step / 4) * 16 + half * 8);
            }
        }
        copies_end_group();
    }

    __device__ __forceinline__ Scales scales_of(u32 step) const {
        return {reinterpret_cast<float*>(room + SCALES + step % 2 * SCALES_STAGE),
                reinterpret_cast<u16*>(room + MINIMA + step / 4 % 2 * MINIMA_STAGE),
                reinterpret_cast<float*>(room + OF_MINIMA) + step % 2 * TILE_ROWS};
    }
    __device__ __forceinline__ void add_slot(u32 step, u32 slot) {
        rescale(result, part, scales_of(step).scale + slot * TILE_ROWS + row() + lane_id() / 4);
    }

    // The products of one step; `meanwhile` prepares the next ones.
    template <typename Meanwhile>
    __device__ __forceinline__ void multiply(u32 step, bool last, Meanwhile meanwhile) {
        constexpr u32 SLICES = Kind::SCALE_COLUMNS >= 64 ? 4 : Kind::SCALE_COLUMNS / 16; // of one scale
        const bool fresh = Kind::SCALE_COLUMNS < 256 || step % 4 == 0;
        const u32 lane = lane_id(), in_eight = lane & 7;
        const u32 codes = shared_address(room) + CODES + step % 2 * CODES_STAGE +
                          (row() + lane / 8 % 2 * 8 + in_eight) * 128;
        const u32 x =
            shared_address(room) + X + step % STAGES * X_STAGE + (column() + lane / 16 * 8 + in_eight) * 128;
        const u32 codes_chunk = (lane / 16) ^ in_eight, x_chunk = (lane / 8 % 2) ^ in_eight;
#pragma unroll
        for (u32 k = 0; k < 4; k++) {
            u32 a[M][4], high[N][2], low[N][2];
#pragma unroll
            for (u32 m = 0; m < M; m++)
                load_matrices(codes + m * 16 * 128 + ((codes_chunk ^ (2 * k)) << 4), a[m][0], a[m][1],
                              a[m][2], a[m][3]);
#pragma unroll
            for (u32 n = 0; n < N; n += 2) {
                const u32 at = x + n * 8 * 128 + ((x_chunk ^ (2 * k)) << 4);
                load_matrices(at, high[n][0], high[n][1], high[n + 1][0], high[n + 1][1]);
                load_matrices(at + X_PART, low[n][0], low[n][1], low[n + 1][0], low[n + 1][1]);
            }
            if (k == 1) meanwhile();
            const bool zero = k % SLICES == 0 && fresh;
#pragma unroll
            for (u32 n = 0; n < N; n++)
#pragma unroll
                for (u32 m = 0; m < M; m++) {
                    float (&d)[4] = part[m][n];
                    if (zero) mma(d, a[m], high[n][0], high[n][1], 0.f, 0.f, 0.f, 0.f);
                    else mma(d, a[m], high[n][0], high[n][1], d[0], d[1], d[2], d[3]);
                }
#pragma unroll
            for (u32 n = 0; n < N; n++)
#pragma unroll
                for (u32 m = 0; m < M; m++) {
                    float (&d)[4] = part[m][n];
                    mma(d, a[m], low[n][0], low[n][1], d[0], d[1], d[2], d[3]);
                }
            if (Kind::SCALE_COLUMNS < 256 && k % SLICES == SLICES - 1) add_slot(step, k / SLICES);
        }
        const bool complete = step % 4 == 3 || last;
        if (Kind::SCALE_COLUMNS == 256 && complete) add_slot(step, 0);
        if (Kind::HAS_MINIMA && complete) {
            const Scales scales = scales_of(step);
            add_minima(result, shared_address(scales.minima) + row() * 32,
                       shared_address(room) + SUMS + step / 4 % 2 * SUMS_STAGE + column() * 32,
                       scales.of_minima + row() + lane / 4);
        }
    }

    __device__ __forceinline__ void run(const gemm_params& p, u8* shared) {
        room = shared;
        if (p.tiles) pdl_wait();
        Job job;
        if (!job_of(p, tiles_across(p), blockIdx.x, job)) return;
        Place place;
        place.half = lane_id() >> 3 & 1;
        const Mat mat = mat_of(p, job, warp_id() * 16 + (lane_id() & 7) + (lane_id() >> 4) * 8, place);
        place.codes = room + CODES + place.tile_row * 128;
        const u32 steps = Kind::steps(mat);
        Kind raw;
        raw.load(mat, place, 0);
        if (Kind::HAS_MINIMA) {
            for (u32 i = threadIdx.x; i < 2 * MINIMA_STAGE / 4; i += THREADS)
                reinterpret_cast<u32*>(room + MINIMA)[i] = 0;
            __syncthreads();
        }
        if (!p.tiles) pdl_wait();
#pragma unroll
        for (u32 i = 0; i < 2; i++) x_row[i] = job.rows.source((threadIdx.x >> 3) + i * 32);
#pragma unroll
        for (u32 stage = 0; stage < STAGES - 1; stage++) copy_stage(p, job.rows, stage, steps);
#pragma unroll
        for (u32 m = 0; m < M; m++)
#pragma unroll
            for (u32 n = 0; n < N; n++)
#pragma unroll
                for (u32 i = 0; i < 4; i++) result[m][n][i] = part[m][n][i] = 0.f;
        raw.unpack(mat, place, 0, scales_of(0));
        if (steps > 1) raw.load(mat, place, 1);
        for (u32 step = 0; step < steps; step++) {
            copies_wait<STAGES - 2>();
            __syncthreads();
            multiply(step, step + 1 == steps, [&] {
                copy_stage(p, job.rows, step + STAGES - 1, steps);
                if (step + 1 >= steps) return;
                Place next = place;
                next.codes += (step + 1) % 2 * CODES_STAGE;
                raw.unpack(mat, next, step + 1, scales_of(step + 1));
                if (step + 2 < steps) raw.load(mat, place, step + 2);
            });
        }
        copies_wait<0>();
        store(p, job, row(), column(), result);
    }
};
