"""A loss without logits is the loss: the same number, the same gradients, whatever the head is made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import Batch
from groundup.model.taken_apart import Pieces
from groundup.objectives import chunked
from groundup.objectives.ahead import Ahead
from groundup.objectives.answers import Answers
from groundup.objectives.chunked import Price, told_in_chunks, weighed, weighed_by_definition
from groundup.objectives.likelihood import log_probability, log_probability_of
from groundup.objectives.next_token import NextToken
from groundup.objectives.softened import softened
from groundup.training.settings import RegulariserSettings
from tests.encoder_decoder_example import model as encoder_decoder
from tests.heads_example import model as headed
from tests.model_example import ids, model
from tests.stateful_example import model as stateful

CLOSE = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks of several slices each, the last one shorter."""
    monkeypatch.setattr(chunked, "CHUNK", {"cpu": 40 * 17})
    monkeypatch.setattr(chunked, "LEAST", 8)
    monkeypatch.setattr(chunked, "SLICE", 40 * 5)


def pieces(dtype, bias=True, cap=0.0, count=61, vocabulary=40, width=12, seed=1) -> Pieces:
    dice = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.randn(*shape, generator=dice, dtype=torch.float64).to(dtype).requires_grad_()

    return Pieces(some(count, width), some(vocabulary, width), some(vocabulary) if bias else None, cap)


def close(one, other, within):
    """Relative to the largest number."""
    return (one.double() - other.double()).abs().max() <= within * other.double().abs().max()


