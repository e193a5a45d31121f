"""Laws of the transformer: what must hold for any family, any attention, any text."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.model.attention import ATTENTIONS
from groundup.model.positions import slopes
from groundup.model.settings import ModelSettings
from groundup.model.sight import PATTERNS, Sight, seen_by_definition
from groundup.model.transformer import Transformer
from tests.model_example import EVERY, TinyCache, ids, model

CLOSE = {"atol": 2e-5, "rtol": 1e-4}


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("shape", EVERY)
def test_a_change_alters_nothing_before_it(shape, attention):
    made, text = model(shape), ids(2, 12)
    made.attention = attention
    changed = text.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 300
    before, after = made(text), made(changed)
    if made.settings.experts:  # the matrices of an expert are multiplied by as many tokens as chose it
        torch.testing.assert_close(before[:, :7], after[:, :7], **CLOSE)
    else:
        assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("shape", EVERY)
def test_a_packed_row_equals_its_texts_alone(shape, attention):
    made, text = model(shape), ids(1, 15)
    made.attention = attention
    lengths = [4, 8, 3]
    segments = torch.repeat_interleave(torch.arange(3), torch.tensor(lengths))[None]
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    packed = made(text, positions=positions, segments=segments)
    alone = torch.cat([made(part) for part in text.split(lengths, 1)], 1)
    torch.testing.assert_close(packed, alone, **CLOSE)
    assert not torch.allclose(made(text, positions=positions)[:, 4:], alone[:, 4:], **CLOSE)


@pytest.mark.parametrize("attention", ["plain", "fused"])
@pytest.mark.parametrize("shape", EVERY)
def test_reading_with_a_cache_equals_reading_at_once(shape, attention):
    made, text = model(shape), ids(3, 20)
    made.attention = attention
    cache, parts = TinyCache(made.settings.depth, 3), []
    for part in text.split([9, 1, 1, 5, 4], 1):
        parts.append(made(part, cache=cache))
        cache.lengths = cache.lengths + part.shape[1]
    torch.testing.assert_close(torch.cat(parts, 1), made(text), **CLOSE)


@pytest.mark.parametrize(
    "shape", [shape for shape in EVERY if not any(getattr(part, "carries", False) for part in model(shape).modules())]
)
def test_rows_of_different_lengths_share_a_cache(shape):
    made, text, lengths = model(shape), ids(2, 10), torch.tensor([4, 9])
    cache = TinyCache(made.settings.depth, 2)
    at = torch.arange(9).expand(2, -1)
    first = made(text[:, :9], positions=at, cache=cache)
    for layer in range(made.settings.depth):  # what lies beyond a row's length was only padding
        cache.at[layer] = at.masked_fill(at >= lengths[:, None], -1)
    following = text[torch.arange(2), lengths][:, None]
    after = made(following, positions=lengths[:, None], cache=cache)
    for row, length in enumerate(lengths.tolist()):
        alone = made(text[row : row + 1, : length + 1])
        torch.testing.assert_close(first[row, :length], alone[0, :length], **CLOSE)
        torch.testing.assert_close(after[row, 0], alone[0, length], **CLOSE)


@settings(max_examples=30, deadline=None)
@given(
    group=st.sampled_from([(1, 1), (2, 1), (4, 2), (3, 3)]),
    time=st.integers(1, 9),
    earlier=st.integers(0, 4),
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["triangle", "segments", "rows", "all", "heads"]),
    scale=st.sampled_from([None, 0.5]),
    cap=st.sampled_from([0.0, 2.0]),
)
def test_all_attentions_are_the_definition(group, time, earlier, seed, kind, scale, cap):
    dice = torch.Generator().manual_seed(seed)
    heads, kv_heads = group
    slots = time if kind in ("triangle", "segments") else time + earlier
    q = torch.randn(2, heads, time, 8, generator=dice)
    k, v = torch.randn(2, 2, kv_heads, slots, 8, generator=dice)
    if kind == "triangle":
        sight = Sight.triangle(time, q)
    elif kind == "segments":
        sight = Sight.within(torch.randint(3, (2, time), generator=dice).sort(1).values, q)
    elif kind == "rows":
        seen = torch.rand(2, time, slots, generator=dice) < 0.5
        seen[..., 0] = True
        sight = Sight.where(seen, q)
    elif kind == "heads":
        sight = Sight(torch.randn(1, heads, time, slots, generator=dice))
    else:
        sight = Sight(None)
    meant = ATTENTIONS["steps"](q, k, v, sight, scale, cap)
    for name in ("plain", "fused"):
        torch.testing.assert_close(ATTENTIONS[name](q, k, v, sight, scale, cap), meant, **CLOSE)


@settings(max_examples=50, deadline=None)
@given(kind=st.sampled_from(sorted(PATTERNS)), time=st.integers(1, 20), size=st.integers(1, 7), first=st.integers(0, 9))
def test_patterns_are_their_definition(kind, time, size, first):
    at = torch.arange(first, first + time)
    keys = torch.arange(first + time)
    distance = at[:, None] - keys
    seen = PATTERNS[kind](distance, at, size) & (distance >= 0)
    assert seen.tolist() == [[seen_by_definition(kind, q, k, size) for k in keys.tolist()] for q in at.tolist()]


@pytest.mark.parametrize("kind", PATTERNS)
def test_what_a_pattern_hides_changes_nothing(kind):
    """One layer, and a token that the last one may not see."""
    made, text = model("qwen3", pattern=[kind], window=4, depth=1), ids(1, 14)
    hidden = next(key for key in range(13) if not seen_by_definition(kind, 13, key, 4))
    changed = text.clone()
    changed[0, hidden] = (changed[0, hidden] + 1) % 300
    assert torch.equal(made(text)[:, 13], made(changed)[:, 13])
    assert not torch.allclose(made(text)[:, hidden], made(changed)[:, hidden])


def test_alibi_costs_by_distance():
    made = model("alibi", depth=1)
    assert slopes(8) == [2.0**-n for n in range(1, 9)] and slopes(3) == [2.0**-4, 2.0**-8, 2.0**-2]
    scheme, distance = made.model.positions, torch.arange(5)[:, None] - torch.arange(5)
    bias = scheme.bias(distance, torch.zeros(1))
    for head, slope in enumerate(slopes(6)):
        assert bias[0, head, 4, 1] == pytest.approx(-3 * slope)


@pytest.mark.parametrize("shape", ["alibi", "blocks"])
def test_bias_of_distances_does_not_depend_on_where_a_text_begins(shape):
    made, text = model(shape), ids(1, 8)
    shift = 31 if shape == "alibi" else 35  # blocks begin at multiples of their size
    torch.testing.assert_close(made(text, positions=torch.arange(8)[None] + shift), made(text), atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("shape", EVERY)
def test_the_last_logits_are_those_of_all(shape):
    made, text, last = model(shape), ids(3, 10), torch.tensor([9, 0, 4])
    torch.testing.assert_close(made(text, last=last), made(text)[torch.arange(3), last], **CLOSE)


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_every_scheme_tells_two_orders_apart(positions):
    made = model("qwen3", positions=positions)
    text = torch.tensor([[5, 6, 7, 9], [6, 5, 7, 9]])
    assert not torch.allclose(*made(text)[:, -1], atol=1e-3)


def test_without_positions_order_is_invisible_to_one_layer():
    made = model("qwen3", positions="none", depth=1)
    text = torch.tensor([[5, 6, 7, 9], [6, 5, 7, 9]])
    torch.testing.assert_close(*made(text)[:, -1], **CLOSE)


def test_rotary_scores_see_only_distances():
    made, text = model("qwen3"), ids(1, 8)
    shifted = made(text, positions=torch.arange(8)[None] + 31)
    torch.testing.assert_close(shifted, made(text), atol=5e-4, rtol=1e-3)


@pytest.mark.parametrize("shape", EVERY)
@pytest.mark.parametrize("attention", ["plain", "fused"])
def test_bf16_computes_the_same_but_for_rounding(shape, attention):
    made, text = model(shape), ids(2, 20)
    exact = made(text)
    made.attention, made.compute = attention, torch.bfloat16
    rounded = made(text)
    assert rounded.dtype == torch.bfloat16
    near = (rounded.float() - exact).abs().amax(-1) < 0.05 * exact.abs().max()
    # Rounding makes some tokens choose another expert, and others look at those tokens.
    assert near.float().mean() > 0.8 if made.settings.experts else near.all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), tied=st.booleans(), family=st.sampled_from(["qwen3", "llama", "gpt2"]))
def test_start_values_come_from_the_seed_alone(seed, tied, family):
    shape = ModelSettings(family=family, depth=1, width=32, heads=2, vocabulary=40, tied=tied)
    first = Transformer(shape, seed).state_dict()
    torch.rand(3)  # whatever the global generator does
    assert all(torch.equal(value, first[name]) for name, value in Transformer(shape, seed).state_dict().items())
    other = Transformer(shape, seed + 1).state_dict()
    assert not torch.equal(other["model.embed_tokens.weight"], first["model.embed_tokens.weight"])


def test_a_fresh_model_guesses_evenly_and_its_layers_do_nothing():
    shape = ModelSettings(depth=3, width=32, heads=2, vocabulary=40, tied=False)
    made = Transformer(shape)
    assert torch.equal(made(ids(1, 5, 40)), torch.zeros(1, 5, 40))
    x = made.model.embed_tokens(ids(1, 5, 40))
    torch.testing.assert_close(made.hidden(ids(1, 5, 40)), made.model.norm(x))
