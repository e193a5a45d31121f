// Matrices times the vectors of a few texts: nearly all of a step's time, most of it spent waiting for the weights.
// So every weight is read once, in the order in which it lies, for up to eight texts at a time.
// Each text's numbers are added in an order that does not depend on how many texts there are.
#pragma once
#include "levels.h"
#include "numbers.h"
#include <algorithm>

enum Kind : int32_t { IN_F32, IN_BF16, IN_F16, IN_INT8, IN_INT8_GROUPS, IN_INT4_GROUPS, IN_LEVELS };

constexpr int GROUP = 32;  // neighbours in a row that share a scale
constexpr int AHEAD = 4096;  // bytes that memory is asked for before they are needed
constexpr int BLOCK = 16;  // rows that lie side by side where weights are integers

// Floating point: rows as they are. Integers: blocks of 16 rows; in a block, group after group; in a group, for each four
// columns the four numbers of each of the 16 rows (int4: those of columns 0-15 in the low half of a byte, those of 16-31
// in the high one). They are stored without sign, 128 or 8 too large. Scales: f16 (blocks, groups, 16), or f32 (rows).
// Levels: see levels.h.
struct Matrix {
    const void* weights;
    const void* scales;
    const float* bias;  // or null
    int32_t kind, rows, columns;
};

inline bool in_blocks(const Matrix& m) { return m.kind >= IN_INT8; }
inline bool is_integer(const Matrix& m) { return in_blocks(m) && m.kind != IN_LEVELS; }
inline int groups_of(int columns) { return (columns + GROUP - 1) / GROUP; }

// What a matrix is multiplied by: vectors of `count` texts, as they are or as integers with a scale for each group.
struct Vectors {
    const float* numbers;  // (count, stride)
    int stride, count;
    const int8_t* integers;  // (count, groups, 32)
    const float* scales;     // (count, groups)
    const int32_t* totals;   // (count, groups): the sum of each group's integers
};

// Numbers as integers from -127 to 127, a scale for each group.
inline void to_integers(const float* x, int columns, int8_t* integers, float* scales, int32_t* totals) {
    for (int group = 0; group < groups_of(columns); group++) {
        const int count = std::min(GROUP, columns - group * GROUP);
        const float* numbers = x + group * GROUP;
        Floats most{}, total{};
        for (int i = 0; i < count; i += LANES) {
            Floats v = load_some(numbers + i, count - i);
            most = larger(most, larger(v, -v));
        }
        const float extent = largest(most), inverse = extent > 0 ? 127 / extent : 0;
        for (int i = 0; i < GROUP; i += LANES) {
            Floats whole = rounded(load_some(numbers + i, std::max(0, count - i)) * inverse);
            store(integers + group * GROUP + i, __builtin_convertvector(__builtin_convertvector(whole, Ints), Bytes));
            total += whole;
        }
        scales[group] = extent / 127;
        totals[group] = (int32_t)sum(total);
    }
}

// Some rows next to each other, for they are as many streams that memory can send at once.
template <class Number, int TEXTS, int ROWS>
void multiply_some_rows(const Matrix& m, const Vectors& x, float* out, int out_stride, int first) {
    const int columns = m.columns;
    const Number* weights = (const Number*)m.weights + (size_t)first * columns;
    Floats even[ROWS][TEXTS] = {}, odd[ROWS][TEXTS] = {};
    int at = 0;
    for (; at + 2 * LANES <= columns; at += 2 * LANES)
        for (int row = 0; row < ROWS; row++) {
            const Number* here = weights + (size_t)row * columns + at;
            __builtin_prefetch(here + (size_t)ROWS * columns);  // the rows that are next
            Floats left = wide(here), right = wide(here + LANES);
            for (int text = 0; text < TEXTS; text++) {
                const float* numbers = x.numbers + (size_t)text * x.stride + at;
                even[row][text] += left * load<Floats>(numbers);
                odd[row][text] += right * load<Floats>(numbers + LANES);
            }
        }
    for (int row = 0; row < ROWS; row++)
        for (int text = 0; text < TEXTS; text++) {
            float total = sum(even[row][text] + odd[row][text]);
            for (int rest = at; rest < columns; rest++)
                total += wide_one(weights[(size_t)row * columns + rest]) * x.numbers[(size_t)text * x.stride + rest];
            out[(size_t)text * out_stride + first + row] = total + (m.bias ? m.bias[first + row] : 0);
        }
}

template <class Number, int TEXTS>
void multiply_rows(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last) {
    constexpr int ROWS = TEXTS < 4 ? 4 : 8 / TEXTS;  // what is added up has to fit into registers
    for (; first + ROWS <= last; first += ROWS) multiply_some_rows<Number, TEXTS, ROWS>(m, x, out, out_stride, first);
    for (; first < last; first++) multiply_some_rows<Number, TEXTS, 1>(m, x, out, out_stride, first);
}

