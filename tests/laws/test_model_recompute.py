"""Computing layers again for their backward pass changes memory and time, and not one bit of what is learnt."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model.recompute import layers_of, recompute
from groundup.model.state import SegmentMemory
from groundup.objectives.likelihood import log_probability
from tests.encoder_decoder_example import model as encoder_decoder
from tests.model_example import EVERY, ids, model
from tests.stateful_example import model as stateful


def gradients(made, run):
    loss = run(made).float().log_softmax(-1).square().mean()
    loss.backward()
    return [loss.detach(), *(value.grad for value in made.parameters())]


def same(found):
    return all(torch.equal(one, two) for other in found[1:] for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("attention", ["plain", "fused"])
@pytest.mark.parametrize("shape", EVERY)
def test_gradients_are_the_same_bits(shape, attention):
    found = []
    for what in (False, True, 1, "attention", "feedforward"):
        made = model(shape)
        made.attention = attention
        recompute(made, what)
        found.append(gradients(made, lambda made: made(ids(2, 16))))
    assert same(found)


def test_packed_rows_and_rounded_computation_are_the_same_bits_too():
    segments = torch.tensor([[0] * 6 + [1] * 10, [0] * 16])
    positions = torch.tensor([[*range(6), *range(10)], [*range(16)]])
    found = []
    for what in (False, True, 1, "attention", "feedforward"):
        made = model("windows at times")
        made.compute = torch.bfloat16
        recompute(made, what)
        found.append(gradients(made, lambda made: made(ids(2, 16), positions, segments=segments)))
    assert same(found)


def test_both_sides_of_an_encoder_decoder_are_computed_again():
    found, text = [], ids(2, 9, 60)
    for what in (False, True, 4, "attention"):
        made = encoder_decoder("t5")
        assert len(layers_of(made)) == 5
        recompute(made, what)
        found.append(gradients(made, lambda made: made(text, text[:, :7])))
    assert same(found)


@pytest.mark.parametrize("family", ["lstm", "mamba", "transformer_xl"])
def test_what_is_carried_to_the_next_segment_is_carried_once(family):
    found = []
    for what in (False, True):
        made, memory = stateful(family), SegmentMemory(2)
        recompute(made, what)
        told = gradients(made, lambda made: memory.read(made, ids(2, 6, 90)))  # noqa: B023
        found.append(told + [memory.states[key] for key in sorted(memory.states)])
    assert same(found)


@pytest.mark.parametrize("what", [True, 2, "attention", "feedforward"])
def test_it_keeps_less_and_can_be_undone(what):
    made, text, kept = model("llama", depth=4), ids(2, 32), []

    def bytes_kept():
        sizes = {}

        def keep(tensor):
            sizes[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            log_probability(made(text).flatten(0, 1), text.flatten()).sum()
        return sum(each.untyped_storage().nbytes() for each in sizes.values())

    for each in (False, what, False):
        recompute(made, each)
        kept.append(bytes_kept())
    assert kept[1] < 0.85 * kept[0] and kept[2] == kept[0]


def test_a_layer_without_such_a_part_says_so():
    with pytest.raises(Problem, match="no attention of their own"):
        recompute(stateful("lstm"), "attention")
