// What happens to queries, keys and values between their products and attention: norms of heads or of the
// latent, rotation by position, the record of each row in its page, and for MLA the absorption of the key
// part of kv_b_proj into the query.
#include "cache.cuh"
#include "units.cuh"

struct rope_table_params {
    const i32* positions;
    const double* inv_freq; // [half], radians a position
    float* cosines;         // [rows][half]
    float* sines;
    double scale; // YaRN's attention factor
    u32 rows, half;
};

extern "C" __global__ void __launch_bounds__(128) rope_table(const __grid_constant__ rope_table_params p) {
    pdl_trigger();
    pdl_wait();
    const u32 index = blockIdx.x * 128 + threadIdx.x;
    if (index >= p.rows * p.half) return;
    double sine, cosine;
    sincos((double)p.positions[index / p.half] * p.inv_freq[index % p.half], &sine, &cosine);
    p.cosines[index] = (float)(cosine * p.scale);
    p.sines[index] = (float)(sine * p.scale);
}

enum RopeStyle : u32 { INTERLEAVED = 0, NEOX = 1 };

// Rotates pair `pair` of the `2 * half` values at `x`. Rounded as the processor does it, without fused
// products.
__device__ __forceinline__ void rotate(float* x, u32 pair, u32 half, u32 style, float cosine, float sine) {
    const u32 first = style == NEOX ? pair : 2 * pair, second = style == NEOX ? pair + half : 2 * pair + 1;
    const float a = x[first], b = x[second];
    x[first] = __fsub_rn(__fmul_rn(a, cosine), __fmul_rn(b, sine));
    x[second] = __fadd_rn(__fmul_rn(a, sine), __fmul_rn(b, cosine));
}

struct gqa_write_params {
    float* q;       // [rows][q_stride], normed and rotated in place
    const float* k; // [rows][k_stride]
    const float* v;
    const float* q_norm; // [head_dim] or null
    const float* k_norm;
    const float* cosines;
    const float* sines;
    u8* cache; // of the layer
    const i32* slots;
    u32 rows, heads, kv_heads, head_dim, half, style, type, record_bytes;
    u32 q_stride, k_stride, v_stride;
    float eps;
};

// A warp takes one head of one row: of the queries, the keys or the values, in this order.
extern "C" __global__ void __launch_bounds__(128) gqa_write(const __grid_constant__ gqa_write_params p) {
    __shared__ float room[4][256];
    pdl_trigger();
    const u32 lane = lane_id(), row = blockIdx.y, item = blockIdx.x * 4 + warp_id();
    const u32 heads = p.heads, width = p.head_dim, half = p.half;
    float* x = room[warp_id()];
    pdl_wait();
    if (item >= heads + 2 * p.kv_heads) return;
    const bool is_q = item < heads, is_k = !is_q && item < heads + p.kv_heads;
    const u32 head = is_q ? item : is_k ? item - heads : item - heads - p.kv_heads;
    const float* from = is_q   ? p.q + (u64)row * p.q_stride
                        : is_k ? p.k + (u64)row * p.k_stride
                               : p.v + (u64)row * p.v_stride;
    from += head * width;
    float squares = 0.f;
    for (u32 i = lane; i < width; i += 32) {
        const float value = from[i];
        x[i] = value;
        squares = fmaf(value, value, squares);
    }
    const float* norm = is_q ? p.q_norm : is_k ? p.k_norm : nullptr;
    if (norm) {
        const float factor = 1.f / sqrtf(warp_sum(squares) / (float)width + p.eps);
        for (u32 i = lane; i < width; i += 32) x[i] = x[i] * factor * norm[i];
    }
    __syncwarp();
    if (is_q || is_k) {
        for (u32 pair = lane; pair < half; pair += 32) {
            const u64 at = (u64)row * half + pair;
            rotate(x + width - 2 * half, pair, half, p.style, p.cosines[at], p.sines[at]);
        }
        __syncwarp();
    }
    if (is_q) {
        float* q = p.q + (u64)row * p.q_stride + head * width;
        for (u32 i = lane; i < width; i += 32) q[i] = x[i];
        return;
    }
    u8* record = p.cache + (u64)p.slots[row] * p.record_bytes;
    const u32 group = 2 * head + (is_k ? 0 : 1);
    if (p.type == PAGE_F32) {
        float* at = (float*)record + group * width;
        for (u32 i = lane; i < width; i += 32) at[i] = x[i];
    } else if (p.type == PAGE_BF16) {
        u16* at = (u16*)record + group * width;
        for (u32 i = lane; i < width; i += 32) at[i] = f32_to_bf16(x[i]);
    } else {
        float largest = 0.f;
        for (u32 i = lane; i < width; i += 32) largest = fmaxf(largest, fabsf(x[i]));
        const float scale = group_scale(warp_max(largest));
        for (u32 i = lane; i < width; i += 32)
            record[group * width + i] = f32_to_e4m3(__fdiv_rn(x[i], scale));
        if (lane == 0) store_bytes4(record + 2 * p.kv_heads * width + 4 * group, __float_as_uint(scale));
    }
}

