// Prompts go in, hundreds of tokens at a time; their keys and values go into the pages, and what comes out is the last vector of
// each text, of which the head makes logits. The readable version is groundup/model/transformer.py, and a test holds the two equal.
// Tokens lie side by side from the first layer to the last; what a token becomes depends on nothing but its text, so a
// prompt may be cut anywhere and read in any company.
#pragma once
#include "attention_many.h"
#include "team.h"
#include "tiles.h"

struct Passage {
    int32_t texts, pages_a_text, cache_kind;
    const int32_t *tokens, *starts, *counts;  // (all tokens, text after text), (texts): where each begins, and its tokens
    const int32_t* table;                     // (texts, pages_a_text)
    void *const *keys, *const *values;        // a pointer for each layer
    float* logits;                            // (texts, vocabulary)
};

class Reader {
public:
    Reader(const Model& model, Team& team) : model(model), team(team), own(team.size), tiles(suited(model) && tiles_allowed()) {}

    // last (texts, width): the vector of each text's last token.
    void read(const Passage& asked, float* last) {
        const std::vector<Block> blocks = cut(asked);
        const size_t most = std::clamp<size_t>(NEAR / (model.width * ABREAST * sizeof(float)), 1, MOST);
        const size_t lots = (blocks.size() + most - 1) / most, at_once = (blocks.size() + lots - 1) / lots;
        for (size_t at = 0; at < blocks.size(); at += at_once) {
            const std::vector<Block> now(blocks.begin() + at, blocks.begin() + std::min(blocks.size(), at + at_once));
            prepare(now.size());
            team.run([&](int thread) { pass(asked, now, thread, last); });
        }
    }

private:
    static constexpr size_t NEAR = 3 << 19;                  // bytes that stay near a core while it multiplies them again and again
    static constexpr int MOST = 512 / ABREAST;               // blocks at once
    static constexpr int SPAN = 16, ALL = 1 << 20;           // groups of columns at once, where products may be added up, and where not
    struct Own {
        Aligned normed, panel, found, narrowed;
        Sheet gate;
        Looking looking;
    };

    // Whoever keeps weights in f32 wants all of its digits, and tiles give two thirds of them.
    static bool suited(const Model& model) {
        auto wide = [](const Matrix& m) { return m.rows && m.kind == IN_F32; };
        for (int depth = 0; depth < model.depth; depth++) {
            const Layer& at = model.layers[depth];
            for (const Matrix* m : {&at.query, &at.key, &at.value, &at.output, &at.gate, &at.up, &at.down}) if (wide(*m)) return false;
        }
        return true;
    }

    // What is done with a row of a product: (block, row, numbers of its tokens).
    static auto put(Sheet& sheet) {
        return [&](int number, int row, const Line& found) { keep(sheet.block(number) + row * ABREAST, found); };
    }

    static auto add(Sheet& sheet) {
        return [&](int number, int row, const Line& found) {
            float* place = sheet.block(number) + row * ABREAST;
            const Line before = line(place);
            keep(place, {before.left + found.left, before.right + found.right});
        };
    }

    static std::vector<Block> cut(const Passage& asked) {
        std::vector<Block> blocks;
        const int32_t* tokens = asked.tokens;
        for (int text = 0; text < asked.texts; tokens += asked.counts[text++])
            for (int at = 0; at < asked.counts[text]; at += ABREAST) {
                const int count = std::min(ABREAST, asked.counts[text] - at);
                blocks.push_back({text, asked.starts[text] + at, count, tokens + at, at + count == asked.counts[text]});
            }
        return blocks;
    }

    void prepare(int blocks) {
        const int queries = model.heads * model.head_width, keys = model.kv_heads * model.head_width;
        x.resize(blocks, model.width), angles.resize(blocks, model.turned);
        q.resize(blocks, queries), k.resize(blocks, keys), v.resize(blocks, keys);
        gathered.resize(blocks, queries), up.resize(blocks, model.hidden);
        input.resize(blocks, groups_of(std::max({model.width, queries, model.hidden})) * GROUP);
        for (Own& mine : own) {
            mine.normed.resize((size_t)model.width * ABREAST), mine.found.resize(PANEL * ABREAST);
            mine.gate.resize(blocks, PANEL);
        }
    }

