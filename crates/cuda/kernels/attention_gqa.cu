// Grouped-query attention of single rows over the pages: a block takes one key head, a split of the keys and
// one row, and all query heads of the group share what it reads. The block of a row that ends last joins the
// splits in ascending order.
#include "attention.cuh"

struct gqa_attend_params {
    const float* q;  // [rows][q_stride], rotated
    const u8* cache; // of the layer
    const i32* positions;
    const i32* tables;
    const u32* pages;
    float* out;      // [rows][out_stride]: [heads * head_dim]
    float* partials; // [rows][gridDim.x][splits][G][D + 2]: sums of values, the largest score (base 2), of
                     // weights
    u32* tickets;    // [rows][gridDim.x], zero between launches
    u32 rows, heads, kv_heads, head_dim, record_bytes, splits, whole, q_stride, out_stride;
    float scale;
};

// How many keys are in shared memory at once, so that two such tiles with keys and values take 70 KB at most.
template <u32 T> struct Page;
template <> struct Page<PAGE_F32> {
    static constexpr u32 BYTES = 4;
};
template <> struct Page<PAGE_BF16> {
    static constexpr u32 BYTES = 2;
};
template <> struct Page<PAGE_FP8> {
    static constexpr u32 BYTES = 1;
};

template <u32 T, u32 D> struct GqaShape {
    static constexpr u32 WIDTH = D, BYTES = Page<T>::BYTES, ROW = D * BYTES, STRIDE = ROW + 16;
    static constexpr u32 KEYS = ROW <= 256 ? 64 : ROW <= 512 ? 32 : 16;
    static constexpr u32 STAGE = 2 * KEYS * STRIDE + 2 * KEYS * 4; // keys, values, their scales
};

template <u32 T, u32 D, u32 G> struct GqaRoom {
    using S = GqaShape<T, D>;
    union {
        u8 stages[2][S::STAGE];
        float sums[8][G][D]; // of each warp, at the end
        float weights[G][MAX_SPLITS];
    };
    float q[G][D];
    float scores[8][G][S::KEYS]; // of each warp's columns
    float probabilities[G][S::KEYS];
    float fades[G], largest[G], totals[G];
    u32 pages[MAX_SPLIT_PAGES];
    u32 last;
};

// N neighbouring values of a row in shared memory, without their scale.
template <u32 T, u32 N> __device__ __forceinline__ void load_values(float (&x)[N], const u8* at) {
    if constexpr (T == PAGE_F32) {
        if constexpr (N % 4 == 0) {
#pragma unroll
            for (u32 i = 0; i < N / 4; i++) {
                const float4 v = *(const float4*)(at + 16 * i);
                x[4 * i] = v.x, x[4 * i + 1] = v.y, x[4 * i + 2] = v.z, x[4 * i + 3] = v.w;
            }
        } else {
            const float2 v = *(const float2*)at;
            x[0] = v.x, x[1] = v.y;
        }
    } else if (T == PAGE_BF16) {
        u32 words[N / 2];
        if (N == 8) {
            const uint4 v = *(const uint4*)at;
            words[0] = v.x, words[1 % (N / 2)] = v.y, words[2 % (N / 2)] = v.z, words[3 % (N / 2)] = v.w;
        } else if (N == 4) {
            const uint2 v = *(const uint2*)at;
            words[0] = v.x, words[1 % (N / 2)] = v.y;
        } else {
            words[0] = *(const u32*)at;
        }
#pragma unroll
        for (u32 i = 0; i < N / 2; i++) x[2 * i] = bf16_low(words[i]), x[2 * i + 1] = bf16_high(words[i]);
    } else {
        u32 words[(N + 3) / 4];
        if (N == 8) {
            const uint2 v = *(const uint2*)at;
            words[0] = v.x, words[1 % ((N + 3) / 4)] = v.y;
        } else {
            words[0] = N == 4 ? *(const u32*)at : *(const u16*)at;
        }
#pragma unroll
        for (u32 i = 0; i < N; i += 2) {
            const u32 pair = words[i / 4] >> (16 * (i / 2 % 2));
            const u32 halves = e4m3_odd(__byte_perm(pair, 0, 0x1404));
            x[i] = f16_low(halves) * 256.f, x[i + 1] = f16_high(halves) * 256.f;
        }
    }
}

