"""Laws of writing ahead: whatever drafts, what is written follows the model's own chances, and greedy texts are the same."""

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.generation.engine import Request
from groundup.generation.sample import Sampling, left_by_definition
from groundup.generation.speculation.acceptance import chances, rejection, rejection_by_definition
from groundup.generation.speculation.drafter import Draft, Text
from groundup.generation.speculation.lookup import Lookup, follow_by_definition
from groundup.generation.speculation.pace import Pace
from groundup.generation.speculation.small_model import SmallModel
from groundup.generation.speculation.speculation import Speculation
from tests.speculation_example import NAMES, TOKENS, drafting, exact, made, surprise, written

PROMPT = [1, 2, 3, 1, 2, 3, 1, 2]
DRAWS, ROWS, FAR = 2048, 256, 4.0  # standard deviations that no right rule is away
samplings = some.builds(
    Sampling,
    temperature=some.sampled_from([0.0, 0.3, 1.0, 2.5]),
    top_k=some.sampled_from([0, 1, 3, 7]),
    top_p=some.sampled_from([1.0, 0.9, 0.4]),
    min_p=some.sampled_from([0.0, 0.1, 0.5]),
    seed=some.integers(-5, 2**64),
)


def counted(
    model, speculation: Speculation, sampling: dict, length: int, draws: int = DRAWS
) -> Counter[tuple[int, ...]]:
    requests = [Request(PROMPT, length, Sampling(**sampling, seed=seed)) for seed in range(draws)]
    return Counter(tuple(text) for text in written(model, requests, ROWS, speculation))


@pytest.mark.parametrize(("name", "length"), [*((name, 2) for name in NAMES), ("small model", None), ("lookup", None)])
def test_the_distribution_of_texts_is_the_models_own(name, length):
    model, drafter = drafting(name, ROWS)
    sampling = {"temperature": 1.3, "top_k": 4, "min_p": 0.02}
    speculation = Speculation(model, drafter, length, rows=ROWS)
    draws = DRAWS // 2 if name == "heads" else DRAWS  # its heads read one text at a time
    counts = counted(model, speculation, sampling, 4, draws)
    tally = speculation.tally
    assert 0 < tally.accepted < tally.proposed and tally.proposed > draws / 4, tally
    assert surprise(counts, exact(model, PROMPT, Sampling(**sampling), 4)) < FAR


def test_the_distribution_over_all_tokens_is_the_models_own():
    model, drafter = drafting("small model", ROWS)
    counts = counted(model, Speculation(model, drafter, 2, rows=ROWS), {"temperature": 0.9}, 3)
    assert surprise(counts, exact(model, PROMPT, Sampling(temperature=0.9), 3)) < FAR


def everything_stays(logits, drafts, samplings, steps):
    """Wrong: the draft writes."""
    kept = [len(draft.tokens) for draft in drafts]
    return kept, [rejection(logits, drafts, samplings, steps)[1][row] for row in range(len(drafts))]


def what_follows_is_drawn_from_all(logits, drafts, samplings, steps):
    """Wrong: where a token falls, the next is drawn from p, so what both like comes too often."""
    kept, following = rejection(logits, drafts, samplings, steps)
    p, dice = chances(logits, samplings), torch.Generator().manual_seed(steps[0])
    for row, draft in enumerate(drafts):
        if kept[row] < len(draft.tokens):
            following[row] = int(torch.multinomial(p[row, kept[row]], 1, generator=dice))
    return kept, following


@pytest.mark.parametrize("wrong", [everything_stays, what_follows_is_drawn_from_all])
def test_a_wrong_rule_would_be_seen(wrong):
    model, drafter = drafting("small model", ROWS)
    speculation = Speculation(model, drafter, 2, rows=ROWS)
    speculation.rule = wrong
    sampling = {"temperature": 1.3, "top_k": 4, "min_p": 0.02}
    assert surprise(counted(model, speculation, sampling, 4), exact(model, PROMPT, Sampling(**sampling), 4)) > 2 * FAR


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(
    some.lists(some.lists(some.integers(0, TOKENS - 1), min_size=1, max_size=30), min_size=1, max_size=4),
    some.integers(1, 15),
    some.sampled_from([None, 1, 5]),
    some.sampled_from(["rejection", "same"]),
)
def test_a_greedy_text_is_the_same_with_every_draft(name, prompts, count, length, rule):
    model, drafter = drafting(name)
    requests = [Request(prompt, count) for prompt in prompts]
    speculation = Speculation(model, drafter, length, rule)
    assert written(model, requests, 4, speculation) == written(model, requests, 4)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(some.lists(samplings, min_size=1, max_size=4), some.integers(1, 12))
