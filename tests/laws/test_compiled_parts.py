"""The compiled step knows caps, norms in other places, halves side by side, two rotations, experts, levels and int8 pages.

What it is asked here cannot go the plain way, for the model behind it is taken away.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor

from groundup.generation.compiled_step import CompiledStep
from groundup.generation.engine import Engine, Request
from groundup.generation.int8_pages import Int8Pages
from groundup.generation.pages import Pages
from groundup.generation.step_weights import packed_levels, unpacked_level_by_definition
from groundup.kernels.native import build
from groundup.model import quantize
from groundup.model.transformer import Transformer
from tests.laws.test_compiled_step import LENGTHS, distance, last, texts
from tests.model_example import model
from tests.step_example import by_definition, copied, in_int8, plain_step, read

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler on this machine")
PARTS = {
    "gemma2": ("gemma2", {}),
    "gemma3": ("gemma3", {}),
    "olmo2": ("olmo2", {}),
    "gpt_neox": ("gpt_neox", {}),
    "sandwich": ("sandwich", {}),
    "output": ("output", {}),
    "parallel": ("parallel", {}),
    "windows with a rotation of their own": ("windows at times", {}),
    "exact curve, gated": ("qwen3", {"feedforward": "geglu_exact"}),
}
ROUTED = ("mixtral", "shared experts", "experts in groups")
PLACES = (31, 32, 33, 40, 63, 64, 65)  # of the last token: before, at and behind the borders of pages


def alone(plain: Transformer, threads: int = 1) -> CompiledStep:
    """A step that has nobody to hand its work to."""
    step = CompiledStep(plain, threads=threads)
    step.model = None  # type: ignore[assignment]
    return step


@torch.no_grad()
def distances(written: Transformer, meant: Transformer, found: list[Tensor], threads: int = 1) -> list[float]:
    """How far each text's logits are from what is meant, three steps on, in rising order."""
    pages = read(meant, found)
    return three_steps(meant, alone(written, threads), pages, copied(pages), last(found))


def three_steps(meant: Transformer, step: CompiledStep, pages: Pages, others: Pages, tokens: Tensor) -> list[float]:
    """The same for pages that are there, of the plain model and of the step."""
    told: list[float] = []
    for _ in range(3):
        wanted, got = plain_step(meant, tokens, pages), step(tokens, others, len(tokens))
        told += [distance(*rows) for rows in zip(got, wanted, strict=True)]
        tokens = wanted.argmax(-1)
        pages.lengths += 1
        others.lengths += 1
    return sorted(told)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_gives_what_the_plain_model_gives(name):
    shape, more = PARTS[name]
    plain = model(shape, **more)
    assert distances(plain, plain, texts(plain.settings.vocabulary), threads=2)[-1] < 1e-4


@pytest.mark.parametrize("threads", (1, 3))
@pytest.mark.parametrize("name", ROUTED)
def test_experts_are_chosen_and_summed_as_in_the_plain_model(name, threads):
    plain = model(name)
    for found in (texts(plain.settings.vocabulary), texts(plain.settings.vocabulary, tuple(range(9, 50)))):
        assert distances(plain, plain, found, threads)[-1] < 1e-4


