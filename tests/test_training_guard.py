"""No step whose loss or gradient is far outside what is usual reaches the weights; what was left out is said."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from groundup.errors import Problem
from groundup.objectives.next_token import NextToken
from groundup.training.guard import NOT_FINITE, UNUSUAL, YOUNG, Guard, skipped
from groundup.training.keeper import Hooks
from groundup.training.loop import Training, train
from groundup.training.settings import TrainSettings
from tests.test_training_loop import model, objective, shards  # noqa: F401


class Bent(NextToken):
    """At some steps the loss is another one."""

    at: dict[int, float] = {}

    def batch(self, step, rows=None):
        self.now = step
        return super().batch(step, rows)

    def loss(self, model, batch):
        factor = self.at.get(self.now, 1.0)
        return {name: replace(term, sum=term.sum * factor) for name, term in super().loss(model, batch).items()}


def small(steps, **values) -> TrainSettings:
    return TrainSettings(steps=steps, rows=8, time=24, log_every=5, **values)


def weights(training) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in training.state.items() if not name.startswith(("guard", "sums"))}


def same(one, other) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_where_nothing_is_unusual_it_changes_no_bit(shards):  # noqa: F811
    ends = [weights(train(model(), objective(shards), small(YOUNG + 10, guard=guard))) for guard in (0.0, 6.0)]
    assert same(*ends)


def test_a_leap_of_the_loss_never_reaches_weights_or_moments(shards):  # noqa: F811
    bent, said = Bent(objective(shards).source), []
    bent.at = {YOUNG + 3: 100.0}
    training = Training(model(), bent, small(YOUNG + 10, guard=6.0))
    for step in range(YOUNG + 3):
        training.advance(step)
    before = weights(training)
    training.advance(YOUNG + 3)
    assert same(weights(training), before) and training.left_out(YOUNG + 5)[YOUNG + 4] == UNUSUAL
    training.advance(YOUNG + 4)
    assert not same(weights(training), before)
    lines = []
    train(
        model(), bent, small(YOUNG + 10, guard=6.0), hooks=Hooks(say=said.append, log=lambda **line: lines.append(line))
    )
    documents = bent.batch(YOUNG + 3).documents.tolist()
    assert said == [
        f"step {YOUNG + 4} was skipped: its loss or gradient was far above what is usual; "
        f"documents {', '.join(map(str, documents))}"
    ]
    assert [line["skipped"] for line in lines if "skipped" in line] == [0] * 10 + [1, 0]


def test_a_gradient_alone_may_be_too_long():
    guard, norm = Guard(6.0, 10, torch.device("cpu")), torch.tensor(1.0)
    assert all(guard.judge(step, torch.tensor(2.0), norm) == 1 for step in range(YOUNG))
    assert guard.judge(YOUNG, torch.tensor(2.0), norm * 3) == 0
    assert guard.judge(YOUNG + 1, torch.tensor(2.0), norm / 3) == 1  # only above


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_leaves_mean_and_variance_alone(bad):
    guard = Guard(6.0, 10, torch.device("cpu"))
    for step in range(4):
        guard.judge(step, torch.tensor(2.0 + step), torch.tensor(1.0))
    before = {name: value.clone() for name, value in guard.slots.items()}
    assert guard.judge(4, torch.tensor(bad), torch.tensor(1.0)) == 0 and guard.slots["guard.became"][4] == NOT_FINITE
    for name in ("guard.mean", "guard.variance", "guard.learnt"):
        assert torch.equal(guard.slots[name], before[name])


def test_a_new_level_is_got_used_to():
    guard = Guard(6.0, 10, torch.device("cpu"))
    for step in range(YOUNG):
        guard.judge(step, torch.tensor(2.0), torch.tensor(1.0))
    after = [guard.judge(step, torch.tensor(9.0), torch.tensor(1.0)).item() for step in range(100)]
    assert after[0] == 0 and after[-1] == 1


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=YOUNG))
@hypothesis_settings(max_examples=30, deadline=None)
def test_in_its_youth_it_keeps_plain_mean_and_variance(losses):
    guard = Guard(6.0, 10, torch.device("cpu"))
    for step, loss in enumerate(losses):
        guard.judge(step, torch.tensor(loss), torch.tensor(1.0))
    assert guard.slots["guard.mean"][0].item() == pytest.approx(np.mean(losses), abs=1e-4)
    assert guard.slots["guard.variance"][0].item() == pytest.approx(np.var(losses), abs=1e-3)


def test_steps_and_ranges_can_be_skipped(shards):  # noqa: F811
    assert [step for step in range(1, 9) if skipped([2, [4, 6]], step)] == [2, 4, 5, 6]
    training = Training(model(), objective(shards), small(3, skip=[1, [2, 3]]))
    before = weights(training)
    training.advance(0)
    assert same(weights(training), before)
    said = []
    train(model(), objective(shards), small(20, skip=[3]), hooks=Hooks(say=said.append))
    assert len(said) == 1 and "step 3 was skipped: training.skip says so; documents " in said[0]


def test_a_training_that_learns_nothing_from_its_first_step_on_is_given_up(shards):  # noqa: F811
    bent = Bent(objective(shards).source)
    bent.at = dict.fromkeys(range(30), float("nan"))
    with pytest.raises(Problem, match="not finite in any of the first 10 steps.*precision"):
        train(model(), bent, small(30))


def test_a_stop_between_skipped_steps_changes_nothing(shards, tmp_path):  # noqa: F811
    bent = Bent(objective(shards).source)
    bent.at = {YOUNG + 1: 100.0, YOUNG + 3: float("nan")}
    whole, said, again = train(model(), bent, small(YOUNG + 6, guard=6.0)), [], []
    asked = []
    hooks = Hooks(stopping=lambda: asked.append(1) or len(asked) > YOUNG + 4, say=again.append)
    with pytest.raises(KeyboardInterrupt):
        train(model(), bent, small(YOUNG + 6, guard=6.0), tmp_path, "run", hooks)
    ended = train(model(), bent, small(YOUNG + 6, guard=6.0), tmp_path, "run", Hooks(say=said.append))
    assert same(weights(ended), weights(whole))
    assert [sentence.split(":")[0] for sentence in said] == [f"step {YOUNG + n} was skipped" for n in (2, 4)]
