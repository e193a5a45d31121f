"""The parts of models that carry a state: each quick way against its definition, each definition against others'."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from groundup.model import scan
from groundup.model.mamba import BLOCK, Convolution
from groundup.model.mingru import positive
from groundup.model.recurrent import CELLS
from groundup.model.state import SegmentMemory, State, Texts
from groundup.model.transformer_xl import RELATIVE, shift, waves
from tests.stateful_example import REACH, ids, model

CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def random(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@profile(max_examples=60, deadline=None)
@given(
    time=st.integers(1, 70),
    width=st.sampled_from([(3,), (2, 5), (scan.WIDE,)]),
    zeros=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_scanning_in_chunks_is_scanning_by_steps(time, width, zeros, seed):
    dice = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, 2, time, *width, generator=dice)
    a = a * (torch.rand(a.shape, generator=dice) >= zeros / 2)  # where a is zero all before it is forgotten
    given = [a, b, torch.rand(2, *width, generator=dice)]
    results = []
    for way in (scan.by_steps, scan.in_chunks):
        inputs = [part.clone().requires_grad_() for part in given]
        states = way(*inputs)
        results.append((states.detach(), *torch.autograd.grad(states.square().mean(), inputs)))
    for meant, found in zip(*results, strict=True):
        torch.testing.assert_close(found, meant, atol=1e-6 * max(1.0, meant.abs().max().item()), rtol=1e-4)


@profile(max_examples=30, deadline=None)
@given(time=st.integers(1, 70), start=st.sampled_from([0.0, 0.7]), seed=st.integers(0, 10**6))
def test_scanning_in_logarithms_is_scanning_by_steps(time, start, seed):
    a, b = torch.rand(2, 2, time, 3, generator=torch.Generator().manual_seed(seed)) * 0.9 + 0.05
    first = torch.full((2, 3), start)
    torch.testing.assert_close(scan.in_logs(a.log(), b.log(), first), scan.by_steps(a, b, first), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", CELLS)
@torch.inference_mode()
def test_cells_are_those_of_torch(family):
    theirs = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[family](32, 32, batch_first=True)
    ours = model(family).model.layers[0]
    theirs.load_state_dict(ours.state_dict())
    x = random(3, 11, 32)
    for way in ("steps", "quick"):
        mine = ours(x, State(None, 0, Texts(torch.arange(11).expand(3, 11))), way)
        torch.testing.assert_close(mine, theirs(x)[0], **CLOSE)


def test_mingru_is_the_moving_average_of_the_paper():
    made, text = model("mingru", depth=1), ids(1, 9)
    mixer = made.model.layers[0].mixer
    x = random(1, 9, 32)
    weights = {name: value.detach().numpy() for name, value in mixer.state_dict().items()}
    h = np.zeros(32, np.float32)
    for token in x[0].numpy():
        z = 1 / (1 + np.exp(-(weights["update_proj.weight"] @ token)))
        new = weights["new_proj.weight"] @ token
        h = (1 - z) * h + z * np.where(new >= 0, new + 0.5, 1 / (1 + np.exp(-new)))
    mine = mixer(x, State(None, 0, Texts(torch.arange(9)[None])), "quick")[0, -1]
    torch.testing.assert_close(mine.detach(), torch.from_numpy(weights["o_proj.weight"] @ h), **CLOSE)
    assert positive(torch.tensor([-30.0, 0.0, 2.0])).tolist() == pytest.approx([0.0, 0.5, 2.5], abs=1e-6)
    assert made(text).shape == (1, 9, 90)


@pytest.mark.parametrize("kernel", [1, 4])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_the_short_convolution_is_that_of_torch(kernel, bias):
    made = Convolution(6, kernel, bias)
    made.initialise(torch.Generator().manual_seed(3))
    if made.bias is not None:
        made.bias.copy_(random(6))
    x = random(2, 9, 6)
    expected = F.conv1d(x.transpose(1, 2), made.weight, made.bias, padding=kernel - 1, groups=6)[:, :, :9].transpose(
        1, 2
    )
    torch.testing.assert_close(made(x, State(None, 0, Texts(torch.arange(9).expand(2, 9)))), expected, **CLOSE)


@torch.inference_mode()
def test_mamba_reads_long_texts_block_by_block():
    made, text = model("mamba", depth=1), ids(1, 2 * BLOCK + 5)
    quick = made(text)
    made.attention = "steps"
    torch.testing.assert_close(quick, made(text), **CLOSE)
    memory = SegmentMemory(1)
    parts = [memory.read(made, part) for part in text.split(BLOCK // 3, 1)]
    torch.testing.assert_close(torch.cat(parts, 1), quick, **CLOSE)


def test_shifting_puts_each_distance_where_it_belongs():
    time, slots = 3, 5
    distances = torch.arange(slots - 1, -1, -1).expand(time, slots).float()  # the furthest first, as scores come
    moved = shift(distances)
    for i in range(time):
        for j in range(slots - time + i + 1):
            assert moved[i, j] == (slots - time + i) - j


@profile(max_examples=30, deadline=None)
@given(time=st.integers(1, 8), earlier=st.integers(0, 6), seed=st.integers(0, 10**6))
def test_relative_attention_by_shifting_is_that_by_distance(time, earlier, seed):
    dice = torch.Generator().manual_seed(seed)
    slots = time + earlier
    q = torch.randn(2, 3, time, 4, generator=dice)
    k, v = torch.randn(2, 2, 3, slots, 4, generator=dice)
    r, u, w = (torch.randn(3, length, 4, generator=dice) for length in (slots, 1, 1))
    seen = (torch.rand(2, 1, time, slots, generator=dice) < 0.7).tril(earlier)
    seen |= torch.eye(slots, dtype=torch.bool)[earlier:]
    meant = RELATIVE["steps"](q, k, v, r, (u, w), seen)
    torch.testing.assert_close(RELATIVE["quick"](q, k, v, r, (u, w), seen), meant, **CLOSE)


def papers_layer(weights: dict[str, np.ndarray], h: np.ndarray, memory: np.ndarray, heads: int) -> np.ndarray:
    """Dai et al. 2019, section 3.3, one head and one pair of tokens after the other. h (time, width), memory (slots, width)."""

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    known = np.concatenate((memory, h))  # h̃ = [SG(m) ∘ h]
    width = h.shape[1]
    W_q, W_ke, W_v, W_kr = (np.split(weights[f"self_attn.{name}_proj.weight"], heads) for name in "qkvr")
    gathered = []
    for head in range(heads):
        u, v = weights["self_attn.content_bias"][head], weights["self_attn.position_bias"][head]
        rows = []
        for i in range(len(h)):
            q, at = W_q[head] @ h[i], len(memory) + i
            scores = []
            for j in range(at + 1):
                angle = (at - j) / 10_000 ** (np.arange(0, width, 2) / width)
                R = np.concatenate((np.sin(angle), np.cos(angle)))
                key = W_ke[head] @ known[j]
                scores.append(q @ key + q @ (W_kr[head] @ R) + u @ key + v @ (W_kr[head] @ R))
            share = np.exp(np.array(scores) / math.sqrt(len(u)))
            rows.append(share / share.sum() @ (known[: at + 1] @ W_v[head].T))
        gathered.append(np.array(rows))
    a = np.concatenate(gathered, 1) @ weights["self_attn.o_proj.weight"].T
    o = norm(a + h, "post_attention_layernorm")
    inner = o @ weights["mlp.up_proj.weight"].T + weights["mlp.up_proj.bias"]
    bent = np.maximum(inner, 0)
    return norm(
        o + bent @ weights["mlp.down_proj.weight"].T + weights["mlp.down_proj.bias"], "post_feedforward_layernorm"
    )


@torch.inference_mode()
def test_transformer_xl_is_the_paper_written_out():
    made = model("transformer_xl")
    text = ids(1, REACH + 1)  # so short that the paper's tokens and ours see the same
    state = {name: value.double().numpy() for name, value in made.state_dict().items()}
    first, second = (state["model.embed_tokens.weight"][part] for part in np.split(text[0].numpy(), [3]))
    for layer in range(2):
        start = f"model.layers.{layer}."
        weights = {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
        memory, first = first, papers_layer(weights, first, np.zeros((0, 32)), 2)
        second = papers_layer(weights, second, memory, 2)
    segments = SegmentMemory(1)
    parts = [segments.read(made, part)[0] for part in text.split([3, REACH - 2], 1)]
    for mine, h in zip(parts, (first, second), strict=True):
        expected = torch.from_numpy(h @ state["model.embed_tokens.weight"].T).float()
        assert (mine - expected).abs().max() <= 2e-5 * expected.abs().max()


@torch.inference_mode()
def test_no_token_of_transformer_xl_sees_further_than_its_memory():
    made, text = model("transformer_xl", depth=1), ids(1, 20)
    changed = text.clone()
    changed[0, 4] = (changed[0, 4] + 1) % 90
    differs = (made(text) - made(changed)).abs().amax(-1)[0] > 1e-6
    assert differs.nonzero()[:, 0].tolist() == list(range(4, 4 + REACH + 1))


def test_waves_tell_distances():
    r = waves(5, 8, torch.zeros(1))
    assert r.shape == (5, 8) and r[0].tolist() == [0.0] * 4 + [1.0] * 4
    torch.testing.assert_close(r[3, [0, 4]], torch.tensor([math.sin(3), math.cos(3)]))
