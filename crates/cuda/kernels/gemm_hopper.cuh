// The tile of sm_90: 128 rows of weights by up to 128 rows of x. Two groups of four warps multiply (`wgmma`,
// 64 rows each), two more copy x and unpack the weights for them, up to four steps ahead and into the next
// tile. Blocks stay for all their tiles. Sums are in the order of `gemm_tile.cuh`.
#pragma once
#include "gemm_parts.cuh"

__device__ __forceinline__ void barrier_init(u32 at, u32 arrivals) {
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(at), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void barrier_arrive(u32 at) {
    asm volatile("{\n.reg .b64 t;\nmbarrier.arrive.shared.b64 t, [%0];\n}" ::"r"(at) : "memory");
}
// Until the phase of this parity is complete.
__device__ __forceinline__ void barrier_wait(u32 at, u32 parity) {
    asm volatile(
        "{\n.reg .pred p;\nWAIT:\nmbarrier.try_wait.parity.shared.b64 p, [%0], %1;\n@p bra DONE;\nbra WAIT;\n"
        "DONE:\n}" ::"r"(at),
        "r"(parity)
        : "memory");
}
// Rows of 128 bytes with the 128-byte swizzle, and rows of 32 with the 32-byte one; groups of eight rows
// follow each other.
__device__ __forceinline__ u64 matrix_128(u32 address) {
    return (u64)(address >> 4 & 0x3fff) | (u64)1 << 16 | (u64)64 << 32 | (u64)1 << 62;
}
__device__ __forceinline__ u64 matrix_32(u32 address) {
    return (u64)(address >> 4 & 0x3fff) | (u64)1 << 16 | (u64)16 << 32 | (u64)3 << 62;
}
#define D4(j) "+f"(d[0][j][0]), "+f"(d[0][j][1]), "+f"(d[0][j][2]), "+f"(d[0][j][3])
#define D32                                                                                                  \
    "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27," \
    "%28,"                                                                                                   \
    "%29,%30,%31"
// d += a b, or d = a b.
__device__ __forceinline__ void wgmma(float (&d)[1][16][4], u64 a, u64 b, u32 add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {" D32
                 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,"
                 "%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, %64, %65, p, 1, 1, 0, 0;\n}"
                 : D4(0), D4(1), D4(2), D4(3), D4(4), D4(5), D4(6), D4(7), D4(8), D4(9), D4(10), D4(11),
                   D4(12), D4(13), D4(14), D4(15)
                 : "l"(a), "l"(b), "r"(add));
}
__device__ __forceinline__ void wgmma(float (&d)[1][8][4], u64 a, u64 b, u32 add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 {" D32 "}, %32, %33, p, 1, 1, 0, 0;\n}"
                 : D4(0), D4(1), D4(2), D4(3), D4(4), D4(5), D4(6), D4(7)
                 : "l"(a), "l"(b), "r"(add));
}
#undef D4
#undef D32

template <u32 F>
struct HopperTile {
    typedef Codes<F> Kind;
    static constexpr u32 THREADS = 512, COLUMNS = 128, STAGES = 4;
    static constexpr u32 CONSUMERS = 8, PRODUCERS = 8; // warps
    // Every lane arrives at a barrier: as fast as one for its warp, and racecheck follows it.
    static constexpr u32 LANES = 32;
    // Shared memory, in bytes. Rows of 128 bytes with the 128-byte swizzle: chunk c of 16 at c ^ (row & 7).
    static constexpr u32 CODES = 0; // [STAGES][128][128]
    static constexpr u32 CODES_STAGE = TILE_ROWS * 128;
    static constexpr u32 X = CODES + STAGES * CODES_STAGE; // [STAGES][2 parts][COLUMNS][128]
    static constexpr u32 X_PART = COLUMNS * 128;
    static constexpr u32 X_STAGE = 2 * X_PART;
    static constexpr u32 SCALES = X + STAGES * X_STAGE; // f32 [STAGES][4][128]
    static constexpr u32 SCALES_STAGE = 4 * TILE_ROWS * 4;
    static constexpr u32 OF_MINIMA = SCALES + STAGES * SCALES_STAGE;  // f32 [STAGES][128]
    static constexpr u32 MINIMA = OF_MINIMA + STAGES * TILE_ROWS * 4; // f16 [2][128][16]
    static constexpr u32 MINIMA_STAGE = TILE_ROWS * 32;
    static constexpr u32 SUMS = MINIMA + 2 * MINIMA_STAGE; // f16 [2][COLUMNS][16]
    static constexpr u32 SUMS_STAGE = COLUMNS * 32;
    static constexpr u32 FULL = SUMS + 2 * SUMS_STAGE; // barriers [STAGES]
    static constexpr u32 EMPTY = FULL + STAGES * 8;
    static constexpr u32 BYTES = EMPTY + STAGES * 8;
    static_assert(BYTES <= 223360, "the host asks for as much");

