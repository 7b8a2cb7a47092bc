// Attention of many consecutive rows of one sequence over its pages, on tensor cores. Rows and the heads that
// read the same keys form one list (row 0 with each of its heads, row 1, and on), and a block takes 64 entries of
// it. Queries and weights are two 16-bit parts each; scores, sums and the softmax are f32.
#include "attention.cuh"

static constexpr u32 ENTRIES = 64;
// Adds the values of sixteen keys, at both places 32 bytes of columns (two fragments of bf16, four of FP8),
// times two parts of weights.
template <bool FP8> __device__ __forceinline__ void sum_values(float (*sums)[4], const u32 (&weights)[2][4],
                                                               const u8* first, const u8* second) {
    u32 v[2][4];
    load_matrices_transposed(v[0], first);
    load_matrices_transposed(v[1], second);
#pragma unroll
    for (u32 part = 0; part < 2; part++) {
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
            const u32 low = v[j / 2][2 * (j % 2)], high = v[j / 2][2 * (j % 2) + 1];
            if (FP8) {
                mma_f16(sums[2 * j], weights[part], e4m3_even(low), e4m3_even(high));
                mma_f16(sums[2 * j + 1], weights[part], e4m3_odd(low), e4m3_odd(high));
            } else {
                mma_bf16(sums[j], weights[part], low, high);
            }
        }
    }
}

// ---- Grouped-query attention ----

struct gqa_flash_params {
    const float* q;  // [rows][q_stride], rotated
    const u8* cache; // of the layer
    const i32* positions;
    const i32* tables;
    const u32* pages;
    float* out; // [rows][out_stride]
    u32 first, count, heads, kv_heads, record_bytes, q_stride, out_stride;
    float scale;
};

static constexpr u32 FLASH_KEYS = 64;

template <bool FP8, u32 D> struct FlashShape {
    static constexpr u32 ROW = FP8 ? D : 2 * D, STRIDE = ROW + 16;
    static constexpr u32 SIDE = FLASH_KEYS * STRIDE; // bytes of the keys, then of the values
    static constexpr u32 STAGE = 2 * SIDE + (FP8 ? 2 * FLASH_KEYS * 4 : 0);
};

template <bool FP8, u32 D> __device__ __forceinline__ void
load_flash_keys(u8* stage, const gqa_flash_params& p, u32 key_head, u32 page, u32 count) {
    using S = FlashShape<FP8, D>;
    constexpr u32 PIECES = S::ROW / 16;
    const u8* records = p.cache + (u64)page * PAGE_TOKENS * p.record_bytes;
    for (u32 i = threadIdx.x; i < 2 * FLASH_KEYS * PIECES; i += 128) {
        const u32 line = i / PIECES, piece = i % PIECES, key = line % FLASH_KEYS, side = line / FLASH_KEYS;
        copy_async16(stage + line * S::STRIDE + 16 * piece,
                     records + (u64)key * p.record_bytes + (2 * key_head + side) * S::ROW + 16 * piece,
                     key < count);
    }
    if (FP8) {
        const u32 key = threadIdx.x % FLASH_KEYS, side = threadIdx.x / FLASH_KEYS;
        const u8* scale =
            records + (u64)key * p.record_bytes + 2 * p.kv_heads * D + 4 * (2 * key_head + side);
        float* scales = (float*)(stage + 2 * S::SIDE);
        scales[threadIdx.x] = key < count ? *(const float*)scale : 0.f;
    }
}

