// The matrices of a test, on standard input: format, rows, cols, row_bytes, s1, s2, s3, bytes of the rows,
// activations. Results go to standard output as f32.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <vector>

inline void read(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, stdin) != bytes) std::exit(1);
}
inline void write(const std::vector<float>& values) { std::fwrite(values.data(), 4, values.size(), stdout); }

template <class Use> void each_matrix(Use use) {
    u32 head[7];
    while (std::fread(head, sizeof head, 1, stdin) == 1) {
        Mat m = {};
        m.format = head[0], m.rows = head[1], m.cols = head[2], m.row_bytes = head[3];
        m.s1 = head[4], m.s2 = head[5], m.s3 = head[6], m.units = div_up(m.cols, 32);
        // A load of the last columns of the last row may reach beyond it.
        std::vector<uint4> bytes(m.rows * m.row_bytes / 16 + 64);
        std::vector<float> x(m.cols);
        read(bytes.data(), m.rows * m.row_bytes);
        read(x.data(), 4 * x.size());
        m.base = (const u8*)bytes.data();
        use(m, x);
    }
}
