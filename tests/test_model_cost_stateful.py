"""What a model that carries a state costs by formula equals what it costs when counted."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from groundup.generation.cache import Cache
from groundup.model import cost, cost_stateful
from groundup.model.folder import bare
from groundup.model.stateful import LAYERS
from groundup.objectives.likelihood import log_probability
from tests.stateful_example import FAMILIES, ids, model, settings

SHAPES = [
    *((family, {}) for family in FAMILIES),
    ("gru", {"tied": False}),
    ("mingru", {"biases": True, "norm": "layer", "feedforward": "relu2"}),
    ("mamba", {"biases": True, "mamba": {"kernel": 3, "conv_bias": False, "expand": 3}}),
    ("transformer_xl", {"biases": False, "norm": "rms", "feedforward": "swiglu"}),
]


def test_every_layer_has_its_formula():
    assert cost_stateful.LAYERS.keys() == LAYERS.keys()


@pytest.mark.parametrize(("family", "changed"), SHAPES)
def test_parameters_are_counted_without_building(family, changed):
    shape = settings(family, **changed)
    assert cost.parameters(shape) == sum(value.numel() for value in bare(shape).parameters())


@pytest.mark.parametrize(("family", "changed"), SHAPES)
def test_arithmetic_is_what_torch_counts(family, changed):
    made = model(family, **changed)
    made.attention = "plain" if family == "transformer_xl" else "steps"  # torch does not look into all of its kernels
    with FlopCounterMode(display=False) as counter:
        loss = made(ids(8, 64)).sum()
    counted = counter.get_total_flops()
    assert counted == pytest.approx(8 * 64 * cost.flops_per_token(made.settings, 64), rel=0.02)
    with FlopCounterMode(display=False) as counter:
        loss.backward()
    both = counted + counter.get_total_flops()
    assert both == pytest.approx(8 * 64 * cost.flops_per_token(made.settings, 64, backward=True), rel=0.02)


@pytest.mark.parametrize(("family", "changed"), SHAPES)
def test_a_cache_takes_what_was_said_however_long_the_text(family, changed):
    made, cache = model(family, **changed), Cache(3)
    with torch.inference_mode():
        made(ids(3, 16), torch.arange(16)[None], cache.view([0, 1, 2]))
    assert sum(state.nbytes for state in cache.states.values()) == cost.carried_bytes(made.settings, 3)
    assert cost.kv_bytes(made.settings, 100) == 0 and not cache.k


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_keeps_about_what_was_said(family):
    own = {"mamba": {"state": 16}} if family == "mamba" else {}
    made = model(family, width=96, depth=3, **own)
    weights, kept = {value.untyped_storage().data_ptr() for value in made.parameters()}, {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    text = ids(8, 128)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        log_probability(made(text).flatten(0, 1), text.flatten()).sum()
    held = sum(value.untyped_storage().nbytes() for place, value in kept.items() if place not in weights)
    assert cost.activation_bytes(made.settings, 8, 128) / held == pytest.approx(1, abs=0.04)