// Four warps of sixteen entries each. Key heads are blockIdx.x; blocks with the most keys come first.
template <bool FP8, u32 D> __device__ __forceinline__ void gqa_flash(const gqa_flash_params& p) {
    extern __shared__ __align__(16) u8 flash_room[];
    using S = FlashShape<FP8, D>;
    constexpr u32 STEPS = D / 16;
    pdl_trigger();
    pdl_wait();
    const u32 lane = lane_id(), warp = warp_id(), g = lane / 4, t = lane % 4, matrix = lane / 8;
    const u32 key_head = blockIdx.x, group = p.heads / p.kv_heads, block = gridDim.y - 1 - blockIdx.y;
    const u32 entries = p.count * group, first_entry = block * ENTRIES + warp * 16;
    const u32 past = (u32)p.positions[p.first];
    const u32* table = p.pages + p.tables[p.first];
    const u32 last_row = (min(entries, (block + 1) * ENTRIES) - 1) / group, end = past + last_row + 1;
    const u32 tiles = div_up(end, FLASH_KEYS);
    load_flash_keys<FP8, D>(flash_room, p, key_head, table[0], min(end, FLASH_KEYS));
    copy_commit();
    u32 next_page = tiles > 1 ? table[1] : 0;

    u32 q[STEPS][2][4];
    float unscale[2] = {1.f, 1.f};
    u32 reach[2]; // positions that the entries g and g + 8 attend
    {
        float x[STEPS][8];
#pragma unroll
        for (u32 side = 0; side < 2; side++) {
            const u32 entry = first_entry + g + 8 * side, row = entry / group;
            reach[side] = past + row + 1;
            const float* from =
                p.q + (u64)(p.first + row) * p.q_stride + (key_head * group + entry % group) * D;
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
                float4 v = {};
                if (entry < entries) {
                    if (FP8) {
                        const float4 four = *(const float4*)(from + 16 * step + 4 * t);
                        v = make_float4(four.x, four.z, four.y, four.w);
                    } else {
                        const float2 low = *(const float2*)(from + 16 * step + 2 * t);
                        const float2 high = *(const float2*)(from + 16 * step + 8 + 2 * t);
                        v = make_float4(low.x, low.y, high.x, high.y);
                    }
                }
                x[step][4 * side] = v.x, x[step][4 * side + 1] = v.y;
                x[step][4 * side + 2] = v.z, x[step][4 * side + 3] = v.w;
            }
            if (FP8) {
                float largest = 0.f;
#pragma unroll
                for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
                    for (u32 j = 0; j < 4; j++) largest = fmaxf(largest, fabsf(x[step][4 * side + j]));
                }
                largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
                largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
                const float scale = query_scale(largest, unscale[side]);
#pragma unroll
                for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
                    for (u32 j = 0; j < 4; j++) x[step][4 * side + j] *= scale;
                }
            }
        }
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
            for (u32 part = 0; part < 2; part++) {
#pragma unroll
                for (u32 word = 0; word < 4; word++) {
                    float* pair = &x[step][4 * (word % 2) + 2 * (word / 2)];
                    q[step][part][word] = FP8 ? take_f16(pair[0], pair[1]) : take_bf16(pair[0], pair[1]);
                }
            }
        }
    }

    float sums[D / 8][4] = {};
    float largest[2] = {MINUS_INFINITY, MINUS_INFINITY}, totals[2] = {};
    float scale_of_sums = 0.f;
    const float factor = p.scale * LOG2_E;
    for (u32 tile = 0; tile < tiles; tile++) {
        copy_wait<0>();
        __syncthreads(); // this tile has arrived, and the one before it is used up
        const u8* keys = flash_room + tile % 2 * S::STAGE;
        const u8* values = keys + S::SIDE;
        const float* scales = (const float*)(keys + 2 * S::SIDE);
        const u32 first = tile * FLASH_KEYS;
        if (tile + 1 < tiles) {
            load_flash_keys<FP8, D>(flash_room + (tile + 1) % 2 * S::STAGE, p, key_head, next_page,
                                    min(end - first - FLASH_KEYS, FLASH_KEYS));
            if (tile + 2 < tiles) next_page = table[tile + 2];
        }
        copy_commit();

        float scores[8][4] = {};
        constexpr u32 AT_ONCE = FP8 ? 2 : 1; // steps of sixteen columns that four matrices hold
#pragma unroll
        for (u32 step = 0; step < STEPS; step += AT_ONCE) {
            // Matrices: eight keys and the next eight of sixteen columns, then of the next sixteen; or of
            // bf16, the halves of sixteen columns of eight keys, then of the next eight.
            u32 k[4][4];
#pragma unroll
            for (u32 pair = 0; pair < 4; pair++) {
                const u32 key = 16 * pair + 8 * (FP8 ? matrix % 2 : matrix / 2) + lane % 8;
                const u32 column = FP8 ? matrix / 2 : matrix % 2;
                load_matrices(k[pair], keys + key * S::STRIDE + step * (FP8 ? 16 : 32) + 16 * column);
            }
#pragma unroll
            for (u32 next = 0; next < AT_ONCE; next++) {
#pragma unroll
                for (u32 part = 0; part < 2; part++) {
#pragma unroll
                    for (u32 set = 0; set < 8; set++) {
                        const u32(&its)[4] = k[set / 2];
                        if (FP8) {
                            const u32 codes = its[2 * next + set % 2];
                            mma_f16(scores[set], q[step + next][part], e4m3_even(codes), e4m3_odd(codes));
                        } else {
                            mma_bf16(scores[set], q[step][part], its[2 * (set % 2)], its[2 * (set % 2) + 1]);
                        }
                    }
                }
            }
        }

        float fades[2];
#pragma unroll
        for (u32 side = 0; side < 2; side++) {
            float most = largest[side];
#pragma unroll
            for (u32 set = 0; set < 8; set++) {
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    const u32 key = 8 * set + 2 * t + j;
                    float& score = scores[set][2 * side + j];
                    score *= FP8 ? unscale[side] * scales[key] * factor : factor;
                    if (first + key >= reach[side]) score = MINUS_INFINITY;
                    most = fmaxf(most, score);
                }
            }
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
            fades[side] = exp2f(largest[side] - most);
            largest[side] = most;
            float total = 0.f;
#pragma unroll
            for (u32 set = 0; set < 8; set++) {
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    float& score = scores[set][2 * side + j];
                    score = exp2f(score - most);
                    total += score;
                }
            }
            totals[side] = totals[side] * fades[side] + total;
        }
        float over = 1.f;
        if (FP8) {
            const float* of_values = scales + FLASH_KEYS;
            const float most = fmaxf(scale_of_sums, warp_max(fmaxf(of_values[lane], of_values[lane + 32])));
            over = 1.f / most;
            fades[0] *= scale_of_sums * over, fades[1] *= scale_of_sums * over;
            over *= WEIGHT_LIFT;
            scale_of_sums = most;
        }