struct mla_prepare_params {
    Mat w;             // kv_b_proj: of each head, `nope` rows of keys and `value` rows of values
    float* q;          // [rows][q_stride]: of each head, nope | rope; the latter is rotated in place
    const float* kv_a; // [rows][kv_a_stride]: latent | rope
    const float* norm; // kv_a_layernorm, [latent]
    const float* cosines;
    const float* sines;
    float* absorbed; // [rows][heads][latent], or with `parts` [rows][heads / 16] query tiles
    u8* cache;
    const i32* slots;
    u32 rows, heads, nope, rope, value, latent, style, type, record_bytes;
    u32 q_stride, kv_a_stride;
    float eps;
    u32 prefill; // 1: weights are shared by many rows through (dynamic) shared memory. Its sums have another
                 // order.
    u32 parts;   // 1: the absorbed and rotated queries as QueryTile of this page type
};

// Rows of a launch that a block absorbs at once; as many blocks of the first ones write records. In a prefill
// it takes MANY_ROWS, one set of rows after the other.
static constexpr u32 PREPARE_ROWS = 8, MANY_ROWS = 64;
// A block decodes this many rows of kv_b_proj at once, two units of each.
static constexpr u32 KEY_ROWS = 128;
static constexpr u32 PREPARE_COLUMNS = 64;
// Columns of the latent that one of 256 threads takes: 1,024 in all.
static constexpr u32 RECORD_COLUMNS = 4;

__device__ __forceinline__ void store_value(const mla_prepare_params& p, u8* record, u32 index, float value) {
    if (p.type == PAGE_F32) {
        ((float*)record)[index] = value;
    } else {
        const u32 scales = 4 * div_up(p.latent, LATENT_GROUP);
        const u32 at = p.type == PAGE_BF16 ? 2 * index : p.latent + scales + 2 * (index - p.latent);
        store_bytes2(record + at, f32_to_bf16(value));
    }
}

// Norm, rotation and the record of one row, by one block.
__device__ void write_latent(const mla_prepare_params& p, u32 row) {
    __shared__ float room[8], maxima[RECORD_COLUMNS][8];
    const u32 thread = threadIdx.x, latent = p.latent, half = p.rope / 2;
    u8* record = p.cache + (u64)p.slots[row] * p.record_bytes;
    float weight[RECORD_COLUMNS];
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) {
        const u32 i = thread + 256 * j;
        weight[j] = i < latent ? p.norm[i] : 0.f;
    }
    pdl_wait();
    const float* x = p.kv_a + (u64)row * p.kv_a_stride;
    float values[RECORD_COLUMNS], squares = 0.f;
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) {
        const u32 i = thread + 256 * j;
        values[j] = i < latent ? x[i] : 0.f;
    }
    if (thread < half) {
        const u32 first = p.style == NEOX ? thread : 2 * thread,
                  second = p.style == NEOX ? thread + half : 2 * thread + 1;
        float both[2] = {x[latent + first], x[latent + second]};
        const u64 at = (u64)row * half + thread;
        rotate(both, 0, 1, INTERLEAVED, p.cosines[at], p.sines[at]);
        store_value(p, record, latent + first, both[0]);
        store_value(p, record, latent + second, both[1]);
    }
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) squares = fmaf(values[j], values[j], squares);
    const float factor = 1.f / sqrtf(block_sum(squares, room) / (float)latent + p.eps);
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) values[j] = values[j] * factor * weight[j];
    if (p.type != PAGE_FP8) {
#pragma unroll
        for (u32 j = 0; j < RECORD_COLUMNS; j++) {
            const u32 i = thread + 256 * j;
            if (i < latent) store_value(p, record, i, values[j]);
        }
        return;
    }
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) {
        const float largest = warp_max(fabsf(values[j]));
        if (lane_id() == 0) maxima[j][warp_id()] = largest;
    }
    __syncthreads();
#pragma unroll
    for (u32 j = 0; j < RECORD_COLUMNS; j++) {
        const u32 i = thread + 256 * j, first = warp_id() / 4 * 4;
        if (i >= latent) continue;
        const float* of_group = maxima[j] + first;
        const float scale =
            group_scale(fmaxf(fmaxf(of_group[0], of_group[1]), fmaxf(of_group[2], of_group[3])));
        record[i] = f32_to_e4m3(__fdiv_rn(values[j], scale));
        if (i % LATENT_GROUP == 0)
            store_bytes4(record + latent + 4 * (i / LATENT_GROUP), __float_as_uint(scale));
    }
}