// Copies keys and values of `S::KEYS` positions from `first` on, all in one page; those at `to` and after
// become zeros.
template <u32 T, class S> __device__ __forceinline__ void
load_keys(u8* keys, const gqa_attend_params& p, u32 key_head, u32 page, u32 first, u32 to) {
    float* scales = (float*)(keys + 2 * S::KEYS * S::STRIDE);
    const u32 width = p.head_dim * S::BYTES;
    const u8* records = p.cache + ((u64)page * PAGE_TOKENS + first % PAGE_TOKENS) * p.record_bytes;
    const u64 at = (u64)2 * key_head * width;
    if (p.head_dim == S::WIDTH && p.record_bytes % 16 == 0) {
        constexpr u32 PIECES = S::ROW / 16;
        for (u32 i = threadIdx.x; i < 2 * S::KEYS * PIECES; i += 256) {
            const u32 line = i / PIECES, piece = i % PIECES, key = line % S::KEYS, side = line / S::KEYS;
            copy_async16(keys + line * S::STRIDE + 16 * piece,
                         records + (u64)key * p.record_bytes + at + side * S::ROW + 16 * piece,
                         first + key < to);
        }
    } else {
        for (u32 i = threadIdx.x; i < 2 * S::KEYS * S::ROW; i += 256) {
            const u32 line = i / S::ROW, byte = i % S::ROW, key = line % S::KEYS, side = line / S::KEYS;
            const bool inside = byte < width && first + key < to;
            keys[line * S::STRIDE + byte] =
                inside ? records[(u64)key * p.record_bytes + at + side * width + byte] : 0;
        }
    }
    if (T == PAGE_FP8) {
        const u32 quantised = 2 * p.kv_heads * p.head_dim;
        for (u32 i = threadIdx.x; i < 2 * S::KEYS; i += 256) {
            const u32 key = i % S::KEYS, side = i / S::KEYS;
            const u8* scale = records + (u64)key * p.record_bytes + quantised + 4 * (2 * key_head + side);
            if (p.record_bytes % 4 == 0 && quantised % 4 == 0) {
                copy_async4(scales + i, scale, first + key < to);
            } else {
                scales[i] = first + key < to ? __uint_as_float(load_bytes4(scale)) : 0.f;
            }
        }
    }
}

// What a block does: its row, its heads, its keys.
struct GqaBlock {
    u32 row, key_head, first_head, heads, splits, from, to;
    u64 place; // of its row and heads, in partials and tickets

