"""Laws of the engine: whoever comes, goes or has to give up its memory, each text is the one that full passes write."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from groundup.generation.engine import Engine, Request
from groundup.generation.sample import Sampling, draw
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

torch.set_num_threads(1)
VOCABULARY, CONTEXT, LEAST = 50, 96, 96  # tokens; a cache that holds a single text's is the smallest there is
BEGINNINGS = [[(7 * place + 3 * which) % VOCABULARY for place in range(80)] for which in range(2)]

samplings = some.sampled_from([Sampling(0.0), Sampling(0.0), Sampling(seed=3), Sampling(0.7, 5, 0.9, seed=8)])
tails = some.lists(some.integers(0, VOCABULARY - 1), min_size=1, max_size=8)
prompts = some.builds(
    lambda begin, cut, tail: begin[:cut] + tail, some.sampled_from(BEGINNINGS), some.integers(0, 80), tails
)
requests = some.builds(
    Request,
    ids=prompts,
    max_tokens=some.integers(1, 6),
    sampling=samplings,
    salt=some.sampled_from(["", "other"]),
    user=some.sampled_from(["ann", "ben"]),
)
# when each request comes, and after how many steps it is given up, if ever
plans = some.lists(
    some.tuples(requests, some.integers(0, 4), some.none() | some.integers(0, 6)), min_size=1, max_size=6
)


def made(**settings) -> Transformer:
    """A small model with weights large enough to have opinions."""
    shape = {"depth": 2, "width": 32, "heads": 4, "kv_heads": 2, "vocabulary": VOCABULARY, "context": CONTEXT}
    model, generator = Transformer(ModelSettings(**{**shape, **settings})).eval(), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.4, generator=generator)
    return model


MODELS = {
    "qwen3": made(),
    "windows": made(pattern=["window", "full"], window=20),
    "lfm2": made(family="lfm2", pattern=["conv", "full"]),
    "deepseek": made(family="deepseek_v3", kv_heads=4, experts={"count": 4, "hidden": 24, "shared": 24}),
    "learned positions": made(family="gpt2", kv_heads=4),
}
engines = some.fixed_dictionaries(
    {
        "slots": some.integers(1, 4),
        "chunk": some.integers(1, 100),
        "budget": some.none() | some.integers(1, 40),
        "tokens": some.sampled_from([LEAST, LEAST + 32, 3 * LEAST]),
        "share": some.booleans(),
    }
)


def by_definition(model: Transformer, request: Request) -> list[tuple[int, float]]:
    """Each token from a full pass over everything before it: nothing is remembered, and nobody else is there."""
    ids, told = list(request.ids), []
    with torch.inference_mode():
        for step in range(min(request.max_tokens, CONTEXT - len(ids) + 1)):
            logits = model(torch.tensor([ids]))[:, -1]
            token = int(draw(logits, [request.sampling], [step]))
            ids.append(token)
            told.append((token, float(logits[0].log_softmax(-1)[token])))
    return told


def played(engine: Engine, plan: list) -> list[list[tuple[int, float]]]:
    """What each request of a plan was told; those that were given up, up to then."""
    heard: dict[int, list[tuple[int, float]]] = {}
    numbers: dict[int, int] = {}
    step = 0
    while len(numbers) < len(plan) or not engine.idle:
        for place, (request, comes, leaves) in enumerate(plan):
            if comes == step:
                numbers[place] = engine.add(request)
                heard[numbers[place]] = []
            if leaves is not None and comes + leaves == step:
                engine.cancel(numbers[place])
        for event in engine.step():
            heard[event.request].append((event.token, event.logprob))
        step += 1
    ledger = engine.memory.ledger
    assert ledger.used == 0 and not engine.rows, "who has gone holds no page"
    assert len(ledger.free) + ledger.cached == ledger.total
    return [heard[numbers[place]] for place in range(len(plan))]


def assert_written(model: Transformer, engine: Engine, plan: list) -> None:
    for (request, _, leaves), told in zip(plan, played(engine, plan), strict=True):
        meant = by_definition(model, request)
        assert [token for token, _ in told] == [token for token, _ in meant[: len(told)]]
        torch.testing.assert_close([p for _, p in told], [p for _, p in meant[: len(told)]], atol=1e-4, rtol=1e-4)
        assert leaves is not None or len(told) == len(meant)


@settings(max_examples=30, deadline=None)
@given(some.sampled_from(list(MODELS)), plans, engines, some.sampled_from(["rows", "pages"]))
def test_whoever_comes_and_goes_each_text_is_the_one_of_full_passes(family, plan, how, store):
    assert_written(MODELS[family], Engine(MODELS[family], **how, store=store), plan)


@settings(max_examples=15, deadline=None)
@given(some.sampled_from(list(MODELS)), plans, engines)
def test_exact_texts_are_those_of_full_passes_too(family, plan, how):
    assert_written(MODELS[family], Engine(MODELS[family], **how, exact=True), plan)


@settings(max_examples=25, deadline=None)
@given(some.sampled_from(list(MODELS)), plans, engines, some.sampled_from(["pages", "int8"]))
def test_exact_texts_have_the_same_bits_alone_and_in_any_company(family, plan, how, store):
    """Also with memory for one text only, beginnings that others have read, and whatever else is set."""
    chunk = 64 if how["chunk"] > 64 else 32
    together = played(Engine(MODELS[family], **{**how, "chunk": chunk}, exact=True, store=store), plan)
    for (request, _, _), told in zip(plan, together, strict=True):
        alone = played(Engine(MODELS[family], 1, chunk=chunk, exact=True, store=store), [(request, 0, None)])[0]
        assert told == alone[: len(told)]


@settings(max_examples=10, deadline=None)
@given(plans, engines)
def test_int8_texts_keep_the_order_of_events_though_not_the_bits(plan, how):
    """Its price is measured elsewhere; here, that nobody's pages are mixed up with another's."""
    together = played(Engine(MODELS["qwen3"], **how, store="int8"), plan)
    for (request, _, leaves), told in zip(plan, together, strict=True):
        meant = by_definition(MODELS["qwen3"], request)
        assert leaves is not None or len(told) == len(meant)
        if told and request.sampling.temperature == 0 and told[0][0] == meant[0][0]:
            assert abs(told[0][1] - meant[0][1]) < 0.2