    void pass(const Passage& asked, const std::vector<Block>& blocks, int thread, float* last) {
        Own& mine = own[thread];
        Grip grip(tiles);
        std::vector<int> going;
        for (size_t number = 0; number < blocks.size(); number++) going.push_back(number);
        each(going, thread, [&](int number) { begin(blocks[number], number); });
        for (int depth = 0; depth < model.depth; depth++) {
            const Layer& layer = model.layers[depth];
            each(going, thread, [&](int number) { take_normed(layer.before_attention, number, mine); });
            team.barrier();
            const bool over = depth == model.depth - 1;  // of what does not end here, only keys and values are still wanted
            multiply(layer.query, ALL, over ? ends(blocks) : going, thread, mine, put(q));
            multiply(layer.key, ALL, going, thread, mine, put(k));
            multiply(layer.value, ALL, going, thread, mine, put(v));
            team.barrier();
            each(going, thread, [&](int number) { remember(asked, layer, depth, blocks[number], number, mine); });
            if (over) going = ends(blocks);
            team.barrier();
            for (size_t item = thread; item < going.size() * model.heads; item += team.size)
                look(asked, layer, depth, blocks[going[item / model.heads]], going[item / model.heads], item % model.heads, mine);
            team.barrier();
            each(going, thread, [&](int number) { take(gathered.block(number), gathered.rows, number); });
            team.barrier();
            multiply(layer.output, SPAN, going, thread, mine, add(x));
            team.barrier();
            each(going, thread, [&](int number) { take_normed(layer.before_feedforward, number, mine); });
            team.barrier();
            widen(layer, going, thread, mine);
            team.barrier();
            each(going, thread, [&](int number) { take(up.block(number), up.rows, number); });
            team.barrier();
            multiply(layer.down, SPAN, going, thread, mine, add(x));
            team.barrier();
        }
        each(going, thread, [&](int number) { finish(blocks[number], number, last); });
    }

    static std::vector<int> ends(const std::vector<Block>& blocks) {
        std::vector<int> found;
        for (size_t number = 0; number < blocks.size(); number++) if (blocks[number].last) found.push_back(number);
        return found;
    }

    template <class Work> void each(const std::vector<int>& going, int thread, const Work& work) const {
        for (size_t at = thread; at < going.size(); at += team.size) work(going[at]);
    }

    void begin(const Block& block, int number) {
        float *out = x.block(number), row[GROUP];
        std::fill(out, out + (size_t)x.rows * ABREAST, 0.0f);
        for (int token = 0; token < block.count; token++) {
            const float* place = model.positions ? model.positions + (size_t)(block.place + token) * model.width : nullptr;
            for (int group = 0; group < groups_of(model.width); group++) {
                read_group_of_row(model.table, block.tokens[token], group, row);
                for (int i = group * GROUP; i < std::min(model.width, (group + 1) * GROUP); i++)
                    out[i * ABREAST + token] = row[i % GROUP] * model.embedding_scale + (place ? place[i] : 0);
            }
        }
        float *cosines = angles.block(number), *sines = cosines + model.turned / 2 * ABREAST;
        const Rotation& rotation = model.rotations[0];
        for (int i = 0; i < model.turned / 2 * ABREAST; i++) {
            const float angle = (block.place + i % ABREAST) * rotation.rates[i / ABREAST];
            cosines[i] = std::cos(angle) * rotation.factor;
            sines[i] = std::sin(angle) * rotation.factor;
        }
    }

    // Vectors (columns, ABREAST) become what matrices are multiplied by.
    void take(const float* from, int columns, int number) {
#if HAS_TILES
        if (tiles) return tokens_as_tiles(from, columns, (uint8_t*)input.block(number));
#endif
        std::copy(from, from + (size_t)columns * ABREAST, input.block(number));
    }

    void take_normed(const Norm& norm, int number, Own& mine) {
        normalise_abreast(norm, x.block(number), model.width, model.eps, mine.normed.data());
        take(mine.normed.data(), model.width, number);
    }

    // The feed-forward's first half. A panel of gates meets its panel of raised numbers before the next comes.
    void widen(const Layer& layer, const std::vector<int>& going, int thread, Own& mine) {
        const auto [first, end] = share(layer.up, thread);
        const int groups = groups_of(model.width);
        const bool gated = layer.gate.rows > 0;
        auto gate = [&](int number, int row) { return mine.gate.block(number) + row % PANEL * ABREAST; };
        for (int row = first; row < end; row += PANEL) {
            if (gated) multiply_piece({layer.gate, row, 0, groups}, going, mine, [&](int number, int row, const Line& found) {
                keep(gate(number, row), found);
            });
            multiply_piece({layer.up, row, 0, groups}, going, mine, [&](int number, int row, const Line& found) {
                float* out = up.block(number) + row * ABREAST;
                keep(out, found);
                bend_all(model.curve, gated ? gate(number, row) : nullptr, out, ABREAST);
            });
        }
    }

    std::pair<int, int> share(const Matrix& m, int thread) const {
        const int64_t panels = (m.rows + PANEL - 1) / PANEL;
        return {panels * thread / team.size * PANEL, std::min<int>(panels * (thread + 1) / team.size * PANEL, m.rows)};
    }

    // This thread's rows of a matrix times all blocks, piece by piece: done(block, row, line) hears of each row of a product, or, where
    // `span` groups of columns are fewer than all, of each of the products that it is the sum of. The bias is in the first.
    template <class Done>
    void multiply(const Matrix& m, int span, const std::vector<int>& going, int thread, Own& mine, const Done& done) {
        const int groups = groups_of(m.columns);
        const auto [first, end] = share(m, thread);
        for (int group = 0; group < groups; group += span)
            for (int row = first; row < end; row += PANEL)
                multiply_piece({m, row, group, std::min(span, groups - group)}, going, mine, done);
    }

