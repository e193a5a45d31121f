"""Laws of mixtures: what was wished is what is read, to the row; and where a row comes from hangs on its step alone."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.data.tokens.mixing import Knot
from groundup.data.tokens.mixture import check_caps
from groundup.data.tokens.shares import precision, realised_by_definition, rows_before, wished, wishes
from groundup.errors import Problem
from tests.mixture_example import APART, mixture


@some.composite
def plans(draw):
    """(knots, steps, rows, between): weights of several domains, some of them 0, that change a few times."""
    domains, steps = draw(some.integers(1, 6)), draw(some.integers(1, 40))
    places = sorted({0, *draw(some.lists(some.integers(0, steps - 1), max_size=3))})
    weights = some.lists(some.sampled_from([0, 0, 1e-3, 0.3, 1, 1, 2, 7]), min_size=domains, max_size=domains).filter(
        any
    )
    knots = [Knot(place, tuple(draw(weights))) for place in places]
    return knots, steps, draw(some.integers(1, 9)), draw(some.sampled_from(["steps", "linear"]))


@given(plans())
@settings(max_examples=40, deadline=None)
def test_before_every_step_each_domain_is_less_than_a_row_from_its_wish(plan):
    knots, steps, rows, between = plan
    shares = wishes(knots, steps, between)
    counts = rows_before(shares, rows)
    exact = [[Fraction(0)] * shares.shape[1]]
    for step in shares:
        exact.append([sum_ + rows * Fraction(share) for sum_, share in zip(exact[-1], step.tolist(), strict=True)])
    slack = 1 + Fraction(rows * steps, 1 << precision(steps, rows) - 1)  # what rounding of weights may add
    for have, wish in zip(counts.tolist(), exact, strict=True):
        assert all(abs(count - wished) < slack for count, wished in zip(have, wish, strict=True))
    assert (counts.sum(1) == rows * np.arange(steps + 1)).all() and (np.diff(counts, axis=0) >= 0).all()


@given(plans())
@settings(max_examples=40, deadline=None)
def test_the_compiled_counting_is_the_one_by_hand(plan):
    knots, steps, rows, between = plan
    shares, bits = wishes(knots, steps, between), precision(steps, rows)
    assert rows_before(shares, rows).tolist() == realised_by_definition(wished(shares, bits), rows, bits)


def test_a_domain_whose_weight_is_0_is_not_read():
    counts = rows_before(wishes([Knot(0, (1, 0)), Knot(10, (0, 1))], 20, "steps"), 4)
    assert counts[10].tolist() == [40, 0] and counts[20].tolist() == [40, 40]


def test_between_two_knots_weights_go_in_a_straight_line():
    shares = wishes([Knot(0, (1, 0)), Knot(10, (0, 4))], 20, "linear")
    assert shares[5].tolist() == [0.5, 0.5] and shares[2].tolist() == [0.8, 0.2] and shares[15].tolist() == [0, 1]


def test_wishes_stay_whole_for_as_many_rows_as_anyone_will_read():
    shares = np.full((3, 7), 1 / 7)
    for steps, rows in ((10**6, 2048), (10**8, 10**4)):
        bits = precision(steps, rows)
        assert steps * rows << bits < 1 << 63
        assert (wished(shares, bits).sum(1) == np.arange(4) << bits).all()


@given(some.integers(0, 10**6), some.lists(some.integers(0, 179), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_rows_asked_for_alone_are_those_of_the_whole_reading(tmp_path_factory, seed, numbers):
    mixed = mixture(tmp_path_factory.mktemp("m"), [400, 90, 200], [(0, [3, 1, 0]), (15, [1, 1, 4])], seed=seed)
    whole = [mixed.batch(step) for step in range(30)]
    ids, documents = (np.concatenate([getattr(part, name) for part in whole]) for name in ("ids", "documents"))
    found = mixed.read(np.array(numbers))
    assert np.array_equal(found.ids, ids[numbers]) and np.array_equal(found.documents, documents[numbers])


@pytest.mark.parametrize("parts", [[[0, 1, 2], [3, 4, 5]], [[5], [0, 3], [1, 2, 4]]])
def test_a_step_split_among_devices_or_microbatches_holds_the_same_rows(tmp_path, parts):
    mixed = mixture(tmp_path, [400, 90], [(0, [2, 1])])
    for step in (0, 7, 29):
        whole = mixed.batch(step)
        for rows in parts:
            assert np.array_equal(mixed.batch(step, rows).ids, whole.ids[rows])


def test_in_every_epoch_of_a_domain_each_of_its_windows_comes_once(tmp_path):
    mixed = mixture(tmp_path, [400, 90], [(0, [2, 1])], steps=40)
    ids = np.concatenate([mixed.batch(step).ids for step in range(40)])[:, 0]
    for number, domain in enumerate(mixed.domains):
        starts, windows = [int(i) for i in ids if i // APART == number], domain.source.windows
        ordered = [int(i) - number * APART for i in starts]
        domains, places = mixed.places(np.arange(240))
        epoch = places[domains == number] // windows
        for each in range(int(epoch.max())):
            read = [start for start, at in zip(ordered, epoch, strict=True) if at == each]
            assert len(read) == windows == len(set(read)) and len({start % 8 for start in read}) == 1


def test_the_rows_of_a_step_are_not_sorted_by_domain(tmp_path):
    mixed = mixture(tmp_path, [400, 400], [(0, [1, 1])])
    orders = {tuple(mixed.batch(step).ids[:, 0] // APART) for step in range(30)}
    assert len(orders) > 5 and all(sum(order) == 3 for order in orders)


def test_another_seed_reads_the_same_shares_in_another_order(tmp_path):
    one, other = (mixture(tmp_path, [400, 400], [(0, [3, 1])], seed=seed) for seed in (1, 2))
    assert np.array_equal(one.before, other.before)
    assert any(not np.array_equal(one.batch(step).ids, other.batch(step).ids) for step in range(3))


def test_documents_are_numbered_over_all_domains(tmp_path):
    mixed = mixture(tmp_path, [400, 90], [(0, [1, 1])])
    batch = mixed.batch(3)
    domain, within = batch.ids[:, 0] // APART, batch.ids[:, 0] % APART // 5
    assert np.array_equal(batch.documents, within + np.where(domain == 1, 80, 0))


def test_a_domain_that_would_be_read_too_often_is_refused_with_what_is_missing(tmp_path):
    mixed = mixture(tmp_path, [400, 90], [(0, [1, 1])], epochs={"b": 2.0})  # 180 rows, 90 of them from 10 windows
    with pytest.raises(
        Problem, match=r"data.b would be read 9.00 times in 30 steps, and may be read 2 times: 560 tokens"
    ):
        check_caps(mixed)
    with pytest.raises(Problem, match=r"training.steps=6; or say epochs: 9, with which 640 tokens"):
        check_caps(mixed)
    check_caps(mixture(tmp_path, [400, 90], [(0, [1, 1])], epochs={"b": 2.0}, steps=6))
    check_caps(mixture(tmp_path, [400, 90], [(0, [1, 1])], epochs={"b": 9.0}))


def test_a_step_behind_the_plan_is_refused(tmp_path):
    with pytest.raises(Problem, match="planned for 30 steps, and step 31"):
        mixture(tmp_path, [400], [(0, [1])]).batch(30)
