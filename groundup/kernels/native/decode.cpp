// The last token of each of some texts goes in, or the last few, and the logits of what may come next come out: one step, whole.
// The readable version is groundup/model/transformer.py, and a test holds the two equal. What makes this one fast is that
// nothing stands between two products: one call a step, and threads that meet five times a layer.
#include "prompt.h"

struct Step {
    int32_t texts, pages_a_text, cache_kind;
    int32_t together;  // so many neighbours are one text, each a token further: they are served in their order
    const int32_t *tokens, *lengths, *table;  // (texts), (texts), (texts, pages_a_text)
    void *const *keys, *const *values;        // a pointer for each layer
    float *const *key_stretches, *const *value_stretches;  // likewise where these are whole numbers
    float* logits;                            // (texts, vocabulary)
};

class Decoder {
public:
    Decoder(const Model& model, int threads, int patience) : model(model), team(threads, patience), reader(this->model, team), own(threads) {}

    void step(const Step& asked) {
        prepare(asked.texts);
        team.run([&](int thread) { write(asked, thread); });
    }

    // Prompts are read; the head is the same as after a step.
    void prompt(const Passage& asked) {
        prepare(asked.texts);
        last.resize((size_t)asked.texts * model.width);
        reader.read(asked, last.data());
        team.run([&](int thread) {
            Own& mine = own[thread];
            std::copy(last.begin(), last.end(), mine.x.begin());
            read_out(asked.texts, asked.logits, thread, mine);
        });
    }

    // Every byte read once, by all threads: how fast memory is when nothing is reckoned.
    uint64_t read(const uint8_t* bytes, size_t size) {
        team.run([&](int thread) {
            const size_t part = size / team.size / 256 * 256;
            const uint8_t* from = bytes + thread * part;
            Words found[4] = {};
            for (size_t at = 0; at + 4 * sizeof(Words) <= part; at += 4 * sizeof(Words))
                for (int i = 0; i < 4; i++) found[i] ^= load<Words>(from + at + i * sizeof(Words));
            own[thread].sum = sum(__builtin_convertvector(found[0] ^ found[1] ^ found[2] ^ found[3], Floats));
        });
        return (uint64_t)own[0].sum;
    }

private:
    // What each thread has for itself: every one carries the texts' vectors along, which costs less than handing them over.
    struct Own {
        std::vector<float> x, normed, scales, room, packed;
        std::vector<int8_t> integers;
        std::vector<Visit> visits;
        std::vector<int32_t> totals;
        Room tiles;
        float sum = 0;
    };

    void prepare(int texts) {
        if (texts <= ready_for) return;
        ready_for = texts;
        const int queries = model.heads * model.head_width, keys = model.kv_heads * model.head_width;
        const int widest = groups_of(std::max({model.width, queries, model.hidden})) * GROUP;
        const size_t visits = (size_t)texts * model.routing.visits(), feeds = std::max(visits, (size_t)texts);
        for (Own& mine : own) {
            mine.x.resize((size_t)texts * model.width);
            mine.normed.resize((size_t)texts * model.width);
            mine.packed.resize(visits * model.width);
            mine.integers.resize((size_t)texts * widest);
            mine.scales.resize((size_t)texts * widest / GROUP);
            mine.totals.resize((size_t)texts * widest / GROUP);
        }
        q.resize((size_t)texts * queries), gathered.resize((size_t)texts * queries);
        k.resize((size_t)texts * keys), v.resize((size_t)texts * keys);
        added.resize((size_t)texts * model.width);
        gate.resize(feeds * model.hidden), up.resize(feeds * model.hidden);
        rated.resize((size_t)texts * model.routing.count), answers.resize(visits * model.width);
        angles.resize((size_t)texts * 2 * model.turned);
    }

    void write(const Step& asked, int thread) {
        Own& mine = own[thread];
        const int texts = asked.texts, width = model.width;
        for (int text = 0; text < texts; text++) begin(asked, text, &mine.x[(size_t)text * width]);
        for (int text = thread; text < texts; text += team.size)
            for (int rotation = 0; rotation < 2; rotation++)
                find_angles(model.rotations[rotation], asked.lengths[text], turns(text, rotation));
        for (int number = 0; number < model.depth; number++) {
            const Layer& layer = model.layers[number];
            const Vectors x = as_input(layer.query, normed(layer.before_attention, texts, mine), texts, mine);
            multiply_share(layer.query, x, q.data(), thread, mine);
            multiply_share(layer.key, x, k.data(), thread, mine);
            multiply_share(layer.value, x, v.data(), thread, mine);
            team.barrier();
            if (layer.all_queries.gain) norm_all_heads(layer, texts, thread);
            for (int item = thread; item < texts / asked.together * model.kv_heads; item += team.size)
                for (int token = 0; token < asked.together; token++)
                    look(asked, number, item / model.kv_heads * asked.together + token, item % model.kv_heads, mine);
            team.barrier();
            multiply_share(layer.output, as_input(layer.output, gathered.data(), texts, mine), added.data(), thread, mine);
            team.barrier();
            if (!model.parallel) add(layer.after_attention, texts, mine);
            const float* read = normed(layer.before_feedforward, texts, mine);
            if (model.parallel) add(layer.after_attention, texts, mine);
            if (layer.experts) mix(layer, read, texts, thread, mine);
            else feed_forward(layer, read, texts, thread, mine);
            team.barrier();
            add(layer.after_feedforward, texts, mine);
        }
        read_out(asked.texts, asked.logits, thread, mine);
    }