    __device__ __forceinline__ GqaBlock(const gqa_attend_params& p, u32 most_heads) {
        const u32 group = p.heads / p.kv_heads, parts = div_up(group, most_heads), part = blockIdx.x % parts;
        row = blockIdx.z;
        key_head = blockIdx.x / parts;
        first_head = key_head * group + part * most_heads;
        heads = min(most_heads, group - part * most_heads);
        const u32 n = (u32)p.positions[row] + 1, split = p.whole ? n : gqa_split_keys(n);
        splits = div_up(n, split);
        from = blockIdx.y * split;
        to = min(n, from + split);
        place = (u64)row * gridDim.x + blockIdx.x;
    }
    // One sum of values: the result when there is one split, else a part of it.
    template <u32 D> __device__ __forceinline__ void store(const gqa_attend_params& p, u32 g, u32 head,
                                                           u32 column, float sum, float total) const {
        if (splits > 1) {
            p.partials[(place * p.splits + blockIdx.y) * (g * (D + 2)) + head * D + column] = sum;
        } else if (column < p.head_dim) {
            p.out[(u64)row * p.out_stride + (first_head + head) * p.head_dim + column] = sum / total;
        }
    }
    // The weights of the splits of each head, by the warp of that number, and their sums.
    template <u32 D, u32 G> __device__ __forceinline__ void
    weigh(const float* all, float (&weights)[G][MAX_SPLITS], float (&totals)[G]) const {
        const u32 lane = lane_id(), warp = warp_id();
        if (warp >= heads) return;
        const float* stats = all + G * D + 2 * warp;
        const auto read = [&](u32 i) { return __ldcg((const float2*)(stats + (u64)i * (G * (D + 2)))); };
        const float2 first = lane < splits ? read(lane) : float2{MINUS_INFINITY, 0.f};
        float most = first.x;
        for (u32 i = lane + 32; i < splits; i += 32) most = fmaxf(most, read(i).x);
        most = warp_max(most);
        float total = 0.f;
        for (u32 i = lane; i < splits; i += 32) {
            const float2 its = i == lane ? first : read(i);
            const float weight = exp2f(its.x - most);
            weights[warp][i] = weight;
            total = fmaf(weight, its.y, total);
        }
        total = warp_sum(total);
        if (lane == 0) totals[warp] = total;
    }
    // Hands the block's part in; the last block of a row joins all parts in ascending order. `largest` and
    // `totals` hold the block's own until then, and `weights` may share memory with what the block no longer
    // needs.
    template <u32 D, u32 G>
    __device__ __forceinline__ void finish(const gqa_attend_params& p, float (&weights)[G][MAX_SPLITS],
                                           float (&totals)[G], const float (&largest)[G], u32& last) const {
        if (splits == 1) return;
        constexpr u32 AHEAD = 16, EACH = G * (D + 2);
        const u32 thread = threadIdx.x;
        if (thread < heads) {
            float* stats = p.partials + (place * p.splits + blockIdx.y) * EACH + G * D + 2 * thread;
            stats[0] = largest[thread];
            stats[1] = totals[thread];
        }
        __syncthreads();
        if (thread == 0) {
            __threadfence(); // with the barriers around it, for the whole block
            const bool is_last = atomicAdd(&p.tickets[place], 1u) + 1 == splits;
            if (is_last) p.tickets[place] = 0;
            last = is_last;
            __threadfence();
        }
        __syncthreads();
        if (!last) return;

        // A thread joins four columns; what it reads first is on its way while the weights are made.
        const float* all = p.partials + place * p.splits * EACH;
        float* out = p.out + (u64)row * p.out_stride + first_head * p.head_dim;
        float4 x[AHEAD];
        const auto read = [&](u32 i, u32 first) {
#pragma unroll
            for (u32 j = 0; j < AHEAD; j++) {
                const bool inside = first + j < splits && 4 * i < heads * D;
                x[j] = inside ? __ldcg((const float4*)(all + (u64)(first + j) * EACH) + i) : float4{};
            }
        };
        read(thread, 0);
        weigh<D, G>(all, weights, totals);
        __syncthreads();
        for (u32 i = thread; 4 * i < heads * D; i += 256) {
            const u32 head = 4 * i / D, column = 4 * i % D;
            float4 sum = {};
            for (u32 first = 0; first < splits; first += AHEAD) {
                if (first || i != thread) read(i, first);
#pragma unroll
                for (u32 j = 0; j < AHEAD; j++) {
                    const float weight = first + j < splits ? weights[head][first + j] : 0.f;
                    sum.x = fmaf(weight, x[j].x, sum.x), sum.y = fmaf(weight, x[j].y, sum.y);
                    sum.z = fmaf(weight, x[j].z, sum.z), sum.w = fmaf(weight, x[j].w, sum.w);
                }
            }
            const float over = 1.f / totals[head];
            const float four[4] = {sum.x * over, sum.y * over, sum.z * over, sum.w * over};
#pragma unroll
            for (u32 j = 0; j < 4; j++) {
                if (column + j < p.head_dim) out[head * p.head_dim + column + j] = four[j];
            }
        }
    }
};