// What one block absorbs: two units of columns of one head.
struct Absorbing {
    u32 head, pair, first_row, count;
};

__device__ __forceinline__ u8* query_tile(const mla_prepare_params& p, u32 row, u32 head) {
    const u32 bytes = p.type == PAGE_FP8 ? QueryTile<true>::BYTES : QueryTile<false>::BYTES;
    return (u8*)p.absorbed + ((u64)row * (p.heads / 16) + head / 16) * bytes;
}

__device__ __forceinline__ void store_absorbed(const mla_prepare_params& p, u32 row, u32 head, u32 column,
                                               float value) {
    if (!p.parts) {
        p.absorbed[((u64)row * p.heads + head) * p.latent + column] = value;
    } else if (p.type == PAGE_FP8) {
        QueryTile<true>::store_latent(query_tile(p, row, head), head % 16, column, value);
    } else {
        QueryTile<false>::store_latent(query_tile(p, row, head), head % 16, column, value);
    }
}

typedef float QuarterSums[PREPARE_ROWS][4][PREPARE_COLUMNS]; // of the quarters of the rows of weights

// Few rows: a thread keeps one unit of one row of weights, and a warp sums over its 32 rows.
template <u32 F> __device__ __forceinline__ void absorb_few(const mla_prepare_params& p, const Absorbing& a,
                                                            QuarterSums& sums) {
    const u32 thread = threadIdx.x, side = thread / KEY_ROWS, d = thread % KEY_ROWS, unit = 2 * a.pair + side;
    const u32 width = p.nope + p.rope, of_head = a.head * (p.nope + p.value);
    float w[32] = {};
    if (d < p.nope && unit < p.w.units) decode_unit<F>(p.w, of_head + d, unit, w);
    pdl_wait();
    const float* q = p.q + (u64)a.first_row * p.q_stride + a.head * width;
#pragma unroll 1
    for (u32 row = 0; row < a.count; row++) {
        const float x = d < p.nope ? q[(u64)row * p.q_stride + d] : 0.f;
        float v[32];
#pragma unroll
        for (u32 i = 0; i < 32; i++) v[i] = x * w[i];
        for (u32 more = d + KEY_ROWS; more < p.nope; more += KEY_ROWS) {
            float other[32] = {};
            if (unit < p.w.units) decode_unit<F>(p.w, of_head + more, unit, other);
            const float y = q[(u64)row * p.q_stride + more];
#pragma unroll
            for (u32 i = 0; i < 32; i++) v[i] = fmaf(y, other[i], v[i]);
        }
        __syncwarp();
        sum_halves<16>(v);
        sums[row][d / 32][32 * side + lane_id()] = v[0];
    }
    __syncthreads();
    for (u32 i = thread; i < a.count * PREPARE_COLUMNS; i += 256) {
        const u32 row = i / PREPARE_COLUMNS, c = i % PREPARE_COLUMNS, unit = 2 * a.pair + c / 32;
        const u32 at = unit_column<F>(unit, c % 32);
        const float sum = (sums[row][0][c] + sums[row][1][c]) + (sums[row][2][c] + sums[row][3][c]);
        if (at < p.latent && unit < p.w.units) {
            store_absorbed(p, a.first_row + row, a.head, at, sum);
        }
    }
}

struct PrepareRoom {
    float weights[KEY_ROWS][PREPARE_COLUMNS + 4]; // padded against bank conflicts
    float q[PREPARE_ROWS][KEY_ROWS];
};

