"""The compiled step gives what the plain model gives: for every kind of part, weight and length, alone and together."""

import ctypes
import platform

import pytest
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.compiled_step import CompiledStep, decoder_for, unknown, unsuited
from groundup.generation.pages import Pages
from groundup.generation.step_weights import packed, unpacked_by_definition
from groundup.kernels.native import build
from groundup.model import quantize
from tests.model_example import SHAPES, VARIANTS, model, settings
from tests.step_example import by_definition, copied, plain_step, read

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler on this machine")
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16}
LENGTHS = (33, 5, 64, 32, 40)  # a page's border before, at and behind the last token
MODELS = {
    "qwen3": {},
    "qwen3 untied": {},
    "llama": {},
    "llama untied": {},
    "gpt2": {},
    "qwen2": {},
    "mistral": {},
    "phi3": {},
    "phi3 windows": {},
    "windows at times": {"local_rope_base": 0.0},
    "relu2": {},
    "odd sizes": {"width": 52, "heads": 4, "kv_heads": 2, "head_width": 14, "hidden": 71, "vocabulary": 301},
    "gemma's parts": {"norm": "rms_one", "feedforward": "geglu", "embedding_scale": 8.0, "attention_scale": 0.3},
}


def made(name: str, **more):
    shape = name if name in SHAPES or name in VARIANTS else "qwen3"
    return model(shape, **MODELS[name], **more)


def texts(vocabulary: int = 300, lengths: tuple[int, ...] = LENGTHS) -> list[Tensor]:
    dice = torch.Generator().manual_seed(5)
    return [torch.randint(vocabulary, (length,), generator=dice) for length in lengths]


def last(found: list[Tensor]) -> Tensor:
    return torch.stack([text[-1] for text in found])


