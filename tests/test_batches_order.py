"""Laws of the order in which text is read: every window once an epoch, and any step at any time."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.tokens.batches import pages
from groundup.data.tokens.flat import Joined, windows, windows_by_definition
from groundup.data.tokens.order import key, permute, permute_by_walking
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem


def shards(folder: Path, lengths: list[int]) -> Shards:
    writer, first = Writer(folder, 60_000), 0
    documents = []
    for length in lengths:
        documents.append(np.arange(first, first + length))
        first += length
    writer.add(documents, first)
    writer.close()
    return Shards(folder)


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
@settings(max_examples=30, deadline=None)
def test_the_shuffle_reaches_every_place_once(count, secret):
    assert sorted(permute(np.arange(count), count, secret)) == list(range(count))


@pytest.mark.parametrize("count", [1, 2, 3, 17, 100, 257])
def test_the_fast_shuffle_is_the_one_that_walks(count):
    assert permute(np.arange(count), count, 7).tolist() == permute_by_walking(count, 7)


def test_different_keys_shuffle_differently():
    orders = {tuple(permute(np.arange(50), 50, key(seed, "pages", epoch))) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


@given(st.lists(st.integers(0, 900), min_size=1, max_size=9), st.integers(1, 60))
@settings(max_examples=20, deadline=None)
def test_windows_cut_row_by_row_are_those_looked_up_token_by_token(starts, length):
    tokens = np.arange(1000, dtype="<u2")[::-1].copy()
    joined = Joined([tokens[:300], tokens[300:301], tokens[301:]])
    for place in (tokens, joined):
        assert np.array_equal(
            windows(place, np.array(starts), length), windows_by_definition(tokens, np.array(starts), length)
        )


def test_an_epoch_reads_every_window_once(tmp_path):
    source = pages(shards(tmp_path, [5] * 200), rows=4, time=16, seed=3)
    starts = source.starts(np.arange(2 * source.windows))
    first, second = np.split(starts, 2)
    for epoch in (first, second):
        assert len(set(epoch)) == source.windows
        assert len(set(epoch % 16)) == 1  # windows touch and do not overlap
    assert list(first) != list(second)


def test_targets_are_the_next_ids_of_the_stream(tmp_path):
    batch = pages(shards(tmp_path, [5] * 200), rows=4, time=16, seed=3).batch(9)
    assert np.array_equal(batch.targets, batch.ids + 1)  # the stream counts up
    assert np.array_equal(batch.ids, batch.ids[:, :1] + np.arange(16))
    assert batch.ids.dtype == np.int64 and batch.weights.dtype == np.float32 and batch.weights.all()


def test_rows_of_a_step_are_the_same_however_they_are_asked_for(tmp_path):
    source = pages(shards(tmp_path, [5] * 200), rows=6, time=16, seed=3)
    for step in (0, 9, 10, 500):  # 62 windows: some of these steps cross into the next epoch
        whole = source.batch(step)
        parts = [source.batch(step, rows).ids for rows in ([0], [1, 2, 3], [4, 5])]
        assert np.array_equal(whole.ids, np.concatenate(parts))


def test_documents_in_one_window_are_told_apart_and_counted_from_their_start(tmp_path):
    source = pages(shards(tmp_path, [5] * 200), rows=4, time=16, seed=3, mask="documents")
    batch = source.batch(2)
    document = batch.ids // 5
    assert np.array_equal(batch.segments, document - document[:, :1])
    whole = batch.segments > 0  # the first document of a window may have begun before it
    assert np.array_equal(batch.positions[whole], (batch.ids % 5)[whole])
    first = np.broadcast_to(np.arange(16), batch.ids.shape)
    assert np.array_equal(batch.positions[~whole], first[~whole])
    assert np.array_equal(batch.documents, document[:, 0])


def test_any_step_of_a_corpus_of_any_size_is_had_at_once():
    """No list of windows is kept: a trillion tokens are read in an order that nobody has to write down."""
    tokens = 10**12
    endless = SimpleNamespace(tokens=range(tokens), offsets=np.array([0, tokens]), folder="", check=lambda ids: None)
    source = pages(endless, rows=512, time=16, seed=3)
    first, late = source.batch(0), source.batch(100_000_000)
    assert np.array_equal(late.targets, late.ids + 1) and late.ids.max() < tokens
    starts = np.concatenate([first.ids[:, 0], late.ids[:, 0]])
    assert len(set(starts.tolist())) == 1024 and np.ptp(starts) > tokens // 2


def test_too_little_text_for_one_window_is_said(tmp_path):
    with pytest.raises(Problem, match="at least 32"):
        pages(shards(tmp_path, [20]), rows=4, time=16, seed=3)