    template <class Done> void multiply_piece(const Piece& piece, const std::vector<int>& going, Own& mine, const Done& done) {
        if (going.empty()) return;
        with_panel(piece, mine, [&](const auto& product) {
            for (int number : going) {
                product(input.block(number) + piece.group * GROUP * ABREAST, mine.found.data());
                for (int row = 0; row < piece.rows(); row++) {
                    const Line found = line(&mine.found[row * ABREAST]);
                    const float bias = piece.m.bias && !piece.group ? piece.m.bias[piece.row + row] : 0;
                    done(number, piece.row + row, Line{found.left + bias, found.right + bias});
                }
            }
        });
    }

    // work(product), where product(vectors, found) multiplies by the piece.
    template <class Work> void with_panel(const Piece& piece, Own& mine, const Work& work) {
#if HAS_TILES
        if (tiles) {
            const uint8_t* panel = panel_of_tiles(piece, mine.panel);
            const auto product = parts_of(piece.m) == 1 ? multiply_tiles<1> : multiply_tiles<2>;
            return work([&](const float* vectors, float* found) { product(panel, (const uint8_t*)vectors, piece.groups, found); });
        }
#endif
        int stride;
        const float* panel = panel_of_floats(piece, mine.panel, stride);
        work([&](const float* vectors, float* found) { multiply_floats(panel, stride, vectors, piece.columns(), found); });
    }

    // Queries and keys are brought to one length and turned; keys and values go into the pages.
    void remember(const Passage& asked, const Layer& layer, int depth, const Block& block, int number, Own& mine) {
        for (int head = 0; head < model.heads; head++) place(layer.queries, number, head_of(q, number, head));
        for (int head = 0; head < model.kv_heads; head++) place(layer.keys, number, head_of(k, number, head));
        if (asked.cache_kind == IN_F32) put_in_pages(pages<float>(asked, depth, block.text), block, number, mine);
        if (asked.cache_kind == IN_BF16) put_in_pages(pages<Bf16>(asked, depth, block.text), block, number, mine);
        if (asked.cache_kind == IN_F16) put_in_pages(pages<F16>(asked, depth, block.text), block, number, mine);
    }

    void place(const Norm& norm, int number, float* head) {
        if (norm.gain) normalise_abreast(norm, head, model.head_width, model.eps, head);
        const float* cosines = angles.block(number);
        if (model.turned) turn_abreast(head, cosines, cosines + model.turned / 2 * ABREAST, model.turned / 2);
    }

    template <class Number> void put_in_pages(const Pages<Number>& pages, const Block& block, int number, Own& mine) {
        for (int head = 0; head < pages.kv_heads; head++) {
            put_in_page(head_of(k, number, head), pages.keys, pages, head, block, mine);
            put_in_page(head_of(v, number, head), pages.values, pages, head, block, mine);
        }
    }

    // numbers (width, ABREAST) are narrowed, then laid down token by token.
    template <class Number>
    void put_in_page(const float* numbers, Number* kept, const Pages<Number>& pages, int head, const Block& block, Own& mine) {
        const int width = pages.width;
        mine.narrowed.resize((size_t)width * ABREAST);
        Number* narrowed = (Number*)mine.narrowed.data();
        for (int i = 0; i < width * ABREAST; i++) narrow(numbers[i], narrowed[i]);
        for (int token = 0; token < block.count; token++) {
            const int position = block.place + token;
            Number* slot = kept + (pages.page(position / PAGE, head) + position % PAGE) * width;
            for (int i = 0; i < width; i++) slot[i] = narrowed[i * ABREAST + token];
        }
    }

    void look(const Passage& asked, const Layer& layer, int depth, const Block& block, int number, int head, Own& mine) {
        auto attend = [&](const auto& pages) {
            attend_abreast(pages, head / (model.heads / model.kv_heads), block, layer.window, model.scale, head_of(q, number, head),
                           head_of(gathered, number, head), mine.looking);
        };
        if (asked.cache_kind == IN_F32) attend(pages<float>(asked, depth, block.text));
        if (asked.cache_kind == IN_BF16) attend(pages<Bf16>(asked, depth, block.text));
        if (asked.cache_kind == IN_F16) attend(pages<F16>(asked, depth, block.text));
    }

    void finish(const Block& block, int number, float* last) {
        for (int i = 0; i < model.width; i++) last[(size_t)block.text * model.width + i] = x.block(number)[i * ABREAST + block.count - 1];
    }

    float* head_of(Sheet& sheet, int number, int head) const { return sheet.block(number) + (size_t)head * model.head_width * ABREAST; }

    template <class Number> Pages<Number> pages(const Passage& asked, int depth, int text) const {
        const int32_t* table = asked.table + (size_t)text * asked.pages_a_text;
        return {(Number*)asked.keys[depth], (Number*)asked.values[depth], nullptr, nullptr, table, model.kv_heads, model.head_width};
    }

    const Model& model;
    Team& team;
    std::vector<Own> own;
    Sheet x, angles, q, k, v, gathered, up, input;
    const bool tiles;
};
