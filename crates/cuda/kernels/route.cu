// The router of a mixture of experts: scores, groups and the best experts of each row, by one warp.
// `crates/kernels/src/moe/router` defines the rules.
#include "common.cuh"

struct route_params {
    const float* logits; // [rows][experts]
    const float* bias;   // of the selection only; null: none
    u32* ids;            // [rows][top_k], best first
    float* weights;      // [rows][top_k]
    u32 rows, experts, top_k;
    u32 scoring; // 0 softmax, 1 sigmoid
    u32 policy;  // 0 greedy, 1 group_limited_greedy, 2 noaux_tc
    u32 n_group, topk_group;
    u32 norm; // divide by the sum of the selected
    float scale;
    u32 pad;
};
#define INFINITE __uint_as_float(0x7f800000u)
constexpr u32 MAX_EXPERTS = 512, EACH = MAX_EXPERTS / 32;

// Larger values have larger keys; both zeros are equal, a NaN is first. No key is 0, which stands for none.
__device__ __forceinline__ u32 key_of(float v) {
    if (v != v) return 0xffffffffu;
    const u32 bits = __float_as_uint(v + 0.f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

extern "C" __global__ void __launch_bounds__(32) route(const __grid_constant__ route_params p) {
    __shared__ float scores[MAX_EXPERTS], selection[MAX_EXPERTS];
    __shared__ u32 chosen[32];
    pdl_trigger();
    const u32 lane = threadIdx.x, t = blockIdx.x, count = div_up(p.experts, 32);
    pdl_wait();
    const float* logits = p.logits + (u64)t * p.experts;
    float v[EACH];
    float most = -INFINITE;
#pragma unroll
    for (u32 i = 0; i < EACH; i++) {
        const u32 e = i * 32 + lane;
        v[i] = i < count && e < p.experts ? __ldcg(logits + e) : -INFINITE;
        most = fmaxf(most, v[i]);
    }
    if (p.scoring == 0) {
        most = warp_max(most);
        float sum = 0.f;
#pragma unroll
        for (u32 i = 0; i < EACH; i++) {
            const bool real = i < count && i * 32 + lane < p.experts;
            v[i] = real ? expf(v[i] - most) : 0.f;
            sum += v[i];
        }
        sum = warp_sum(sum);
#pragma unroll
        for (u32 i = 0; i < EACH; i++) v[i] = v[i] / sum;
    } else {
#pragma unroll
        for (u32 i = 0; i < EACH; i++)
            if (i < count) v[i] = 1.f / (1.f + expf(-v[i]));
    }
    u32 keys[EACH];
#pragma unroll
    for (u32 i = 0; i < EACH; i++) {
        const u32 e = i * 32 + lane;
        keys[i] = 0;
        if (i >= count || e >= p.experts) continue;
        scores[e] = v[i];
        const float biased = p.policy == 2 && p.bias ? v[i] + __ldg(p.bias + e) : v[i];
        selection[e] = biased;
        keys[i] = key_of(biased);
    }
    __syncwarp();
    if (p.policy != 0) {
        // A group's score: its best, or the sum of its two best.
        const u32 size = p.experts / p.n_group;
        u32 group_key[EACH];
#pragma unroll
        for (u32 k = 0; k < EACH; k++) {
            const u32 g = k * 32 + lane;
            group_key[k] = 0;
            if (g >= p.n_group) continue;
            float first = -INFINITE, second = -INFINITE;
            u32 first_key = 0, second_key = 0;
            for (u32 i = 0; i < size; i++) {
                const float s = selection[g * size + i];
                const u32 key = key_of(s);
                if (key > first_key) {
                    second = first;
                    second_key = first_key;
                    first = s;
                    first_key = key;
                } else if (key > second_key) {
                    second = s;
                    second_key = key;
                }
            }
            // The fold over the maximum ignores a NaN.
            if (p.policy == 1 && first != first) {
                first = -INFINITE;
                for (u32 i = 0; i < size; i++) first = fmaxf(first, selection[g * size + i]);
            }
            group_key[k] = key_of(p.policy == 1 || size < 2 ? first : first + second);
        }
        u32 kept[EACH] = {};
        for (u32 n = 0; n < p.topk_group; n++) {
            u32 best = 0, at = 0xffffffffu;
#pragma unroll
            for (u32 k = 0; k < EACH; k++) best = max(best, group_key[k]);
            best = __reduce_max_sync(0xffffffffu, best);
#pragma unroll
            for (u32 k = 0; k < EACH; k++)
                if (group_key[k] == best && k * 32 + lane < p.n_group) at = min(at, k * 32 + lane);
            at = __reduce_min_sync(0xffffffffu, at);
#pragma unroll
            for (u32 k = 0; k < EACH; k++)
                if (k * 32 + lane == at) group_key[k] = 0;
#pragma unroll
            for (u32 i = 0; i < EACH; i++)
                if ((i * 32 + lane) / size == at) kept[i] = 1;
        }
        // Experts of other groups score 0, or nothing is below them.
#pragma unroll
        for (u32 i = 0; i < EACH; i++)
            if (i < count && i * 32 + lane < p.experts && !kept[i])
                keys[i] = p.policy == 1 ? key_of(0.f) : key_of(-INFINITE);
    }
    float sum = 0.f;
    for (u32 n = 0; n < p.top_k; n++) {
        u32 best = 0, at = 0xffffffffu;
#pragma unroll
        for (u32 i = 0; i < EACH; i++) best = max(best, keys[i]);
        best = __reduce_max_sync(0xffffffffu, best);
#pragma unroll
        for (u32 i = 0; i < EACH; i++)
            if (keys[i] == best && i * 32 + lane < p.experts) at = min(at, i * 32 + lane);
        at = __reduce_min_sync(0xffffffffu, at);
#pragma unroll
        for (u32 i = 0; i < EACH; i++)
            if (i * 32 + lane == at) keys[i] = 0;
        if (lane == 0) chosen[n] = at;
        sum += scores[at];
    }
    __syncwarp();
    const float divisor = p.norm && p.top_k > 1 ? sum + 1e-20f : 1.f;
    if (lane < p.top_k) {
        p.ids[(u64)t * p.top_k + lane] = chosen[lane];
        p.weights[(u64)t * p.top_k + lane] = scores[chosen[lane]] / divisor * p.scale;
    }
}
