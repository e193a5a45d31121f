// The same products where a processor multiplies whole tiles of bf16 (Intel's AMX): 16 rows of 32 weights by 32 numbers of 16 tokens.
// A bf16 has eight bits of an f32's twenty-four, so a number goes in as the sum of two: the nearest bf16, and the nearest to
// what is left. Of the four products the smallest is left out; what comes out is right to about one part in 100,000.
#pragma once
#include "panels.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define HAS_TILES 1

constexpr int TILE_BYTES = 1024, TILE_STRIDE = 64;

// The system lets a process have tiles when it asks.
inline bool tiles_allowed() {
    constexpr int ASK_FOR_STATE = 0x1023, TILES = 18;
    return syscall(SYS_arch_prctl, ASK_FOR_STATE, TILES) == 0;
}

// While it lives its thread has eight tiles, each of 16 lines of 64 bytes, if they are wanted.
struct Grip {
    explicit Grip(bool wanted) : held(wanted) {
        if (!held) return;
        alignas(64) struct { uint8_t palette = 1, start = 0, none[14] = {}; uint16_t bytes[16] = {}; uint8_t lines[16] = {}; } shape;
        for (int tile = 0; tile < 8; tile++) shape.bytes[tile] = 64, shape.lines[tile] = 16;
        _tile_loadconfig(&shape);
    }
    ~Grip() { if (held) _tile_release(); }
    const bool held;
};

// Numbers' nearest bf16, and the nearest to what is left.
struct Two {
    Halves large, small;
};
inline Halves nearest(Floats numbers) { return (Halves)_mm512_cvtneps_pbh((__m512)numbers); }
inline Two two(Floats numbers) {
    const Halves large = nearest(numbers);
    return {large, nearest(numbers - wide((const Bf16*)&large))};
}

// How many bf16 a weight of the matrix is the sum of.
inline int parts_of(const Matrix& m) { return m.kind == IN_BF16 ? 1 : 2; }

// One group of a row, 32 weights: its line in the tile, and in the tile of what is left.
inline void group_as_lines(const Matrix& m, int row, int group, uint8_t* out) {
    const int count = std::min(GROUP, m.columns - group * GROUP);
    if (m.kind == IN_BF16 && count == GROUP) {
        memcpy(out, (const Bf16*)m.weights + (size_t)row * m.columns + group * GROUP, TILE_STRIDE);
        return;
    }
    float numbers[GROUP];
    read_group_of_row(m, row, group, numbers);
    for (int i = 0; i < GROUP; i += LANES) {
        const Two parts = two(load<Floats>(numbers + i));
        store(out + 2 * i, parts.large);
        if (parts_of(m) == 2) store(out + 2 * TILE_BYTES + 2 * i, parts.small);
    }
}

// A piece as tiles: (groups, parts, 2, 16 rows, 32 columns) bf16.
inline const uint8_t* panel_of_tiles(const Piece& piece, Aligned& room) {
    const int parts = parts_of(piece.m), stride = 2 * parts * TILE_BYTES;
    room.resize((size_t)piece.groups * stride / sizeof(float));
    uint8_t* tiles = (uint8_t*)room.data();
    if (piece.rows() < PANEL) std::fill(room.begin(), room.end(), 0.0f);
    for (int row = 0; row < piece.rows(); row++)
        for (int group = 0; group < piece.groups; group++)
            group_as_lines(piece.m, piece.row + row, piece.group + group,
                           tiles + group * stride + row / 16 * TILE_BYTES + row % 16 * TILE_STRIDE);
    return tiles;
}

inline Words side_by_side(Halves even, Halves odd) {
    return (Words)_mm512_cvtepu16_epi32((__m256i)even) | (Words)_mm512_cvtepu16_epi32((__m256i)odd) << 16;
}

// x (columns, ABREAST) as tiles: (groups, 2 parts, 2, 16 pairs of columns, 16 tokens, 2) bf16.
inline void tokens_as_tiles(const float* x, int columns, uint8_t* out) {
    for (int column = 0; column < groups_of(columns) * GROUP; column += 2) {
        uint8_t* place = out + column / GROUP * 4 * TILE_BYTES + column % GROUP / 2 * TILE_STRIDE;
        for (int side = 0; side < 2; side++, place += TILE_BYTES) {
            const float* numbers = x + (size_t)column * ABREAST + side * LANES;
            const Two even = two(column < columns ? load<Floats>(numbers) : Floats{});
            const Two odd = two(column + 1 < columns ? load<Floats>(numbers + ABREAST) : Floats{});
            store(place, side_by_side(even.large, odd.large));
            store(place + 2 * TILE_BYTES, side_by_side(even.small, odd.small));
        }
    }
}

inline void multiply_four() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
}

// found (PANEL, ABREAST) = panel times tokens, both as tiles. Small products come first.
template <int PARTS> void multiply_tiles(const uint8_t* panel, const uint8_t* x, int groups, float* found) {
    _tile_zero(0); _tile_zero(1); _tile_zero(2); _tile_zero(3);
    for (int group = 0; group < groups; group++, panel += 2 * PARTS * TILE_BYTES, x += 4 * TILE_BYTES) {
        _tile_loadd(4, panel, TILE_STRIDE);
        _tile_loadd(5, panel + TILE_BYTES, TILE_STRIDE);
        _tile_loadd(6, x + 2 * TILE_BYTES, TILE_STRIDE);
        _tile_loadd(7, x + 3 * TILE_BYTES, TILE_STRIDE);
        multiply_four();
        _tile_loadd(6, x, TILE_STRIDE);
        _tile_loadd(7, x + TILE_BYTES, TILE_STRIDE);
        multiply_four();
        if (PARTS == 1) continue;
        _tile_loadd(4, panel + 2 * TILE_BYTES, TILE_STRIDE);
        _tile_loadd(5, panel + 3 * TILE_BYTES, TILE_STRIDE);
        multiply_four();
    }
    constexpr int LINE = ABREAST * sizeof(float);
    _tile_stored(0, found, LINE);
    _tile_stored(1, found + 16, LINE);
    _tile_stored(2, found + 16 * ABREAST, LINE);
    _tile_stored(3, found + 16 * ABREAST + 16, LINE);
}
#else
#define HAS_TILES 0
inline bool tiles_allowed() { return false; }
struct Grip {
    explicit Grip(bool) {}
};
#endif