@pytest.mark.parametrize("kind", ("int8", "int4_g32"))
@pytest.mark.parametrize("name", ROUTED)
def test_the_matrices_of_experts_may_be_integers(name, kind):
    written = quantize.quantised(model(name), quantize.scheme(kind))
    told = distances(written, by_definition(written), texts(written.settings.vocabulary))
    assert told[len(told) // 2] < 1e-4 and told[-1] < 2e-2


@pytest.mark.parametrize("name", ("llama", "gpt2", "shared experts", "odd sizes"))
@pytest.mark.parametrize("count", (1, 2, 5, 17))
def test_levels_are_multiplied_as_what_they_stand_for(name, count):
    odd = {"width": 52, "heads": 4, "kv_heads": 2, "head_width": 14, "hidden": 71, "vocabulary": 301}
    plain = model("qwen3", **odd) if name == "odd sizes" else model(name)
    written = quantize.quantised(plain, quantize.scheme("nf4"))
    found = texts(written.settings.vocabulary, (LENGTHS * 4)[:count])
    assert distances(written, written, found, threads=2)[-1] < 1e-4


@given(some.integers(1, 70), some.integers(1, 200), some.integers(0, 2**31))
@settings(deadline=None, max_examples=20)
def test_packed_levels_are_found_again(rows, columns, seed):
    numbers = torch.randint(16, (rows, columns), generator=torch.Generator().manual_seed(seed)).to(torch.int8)
    made = packed_levels(numbers)
    for row, column in {(0, 0), (rows - 1, columns - 1), (seed % rows, seed % columns), (rows // 2, columns - 1)}:
        assert unpacked_level_by_definition(made, row, column) == numbers[row, column]


@pytest.mark.parametrize("kind", ("nf4", "experts"))
def test_a_text_gets_the_same_bits_alone_and_in_small_company(kind):
    plain = model("mixtral") if kind == "experts" else quantize.quantised(model("qwen3"), quantize.scheme("nf4"))
    found = texts(lengths=tuple(range(20, 28)))
    step, pages = alone(plain), read(plain, found)
    whole = step(last(found), copied(pages), 8)
    for count in (1, 3, 7):
        assert torch.equal(step(last(found)[:count], copied(pages), count), whole[:count])


@pytest.mark.parametrize("name", ("qwen3", "gemma2", "mistral", "gpt2", "qwen2"))
def test_int8_pages_are_read_and_written_as_by_torch(name):
    plain = model(name)
    found = texts(plain.settings.vocabulary, PLACES)
    there = in_int8(read(plain, found))
    others = taken(there)
    told = three_steps(plain, alone(plain, threads=2), there, others, last(found))
    assert told[len(told) // 2] < 1e-4 and told[-1] < 2e-2  # a number between two integers may fall to either
    for kept, meant in ((others.k, there.k), (others.v, there.v)):
        apart = torch.cat([(kept[layer].int() - meant[layer].int()).abs().flatten() for layer in meant])
        assert apart.max() <= 1 and apart.float().mean() < 1e-4
    for kept, meant in ((others.k_scale, there.k_scale), (others.v_scale, there.v_scale)):
        assert all(torch.allclose(kept[layer], meant[layer], rtol=1e-4) for layer in meant)


def test_a_vector_of_zeros_stays_zero_in_int8_pages():
    plain = model("llama")
    with torch.no_grad():
        for layer in plain.model.layers:
            layer.self_attn.v_proj.weight.zero_()
    found = texts(plain.settings.vocabulary)
    there = in_int8(read(plain, found))
    got = alone(plain)(last(found), taken(there), len(found))
    assert distance(got, plain_step(plain, last(found), there)) < 1e-4


def test_several_tokens_of_a_text_go_into_int8_pages_in_their_order():
    plain = model("llama")
    found = texts(plain.settings.vocabulary, (31, 40, 33))
    there = in_int8(read(plain, found))
    others, ids = taken(there), torch.arange(12).view(3, 4)
    places = there.lengths[:, None].long() + torch.arange(4)
    with torch.no_grad():
        wanted = plain(ids, places, there.view(slice(0, 3))).flatten(0, 1)
    got = alone(plain).several(ids, places, others.view(slice(0, 3))).flatten(0, 1)
    assert max(distance(*rows) for rows in zip(got, wanted, strict=True)) < 2e-2


def taken(pages: Int8Pages) -> Int8Pages:
    """The same content elsewhere."""
    made = Int8Pages(pages.rows, pages.pages, pages.table.shape[1] * 32)
    made.table, made.lengths = pages.table.clone(), pages.lengths.clone()
    for name in ("k", "v", "k_scale", "v_scale"):
        setattr(made, name, {layer: tensor.clone() for layer, tensor in getattr(pages, name).items()})
    return made


def test_an_engine_with_an_int8_cache_writes_by_the_compiled_step_what_it_writes_by_torch():
    plain = model("llama")
    assert answers(plain, alone(plain)) == answers(plain, None)


def answers(plain: Transformer, decoder: CompiledStep | None) -> dict[int, list[int]]:
    """What an engine with an int8 cache writes, for each request."""
    engine, found = Engine(plain, slots=3, store="int8", decoder=decoder), {row: [] for row in range(4)}
    for row in found:
        engine.add(Request([5, 6, 7, row], 20))
    while not engine.idle:
        for event in engine.step():
            found[event.request].append(event.token)
    return found