#pragma unroll
        for (u32 set = 0; set < D / 8; set++) {
            sums[set][0] *= fades[0], sums[set][1] *= fades[0];
            sums[set][2] *= fades[1], sums[set][3] *= fades[1];
        }
#pragma unroll
        for (u32 step = 0; step < 4; step++) {
            // The fragments of scores of sixteen keys are, in this order, the words of weights.
            u32 weights[2][4];
#pragma unroll
            for (u32 word = 0; word < 4; word++) {
                float* pair = &scores[2 * step + word / 2][2 * (word % 2)];
                if (FP8) {
                    const float2 of_keys =
                        *(const float2*)(scales + FLASH_KEYS + 16 * step + 8 * (word / 2) + 2 * t);
                    pair[0] *= of_keys.x * over, pair[1] *= of_keys.y * over;
                }
#pragma unroll
                for (u32 part = 0; part < 2; part++) {
                    weights[part][word] = FP8 ? take_f16(pair[0], pair[1]) : take_bf16(pair[0], pair[1]);
                }
            }
            const u8* at = values + (16 * step + 8 * (matrix % 2) + lane % 8) * S::STRIDE + 16 * (matrix / 2);
#pragma unroll
            for (u32 piece = 0; piece < S::ROW / 32; piece += 2) {
                sum_values<FP8>(&sums[(FP8 ? 4 : 2) * piece], weights, at + 32 * piece, at + 32 * piece + 32);
            }
        }
    }
#pragma unroll
    for (u32 side = 0; side < 2; side++) {
        float total = totals[side];
        total += __shfl_xor_sync(0xffffffffu, total, 1);
        total += __shfl_xor_sync(0xffffffffu, total, 2);
        const u32 entry = first_entry + g + 8 * side;
        if (entry >= entries) continue;
        const float over = (FP8 ? scale_of_sums * (256.f / WEIGHT_LIFT) : 1.f) / total;
        float* to =
            p.out + (u64)(p.first + entry / group) * p.out_stride + (key_head * group + entry % group) * D;
#pragma unroll
        for (u32 set = 0; set < D / 8; set += 2) {
            const float a = sums[set][2 * side] * over, b = sums[set][2 * side + 1] * over;
            const float c = sums[set + 1][2 * side] * over, d = sums[set + 1][2 * side + 1] * over;
            if (FP8) {
                // Even and odd columns of sixteen.
                *(float4*)(to + 8 * set + 4 * t) = make_float4(a, c, b, d);
            } else {
                *(float2*)(to + 8 * set + 2 * t) = make_float2(a, b);
                *(float2*)(to + 8 * set + 8 + 2 * t) = make_float2(c, d);
            }
        }
    }
}

