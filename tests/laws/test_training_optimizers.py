"""Laws of the optimizers: equal to their definitions, to torch's own, and deaf to numbers that are not numbers."""

import numpy as np
import pytest
import torch

from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.training.optimizers.muon import by_shape_alone
from groundup.training.optimizers.orthogonal import orthogonalize, orthogonalize_by_decomposition
from groundup.training.optimizers.rules import by_shape, kind_of, rules_of
from groundup.training.optimizers.table import DEFINITIONS, OPTIMIZERS, optimizer
from groundup.training.settings import OptimizerSettings

SHAPES = {
    "model.embed_tokens.weight": (11, 6),
    "a.weight": (6, 6),
    "b.weight": (9, 6),
    "c.weight": (6, 6),
    "n.weight": (6,),
}
ONE = torch.ones(())


def parameters(dtype=torch.float64) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator, dtype=dtype) for name, shape in SHAPES.items()}


def gradients(step: int, dtype=torch.float64) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(shape, generator=generator, dtype=dtype) * 3 for name, shape in SHAPES.items()}


def moved(settings: OptimizerSettings, steps: int, dtype=torch.float64) -> dict[str, torch.Tensor]:
    """The parameters after so many steps of ours."""
    ours = parameters(dtype)
    own = optimizer(ours, settings, dtype)
    for step in range(steps):
        own.update(gradients(step, dtype), 1.0, ONE)
    return ours


# Ours, and torch's own beside it with the same numbers.
DECAY = {"rate": 0.01, "decay": 0.1, "decay_tables": 0.1}
PEERS = {
    "sgd": (DECAY | {"momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)),
    "sgd nesterov": (
        DECAY | {"momentum": 0.9, "nesterov": True},
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    ),
    "sgd plain": (DECAY | {"momentum": 0.0}, lambda p: torch.optim.SGD(p, lr=0.01)),
    "rmsprop": (DECAY | {"eps": 1e-8}, lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.95, eps=1e-8)),
    "adam": (DECAY | {"eps": 1e-8}, lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.8, 0.95), eps=1e-8)),
    "adamw": (DECAY | {"eps": 1e-8}, lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.8, 0.95), eps=1e-8)),
    "adafactor": (DECAY, lambda p: torch.optim.Adafactor(p, lr=0.01)),
}


@pytest.mark.parametrize("named", PEERS)
def test_an_optimizer_is_torchs_over_a_hundred_steps(named):
    given, make = PEERS[named]
    ours = moved(OptimizerSettings(kind=named.split()[0], **given), 100, torch.float32)
    theirs = parameters(torch.float32)
    peer = make([{"params": [p], "weight_decay": 0.1 if p.ndim > 1 else 0.0} for p in theirs.values()])
    for step in range(100):
        for name, gradient in gradients(step, torch.float32).items():
            theirs[name].grad = gradient
        peer.step()
    for name in SHAPES:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("stretch, theirs", [("shape", "original"), ("adamw", "match_rms_adamw")])
