"""Prompts shared among threads: the same answers in the same order, whoever gave them."""

import threading

import pytest
import torch

from groundup.evaluation.threads import FEWEST, side_by_side
from tests.model_example import model


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_results_come_back_in_the_order_of_the_places():
    places = list(range(5, 5 + 4 * FEWEST))
    assert side_by_side(model(), places, lambda some, done: [place * 2 for place in some]) == [p * 2 for p in places]


def test_each_of_the_threads_takes_its_share_and_one_core():
    seen = {}

    def some(places, done):
        seen[threading.get_ident()] = (len(places), torch.get_num_threads())
        started.wait(10)
        return places

    started = threading.Barrier(3)
    side_by_side(model(), list(range(3 * FEWEST)), some)
    assert sorted(seen.values()) == [(FEWEST, 1)] * 3
    assert torch.get_num_threads() == 3


def test_a_few_prompts_are_not_worth_a_thread():
    calls = []
    side_by_side(model(), list(range(FEWEST)), lambda some, done: calls.append(1) or some)
    assert len(calls) == 1


def test_what_is_done_is_counted_over_all_threads():
    told = []

    def some(places, done):
        for count in range(1, len(places) + 1):
            done(count)
        return places

    side_by_side(model(), list(range(3 * FEWEST)), some, told.append)
    assert max(told) == 3 * FEWEST and len(told) == 3 * FEWEST


def test_a_wish_to_stop_comes_through():
    def some(places, done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(model(), list(range(3 * FEWEST)), some)
    assert torch.get_num_threads() == 3
