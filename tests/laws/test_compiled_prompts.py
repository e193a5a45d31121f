"""Prompts read by the compiled step give what the plain model gives, and the same bits wherever they are cut."""

import copy

import pytest
import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.compiled_step import CompiledStep
from groundup.generation.pages import Pages, pages_for
from groundup.kernels.native import build
from groundup.model import quantize
from tests.laws.test_compiled_step import DTYPES, MODELS, distance, made
from tests.model_example import model
from tests.step_example import Meant, copied

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C++ compiler on this machine")
CONTEXT = 128
LENGTHS = (90, 33, 7, 64)  # a block's border inside, just before, behind and at the last token


def scattered(rows: int) -> Pages:
    """Pages for so many texts, in no order."""
    each = pages_for(CONTEXT)
    pages = Pages(rows, rows * each + 1, CONTEXT)
    order = torch.randperm(rows * each, generator=torch.Generator().manual_seed(3)) + 1
    pages.table[:] = order.view(rows, each)
    return pages


def prompts(vocabulary: int, lengths: tuple[int, ...] = LENGTHS) -> tuple[Tensor, Tensor]:
    """Ids (texts, longest) with anything behind the shorter ones, and where each ends."""
    dice = torch.Generator().manual_seed(7)
    return torch.randint(vocabulary, (len(lengths), max(lengths)), generator=dice), torch.tensor(lengths) - 1


@torch.inference_mode()
def read(reader, ids: Tensor, last: Tensor, pages: Pages, start: int = 0) -> Tensor:
    """The logits of each text's last token, as the engine asks for them."""
    positions = torch.arange(start, start + ids.shape[1])[None]
    return reader(ids, positions, pages.view(slice(0, len(ids))), last=last).float()