// Products of four weights and four numbers, added up in each lane. Processors differ in which of the two may have a sign:
// where the weights have none, CENTRE times the sum of the numbers is taken away beforehand.
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
inline Ints add_products(Ints total, Ints weights, int32_t four) {
    return (Ints)_mm512_dpbusd_epi32((__m512i)total, (__m512i)weights, _mm512_set1_epi32(four));
}
#elif defined(__AVXVNNI__) && !defined(__AVX512BW__)
inline Ints add_products(Ints total, Ints weights, int32_t four) {
    return (Ints)_mm256_dpbusd_avx_epi32((__m256i)total, (__m256i)weights, _mm256_set1_epi32(four));
}
#elif defined(__AVX2__)
#define IN_PAIRS  // two products are added in 16 bits, then two of these sums in 32
#if defined(__AVX512F__) && defined(__AVX512BW__)
inline Shorts pairs(Ints weights, int32_t four) {
    return (Shorts)_mm512_maddubs_epi16((__m512i)weights, _mm512_set1_epi32(four));
}
inline Ints added(Shorts sums, int16_t factor) {
    return (Ints)_mm512_madd_epi16((__m512i)sums, _mm512_set1_epi16(factor));
}
#else
inline Shorts pairs(Ints weights, int32_t four) {
    return (Shorts)_mm256_maddubs_epi16((__m256i)weights, _mm256_set1_epi32(four));
}
inline Ints added(Shorts sums, int16_t factor) {
    return (Ints)_mm256_madd_epi16((__m256i)sums, _mm256_set1_epi16(factor));
}
#endif
#else
inline Ints add_products(Ints total, Ints weights, int32_t four) {
    for (int byte = 0; byte < 4; byte++) total += (weights >> 8 * byte & 255) * (int32_t)(int8_t)(four >> 8 * byte);
    return total;
}
#endif

template <int KIND> constexpr int CENTRE = KIND == IN_INT4_GROUPS ? 8 : 128;
template <int KIND> constexpr int GROUP_BYTES = GROUP * BLOCK / (KIND == IN_INT4_GROUPS ? 2 : 1);

// The weights of one group and LANES rows: for each four columns one vector.
template <int KIND> inline void read_group(const uint8_t* place, Ints (&weights)[8]) {
    for (int line = 0; line < GROUP_BYTES<KIND>; line += 64) __builtin_prefetch(place + AHEAD + line);
    if constexpr (KIND == IN_INT4_GROUPS) {
        const Ints low = (Ints)(Words{} + 0x0f0f0f0fu);
        for (int four = 0; four < 4; four++) {
            Ints pairs = load<Ints>(place + four * 4 * BLOCK);
            weights[four] = pairs & low;
            weights[four + 4] = pairs >> 4 & low;
        }
    } else {
        for (int four = 0; four < 8; four++) weights[four] = load<Ints>(place + four * 4 * BLOCK);
    }
}

// Bytes without their eighth bits, and these alone: for products in pairs, where 255 * 127 * 2 has no room in 16 bits.
inline Ints low_bits(Ints bytes) { return bytes & 0x7f7f7f7f; }
inline Ints high_bits(Ints bytes) { return bytes >> 7 & 0x01010101; }

// The products of a group's weights and a text's numbers, added to `total`. Where products are added in pairs, the highest
// bits go their own way, and those of half bytes have room: eight sums of two times 15 * 127 stay below 2^15.
// With APART, `weights` have lost their highest bits to `high`: several texts share that work.
template <int KIND, bool APART> inline Ints add_group(Ints total, const Ints (&weights)[8], const Ints (&high)[8], const int8_t* numbers) {
#if defined(IN_PAIRS)
    Shorts sums{};
    for (int four = 0; four < 8; four++) {
        const int32_t x = load<int32_t>(numbers + 4 * four);
        if constexpr (KIND == IN_INT4_GROUPS) sums += pairs(weights[four], x);
        else {
            total += added(pairs(APART ? weights[four] : low_bits(weights[four]), x), 1);
            sums += pairs(APART ? high[four] : high_bits(weights[four]), x);
        }
    }
    return total + added(sums, KIND == IN_INT4_GROUPS ? 1 : 128);
#else
    Ints odd{};
    for (int four = 0; four < 8; four += 2) {
        total = add_products(total, weights[four], load<int32_t>(numbers + 4 * four));
        odd = add_products(odd, weights[four + 1], load<int32_t>(numbers + 4 * four + 4));
    }
    return total + odd;
#endif
}