// The tiles of a block's keys, two in shared memory. Those that earlier passes wrote are on their way before
// the wait for the kernels of this one.
template <u32 T, class S> struct KeyStream {
    u8* stages;
    u32* pages; // of MAX_SPLIT_PAGES, from `page_base` on
    const u32* table;
    u32 tiles, page_base, tile;

    __device__ __forceinline__ void read_pages(u32 to) {
        for (u32 i = threadIdx.x; i < min(MAX_SPLIT_PAGES, div_up(to, PAGE_TOKENS) - page_base); i += 256) {
            pages[i] = table[page_base + i];
        }
        __syncthreads();
    }
    __device__ __forceinline__ void load(const gqa_attend_params& p, const GqaBlock& b, u32 tile) {
        const u32 first = b.from + tile * S::KEYS;
        if (first / PAGE_TOKENS - page_base >= MAX_SPLIT_PAGES) {
            page_base = first / PAGE_TOKENS;
            read_pages(b.to);
        }
        load_keys<T, S>(stages + tile % 2 * S::STAGE, p, b.key_head, pages[first / PAGE_TOKENS - page_base],
                        first, b.to);
    }
    // What follows the first two tiles, into L2.
    __device__ __forceinline__ void prefetch_rest(const gqa_attend_params& p, const GqaBlock& b, u32 to) {
        const u32 first = b.from + 2 * S::KEYS, end = min(to, (page_base + MAX_SPLIT_PAGES) * PAGE_TOKENS);
        const u32 bytes = 2 * p.head_dim * S::BYTES, lines = div_up(bytes, 128);
        for (u32 i = threadIdx.x; first < end && i < (end - first) * lines; i += 256) {
            const u32 key = first + i / lines;
            const u64 slot = (u64)pages[key / PAGE_TOKENS - page_base] * PAGE_TOKENS + key % PAGE_TOKENS;
            prefetch(p.cache + slot * p.record_bytes + b.key_head * bytes + min(i % lines * 128, bytes - 1));
        }
    }
    // Waits.
    __device__ __forceinline__ KeyStream(const gqa_attend_params& p, const GqaBlock& b, u8* stages,
                                         u32* pages)
        : stages(stages), pages(pages), table(p.pages + p.tables[b.row]),
          tiles(div_up(b.to - b.from, S::KEYS)), page_base(b.from / PAGE_TOKENS), tile(0) {
        const u32 settled = settled_positions(p.positions, p.tables, p.rows, b.row);
        read_pages(b.to);
        u32 loaded = 0;
        for (; loaded < min(tiles, 2u) && min(b.to, b.from + (loaded + 1) * S::KEYS) <= settled; loaded++) {
            load(p, b, loaded);
            copy_commit();
        }
        if (loaded == 2) prefetch_rest(p, b, min(b.to, settled));
        pdl_wait();
        for (; loaded < 2; loaded++) {
            if (loaded < tiles) load(p, b, loaded);
            copy_commit();
        }
    }
    // The next tile, for all threads.
    __device__ __forceinline__ const u8* next(const gqa_attend_params& p, const GqaBlock& b) {
        if (tile > 0) {
            __syncthreads(); // the tile before is used up
            if (tile + 1 < tiles) load(p, b, tile + 1);
            copy_commit();
        }
        copy_wait<1>();
        __syncthreads();
        return stages + tile++ % 2 * S::STAGE;
    }
};

// A warp's columns of the products of all keys of the tile with the queries.
template <u32 T, u32 D, u32 G>
__device__ __forceinline__ void score_keys(GqaRoom<T, D, G>& room, const u8* keys) {
    using S = GqaShape<T, D>;
    // With sixteen keys, each half of the warp takes half of its columns.
    constexpr u32 PARTS = S::KEYS == 16 ? 2 : 1, COLUMNS = D / 8 / PARTS, EACH = S::KEYS == 64 ? 2 : 1;
    constexpr u32 STEP = T == PAGE_F32 ? 4 : 8;
    const u32 lane = lane_id(), warp = warp_id();
    const u32 key = PARTS == 2 ? lane % 16 : lane,
              first = warp * (D / 8) + (PARTS == 2 ? lane / 16 * COLUMNS : 0);
    float sums[EACH][G] = {};
#pragma unroll
    for (u32 column = 0; column < COLUMNS; column += STEP) {
        float k[EACH][STEP];
#pragma unroll
        for (u32 j = 0; j < EACH; j++) {
            load_values<T>(k[j], keys + (key + 32 * j) * S::STRIDE + (first + column) * S::BYTES);
        }
#pragma unroll
        for (u32 head = 0; head < G; head++) {
#pragma unroll
            for (u32 i = 0; i < STEP; i += 4) {
                const float4 q = *(const float4*)&room.q[head][first + column + i];
#pragma unroll
                for (u32 j = 0; j < EACH; j++) {
                    float& sum = sums[j][head];
                    sum = fmaf(q.x, k[j][i], sum);
                    sum = fmaf(q.y, k[j][i + 1], sum);
                    sum = fmaf(q.z, k[j][i + 2], sum);
                    sum = fmaf(q.w, k[j][i + 3], sum);
                }
            }
        }
    }
#pragma unroll
    for (u32 j = 0; j < EACH; j++) {
#pragma unroll
        for (u32 head = 0; head < G; head++) {
            float sum = sums[j][head];
            if (PARTS == 2) sum += __shfl_xor_sync(0xffffffffu, sum, 16);
            if (PARTS == 1 || lane < 16) room.scores[warp][head][key + 32 * j] = sum;
        }
    }
}

