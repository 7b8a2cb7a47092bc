// What a launch of `gemm` is asked for, how it divides into tiles, and how the result of a tile is written.
#pragma once
#include "gemm_codes.cuh"

struct gemm_params {
    Mat mat[3];            // all of one format
    float* y[3];           // [rows of x][y_stride]
    const float* bias[3];  // or null
    const float* residual; // added to y[0], in its shape; or null
    const u16* high;       // x, of `split_rows`
    const u16* low;
    const u16* sums;
    const float* inverse;
    const u32* tiles; // of `bucket`: expert, first, count; null for a dense product
    const u32* order;
    u32 rows; // of x, or entries of `tiles`
    u32 matrices;
    u32 pair;  // y[0] = silu(mat[0] x) * mat[1] x
    u32 share; // the row of x is order / share
    u32 width, groups;
    u32 y_stride[3];
    u32 columns; // rows of x in a tile
};

// The rows of x of a tile.
struct TileRows {
    const u32* order; // or null: then they are first, first + 1, ..
    u32 first, count;
    u32 share, per_share; // 2^32 / share, rounded up
    // Past the end it is the last row, whose product is not written.
    __device__ __forceinline__ u32 result(u32 at) const {
        at = min(at, count - 1);
        return order ? __ldg(order + at) : first + at;
    }
    // The row of x of a row of the result; exact below 2^32 / share.
    __device__ __forceinline__ u32 source_of(u32 result) const {
        return share == 1 ? result : __umulhi(result, per_share);
    }
    __device__ __forceinline__ u32 source(u32 at) const { return source_of(result(at)); }
};

// One tile: 128 rows of a matrix (of a pair 64, each eight followed by eight of the other) by some rows of x.
struct Job {
    TileRows rows;
    u32 expert, which, tile;
};

__device__ __forceinline__ u32 tiles_across(const gemm_params& p) {
    if (p.pair) return div_up(p.mat[0].rows, 64);
    u32 tiles = div_up(p.mat[0].rows, TILE_ROWS);
    if (p.matrices > 1) tiles += div_up(p.mat[1].rows, TILE_ROWS);
    if (p.matrices > 2) tiles += div_up(p.mat[2].rows, TILE_ROWS);
    return tiles;
}
__device__ __forceinline__ u32 tiles_down(const gemm_params& p) {
    return p.tiles ? p.rows : div_up(p.rows, p.columns);
}

// False past the last tile of the experts.
__device__ __forceinline__ bool job_of(const gemm_params& p, u32 across, u32 index, Job& job) {
    const u32 down = index / across;
    if (p.tiles) {
        const u32* entry = p.tiles + down * 3;
        job.rows.count = __ldg(entry + 2);
        if (job.rows.count == 0) return false;
        job.expert = __ldg(entry), job.rows.first = __ldg(entry + 1);
        job.rows.order = p.order + job.rows.first;
    } else {
        job.expert = 0, job.rows.first = down * p.columns;
        job.rows.count = min(p.columns, p.rows - job.rows.first);
        job.rows.order = nullptr;
    }
    job.rows.share = p.share;
    job.rows.per_share = ~0u / p.share + 1;
    job.which = 0, job.tile = index % across;
    if (p.pair) return true;
#pragma unroll
    for (u32 i = 0; i < 2; i++) {
        const u32 tiles = div_up(p.mat[i].rows, TILE_ROWS);
        if (job.which == i && i + 1 < p.matrices && job.tile >= tiles) job.tile -= tiles, job.which++;
    }
    return true;
}

