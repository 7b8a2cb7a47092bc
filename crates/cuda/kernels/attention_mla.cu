// Absorbed multi-head latent attention of single rows: every head reads the same latents. Blocks take splits
// of the keys and write what they found (the weighted sum, the largest score, the sum of weights);
// `latent_up` joins the splits of a row in ascending order and multiplies with the value part of kv_b_proj.
#include "attention.cuh"
#include "units.cuh"

struct mla_attend_params {
    const float* absorbed; // [rows][heads][latent]; of the tensor core kernels, query tiles
    const float* q;        // [rows][q_stride]: of each head, nope | rope
    const u8* cache;       // of the layer
    const i32* positions;
    const i32* tables;
    const u32* pages;
    float* partials; // [rows][splits][heads][latent], not yet divided by the sum of weights
    float* stats;    // [rows][splits][heads][2]: the largest score (base 2), the sum of weights
    u32 rows, heads, nope, rope, latent, type, record_bytes, splits, whole, q_stride;
    float scale;
    u32 pad;
};

// The keys of this block, or none.
struct Range {
    u32 from, to;
};
__device__ __forceinline__ Range split_range(const mla_attend_params& p, u32 n) {
    const u32 keys = p.whole ? n : mla_split_keys(n), from = blockIdx.y * keys;
    return {from, min(n, from + keys)};
}

// ---- Any sizes, any pages ----

static constexpr u32 ANY_HEADS = 4;
static constexpr u32 ANY_KEYS = 16;
// Columns of the latent a thread sums: a latent has at most 1,024.
static constexpr u32 ANY_COLUMNS = 4;

extern "C" __global__ void __launch_bounds__(256)
    mla_attend_any(const __grid_constant__ mla_attend_params p) {
    extern __shared__ __align__(16) float any_room[];
    __shared__ float scores[ANY_HEADS][ANY_KEYS], fades[ANY_HEADS];
    pdl_trigger();
    pdl_wait();
    const u32 row = blockIdx.z, thread = threadIdx.x, lane = lane_id(), warp = warp_id();
    const Range range = split_range(p, (u32)p.positions[row] + 1);
    if (range.from >= range.to) return;
    const u32 width = p.latent + p.rope, first_head = blockIdx.x * ANY_HEADS;
    float* keys = any_room;             // [ANY_KEYS][width]
    float* q = keys + ANY_KEYS * width; // [ANY_HEADS][width]
    const u32* table = p.pages + p.tables[row];
    for (u32 i = thread; i < ANY_HEADS * width; i += 256) {
        const u32 head = first_head + i / width, at = i % width;
        float value = 0.f;
        if (head < p.heads) {
            value = at < p.latent
                        ? p.absorbed[((u64)row * p.heads + head) * p.latent + at]
                        : p.q[(u64)row * p.q_stride + head * (p.nope + p.rope) + p.nope + at - p.latent];
        }
        q[i] = value;
    }
    float sums[ANY_COLUMNS][ANY_HEADS] = {};
    float largest = MINUS_INFINITY, total = 0.f; // of the head of this warp
    const float factor = p.scale * LOG2_E;
    for (u32 first = range.from; first < range.to; first += ANY_KEYS) {
        const u32 count = min(ANY_KEYS, range.to - first);
        __syncthreads();
        for (u32 key = warp; key < ANY_KEYS; key += 8) {
            const u8* record =
                key < count ? p.cache + record_slot(table, first + key) * p.record_bytes : nullptr;
            for (u32 i = lane; i < width; i += 32) {
                keys[key * width + i] =
                    record ? decode_value(record, p.type, p.latent, LATENT_GROUP, i) : 0.f;
            }
        }
        __syncthreads();
        for (u32 key = warp; key < count; key += 8) {
            float dots[ANY_HEADS] = {};
            for (u32 i = lane; i < width; i += 32) {
                const float k = keys[key * width + i];
#pragma unroll
                for (u32 head = 0; head < ANY_HEADS; head++)
                    dots[head] = fmaf(q[head * width + i], k, dots[head]);
            }
#pragma unroll
            for (u32 head = 0; head < ANY_HEADS; head++) {
                const float score = warp_sum(dots[head]) * factor;
                if (lane == 0) scores[head][key] = score;
            }
        }
        __syncthreads();
        if (warp < ANY_HEADS) {
            const float score = lane < count ? scores[warp][lane] : MINUS_INFINITY;
            const float most = fmaxf(largest, warp_max(score)), fade = exp2f(largest - most);
            const float weight = exp2f(score - most);
            total = total * fade + warp_sum(weight);
            largest = most;
            if (lane < ANY_KEYS) scores[warp][lane] = weight;
            if (lane == 0) fades[warp] = fade;
        }
        __syncthreads();
#pragma unroll
        for (u32 j = 0; j < ANY_COLUMNS; j++) {
            const u32 column = thread + 256 * j;
            if (column >= p.latent) continue;
#pragma unroll
            for (u32 head = 0; head < ANY_HEADS; head++) sums[j][head] *= fades[head];
            for (u32 key = 0; key < count; key++) {
                const float value = keys[key * width + column];
#pragma unroll
                for (u32 head = 0; head < ANY_HEADS; head++) {
                    sums[j][head] = fmaf(scores[head][key], value, sums[j][head]);
                }
            }
        }
    }
    const u64 place = ((u64)row * p.splits + blockIdx.y) * p.heads + first_head;
#pragma unroll
    for (u32 head = 0; head < ANY_HEADS; head++) {
        if (first_head + head >= p.heads) continue;
#pragma unroll
        for (u32 j = 0; j < ANY_COLUMNS; j++) {
            const u32 column = thread + 256 * j;
            if (column < p.latent) p.partials[(place + head) * p.latent + column] = sums[j][head];
        }
        if (warp == head && lane == 0) {
            p.stats[2 * (place + head)] = largest;
            p.stats[2 * (place + head) + 1] = total;
        }
    }
}