template <u32 T, u32 D, u32 G> __device__ __forceinline__ void gqa_attend(const gqa_attend_params& p) {
    extern __shared__ __align__(16) u8 gqa_room[];
    using S = GqaShape<T, D>;
    GqaRoom<T, D, G>& room = *(GqaRoom<T, D, G>*)gqa_room;
    pdl_trigger();
    const u32 thread = threadIdx.x, lane = lane_id(), warp = warp_id();
    const GqaBlock b(p, G);
    if (b.from >= b.to) {
        pdl_wait();
        return;
    }
    KeyStream<T, S> stream(p, b, room.stages[0], room.pages);
    for (u32 i = thread; i < G * D; i += 256) {
        const u32 head = i / D, column = i % D;
        const bool inside = head < b.heads && column < p.head_dim;
        room.q[head][column] =
            inside ? p.q[(u64)b.row * p.q_stride + (b.first_head + head) * p.head_dim + column] : 0.f;
    }

    constexpr u32 COLUMNS = D / 32, OWN = S::KEYS / 8; // columns of a thread, keys of a warp
    float sums[G][COLUMNS] = {};
    float largest = MINUS_INFINITY, total = 0.f; // of the head of this warp
    const float factor = p.scale * LOG2_E;
    for (u32 tile = 0; tile < stream.tiles; tile++) {
        const u8* keys = stream.next(p, b);
        const u32 first = b.from + tile * S::KEYS;
        const float* scales = (const float*)(keys + 2 * S::KEYS * S::STRIDE);
        score_keys<T, D, G>(room, keys);
        __syncthreads();
        if (warp < b.heads) {
            constexpr u32 EACH = S::KEYS == 64 ? 2 : 1;
            float score[EACH], most = largest;
#pragma unroll
            for (u32 j = 0; j < EACH; j++) {
                const u32 key = lane + 32 * j;
                score[j] = MINUS_INFINITY;
                if (key < S::KEYS && first + key < b.to) {
                    float sum = room.scores[0][warp][key];
#pragma unroll
                    for (u32 w = 1; w < 8; w++) sum += room.scores[w][warp][key];
                    score[j] = sum * (T == PAGE_FP8 ? scales[key] * factor : factor);
                }
                most = fmaxf(most, score[j]);
            }
            most = warp_max(most);
            const float fade = exp2f(largest - most);
            float weights = 0.f;
#pragma unroll
            for (u32 j = 0; j < EACH; j++) {
                const u32 key = lane + 32 * j;
                const float weight = exp2f(score[j] - most);
                weights += weight;
                if (key < S::KEYS) {
                    room.probabilities[warp][key] = T == PAGE_FP8 ? weight * scales[S::KEYS + key] : weight;
                }
            }
            total = total * fade + warp_sum(weights);
            largest = most;
            if (lane == 0) room.fades[warp] = fade;
        } else if (warp < G) {
            for (u32 key = lane; key < S::KEYS; key += 32) room.probabilities[warp][key] = 0.f;
            if (lane == 0) room.fades[warp] = 0.f;
        }
        __syncthreads();
#pragma unroll
        for (u32 head = 0; head < G; head++) {
            const float fade = room.fades[head];
#pragma unroll
            for (u32 i = 0; i < COLUMNS; i++) sums[head][i] *= fade;
        }
        const u8* values = keys + (S::KEYS + warp * OWN) * S::STRIDE + lane * COLUMNS * S::BYTES;
        constexpr u32 STEP = OWN < 4 ? OWN : 4;
#pragma unroll
        for (u32 key = 0; key < OWN; key += STEP) {
            float v[STEP][COLUMNS];
#pragma unroll
            for (u32 j = 0; j < STEP; j++) load_values<T>(v[j], values + (key + j) * S::STRIDE);
#pragma unroll
            for (u32 head = 0; head < G; head++) {
                float weight[STEP];
                load_values<PAGE_F32>(weight, (const u8*)&room.probabilities[head][warp * OWN + key]);
#pragma unroll
                for (u32 j = 0; j < STEP; j++) {
#pragma unroll
                    for (u32 i = 0; i < COLUMNS; i++) sums[head][i] = fmaf(weight[j], v[j][i], sums[head][i]);
                }
            }
        }
    }

    __syncthreads();
#pragma unroll
    for (u32 head = 0; head < G; head++) {
#pragma unroll
        for (u32 i = 0; i < COLUMNS; i++) room.sums[warp][head][lane * COLUMNS + i] = sums[head][i];
    }
    if (warp < b.heads && lane == 0) {
        room.largest[warp] = largest;
        room.totals[warp] = total;
    }
    __syncthreads();
    for (u32 i = thread; i < b.heads * D; i += 256) {
        const u32 head = i / D, column = i % D;
        float sum = room.sums[0][head][column];
#pragma unroll
        for (u32 w = 1; w < 8; w++) sum += room.sums[w][head][column];
        b.store<D>(p, G, head, column, sum, room.totals[head]);
    }
    b.finish<D, G>(p, room.weights, room.totals, room.largest, room.last);
}

