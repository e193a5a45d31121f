"""Computing a layer again for its backward pass changes memory and time, and not one bit of what is learnt."""

import pytest
import torch

from tests.model_example import EVERY, ids, model


@pytest.mark.parametrize("attention", ["plain", "fused"])
@pytest.mark.parametrize("shape", EVERY)
def test_gradients_are_the_same_bits(shape, attention):
    kept, again = model(shape), model(shape)
    again.recompute = True
    found = []
    for made in (kept, again):
        made.attention = attention
        loss = made(ids(2, 16)).float().log_softmax(-1).square().mean()
        loss.backward()
        found.append([loss.detach(), *(value.grad for value in made.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_packed_rows_and_rounded_computation_are_the_same_bits_too():
    segments = torch.tensor([[0] * 6 + [1] * 10, [0] * 16])
    positions = torch.tensor([[*range(6), *range(10)], [*range(16)]])
    found = []
    for recompute in (False, True):
        made = model("windows at times")
        made.compute, made.recompute = torch.bfloat16, recompute
        made(ids(2, 16), positions, segments=segments).float().square().mean().backward()
        found.append([value.grad for value in made.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
