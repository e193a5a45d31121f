"""Several next tokens at once: what is asked of each head, and that all of them learn."""

import json

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.objectives.ahead import Ahead, ahead
from groundup.objectives.next_token import NextToken
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.table import Sources, objective
from tests.heads_example import shaken
from tests.training_example import make, make_world, settings


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


def source(world, mask="documents"):
    return pages(Shards(world / "tokens" / "train"), 6, 48, 1, mask)


def model(world, count: int = 3):
    vocabulary = Shards(world / "tokens" / "train").vocabulary
    head = {"kind": "ahead", "ahead": count}
    return shaken(build(ModelSettings(depth=2, width=32, vocabulary=vocabulary, head=head), seed=1)).double()


@pytest.mark.parametrize("mask", ["documents", "none"])
def test_each_head_is_asked_for_the_token_so_many_places_on(world, mask):
    batch = source(world, mask).batch(2)
    for by in range(4):
        targets, weights = ahead(batch, by)
        asked = 0
        for row in range(6):
            for at in range(48):
                there = at + by
                inside = there < 48 and (mask == "none" or batch.segments[row, there] == batch.segments[row, at])
                assert weights[row, at] == inside
                if inside:
                    assert targets[row, at] == batch.targets[row, there]
                asked += inside
        assert asked


@pytest.mark.parametrize("mask", ["documents", "none"])
def test_the_first_term_is_that_of_the_next_token_and_the_rest_what_a_textbook_writes(world, mask):
    made, read = model(world), source(world, mask)
    asked = Ahead(read, 3)
    batch = asked.batch(1)
    terms, plain = asked.loss(made, batch), NextToken(read).loss(made, batch)["next_token"]
    assert list(terms) == ["next_token", "ahead_2", "ahead_3"] == list(asked.counts(batch))
    torch.testing.assert_close(terms["next_token"].sum, plain.sum)
    given = [None if column is None else torch.tensor(column) for column in (batch.positions, batch.segments)]
    told = made.ahead(torch.tensor(batch.ids), *given)
    for by, term in enumerate(terms.values()):
        targets, weights = (torch.tensor(each) for each in ahead(batch, by))
        cost = torch.nn.functional.cross_entropy(told[by].flatten(0, 1), targets.flatten(), reduction="none")
        torch.testing.assert_close(term.sum, (cost * weights.flatten()).sum())
        assert term.count == asked.counts(batch)[asked.names[by]] == float(weights.sum())


def test_parts_add_up_to_the_whole(world):
    made = model(world)
    asked = objective(ObjectiveSettings(kind="ahead"), Sources(pages=source(world), model=made.settings))
    whole = asked.loss(made, asked.batch(3))
    parts = [asked.loss(made, asked.batch(3, rows)) for rows in ([0], [1, 2, 3], [4, 5])]
    for name, term in whole.items():
        assert term.count == sum(part[name].count for part in parts)
        torch.testing.assert_close(term.sum, torch.stack([part[name].sum for part in parts]).sum())


def test_every_head_learns_and_the_model_is_a_language_model(world, tmp_path):
    asked = {"objective.kind": "ahead", "model.head.kind": "ahead", "model.head.ahead": 3, "training.steps": 100}
    made = make(tmp_path / "made", settings(world, **asked))
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    for name in ("next_token", "ahead_2", "ahead_3"):
        curve = [line[f"term.{name}"] for line in lines if f"term.{name}" in line]
        assert curve[-1] < 0.6 * curve[0], name
    assert [line for line in lines if "step" in line][-1]["validation"] < 2.5
    assert len(folder.load(made / "model").further) == 2


def test_a_model_of_one_head_cannot_foretell_several(world, tmp_path):
    with pytest.raises(Problem, match="objective ahead trains models whose head is ahead"):
        make(tmp_path / "made", settings(world, **{"objective.kind": "ahead"}))


def test_a_row_shorter_than_the_furthest_head_asks_nothing_of_it(world):
    batch = pages(Shards(world / "tokens" / "train"), 2, 3, 1).batch(0)
    assert not ahead(batch, 3)[1].any() and np.count_nonzero(ahead(batch, 2)[1]) == 2
