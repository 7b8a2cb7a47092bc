// Products of decode: up to three matrices on one input, and the look-up of rows.
#include "product.cuh"

#ifndef BLOCKS
#define BLOCKS 2
#endif

// Each matrix m has the blocks first[m] .. first[m + 1] of the grid, any number of them.
struct gemv_params {
    Mat mats[3];           // of the same columns
    const float* x;        // [rows][x_stride]
    const float* norm;     // weights of an RMS norm of x first; null: none
    const float* residual; // [rows][residual_stride], added to matrix 0's; null: none
    float* out[3];         // [rows][out_stride]
    const float* bias[3];  // null: none
    u32 out_stride[3];
    u32 first[3]; // the first block of each; 0xffffffff: no such matrix
    u32 split[3]; // log2 of the warps that split the columns
    u32 x_stride, residual_stride, rows, range;
    float eps;
};

struct Store {
    float* out;
    const float* bias;
    const float* residual;
    u32 out_stride, residual_stride, row0, rows;
    __device__ __forceinline__ float extra(u32 at, u32 n) const {
        float sum = bias ? __ldg(bias + at) : 0.f;
        if (residual && row0 + n < rows) sum += __ldcg(residual + (u64)(row0 + n) * residual_stride + at);
        return sum;
    }
    __device__ __forceinline__ void operator()(u32 at, u32 n, const float (&v)[1], float extra) const {
        if (row0 + n < rows) out[(u64)(row0 + n) * out_stride + at] = v[0] + extra;
    }
};

// A matrix of format B, if another than A, may stand beside those of format A.
template <u32 A, u32 B, int NB> __device__ __forceinline__ void gemv_of(const gemv_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Fixed<NB> fixed;
    const Room<NB> room = room_of(fixed, dynamic, p.range);
    const u32 m = blockIdx.x >= p.first[2] ? 2 : blockIdx.x >= p.first[1] ? 1 : 0;
    const u32 end = m < 2 && p.first[m + 1] < gridDim.x ? p.first[m + 1] : gridDim.x, row0 = blockIdx.y * NB;
    const Activations in = {p.x, p.norm, p.mats[0].cols, p.x_stride, row0, p.rows, p.eps};
    const Store store = {
        p.out[m], p.bias[m], m == 0 ? p.residual : nullptr, p.out_stride[m], p.residual_stride, row0, p.rows};
    const Mat mat[1] = {p.mats[m]};
    const u32 tile = blockIdx.x - p.first[m], step = end - p.first[m], split = p.split[m];
    if (A == B || mat[0].format == A) {
        product<A, 2, NB, false>(mat, in, room, tile, step, split, store);
    } else {
        product<B, 2, NB, false>(mat, in, room, tile, step, split, store);
    }
}
#define GEMV(A, B, NB, NAME)                                                                                 \
    extern "C" __global__ void __launch_bounds__(256, BLOCKS) NAME(const __grid_constant__ gemv_params p) {  \
        gemv_of<A, B, NB>(p);                                                                                \
    }
#define CASE(F, NAME) GEMV(F, F, 1, gemv_##NAME)
ALL_FORMATS(CASE)
#undef CASE
#define CASE(F, NAME) GEMV(F, F, 4, gemv4_##NAME)
ALL_FORMATS(CASE)
#undef CASE
// As they meet in one layer of Q4_K_M and Q5_K_M files.
GEMV(Q4_K, Q6_K, 1, gemv_q4_k_q6_k)
GEMV(Q5_K, Q6_K, 1, gemv_q5_k_q6_k)