@pytest.mark.parametrize(
    "price", [Price(), Price(0.9, 0.1), Price(1.0, 0.0, 1e-2), Price(0.8, 0.2, 1e-3), Price(0, 0, 1)]
)
@pytest.mark.parametrize("cap", [0.0, 2.5])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_loss_and_gradients_are_those_of_the_definition(dtype, bias, cap, price):
    targets, found = torch.randint(40, (61,)), []
    worth = torch.rand(61, dtype=dtype) * (torch.rand(61) > 0.2)
    for way in (weighed, weighed_by_definition):
        given = pieces(dtype, bias, cap)
        loss = way(given, targets, worth, price)
        (loss * 0.37).backward()
        found.append([loss.detach(), *(each.grad for each in given[:3] if each is not None)])
    assert len(found[0]) == 3 + bias
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype and close(one, other, CLOSE[dtype])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("cap", [0.0, 2.5])
def test_log_probabilities_may_be_used_for_anything(dtype, cap):
    targets, found = torch.randint(40, (61,)), []
    for way in (told_in_chunks, lambda given, targets: log_probability(given.together(), targets)):
        given = pieces(dtype, cap=cap)
        told = way(given, targets)
        torch.nn.functional.logsigmoid(told[::2].sum() - told[1:].cumsum(0)).sum().backward()
        found.append([told.detach(), *(each.grad for each in given[:3])])
    assert all(close(one, other, CLOSE[dtype]) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounded_computation_stays_as_near_as_the_plain_one(dtype):
    torch.manual_seed(5)
    targets, worth = torch.randint(40, (61,)), torch.rand(61)
    exact = pieces(torch.float32)
    weighed(exact, targets, worth).backward()
    found = []
    for way in (weighed, lambda given, *rest: -(log_probability(given.together(), targets) * worth).sum()):
        masters = pieces(torch.float32)
        way(masters._replace(x=masters.x.to(dtype)), targets, worth).backward()
        assert masters.weight.grad.dtype == torch.float32
        found.append([(each.grad - best.grad).norm() for each, best in zip(masters[:3], exact[:3], strict=True)])
    assert all(one <= 1.3 * other for one, other in zip(*found, strict=True))


def test_huge_logits_do_not_overflow():
    given = Pieces(torch.tensor([[1e19], [1.0]]).requires_grad_(), torch.tensor([[1e19], [0.0]]))
    loss = weighed(given, torch.tensor([0, 0]), torch.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == 0.0 and given.x.grad.isfinite().all()


def test_only_one_backward_pass_is_granted():
    given = pieces(torch.float32)
    loss = weighed(given, torch.zeros(61, dtype=torch.long), torch.ones(61))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="compute the loss again"):
        loss.backward()


def test_what_needs_no_gradient_gets_none():
    given = pieces(torch.float32)
    frozen = Pieces(given.x, given.weight.detach(), given.bias.detach())
    weighed(frozen, torch.zeros(61, dtype=torch.long), torch.ones(61)).backward()
    assert given.x.grad is not None
    with torch.no_grad():
        assert weighed(given, torch.zeros(61, dtype=torch.long), torch.ones(61)).grad_fn is None


MODELS = {
    "tied": lambda: model("qwen3"),
    "untied": lambda: model("llama untied"),
    "capped": lambda: model("gemma2"),
    "scaled and tied": lambda: encoder_decoder("t5", vocabulary=300),
    "with a bias": lambda: encoder_decoder("marian", vocabulary=300),
    "stateful": lambda: stateful("mingru", vocabulary=300),
    "letters": lambda: model("qwen3", characters={"longest": 6, "width": 4, "filters": [3, 3]}),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_head_can_be_taken_apart(name):
    made = MODELS[name]().double()
    x = torch.randn(33, made.settings.width, dtype=torch.float64)
    torch.testing.assert_close(made.taken_apart(x).together(), made.head(x), atol=1e-12, rtol=0)
    found, targets = [], torch.randint(300, (33,))
    for made.logits in ("whole", "chunked"):
        (log_probability_of(made, x, targets) * torch.arange(33)).sum().backward()
        found.append({name: each.grad for name, each in made.named_parameters() if each.grad is not None})
        made.zero_grad()
    assert found[0].keys() == found[1].keys()
    assert all(close(found[1][name], found[0][name], 1e-10) for name in found[0])


class Written:
    rows, time = 2, 24

    def batch(self, step, rows=None):
        text = ids(2, 25).numpy()
        weights = np.ones((2, 24), np.float32)
        weights[0, 5:9] = 0
        return Batch(text[:, :-1], text[:, 1:], weights, columns={"replay": np.arange(48).reshape(2, 24) % 3 == 0})


class Alone(Written):
    """Without pages among its rows."""

    def batch(self, step, rows=None):
        return replace(super().batch(step, rows), columns={})


def softly(inner, **regularise):
    return lambda source: softened(inner(source), RegulariserSettings(**regularise))


OBJECTIVES = {
    "next token": (lambda: model("llama"), NextToken),
    "answers": (lambda: model("llama untied"), lambda source: Answers(source, 0.3)),
    "next token, smoothed": (lambda: model("gemma2"), softly(NextToken, label_smoothing=0.2)),
    "next token, with z": (lambda: model("llama"), softly(NextToken, z_loss=0.01)),
    "next token, both": (lambda: model("llama untied"), softly(NextToken, label_smoothing=0.1, z_loss=0.01)),
    "answers, smoothed": (lambda: model("llama"), softly(lambda source: Answers(Alone()), label_smoothing=0.1)),
    "answers, with z": (lambda: model("llama"), softly(lambda source: Answers(source, 0.3), z_loss=0.01)),
    "ahead": (
        lambda: headed("ahead", family="llama", vocabulary=300, head={"kind": "ahead", "ahead": 3}),
        lambda source: Ahead(source, 3),
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_learn_the_same_with_it(name):
    build, objective = OBJECTIVES[name]
    found = []
    for way in ("whole", "chunked"):
        made, learnt = build().double(), objective(Written())
        made.logits = way
        terms = learnt.loss(made, learnt.batch(0))
        sum(term.coefficient * term.sum / term.count for term in terms.values()).backward()
        found.append([*(term.sum.detach() for term in terms.values()), *(each.grad for each in made.parameters())])
    assert all(close(one, other, 1e-10) for one, other in zip(*found, strict=True))


def test_smoothing_and_z_never_hold_all_logits():
    made, learnt = model("llama"), softly(NextToken, label_smoothing=0.1, z_loss=0.01)(Written())
    made.logits, made.head = "chunked", None  # whoever asks for all of them would notice
    assert set(learnt.loss(made, learnt.batch(0))) == {"next_token", "smoothing", "z"}


def test_a_batch_in_which_nothing_matters_costs_nothing():
    given = pieces(torch.float32, count=0)
    loss = weighed(given, torch.zeros(0, dtype=torch.long), torch.zeros(0))
    loss.backward()
    assert loss.item() == 0 and not given.weight.grad.any()