    void read_out(int texts, float* logits, int thread, Own& mine) const {
        const Vectors x = as_input(model.head, normed(model.last, texts, mine), texts, mine);
        multiply_share(model.head, x, logits, thread, mine);
        if (!model.logit_cap) return;
        const auto [first, last] = share(model.head, thread);
        for (int text = 0; text < texts; text++)
            keep_below(model.logit_cap, logits + (size_t)text * model.vocabulary + first, last - first);
    }

    void begin(const Step& asked, int text, float* x) const {
        read_row(model.table, asked.tokens[text], x);
        const float* place = model.positions ? model.positions + (size_t)asked.lengths[text] * model.width : nullptr;
        for (int i = 0; i < model.width; i++) x[i] = x[i] * model.embedding_scale + (place ? place[i] : 0);
    }

    void find_angles(const Rotation& rotation, int position, float* out) const {
        for (int i = 0; rotation.rates && i < model.turned / 2; i++) {
            const float angle = position * rotation.rates[i];
            out[i] = std::cos(angle) * rotation.factor;
            out[i + model.turned / 2] = std::sin(angle) * rotation.factor;
        }
    }

    float* turns(int text, int rotation) { return &angles[((size_t)text * 2 + rotation) * model.turned]; }

    // Queries and keys of all heads together are brought to one length, before anybody takes them apart.
    void norm_all_heads(const Layer& layer, int texts, int thread) {
        const int queries = model.heads * model.head_width, keys = model.kv_heads * model.head_width;
        for (int text = thread; text < texts; text += team.size) {
            float *query = &q[(size_t)text * queries], *key = &k[(size_t)text * keys];
            normalise(layer.all_queries, query, queries, model.eps, query);
            normalise(layer.all_keys, key, keys, model.eps, key);
        }
        team.barrier();
    }

    void look(const Step& asked, int number, int text, int head, Own& mine) {
        const Layer& layer = model.layers[number];
        const int width = model.head_width, shared = model.heads / model.kv_heads;
        float* queries = &q[((size_t)text * model.heads + head * shared) * width];
        float* key = &k[((size_t)text * model.kv_heads + head) * width];
        const float* angles = turns(text, layer.rotation);
        for (int query = 0; query < shared; query++) place(layer.queries, angles, queries + query * width);
        place(layer.keys, angles, key);
        const int position = asked.lengths[text];
        const int from = layer.window ? std::max(0, position + 1 - layer.window) : 0;
        const Look what{head, shared, position, from, model.scale, model.attention_cap};
        const float* value = &v[((size_t)text * model.kv_heads + head) * width];
        float* out = &gathered[((size_t)text * model.heads + head * shared) * width];
        if (asked.cache_kind == IN_F32) attend(pages<float>(asked, number, text), what, queries, key, value, out, mine.room);
        if (asked.cache_kind == IN_BF16) attend(pages<Bf16>(asked, number, text), what, queries, key, value, out, mine.room);
        if (asked.cache_kind == IN_F16) attend(pages<F16>(asked, number, text), what, queries, key, value, out, mine.room);
        if (asked.cache_kind == IN_INT8) attend(pages<int8_t>(asked, number, text), what, queries, key, value, out, mine.room);
    }

    // A query or key is brought to one length, then turned by where its token stands.
    void place(const Norm& norm, const float* angles, float* x) const {
        if (norm.gain) normalise(norm, x, model.head_width, model.eps, x);
        turn(x, angles, angles + model.turned / 2, model.turned / 2);
    }

    template <class Number> Pages<Number> pages(const Step& asked, int number, int text) const {
        const int32_t* table = asked.table + (size_t)text * asked.pages_a_text;
        const bool whole = asked.cache_kind == IN_INT8;
        float* of_keys = whole ? asked.key_stretches[number] : nullptr;
        float* of_values = whole ? asked.value_stretches[number] : nullptr;
        void *keys = asked.keys[number], *values = asked.values[number];
        return {(Number*)keys, (Number*)values, of_keys, of_values, table, model.kv_heads, model.head_width};
    }

    void feed_forward(const Layer& layer, const float* read, int texts, int thread, Own& mine) {
        widen(layer.gate, layer.up, as_input(layer.up, read, texts, mine), gate.data(), up.data(), thread, mine);
        team.barrier();
        multiply_share(layer.down, as_input(layer.down, up.data(), texts, mine), added.data(), thread, mine);
    }