template <int KIND, int TEXTS>
void multiply_blocks(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last) {
#if defined(IN_PAIRS)
    constexpr bool APART = TEXTS > 1 && KIND != IN_INT4_GROUPS;
#else
    constexpr bool APART = false;
#endif
    const int groups = groups_of(m.columns);
    for (int row = first; row < last; row += LANES) {
        const size_t block = (size_t)(row / BLOCK) * groups;
        const int lane = row % BLOCK;
        const uint8_t* place = (const uint8_t*)m.weights + block * GROUP_BYTES<KIND> + lane * 4;
        Floats totals[TEXTS] = {};
        for (int group = 0; group < groups; group++, place += GROUP_BYTES<KIND>) {
            Ints weights[8], high[8];
            read_group<KIND>(place, weights);
            for (int four = 0; APART && four < 8; four++) {
                high[four] = high_bits(weights[four]);
                weights[four] = low_bits(weights[four]);
            }
            Floats scale = all(1);
            if (KIND != IN_INT8) scale = wide((const F16*)m.scales + (block + group) * BLOCK + lane);
            for (int text = 0; text < TEXTS; text++) {
                const size_t at = (size_t)text * groups + group;
                const Ints centred = Ints{} - CENTRE<KIND> * x.totals[at];
                const Ints found = add_group<KIND, APART>(centred, weights, high, x.integers + at * GROUP);
                totals[text] += __builtin_convertvector(found, Floats) * (scale * x.scales[at]);
            }
        }
        const int count = std::min(LANES, last - row);
        for (int text = 0; text < TEXTS; text++) {
            Floats found = totals[text];
            if (KIND == IN_INT8) found *= load_some((const float*)m.scales + row, count);
            if (m.bias) found += load_some(m.bias + row, count);
            store_some(out + (size_t)text * out_stride + row, found, count);
        }
    }
}

template <int TEXTS>
void multiply_together(const Matrix& m, const Vectors& x, float* out, int out_stride, int first, int last) {
    switch (m.kind) {
        case IN_F32: return multiply_rows<float, TEXTS>(m, x, out, out_stride, first, last);
        case IN_BF16: return multiply_rows<Bf16, TEXTS>(m, x, out, out_stride, first, last);
        case IN_F16: return multiply_rows<F16, TEXTS>(m, x, out, out_stride, first, last);
        case IN_INT8: return multiply_blocks<IN_INT8, TEXTS>(m, x, out, out_stride, first, last);
        case IN_INT8_GROUPS: return multiply_blocks<IN_INT8_GROUPS, TEXTS>(m, x, out, out_stride, first, last);
        case IN_INT4_GROUPS: return multiply_blocks<IN_INT4_GROUPS, TEXTS>(m, x, out, out_stride, first, last);
        case IN_LEVELS: return multiply_levels<TEXTS>(m, x, out, out_stride, first, last);
    }
}

// out (count, out_stride) = x times rows first to last - 1 of the matrix, and the bias.
inline void multiply(const Matrix& m, Vectors x, float* out, int out_stride, int first, int last) {
    while (x.count > 0) {
        int now = x.count >= 8 ? 8 : x.count >= 4 ? 4 : x.count >= 2 ? 2 : 1;
        if (now == 8) multiply_together<8>(m, x, out, out_stride, first, last);
        if (now == 4) multiply_together<4>(m, x, out, out_stride, first, last);
        if (now == 2) multiply_together<2>(m, x, out, out_stride, first, last);
        if (now == 1) multiply_together<1>(m, x, out, out_stride, first, last);
        const size_t groups = (size_t)now * groups_of(m.columns);
        x.count -= now, x.numbers += (size_t)now * x.stride, out += (size_t)now * out_stride;
        if (is_integer(m)) x.integers += groups * GROUP, x.scales += groups, x.totals += groups;
    }
}

// One row of a matrix, widened: the vector of a token.
inline void read_row(const Matrix& m, int row, float* out) {
    if (m.kind == IN_LEVELS) return read_levels(m, row, out);
    const size_t at = (size_t)row * m.columns;
    for (int i = 0; i < m.columns; i++) {
        if (m.kind == IN_F32) out[i] = ((const float*)m.weights)[at + i];
        else if (m.kind == IN_BF16) out[i] = wide_one(((const Bf16*)m.weights)[at + i]);
        else if (m.kind == IN_F16) out[i] = wide_one(((const F16*)m.weights)[at + i]);
        else {
            const int lane = row % BLOCK, column = i % GROUP;
            const size_t group = (size_t)(row / BLOCK) * groups_of(m.columns) + i / GROUP;
            const bool fours = m.kind == IN_INT4_GROUPS;
            const int in_half = fours ? column % 16 : column;
            const uint8_t* place = (const uint8_t*)m.weights + group * (fours ? GROUP_BYTES<IN_INT4_GROUPS> : GROUP_BYTES<IN_INT8>);
            int number = place[in_half / 4 * 4 * BLOCK + lane * 4 + in_half % 4];
            number = fours ? (column < 16 ? number & 15 : number >> 4) - 8 : number - 128;
            out[i] = number * (m.kind == IN_INT8 ? ((const float*)m.scales)[row] : wide_one(((const F16*)m.scales)[group * BLOCK + lane]));
        }
    }
}
