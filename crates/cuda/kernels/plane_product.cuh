// Quantized rows times one row of activations: the part that `gemv.cu` and `moe.cu` share.
#pragma once
#include "held.cuh"

// Blocks have 8 or 16 warps.
__device__ __forceinline__ u32 warps_log2() { return blockDim.x == 512 ? 4 : 3; }

// The tiles of a block: some have one more than the others.
struct Tiles {
    u32 first, count;
    __device__ __forceinline__ Tiles(u32 rows, u32 block, u32 blocks) {
        const u32 tiles = div_up(rows, 16), each = tiles / blocks, more = tiles - each * blocks;
        first = block * each + min(block, more);
        count = each + (block < more ? 1 : 0);
    }
};

// What warps of a block hand to each other.
template <int PARTS> struct alignas(16) Handed {
    float squares[MAX_WARPS];
    float sums[MAX_WARPS][PARTS][16]; // of the rows of a tile that an earlier warp began
};

// The products of some tiles of 16 rows with the activations x, of one matrix or of two of the same
// shape and format. The steps of all tiles are shared evenly by the warps in their order, so a tile may be
// the work of several: the one that begins it adds up. `out.extra(row)` is asked for early and given to
// `out(row, values, extra)`. All threads of the block call it.
template <u32 F, int PARTS, class Out>
__device__ __forceinline__ void
plane_product(const Mat (&mats)[PARTS], u32 first_step, u32 cols, const float* x, const float* norm,
              float eps, const Tiles& tiles, void* room, Handed<PARTS>& handed, const Out& out) {
    using H = Held<F>;
    const u32 warps = blockDim.x >> 5, warp = warp_id(), g = lane_id() >> 2, t = lane_id() & 3;
    const u32 rows = mats[0].rows, steps = div_up(cols, WIDE), each = PARTS * steps,
              units = tiles.count * each;
    const u32 shift = warps_log2(), begin = warp * units >> shift, end = (warp + 1) * units >> shift;

    struct Cursor {
        u32 tile, part, step;
        __device__ __forceinline__ bool next(u32 steps) {
            if (++step != steps) return false;
            step = 0;
            if (++part != PARTS) return true;
            part = 0;
            tile++;
            return true;
        }
    };
    const u32 within = begin % each;
    Cursor at = {tiles.first + begin / each, within / steps, within % steps}, ahead = at;
    u32 left = end - begin;
    const u32 none = cols >> 31;
    H one[2], two[2];
    const auto load = [&](H(&to)[2], u32 zero) {
        if (left == 0) return;
        left--;
        const u8* base = (PARTS == 2 && ahead.part == 1 ? mats[PARTS - 1].base : mats[0].base) + zero;
#pragma unroll
        for (u32 r = 0; r < 2; r++) {
            const u32 row = min(ahead.tile * 16 + g + 8 * r, rows - 1);
            to[r].load(mats[0], base + (u64)row * mats[0].row_bytes, first_step + ahead.step, t);
        }
        ahead.next(steps);
    };
    load(one, 0);
    load(two, 0);
    pdl_wait();
    pdl_trigger();

    const Planes planes = planes_at(room, steps);
    const float squares = quantize_row(planes, x, norm, cols, H::ZERO);
    if (norm && lane_id() == 0) handed.squares[warp] = squares;
    __syncthreads();
    const float factor = norm ? inverse_rms(handed.squares, warps, cols, eps) : 1.f;
    const View view(planes);

    // A lane with t < 2 gives out row g + 8 t of a tile.
    Acc acc;
    acc.clear();
    float values[PARTS] = {};
    bool began = within == 0;
    const auto close = [&](u32 part) {
        const float a = acc.total(0), b = acc.total(1);
#pragma unroll
        for (u32 p = 0; p < PARTS; p++)
            if (p == part) values[p] = t == 0 ? a : b;
        acc.clear();
    };
    const auto hand = [&] {
        if (t < 2) {
#pragma unroll
            for (int p = 0; p < PARTS; p++) handed.sums[warp][p][g + 8 * t] = values[p];
        }
    };
    const auto give = [&](u32 row, float extra) {
        if (t >= 2 || row >= rows) return;
#pragma unroll
        for (int p = 0; p < PARTS; p++) values[p] *= factor;
        out(row, values, extra);
    };
    const auto finish = [&] {
        const u32 tile = at.tile, part = at.part;
        if (!at.next(steps)) return;
        close(part);
        if (at.part != 0) return;
        if (began) {
            const u32 row = tile * 16 + g + 8 * t;
            give(row, t < 2 && row < rows ? out.extra(row) : 0.f);
        } else {
            hand();
        }
        began = true;
#pragma unroll
        for (int p = 0; p < PARTS; p++) values[p] = 0.f;
    };
#pragma unroll 1
    for (u32 unit = begin; unit < end; unit += 2) {
        H::dot(one, view, at.step, acc);
        load(one, settled(two, none));
        finish();
        if (unit + 1 == end) break;
        H::dot(two, view, at.step, acc);
        load(two, settled(one, none));
        finish();
    }
    // A tile that this warp leaves to the next ones.
    const bool open = begin < end && (at.part != 0 || at.step != 0);
    const u32 row = at.tile * 16 + g + 8 * t;
    float extra = 0.f;
    if (open) {
        if (at.step != 0) close(at.part);
        if (!began) {
            hand();
        } else if (t < 2 && row < rows) {
            extra = out.extra(row);
        }
    }
    __syncthreads();
    if (!open || !began) return;
    const u32 tile_end = (at.tile - tiles.first + 1) * each;
    for (u32 other = warp + 1; other < warps; other++) {
        const u32 from = other * units >> shift, to = (other + 1) * units >> shift;
        if (from >= tile_end) break;
        if (from == to) continue;
        if (t < 2) {
#pragma unroll
            for (int p = 0; p < PARTS; p++) values[p] += handed.sums[other][p][g + 8 * t];
        }
    }
    give(row, extra);
}