// ---- Tensor cores, for pages of 16 bits and less ----
// Eight heads are rows 0 to 7 of a fragment; rows 8 to 15 are the same heads again, with a further part of
// their numbers, so a thread adds two words of its result.

template <bool FP8, u32 D> struct MmaRoom {
    using S = GqaShape<FP8 ? PAGE_FP8 : PAGE_BF16, D>;
    union {
        u8 stages[2][S::STAGE];
        float join[8][MAX_SPLITS];
    };
    float scores[8][S::KEYS + 4];
    float weights[8][S::KEYS + 4];
    float q[8][D + 8]; // padded against bank conflicts
    float fades[8], largest[8], totals[8];
    u32 pages[MAX_SPLIT_PAGES];
    u32 last;
};

template <bool FP8, u32 D> __device__ __forceinline__ void gqa_mma(const gqa_attend_params& p) {
    extern __shared__ __align__(16) u8 mma_room[];
    constexpr u32 T = FP8 ? PAGE_FP8 : PAGE_BF16, KEYS = 64, STEPS = D / 16;
    using S = GqaShape<T, D>;
    static_assert(S::KEYS == KEYS);
    MmaRoom<FP8, D>& room = *(MmaRoom<FP8, D>*)mma_room;
    pdl_trigger();
    const u32 lane = lane_id(), warp = warp_id(), g = lane / 4, t = lane % 4, matrix = lane / 8;
    const GqaBlock b(p, 8);
    if (b.from >= b.to) {
        pdl_wait();
        return;
    }
    KeyStream<T, S> stream(p, b, room.stages[0], room.pages);

    // Of head g: two parts as rows g and g + 8, and of bf16 a third in a fragment of its own.
    u32 q[STEPS][4], rest[STEPS][2];
    float unscale = 1.f;
    {
        float x[STEPS][4];
        const float* queries = p.q + (u64)b.row * p.q_stride + b.first_head * D;
        for (u32 i = threadIdx.x; i < 8 * D; i += 256)
            room.q[i / D][i % D] = i < b.heads * D ? queries[i] : 0.f;
        __syncthreads();
        const float* from = room.q[g];
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
            const float2 low = *(const float2*)(from + 16 * step + (FP8 ? 4 : 2) * t);
            const float2 high = *(const float2*)(from + 16 * step + (FP8 ? 4 * t + 2 : 8 + 2 * t));
            x[step][0] = low.x, x[step][1] = FP8 ? high.x : low.y;
            x[step][2] = FP8 ? low.y : high.x, x[step][3] = high.y;
        }
        if (FP8) {
            float largest = 0.f;
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
                for (u32 j = 0; j < 4; j++) largest = fmaxf(largest, fabsf(x[step][j]));
            }
            largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
            largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
            const float scale = query_scale(largest, unscale);
#pragma unroll
            for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
                for (u32 j = 0; j < 4; j++) x[step][j] *= scale;
            }
        }