#define GQA_FLASH(NAME, FP8, D)                                                                              \
    extern "C" __global__ void __launch_bounds__(128, 2)                                                     \
        gqa_flash_##NAME##_d##D(const __grid_constant__ gqa_flash_params p) {                                \
        gqa_flash<FP8, D>(p);                                                                                \
    }
GQA_FLASH(bf16, false, 64)
GQA_FLASH(bf16, false, 128)
GQA_FLASH(fp8, true, 64)
GQA_FLASH(fp8, true, 128)

// ---- Absorbed latent attention ----

struct mla_flash_params {
    const float* absorbed; // [rows][heads][512]
    const float* q;        // [rows][q_stride]: of each head, nope | 64 rotated
    const u8* cache;       // of the layer
    const i32* positions;
    const i32* tables;
    const u32* pages;
    float* partials; // [rows][heads][512], not yet divided by the sum of weights: one split a row
    float* stats;    // [rows][heads][2]
    u32 first, count, heads, nope, record_bytes, q_stride;
    float scale;
    u32 pad;
};

static constexpr u32 LATENT = 512, ROPE = 64, TILE = 32;
static constexpr u32 Q_PIECES = 2 * (LATENT + ROPE) / 16; // pieces of sixteen bytes of a query part

template <bool FP8> struct LatentFlash {
    static constexpr u32 BYTES = FP8 ? LATENT + 16 + 2 * ROPE : 2 * (LATENT + ROPE); // of a record
    static constexpr u32 ROPE_AT = FP8 ? LATENT + 16 : 2 * LATENT;
    // Where a piece of a row of queries is, and of a row of keys: neither eight rows nor eight pieces
    // collide.
    static __device__ __forceinline__ u32 query_at(u32 row, u32 piece) {
        return row * 16 * Q_PIECES + 16 * (piece ^ row % 8);
    }
    static __device__ __forceinline__ u32 key_at(u32 row, u32 piece) {
        return FP8 ? row * BYTES + 16 * piece : query_at(row, piece);
    }
};

template <bool FP8> struct LatentFlashRoom {
    u8 q[2][ENTRIES * 16 * Q_PIECES];
    u8 keys[2][TILE * LatentFlash<FP8>::BYTES];
    float weights[ENTRIES][TILE + 4];
    float largest[2][ENTRIES];
    float unscale[FP8 ? ENTRIES : 1][4];
};

// Waits for the two warps of sixteen entries.
__device__ __forceinline__ void wait_for_pair(u32 pair) {
    asm volatile("bar.sync %0, 64;" ::"r"(pair + 1) : "memory");
}

template <bool FP8> __device__ __forceinline__ void load_latents(u8* to, const mla_flash_params& p, u32 page,
                                                                 u32 first, u32 end) {
    using L = LatentFlash<FP8>;
    constexpr u32 PIECES = L::BYTES / 16;
    const u8* records = p.cache + ((u64)page * PAGE_TOKENS + first % PAGE_TOKENS) * L::BYTES;
    for (u32 i = threadIdx.x; i < TILE * PIECES; i += 256) {
        const u32 key = i / PIECES, piece = i % PIECES;
        copy_async16(to + L::key_at(key, piece), records + (u64)key * L::BYTES + 16 * piece,
                     first + key < end);
    }
}