// Many rows: a thread takes a column and a quarter of the rows of weights, of which a block holds KEY_ROWS.
template <u32 F> __device__ __forceinline__ void absorb_many(const mla_prepare_params& p, const Absorbing& a,
                                                             QuarterSums& joined) {
    extern __shared__ __align__(16) u8 prepare_room[];
    PrepareRoom& room = *(PrepareRoom*)prepare_room;
    const u32 thread = threadIdx.x, column = thread % PREPARE_COLUMNS, quarter = thread / PREPARE_COLUMNS;
    const u32 width = p.nope + p.rope, chunks = div_up(p.nope, KEY_ROWS);
    const auto decode = [&](u32 from) {
        const u32 d = thread / 2, side = thread % 2, unit = 2 * a.pair + side;
        float w[32] = {};
        if (from + d < p.nope && unit < p.w.units) {
            decode_unit<F>(p.w, a.head * (p.nope + p.value) + from + d, unit, w);
        }
#pragma unroll
        for (u32 j = 0; j < 32; j += 4) {
            *(float4*)&room.weights[d][side * 32 + j] = make_float4(w[j], w[j + 1], w[j + 2], w[j + 3]);
        }
    };
    decode(0);
    pdl_wait();
    for (u32 from_row = 0; from_row < a.count; from_row += PREPARE_ROWS) {
        const u32 count = min(PREPARE_ROWS, a.count - from_row);
        float sums[PREPARE_ROWS] = {};
        for (u32 chunk = 0; chunk < chunks; chunk++) {
            const u32 from = chunk * KEY_ROWS;
            if (chunks > 1 && (chunk > 0 || from_row > 0)) decode(from);
            for (u32 i = thread; i < PREPARE_ROWS * KEY_ROWS; i += 256) {
                const u32 row = i / KEY_ROWS, d = i % KEY_ROWS;
                const bool inside = row < count && from + d < p.nope;
                const u64 at = (u64)(a.first_row + from_row + row) * p.q_stride + a.head * width + from + d;
                room.q[row][d] = inside ? p.q[at] : 0.f;
            }
            __syncthreads();
#pragma unroll 2
            for (u32 d = quarter * (KEY_ROWS / 4); d < (quarter + 1) * (KEY_ROWS / 4); d += 4) {
                float w[4];
#pragma unroll
                for (u32 j = 0; j < 4; j++) w[j] = room.weights[d + j][column];
#pragma unroll
                for (u32 row = 0; row < PREPARE_ROWS; row++) {
                    const float4 q = *(const float4*)&room.q[row][d];
                    sums[row] = fmaf(q.w, w[3], fmaf(q.z, w[2], fmaf(q.y, w[1], fmaf(q.x, w[0], sums[row]))));
                }
            }
            __syncthreads();
        }
#pragma unroll
        for (u32 row = 0; row < PREPARE_ROWS; row++) joined[row][quarter][column] = sums[row];
        __syncthreads();
        for (u32 i = thread; i < count * PREPARE_COLUMNS; i += 256) {
            const u32 row = i / PREPARE_COLUMNS, c = i % PREPARE_COLUMNS, unit = 2 * a.pair + c / 32;
            const u32 at = unit_column<F>(unit, c % 32);
            float sum = joined[row][0][c];
#pragma unroll
            for (u32 j = 1; j < 4; j++) sum += joined[row][j][c];
            if (at < p.latent && unit < p.w.units) {
                store_absorbed(p, a.first_row + from_row + row, a.head, at, sum);
            }
        }
    }
}

// The first blocks write the records of a row each, the others absorb.
template <u32 F> __device__ __forceinline__ void mla_prepare(const mla_prepare_params& p) {
    pdl_trigger();
    const u32 each = p.prefill ? MANY_ROWS : PREPARE_ROWS, first_row = blockIdx.y * each;
    const u32 count = min(each, p.rows - first_row);
    if (blockIdx.x < PREPARE_ROWS) {
        if (blockIdx.x >= count) pdl_wait();
        for (u32 row = blockIdx.x; row < count; row += PREPARE_ROWS) {
            if (row >= PREPARE_ROWS) __syncthreads();
            write_latent(p, first_row + row);
        }
        return;
    }
    const u32 pairs = div_up(p.w.units, 2), index = blockIdx.x - PREPARE_ROWS;
    const Absorbing a = {index / pairs, index % pairs, first_row, count};
    __shared__ QuarterSums sums;
    if (p.prefill) {
        absorb_many<F>(p, a, sums);
    } else {
        absorb_few<F>(p, a, sums);
    }
    if (a.pair != 0) return;
    const u32 half = p.rope / 2;
    for (u32 i = threadIdx.x; i < count * half; i += 256) {
        const u32 row = first_row + i / half, pair = i % half;
        const u64 at = (u64)row * half + pair;
        float* q = p.q + (u64)row * p.q_stride + a.head * (p.nope + p.rope) + p.nope;
        rotate(q, pair, half, p.style, p.cosines[at], p.sines[at]);
        if (!p.parts) continue;
        u8* tile = query_tile(p, row, a.head);
#pragma unroll
        for (u32 j = 0; j < 2; j++) {
            const u32 column = p.style == NEOX ? pair + j * half : 2 * pair + j;
            if (p.type == PAGE_FP8) {
                QueryTile<true>::store_rope(tile, a.head % 16, column, q[column]);
            } else {
                QueryTile<false>::store_rope(tile, a.head % 16, column, q[column]);
            }
        }
    }
}

#define MLA_PREPARE(NAME, FORMAT)                                                                            \
    extern "C" __global__ void __launch_bounds__(256)                                                        \
        mla_prepare_##NAME(const __grid_constant__ mla_prepare_params p) {                                   \
        mla_prepare<FORMAT>(p);                                                                              \
    }
FOR_EACH_FORMAT(MLA_PREPARE)