// The matrix and the stored row of row `tile_row` of a tile.
__device__ __forceinline__ Mat mat_of(const gemm_params& p, const Job& job, u32 tile_row, Place& place) {
    place.tile_row = tile_row;
    const u32 which = p.pair ? tile_row >> 3 & 1 : job.which;
    Mat mat = which == 0 ? p.mat[0] : which == 1 ? p.mat[1] : p.mat[2];
    const u32 row =
        p.pair ? job.tile * 64 + (tile_row >> 4) * 8 + (tile_row & 7) : job.tile * TILE_ROWS + tile_row;
    place.matrix_row = min(row, mat.rows - 1);
    place.row = mat.base + ((u64)job.expert * mat.rows + place.matrix_row) * mat.row_bytes;
    if (mat.scales) mat.scales += (u64)job.expert * div_up(mat.rows, 128) * mat.scale_cols;
    return mat;
}

// Writes M x N fragments of 16 rows by 8 columns, the first at (row, column) of the tile. What is read is
// read before the first write, because a write might be to the same place as far as the compiler knows.
template <u32 M, u32 N>
__device__ __forceinline__ void store(const gemm_params& p, const Job& job, u32 first_row, u32 first_column,
                                      const float (&result)[M][N][4]) {
    const u32 which = job.which, first = first_column + lane_id() % 4 * 2;
    float* y = which == 0 ? p.y[0] : which == 1 ? p.y[1] : p.y[2];
    const float* bias = which == 0 ? p.bias[0] : which == 1 ? p.bias[1] : p.bias[2];
    const u32 stride = which == 0 ? p.y_stride[0] : which == 1 ? p.y_stride[1] : p.y_stride[2];
    const u32 height = which == 0 ? p.mat[0].rows : which == 1 ? p.mat[1].rows : p.mat[2].rows;
    const float* residual = which == 0 ? p.residual : nullptr;
    u32 to[N][2];
    float inverse[N][2];
#pragma unroll
    for (u32 n = 0; n < N; n++)
#pragma unroll
        for (u32 j = 0; j < 2; j++) {
            to[n][j] = job.rows.result(first + n * 8 + j);
            inverse[n][j] = __ldg(p.inverse + job.rows.source_of(to[n][j]));
        }
#pragma unroll
    for (u32 m = 0; m < M; m++) {
        if (p.pair) {
            const u32 row = job.tile * 64 + (first_row / 16 + m) * 8 + lane_id() / 4;
            if (row >= height) continue;
#pragma unroll
            for (u32 n = 0; n < N; n++)
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    const float gate = result[m][n][j] * inverse[n][j],
                                up = result[m][n][2 + j] * inverse[n][j];
                    if (first + n * 8 + j < job.rows.count)
                        y[(u64)to[n][j] * stride + row] = gate / (1.f + expf(-gate)) * up;
                }
            continue;
        }
        const u32 row = job.tile * TILE_ROWS + first_row + m * 16 + lane_id() / 4;
        const bool upper = row < height, lower = row + 8 < height;
        const float upper_bias = bias && upper ? __ldg(bias + row) : 0.f;
        const float lower_bias = bias && lower ? __ldg(bias + row + 8) : 0.f;
#pragma unroll
        for (u32 from = 0; from < N; from += 4) {
            float added[4][2][2];
#pragma unroll
            for (u32 i = 0; i < 4; i++)
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    added[i][j][0] = upper_bias, added[i][j][1] = lower_bias;
                    if (!residual) continue;
                    const float* add = residual + (u64)to[from + i][j] * stride + row;
                    if (upper) added[i][j][0] += add[0];
                    if (lower) added[i][j][1] += add[8];
                }
#pragma unroll
            for (u32 i = 0; i < 4; i++)
#pragma unroll
                for (u32 j = 0; j < 2; j++) {
                    const u32 n = from + i;
                    if (first + n * 8 + j >= job.rows.count) continue;
                    float* at = y + (u64)to[n][j] * stride + row;
                    if (upper) at[0] = fmaf(result[m][n][j], inverse[n][j], added[i][j][0]);
                    if (lower) at[8] = fmaf(result[m][n][2 + j], inverse[n][j], added[i][j][1]);
                }
        }
    }
}
