// Matrices times the vectors of hundreds of tokens: 32 rows of weights are taken in hand, brought into the form that this
// processor multiplies, and meet all the tokens before the next 32 are read. Here: as f32, on every processor.
// `tiles.h` is the other form.
#pragma once
#include "sheets.h"

constexpr int PANEL = 32;

// The numbers of one group of columns of one row, as f32; 0 behind the last column.
inline void read_group_of_row(const Matrix& m, int row, int group, float* out) {
    const int count = std::min(GROUP, m.columns - group * GROUP);
    const size_t at = (size_t)row * m.columns + (size_t)group * GROUP;
    auto floats = [&](const auto* weights) {
        if (count == GROUP)
            for (int i = 0; i < GROUP; i += LANES) store(out + i, wide(weights + at + i));
        else
            for (int i = 0; i < GROUP; i++) out[i] = i < count ? wide_one(weights[at + i]) : 0;
    };
    if (m.kind == IN_F32) return floats((const float*)m.weights);
    if (m.kind == IN_BF16) return floats((const Bf16*)m.weights);
    if (m.kind == IN_F16) return floats((const F16*)m.weights);
    const bool halves = m.kind == IN_INT4_GROUPS;
    const size_t place = (size_t)(row / BLOCK) * groups_of(m.columns) + group;
    const int lane = row % BLOCK, centre = halves ? 8 : 128;
    const uint8_t* bytes = (const uint8_t*)m.weights + place * GROUP * BLOCK / (halves ? 2 : 1) + lane * 4;
    uint32_t fours[GROUP / 4];
    for (int four = 0; four < GROUP / 4; four++) {
        const uint32_t word = load<uint32_t>(bytes + (halves ? four % 4 : four) * 4 * BLOCK);
        fours[four] = halves ? word >> (four < 4 ? 0 : 4) & 0x0f0f0f0f : word;
    }
    const float scale = m.kind == IN_INT8 ? ((const float*)m.scales)[row] : wide_one(((const F16*)m.scales)[place * BLOCK + lane]);
    typedef uint8_t Unsigned __attribute__((vector_size(LANES)));
    for (int i = 0; i < GROUP; i += LANES) {
        const Ints numbers = __builtin_convertvector(load<Unsigned>((const uint8_t*)fours + i), Ints) - centre;
        store(out + i, __builtin_convertvector(numbers, Floats) * scale);
    }
}

// PANEL rows of a matrix, the first of them `row`, and of these so many groups of columns.
struct Piece {
    const Matrix& m;
    int row, group, groups;

    int rows() const { return std::min(PANEL, m.rows - row); }
    int columns() const { return std::min(groups * GROUP, m.columns - group * GROUP); }
};

// A piece as f32 (PANEL, stride): where it lies, or in `room`; rows behind the last one are 0.
inline const float* panel_of_floats(const Piece& piece, Aligned& room, int& stride) {
    const Matrix& m = piece.m;
    if (m.kind == IN_F32 && piece.rows() == PANEL) {
        stride = m.columns;
        return (const float*)m.weights + (size_t)piece.row * m.columns + piece.group * GROUP;
    }
    stride = piece.groups * GROUP;
    room.resize((size_t)PANEL * stride);
    for (int row = 0; row < PANEL; row++)
        for (int group = 0; group < piece.groups; group++) {
            float* out = &room[(size_t)row * stride + group * GROUP];
            if (row < piece.rows()) read_group_of_row(m, piece.row + row, piece.group + group, out);
            else std::fill(out, out + GROUP, 0.0f);
        }
    return room.data();
}

// found (PANEL, ABREAST) = panel (PANEL, columns) times x (columns, ABREAST)
inline void multiply_floats(const float* panel, int stride, const float* x, int columns, float* found) {
    for (int row = 0; row < PANEL; row += OUTER) {
        Line sums[OUTER] = {};
        add_outer<OUTER>(panel + (size_t)row * stride, stride, 1, x, columns, sums);
        for (int i = 0; i < OUTER; i++) keep(found + (row + i) * ABREAST, sums[i]);
    }
}
