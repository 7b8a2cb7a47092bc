// The instructions of the tensor-core products and what both kinds of tile do with the sums: copies to shared
// memory, fragments, and the scales and minima that are left when the codes of some columns are multiplied.
#pragma once
#include "gemm_job.cuh"

__device__ __forceinline__ u32 shared_address(const void* at) { return (u32)__cvta_generic_to_shared(at); }
__device__ __forceinline__ void copy_async(u32 to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void copies_end_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LEFT>
__device__ __forceinline__ void copies_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
__device__ __forceinline__ void load_matrices(u32 at, u32& a, u32& b, u32& c, u32& d) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
                 : "r"(at)
                 : "memory");
}
// d = a b + c, 16 x 16 times 16 x 8.
__device__ __forceinline__ void mma(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, float c0, float c1,
                                    float c2, float c3) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
                 "{%10,%11,%12,%13};"
                 : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "f"(c0), "f"(c1), "f"(c2),
                   "f"(c3));
}

// result += scale * part; `scale` is that of the lane's first row.
template <u32 M, u32 N>
__device__ __forceinline__ void rescale(float (&result)[M][N][4], const float (&part)[M][N][4],
                                        const float* scale) {
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        const float upper = scale[m * 16], lower = scale[m * 16 + 8];
#pragma unroll
        for (u32 n = 0; n < N; n++) {
            result[m][n][0] = fmaf(part[m][n][0], upper, result[m][n][0]);
            result[m][n][1] = fmaf(part[m][n][1], upper, result[m][n][1]);
            result[m][n][2] = fmaf(part[m][n][2], lower, result[m][n][2]);
            result[m][n][3] = fmaf(part[m][n][3], lower, result[m][n][3]);
        }
    }
}

// Where chunk `chunk` of row `row` of the sums is, with the 32-byte swizzle of sm_90. The two chunks of the
// minima are equal, so theirs need not be moved.
__device__ __forceinline__ u32 sums_at(u32 row, u32 chunk) {
    return row * 32 + ((chunk ^ (row >> 2 & 1)) << 4);
}

// The minima of up to eight sub-blocks times the sums of x over them: one step of 16. Addresses are those of
// the fragments' first row and column, 32 bytes a row.
template <u32 M, u32 N>
__device__ __forceinline__ void add_minima(float (&result)[M][N][4], u32 minima, u32 sums,
                                           const float* factor) {
    const u32 lane = lane_id();
    minima += lane % 16 * 32 + lane / 16 * 16;
    sums += sums_at(lane / 16 * 8 + lane % 8, lane / 8 % 2);
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        u32 a[4];
        load_matrices(minima + m * 16 * 32, a[0], a[1], a[2], a[3]);
        const float upper = factor[m * 16], lower = factor[m * 16 + 8];
#pragma unroll
        for (u32 n = 0; n < N; n += 2) {
            u32 b[4];
            load_matrices(sums + n * 8 * 32, b[0], b[1], b[2], b[3]);
#pragma unroll
            for (u32 i = 0; i < 2; i++) {
                float d[4];
                mma(d, a, b[2 * i], b[2 * i + 1], 0.f, 0.f, 0.f, 0.f);
                result[m][n + i][0] = fmaf(d[0], upper, result[m][n + i][0]);
                result[m][n + i][1] = fmaf(d[1], upper, result[m][n + i][1]);
                result[m][n + i][2] = fmaf(d[2], lower, result[m][n + i][2]);
                result[m][n + i][3] = fmaf(d[3], lower, result[m][n + i][3]);
            }
        }
    }
}