def test_by_the_rule_same_a_seed_gives_the_text_it_gives_without_a_draft(name, several, count):
    model, drafter = drafting(name)
    requests = [Request(PROMPT[: 3 + place], count, sampling) for place, sampling in enumerate(several)]
    assert written(model, requests, 4, Speculation(model, drafter, rule="same")) == written(model, requests, 4)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(some.lists(samplings, min_size=2, max_size=4), some.integers(1, 12))
def test_a_seed_gives_the_same_text_again_alone_and_in_company(name, several, count):
    model, drafter = drafting(name)
    requests = [Request(PROMPT[: 3 + place], count, sampling) for place, sampling in enumerate(several)]
    speculation = Speculation(model, drafter)
    together = written(model, requests, 4, speculation)
    assert together == [written(model, [request], 1, speculation)[0] for request in requests]


@settings(max_examples=150, deadline=None)
@given(
    some.lists(some.tuples(samplings, some.integers(0, 3), some.booleans()), min_size=1, max_size=4),
    some.integers(0, 99),
)
def test_accepting_for_all_texts_is_the_definition_for_each(texts, number):
    dice = torch.Generator().manual_seed(number)
    hows, steps = [how for how, _, _ in texts], [number + row for row in range(len(texts))]
    logits = torch.randn(len(texts), 4, 9, generator=dice).mul(2).round(decimals=1)
    drafts, expected = [], []
    for row, (how, count, sure) in enumerate(texts):
        q = torch.randn(count, 9, generator=dice).mul(2).double().softmax(-1)
        if sure or how.temperature == 0:
            q = torch.nn.functional.one_hot(q.argmax(-1), 9).double()
        tokens = [int(line.multinomial(1, generator=dice)) for line in q]
        drafts.append(Draft(tokens, None if sure or how.temperature == 0 or not count else q))
        left = [left_by_definition(line, how) for line in logits[row].double().tolist()]
        p = [[weight / sum(line) for weight in line] for line in left]
        expected.append(rejection_by_definition(p, q.tolist(), tokens, how.seed, steps[row]))
    kept, following = rejection(logits, drafts, hows, steps)
    assert list(zip(kept, following, strict=True)) == expected


@settings(max_examples=150, deadline=None)
@given(some.lists(some.integers(0, 2), min_size=1, max_size=40), some.integers(1, 40), some.integers(1, 9))
def test_looking_up_in_an_index_is_the_definition(ids, begin, count):
    lookup = Lookup(longest=4)
    for end in range(min(begin, len(ids)), len(ids) + 1):
        (draft,) = lookup.propose([Text(7, ids[:end], Sampling(), 0, count)], [count], lambda rows: None)
        assert draft.tokens == follow_by_definition(ids[:end], count, longest=4)
        assert len(draft.tokens) in (0, count)


@given(some.floats(0.01, 1.0), some.integers(1, 8))
def test_a_draft_that_is_right_more_often_is_never_shorter(cost, most):
    lengths = [Pace(kept, 100.0).length(cost, most) for kept in range(0, 101, 5)]
    assert lengths == sorted(lengths) and lengths[0] == 0


def test_a_draft_that_was_given_up_is_tried_again():
    pace = Pace()
    for _ in range(20):
        pace.hear(4, 0)
    assert pace.length(0.2, 8) == 0
    rounds = next(number for number in range(200) if pace.hear(0, 0) or pace.length(0.2, 8) > 0)
    assert 2 < rounds < 60


def test_a_repeating_text_goes_on_repeating():
    assert follow_by_definition([5, 1, 2, 1, 2], 6) == [1, 2, 1, 2, 1, 2]


def test_a_perfect_draft_stays_whole():
    model = made()
    speculation = Speculation(model, SmallModel(made(), model), 4)
    written(model, [Request(PROMPT, 21, Sampling(seed=3))], 1, speculation)
    assert speculation.tally.accepted == speculation.tally.proposed == 16 and speculation.tally.passes == 4
