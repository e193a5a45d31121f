"""Laws of the optimizers: equal to their definitions, to torch's own, and deaf to numbers that are not numbers."""

import pytest
import torch

from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.training.muon import orthogonalize, orthogonalize_by_decomposition
from groundup.training.optimizers import Rule, adamw_by_definition, by_shape, kind_of, optimizer, rules_of, stretch
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


def test_adamw_is_torchs_over_a_hundred_steps():
    settings = OptimizerSettings(kind="adamw", rate=0.01, decay=0.1, decay_tables=0.1, eps=1e-8)
    ours, theirs = parameters(torch.float32), parameters(torch.float32)
    own = optimizer(ours, settings, torch.float32)
    groups = [{"params": [p], "weight_decay": 0.1 if p.ndim > 1 else 0.0} for p in theirs.values()]
    peer = torch.optim.AdamW(groups, lr=0.01, betas=(settings.beta1, settings.beta2), eps=1e-8)
    for step in range(100):
        for name, gradient in gradients(step, torch.float32).items():
            theirs[name].grad = gradient
        peer.step()
        own.update(gradients(step, torch.float32), 1.0, ONE)
    for name in SHAPES:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-6, rtol=1e-6)


def test_adamw_is_its_definition():
    settings = OptimizerSettings(kind="adamw", rate=0.02, decay=0.3)
    ours = parameters()
    own = optimizer(ours, settings, torch.float64)
    written = {name: (value.clone(), torch.zeros_like(value), torch.zeros_like(value)) for name, value in ours.items()}
    rules = rules_of(ours, settings)
    for step in range(5):
        factor = 1 - 0.1 * step
        own.update(gradients(step), factor, ONE)
        for name, gradient in gradients(step).items():
            rule = Rule(rules[name].rate * factor, rules[name].decay)
            written[name] = adamw_by_definition(
                written[name][0], gradient, *written[name][1:], step + 1, rule, settings
            )
    for name in SHAPES:
        torch.testing.assert_close(ours[name], written[name][0])


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
            direction = orthogonalize(ahead[None], torch.float64)[0] * stretch(ahead)
            matrices[name] = value * (1 - 0.025 * 0.2) - 0.025 * direction
    assert len(matrices) == 3
    for name, value in matrices.items():
        torch.testing.assert_close(ours[name], value)


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


def test_a_gradient_of_zero_moves_nothing():
    for kind in ("adamw", "muon"):
        ours = parameters()
        before = {name: value.clone() for name, value in ours.items()}
        optimizer(ours, OptimizerSettings(kind=kind), torch.float64).update(
            {name: torch.zeros_like(value) for name, value in ours.items()}, 1.0, ONE
        )
        assert all(torch.equal(ours[name], before[name]) for name in ours)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_step_of_strength_zero_leaves_every_bit(kind, poison):
    ours = parameters(torch.float32)
    own = optimizer(ours, OptimizerSettings(kind=kind, decay=0.1), torch.float32)
    own.update(gradients(0, torch.float32), 1.0, ONE)
    before = {name: value.clone() for name, value in (ours | own.slots).items()}
    bad = {name: value + poison for name, value in gradients(1, torch.float32).items()}
    own.update(bad, 1.0, torch.zeros(()))
    for name, value in (ours | own.slots).items():
        assert value.numpy().tobytes() == before[name].numpy().tobytes(), name


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