def distances(found: Tensor, meant: Tensor) -> list[float]:
    return sorted(distance(*rows) for rows in zip(found, meant, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_logits_and_cache_are_those_of_the_plain_model(name):
    plain = made(name)
    step, (ids, last) = CompiledStep(plain, threads=2), prompts(plain.settings.vocabulary)
    pages, others = scattered(len(ids)), scattered(len(ids))
    assert distances(read(step.prompt, ids, last, others), read(plain, ids, last, pages))[-1] < 1e-4
    for layer in pages.k:
        for row, end in enumerate(last.tolist()):
            table = pages.table[row : row + 1].long()
            for found, meant in zip(others.read(layer, table), pages.read(layer, table), strict=True):
                assert torch.allclose(found[:, :, : end + 1], meant[:, :, : end + 1], atol=2e-4)


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("name", ("llama untied", "qwen2", "odd sizes"))
def test_narrow_weights_are_read_as_what_they_stand_for(name, kind):
    narrow, plain = made(name).to(DTYPES[kind]), made(name)
    plain.load_state_dict({key: tensor.float() for key, tensor in narrow.state_dict().items()})
    ids, last = prompts(plain.settings.vocabulary)
    pages = scattered(len(ids))
    meant = read(plain, ids, last, pages)
    got = read(CompiledStep(narrow, threads=1).prompt, ids, last, copied(pages))
    assert distances(got, meant)[-1] < 1e-4


@pytest.mark.parametrize("kind", DTYPES)
def test_a_narrow_model_keeps_narrow_pages_and_comes_nearer_to_the_wide_one_than_torch(kind):
    narrow, plain = made("llama").to(DTYPES[kind]), made("llama")
    plain.load_state_dict({key: tensor.float() for key, tensor in narrow.state_dict().items()})
    ids, last = prompts(plain.settings.vocabulary)
    pages = scattered(len(ids))
    got = read(CompiledStep(narrow, threads=1).prompt, ids, last, pages)
    assert {kept[layer].dtype for kept in (pages.k, pages.v) for layer in kept} == {DTYPES[kind]}
    meant = read(plain, ids, last, scattered(len(ids)))
    assert distances(got, meant)[-1] < distances(read(narrow, ids, last, scattered(len(ids))), meant)[-1]


@pytest.mark.parametrize("kind", ("int8", "int8_g32", "int4_g32", "int4_g64"))
@pytest.mark.parametrize("name", ("llama", "llama untied", "gpt2", "odd sizes"))
def test_integers_are_read_as_what_they_stand_for_but_for_the_head_which_is_that_of_a_step(name, kind):
    written = quantize.quantised(made(name), quantize.scheme(kind))
    plain = copy.deepcopy(written)
    if plain.settings.tied:
        plain.model.embed_tokens = Meant(plain.model.embed_tokens)
    else:
        plain.lm_head = Meant(plain.lm_head)
    ids, last = prompts(plain.settings.vocabulary)
    got = read(CompiledStep(written, threads=1).prompt, ids, last, scattered(len(ids)))
    found = distances(got, read(plain, ids, last, scattered(len(ids))))
    assert found[len(found) // 2 - 1] < 1e-4
    assert found[-1] < 2e-2  # a number in the middle between two integers may fall to either


@pytest.mark.parametrize("kind", ("f32", "bf16", "int4_g32"))
@pytest.mark.parametrize("name", ("qwen3", "phi3 windows", "odd sizes"))
def test_a_prompt_has_the_same_bits_wherever_it_is_cut_and_in_any_company(name, kind):
    model = made(name).to(DTYPES.get(kind, torch.float32))
    if kind.startswith("int"):
        model = quantize.quantised(model, quantize.scheme(kind))
    step, (ids, last) = CompiledStep(model, threads=2), prompts(model.settings.vocabulary)
    together = read(step.prompt, ids, last, scattered(len(ids)))
    for row, end in enumerate(last.tolist()):
        for cut in {0, 1, 5, end - 31, end} & set(range(end + 1)):
            pages = scattered(1)
            if cut:
                read(step.prompt, ids[row : row + 1, :cut], torch.tensor([cut - 1]), pages)
            rest = ids[row : row + 1, cut : end + 1]
            alone = read(step.prompt, rest, torch.tensor([end - cut]), pages, cut)
            assert torch.equal(alone[0], together[row])


def test_threads_share_the_work_and_change_no_bit():
    plain = made("odd sizes")
    ids, last = prompts(plain.settings.vocabulary)
    one = read(CompiledStep(plain, threads=1).prompt, ids, last, scattered(len(ids)))
    for threads in (2, 3, 5):
        step = CompiledStep(plain, threads=threads)
        for _ in range(10):
            assert torch.equal(read(step.prompt, ids, last, scattered(len(ids))), one)


def test_more_tokens_than_fit_at_once_are_read_one_lot_after_the_other():
    plain = made("llama")
    ids, last = prompts(plain.settings.vocabulary, lengths=(100,) * 7)
    meant = read(plain, ids, last, scattered(7))
    assert distances(read(CompiledStep(plain, threads=2).prompt, ids, last, scattered(7)), meant)[-1] < 1e-4


def test_numbers_that_compiled_code_would_believe_are_checked_first():
    plain = made("llama")
    ids, last = prompts(plain.settings.vocabulary, lengths=(100,))
    step = CompiledStep(plain, threads=1)
    with pytest.raises(Problem, match="128 have room"):
        read(step.prompt, ids, last, scattered(1), start=29)
    ids[0, 50] = 300
    with pytest.raises(Problem, match="300 are not all in 0 to 299"):
        read(step.prompt, ids, last, scattered(1))


@pytest.mark.parametrize(
    "name", ("gemma2", "gemma3", "olmo2", "gpt_neox", "sandwich", "output", "parallel", "mixtral", "nf4")
)
def test_what_only_single_tokens_can_be_read_with_is_left_to_the_model_itself(name):
    plain = quantize.quantised(model("llama"), quantize.scheme("nf4")) if name == "nf4" else model(name)
    ids, last = prompts(plain.settings.vocabulary)
    pages, others = scattered(len(ids)), scattered(len(ids))
    step = CompiledStep(plain, threads=1)
    assert step.unread and torch.equal(read(step.prompt, ids, last, others), read(plain, ids, last, pages))