#pragma unroll
        for (u32 step = 0; step < STEPS; step++) {
#pragma unroll
            for (u32 word = 0; word < 4; word++) {
                float* pair = &x[step][2 * (word / 2)];
                q[step][word] = FP8 ? take_f16(pair[0], pair[1]) : take_bf16(pair[0], pair[1]);
            }
            rest[step][0] = take_bf16(x[step][0], x[step][1]);
            rest[step][1] = take_bf16(x[step][2], x[step][3]);
        }
    }

    // A warp sums D / 8 columns; of FP8 with 64 columns, four warps sum sixteen.
    constexpr u32 SETS = FP8 ? 2 : D / 64;
    float sums[SETS][4] = {};
    float largest = MINUS_INFINITY, total = 0.f; // of head `warp`
    float scale_of_sums = 0.f;
    const float factor = p.scale * LOG2_E;
    for (u32 tile = 0; tile < stream.tiles; tile++) {
        const u8* keys = stream.next(p, b);
        const u8* values = keys + KEYS * S::STRIDE;
        const float* scales = (const float*)(keys + 2 * KEYS * S::STRIDE);
        const u32 first = b.from + tile * KEYS;
        {
            float score[2][4] = {}, more[2][4] = {};
            const u8* at = keys + (8 * warp + lane % 8) * S::STRIDE + 16 * matrix;
            if (FP8) {
#pragma unroll
                for (u32 step = 0; step < STEPS; step += 4) {
                    u32 codes[4];
                    load_matrices(codes, at + 16 * step);
#pragma unroll
                    for (u32 j = 0; j < 4; j++) {
                        mma_f16(score[j % 2], q[step + j], e4m3_even(codes[j]), e4m3_odd(codes[j]));
                    }
                }
            } else {
#pragma unroll
                for (u32 step = 0; step < STEPS; step += 2) {
                    u32 k[4];
                    load_matrices(k, at + 32 * step);
#pragma unroll
                    for (u32 j = 0; j < 2; j++) {
                        const u32 third[4] = {rest[step + j][0], 0, rest[step + j][1], 0};
                        mma_bf16(score[j], q[step + j], k[2 * j], k[2 * j + 1]);
                        mma_bf16(more[j], third, k[2 * j], k[2 * j + 1]);
                    }
                }
            }
            float its[2];
#pragma unroll
            for (u32 j = 0; j < 2; j++) {
                its[j] = (score[0][j] + score[1][j]) +
                         ((score[0][j + 2] + score[1][j + 2]) + (more[0][j] + more[1][j]));
                if (FP8) its[j] *= unscale * scales[8 * warp + 2 * t + j];
            }
            *(float2*)&room.scores[g][8 * warp + 2 * t] = make_float2(its[0], its[1]);
        }
        __syncthreads();
        {
            const bool inside = warp < b.heads;
            float score[2], most = largest;
#pragma unroll
            for (u32 j = 0; j < 2; j++) {
                const u32 key = lane + 32 * j;
                score[j] = first + key < b.to ? room.scores[warp][key] * factor : MINUS_INFINITY;
                most = fmaxf(most, score[j]);
            }
            most = warp_max(most);
            const float fade = exp2f(largest - most), w0 = exp2f(score[0] - most),
                        w1 = exp2f(score[1] - most);
            total = total * fade + warp_sum(w0 + w1);
            largest = most;
            room.weights[warp][lane] = inside ? w0 : 0.f;
            room.weights[warp][lane + 32] = inside ? w1 : 0.f;
            if (lane == 0) room.fades[warp] = fade;
        }
        __syncthreads();
        if (FP8 && D == 64 && warp >= 4) continue;
        float fade = room.fades[g], over = 1.f;
        const float* of_values = scales + KEYS;
        if (FP8) {
            const float most = fmaxf(scale_of_sums, warp_max(fmaxf(of_values[lane], of_values[lane + 32])));
            over = 1.f / most;
            fade *= scale_of_sums * over;
            over *= WEIGHT_LIFT;
            scale_of_sums = most;
        }
#pragma unroll
        for (u32 set = 0; set < SETS; set++) {
#pragma unroll
            for (u32 j = 0; j < 4; j++) sums[set][j] *= fade;
        }
#pragma unroll
        for (u32 half = 0; half < 2; half++) {
            u32 weights[2][4]; // of sixteen keys
#pragma unroll
            for (u32 step = 0; step < 2; step++) {
#pragma unroll
                for (u32 side = 0; side < 2; side++) {
                    const u32 key = 32 * half + 16 * step + 8 * side + 2 * t;
                    float2 x = *(const float2*)&room.weights[g][key];
                    if (FP8) x.x *= of_values[key] * over, x.y *= of_values[key + 1] * over;
                    weights[step][2 * side] = FP8 ? take_f16(x.x, x.y) : take_bf16(x.x, x.y);
                    weights[step][2 * side + 1] = FP8 ? take_f16(x.x, x.y) : take_bf16(x.x, x.y);
                }
            }
#pragma unroll
            for (u32 set = 0; set < SETS; set += FP8 ? 2 : 1) {
                // Sixteen bytes of columns of 32 keys.
                u32 v[4];
                load_matrices_transposed(v, values + (32 * half + lane) * S::STRIDE +
                                                16 * (FP8 ? warp : SETS * warp + set));
#pragma unroll
                for (u32 step = 0; step < 2; step++) {
                    const u32 low = v[2 * step], high = v[2 * step + 1];
                    if (FP8) {
                        mma_f16(sums[set], weights[step], e4m3_even(low), e4m3_even(high));
                        mma_f16(sums[SETS - 1], weights[step], e4m3_odd(low), e4m3_odd(high));
                    } else {
                        mma_bf16(sums[set], weights[step], low, high);
                    }
                }
            }
        }
    }
    if (lane == 0) {
        room.largest[warp] = largest;
        room.totals[warp] = total;
    }
    __syncthreads();
    const float scale = FP8 ? scale_of_sums * (256.f / WEIGHT_LIFT) : 1.f;
    if (g < b.heads && !(FP8 && D == 64 && warp >= 4)) {
#pragma unroll
        for (u32 set = 0; set < SETS; set++) {
#pragma unroll
            for (u32 j = 0; j < 2; j++) {
                const u32 column =
                    FP8 ? 16 * warp + 4 * t + 2 * j + set : 8 * (SETS * warp + set) + 2 * t + j;
                b.store<D>(p, 8, g, column, (sums[set][j] + sums[set][j + 2]) * scale, room.totals[g]);
            }
        }
    }
    b.finish<D, 8>(p, room.join, room.totals, room.largest, room.last);
}

