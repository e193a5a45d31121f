// Matrices times the vectors of many texts: no longer a wait for the weights, but a lot to reckon.
// Texts lie side by side in a register, a weight is read once for all of them, and nothing has to be added up across lanes.
#pragma once
#include "matrices.h"
#include <vector>

constexpr int FEW = 8;               // texts, up to which the other way is the faster one
constexpr int ABREAST = 2 * LANES;   // texts that one pass takes
constexpr int PASSED = 512;          // columns after which the next rows come: so many of all texts stay near
constexpr int TILE = LANES == 16 ? 12 : LANES == 8 ? 4 : 2;  // rows whose sums fit into registers, twice

// Numbers that one thread writes again and again.
struct Room {
    std::vector<float> turned, widened;
};

// x (count, stride) -> (columns, WIDE): what is lacking up to WIDE is 0.
inline void lay_side_by_side(const Vectors& x, int columns, int wide, float* out) {
    std::fill(out, out + (size_t)columns * wide, 0.0f);
    for (int text = 0; text < x.count; text++)
        for (int column = 0; column < columns; column++)
            out[(size_t)column * wide + text] = x.numbers[(size_t)text * x.stride + column];
}

// `rows` rows of some columns, as f32 and next to each other.
template <class Number> const float* widened(const Number* weights, int stride, int rows, int columns, float* out) {
    for (int row = 0; row < rows; row++)
        for (int at = 0; at < columns; at++) out[row * PASSED + at] = wide_one(weights[(size_t)row * stride + at]);
    return out;
}

// sums (ROWS, GROUPS) += weights (ROWS, columns) times texts (columns, GROUPS * LANES).
template <int ROWS, int GROUPS>
void add_tile(const float* weights, int stride, const float* texts, int columns, Floats (&sums)[TILE][2]) {
    Floats found[ROWS][GROUPS];
    for (int row = 0; row < ROWS; row++)
        for (int group = 0; group < GROUPS; group++) found[row][group] = sums[row][group];
    for (int column = 0; column < columns; column++) {
        Floats x[GROUPS];
        for (int group = 0; group < GROUPS; group++) x[group] = load<Floats>(texts + (column * GROUPS + group) * LANES);
#pragma GCC unroll 16
        for (int row = 0; row < ROWS; row++) {
            const float weight = weights[(size_t)row * stride + column];
            for (int group = 0; group < GROUPS; group++) found[row][group] += x[group] * weight;
        }
    }
    for (int row = 0; row < ROWS; row++)
        for (int group = 0; group < GROUPS; group++) sums[row][group] = found[row][group];
}

template <class Number, int ROWS, int GROUPS>
void multiply_tile(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, Room& room) {
    Floats sums[TILE][2] = {};
    const Number* weights = (const Number*)m.weights + (size_t)first * m.columns;
    for (int at = 0; at < m.columns; at += PASSED) {
        const int columns = std::min(PASSED, m.columns - at);
        const float* texts = room.turned.data() + (size_t)at * GROUPS * LANES;
        if constexpr (std::is_same_v<Number, float>) add_tile<ROWS, GROUPS>(weights + at, m.columns, texts, columns, sums);
        else {
            const float* wide = widened(weights + at, m.columns, ROWS, columns, room.widened.data());
            add_tile<ROWS, GROUPS>(wide, PASSED, texts, columns, sums);
        }
    }
    for (int row = 0; row < ROWS; row++) {
        float found[2 * LANES];
        for (int group = 0; group < GROUPS; group++) store(found + group * LANES, sums[row][group]);
        const float bias = m.bias ? m.bias[first + row] : 0;
        for (int text = 0; text < x.count; text++) out[(size_t)text * out_stride + first + row] = found[text] + bias;
    }
}

template <class Number, int GROUPS>
void multiply_tiles(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last, Room& room) {
    lay_side_by_side(x, m.columns, GROUPS * LANES, room.turned.data());
    for (; first + TILE <= last; first += TILE) multiply_tile<Number, TILE, GROUPS>(m, x, out, out_stride, first, room);
    for (; first < last; first++) multiply_tile<Number, 1, GROUPS>(m, x, out, out_stride, first, room);
}

template <class Number>
void multiply_abreast(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last, Room& room) {
    if (x.count > LANES) multiply_tiles<Number, 2>(m, x, out, out_stride, first, last, room);
    else multiply_tiles<Number, 1>(m, x, out, out_stride, first, last, room);
}

// out (count, out_stride) = x times rows first to last - 1 of the matrix, and the bias, for any number of texts.
inline void multiply_many(const Matrix& m, Vectors x, float* out, int out_stride, int first, int last, Room& room) {
    if (x.count <= FEW || in_blocks(m)) return multiply(m, x, out, out_stride, first, last);
    room.turned.resize(std::max(room.turned.size(), (size_t)m.columns * ABREAST));
    room.widened.resize((size_t)TILE * PASSED);
    for (int left = x.count; left > 0; left -= ABREAST) {
        x.count = std::min(left, ABREAST);
        if (m.kind == IN_F32) multiply_abreast<float>(m, x, out, out_stride, first, last, room);
        if (m.kind == IN_BF16) multiply_abreast<Bf16>(m, x, out, out_stride, first, last, room);
        if (m.kind == IN_F16) multiply_abreast<F16>(m, x, out, out_stride, first, last, room);
        x.numbers += (size_t)ABREAST * x.stride, out += (size_t)ABREAST * out_stride;
    }
}