// Eight warps: two for sixteen entries, of which each scores half of a tile's keys and sums half of the
// latent.
template <bool FP8> __device__ __forceinline__ void mla_flash(const mla_flash_params& p) {
    extern __shared__ __align__(16) u8 latent_room[];
    using L = LatentFlash<FP8>;
    LatentFlashRoom<FP8>& room = *(LatentFlashRoom<FP8>*)latent_room;
    pdl_trigger();
    pdl_wait();
    const u32 lane = lane_id(), warp = warp_id(), g = lane / 4, t = lane % 4;
    const u32 matrix = lane / 8, pair = warp / 2, half = warp % 2;
    const u32 entries = p.count * p.heads, first_entry = (gridDim.x - 1 - blockIdx.x) * ENTRIES;
    const u32 past = (u32)p.positions[p.first];
    const u32* table = p.pages + p.tables[p.first];
    const u32 end = past + (min(entries, first_entry + ENTRIES) - 1) / p.heads + 1, tiles = div_up(end, TILE);
    load_latents<FP8>(room.keys[0], p, table[0], 0, end);
    copy_commit();

    // The queries of the block, in parts. A warp makes eight of them.
    for (u32 entry = warp * 8; entry < warp * 8 + 8; entry++) {
        const u32 at = first_entry + entry, row = p.first + at / p.heads, head = at % p.heads;
        const bool inside = at < entries;
        const float* latent = p.absorbed + ((u64)row * p.heads + head) * LATENT;
#pragma unroll
        for (u32 quarter = 0; quarter < 4; quarter++) {
            float4 x = {};
            if (inside) x = *(const float4*)(latent + 128 * quarter + 4 * lane);
            if (FP8) {
                float unscale;
                const float largest = fmaxf(fmaxf(fabsf(x.x), fabsf(x.y)), fmaxf(fabsf(x.z), fabsf(x.w)));
                const float scale = query_scale(warp_max(largest), unscale);
                if (lane == 0) room.unscale[FP8 ? entry : 0][quarter] = unscale;
                x.x *= scale, x.y *= scale, x.z *= scale, x.w *= scale;
            }
#pragma unroll
            for (u32 part = 0; part < 2; part++) {
                // Columns 16 * (lane / 4) + 4 * (lane % 4) and on of a quarter: their first two and last two,
                // or for FP8 the even two and the odd two, which codes bring together.
                u8* to = room.q[part];
                const u32 step = 8 * quarter + lane / 4, place = lane % 4;
                if (FP8) {
                    const u32 even = take_f16(x.x, x.z), odd = take_f16(x.y, x.w);
                    *(u32*)(to + L::query_at(entry, 2 * step) + 4 * place) = even;
                    *(u32*)(to + L::query_at(entry, 2 * step + 1) + 4 * place) = odd;
                } else {
                    const u32 low = take_bf16(x.x, x.y), high = take_bf16(x.z, x.w);
                    *(uint2*)(to + L::query_at(entry, 2 * step + place / 2) + 8 * (place % 2)) =
                        make_uint2(low, high);
                }
            }
        }
        float2 x = {};
        if (inside) {
            x = *(const float2*)(p.q + (u64)row * p.q_stride + head * (p.nope + ROPE) + p.nope + 2 * lane);
        }
#pragma unroll
        for (u32 part = 0; part < 2; part++) {
            *(u32*)(room.q[part] + L::query_at(entry, 2 * LATENT / 16 + lane / 4) + 4 * (lane % 4)) =
                take_bf16(x.x, x.y);
        }
    }

    u32 reach[2];
#pragma unroll
    for (u32 side = 0; side < 2; side++) {
        reach[side] = past + (first_entry + 16 * pair + g + 8 * side) / p.heads + 1;
    }
    float sums[32][4] = {};
    float largest[2] = {MINUS_INFINITY, MINUS_INFINITY}, totals[2] = {};
    float scale_of_sums[2] = {}; // of both groups of 128 columns that this warp sums
    const float factor = p.scale * LOG2_E;
    u32 page = table[0];
    for (u32 tile = 0; tile < tiles; tile++) {
        copy_wait<0>();
        __syncthreads(); // this tile has arrived, and the one before it is used up
        const u8* keys = room.keys[tile % 2];
        const u32 first = tile * TILE;
        if (tile + 1 < tiles) {
            load_latents<FP8>(room.keys[(tile + 1) % 2], p, page, first + TILE, end);
            if (tile + 2 < tiles) page = table[(tile + 2) * TILE / PAGE_TOKENS];
        }
        copy_commit();

        float scores[2][4] = {};
        const u32 q_row = 16 * pair + 8 * (matrix % 2) + lane % 8;
        if (FP8) {
            const u32 key = 16 * half + 8 * (matrix % 2) + lane % 8;
#pragma unroll
            for (u32 quarter = 0; quarter < 4; quarter++) {
                float part_sums[2][2][4] = {};
#pragma unroll
                for (u32 step = 0; step < 8; step += 2) {
                    u32 codes[4];
                    load_matrices(codes, keys + L::key_at(key, 8 * quarter + step + matrix / 2));
#pragma unroll
                    for (u32 next = 0; next < 2; next++) {
                        const u32 piece = 2 * (8 * quarter + step + next) + matrix / 2;
#pragma unroll
                        for (u32 part = 0; part < 2; part++) {
                            u32 q[4];
                            load_matrices(q, room.q[part] + L::query_at(q_row, piece));
#pragma unroll
                            for (u32 set = 0; set < 2; set++) {
                                const u32 code = codes[2 * next + set];
                                mma_f16(part_sums[set][part], q, e4m3_even(code), e4m3_odd(code));
                            }
                        }
                    }
                }
#pragma unroll
                for (u32 set = 0; set < 2; set++) {
#pragma unroll
                    for (u32 j = 0; j < 4; j++) {
                        const u32 of_key = 16 * half + 8 * set + 2 * t + j % 2;
                        const float scale = *(const float*)(keys + of_key * L::BYTES + LATENT + 4 * quarter);
                        const float unscale = room.unscale[FP8 ? 16 * pair + g + 8 * (j / 2) : 0][quarter];
                        scores[set][j] = fmaf((part_sums[set][1][j] + part_sums[set][0][j]) * unscale, scale,
                                              scores[set][j]);
                    }
                }
            }
        }
        {
            float part_sums[2][2][4] = {};
            const u32 key = 16 * half + 8 * (matrix / 2) + lane % 8;
#pragma unroll 6
            for (u32 step = FP8 ? LATENT / 16 : 0; step < (LATENT + ROPE) / 16; step++) {
                u32 k[4];
                const u32 piece = 2 * step + matrix % 2;
                load_matrices(k, keys + (FP8 ? L::key_at(key, piece - 2 * LATENT / 16 + L::ROPE_AT / 16)
                                             : L::key_at(key, piece)));
#pragma unroll
                for (u32 part = 0; part < 2; part++) {
                    u32 q[4];
                    load_matrices(q, room.q[part] + L::query_at(q_row, 2 * step + matrix / 2));
                    mma_bf16(part_sums[0][part], q, k[0], k[1]);
                    mma_bf16(part_sums[1][part], q, k[2], k[3]);
                }
            }
#pragma unroll
            for (u32 set = 0; set < 2; set++) {
#pragma unroll
                for (u32 j = 0; j < 4; j++) scores[set][j] += part_sums[set][1][j] + part_sums[set][0][j];
            }
        }

        float most[2];
#pragma unroll
        for (u32 side = 0; side < 2; side++) {
            most[side] = MINUS_INFINITY;
#pragma unroll
            for (u32 set = 0; set < 2; set++) {
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    float& score = scores[set][2 * side + j];
                    score *= factor;
                    if (first + 16 * half + 8 * set + 2 * t + j >= reach[side]) score = MINUS_INFINITY;
                    most[side] = fmaxf(most[side], score);
                }
            }
            most[side] = fmaxf(most[side], __shfl_xor_sync(0xffffffffu, most[side], 1));
            most[side] = fmaxf(most[side], __shfl_xor_sync(0xffffffffu, most[side], 2));
            if (t == 0) room.largest[half][16 * pair + g + 8 * side] = most[side];
        }
        wait_for_pair(pair);
        float fades[2];
#pragma unroll
        for (u32 side = 0; side < 2; side++) {
            const u32 entry = 16 * pair + g + 8 * side;
            const float all = fmaxf(largest[side], fmaxf(most[side], room.largest[1 - half][entry]));
            fades[side] = exp2f(largest[side] - all);
            largest[side] = all;
            float total = 0.f;
#pragma unroll
            for (u32 set = 0; set < 2; set++) {
                const float a = exp2f(scores[set][2 * side] - all),
                            b = exp2f(scores[set][2 * side + 1] - all);
                total += a + b;
                *(float2*)&room.weights[entry][16 * half + 8 * set + 2 * t] = make_float2(a, b);
            }
            totals[side] = totals[side] * fades[side] + total;
        }
        wait_for_pair(pair);

        constexpr u32 GROUPS = FP8 ? 2 : 1; // with scales of their own
        float over[2] = {1.f, 1.f};
#pragma unroll
        for (u32 group = 0; group < GROUPS; group++) {
            float fade[2] = {fades[0], fades[1]};
            if (FP8) {
                const float of_key =
                    *(const float*)(keys + lane * L::BYTES + LATENT + 4 * (2 * half + group));
                const float all = fmaxf(scale_of_sums[group], warp_max(of_key));
                over[group] = 1.f / all;
                fade[0] *= scale_of_sums[group] * over[group], fade[1] *= scale_of_sums[group] * over[group];
                over[group] *= WEIGHT_LIFT;
                scale_of_sums[group] = all;
            }
#pragma unroll
            for (u32 set = 32 / GROUPS * group; set < 32 / GROUPS * (group + 1); set++) {
                sums[set][0] *= fade[0], sums[set][1] *= fade[0];
                sums[set][2] *= fade[1], sums[set][3] *= fade[1];
            }
        }
#pragma unroll
        for (u32 step = 0; step < TILE / 16; step++) {
#pragma unroll
            for (u32 group = 0; group < GROUPS; group++) {
                u32 weights[2][4];
#pragma unroll
                for (u32 word = 0; word < 4; word++) {
                    const u32 key = 16 * step + 8 * (word / 2) + 2 * t;
                    float2 x = *(const float2*)&room.weights[16 * pair + g + 8 * (word % 2)][key];
                    if (FP8) {
                        const u8* scale = keys + key * L::BYTES + LATENT + 4 * (2 * half + group);
                        x.x *= *(const float*)scale * over[group];
                        x.y *= *(const float*)(scale + L::BYTES) * over[group];
                    }
#pragma unroll
                    for (u32 part = 0; part < 2; part++) {
                        weights[part][word] = FP8 ? take_f16(x.x, x.y) : take_bf16(x.x, x.y);
                    }
                }
                constexpr u32 PIECES =
                    FP8 ? 16 : 32; // of sixteen bytes, that this warp sums with these weights
                const u32 key = 16 * step + 8 * (matrix % 2) + lane % 8;
                const u32 first_piece = PIECES * (GROUPS * half + group) / (FP8 ? 2 : 1) + matrix / 2;
#pragma unroll
                for (u32 piece = 0; piece < PIECES / GROUPS; piece += 4) {
                    sum_values<FP8>(&sums[16 * group + (FP8 ? 2 : 1) * piece], weights,
                                    keys + L::key_at(key, first_piece + piece),
                                    keys + L::key_at(key, first_piece + piece + 2));
                }
            }
        }
    }

    __syncthreads();
