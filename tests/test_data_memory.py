"""A child that has prepared a million documents holds no more than one that has prepared a hundred."""

import gc
import random
import sys

import pytest

from groundup.data.documents import HTML, Record, batches
from groundup.data.filters import gibberish
from groundup.data.prepare import worker
from groundup.data.profiles import PROFILES
from tests.corpus_example import story


def of_new_words(seed: int, count: int):
    """Pages each of which has words and numbers that no other has."""
    roll = random.Random(seed)

    def page(number: int) -> bytes:
        words = " ".join("".join(roll.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(20))
        text = f"{story(f'{seed} {number}')} The {words} of {roll.random()} and nobody@{roll.random()}.example."
        return f"<html><title>{words}</title><body><p>{text}</p></body></html>".encode()

    return next(batches([Record(f"{seed} {number}", "", page(number), HTML) for number in range(count)]))


def blocks() -> int:
    """How many things Python holds."""
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("profile", ["web", "fineweb"])
def test_nothing_is_kept_of_documents_that_are_done(monkeypatch, profile):
    monkeypatch.setattr(gibberish, "KEPT", 100)
    prepare = worker(PROFILES[profile], None)
    prepare(of_new_words(1, 100))
    before = blocks()
    for seed in range(2, 5):
        prepare(of_new_words(seed, 100))
    # What little is looked up again comes to an end; the words of all documents would be 12,000.
    assert blocks() - before < 900


def test_words_that_are_as_long_as_no_word_is_are_not_kept():
    known = gibberish._Known()
    assert known["a" * 31] == known["a" * 30] and list(known) == ["a" * 30]
