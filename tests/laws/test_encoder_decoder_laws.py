"""What holds for every model that reads one text and writes another."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup.errors import Problem
from groundup.generation import load
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.attention import ATTENTIONS, plain, weights
from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.relative_bias import bucket_by_definition, buckets_of
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from tests.encoder_decoder_example import SHAPES, TinyCache, ids, model

every_shape = pytest.mark.parametrize("shape", SHAPES)


def close(a, b):
    return torch.allclose(a, b, rtol=0, atol=2e-5 * float(b.abs().max()))


@every_shape
@torch.inference_mode()
def test_written_token_by_token_equals_written_at_once(shape):
    made, source, target = model(shape), ids(3, 9), ids(3, 17, seed=3)
    mask = torch.ones(3, 9, dtype=torch.bool)
    mask[1, 5:] = mask[2, 2:] = False
    whole = made(source, target, mask)
    cache, memory, parts = TinyCache(2, 3), made.encode(source, mask), []
    for start, stop in ((0, 1), (1, 2), (2, 7), (7, 8), (8, 17)):
        first = start == 0
        x = made.decode(target[:, start:stop], memory if first else None, mask if first else None, cache=cache)
        cache.lengths += stop - start
        parts.append(made.head(x))
    assert close(torch.cat(parts, 1), whole)


@every_shape
@torch.inference_mode()
def test_keys_of_the_source_are_made_once(shape, monkeypatch):
    made, cache = model(shape), TinyCache(2, 1)
    counted = []
    for layer in made.model.decoder.layers:
        layer.cross_attn.k_proj.register_forward_hook(lambda *_: counted.append(1))
    memory = made.encode(ids(1, 9))
    for step in range(4):
        made.decode(ids(1, 1), None if step else memory, cache=cache)
        cache.lengths += 1
    assert len(counted) == len(made.model.decoder.layers)


@every_shape
@torch.inference_mode()
def test_a_cache_takes_another_source(shape):
    made, cache = model(shape), TinyCache(2, 1)
    mask = torch.tensor([[True] * 3 + [False] * 6])
    made.decode(ids(1, 1), made.encode(ids(1, 9), mask), mask, cache=cache)
    fresh, other = TinyCache(2, 1), ids(1, 6, seed=9)
    fresh.kept = cache.kept  # of the source before; target keys are none
    x = made.decode(ids(1, 4), made.encode(other), cache=fresh)
    assert close(made.head(x), made(other, ids(1, 4)))


@every_shape
@pytest.mark.parametrize("where", ["before", "after", "between"])
@torch.inference_mode()
def test_padding_of_the_source_changes_nothing(shape, where):
    made, source, target = model(shape), ids(2, 6), ids(2, 8, seed=3)
    filling, yes, no = ids(2, 5, seed=4), torch.ones(2, 6, dtype=torch.bool), torch.zeros(2, 5, dtype=torch.bool)
    cut = {"before": 0, "after": 6, "between": 3}[where]
    padded = torch.cat((source[:, :cut], filling, source[:, cut:]), 1)
    mask = torch.cat((yes[:, :cut], no, yes[:, cut:]), 1)
    assert close(made(padded, target, mask), made(source, target))


@every_shape
@torch.inference_mode()
def test_a_target_token_changes_nothing_before_it(shape):
    made, source, target = model(shape), ids(2, 6), ids(2, 12, seed=3)
    changed = target.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 60
    before, after = made(source, target), made(source, changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert (before[:, 7:] - after[:, 7:]).abs().amax(-1).min() > 1e-4


@every_shape
@torch.inference_mode()
def test_every_source_token_matters_to_every_target_token(shape):
    made, source, target = model(shape), ids(1, 6), ids(1, 5, seed=3)
    plain = made(source, target)
    for at in range(6):
        changed = source.clone()
        changed[:, at] = (changed[:, at] + 1) % 60
        assert (made(changed, target) - plain).abs().amax(-1).min() > 1e-4


@every_shape
@torch.inference_mode()
def test_pairs_packed_into_a_row_equal_the_pairs_alone(shape):
    made = model(shape)
    sources, targets = [ids(1, 4, 5), ids(1, 7, 6)], [ids(1, 6, 7), ids(1, 3, 8)]
    source = torch.cat((*sources, ids(1, 2, 9)), 1)
    mask = torch.tensor([[1] * 4 + [2] * 7 + [0] * 2])
    target = torch.cat((*targets, ids(1, 4, 10)), 1)
    segments = torch.tensor([[1] * 6 + [2] * 3 + [0] * 4])
    positions = torch.tensor([[*range(6), *range(3), *range(4)]])
    packed = made(source, target, mask, positions, segments)
    assert packed.isfinite().all()
    assert close(packed[:, :6], made(sources[0], targets[0]))
    assert close(packed[:, 6:9], made(sources[1], targets[1]))


@every_shape
def test_padding_gives_no_gradient_that_is_not_a_number(shape):
    made = model(shape)
    mask = torch.tensor([[1] * 4 + [2] * 3, [1] * 7])
    segments = torch.tensor([[1] * 3 + [0] * 3, [1] * 2 + [0] * 4])  # no source of the second pair's, no padding there
    made(ids(2, 7), ids(2, 6), mask, segments=segments)[:, :2].sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in made.parameters())


@every_shape
def test_all_parameters_learn(shape):
    made = model(shape)
    made(ids(2, 30), ids(2, 30)).square().sum().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@every_shape
def test_start_values_are_those_of_the_seed_and_foretell_every_token_alike(shape):
    one, two, three = (EncoderDecoder(model(shape).settings, seed) for seed in (1, 1, 2))
    same = [torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True)]
    assert all(same) and not torch.equal(one.model.embed_tokens.weight, three.model.embed_tokens.weight)
    told = one(ids(2, 9), ids(2, 9)).log_softmax(-1)
    assert told.std() < 1.5


def test_a_decoder_without_a_source_says_so():
    made = model("t5")
    with pytest.raises(Problem, match="no memory"):
        made.decode(ids(1, 3))
    with pytest.raises(Problem, match="no memory"):
        made.decode(ids(1, 3), cache=TinyCache(2, 1))


@given(st.integers(2, 40), st.integers(0, 300), st.booleans())
def test_buckets_of_distances_are_those_of_the_definition(quarter, more, both_ways):
    buckets, distances = 2 * quarter, range(-400, 401)
    furthest = quarter + 1 + more
    mine = buckets_of(torch.tensor(distances), buckets, furthest, both_ways).tolist()
    told = [bucket_by_definition(back, buckets, furthest, both_ways) for back in distances]
    assert set(mine) <= set(range(buckets))
    count = buckets // 2 if both_ways else buckets
    for back, one, other in zip(distances, mine, told, strict=True):
        if one != other:  # only where rounding decides, because a bucket begins at a whole number
            way = math.log(abs(back) / (count // 2)) / math.log(furthest / (count // 2)) * (count - count // 2)
            assert abs(way - round(way)) < 1e-4, back


def test_near_distances_have_a_bucket_each_and_far_ones_share_one():
    assert [bucket_by_definition(d, 32, 128, False) for d in (0, 1, 15, 16, 127, 128, 1000)] == [
        0,
        1,
        15,
        16,
        31,
        31,
        31,
    ]
    assert [bucket_by_definition(-d, 32, 128, True) for d in (0, -1, 1, -7, 7, 500, -500)] == [0, 1, 17, 7, 23, 31, 15]


@every_shape
@pytest.mark.parametrize("attention", ATTENTIONS)
@torch.inference_mode()
def test_all_ways_of_attention_give_the_same_numbers(shape, attention):
    made, source, target = model(shape), ids(3, 9), ids(3, 8, seed=3)
    mask = torch.ones(3, 9, dtype=torch.bool)
    mask[1, 5:] = mask[2, :2] = False
    expected = made(source, target, mask)
    made.attention = attention
    assert close(made(source, target, mask), expected)


@every_shape
@torch.inference_mode()
def test_shares_can_be_looked_at_and_sum_to_one(shape):
    made, shares = model(shape), []

    def attend(q, k, v, *rest):
        shares.append(weights(q, k, *rest).view(*q.shape[:3], -1))
        return plain(q, k, v, *rest)

    made.attention = attend
    made(ids(1, 7), ids(1, 5), torch.tensor([[True] * 4 + [False] * 3]))
    encoder, decoder = made.settings.encoder.depth, made.settings.depth
    assert [tuple(each.shape[2:]) for each in shares] == [(7, 7)] * encoder + [(5, 5), (5, 7)] * decoder
    assert all(torch.allclose(each.sum(-1), torch.ones(())) for each in shares)
    assert all(float(each[..., 4:].sum()) == 0 for each in shares[encoder + 1 :: 2])


def test_settings_that_make_no_encoder_decoder_are_refused(tmp_path):
    wrong = {
        "reads no source": {"family": "llama", "encoder": {"depth": 2}},
        "too near": {"family": "t5", "buckets": 32, "furthest": 16},
        "multiple of 2": {"family": "t5", "buckets": 9},
        "sees everything": {"family": "t5", "pattern": ["window"], "window": 3},
        "pre or post": {"family": "t5", "norm_place": "sandwich"},
        "do not divide": {"family": "marian", "encoder": {"heads": 3}},
        "must be even": {"family": "marian", "width": 33, "heads": 3},
    }
    for words, asked in wrong.items():
        with pytest.raises(ValueError, match=words):
            ModelSettings(**{"vocabulary": 9, **asked})


def test_who_expects_a_model_that_goes_on_with_a_text_says_what_it_found(tmp_path):
    with pytest.raises(Problem, match="architectures.build"):
        Transformer(model("t5").settings)
    with pytest.raises(Problem, match="has no encoder"):
        EncoderDecoder(ModelSettings(vocabulary=9))
    folder.save(tmp_path, model("t5"))
    with pytest.raises(Problem, match="reads one text and writes another"):
        load(tmp_path)
    assert isinstance(build(model("t5").settings), EncoderDecoder)


@every_shape
@torch.inference_mode()
def test_computing_in_bf16_is_near(shape):
    made, source, target = model(shape), ids(2, 9), ids(2, 8, seed=3)
    expected = made(source, target)
    made.compute = torch.bfloat16
    rounded = made(source, target)
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - expected).abs().mean() < 0.1 * expected.abs().mean()


@every_shape
@torch.inference_mode()
def test_in_8_bits_a_folder_is_near_and_stays_itself(shape, tmp_path):
    made, source, target = model(shape), ids(2, 9), ids(2, 8, seed=3)
    folder.save(tmp_path / "whole", made)
    small = folder.load(tmp_path / "whole", "int8")
    folder.save(tmp_path / "small", small)
    expected = made(source, target)
    assert (small(source, target) - expected).abs().mean() < 0.2 * expected.abs().mean()
    assert torch.equal(folder.load(tmp_path / "small")(source, target), small(source, target))