// ---- 512 latent values, 64 rotated ones, sixteen heads a block, tensor cores ----

static constexpr u32 LATENT = 512, ROPE = 64, HEADS = 16, TILE = 32;
// Keys whose pages a block knows at its start.
static constexpr u32 LONGEST_SPLIT = (MAX_SPLIT_PAGES - 1) * PAGE_TOKENS;

// Bytes of a record, of its place in shared memory (16 more than a multiple of 128, so that neither rows nor
// columns of eight collide), of the rotated part's offset, and the tiles that are loaded ahead.
template <bool FP8> struct Record {
    static constexpr u32 BYTES = FP8 ? LATENT + 16 + 2 * ROPE : 2 * (LATENT + ROPE);
    static constexpr u32 STRIDE = FP8 ? BYTES : BYTES + 16;
    static constexpr u32 ROPE_AT = FP8 ? LATENT + 16 : 2 * LATENT;
    static constexpr u32 STAGES = FP8 ? 4 : 2;
    static_assert(STRIDE % 128 == 16);
};

template <bool FP8> struct LatentRoom {
    u8 stages[Record<FP8>::STAGES][TILE][Record<FP8>::STRIDE];
    float scores[4][HEADS][TILE + 4]; // of each quarter of the columns
    float weights[HEADS][TILE + 4];
    float fades[HEADS];
    u32 pages[MAX_SPLIT_PAGES];
};

// The queries of sixteen heads as fragments of the quarter of the columns that a warp multiplies.
template <bool FP8> struct QueryParts {
    static constexpr u32 PARTS = QueryTile<FP8>::PARTS;
    u32 latent[8][PARTS][4];
    u32 rope[3][4];

    __device__ __forceinline__ QueryParts(const u8* tile, u32 quarter) {
        const uint4* from = (const uint4*)(tile + quarter * QueryTile<FP8>::SLOTS * 512) + lane_id();
#pragma unroll
        for (u32 step = 0; step < 8; step++) {
#pragma unroll
            for (u32 part = 0; part < PARTS; part++)
                read(latent[step][part], from + 32 * (step * PARTS + part));
        }
#pragma unroll
        for (u32 part = 0; part < 3; part++) read(rope[part], from + 32 * (8 * PARTS + part));
    }
    static __device__ __forceinline__ void read(u32 (&to)[4], const uint4* from) {
        const uint4 v = *from;
        to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
    }
};

