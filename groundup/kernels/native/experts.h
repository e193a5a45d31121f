// A mixture of experts: by a router's ratings each text chooses a few of a layer's feed-forwards.
// The readable version is groundup/model/experts.py. The feed-forward that all texts share is one more expert here, the
// last, which everybody visits with a share of one.
#pragma once
#include "matrices.h"
#include <cmath>
#include <numeric>
#include <vector>

struct Expert {
    Matrix gate, up, down;
};

struct Routing {
    int32_t count, chosen, shared;   // experts to choose from, how many of them, and 1 if there is one for all
    int32_t groups, chosen_groups;   // only experts of so many groups are chosen
    int32_t alone, normalise;        // 1: each is rated by itself (sigmoid); 1: the shares of the chosen add up to one
    float scale;                     // factor on shares

    int visits() const { return chosen + shared; }
};

struct Visit {
    int expert, text;
    float share;
};

// Visits first to last - 1 are to one expert.
struct Run {
    int expert, first, last;
};

// The numbers of the `count` largest, the largest first.
inline std::vector<int> best_of(const std::vector<float>& rates, int count) {
    std::vector<int> order(rates.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return rates[a] > rates[b]; });
    order.resize(count);
    return order;
}

inline void to_rates(const Routing& routing, std::vector<float>& rates) {
    if (routing.alone) {
        for (float& rate : rates) rate = 1 / (1 + std::exp(-rate));
        return;
    }
    const float most = *std::max_element(rates.begin(), rates.end());
    float total = 0;
    for (float& rate : rates) total += rate = std::exp(rate - most);
    for (float& rate : rates) rate /= total;
}

// Experts outside of the best groups are not wanted. A group is worth its best expert, or its best two where each is
// rated alone.
inline void only_best_groups(const Routing& routing, std::vector<float>& wanted) {
    const int size = routing.count / routing.groups;
    std::vector<float> worth(routing.groups);
    for (int group = 0; group < routing.groups; group++) {
        const std::vector<float> own(wanted.begin() + group * size, wanted.begin() + (group + 1) * size);
        for (int expert : best_of(own, routing.alone ? 2 : 1)) worth[group] += own[expert];
    }
    std::vector<bool> kept(routing.groups);
    for (int group : best_of(worth, routing.chosen_groups)) kept[group] = true;
    for (int expert = 0; expert < routing.count; expert++)
        if (!kept[expert / size]) wanted[expert] = -INFINITY;
}

// Where a text goes, its ratings (count) being given; the correction (count) or null takes part in the choice alone.
inline void choose(const Routing& routing, const float* rated, const float* correction, int text, std::vector<Visit>& visits) {
    std::vector<float> rates(rated, rated + routing.count);
    to_rates(routing, rates);
    std::vector<float> wanted = rates;
    for (int expert = 0; correction && expert < routing.count; expert++) wanted[expert] += correction[expert];
    if (routing.groups > 1) only_best_groups(routing, wanted);
    const std::vector<int> chosen = best_of(wanted, routing.chosen);
    float total = 0;
    for (int expert : chosen) total += rates[expert];
    const float factor = routing.scale / (routing.normalise ? total + 1e-20f : 1);
    for (int expert : chosen) visits.push_back({expert, text, rates[expert] * factor});
    if (routing.shared) visits.push_back({routing.count, text, 1});
}

// Those who visit one expert stand side by side.
inline std::vector<Run> by_expert(std::vector<Visit>& visits) {
    std::stable_sort(visits.begin(), visits.end(), [](const Visit& a, const Visit& b) { return a.expert < b.expert; });
    std::vector<Run> runs;
    for (int at = 0; at < (int)visits.size(); at++) {
        if (!at || visits[at].expert != visits[at - 1].expert) runs.push_back({visits[at].expert, at, at});
        runs.back().last = at + 1;
    }
    return runs;
}
