"""What a model that carries a state costs by formula equals what it costs when counted."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from groundup.generation.cache import Cache
from groundup.model import cost, cost_stateful
from groundup.model.folder import bare
from groundup.model.scan import SCANS
from groundup.model.settings import ModelSettings
from groundup.model.short_convolution import convolved
from groundup.model.state import State, Texts
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
    counted, scan = counter.get_total_flops(), cost.scan_flops_per_token(made.settings)
    assert counted == pytest.approx(8 * 64 * (cost.flops_per_token(made.settings, 64) - scan), rel=0.02)
    with FlopCounterMode(display=False) as counter:
        loss.backward()
    both = counted + counter.get_total_flops()
    expected = 8 * 64 * (cost.flops_per_token(made.settings, 64, backward=True) - 3 * scan)
    assert both == pytest.approx(expected, rel=0.02)


class OneByOne(TorchDispatchMode):
    """Counts products and sums of numbers in tensors of a text, curves and masks left out."""

    WORTH = {torch.ops.aten.mul.Tensor: 1, torch.ops.aten.add.Tensor: 1, torch.ops.aten.addcmul.default: 2,
             torch.ops.aten.addcmul_.default: 2}  # fmt: skip
    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if all(each.is_floating_point() for each in args if isinstance(each, torch.Tensor)):
            self.count += self.WORTH.get(function, 0) * (out.numel() if isinstance(out, torch.Tensor) else 0)
        return out


@pytest.mark.parametrize("way", ["steps", "quick"])
@pytest.mark.parametrize("changed", [{}, {"kernel": 3, "conv_bias": False, "expand": 3, "state": 5}])
def test_what_mamba_does_number_by_number_is_counted(changed, way):
    made = model("mamba", depth=1, width=96, mamba=changed)
    mixer, sizes = made.model.layers[0].mixer, made.settings.mamba
    wide = torch.randn(3, 50, mixer.inner)
    narrow = torch.randn(3, 50, sizes.state)
    texts = Texts(torch.arange(50).expand(3, 50))
    told = wide, wide, narrow, narrow, texts.begins
    with torch.no_grad(), OneByOne() as counter:
        mixer.conv1d(wide, State(None, 0, texts))
        mixer.remember(told, torch.zeros(3, mixer.inner, sizes.state), way)
    assert counter.count == pytest.approx(3 * 50 * cost.scan_flops_per_token(made.settings), rel=0.02)


def test_so_is_what_averages_and_short_convolutions_do():
    with torch.no_grad(), OneByOne() as counter:
        SCANS["steps"](torch.rand(3, 50, 96), torch.rand(3, 50, 96) * torch.rand(3, 50, 96), torch.zeros(3, 96))
    assert counter.count == pytest.approx(3 * 50 * cost.scan_flops_per_token(settings("mingru", depth=1, width=96)))
    with torch.no_grad(), OneByOne() as counter:
        convolved(torch.rand(3, 54, 64), torch.rand(64, 5), torch.arange(50)[None].expand(3, 50))
    asked = {"depth": 1, "width": 64, "pattern": ["conv"], "convolution": 5}
    assert counter.count == 3 * 50 * cost.scan_flops_per_token(ModelSettings(**asked))


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