#define GQA_MMA(NAME, FP8, D)                                                                                \
    extern "C" __global__ void __launch_bounds__(256, 2)                                                     \
        gqa_mma_##NAME##_d##D(const __grid_constant__ gqa_attend_params p) {                                 \
        gqa_mma<FP8, D>(p);                                                                                  \
    }
GQA_MMA(bf16, false, 64)
GQA_MMA(bf16, false, 128)
GQA_MMA(fp8, true, 64)
GQA_MMA(fp8, true, 128)

#define GQA_ATTEND(NAME, T, D, G)                                                                            \
    extern "C" __global__ void __launch_bounds__(256)                                                        \
        gqa_attend_##NAME##_d##D##_g##G(const __grid_constant__ gqa_attend_params p) {                       \
        gqa_attend<T, D, G>(p);                                                                              \
    }
#define GQA_ATTEND_SIZES(NAME, T)                                                                            \
    GQA_ATTEND(NAME, T, 64, 4)                                                                               \
    GQA_ATTEND(NAME, T, 64, 8)                                                                               \
    GQA_ATTEND(NAME, T, 128, 4)                                                                              \
    GQA_ATTEND(NAME, T, 128, 8)                                                                              \
    GQA_ATTEND(NAME, T, 256, 4)                                                                              \
    GQA_ATTEND(NAME, T, 256, 8)
GQA_ATTEND_SIZES(f32, PAGE_F32)
GQA_ATTEND_SIZES(bf16, PAGE_BF16)
GQA_ATTEND_SIZES(fp8, PAGE_FP8)
