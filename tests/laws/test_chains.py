"""Chains of segments: what a step computes is truncated backpropagation as a textbook writes it, in every family."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from groundup.data.tokens.batches import Batch, pages
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.model.state import SegmentMemory
from groundup.model.stateful import StatefulModel
from groundup.objectives.chained import Chained, check, cut
from groundup.objectives.next_token import NextToken
from groundup.training.loop import Training
from groundup.training.settings import OptimizerSettings, TrainSettings
from groundup.training.terms import forward_backward, total
from tests.stateful_example import FAMILIES, model, settings

SEGMENTS, TIME = 4, 6


@dataclass
class Rows:
    """Random rows of four segments."""

    rows: int = 4
    time: int = SEGMENTS * TIME
    packed: bool = False

    def batch(self, step: int, rows=None) -> Batch:
        dice = np.random.default_rng(step)
        text = dice.integers(0, 90, (self.rows, self.time + 1))
        weights = (dice.random((self.rows, self.time)) < 0.8).astype(np.float32)
        begins = np.sort(dice.permuted(np.tile(np.arange(1, self.time), (self.rows, 1)), axis=1)[:, :2], axis=1)
        at = np.arange(self.time) - np.where(np.arange(self.time) >= begins[:, :1], begins[:, :1], 0)
        at = np.where(np.arange(self.time) >= begins[:, 1:], np.arange(self.time) - begins[:, 1:], at)
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        positions = at[which] if self.packed else None
        return Batch(text[which, :-1], text[which, 1:], weights[which], positions=positions)


def gradients(made, objective, batches) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    made.zero_grad()
    loss, _ = forward_backward(made, objective, batches, total([objective.counts(batch) for batch in batches]))
    return loss, {name: parameter.grad.clone() for name, parameter in made.named_parameters()}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_chain_is_its_segments_read_by_hand_with_a_memory_that_no_gradient_crosses(family):
    made, objective = model(family).double(), Chained(Rows(), SEGMENTS)
    batch = objective.batch(3)
    loss, found = gradients(made, objective, [batch])
    made.zero_grad()
    memory, count, expected = SegmentMemory(4), float(batch.weights.sum()), 0.0
    ids, targets, weights = (torch.tensor(array) for array in (batch.ids, batch.targets, batch.weights))
    for start in range(0, SEGMENTS * TIME, TIME):
        here = slice(start, start + TIME)
        logits = memory.read(made, ids[:, here]).flatten(0, 1)
        cost = F.cross_entropy(logits, targets[:, here].flatten(), reduction="none")
        part = (cost * weights[:, here].flatten()).sum() / count
        part.backward()
        expected += part.item()
    assert float(loss) == pytest.approx(expected, rel=1e-9)
    for name, parameter in made.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("family", ["rnn", "gru", "lstm"])
def test_recurrent_models_learn_as_torch_s_own_layers_with_a_detached_state(family):
    made, objective = model(family, depth=1, tied=False).double(), Chained(Rows(), SEGMENTS)
    batch = objective.batch(1)
    loss, found = gradients(made, objective, [batch])
    theirs = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[family](32, 32, batch_first=True).double()
    layer = made.model.layers[0]
    theirs.load_state_dict({name: value.detach() for name, value in layer.named_parameters()})
    table, head = made.model.embed_tokens.weight.detach(), made.lm_head.weight.detach()
    state, expected = None, 0.0
    for ids, targets, weights in zip(
        *(torch.tensor(array).split(TIME, 1) for array in (batch.ids, batch.targets, batch.weights)), strict=True
    ):
        hidden, state = theirs(table[ids], state)
        state = tuple(part.detach() for part in state) if family == "lstm" else state.detach()
        cost = F.cross_entropy((hidden @ head.T).flatten(0, 1), targets.flatten(), reduction="none")
        part = (cost * weights.flatten()).sum() / float(batch.weights.sum())
        part.backward()
        expected += part.item()
    assert float(loss) == pytest.approx(expected, rel=1e-9)
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(found[f"model.layers.0.{name}"], parameter.grad, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_foretold_does_not_depend_on_where_a_row_is_cut_but_gradients_do(family, packed):
    made, source = model(family).double(), Rows(packed=packed)
    whole, chain = NextToken(source), Chained(source, SEGMENTS)
    batch = source.batch(5)
    (loss, far), (same, near) = (gradients(made, objective, [batch]) for objective in (whole, chain))
    assert float(same) == pytest.approx(float(loss), rel=1e-9)
    name = "model.embed_tokens.weight"
    assert (far[name] - near[name]).abs().max() > 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_one_segment_is_a_plain_row_to_the_bit(family):
    made, source = model(family), Rows(packed=family == "gru")
    (one, few), (other, many) = (
        gradients(made, each, [source.batch(2)]) for each in (NextToken(source), Chained(source, 1))
    )
    assert torch.equal(one, other) and all(torch.equal(few[name], many[name]) for name in few)


@pytest.mark.parametrize("family", ["gru", "transformer_xl"])
def test_parts_of_a_step_add_up_to_the_whole_and_loss_is_what_losses_tell(family):
    made, objective = model(family).double(), Chained(Rows(), SEGMENTS)
    whole, parts = [objective.batch(2)], [objective.batch(2, rows) for rows in ([0], [1, 2], [3])]
    (loss, found), (again, split) = gradients(made, objective, whole), gradients(made, objective, parts)
    assert float(loss) == pytest.approx(float(again), rel=1e-12)
    for name in found:
        torch.testing.assert_close(found[name], split[name], rtol=1e-9, atol=1e-12)
    term = objective.loss(made, whole[0])["next_token"]
    assert term.sum.item() / term.count == pytest.approx(float(loss), rel=1e-9)
    assert term.count == objective.counts(whole[0])["next_token"]


def test_a_step_keeps_the_activations_of_one_segment_alone():
    made, alive = model("gru"), []
    objective = Chained(Rows(), SEGMENTS)
    batch = objective.batch(0)
    for terms in objective.losses(made, batch):
        terms["next_token"].sum.backward()
        with pytest.raises(RuntimeError, match="second time"):
            terms["next_token"].sum.backward()
        alive.append(terms["next_token"].count)
    assert sum(alive) == objective.counts(batch)["next_token"] and len(alive) == SEGMENTS


def test_positions_go_on_over_borders():
    parts = cut(Rows().batch(0), SEGMENTS)
    assert [part.positions[0, 0] for part in parts] == [0, TIME, 2 * TIME, 3 * TIME]
    packed = Rows(packed=True).batch(0)
    assert np.array_equal(np.concatenate([part.positions for part in cut(packed, SEGMENTS)], 1), packed.positions)


class Story:
    """Each row is a number of 0 to 3, then fillers and questions: each question asks for the number, long after it."""

    rows, time = 32, 64

    def batch(self, step: int, rows=None) -> Batch:
        dice = np.random.default_rng(step)
        ids, number = dice.integers(5, 8, (self.rows, self.time)), dice.integers(0, 4, self.rows)
        asked = dice.random((self.rows, self.time)) < 0.3
        ids[asked], ids[:, 0] = 4, number
        asked[:, 0] = False
        targets = np.where(asked, number[:, None], 0)
        return Batch(ids, targets, asked.astype(np.float32))


class Windows:
    """The same rows as windows that know nothing of each other."""

    rows, time = 128, 16

    def batch(self, step: int, rows=None) -> Batch:
        batch = Story().batch(step)
        return Batch(*(array.reshape(self.rows, self.time) for array in (batch.ids, batch.targets, batch.weights)))


class Periods:
    """A run of 12 random tokens, again and again: from the second time on, all is known to who remembers."""

    rows, time = 16, 48

    def batch(self, step: int, rows=None) -> Batch:
        text = np.tile(np.random.default_rng(step).integers(0, 8, (self.rows, 12)), (1, 5))[:, : self.time + 1]
        weights = np.ones((self.rows, self.time), np.float32)
        weights[:, :12] = 0
        return Batch(text[:, :-1], text[:, 1:], weights)


class Cut:
    """The same as windows of one period."""

    rows, time = 64, 12

    def batch(self, step: int, rows=None) -> Batch:
        batch = Periods().batch(step)
        return Batch(*(array.reshape(self.rows, self.time) for array in (batch.ids, batch.targets, batch.weights)))


@pytest.mark.parametrize(
    ("family", "whole", "parts", "steps", "chance"),
    [("gru", Story(), Windows(), 70, np.log(4)), ("transformer_xl", Periods(), Cut(), 110, np.log(8))],
)
def test_what_needs_more_than_one_segment_is_learnt_with_chains_and_not_without(family, whole, parts, steps, chance):
    shape = settings(family, vocabulary=8, depth=1 if family == "gru" else 2)
    if family == "transformer_xl":
        shape = settings(family, vocabulary=8, transformer_xl={"memory": 24})
    quick = OptimizerSettings(kind="adamw", rate=0.02) if family == "gru" else OptimizerSettings()
    ends = []
    for objective in (Chained(whole, 4), NextToken(parts)):
        made = StatefulModel(shape, seed=1).train()
        asked = TrainSettings(steps=steps, rows=objective.rows, time=objective.time, optimizer=quick)
        training = Training(made, objective, asked)
        for step in range(steps):
            training.advance(step)
        with torch.no_grad():
            term = objective.loss(made, objective.batch(10_000))["next_token"]
        ends.append(term.sum.item() / term.count)
    assert ends[0] < 0.1 * chance and ends[1] > 0.6 * chance, ends


def test_what_cannot_be_a_chain_is_said(tmp_path):
    with pytest.raises(Problem, match="24 tokens cannot be cut into 5 segments"):
        Chained(Rows(), 5)
    for asked, words in [
        (("next_token", ModelSettings(), False, False), "family qwen3 carries nothing"),
        (("masked", settings("gru"), False, False), "cuts pages into chains"),
        (("next_token", settings("gru"), True, False), "cuts pages into chains"),
        (("next_token", settings("gru"), False, True), "training.recompute"),
    ]:
        with pytest.raises(Problem, match=words):
            check(*asked)
    check("next_token", settings("mamba"), False, False)


def test_pages_are_cut_as_they_lie(tmp_path):
    writer = Writer(tmp_path, 90)
    writer.add([np.arange(80)], 80)
    writer.close()
    parts = cut(pages(Shards(tmp_path), 2, 24, seed=1).batch(0), 3)
    assert all((part.targets == part.ids + 1).all() for part in parts)
    assert (parts[1].ids[:, 0] == parts[0].ids[:, -1] + 1).all()