    static __device__ __forceinline__ Scales scales_of(u8* room, u32 stage, u32 group) {
        return {reinterpret_cast<float*>(room + SCALES + stage * SCALES_STAGE),
                reinterpret_cast<u16*>(room + MINIMA + group % 2 * MINIMA_STAGE),
                reinterpret_cast<float*>(room + OF_MINIMA) + stage * TILE_ROWS};
    }

    // `done` counts the steps of all tiles of the block, `group` their groups of four.
    static __device__ __forceinline__ void produce(const gemm_params& p, u8* room) {
        const u32 thread = threadIdx.x - CONSUMERS * 32, base = shared_address(room),
                  across = tiles_across(p);
        const u32 total = across * tiles_down(p);
        const u32 chunk = thread & 7, first_row = thread >> 3;
        u32 done = 0, group = 0, group_end[2] = {~0u, ~0u};
        for (u32 index = blockIdx.x; index < total; index += gridDim.x) {
            Job job;
            if (!job_of(p, across, index, job)) break;
            Place place;
            place.half = lane_id() >> 3 & 1;
            const u32 tile_row = (warp_id() - CONSUMERS) * 16 + (lane_id() & 7) + (lane_id() >> 4) * 8;
            const Mat mat = mat_of(p, job, tile_row, place);
            const u32 steps = Kind::steps(mat);
            const bool narrow = job.rows.count <= 64;
            Kind raw;
            raw.load(mat, place, 0);
            u32 x_at[4]; // in chunks of 16 bytes
#pragma unroll
            for (u32 i = 0; i < 4; i++)
                x_at[i] = job.rows.source(first_row + i * 32) * (p.width / 8) + (chunk & 3);

            for (u32 step = 0; step < steps; step++, done++) {
                const u32 stage = done % STAGES;
                barrier_wait(base + EMPTY + stage * 8, done / STAGES % 2 ^ 1);
                if (Kind::HAS_MINIMA && step % 4 == 0) {
                    // The place of the minima is that of two groups ago, which must have been read.
                    const u32 end = group_end[group % 2];
                    if (end != ~0u) barrier_wait(base + EMPTY + end % STAGES * 8, end / STAGES % 2);
                }
                const u32 column = chunk & 4 ? Kind::second(step) : Kind::first(step);
                const uint4* high = reinterpret_cast<const uint4*>(p.high) + column / 8;
                const uint4* low = reinterpret_cast<const uint4*>(p.low) + column / 8;
                const u32 to =
                    base + X + stage * X_STAGE + first_row * 128 + ((chunk ^ (first_row & 7)) << 4);
#pragma unroll
                for (u32 i = 0; i < 4; i++) {
                    if (narrow && i >= 2) break;
                    copy_async(to + i * 32 * 128, high + x_at[i]);
                    copy_async(to + i * 32 * 128 + X_PART, low + x_at[i]);
                }
                if (Kind::HAS_MINIMA && step % 4 == 0)
                    copy_async(base + SUMS + group % 2 * SUMS_STAGE + sums_at(thread / 2, thread % 2),
                               p.sums + ((u64)job.rows.source(thread / 2) * p.groups + step / 4) * 16 +
                                   thread % 2 * 8);
                copies_end_group();
                const Scales scales = scales_of(room, stage, group);
                place.codes = room + CODES + stage * CODES_STAGE + place.tile_row * 128;
                raw.unpack(mat, place, step, scales);
                if (step + 1 < steps) raw.load(mat, place, step + 1);
                if (done > 0) {
                    copies_wait<1>();
                    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
                    __syncwarp();
                    barrier_arrive(base + FULL + (done - 1) % STAGES * 8);
                }
                if (step % 4 == 3 || step + 1 == steps) group_end[group % 2] = done, group++;
            }
        }
        if (done == 0) return;
        copies_wait<0>();
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncwarp();
        barrier_arrive(base + FULL + (done - 1) % STAGES * 8);
    }

    // The products of slices FROM.. of a step.
    template <u32 FROM, u32 COUNT, u32 N>
    static __device__ __forceinline__ void multiply(float (&part)[1][N][4], u64 a, u64 high, u64 low,
                                                    bool fresh) {
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (u32 k = FROM; k < FROM + COUNT; k++) {
            wgmma(part, a + 2 * k, high + 2 * k, !(fresh && k == FROM));
            wgmma(part, a + 2 * k, low + 2 * k, 1);
        }
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    }

