"""Laws of pages: a model that reads through them reads what it would have read without."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.errors import Problem
from groundup.generation.cache import Cache
from groundup.generation.pages import PAGE, Pages, gathered, gathered_by_definition, pages_for, untouched_zeros
from tests.model_example import ids, model

torch.set_num_threads(1)


@settings(max_examples=25, deadline=None)
@given(some.integers(1, 4), some.integers(1, 4), some.integers(1, 3), some.integers(0, 10**6))
def test_gathering_all_at_once_is_gathering_token_by_token(batch, n, heads, seed):
    dice = torch.Generator().manual_seed(seed)
    pages = torch.randn(6, heads, PAGE, 5, generator=dice)
    table = torch.randint(0, 6, (batch, n), generator=dice)
    assert torch.equal(gathered(pages, table), gathered_by_definition(pages, table))


@pytest.mark.parametrize("attention", ["plain", "fused"])
@pytest.mark.parametrize("shape", ["qwen3", "gemma2", "lfm2", "deepseek v3"])
@settings(max_examples=8, deadline=None)
@given(some.permutations(range(1, 9)), some.lists(some.integers(1, 30), min_size=1, max_size=3))
@torch.inference_mode()
def test_pages_in_any_order_give_the_logits_of_rows_side_by_side(shape, attention, order, cuts):
    made, text = model(shape), ids(2, 64)
    made.attention = attention
    pages, rows = Pages(2, 9, 64), Cache(2)
    pages.table[0, :2], pages.table[1, :2] = torch.tensor(order[:2]), torch.tensor(order[2:4])
    at = 0
    for cut in [*cuts, 64]:
        part, positions = text[:, at : at + cut], torch.arange(at, min(at + cut, 64))[None]
        if part.shape[1]:
            found, meant = (made(part, positions, kept.view(slice(0, 2))) for kept in (pages, rows))
            assert torch.equal(found, meant)
        at += part.shape[1]
    assert all(not tensor[[page]].any() for tensor in pages.k.values() for page in order[4:])


@torch.inference_mode()
def test_what_a_step_reads_lies_where_the_contract_says():
    made, pages = model("qwen3"), Pages(3, 7, 64)
    sizes = made.settings
    pages.table[1, :2] = torch.tensor([5, 2])
    made(ids(1, 40), torch.arange(40)[None], pages.view([1]))
    for layer in range(sizes.depth):
        for tensor in (pages.k[layer], pages.v[layer]):
            assert tensor.shape == (7, sizes.kv_heads, PAGE, sizes.head_width) and tensor.is_contiguous()
            assert tensor.data_ptr() % 64 == 0
            assert tensor[5].all(-1).all() and tensor[2, :, :8].all(-1).all() and not tensor[2, :, 8:].any()
    assert pages.table.dtype == pages.lengths.dtype == torch.int32 and pages.table.shape == (3, 2)


def test_a_text_longer_than_its_table_is_refused():
    with pytest.raises(Problem, match="65 tokens, and 64"):
        Pages(1, 4, 64).reserve(65)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
def test_memory_that_nobody_wrote_to_is_zero(dtype):
    made = untouched_zeros((3, 2, 5), torch.empty(0, dtype=dtype))
    assert made.dtype == dtype and not made.any()
    made[1] = 1
    assert made.sum() == 10


def test_so_many_tokens_need_so_many_pages():
    assert [pages_for(tokens) for tokens in (0, 1, 32, 33)] == [0, 1, 1, 2]