// Scores of sixteen keys from a quarter of the columns: [two sets of eight keys][fragment].
template <bool FP8> __device__ __forceinline__ void score_keys(float (&scores)[2][4],
                                                               const QueryParts<FP8>& parts,
                                                               const u8 (&tile)[TILE][Record<FP8>::STRIDE],
                                                               u32 first_key, u32 quarter) {
    constexpr u32 PARTS = QueryParts<FP8>::PARTS;
    const u32 lane = lane_id(), matrix = lane / 8;
    float sums[2][PARTS][4] = {}, rope[2][3][4] = {};
    if (FP8) {
        // A step's sixteen columns are the sixteen bytes of a matrix row.
        const u8* at = tile[first_key + 8 * (matrix % 2) + lane % 8] + 128 * quarter + 16 * (matrix / 2);
#pragma unroll
        for (u32 step = 0; step < 8; step += 2) {
            u32 codes[4];
            load_matrices(codes, at + 16 * step);
#pragma unroll
            for (u32 j = 0; j < 4; j++) {
                const u32 even = e4m3_even(codes[j]), odd = e4m3_odd(codes[j]);
#pragma unroll
                for (u32 part = 0; part < PARTS; part++) {
                    mma_f16(sums[j % 2][part], parts.latent[step + j / 2][part], even, odd);
                }
            }
        }
    } else {
        const u8* at = tile[first_key + 8 * (matrix / 2) + lane % 8] + 256 * quarter + 16 * (matrix % 2);
#pragma unroll
        for (u32 step = 0; step < 8; step++) {
            u32 k[4];
            load_matrices(k, at + 32 * step);
#pragma unroll
            for (u32 part = 0; part < PARTS; part++) {
                mma_bf16(sums[0][part], parts.latent[step][part], k[0], k[1]);
                mma_bf16(sums[1][part], parts.latent[step][part], k[2], k[3]);
            }
        }
    }
    u32 k[4];
    load_matrices(k, tile[first_key + 8 * (matrix / 2) + lane % 8] + Record<FP8>::ROPE_AT + 32 * quarter +
                         16 * (matrix % 2));
#pragma unroll
    for (u32 part = 0; part < 3; part++) {
        mma_bf16(rope[0][part], parts.rope[part], k[0], k[1]);
        mma_bf16(rope[1][part], parts.rope[part], k[2], k[3]);
    }
#pragma unroll
    for (u32 set = 0; set < 2; set++) {
#pragma unroll
        for (u32 j = 0; j < 4; j++) {
            float sum;
            if constexpr (FP8) {
                using Q = QueryTile<true>;
                const u32 key = first_key + 8 * set + 2 * (lane % 4) + j % 2;
                const float scale = *(const float*)(tile[key] + LATENT + 4 * quarter);
                // Codes are values over 256.
                sum = fmaf(sums[set][1][j], 1.f / Q::LIFT, sums[set][0][j]) * (256.f / Q::SCALE) * scale;
            } else {
                sum = sums[set][2][j] + sums[set][1][j] + sums[set][0][j];
            }
            scores[set][j] = sum + (rope[set][2][j] + rope[set][1][j] + rope[set][0][j]);
        }
    }
}

template <bool FP8> __device__ __forceinline__ void
load_tile(LatentRoom<FP8>& room, const mla_attend_params& p, u32 stage, u32 first, u32 origin, u32 to) {
    constexpr u32 PIECES = Record<FP8>::BYTES / 16;
    // A tile lies within a page.
    const u64 slot = (u64)room.pages[first / PAGE_TOKENS - origin] * PAGE_TOKENS + first % PAGE_TOKENS;
    const u8* records = p.cache + slot * Record<FP8>::BYTES;
    for (u32 i = threadIdx.x; i < TILE * PIECES; i += 256) {
        const u32 key = i / PIECES, piece = i % PIECES;
        copy_async16(&room.stages[stage][key][16 * piece], records + key * Record<FP8>::BYTES + 16 * piece,
                     first + key < to);
    }
}

