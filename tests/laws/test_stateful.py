"""Laws of models that carry a state: what must hold for every family, whichever way it computes."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from groundup.model.recompute import recompute as again
from groundup.model.state import SegmentMemory
from groundup.model.stateful import StatefulModel
from tests.stateful_example import FAMILIES, ids, model, settings

CLOSE = {"atol": 5e-5, "rtol": 1e-4}
WAYS = ["steps", "plain"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_a_change_alters_nothing_before_it(family, way):
    made, text = model(family), ids(2, 12)
    made.attention = way
    changed = text.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 90
    before, after = made(text), made(changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.isclose(before[:, 7:], after[:, 7:]).all(-1).any(), "what came later must notice"


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_the_quick_way_is_the_definition(family):
    made, text = model(family), ids(3, 33)
    quick = made(text)
    made.attention = "steps"
    torch.testing.assert_close(quick, made(text), **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_quick_way_has_the_gradient_of_the_definition(family):
    gradients = []
    positions = torch.tensor([[*range(9), *range(6)], [*range(15)]])  # a text begins inside a row
    for way in WAYS:
        made = model(family)
        made.attention = way
        made(ids(2, 15), positions=positions).square().mean().backward()
        gradients.append({name: value.grad for name, value in made.named_parameters()})
    largest = max(value.abs().max() for value in gradients[0].values())
    for name, meant in gradients[0].items():
        assert (gradients[1][name] - meant).abs().max() <= 1e-5 * largest, name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_a_packed_row_equals_its_texts_alone(family, way):
    made, text, cuts = model(family), ids(2, 15), ([4, 8, 3], [1, 2, 12])
    made.attention = way
    positions = torch.stack([torch.cat([torch.arange(length) for length in row]) for row in cuts])
    packed = made(text, positions=positions)
    for row, lengths in enumerate(cuts):
        alone = torch.cat([made(part[None]) for part in text[row].split(lengths)], 1)[0]
        torch.testing.assert_close(packed[row], alone, **CLOSE)
        assert not torch.allclose(made(text)[row, lengths[0] :], alone[lengths[0] :], **CLOSE)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_reading_in_parts_equals_reading_at_once(family, way):
    made, text = model(family), ids(3, 20)
    made.attention = way
    memory = SegmentMemory(3)
    parts = [memory.read(made, part) for part in text.split([9, 1, 1, 5, 4], 1)]
    torch.testing.assert_close(torch.cat(parts, 1), made(text), **CLOSE)


@profile(max_examples=150, deadline=None)
@given(family=st.sampled_from(FAMILIES), way=st.sampled_from(WAYS), data=st.data())
@torch.inference_mode()
def test_however_texts_are_packed_and_cut_they_read_the_same(family, way, data):
    lengths = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    other = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    time = min(sum(lengths), sum(other))
    positions = torch.stack([torch.cat([torch.arange(n) for n in row])[:time] for row in (lengths, other)])
    made, text = model(family), ids(2, time)
    at_once = made(text, positions=positions)
    made.attention = way
    memory, parts, at = SegmentMemory(2), [], 0
    while at < time:
        end = min(time, at + data.draw(st.integers(1, 8)))
        parts.append(made(text[:, at:end], positions[:, at:end], memory))
        at = end
    torch.testing.assert_close(torch.cat(parts, 1), at_once, **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_a_text_that_began_in_the_last_part_does_not_see_what_stood_before_it_there(family):
    made, text, memory = model(family), ids(1, 7), SegmentMemory(1)
    positions = torch.tensor([[0, 1, 0, 1, 2, 3, 4]])
    parts = [made(text[:, :3], positions[:, :3], memory), made(text[:, 3:], positions[:, 3:], memory)]
    torch.testing.assert_close(torch.cat(parts, 1)[:, 2:], made(text[:, 2:]), **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_a_row_that_begins_anew_knows_nothing_of_the_text_before(family):
    made, memory = model(family), SegmentMemory(2)
    memory.read(made, ids(2, 9, seed=5))
    for state in memory.states.values():
        state[1] = float("nan")  # not even what spoils every product
    text, positions = ids(2, 6), torch.stack((torch.arange(9, 15), torch.arange(6)))
    after = made(text, positions, memory)
    torch.testing.assert_close(after[1], made(text[1:])[0], **CLOSE)
    whole = torch.cat((ids(2, 9, seed=5)[:1], text[:1]), 1)
    torch.testing.assert_close(after[0], made(whole)[0, 9:], **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
def test_segments_are_learnt_from_and_no_gradient_flows_back_into_the_last_one(family):
    made, memory = model(family), SegmentMemory(2)
    memory.read(made, ids(2, 8))
    assert memory.states and not any(state.requires_grad for state in memory.states.values())
    table = made.model.embed_tokens.weight
    second = (ids(2, 8, seed=4) % 40) + 50
    first = torch.zeros(2, 8, dtype=torch.long)
    memory = SegmentMemory(2)
    memory.read(made, first)
    vectors = made.hidden(second, torch.arange(8, 16)[None], memory)
    (gradient,) = torch.autograd.grad(vectors.square().sum(), table)
    assert gradient[second].abs().sum() > 0 and gradient[0].abs().sum() == 0


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_the_last_logits_are_those_of_all(family):
    made, text, last = model(family, tied=False), ids(3, 10), torch.tensor([9, 0, 4])
    torch.testing.assert_close(made(text, last=last), made(text)[torch.arange(3), last], **CLOSE)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_computes_the_same_but_for_rounding(family, packed):
    made, text = model(family), ids(2, 20)
    positions = torch.tensor([[*range(12), *range(8)]]) if packed else torch.arange(20)[None]
    exact = made(text, positions)
    made.compute = torch.bfloat16
    rounded = made(text, positions)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 0.1 * exact.abs().max()
    rounded.float().square().mean().backward()
    assert all(value.grad.isfinite().all() and value.grad.dtype == torch.float32 for value in made.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_that_is_computed_again_has_the_same_gradient(family):
    positions, found = torch.tensor([[*range(9), *range(6)]]), []
    for recompute in (False, True):
        made = model(family)
        again(made, recompute)
        made(ids(2, 15), positions).square().mean().backward()
        found.append([value.grad for value in made.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_f64_is_kept(family):
    made, text = model(family), ids(2, 20)
    rough = made(text).double()
    exact = made.double()(text)
    assert exact.dtype == torch.float64 and not torch.equal(exact.float().double(), exact)
    torch.testing.assert_close(rough, exact, **CLOSE)


@pytest.mark.parametrize("family", FAMILIES)
def test_start_values_come_from_the_seed_alone(family):
    first = StatefulModel(settings(family), 3).state_dict()
    torch.rand(3)  # whatever the global generator does
    assert all(
        torch.equal(value, first[name]) for name, value in StatefulModel(settings(family), 3).state_dict().items()
    )
    other = StatefulModel(settings(family), 4).state_dict()
    assert not torch.equal(other["model.embed_tokens.weight"], first["model.embed_tokens.weight"])