#pragma unroll
    for (u32 side = 0; side < 2; side++) {
        float total = totals[side];
        total += __shfl_xor_sync(0xffffffffu, total, 1);
        total += __shfl_xor_sync(0xffffffffu, total, 2);
        const u32 entry = 16 * pair + g + 8 * side;
        if (t == 0) room.largest[half][entry] = total;
    }
    wait_for_pair(pair);
#pragma unroll
    for (u32 side = 0; side < 2; side++) {
        const u32 entry = 16 * pair + g + 8 * side;
        if (first_entry + entry >= entries) continue;
        const u64 place = (u64)p.first * p.heads + first_entry + entry;
        if (half == 0 && t == 0) {
            *(float2*)&p.stats[2 * place] =
                make_float2(largest[side], room.largest[0][entry] + room.largest[1][entry]);
        }
        float* to = p.partials + place * LATENT + 256 * half;
#pragma unroll
        for (u32 set = 0; set < 32; set += 2) {
            const float unscale = FP8 ? scale_of_sums[set / 16] * (256.f / WEIGHT_LIFT) : 1.f;
            const float a = sums[set][2 * side] * unscale, b = sums[set][2 * side + 1] * unscale;
            const float c = sums[set + 1][2 * side] * unscale, d = sums[set + 1][2 * side + 1] * unscale;
            if (FP8) {
                *(float4*)(to + 8 * set + 4 * t) = make_float4(a, c, b, d);
            } else {
                *(float2*)(to + 8 * set + 2 * t) = make_float2(a, b);
                *(float2*)(to + 8 * set + 8 + 2 * t) = make_float2(c, d);
            }
        }
    }
}

// Two query parts and two tiles of keys fill the shared memory of sm_90 and sm_100; smaller cards have no
// such kernel.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ == 900 || __CUDA_ARCH__ == 1000
extern "C" __global__ void __launch_bounds__(256, 1)
    mla_flash_bf16(const __grid_constant__ mla_flash_params p) {
    mla_flash<false>(p);
}
extern "C" __global__ void __launch_bounds__(256, 1)
    mla_flash_fp8(const __grid_constant__ mla_flash_params p) {
    mla_flash<true>(p);
}
#endif
