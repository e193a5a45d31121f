"""Laws of the books: no page is ever in two hands that do not know of each other, and none is lost."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.generation.ledger import Ledger
from groundup.generation.pages import PAGE
from groundup.generation.prefixes import Prefixes, lengthen
from groundup.generation.request import Request
from groundup.generation.scheduler import Row, Waiting, side_by_side

tokens = some.lists(some.integers(0, 3), max_size=3 * PAGE)


@settings(max_examples=60, deadline=None)
@given(
    some.integers(1, 9),
    some.lists(some.tuples(some.sampled_from("takes gives shares learns".split()), some.integers(0, 7))),
)
def test_every_page_is_free_or_held_or_rests(total, deeds):
    ledger, texts, names = Ledger(total), [], iter(range(10**6))
    for deed, number in deeds:
        if deed == "takes":
            available = ledger.available
            pages = ledger.take(number)
            assert (pages is None) == (number > available)
            texts += [pages] if pages else []
        elif texts and deed == "gives":
            ledger.give_back(texts.pop(number % len(texts)))
        elif texts and deed == "shares":
            shared = texts[number % len(texts)][:2]
            ledger.share(shared)
            texts.append(list(shared))
        elif texts:
            page = texts[number % len(texts)][0]
            if page not in ledger.prefixes.key_of:
                assert ledger.prefixes.learn(str(next(names)).encode(), page)
        held = Counter(page for text in texts for page in text)
        resting = set(ledger.prefixes.resting)
        assert all(ledger.holders[page] == held[page] for page in range(1, total + 1))
        assert sorted([*ledger.free, *held, *resting]) == list(range(1, total + 1))
        assert ledger.used == len(held) and ledger.cached == len(resting)
        assert all(ledger.prefixes.page_of[ledger.prefixes.key_of[page]] == page for page in resting)


@settings(max_examples=60, deadline=None)
@given(tokens, tokens, some.sampled_from(["", "a"]), some.sampled_from(["", "a"]))
def test_keys_are_equal_where_everything_up_to_there_is(one, other, salt, pepper):
    keys, others = [], []
    lengthen(keys, one, salt)
    lengthen(others, other, pepper)
    assert len(keys) == len(one) // PAGE and len(others) == len(other) // PAGE
    for place, (key, another) in enumerate(zip(keys, others, strict=False)):
        end = (place + 1) * PAGE
        assert (key == another) == (salt == pepper and one[:end] == other[:end])


@settings(max_examples=60, deadline=None)
@given(tokens, some.integers(0, 3 * PAGE))
def test_keys_of_a_text_that_grew_are_those_of_the_whole(text, cut):
    grown, whole = [], []
    for part in (text[:cut], text):
        lengthen(grown, part, "salt")
    lengthen(whole, text, "salt")
    assert grown == whole


def test_what_has_rested_longest_is_forgotten_first_and_of_a_text_its_end():
    ledger = Ledger(4)
    first, second = ledger.take(2), ledger.take(2)
    assert first and second
    for page in (*first, *second):
        ledger.prefixes.learn(bytes([page]), page)
    ledger.give_back(first)
    ledger.give_back(second)
    ledger.share(first[:1])  # its beginning is wanted again, so it is not the oldest any more
    ledger.give_back(first[:1])
    assert [ledger.take(1) for _ in range(4)] == [[page] for page in (first[1], second[1], second[0], first[0])]
    assert not ledger.prefixes.page_of


def test_a_page_is_found_only_behind_those_before_it():
    prefixes = Prefixes()
    prefixes.learn(b"two", 2)
    assert prefixes.find([b"one", b"two"]) == []
    prefixes.learn(b"one", 1)
    assert prefixes.find([b"one", b"two", b"three"]) == [1, 2]
    assert not prefixes.learn(b"one", 3)


def by_definition(waiting: list[Row], due: dict[str, int]) -> list[int]:
    """Time after time the user who is due first, and among equals the oldest request."""
    left, due, order = list(waiting), dict(due), []
    while left:
        heads = [next(row for row in left if row.request.user == user) for user in {row.request.user for row in left}]
        row = min(heads, key=lambda row: (due[row.request.user], row.number))
        due[row.request.user] += 1
        left.remove(row)
        order.append(row.number)
    return order


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(some.sampled_from("comes begins returns goes".split()), some.sampled_from("abc"))))
def test_the_queue_is_fair(deeds):
    """Whatever happens, all users take turns, and nothing is remembered of those who have none coming."""
    queue, waiting, begun = Waiting(), [], []
    for number, (deed, user) in enumerate(deeds):
        if deed == "comes":
            waiting.append(Row(number, Request([1], user=user), [1]))
            queue.add(waiting[-1])
        elif deed == "begins" and waiting:
            row = next(queue.order())
            queue.begin(row)
            waiting.remove(row)
            begun.append(row)
        elif deed == "returns" and begun:
            row = begun.pop()
            queue.put_back(row)
            waiting.append(row)
            waiting.sort(key=lambda row: row.number)
        elif deed == "goes" and waiting:
            row = waiting.pop(number % len(waiting))
            assert queue.remove(row.number) is row and queue.remove(row.number) is None
        assert [row.number for row in queue.order()] == by_definition(waiting, queue.next_round)
        assert len(queue) == len(waiting)
        assert all(due > queue.round for user, due in queue.next_round.items() if user not in queue.queues)


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(some.integers(1, 40), some.integers(0, 20)), min_size=1), some.integers(1, 60))
def test_nobody_is_read_beyond_budget_or_context(sizes, most):
    rows = [
        Row(number, Request([1]), [1] * (unread + length), length=length)
        for number, (unread, length) in enumerate(sizes)
    ]
    group, time = side_by_side(rows, most, 64, lambda first, part: first // 2 < part <= 2 * first)
    assert group[0] is rows[0] and time == max(min(row.unread, most) for row in group)
    assert time * len(group) <= most
    assert len(group) == 1 or max(row.length for row in group) + time <= 64


@pytest.mark.parametrize("users", ["aaab", "aab", "ab"])
def test_a_users_second_request_waits_behind_anothers_first(users):
    queue = Waiting()
    for number, user in enumerate(users):
        queue.add(Row(number, Request([1], user=user), [1]))
    order = [row.request.user for row in queue.order()]
    assert order[:2] == ["a", "b"]
