"""The step of fixed shapes gives what the plain model gives over the same pages, and a record of it can be played again.

No accelerator is needed: a pass is recorded operation by operation, with the addresses it used, as a CUDA graph would be;
and tensors without numbers, of which nobody can ask one, show that no pass waits for an answer of the device.
"""

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from groundup.errors import Problem
from groundup.generation.batch import generate
from groundup.generation.captured_step import MOST, CapturedStep
from groundup.generation.compiled_step import decoder_for
from groundup.generation.engine import GREEDY, Engine, Request
from groundup.generation.int8_pages import Int8Pages
from groundup.generation.pages import PAGE, Pages, pages_for
from groundup.generation.sample import Sampling
from groundup.generation.static_step import FEWEST, Place, StaticStep, bucket, run, unsteady
from groundup.model.transformer import Transformer
from tests.model_example import EVERY, model, settings
from tests.stateful_example import FAMILIES
from tests.stateful_example import model as stateful
from tests.step_example import copied, plain_step, read

LENGTHS = (33, 5, 64, 32, 40)  # a page's border before, at and behind the last token
STEADY = [shape for shape in EVERY if unsteady(model(shape)) is None]


def texts(vocabulary: int = 300, lengths: tuple[int, ...] = LENGTHS, seed: int = 5) -> list[Tensor]:
    dice = torch.Generator().manual_seed(seed)
    return [torch.randint(vocabulary, (length,), generator=dice) for length in lengths]


def last(found: list[Tensor]) -> Tensor:
    return torch.stack([text[-1] for text in found])


def told(pages: Pages, texts: int) -> Pages:
    """What the engine tells before each step."""
    pages.stand(pages.lengths[:texts].tolist())
    return pages


@pytest.mark.parametrize("shape", STEADY)
def test_logits_and_cache_are_those_of_the_plain_model(shape):
    plain, found = model(shape), texts()
    pages = read(plain, found)
    others, step, tokens = copied(pages), StaticStep(plain), last(found)
    for count in (5, 5, 3, 1):  # some rows are read meanwhile: nothing of theirs may be touched
        meant, got = plain_step(plain, tokens[:count], pages), step(tokens[:count], told(others, count), count)
        assert torch.allclose(got, meant, atol=1e-4 * float(meant.abs().max()))
        tokens[:count] = meant.argmax(-1)
        pages.lengths[:count] += 1
        others.lengths[:count] += 1
    for layer in pages.k:
        assert torch.allclose(others.k[layer][1:], pages.k[layer][1:], atol=1e-4)
        assert torch.allclose(others.v[layer][1:], pages.v[layer][1:], atol=1e-4)


@torch.inference_mode()
def test_a_recorded_pass_played_again_reads_what_was_written_into_its_place_meanwhile():
    plain, found = model("qwen3"), texts(lengths=(33, 5, 64, 20))
    pages, place = read(plain, found), Place.of(4, 4, torch.device("cpu"))
    place.fill(last(found), pages, 4)
    recorded = make_fx(lambda: run(plain, pages, place))()
    for seed, count in ((6, 4), (7, 2), (8, 1)):
        moved = pages.table[torch.randperm(4, generator=torch.Generator().manual_seed(seed))]
        pages.table.copy_(moved)
        pages.lengths.copy_(torch.tensor([9, 40, 31, 63])[torch.randperm(4)])
        tokens = texts(lengths=(4,), seed=seed)[0][:count]
        meant = plain_step(plain, tokens, copied(pages))
        place.fill(tokens, pages, count)
        assert torch.allclose(recorded()[:count], meant, atol=1e-4 * float(meant.abs().max()))


@pytest.mark.parametrize("kind", (Pages, Int8Pages))
@pytest.mark.parametrize("shape", STEADY)
@torch.inference_mode()
def test_no_pass_asks_the_device_for_a_number(shape, kind):
    made = model(shape).to("meta")
    pages = kind(4, 17, 128, "meta")
    place = Place.of(2, 4, torch.device("meta"))
    place.fill(torch.zeros(2, dtype=torch.int64, device="meta"), pages, 2)
    assert run(made, pages, place).shape == (2, made.settings.vocabulary)


@torch.inference_mode()
def test_a_pass_through_experts_would_ask_it():
    pages, place = Pages(4, 17, 128, "meta"), Place.of(2, 4, torch.device("meta"))
    with pytest.raises((RuntimeError, NotImplementedError)):
        run(model("mixtral").to("meta"), pages, place)


