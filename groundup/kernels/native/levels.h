// Weights that are numbers of sixteen levels (NF4), multiplied in f32: a level is looked up for each weight, and each 64
// columns of a row share a scale. Blocks of 16 rows as where weights are integers; in a block, group after group; in a
// group, for each eight columns a word of each of the 16 rows, the first column in its lowest four bits.
// What is called scales begins with the sixteen levels; then f32 (blocks, groups, 16).
#pragma once
#include "numbers.h"
#include <algorithm>

constexpr int LEVELS = 16, LEVEL_GROUP = 64, LEVEL_BLOCK = 16;
constexpr int LEVEL_BYTES = LEVEL_GROUP * LEVEL_BLOCK / 2;  // of one group

// The levels of codes, which are the lowest four bits of each lane.
#if defined(__AVX512F__) && defined(__AVX512BW__)
struct Levels {
    explicit Levels(const float* levels) : all(load<Floats>(levels)) {}
    Floats of(Ints codes) const { return (Floats)_mm512_permutexvar_ps((__m512i)codes, (__m512)all); }
    Floats all;
};
#elif defined(__AVX2__)
struct Levels {
    explicit Levels(const float* levels) : low(load<Floats>(levels)), high(load<Floats>(levels + 8)) {}
    Floats of(Ints codes) const {
        const __m256i places = (__m256i)codes;
        return (Floats)_mm256_blendv_ps(_mm256_permutevar8x32_ps((__m256)low, places),
                                        _mm256_permutevar8x32_ps((__m256)high, places), (__m256)(codes << 28));
    }
    Floats low, high;
};
#else
struct Levels {
    explicit Levels(const float* levels) : all(levels) {}
    Floats of(Ints codes) const {
        Floats found;
        for (int lane = 0; lane < LANES; lane++) found[lane] = all[codes[lane] & 15];
        return found;
    }
    const float* all;
};
#endif

inline int level_groups(int columns) { return (columns + LEVEL_GROUP - 1) / LEVEL_GROUP; }

// Where the first word of a row lies, and its first scale.
inline size_t level_place(int row, int columns) {
    return (size_t)(row / LEVEL_BLOCK) * level_groups(columns) * LEVEL_BYTES + row % LEVEL_BLOCK * 4;
}
inline const float* level_scales(const float* scales, int row, int columns) {
    return scales + LEVELS + (size_t)(row / LEVEL_BLOCK) * level_groups(columns) * LEVEL_BLOCK + row % LEVEL_BLOCK;
}

// sums (ROWS, TEXTS) += one group of ROWS * LANES rows times the texts' numbers there.
template <int TEXTS, int ROWS>
inline void add_group(const Levels& levels, const uint8_t* const (&places)[ROWS], const float* const (&scales)[ROWS],
                      const float* numbers, int stride, Floats (&sums)[ROWS][TEXTS]) {
    Floats even[ROWS][TEXTS] = {}, odd[ROWS][TEXTS] = {};
    for (int eight = 0; eight < LEVEL_GROUP / 8; eight++) {
        Ints codes[ROWS];
        for (int row = 0; row < ROWS; row++) {
            const uint8_t* place = places[row] + eight * 4 * LEVEL_BLOCK;
            __builtin_prefetch(place + 8 * LEVEL_BYTES);
            codes[row] = load<Ints>(place);
        }
#pragma GCC unroll 4
        for (int column = 0; column < 8; column += 2)
            for (int row = 0; row < ROWS; row++) {
                const Floats left = levels.of(codes[row] >> 4 * column), right = levels.of(codes[row] >> (4 * column + 4));
                for (int text = 0; text < TEXTS; text++) {
                    const float* x = numbers + (size_t)text * stride + eight * 8 + column;
                    even[row][text] += left * x[0];
                    odd[row][text] += right * x[1];
                }
            }
    }
    for (int row = 0; row < ROWS; row++)
        for (int text = 0; text < TEXTS; text++) sums[row][text] += (even[row][text] + odd[row][text]) * load<Floats>(scales[row]);
}

// out (TEXTS, out_stride): ROWS * LANES rows from `first` on, as far as there are any before `last`.
template <int TEXTS, int ROWS, class Matrix, class Vectors>
void multiply_some_levels(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last) {
    const Levels levels((const float*)m.scales);
    const uint8_t* places[ROWS];
    const float* scales[ROWS];
    for (int row = 0; row < ROWS; row++) {
        places[row] = (const uint8_t*)m.weights + level_place(first + row * LANES, m.columns);
        scales[row] = level_scales((const float*)m.scales, first + row * LANES, m.columns);
    }
    Floats sums[ROWS][TEXTS] = {};
    const auto go_on = [&] {
        for (int row = 0; row < ROWS; row++) places[row] += LEVEL_BYTES, scales[row] += LEVEL_BLOCK;
    };
    int at = 0;
    for (; at + LEVEL_GROUP <= m.columns; at += LEVEL_GROUP, go_on())
        add_group<TEXTS, ROWS>(levels, places, scales, x.numbers + at, x.stride, sums);
    if (at < m.columns) {  // what fills the last group up is a level like any other, so it has to meet zeros
        float rest[TEXTS][LEVEL_GROUP] = {};
        for (int text = 0; text < TEXTS; text++)
            std::copy_n(x.numbers + (size_t)text * x.stride + at, m.columns - at, rest[text]);
        add_group<TEXTS, ROWS>(levels, places, scales, rest[0], LEVEL_GROUP, sums);
    }
    for (int row = 0; row < ROWS; row++) {
        const int start = first + row * LANES, count = std::min(LANES, last - start);
        for (int text = 0; text < TEXTS && count > 0; text++) {
            const Floats bias = m.bias ? load_some(m.bias + start, count) : Floats{};
            store_some(out + (size_t)text * out_stride + start, sums[row][text] + bias, count);
        }
    }
}

template <int TEXTS, class Matrix, class Vectors>
void multiply_levels(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last) {
    constexpr int ROWS = TEXTS < 4 ? 2 : 1;  // of whole vectors: what is added up has to fit into registers
    for (; first + (ROWS - 1) * LANES < last; first += ROWS * LANES)
        multiply_some_levels<TEXTS, ROWS>(m, x, out, out_stride, first, last);
    for (; first < last; first += LANES) multiply_some_levels<TEXTS, 1>(m, x, out, out_stride, first, last);
}

// One row, widened.
template <class Matrix> void read_levels(const Matrix& m, int row, float* out) {
    const float *levels = (const float*)m.scales, *scales = level_scales(levels, row, m.columns);
    const uint8_t* place = (const uint8_t*)m.weights + level_place(row, m.columns);
    for (int i = 0; i < m.columns; i++) {
        const int group = i / LEVEL_GROUP;
        const uint32_t word = load<uint32_t>(place + group * LEVEL_BYTES + i % LEVEL_GROUP / 8 * 4 * LEVEL_BLOCK);
        out[i] = levels[word >> 4 * (i % 8) & 15] * scales[group * LEVEL_BLOCK];
    }
}
