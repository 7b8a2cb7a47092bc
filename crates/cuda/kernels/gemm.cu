// Products of many rows of x with stored weights, on tensor cores: `gemm_<format>`. A launch takes one to
// three matrices on the same x, or a gate and an up projection whose results it joins. With `tiles` (from
// `bucket`) it takes the experts of a stack, each with the rows that chose it.
//
// The weights are f16 codes (`gemm_codes.cuh`), x is two parts of f16 (`split_rows`), so all factors are
// exact to 22 bits and sums are f32. After the columns of one scale the sum of the codes is multiplied by it
// into the result.
#include "gemm_hopper.cuh"
#include "gemm_tile.cuh"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL) && !defined(GEMM_WITHOUT_WGMMA)
#define GEMM(name, format)                                                       \
    extern "C" __global__ void __launch_bounds__(HopperTile<format>::THREADS, 1) \
        gemm_##name(const __grid_constant__ gemm_params p) {                     \
        extern __shared__ __align__(1024) u8 shared[];                           \
        pdl_trigger();                                                           \
        HopperTile<format>::run(p, shared);                                      \
    }
#else
#define GEMM(name, format)                                                 \
    extern "C" __global__ void __launch_bounds__(Tile<format>::THREADS, 2) \
        gemm_##name(const __grid_constant__ gemm_params p) {               \
        extern __shared__ __align__(1024) u8 shared[];                     \
        pdl_trigger();                                                     \
        Tile<format> tile;                                                 \
        tile.run(p, shared);                                               \
    }
#endif

GEMM(q4_k, Q4_K)
#ifndef GEMM_ONLY_Q4_K
GEMM(f32, F32)
GEMM(f16, F16)
GEMM(bf16, BF16)
GEMM(f8e4m3, F8E4M3)
GEMM(q4_0, Q4_0)
GEMM(q4_1, Q4_1)
GEMM(q5_0, Q5_0)
GEMM(q5_1, Q5_1)
GEMM(q8_0, Q8_0)
GEMM(q2_k, Q2_K)
GEMM(q3_k, Q3_K)
GEMM(q5_k, Q5_K)
GEMM(q6_k, Q6_K)
GEMM(iq4_nl, IQ4_NL)
GEMM(iq4_xs, IQ4_XS)
GEMM(mxfp4, MXFP4)
#endif