def test_models_that_cannot_be_replayed_are_known_by_what_hinders_them():
    growing = {"rope_scaling": {"kind": "dynamic", "factor": 4.0}}
    hindrances = {"mixtral": "experts", "lfm2": "state", "alibi": "alibi"}
    assert all(word in (unsteady(model(shape)) or "") for shape, word in hindrances.items())
    assert "dynamic" in (unsteady(model("llama", **growing)) or "")
    assert all("state" in (unsteady(stateful(family)) or "") for family in FAMILIES)


def test_sizes_are_powers_of_two_up_to_what_there_is():
    assert [bucket(count, 24) for count in (1, 2, 3, 5, 9, 16, 17, 24)] == [1, 2, 4, 8, 16, 16, 24, 24]
    assert [bucket(count, 16, FEWEST) for count in (1, 4, 5)] == [4, 4, 8]
    assert bucket(2, 3, FEWEST) == 3


def test_texts_of_all_lengths_and_numbers_share_few_places():
    plain, step = model("qwen3"), StaticStep(model("qwen3"))
    pages = Pages(16, 16 * pages_for(128) + 1, 128)
    for row in range(16):
        pages.begin(row, range(1 + 4 * row, 5 + 4 * row))
    for count in range(1, 17):
        pages.stand([7 * count] * count)
        step(torch.zeros(count, dtype=torch.int64), pages, count)
    assert sorted(step.places) == [(1, 4), (2, 4), (4, 4), (8, 4), (16, 4)] and plain.settings.context == 128


def test_a_text_without_room_for_one_more_token_is_refused():
    step, pages = StaticStep(model("qwen3")), Pages(1, 5, 64)
    pages.stand([2 * PAGE])
    with pytest.raises(Problem, match="64 tokens, and 64 have room"):
        step(torch.zeros(1, dtype=torch.int64), pages, 1)


@pytest.mark.parametrize("store", ("pages", "int8"))
def test_an_engine_writes_the_same_texts_by_static_steps(store):
    plain = model("llama")

    def written(decoder) -> list[tuple[int, int]]:
        engine = Engine(plain, slots=3, context=96, chunk=16, tokens=128, store=store, share=True, decoder=decoder)
        for number, text in enumerate(texts(lengths=(40, 3, 33, 64, 12))):
            engine.add(Request(text.tolist(), 24, Sampling(0.7 * (number % 2), seed=number)))
        events = []
        while not engine.idle:
            events += [(event.request, event.token) for event in engine.step()]
        assert engine.preempted  # so places are given up and taken again meanwhile
        return sorted(events, key=lambda event: event[0])

    assert written(StaticStep(plain)) == written(None)


def test_more_texts_than_graphs_are_made_for_are_read_by_the_model():
    plain = model("llama")
    found = texts(lengths=(9,) * (MOST + 1))
    pages = read(plain, found, context=32)
    step = CapturedStep(plain)
    got = step(last(found), told(copied(pages), MOST + 1), MOST + 1)
    assert torch.equal(got, plain_step(plain, last(found), pages)) and not step.graphs


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_graphs_write_the_texts_of_the_plain_model_on_a_card():
    plain = model("llama").to("cuda")

    def written(decoder) -> list[tuple[int, int]]:
        engine = Engine(plain, slots=4, context=96, chunk=16, store="pages", decoder=decoder)
        for text in texts(lengths=(40, 3, 33, 50)):
            engine.add(Request(text.tolist(), 30))
        events = []
        while not engine.idle:
            events += [(event.request, event.token) for event in engine.step()]
        if decoder:
            assert any(graph.recorded for graph in decoder.graphs[engine.cache].values())
        return sorted(events, key=lambda event: event[0])

    assert written(CapturedStep(plain)) == written(None)


def test_the_door_that_compiles_for_processors_captures_on_cuda():
    with FakeTensorMode(), torch.device("cuda"):  # tensors that only say where they would lie
        steady, routed = (Transformer(settings(shape), seed=None) for shape in ("llama", "mixtral"))
        assert type(decoder_for(steady)) is type(decoder_for(steady, "native")) is CapturedStep
        assert decoder_for(steady, "torch") is None and decoder_for(routed) is None
        with pytest.raises(Problem, match="experts"):
            decoder_for(routed, "native")


def test_many_prompts_are_gone_on_with_as_without_it():
    plain, prompts = model("llama"), [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
    alone = generate(plain, prompts, 12, GREEDY, ())
    assert [each.ids for each in generate(plain, prompts, 12, GREEDY, (), decoder=StaticStep(plain))] == [
        each.ids for each in alone
    ]