    // gated and raised (texts, rows of the matrices): what is inside of a feed-forward, as far as it is this thread's.
    void widen(const Matrix& gate, const Matrix& up, const Vectors& x, float* gated, float* raised, int thread, Own& mine) const {
        const auto [first, last] = share(up, thread);
        if (gate.rows) multiply_many(gate, x, gated, up.rows, first, last, mine.tiles);
        multiply_many(up, x, raised, up.rows, first, last, mine.tiles);
        for (int text = 0; text < x.count; text++) {
            const size_t at = (size_t)text * up.rows + first;
            bend_all(model.curve, gate.rows ? gated + at : nullptr, raised + at, last - first);
        }
    }

    // Each text goes through the experts that it chose. Their visits have room for the widest feed-forward each.
    void mix(const Layer& layer, const float* read, int texts, int thread, Own& mine) {
        const int width = model.width, hidden = model.hidden;
        multiply_share(layer.router, as_input(layer.router, read, texts, mine), rated.data(), thread, mine);
        team.barrier();
        mine.visits.clear();
        for (int text = 0; text < texts; text++)
            choose(model.routing, &rated[(size_t)text * model.routing.count], layer.correction, text, mine.visits);
        const std::vector<Run> runs = by_expert(mine.visits);
        for (size_t visit = 0; visit < mine.visits.size(); visit++)
            std::copy_n(read + (size_t)mine.visits[visit].text * width, width, &mine.packed[visit * width]);
        for (const Run& run : runs) {
            const Expert& expert = layer.experts[run.expert];
            const Vectors x = as_input(expert.up, &mine.packed[(size_t)run.first * width], run.last - run.first, mine);
            const size_t at = (size_t)run.first * hidden;
            widen(expert.gate, expert.up, x, &gate[at], &up[at], thread, mine);
        }
        team.barrier();
        for (const Run& run : runs) {
            const Matrix& down = layer.experts[run.expert].down;
            const Vectors x = as_input(down, &up[(size_t)run.first * hidden], run.last - run.first, mine);
            multiply_share(down, x, &answers[(size_t)run.first * width], thread, mine);
        }
        const auto [first, last] = share(layer.experts[0].down, thread);  // all have as many rows
        for (int text = 0; text < texts; text++) std::fill(&added[(size_t)text * width] + first, &added[(size_t)text * width] + last, 0.0f);
        for (size_t visit = 0; visit < mine.visits.size(); visit++) {
            const Visit& here = mine.visits[visit];
            for (int i = first; i < last; i++) added[(size_t)here.text * width + i] += here.share * answers[visit * width + i];
        }
    }

    // What a half of a layer found, normed if the layer says so, joins the texts' vectors.
    void add(const Norm& norm, int texts, Own& mine) const {
        const float* found = added.data();
        if (norm.gain) {
            normalise_all(norm, found, texts, mine.normed.data());
            found = mine.normed.data();
        }
        for (size_t i = 0; i < (size_t)texts * model.width; i++) mine.x[i] += found[i];
    }

    // The texts' vectors as a part reads them.
    const float* normed(const Norm& norm, int texts, Own& mine) const {
        if (!norm.gain) return mine.x.data();
        normalise_all(norm, mine.x.data(), texts, mine.normed.data());
        return mine.normed.data();
    }

    void normalise_all(const Norm& norm, const float* x, int texts, float* out) const {
        for (size_t at = 0; at < (size_t)texts * model.width; at += model.width)
            normalise(norm, x + at, model.width, model.eps, out + at);
    }

    Vectors as_input(const Matrix& reader, const float* x, int texts, Own& mine) const {
        const int columns = reader.columns, groups = groups_of(columns);
        if (is_integer(reader))
            for (int text = 0; text < texts; text++) {
                const size_t at = (size_t)text * groups;
                to_integers(x + (size_t)text * columns, columns, &mine.integers[at * GROUP], &mine.scales[at], &mine.totals[at]);
            }
        return {x, columns, texts, mine.integers.data(), mine.scales.data(), mine.totals.data()};
    }

    // The rows of a matrix that are this thread's.
    std::pair<int, int> share(const Matrix& m, int thread) const {
        const int unit = in_blocks(m) ? BLOCK : 1, units = (m.rows + unit - 1) / unit;
        const int first = (int64_t)units * thread / team.size * unit, last = (int64_t)units * (thread + 1) / team.size * unit;
        return {std::min(first, m.rows), std::min(last, m.rows)};
    }

    void multiply_share(const Matrix& m, const Vectors& x, float* out, int thread, Own& mine) const {
        const auto [first, last] = share(m, thread);
        multiply_many(m, x, out, m.rows, first, last, mine.tiles);
    }

    const Model model;
    Team team;
    Reader reader;
    std::vector<Own> own;
    std::vector<float> last, q, k, v, gathered, added, gate, up, angles, rated, answers;
    int ready_for = 0;
};

extern "C" {
Decoder* groundup_begin(const Model* model, int threads, int patience) { return new Decoder(*model, threads, patience); }
void groundup_step(Decoder* decoder, const Step* asked) { decoder->step(*asked); }
void groundup_prompt(Decoder* decoder, const Passage* asked) { decoder->prompt(*asked); }
uint64_t groundup_read(Decoder* decoder, const uint8_t* bytes, size_t size) { return decoder->read(bytes, size); }
void groundup_end(Decoder* decoder) { delete decoder; }
int groundup_lanes() { return LANES; }
}
