// RMS norm of rows where the normed values themselves are asked for: the hidden states of the output, and the
// two halves of the input of an MTP layer. Elsewhere the norm is the beginning of a product.
#include "common.cuh"

struct rms_norm_params {
    const float* x;
    const float* weight;
    float* out;
    u32 rows, width, x_stride, out_stride;
    float eps;
    u32 pad;
};

// A block a row.
extern "C" __global__ void __launch_bounds__(256) rms_norm(const __grid_constant__ rms_norm_params p) {
    __shared__ float sums[8];
    pdl_trigger();
    pdl_wait();
    const float* x = p.x + (u64)blockIdx.x * p.x_stride;
    float* out = p.out + (u64)blockIdx.x * p.out_stride;
    float sum = 0.0f;
    for (u32 at = threadIdx.x; at < p.width; at += 256) sum = fmaf(x[at], x[at], sum);
    for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
    if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = 0.0f;
    for (int warp = 0; warp < 8; warp++) sum += sums[warp];
    float scale = 1.0f / sqrtf(sum / p.width + p.eps);
    for (u32 at = threadIdx.x; at < p.width; at += 256) out[at] = x[at] * scale * p.weight[at];
}
