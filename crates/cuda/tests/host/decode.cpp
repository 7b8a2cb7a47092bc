// Runs the decoders of stored weights and the products of decoding, as crates/cuda/kernels has them, on the
// host. The loads of weights and the tensor core's product are written here, because the kernels have them in
// PTX. Output of each matrix: decoded rows [rows][32 * units], products [rows].
#define load_weights16 ptx_load16
#define load_weights8 ptx_load8
#define load_weights4 ptx_load4
#define load_weights2 ptx_load2
#define load_weights1 ptx_load1
#include "common.cuh"
#undef load_weights16
#undef load_weights8
#undef load_weights4
#undef load_weights2
#undef load_weights1
template <class T> T load(const void* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}
inline uint4 load_weights16(const void* at) { return load<uint4>(at); }
inline uint2 load_weights8(const void* at) { return load<uint2>(at); }
inline u32 load_weights4(const void* at) { return load<u32>(at); }
inline u32 load_weights2(const void* at) { return load<u16>(at); }
inline u32 load_weights1(const void* at) { return load<u8>(at); }

#define mma ptx_mma
#include "planes.cuh"
#undef mma
// mma.m16n8k32 of signed bytes: lane 4 g + t has rows g and g + 8 of A at columns 4 t and 16 + 4 t, the same
// columns of B's column g, and columns 2 t and 2 t + 1 of C.
inline void mma(i32 (&c)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    struct Fragment {
        u32 a[4], b[2];
    };
    const auto all = of_lanes(Fragment{{a0, a1, a2, a3}, {b0, b1}});
    const u32 g = lane_id() >> 2, t = lane_id() & 3;
    for (u32 i = 0; i < 4; i++)
        for (u32 k = 0; k < 4; k++)
            for (u32 half = 0; half < 2; half++) {
                const Fragment &rows = all.of[4 * g + k], &column = all.of[4 * (2 * t + i % 2) + k];
                c[i] = __dp4a((i32)rows.a[i / 2 + 2 * half], (i32)column.b[half], c[i]);
            }
}
#include "held.cuh"
#include "units.cuh"

#include "matrices.h"

template <u32 F> void decode(const Mat& m, std::vector<float>& out) {
    for (u32 row = 0; row < m.rows; row++)
        for (u32 unit = 0; unit < m.units; unit++) {
            float w[32];
            decode_unit<F>(m, row, unit, w);
            for (u32 i = 0; i < 32; i++) out[row * 32 * m.units + unit_column<F>(unit, i)] = w[i];
        }
}

// Sixteen rows, as one warp of a decode product has them.
template <u32 F> void product(const Mat& m, const float* x, std::vector<float>& out) {
    const u32 steps = div_up(m.cols, WIDE);
    std::vector<uint4> room(steps * STEP_ROOM / 16 + 64);
    run_block(32, [&](u32 id) {
        const Planes planes = planes_at(room.data(), steps);
        quantize_row(planes, x, nullptr, m.cols, Held<F>::ZERO);
        __syncthreads();
        const View view(planes);
        const u32 g = id >> 2, t = id & 3;
        Acc acc;
        acc.clear();
        for (u32 step = 0; step < steps; step++) {
            Held<F> rows[2];
            for (u32 r = 0; r < 2; r++) rows[r].load(m, m.base + (g + 8 * r) * m.row_bytes, step, t);
            Held<F>::dot(rows, view, step, acc);
        }
        const float low = acc.total(0), high = acc.total(1);
        if (t == 0) {
            out[g] = low;
            out[g + 8] = high;
        }
    });
}

int main() {
    each_matrix([](const Mat& m, const std::vector<float>& x) {
        std::vector<float> decoded(m.rows * 32 * m.units), products(m.rows);
        switch (m.format) {
#define DECODE(name, F)                                                                                      \
    case F: decode<F>(m, decoded); break;
            FOR_EACH_FORMAT(DECODE)
        }
        switch (m.format) {
#define PRODUCT(F, name)                                                                                     \
    case F: product<F>(m, x.data(), products); break;
            QUANTIZED_FORMATS(PRODUCT)
        }
        write(decoded);
        write(products);
    });
}