def test_muon_is_torchs_over_a_hundred_steps(stretch, theirs, monkeypatch):
    """torch's always rounds to bf16 inside; here it may not, so that what is compared is the method and not the rounding."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.clone())
    settings = OptimizerSettings(rate=0.01, decay=0.1, polynomial="jordan", stretch=stretch, momentum=0.9)
    ours, other = parameters(torch.float32), parameters(torch.float32)
    matrices = [name for name, value in ours.items() if kind_of(name, value) == "matrix"]
    own = optimizer(ours, settings, torch.float32)
    peer = torch.optim.Muon([other[n] for n in matrices], lr=0.01, momentum=0.9, adjust_lr_fn=theirs)
    for step in range(100):
        own.update(gradients(step, torch.float32), 1.0, ONE)
        for name in matrices:
            other[name].grad = gradients(step, torch.float32)[name]
        peer.step()
    for name in matrices:
        torch.testing.assert_close(ours[name], other[name], atol=1e-6, rtol=1e-6)


def test_lion_is_its_papers_formula():
    """Algorithm 2 of Chen et al. 2023, in NumPy."""
    settings = OptimizerSettings(kind="lion", rate=0.01, decay=0.1, decay_tables=0.1, beta1=0.9, beta2=0.99)
    ours = moved(settings, 100)
    for name, theta in parameters().items():
        theta, decay = theta.numpy(), 0.1 if theta.ndim > 1 else 0.0
        mean = np.zeros_like(theta)
        for step in range(100):
            gradient = gradients(step)[name].numpy()
            theta = theta - 0.01 * (np.sign(0.9 * mean + 0.1 * gradient) + decay * theta)
            mean = 0.99 * mean + 0.01 * gradient
        np.testing.assert_allclose(ours[name].numpy(), theta, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("kind", sorted(set(OPTIMIZERS) - {"muon"}))
def test_an_optimizer_is_its_definition(kind, nesterov):
    if nesterov and kind != "sgd":
        return
    way = "l1" if kind == "adam" else "decoupled"
    settings = OptimizerSettings(kind=kind, rate=0.02, decay=0.3, nesterov=nesterov, decay_kind=way)
    ours = parameters()
    own = optimizer(ours, settings, torch.float64)
    written = {name: (value.clone(), start(own, name)) for name, value in ours.items()}
    rules = rules_of(ours, settings)
    for step in range(5):
        factor = 1 - 0.1 * step
        own.update(gradients(step), factor, ONE)
        for name, gradient in gradients(step).items():
            weight, moments = written[name]
            decay = rules[name].decay
            if way == "l1":
                gradient, decay = gradient + decay * weight.sign(), 0.0
            written[name] = DEFINITIONS[kind](
                weight, gradient, moments, step + 1, rules[name].rate * factor, decay, settings
            )
    for name in SHAPES:
        torch.testing.assert_close(ours[name], written[name][0])
        for moment, value in written[name][1].items():
            torch.testing.assert_close(own.slots[f"{own.name}.{moment}.{name}"], value)


def start(own, name) -> dict[str, torch.Tensor]:
    return {moment: kept.read().clone() for moment, kept in own.kept[name].items()}


def test_a_penalty_on_squares_is_its_gradient_added():
    """λ/2·‖w‖² in the loss, λ·‖w‖₁ in the loss: what autograd makes of them is what l2 and l1 do."""
    for way, penalty in (("l2", lambda w: w.square().sum() / 2), ("l1", lambda w: w.abs().sum())):
        settings = OptimizerSettings(kind="rmsprop", rate=0.01, decay=0.2, decay_kind=way)
        penalised = moved(settings, 1)
        ours = parameters()
        given = gradients(0)
        for name, value in ours.items():
            if kind_of(name, value) == "matrix":
                loose = value.clone().requires_grad_()
                given[name] += 0.2 * torch.autograd.grad(penalty(loose), loose)[0]
        optimizer(ours, OptimizerSettings(kind="rmsprop", rate=0.01), torch.float64).update(given, 1.0, ONE)
        for name in SHAPES:
            torch.testing.assert_close(ours[name], penalised[name])


def test_muon_is_its_definition_one_matrix_at_a_time():
    settings = OptimizerSettings(kind="muon", rate=0.05, momentum=0.9, decay=0.2)
    ours = parameters()
    own = optimizer(ours, settings, torch.float64)
    matrices = {name: value.clone() for name, value in ours.items() if kind_of(name, value) == "matrix"}
    momentum = {name: torch.zeros_like(value) for name, value in matrices.items()}
    for step in range(5):
        own.update(gradients(step), 0.5, ONE)
        for name, value in matrices.items():
            gradient = gradients(step)[name]
            momentum[name] = 0.9 * momentum[name] + 0.1 * gradient
            ahead = 0.1 * gradient + 0.9 * momentum[name]
            direction = orthogonalize(ahead[None], torch.float64)[0] * by_shape_alone(ahead)
            matrices[name] = value * (1 - 0.025 * 0.2) - 0.025 * direction
    assert len(matrices) == 3
    for name, value in matrices.items():
        torch.testing.assert_close(ours[name], value)


def test_muon_goes_nearly_where_a_decomposition_says():
    settings = OptimizerSettings(kind="muon", rate=0.05)
    ours, before = parameters(), parameters()
    optimizer(ours, settings, torch.float64).update(gradients(0), 1.0, ONE)
    for name, value in before.items():
        if kind_of(name, value) == "matrix":
            zero = {"momentum": torch.zeros_like(value)}
            exact, _ = DEFINITIONS["muon"](value, gradients(0)[name], zero, 1, 0.05, 0.0, settings)
            assert (ours[name] - exact).norm() < 0.15 * (exact - value).norm()


@pytest.mark.parametrize("shape", [(8, 8), (5, 20), (20, 5)])
@pytest.mark.parametrize("dtype, off", [(torch.float64, 0.15), (torch.bfloat16, 0.2)])
def test_orthogonalizing_makes_all_singular_values_nearly_one(shape, dtype, off):
    matrices = torch.randn(3, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 40
    made = orthogonalize(matrices, dtype).double()
    values = torch.linalg.svdvals(made)
    assert (values - 1).abs().max() < off
    for matrix, near in zip(matrices, made, strict=True):
        exact = orthogonalize_by_decomposition(matrix)
        assert (near - exact).norm() < off * exact.norm()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_gradient_of_zero_moves_nothing(kind):
    ours = parameters()
    before = {name: value.clone() for name, value in ours.items()}
    optimizer(ours, OptimizerSettings(kind=kind), torch.float64).update(
        {name: torch.zeros_like(value) for name, value in ours.items()}, 1.0, ONE
    )
    assert all(torch.equal(ours[name], before[name]) for name in ours)


STATES = [(kind, state) for kind in OPTIMIZERS for state in ("f32", "bf16", "8bit", "host")]
STATES = [pair for pair in STATES if pair[0] != "adafactor" or pair[1] in ("f32", "host")]


@pytest.mark.parametrize("kind, state", STATES)
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
@pytest.mark.parametrize("first", [0, 1])
def test_a_step_of_strength_zero_leaves_every_bit(kind, state, poison, first):
    ours = parameters(torch.float32) | {"big.weight": torch.ones(80, 64)}
    own = optimizer(ours, OptimizerSettings(kind=kind, decay=0.1, state=state), torch.float32)
    if not first:
        own.update(gradients(0, torch.float32) | {"big.weight": torch.randn(80, 64)}, 1.0, ONE)
    before = {name: value.clone() for name, value in (ours | own.slots).items()}
    bad = {name: value + poison for name, value in ours.items()}
    own.update(bad, 1.0, torch.zeros(()))
    for name, value in (ours | own.slots).items():
        assert bits_of(value) == bits_of(before[name]), name


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_moments_on_the_host_are_those_beside_the_weights(kind):
    near, far = (moved(OptimizerSettings(kind=kind, state=state), 3) for state in ("f32", "host"))
    assert all(torch.equal(near[name], far[name]) for name in SHAPES)


def bits_of(value: torch.Tensor) -> bytes:
    return value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def test_every_parameter_of_a_model_is_learnt_by_someone():
    for family in ("qwen3", "gpt2"):
        model = Transformer(ModelSettings(family=family, depth=2, width=32, vocabulary=20, tied=False))
        named = dict(model.named_parameters())
        kinds = {name: kind_of(name, value) for name, value in named.items()}
        assert {name for name, kind in kinds.items() if kind == "table"} >= {
            "model.embed_tokens.weight",
            "lm_head.weight",
        }
        assert all("proj" in name for name, kind in kinds.items() if kind == "matrix")
        rules = rules_of(named, OptimizerSettings(decay=0.1))
        assert all(rules[name].decay == 0 for name, kind in kinds.items() if kind != "matrix")
        assert sorted(name for group in by_shape(named) for name in group) == sorted(named)