def distance(found: Tensor, meant: Tensor) -> float:
    """The largest difference, as a share of the largest logit."""
    return float((found - meant).abs().max() / meant.abs().max())


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_cache_are_those_of_the_plain_model(name):
    plain = made(name)
    found = texts(plain.settings.vocabulary)
    pages = read(plain, found)
    others, step, tokens = copied(pages), CompiledStep(plain, threads=1), last(found)
    for _ in range(3):  # the second and third step look at what the first has put into the pages
        meant, got = plain_step(plain, tokens, pages), step(tokens, others, len(tokens))
        assert distance(got, meant) < 1e-4
        tokens = meant.argmax(-1)
        pages.lengths += 1
        others.lengths += 1
    for layer in pages.k:
        assert torch.allclose(others.k[layer], pages.k[layer], atol=1e-4)
        assert torch.allclose(others.v[layer], pages.v[layer], atol=1e-4)


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
@pytest.mark.parametrize("name", ("llama untied", "qwen2", "odd sizes"))
def test_narrow_weights_are_read_as_what_they_stand_for(name, dtype):
    narrow = made(name).to(dtype)
    plain = made(name)
    plain.load_state_dict({key: tensor.float() for key, tensor in narrow.state_dict().items()})
    found = texts(plain.settings.vocabulary)
    pages = read(plain, found)
    got = CompiledStep(narrow, threads=1)(last(found), copied(pages), len(found))
    assert distance(got, plain_step(plain, last(found), pages)) < 1e-4


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
def test_a_narrow_cache_costs_what_its_rounding_costs(dtype):
    plain = made("llama")
    found = texts()
    pages = read(plain, found)
    narrow = copied(pages, dtype)
    got = CompiledStep(plain, threads=1)(last(found), narrow, len(found))
    widened = copied(narrow, torch.float32)
    meant = plain_step(plain, last(found), widened)
    assert distance(got, meant) < 2e-2
    for layer in pages.k:  # what the step wrote is the nearest narrow number, but for the last bit
        assert torch.allclose(narrow.k[layer].float(), widened.k[layer].to(dtype).float(), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("kind", ("int8", "int8_g32", "int4_g32", "int4_g64"))
@pytest.mark.parametrize("name", ("llama", "llama untied", "gpt2", "odd sizes"))
def test_integers_are_multiplied_as_their_definition_says(name, kind):
    written = quantize.quantised(made(name), quantize.scheme(kind))
    plain, found = by_definition(written), texts(written.settings.vocabulary)
    pages = read(plain, found)
    got = CompiledStep(written, threads=1)(last(found), copied(pages), len(found))
    rows = zip(got, plain_step(plain, last(found), pages), strict=True)
    distances = sorted(distance(*row) for row in rows)
    assert distances[len(found) // 2] < 1e-4
    assert distances[-1] < 2e-2  # a number in the middle between two integers may fall to either


@pytest.mark.parametrize("end", (1.0, -1.0))
@pytest.mark.parametrize("count", (1, 5))
@pytest.mark.parametrize("kind", ("int8", "int8_g32", "int4_g32"))
def test_the_largest_integers_have_room(kind, count, end):
    """Every weight and every number at its end of the scale: where products are added in 16 bits, nothing may run over."""
    plain = made("llama")
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.fill_(end if parameter.ndim > 1 else 1.0)
    written = quantize.quantised(plain, quantize.scheme(kind))
    meant, found = by_definition(written), texts(written.settings.vocabulary)[:count]
    pages = read(meant, found)
    got = CompiledStep(written, threads=1)(last(found), copied(pages), count)
    assert distance(got, plain_step(meant, last(found), pages)) < 1e-4


@pytest.mark.parametrize("kind", ("f32", "bf16", "int8", "int8_g32", "int4_g32"))
def test_a_text_gets_the_same_bits_alone_and_in_small_company(kind):
    plain = made("qwen3")
    found = texts(lengths=tuple(range(20, 52, 2)))
    pages = read(plain, found)
    if kind.startswith("int"):
        plain = quantize.quantised(plain, quantize.scheme(kind))
    elif kind == "bf16":
        plain = plain.to(torch.bfloat16)
    step = CompiledStep(plain, threads=1)
    for texts_at_once in (16 if kind.startswith("int") else 8, 7, 3):
        together = step(last(found)[:texts_at_once], copied(pages), texts_at_once)
        for row in range(texts_at_once):
            alone = step(last(found)[row : row + 1], part(pages, row, row + 1), 1)
            assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("name", ("llama", "qwen3", "odd sizes"))
@pytest.mark.parametrize("kind", DTYPES)
def test_many_texts_get_what_few_get_and_the_same_bits_however_many_they_are(name, kind):
    plain = made(name).to(DTYPES[kind])
    found = texts(plain.settings.vocabulary, lengths=tuple(20 + row % 13 for row in range(45)))
    pages = read(plain, found)
    step = CompiledStep(plain, threads=2)
    few = torch.cat([step(last(found)[at : at + 5], part(pages, at, at + 5), 5) for at in range(0, 45, 5)])
    whole = step(last(found), copied(pages), 45)
    assert max(distance(*rows) for rows in zip(few, whole, strict=True)) < 2e-5
    for texts_at_once in (9, 16, 17, 33):
        assert torch.equal(step(last(found)[:texts_at_once], copied(pages), texts_at_once), whole[:texts_at_once])


@pytest.mark.parametrize("name", ("llama", "qwen3", "odd sizes", "gpt2"))
@pytest.mark.parametrize("time", (1, 2, 5))
def test_several_tokens_of_a_text_are_read_as_if_one_came_after_the_other(name, time):
    plain = made(name)
    found = texts(plain.settings.vocabulary, lengths=(31, 40, 33, 64))
    pages, rows = read(plain, found), [2, 0, 3]
    ids = torch.randint(0, plain.settings.vocabulary, (3, time), generator=torch.Generator().manual_seed(time))
    places = pages.lengths[rows, None].long() + torch.arange(time)
    places[1, 1:] = places[1, :1]  # what fills a shorter draft up: its last token again, where it stands
    ids[1, 1:] = ids[1, :1]
    there = copied(pages)
    got = CompiledStep(plain, threads=2).several(ids, places, there.view(rows))
    with torch.no_grad():
        wanted = plain(ids, places, pages.view(rows))
    assert max(distance(*row) for row in zip(got.flatten(0, 1), wanted.flatten(0, 1), strict=True)) < 1e-4
    for layer, keys in pages.k.items():
        assert torch.allclose(there.k[layer], keys, atol=1e-4)


def part(pages: Pages, first: int, end: int) -> Pages:
    """Some of the rows, in pages of their own."""
    some = copied(pages)
    some.table, some.lengths = some.table[first:end].contiguous(), some.lengths[first:end]
    return some


def test_threads_share_the_work_and_change_no_bit():
    plain = made("odd sizes")
    found = texts(plain.settings.vocabulary)
    pages = read(plain, found)
    one = CompiledStep(plain, threads=1)(last(found), copied(pages), len(found))
    for threads in (2, 3, 5):
        step = CompiledStep(plain, threads=threads)
        for _ in range(20):
            assert torch.equal(step(last(found), copied(pages), len(found)), one)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="flags of another kind of processor")
@pytest.mark.parametrize("sets", ("-march=x86-64-v3", "-march=x86-64"))
def test_processors_with_fewer_instruction_sets_give_the_same(sets, tmp_path):
    build.compiled(str(build.compiler()), tmp_path / "decode.so", sets)
    library = build.declared(ctypes.CDLL(str(tmp_path / "decode.so")))
    for kind in ("f32", "bf16", "f16", "int8", "int8_g32", "int4_g32", "nf4"):
        plain = made("odd sizes").to(DTYPES.get(kind, torch.float32))
        if kind not in ("f32", *DTYPES):
            plain = quantize.quantised(plain, quantize.scheme(kind))
        found = texts(plain.settings.vocabulary)
        pages = read(plain, found)
        here = CompiledStep(plain, threads=1)(last(found), copied(pages), len(found))
        there = CompiledStep(plain, threads=2, library=library)(last(found), copied(pages), len(found))
        distances = sorted(distance(*rows) for rows in zip(there, here, strict=True))
        assert (
            distances[len(found) // 2] < 1e-3 and distances[-1] < 2e-2
        )  # sums in another order, narrowed for the cache
        ids, places, ends = (
            torch.stack([text[:5] for text in found]),
            torch.arange(5)[None],
            torch.full((len(found),), 4),
        )
        here, there = (
            step.prompt(ids, places, copied(pages).view(slice(0, len(found))), ends)
            for step in (CompiledStep(plain, threads=1), CompiledStep(plain, threads=2, library=library))
        )
        distances = sorted(distance(*rows) for rows in zip(there, here, strict=True))
        assert distances[len(found) // 2] < 1e-3 and distances[-1] < 2e-2


def test_more_texts_than_it_is_good_for_go_the_plain_way():
    plain = made("llama")
    found = texts(lengths=(9,) * 65)
    pages = read(plain, found)
    got = CompiledStep(plain, threads=1)(last(found), copied(pages), 65)
    assert torch.equal(got, plain_step(plain, last(found), pages))


@pytest.mark.parametrize("bits", (4, 8))
def test_packed_integers_are_found_again(bits):
    low, high = (-8, 7) if bits == 4 else (-127, 127)
    integers = torch.randint(low, high + 1, (37, 70), generator=torch.Generator().manual_seed(1)).to(torch.int8)
    made = packed(integers, bits)
    again = [[unpacked_by_definition(made, bits, row, column) for column in range(70)] for row in range(37)]
    assert torch.equal(torch.tensor(again, dtype=torch.int8), integers)


UNKNOWN = {
    "post": "post",
    "blocks": "blocks",
    "alibi": "alibi",
    "relative": "relative",
    "lfm2": "conv",
    "latent": "latent",
}


@pytest.mark.parametrize(("shape", "part"), UNKNOWN.items())
def test_models_with_other_parts_go_the_plain_way_and_say_why(shape, part):
    plain = model(shape)
    assert part in str(unsuited(plain))
    assert decoder_for(plain) is None
    with pytest.raises(Problem, match=part):
        decoder_for(plain, "native")


def test_a_stretch_that_grows_with_the_text_is_not_known():
    stretched = settings("llama", rope_scaling={"kind": "dynamic", "factor": 2.0})
    assert "dynamic" in str(unknown(stretched))


def test_ways_that_do_not_exist_are_refused():
    with pytest.raises(Problem, match="native"):
        decoder_for(made("llama"), "nativ")
    assert decoder_for(made("llama"), "torch") is None


def test_numbers_that_compiled_code_would_believe_are_checked_first():
    plain = made("llama")
    found = texts(lengths=(9,))
    pages = read(plain, found, context=32)
    step = CompiledStep(plain, threads=1)
    with pytest.raises(Problem, match="300 are not all in 0 to 299"):
        step(torch.tensor([300]), pages, 1)
    pages.lengths[0] = 32
    with pytest.raises(Problem, match="32 have room"):
        step(torch.tensor([3]), pages, 1)
