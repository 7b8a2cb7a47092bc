// Rows of x in the form that the tensor cores take: two parts of f16 (22 bits) over a power of two of the
// row, and the sums of every 32 columns for formats with minima. Normalises first where there is a norm.
#include "gemm_codes.cuh"

struct split_rows_params {
    const float* x;    // [rows][x_stride]
    const float* norm; // weight of an RMS norm, or null
    u16* high;         // [rows][width], every four columns in the order 0, 2, 1, 3
    u16* low;
    u16* sums;                       // [rows][groups][16]: eight sums over 64, then what they leave
    float* inverse;                  // [rows]
    u32 rows, cols, x_stride, width; // width: cols to a multiple of 64
    u32 groups;                      // ceil(width / 256)
    float eps;
};

__device__ __forceinline__ float4 four_of(const split_rows_params& p, const float* x, u32 column) {
    if (column + 4 <= p.cols && p.x_stride % 4 == 0) return *reinterpret_cast<const float4*>(x + column);
    float v[4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) v[i] = column + i < p.cols ? x[column + i] : 0.f;
    return make_float4(v[0], v[1], v[2], v[3]);
}
__device__ __forceinline__ float4 times_norm(const split_rows_params& p, float4 v, float root, u32 column) {
    if (!p.norm) return v;
    float w[4];
#pragma unroll
    for (u32 i = 0; i < 4; i++) w[i] = column + i < p.cols ? __ldg(p.norm + column + i) : 0.f;
    return make_float4(v.x * root * w[0], v.y * root * w[1], v.z * root * w[2], v.w * root * w[3]);
}

// A block a row.
extern "C" __global__ void __launch_bounds__(256) split_rows(const __grid_constant__ split_rows_params p) {
    __shared__ float room[2][8];
    pdl_trigger();
    pdl_wait();
    const u32 row = blockIdx.x, fours = p.groups * 64;
    const float* x = p.x + (u64)row * p.x_stride;
    float squares = 0.f, most = 0.f;
    for (u32 i = threadIdx.x; i * 4 < p.cols; i += 256) {
        const float4 v = four_of(p, x, i * 4), n = times_norm(p, v, 1.f, i * 4);
        squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
        most = fmaxf(fmaxf(most, fmaxf(fabsf(n.x), fabsf(n.y))), fmaxf(fabsf(n.z), fabsf(n.w)));
    }
    float root = 1.f;
    if (p.norm) root = 1.f / sqrtf(block_sum(squares, room[0]) / (float)p.cols + p.eps);
    most = block_max(most, room[1]) * root;
    float inverse;
    const float scale = scale_to_f16(most, inverse);
    if (threadIdx.x == 0) p.inverse[row] = inverse;

    for (u32 i = threadIdx.x; i < fours; i += 256) {
        const u32 column = i * 4;
        float4 v = times_norm(p, four_of(p, x, column), root, column);
        v = make_float4(v.x * scale, v.y * scale, v.z * scale, v.w * scale);
        if (column < p.width) {
            const u32 a = f16x2_from(v.x, v.z), b = f16x2_from(v.y, v.w);
            const u32 c = f16x2_from(v.x - f16_low(a), v.z - f16_high(a));
            const u32 d = f16x2_from(v.y - f16_low(b), v.w - f16_high(b));
            const u64 to = (u64)row * p.width + column;
            *reinterpret_cast<uint2*>(p.high + to) = make_uint2(a, b);
            *reinterpret_cast<uint2*>(p.low + to) = make_uint2(c, d);
        }
        float sum = (v.x + v.y) + (v.z + v.w);
#pragma unroll
        for (u32 step = 1; step < 8; step <<= 1) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (i % 8 == 0) {
            sum *= 1.f / 64.f;
            const __half high = __float2half_rn(sum);
            u16* to = p.sums + ((u64)row * p.groups + i / 64) * 16 + i / 8 % 8;
            to[0] = __half_as_ushort(high);
            to[8] = __half_as_ushort(__float2half_rn(sum - __half2float(high)));
        }
    }
}
