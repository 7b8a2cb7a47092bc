// Runs what a prefill's products are made of, as crates/cuda/kernels has it, on the host: the codes of stored
// weights with their scales and minima, and the two parts of activations. The arithmetic of f16 pairs is
// written here, because the kernels have it in PTX. Output of each matrix: rows [rows][32 * units] as their
// codes say, activations as their parts say [cols], their sums over 32 columns [units].
#define f16x2_fma ptx_fma
#define f16x2_add ptx_add
#define f16x2_mul ptx_mul
#define f16x2_from ptx_from
#include "f16x2.cuh"
#undef f16x2_fma
#undef f16x2_add
#undef f16x2_mul
#undef f16x2_from
template <class Make> u32 both_halves(Make make) {
    return f16_bits(make(f16_low)) | (u32)f16_bits(make(f16_high)) << 16;
}
// A product of two f16 and its sum with a third are exact in double for the numbers of codes.
inline u32 f16x2_fma(u32 a, u32 b, u32 c) {
    return both_halves([=](auto of) { return (double)of(a) * of(b) + of(c); });
}
inline u32 f16x2_add(u32 a, u32 b) {
    return both_halves([=](auto of) { return (double)of(a) + of(b); });
}
inline u32 f16x2_mul(u32 a, u32 b) {
    return both_halves([=](auto of) { return (double)of(a) * of(b); });
}
inline u32 f16x2_from(float low, float high) { return f16_bits(low) | (u32)f16_bits(high) << 16; }
#include "gemm_codes.cuh"
#include "split.cu"
#include "units.cuh"

#include "matrices.h"

// Every four columns are stored in the order 0, 2, 1, 3.
constexpr u32 stored_at(u32 column) { return column / 4 * 4 + (column % 2 * 2 + column % 4 / 2); }

// A row of a tile after a step: column `column` of run `run` and its scale.
template <u32 F> float weight_of(const u8* codes, const Scales& scales, u32 tile_row, u32 run, u32 column) {
    constexpr u32 COLUMNS = Codes<F>::SCALE_COLUMNS;
    const u32 at = run * 32 + stored_at(column), chunk = at / 8 ^ (tile_row & 7);
    u16 code;
    std::memcpy(&code, codes + tile_row * 128 + chunk * 16 + at % 8 * 2, 2);
    const u32 slot = COLUMNS >= 64 ? 0 : (run * 32 + column) / COLUMNS;
    return f16_to_f32(code) * scales.scale[slot * TILE_ROWS + tile_row];
}

template <u32 F> void decode(const Mat& m, std::vector<float>& out) {
    typedef Codes<F> Kind;
    std::vector<uint4> codes(TILE_ROWS * 128 / 16);
    std::vector<float> scale(4 * TILE_ROWS), of_minima(TILE_ROWS);
    std::vector<u16> minima(TILE_ROWS * 16);
    const Scales scales = {scale.data(), minima.data(), of_minima.data()};
    for (u32 row = 0; row < m.rows; row++)
        for (u32 step = 0; step < Kind::steps(m); step++) {
            Place at = {m.base + row * m.row_bytes, (u8*)codes.data() + row * 128, 0, row, row};
            for (at.half = 0; at.half < 2; at.half++) {
                Kind kind;
                kind.load(m, at, step);
                kind.unpack(m, at, step, scales);
            }
            for (u32 i = 0; i < 64; i++) {
                const u32 run = i / 32, first = run ? Kind::second(step) : Kind::first(step);
                const u32 column = first + i % 32;
                if (column >= 32 * m.units) continue;
                float& weight = out[row * 32 * m.units + column];
                weight += weight_of<F>((u8*)codes.data(), scales, row, run, i % 32);
                // The minima are multiplied with the sums of x over 64.
                if (Kind::HAS_MINIMA)
                    weight += f16_to_f32(minima[row * 16 + column % 256 / 32]) * of_minima[row] / 64.f;
            }
        }
}

// Activations as `split_rows` leaves them, and the sums of every 32 of them.
void split(const std::vector<float>& x, std::vector<float>& whole, std::vector<float>& sums) {
    split_rows_params p = {};
    p.x = x.data(), p.rows = 1, p.cols = p.x_stride = x.size();
    p.width = div_up(p.cols, 64) * 64, p.groups = div_up(p.width, 256);
    std::vector<uint4> high(p.width / 8), low(p.width / 8);
    std::vector<u16> of_32(p.groups * 16);
    float inverse;
    p.high = (u16*)high.data(), p.low = (u16*)low.data(), p.sums = of_32.data(), p.inverse = &inverse;
    run_block(256, [&](u32) { split_rows(p); });
    for (u32 i = 0; i < p.cols; i++)
        whole[i] = (f16_to_f32(p.high[stored_at(i)]) + f16_to_f32(p.low[stored_at(i)])) * inverse;
    for (u32 i = 0; i < sums.size(); i++) {
        const u16* at = &of_32[i / 8 * 16 + i % 8];
        sums[i] = (f16_to_f32(at[0]) + f16_to_f32(at[8])) * 64.f * inverse;
    }
}

int main() {
    each_matrix([](const Mat& m, const std::vector<float>& x) {
        std::vector<float> decoded(m.rows * 32 * m.units), whole(m.cols), sums(m.units);
        switch (m.format) {
#define DECODE(name, F)                                                                                      \
    case F: decode<F>(m, decoded); break;
            FOR_EACH_FORMAT(DECODE)
        }
        split(x, whole, sums);
        write(decoded);
        write(whole);
        write(sums);
    });
}