    template <u32 N>
    static __device__ __forceinline__ void minima_times_sums(float (&part)[1][N][4], u64 minima, u64 sums) {
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
        wgmma(part, minima, sums, 0);
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    }

    // One tile by the eight warps that multiply, for N * 8 rows of x.
    template <u32 N>
    static __device__ __forceinline__ void tile(const gemm_params& p, u8* room, const Job& job, u32& done,
                                                u32& group) {
        constexpr u32 SLICES = Kind::SCALE_COLUMNS >= 64 ? 4 : Kind::SCALE_COLUMNS / 16; // of one scale
        const u32 base = shared_address(room), row = warp_id() * 16, steps = Kind::steps(p.mat[0]);
        float result[1][N][4], part[1][N][4];
#pragma unroll
        for (u32 n = 0; n < N; n++)
#pragma unroll
            for (u32 i = 0; i < 4; i++) result[0][n][i] = part[0][n][i] = 0.f;
        for (u32 step = 0; step < steps; step++, done++) {
            const u32 stage = done % STAGES;
            const bool complete = step % 4 == 3 || step + 1 == steps;
            const bool fresh = Kind::SCALE_COLUMNS < 256 || step % 4 == 0;
            const u64 a = matrix_128(base + CODES + stage * CODES_STAGE + row / 64 * 64 * 128);
            const u64 high = matrix_128(base + X + stage * X_STAGE);
            const u64 low = matrix_128(base + X + stage * X_STAGE + X_PART);
            const Scales scales = scales_of(room, stage, group);
            const float* scale = scales.scale + row + lane_id() / 4;
            barrier_wait(base + FULL + stage * 8, done / STAGES % 2);
            multiply<0, SLICES>(part, a, high, low, fresh);
            if (Kind::SCALE_COLUMNS < 256 || complete) rescale(result, part, scale);
            if constexpr (SLICES <= 2) {
                multiply<SLICES, SLICES>(part, a, high, low, true);
                rescale(result, part, scale + TILE_ROWS);
            }
            if constexpr (SLICES == 1) {
                multiply<2, 1>(part, a, high, low, true);
                rescale(result, part, scale + 2 * TILE_ROWS);
                multiply<3, 1>(part, a, high, low, true);
                rescale(result, part, scale + 3 * TILE_ROWS);
            }
            if (Kind::HAS_MINIMA && complete) {
                minima_times_sums(part,
                                  matrix_32(base + MINIMA + group % 2 * MINIMA_STAGE + row / 64 * 64 * 32),
                                  matrix_32(base + SUMS + group % 2 * SUMS_STAGE));
                rescale(result, part, scales.of_minima + row + lane_id() / 4);
            }
            if (complete) group++;
            __syncwarp();
            barrier_arrive(base + EMPTY + stage * 8);
        }
        store(p, job, row, 0, result);
    }

    static __device__ __forceinline__ void consume(const gemm_params& p, u8* room) {
        const u32 across = tiles_across(p), total = across * tiles_down(p);
        u32 done = 0, group = 0;
        for (u32 index = blockIdx.x; index < total; index += gridDim.x) {
            Job job;
            if (!job_of(p, across, index, job)) break;
            if (job.rows.count <= 64) tile<8>(p, room, job, done, group);
            else tile<16>(p, room, job, done, group);
        }
    }

    static __device__ __forceinline__ void run(const gemm_params& p, u8* room) {
        if (blockDim.x != THREADS) __trap(); // it would wait for ever
        if (threadIdx.x == 0)
            for (u32 stage = 0; stage < STAGES; stage++) {
                barrier_init(shared_address(room) + FULL + stage * 8, PRODUCERS * LANES);
                barrier_init(shared_address(room) + EMPTY + stage * 8, CONSUMERS * LANES);
            }
        if (Kind::HAS_MINIMA)
            for (u32 i = threadIdx.x; i < 2 * MINIMA_STAGE / 4; i += THREADS)
                reinterpret_cast<u32*>(room + MINIMA)[i] = 0;
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        pdl_wait();
        // Of 128 registers a thread, those who multiply take some from those who unpack.
        if (warp_id() >= CONSUMERS) {
            asm volatile("setmaxnreg.dec.sync.aligned.u32 64;");
            produce(p, room);
        } else {
            asm volatile("setmaxnreg.inc.sync.aligned.u32 192;");
            consume(p, room);
        }
    }
};
