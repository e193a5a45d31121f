"""Laws of pages packed of whole documents: nothing is lost, nothing is cut that fits, and nobody sees a neighbour."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.data.tokens.batches import pages
from groundup.data.tokens.packed import Packed, packed, pieces
from groundup.errors import Problem
from groundup.objectives.next_token import NextToken
from tests.mixture_example import shards
from tests.model_example import model

LENGTHS = some.lists(some.integers(0, 40), min_size=1, max_size=60).filter(any)
torch.set_num_threads(1)


@given(LENGTHS, some.integers(2, 24))
@settings(max_examples=40, deadline=None)
def test_an_epoch_reads_every_token_once_and_foretells_the_one_behind_it(tmp_path_factory, lengths, time):
    found = shards(tmp_path_factory.mktemp("s"), lengths)
    source = Packed(found, rows=1, time=time, seed=5)
    batch = source.read(np.arange(source.windows, 2 * source.windows))
    known = batch.weights > 0
    total = len(found.tokens)
    assert sorted(batch.ids[known].tolist()) == list(range(total - 1))  # all but the last, which nothing follows
    assert np.array_equal(batch.targets[known], batch.ids[known] + 1)


@given(LENGTHS, some.integers(2, 24))
@settings(max_examples=40, deadline=None)
def test_only_documents_longer_than_a_row_are_cut_and_no_row_is_too_full(lengths, time):
    offsets = np.cumsum([0, *lengths])
    starts, sizes = pieces(offsets, time)
    order, first = packed(sizes, time, together=16)
    assert sorted(order.tolist()) == list(range(len(sizes)))
    assert all(sizes[order[a:b]].sum() <= time for a, b in zip(first, first[1:], strict=False))
    whole = [
        (start, length) for start, length in zip(offsets[:-1].tolist(), lengths, strict=True) if 0 < length <= time
    ]
    assert set(whole) <= set(zip(starts.tolist(), sizes.tolist(), strict=True))
    assert all(size == time for start, size in zip(starts, sizes, strict=True) if start + size not in offsets)


def test_each_document_has_a_segment_and_positions_of_its_own(tmp_path):
    lengths = [5, 3, 8, 2, 6, 20]
    borders = np.cumsum([0, *lengths])
    source = Packed(shards(tmp_path, lengths), rows=7, time=8, seed=1)
    batch = source.read(np.arange(source.windows))
    for ids, weights, segments, positions in zip(
        batch.ids, batch.weights, batch.segments, batch.positions, strict=True
    ):
        for segment in set(segments[weights > 0].tolist()):
            here = (segments == segment) & (weights > 0)
            assert len(set(np.searchsorted(borders, ids[here], "right"))) == 1
            assert np.array_equal(positions[here], np.arange(here.sum()))
    first = np.searchsorted(borders, batch.ids[:, 0], "right") - 1
    assert np.array_equal(batch.documents, first)


def test_padding_is_told_and_small_where_documents_are_short(tmp_path):
    dice = np.random.default_rng(1)
    source = Packed(shards(tmp_path, dice.integers(1, 60, 900).tolist()), rows=4, time=128, seed=1)
    batch = source.read(np.arange(source.windows))
    assert source.padding == pytest.approx(1 - 27_000 / batch.ids.size, abs=0.05)
    assert source.padding == pytest.approx(1 - len(source.shards.tokens) / batch.ids.size) and source.padding < 0.02


def test_rows_of_a_step_are_the_same_however_they_are_asked_for(tmp_path):
    source = Packed(shards(tmp_path, [5, 3, 8, 2, 6, 20] * 9), rows=6, time=16, seed=3)
    for step in (0, 3, 40):
        whole = source.batch(step)
        parts = [source.batch(step, rows).ids for rows in ([0], [1, 2, 3], [4, 5])]
        assert np.array_equal(whole.ids, np.concatenate(parts))


@pytest.mark.parametrize("shape", ["qwen3", "lfm2"])
@torch.no_grad()
def test_a_packed_row_costs_what_its_documents_cost_alone(tmp_path, shape):
    lengths = [9, 4, 11, 7, 3, 6]
    found, made = shards(tmp_path, lengths), model(shape)
    source = Packed(found, rows=2, time=16, seed=3)
    batch = source.read(np.arange(source.windows))
    together = NextToken(source).loss(made, batch)["next_token"].sum
    alone = torch.zeros(())
    for start, length in zip(np.asarray(found.offsets), lengths, strict=False):
        text = torch.tensor(np.asarray(found.tokens[start : start + length + 1], np.int64))[None]
        told = made(text[:, :length])[0].log_softmax(-1)
        known = text.shape[1] - 1
        alone -= told[torch.arange(known), text[0, 1:]].sum()
    assert torch.allclose(together, alone, rtol=1e-5)


def test_documents_that_are_not_hidden_see_each_other(tmp_path):
    source = Packed(shards(tmp_path, [5, 3, 8]), rows=1, time=8, seed=1, mask="none")
    assert source.batch(0).segments is None and pages(source.shards, 1, 4, 1).batch(0).segments is None


def test_a_folder_without_tokens_cannot_be_packed(tmp_path):
    with pytest.raises(Problem, match="no tokens to be packed"):
        Packed(shards(tmp_path, [0, 0]), rows=1, time=8, seed=1)