template <bool FP8> __device__ __forceinline__ void mla_attend(const mla_attend_params& p) {
    extern __shared__ __align__(16) u8 latent_room[];
    constexpr u32 STAGES = Record<FP8>::STAGES;
    LatentRoom<FP8>& room = *(LatentRoom<FP8>*)latent_room;
    pdl_trigger();
    const u32 row = blockIdx.z, thread = threadIdx.x, lane = lane_id(), warp = warp_id();
    const u32 quarter = warp / 2, group = lane / 4, t = lane % 4;
    const Range range = split_range(p, (u32)p.positions[row] + 1);
    if (range.from >= range.to) {
        pdl_wait();
        return;
    }
    const u32 origin = range.from / PAGE_TOKENS, tiles = div_up(range.to - range.from, TILE);
    const u32* table = p.pages + p.tables[row];
    // A whole row reads its table in pieces: see below.
    for (u32 i = thread; i < min(MAX_SPLIT_PAGES, div_up(range.to, PAGE_TOKENS) - origin); i += 256) {
        room.pages[i] = table[origin + i];
    }
    const u32 settled = settled_positions(p.positions, p.tables, p.rows, row);
    __syncthreads();
    u32 loaded = 0;
    while (loaded < min(STAGES - 1, tiles) && min(range.to, range.from + (loaded + 1) * TILE) <= settled) {
        load_tile<FP8>(room, p, loaded, range.from + loaded * TILE, origin, range.to);
        copy_commit();
        loaded++;
    }
    if (loaded == STAGES - 1) {
        // The rest of the split that earlier passes wrote, into L2.
        const u32 first = range.from + loaded * TILE,
                  end = min(min(range.to, settled), range.from + LONGEST_SPLIT);
        constexpr u32 LINES = (Record<FP8>::BYTES + 127) / 128;
        for (u32 i = thread; first < end && i < (end - first) * LINES; i += 256) {
            const u32 key = first + i / LINES;
            const u64 slot = (u64)room.pages[key / PAGE_TOKENS - origin] * PAGE_TOKENS + key % PAGE_TOKENS;
            prefetch(p.cache + slot * Record<FP8>::BYTES + min(i % LINES * 128, Record<FP8>::BYTES - 1));
        }
    }
    pdl_wait();
    for (; loaded < STAGES - 1; loaded++) {
        if (loaded < tiles) load_tile<FP8>(room, p, loaded, range.from + loaded * TILE, origin, range.to);
        copy_commit();
    }

    const u8* tile_of_row =
        (const u8*)p.absorbed + ((u64)row * gridDim.x + blockIdx.x) * QueryTile<FP8>::BYTES;
    const QueryParts<FP8> parts(tile_of_row, quarter);

    float sums[8][4] = {};
    float largest = MINUS_INFINITY, total = 0.f; // of head thread / 16
    float scale_of_sums = 0.f;                   // the largest scale of this warp's group so far
    const float factor = p.scale * LOG2_E;
    u32 page_base = origin;
    for (u32 tile = 0; tile < tiles; tile++) {
        copy_wait<STAGES - 2>();
        __syncthreads(); // this tile has arrived, and the one before it is used up
        const u32 next = tile + STAGES - 1;
        if (next < tiles) {
            const u32 first = range.from + next * TILE;
            if (first / PAGE_TOKENS - page_base >= MAX_SPLIT_PAGES) {
                page_base = first / PAGE_TOKENS;
                for (u32 i = thread; i < min(MAX_SPLIT_PAGES, div_up(range.to, PAGE_TOKENS) - page_base);
                     i += 256) {
                    room.pages[i] = table[page_base + i];
                }
                __syncthreads();
            }
            load_tile<FP8>(room, p, next % STAGES, first, page_base, range.to);
        }
        copy_commit();
        const auto& keys = room.stages[tile % STAGES];
        const u32 first_key = 16 * (warp % 2);
        float scores[2][4];
        score_keys<FP8>(scores, parts, keys, first_key, quarter);
#pragma unroll
        for (u32 set = 0; set < 2; set++) {
            const u32 key = first_key + 8 * set + 2 * t;
            *(float2*)&room.scores[quarter][group][key] = make_float2(scores[set][0], scores[set][1]);
            *(float2*)&room.scores[quarter][group + 8][key] = make_float2(scores[set][2], scores[set][3]);
        }
        __syncthreads();
        {
            const u32 head = thread / 16, key = thread % 16, count = range.to - range.from - tile * TILE;
            float score[2], most = largest;
#pragma unroll
            for (u32 j = 0; j < 2; j++) {
                const u32 k = key + 16 * j;
                score[j] = room.scores[0][head][k] + room.scores[1][head][k] + room.scores[2][head][k] +
                           room.scores[3][head][k];
                score[j] = k < count ? score[j] * factor : MINUS_INFINITY;
                most = fmaxf(most, score[j]);
            }
#pragma unroll
            for (u32 step = 8; step > 0; step /= 2)
                most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
            const float fade = exp2f(largest - most), w0 = exp2f(score[0] - most),
                        w1 = exp2f(score[1] - most);
            total = total * fade + (w0 + w1);
            largest = most;
            room.weights[head][key] = w0;
            room.weights[head][key + 16] = w1;
            if (key == 0) room.fades[head] = fade;
        }
        __syncthreads();
        float fade0 = room.fades[group], fade1 = room.fades[group + 8], over = 1.f;
        if (FP8) {
            const float most =
                fmaxf(scale_of_sums, warp_max(*(const float*)(keys[lane] + LATENT + 4 * quarter)));
            over = 1.f / most;
            fade0 *= scale_of_sums * over;
            fade1 *= scale_of_sums * over;
            over *= WEIGHT_LIFT;
            scale_of_sums = most;
        }
#pragma unroll
        for (u32 set = 0; set < 8; set++) {
            sums[set][0] *= fade0, sums[set][1] *= fade0;
            sums[set][2] *= fade1, sums[set][3] *= fade1;
        }
#pragma unroll
        for (u32 step = 0; step < 2; step++) {
            u32 weights[2][4];
            float x[4][2];
#pragma unroll
            for (u32 word = 0; word < 4; word++) {
                const u32 key = 16 * step + 8 * (word / 2) + 2 * t;
                const float2 pair = *(const float2*)&room.weights[group + 8 * (word % 2)][key];
                x[word][0] = pair.x, x[word][1] = pair.y;
                if (FP8) {
                    x[word][0] *= *(const float*)(keys[key] + LATENT + 4 * quarter) * over;
                    x[word][1] *= *(const float*)(keys[key + 1] + LATENT + 4 * quarter) * over;
                }
            }
#pragma unroll
            for (u32 part = 0; part < 2; part++) {
#pragma unroll
                for (u32 word = 0; word < 4; word++) {
                    weights[part][word] =
                        FP8 ? take_f16(x[word][0], x[word][1]) : take_bf16(x[word][0], x[word][1]);
                }
            }
            // Matrices: keys 0..8 and 8..16 of sixteen bytes of columns, then of the next sixteen.
            constexpr u32 BYTES = FP8 ? 64 : 128;
            const u8* at = keys[16 * step + 8 * (lane / 8 % 2) + lane % 8] + 16 * (lane / 16) + warp * BYTES;
            u32 v[BYTES / 32][4];
#pragma unroll
            for (u32 piece = 0; piece < BYTES / 32; piece++)
                load_matrices_transposed(v[piece], at + 32 * piece);
#pragma unroll
            for (u32 part = 0; part < 2; part++) {
#pragma unroll
                for (u32 piece = 0; piece < BYTES / 32; piece++) {
                    const u32(&its)[4] = v[piece];
                    if (FP8) {
#pragma unroll
                        for (u32 j = 0; j < 2; j++) {
                            float(*c)[4] = &sums[4 * piece + 2 * j];
                            mma_f16(c[0], weights[part], e4m3_even(its[2 * j]), e4m3_even(its[2 * j + 1]));
                            mma_f16(c[1], weights[part], e4m3_odd(its[2 * j]), e4m3_odd(its[2 * j + 1]));
                        }
                    } else {
                        mma_bf16(sums[2 * piece], weights[part], its[0], its[1]);
                        mma_bf16(sums[2 * piece + 1], weights[part], its[2], its[3]);
                    }
                }
            }
        }
    }

    const u64 place = ((u64)row * p.splits + blockIdx.y) * p.heads + blockIdx.x * HEADS;
#pragma unroll
    for (u32 step = 8; step > 0; step /= 2) total += __shfl_xor_sync(0xffffffffu, total, step);
    if (thread % 16 == 0) {
        *(float2*)&p.stats[2 * (place + thread / 16)] = make_float2(largest, total);
    }
    const float unscale = FP8 ? scale_of_sums * (256.f / WEIGHT_LIFT) : 1.f;
#pragma unroll
    for (u32 side = 0; side < 2; side++) {
        float* to = p.partials + (place + group + 8 * side) * LATENT + 64 * warp;
#pragma unroll
        for (u32 set = 0; set < 8; set += 2) {
            const float a = sums[set][2 * side] * unscale, b = sums[set][2 * side + 1] * unscale;
            const float c = sums[set + 1][2 * side] * unscale, d = sums[set + 1][2 * side + 1] * unscale;
            if (FP8) {
                // Even and odd columns of sixteen.
                *(float4*)(to + 8 * set + 4 * t) = make_float4(a, c, b, d);
            } else {
                // Neighbours exchange halves, so that each writes four columns: of this set, or of the next.
                const bool odd = t % 2;
                const float first = __shfl_xor_sync(0xffffffffu, odd ? a : c, 1);
                const float second = __shfl_xor_sync(0xffffffffu, odd ? b : d, 1);
                *(float4*)(to + 8 * set + (odd ? 6 + 2 * t : 2 * t)) =
                    odd ? make_float4(first, second, c, d) : make_float4(a, b, first, second);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(256, 1)
    mla_attend_bf16(const __grid_constant__ mla_attend_params p) {
    mla_attend<false>(p);
}
extern "C" __global__ void __launch_bounds__(256, 1)
    mla_attend_fp8(const __grid_constant__ mla_attend_params p) {
    mla_attend<true>(p);
}

// ---- The value part of kv_b_proj ----

struct latent_up_params {
    Mat w; // kv_b_proj
    const float* partials;
    const float* stats;
    const i32* positions;
    float* out; // [rows][out_stride]: [heads * value]
    u32 rows, heads, nope, value, latent, splits, whole, out_stride;
};

static constexpr u32 UP_OUTPUTS = 16; // rows of kv_b_proj that a block takes
static constexpr u32 UP_LATENT = 1024;
static constexpr u32 UP_MANY = 8;   // rows of a prefill that it takes at once
static constexpr u32 UP_AHEAD = 16; // splits that a thread reads at once

// Four neighbouring columns lie where the sixteen lanes that read 32 columns each do not collide.
__device__ __forceinline__ u32 context_place(u32 column) {
    const u32 four = column / 4;
    return 4 * (four ^ (four / 8 % 8)) + column % 4;
}

// Weighs the splits of one row and head and leaves their sum in `context`. A thread takes two columns of 512;
// what it reads first is on its way while the weights are made.
__device__ __forceinline__ void join_splits(const latent_up_params& p, float* context, u32 row, u32 head,
                                            u32 n) {
    const u32 lane = lane_id(), count = p.whole ? 1 : div_up(n, mla_split_keys(n));
    const u64 place = (u64)row * p.splits * p.heads + head, step = (u64)p.heads * p.latent;
    const float2* stats = (const float2*)p.stats + place;
    for (u32 base = 0; base < p.latent; base += 512) {
        const u32 column = base + 2 * threadIdx.x;
        const float* from = p.partials + place * p.latent + column;
        float2 sum = {}, x[UP_AHEAD];
        float total = 0.f, weight = 0.f, most = MINUS_INFINITY;
        for (u32 first = 0; first < count; first += UP_AHEAD) {
#pragma unroll
            for (u32 j = 0; j < UP_AHEAD; j++) {
                const bool inside = first + j < count && column < p.latent;
                x[j] = inside ? *(const float2*)(from + (first + j) * step) : float2{};
            }
            if (first == 0) {
                for (u32 split = lane; split < count; split += 32)
                    most = fmaxf(most, stats[(u64)split * p.heads].x);
                most = warp_max(most);
            }
            if (first % 32 == 0) {
                const u32 split = first + lane;
                const float2 its = split < count ? stats[(u64)split * p.heads] : float2{MINUS_INFINITY, 0.f};
                weight = exp2f(its.x - most);
                total += warp_sum(weight * its.y);
            }
#pragma unroll
            for (u32 j = 0; j < UP_AHEAD; j++) {
                const float its = __shfl_sync(0xffffffffu, weight, first % 32 + j);
                sum.x = fmaf(its, x[j].x, sum.x);
                sum.y = fmaf(its, x[j].y, sum.y);
            }
        }
        if (column >= p.latent) continue;
        const u32 at = context_place(column);
        context[at] = sum.x / total;
        context[at + 1] = sum.y / total;
    }
}

template <u32 F>
__device__ __forceinline__ float times_context(const float (&w)[32], const float* context, u32 unit) {
    float sum = 0.f;
#pragma unroll
    for (u32 i = 0; i < 32; i += 4) {
        const float4 c = *(const float4*)&context[context_place(unit_column<F>(unit, i))];
        sum = fmaf(w[i + 3], c.w, fmaf(w[i + 2], c.z, fmaf(w[i + 1], c.y, fmaf(w[i], c.x, sum))));
    }
    return sum;
}

// Eight rows of a prefill, each with one split, from `row` on.
template <u32 F> __device__ __forceinline__ void up_many(const latent_up_params& p,
                                                         float (&contexts)[UP_MANY][UP_LATENT],
                                                         const float (&w)[32], u32 of_weight, u32 head,
                                                         u32 row, u32 count, u32 value) {
    const u32 lane = threadIdx.x % 16, fours = p.latent / 4;
    for (u32 i = threadIdx.x; i < UP_MANY * fours; i += 256) {
        const u32 its = i / fours, four = i % fours;
        float4 x = {};
        if (its < count) {
            const u64 place = (u64)(row + its) * p.heads + head;
            const float over = 1.f / p.stats[2 * place + 1];
            x = *(const float4*)(p.partials + place * p.latent + 4 * four);
            x.x *= over, x.y *= over, x.z *= over, x.w *= over;
        }
        *(float4*)&contexts[its][context_place(4 * four)] = x;
    }
    __syncthreads();
    float sums[UP_MANY];
#pragma unroll
    for (u32 its = 0; its < UP_MANY; its++) sums[its] = times_context<F>(w, contexts[its], lane);
    for (u32 unit = lane + 16; unit < p.w.units; unit += 16) {
        float more[32] = {};
        if (value < p.value) decode_unit<F>(p.w, of_weight, unit, more);
#pragma unroll
        for (u32 its = 0; its < UP_MANY; its++) sums[its] += times_context<F>(more, contexts[its], unit);
    }
    // Over both halves of sixteen lanes, then over eight, each of which keeps a row.
#pragma unroll
    for (u32 its = 0; its < UP_MANY; its++) sums[its] += __shfl_xor_sync(0xffffffffu, sums[its], 8);
    sum_halves<4>(sums);
    if (lane < count && value < p.value)
        p.out[(u64)(row + lane) * p.out_stride + head * p.value + value] = sums[0];
    __syncthreads();
}

// Sixteen lanes share an output: lane l takes units l, l + 16, …
template <u32 F> __device__ __forceinline__ void latent_up(const latent_up_params& p) {
    __shared__ __align__(16) float contexts[UP_MANY][UP_LATENT];
    pdl_trigger();
    const u32 tiles = div_up(p.value, UP_OUTPUTS), head = blockIdx.x / tiles;
    const u32 each = div_up(p.rows, gridDim.y), first_row = blockIdx.y * each,
              end = min(p.rows, first_row + each);
    const u32 value = blockIdx.x % tiles * UP_OUTPUTS + threadIdx.x / 16, lane = threadIdx.x % 16;
    const u32 of_weight = head * (p.nope + p.value) + p.nope + value;
    const bool inside = value < p.value;
    float w[32] = {};
    if (inside && lane < p.w.units) decode_unit<F>(p.w, of_weight, lane, w);
    // Columns past the latent have no context.
    for (u32 i = threadIdx.x; i < UP_LATENT - p.latent; i += 256) {
        for (u32 its = 0; its < UP_MANY; its++) contexts[its][context_place(p.latent + i)] = 0.f;
    }
    u32 n = first_row < end ? (u32)p.positions[first_row] + 1 : 0;
    pdl_wait();
    if (p.whole) {
        for (u32 row = first_row; row < end; row += UP_MANY) {
            up_many<F>(p, contexts, w, of_weight, head, row, min(UP_MANY, end - row), value);
        }
        return;
    }
    for (u32 row = first_row; row < end; row++) {
        float* context = contexts[row % 2];
        join_splits(p, context, row, head, n);
        if (row + 1 < end) n = (u32)p.positions[row + 1] + 1;
        __syncthreads();
        float sum = times_context<F>(w, context, lane);
        for (u32 unit = lane + 16; unit < p.w.units; unit += 16) {
            float more[32] = {};
            if (inside) decode_unit<F>(p.w, of_weight, unit, more);
            sum += times_context<F>(more, context, unit);
        }
#pragma unroll
        for (u32 step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
        if (lane == 0 && inside) p.out[(u64)row * p.out_stride + head * p.value + value] = sum;
    }
}

#define LATENT_UP(NAME, FORMAT)                                                                              \
    extern "C" __global__ void __launch_bounds__(256)                                                        \
        latent_up_##NAME(const __grid_constant__ latent_up_params p) {                                       \
        latent_up<FORMAT>(p);                                                                                \
    }
FOR_EACH_FORMAT(LATENT_UP)
