// Where the tokens of a prompt look back: ABREAST of them, neighbours in one text, look at its pages together.
// `attend` in attention.h is the same for one token; here all keys and values have been put into the pages before.
#pragma once
#include "attention.h"
#include "sheets.h"

// Neighbouring tokens of one text: `count` of them, the first at `place`, and which row of the table is the text's.
struct Block {
    int text, place, count;
    const int32_t* tokens;
    bool last;  // whether the text ends here
};

// A head's keys or values of one page as f32 (PAGE, width): where they lie, or in `room`.
inline const float* page_of_floats(const float* numbers, int, Aligned&) { return numbers; }
template <class Number> inline const float* page_of_floats(const Number* numbers, int width, Aligned& room) {
    room.resize((size_t)PAGE * width);
    for (int i = 0; i < PAGE * width; i++) room[i] = wide_one(numbers[i]);
    return room.data();
}

constexpr float UNSEEN = -1e30f;

// Where the tokens of a block stand, and what they see: (from, here].
struct Places {
    Ints here[2], from[2];

    Places(int place, int window) {
        for (int i = 0; i < ABREAST; i++) {
            here[i / LANES][i % LANES] = place + i;
            from[i / LANES][i % LANES] = window ? place + i - window : -1;
        }
    }
    Floats seen(Floats score, int key, int side) const {
        const Ints at = Ints{} + key;
        return (at <= here[side]) & (at > from[side]) ? score : all(UNSEEN);
    }
};

// Scores of one page's keys: out (PAGE, ABREAST).
inline void score_page(const float* keys, int first, const float* queries, int width, float scale, const Places& places, float* out,
                       Line& most) {
    for (int key = 0; key < PAGE; key += OUTER) {
        Line sums[OUTER] = {};
        add_outer<OUTER>(keys + (size_t)key * width, width, 1, queries, width, sums);
        for (int i = 0; i < OUTER; i++) {
            const Line scores{places.seen(sums[i].left * scale, first + key + i, 0), places.seen(sums[i].right * scale, first + key + i, 1)};
            most.left = larger(most.left, scores.left), most.right = larger(most.right, scores.right);
            keep(out + (key + i) * ABREAST, scores);
        }
    }
}

// Scores (keys, ABREAST) become e^(score - most), 0 where nothing is seen; gives their sums.
inline Line to_shares_abreast(float* scores, int keys, const Line& most) {
    auto share = [](Floats score, Floats most) { return score <= all(UNSEEN) ? Floats{} : exponential(score - most); };
    Line total{};
    for (float* end = scores + (size_t)keys * ABREAST; scores < end; scores += ABREAST) {
        const Line here = line(scores), shares{share(here.left, most.left), share(here.right, most.right)};
        total.left += shares.left, total.right += shares.right;
        keep(scores, shares);
    }
    return total;
}

template <int ROWS> inline void gather_rows(const float* values, int width, const float* shares, float* out) {
    Line sums[ROWS];
    for (int i = 0; i < ROWS; i++) sums[i] = line(out + i * ABREAST);
    add_outer<ROWS>(values, 1, width, shares, PAGE, sums);
    for (int i = 0; i < ROWS; i++) keep(out + i * ABREAST, sums[i]);
}

// out (width, ABREAST) += the shares (PAGE, ABREAST) of one page's values.
inline void gather_page(const float* values, int width, const float* shares, float* out) {
    int at = 0;
    for (; at + OUTER <= width; at += OUTER) gather_rows<OUTER>(values + at, width, shares, out + at * ABREAST);
    for (; at < width; at++) gather_rows<1>(values + at, width, shares, out + at * ABREAST);
}

// What one thread writes again and again.
struct Looking {
    Aligned scores, page;
};

// queries (width, ABREAST) of one head -> out (width, ABREAST). Slots behind the last token hold what was there before: nobody sees them.
template <class Number>
void attend_abreast(const Pages<Number>& pages, int head, const Block& block, int window, float scale, const float* queries, float* out,
                    Looking& room) {
    const int width = pages.width, first = window ? std::max(0, block.place + 1 - window) / PAGE : 0;
    const int end = (block.place + block.count - 1) / PAGE + 1;
    const Places places(block.place, window);
    room.scores.resize(std::max(room.scores.size(), (size_t)(end - first) * PAGE * ABREAST));
    Line most{all(UNSEEN), all(UNSEEN)};
    for (int page = first; page < end; page++) {
        const float* keys = page_of_floats(pages.keys + pages.page(page, head) * width, width, room.page);
        score_page(keys, page * PAGE, queries, width, scale, places, &room.scores[(size_t)(page - first) * PAGE * ABREAST], most);
    }
    const Line total = to_shares_abreast(room.scores.data(), (end - first) * PAGE, most);
    std::fill(out, out + (size_t)width * ABREAST, 0.0f);
    for (int page = first; page < end; page++) {
        const float* values = page_of_floats(pages.values + pages.page(page, head) * width, width, room.page);
        gather_page(values, width, &room.scores[(size_t)(page - first) * PAGE * ABREAST], out);
    }
    for (int i = 0; i < width; i++) {
        const Line here = line(out + i * ABREAST);
        keep(out + i * ABREAST, {here.left / total.left, here.right / total.right});
    }
}
