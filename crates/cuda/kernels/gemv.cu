// Products of decode: up to three matrices on one input, and the look-up of rows.
#include "dense_product.cuh"
#include "plane_product.cuh"

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
    u32 lane_bytes;       // of the ring of dense weights
    u32 cols, first_step; // of quantized weights: columns from 256 * first_step on
};

struct Store {
    float* out;
    const float* bias;
    const float* residual;
    __device__ __forceinline__ float extra(u32 at) const {
        float sum = bias ? __ldg(bias + at) : 0.f;
        if (residual) sum += __ldcg(residual + at);
        return sum;
    }
    __device__ __forceinline__ void operator()(u32 at, const float (&v)[1], float extra) const {
        out[at] = v[0] + extra;
    }
};

// What a block has to do: its matrix, and its share of the blocks of that matrix.
struct Task {
    u32 m, block, blocks;
    __device__ __forceinline__ Task(const gemv_params& p) {
        m = blockIdx.x >= p.first[2] ? 2 : blockIdx.x >= p.first[1] ? 1 : 0;
        const u32 end = m < 2 && p.first[m + 1] < gridDim.x ? p.first[m + 1] : gridDim.x;
        block = blockIdx.x - p.first[m];
        blocks = end - p.first[m];
    }
};
__device__ __forceinline__ Store store_of(const gemv_params& p, u32 m) {
    const u64 row = blockIdx.y;
    const float* residual = m == 0 && p.residual ? p.residual + row * p.residual_stride : nullptr;
    return {p.out[m] + row * p.out_stride[m], p.bias[m], residual};
}

template <u32 F> __device__ __forceinline__ void dense_gemv(const gemv_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Fixed fixed;
    const Room room = room_of(fixed, dynamic, p.lane_bytes, p.range);
    const Task task(p);
    const Activations in = {p.x + (u64)blockIdx.y * p.x_stride, p.norm, p.mats[0].cols, p.eps};
    const Mat mat[1] = {p.mats[task.m]};
    product<F, 2, false>(mat, in, room, task.block, task.blocks, p.split[task.m], store_of(p, task.m));
}
#define DENSE(F, NAME)                                                                                       \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        gemv_##NAME(const __grid_constant__ gemv_params p) {                                                 \
        dense_gemv<F>(p);                                                                                    \
    }
DENSE_FORMATS(DENSE)

// A matrix of format B, if another than A, may stand beside those of format A.
template <u32 A, u32 B> __device__ __forceinline__ void quantized_gemv(const gemv_params& p) {
    extern __shared__ float4 dynamic[];
    __shared__ Handed<1> handed;
    const Task task(p);
    const Mat mat[1] = {p.mats[task.m]};
    const Tiles tiles(mat[0].rows, task.block, task.blocks);
    const float* x = p.x + (u64)blockIdx.y * p.x_stride;
    const Store store = store_of(p, task.m);
    if (A == B || mat[0].format == A) {
        plane_product<A, 1>(mat, p.first_step, p.cols, x, p.norm, p.eps, tiles, dynamic, handed, store);
    } else {
        plane_product<B, 1>(mat, p.first_step, p.cols, x, p.norm, p.eps, tiles, dynamic, handed, store);
    }
}
#define QUANTIZED(A, B, NAME)                                                                                \
    extern "C" __global__ void __launch_bounds__(512, 1) NAME(const __grid_constant__ gemv_params p) {       \
        quantized_gemv<A, B>(p);                                                                             \
    }
#define CASE(F, NAME) QUANTIZED(F, F, gemv_##NAME)
QUANTIZED_FORMATS(CASE)
#undef CASE
// As they meet in one layer of Q4_K_M and Q5_K_M files.
QUANTIZED(Q4_K, Q6_K, gemv_q4_k_q6_k)
QUANTIZED(Q5_K, Q6_K, gemv_q5_k_q6_k)
