"""Experts in training: tokens spread, by a loss or by biases, and a stopped training goes on with the same bits."""

import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.balance import load, unevenness, watched
from groundup.model.experts import Routes
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.balanced import Balanced
from groundup.objectives.next_token import NextToken
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.table import Sources, objective
from groundup.training.keeper import Hooks
from groundup.training.loop import train
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.training_example import make_world


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return pages(Shards(make_world(tmp_path_factory.mktemp("world"), 60) / "tokens" / "train"), 8, 24, seed=5)


def model(**experts) -> Transformer:
    """Born with routers that send every token to the first experts."""
    table = {"count": 6, "chosen": 2, "hidden": 32, **experts}
    made = Transformer(ModelSettings(depth=2, width=32, vocabulary=300, head_width=16, experts=table), seed=3)
    with torch.no_grad():
        made.model.embed_tokens.weight[:, 0] = 0.1
        for layer in made.model.layers:
            layer.mlp.gate.weight *= 0.1
            layer.mlp.gate.weight[:, 0] = torch.tensor([0.3, 0.3, 0.0, 0.0, -0.2, -0.2])
    return made


def settings(steps, **values) -> TrainSettings:
    return TrainSettings(steps=steps, rows=8, time=24, log_every=1, **values)


def spread(made, source) -> float:
    """The busiest expert's share of what an even one would have, in the worst layer."""
    with torch.no_grad(), watched(made) as seen:
        made.hidden(torch.from_numpy(source.batch(0).ids))
    return max(float(load(routes).max() / load(routes).mean()) for _, routes in seen)


def test_even_routes_cost_the_number_of_the_chosen_and_uneven_ones_more():
    rates, even = torch.full((6, 3), 1 / 3), torch.tensor([[0], [1], [2]] * 2)
    assert unevenness([Routes(rates, rates[:, :1], even)]) == pytest.approx(1)
    sure = torch.tensor([[0.8, 0.1, 0.1]] * 6)
    assert unevenness([Routes(sure, sure[:, :1], even * 0)]) == pytest.approx(3 * 0.8)


@pytest.mark.parametrize(("kind", "steps"), [("adamw", 60), ("muon", 30)])
def test_a_loss_spreads_tokens(source, kind, steps):
    ends = []
    for balance in (0.0, 1.0):
        made = model()
        assert spread(made, source) > 2.5
        train(made, Balanced(NextToken(source), balance), settings(steps, optimizer=OptimizerSettings(kind=kind)))
        ends.append(spread(made, source))
    assert ends[1] < 1.9 and ends[1] < ends[0] - 0.4, ends


def test_biases_spread_tokens_without_a_loss(source):
    made = model(router="sigmoid", correction=True)
    before, lines = spread(made, source), []
    hooks = Hooks(log=lambda **line: lines.append(line))
    train(made, Balanced(NextToken(source), correction=0.02), settings(60), hooks=hooks)
    assert before > 2.5 and spread(made, source) < 1.9
    assert lines[-1]["term.next_token"] == pytest.approx(lines[-1]["loss"]) and "term.balance" in lines[-1]


def test_a_training_that_was_stopped_keeps_its_biases(source, tmp_path):
    def made():
        return model(router="sigmoid", correction=True), Balanced(NextToken(source), correction=0.05), settings(6)

    whole, asked = train(*made()).state, []
    with pytest.raises(KeyboardInterrupt):
        train(*made(), tmp_path, "run", Hooks(stopping=lambda: asked.append(1) or len(asked) > 3))
    resumed = train(*made(), tmp_path, "run").state
    assert resumed.keys() == whole.keys() and all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert whole["model.model.layers.0.mlp.gate.e_score_correction_bias"].abs().max() > 0


def test_what_cannot_be_balanced_is_said(source):
    plain = Transformer(ModelSettings(depth=1, width=32, vocabulary=300, head_width=16))
    with pytest.raises(Problem, match="this model has none"):
        train(plain, Balanced(NextToken(source), 0.1), settings(1))
    with pytest.raises(Problem, match=r"model\.experts\.correction"):
        train(model(), Balanced(NextToken(source), correction=0.1), settings(1))


def test_settings_ask_for_it(source):
    assert isinstance(objective(ObjectiveSettings(balance=0.01), Sources(pages=source)), Balanced)
    assert isinstance(objective(ObjectiveSettings(), Sources(pages=source)), NextToken)
