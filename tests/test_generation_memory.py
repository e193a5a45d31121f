"""What the engine does with its memory: who shares, who gives way, who goes next, and what a number in eight bits costs."""

import pytest
import torch

from groundup.errors import Problem
from groundup.generation.engine import Engine, Request
from groundup.generation.int8_pages import rounded
from groundup.generation.pages import PAGE, Pages
from groundup.generation.room import bytes_per_page, pages_allowed
from groundup.generation.sample import Sampling
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

torch.set_num_threads(1)
LONG = [place % 37 for place in range(70)]  # two full pages and some more
STORES = ["rows", "pages"]


@pytest.fixture(scope="module")
def model():
    made = Transformer(ModelSettings(depth=2, width=32, vocabulary=40, context=128)).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.4, generator=generator)
    return made


def run(engine: Engine) -> dict[int, list[int]]:
    told: dict[int, list[int]] = {}
    while not engine.idle:
        for event in engine.step():
            told.setdefault(event.request, []).append(event.token)
    return told


def alone(model, request: Request) -> list[int]:
    engine = Engine(model, 1)
    engine.add(request)
    return run(engine)[0]


class Reading:
    """Hears how many tokens each pass of a model reads."""

    def __init__(self, model):
        self.passes: list[torch.Size] = []
        self.hook = model.register_forward_pre_hook(lambda _, given: self.passes.append(given[0].shape))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hook.remove()

    @property
    def tokens(self) -> int:
        return sum(shape.numel() for shape in self.passes)


@pytest.mark.parametrize("store", STORES)
def test_a_beginning_is_read_once_for_all_of_one_salt(model, store):
    engine = Engine(model, store=store, share=True)
    request = Request(LONG, 3, salt="key of ann")
    first = run(engine), engine.add(request)
    assert first[0] == {} and run(engine)[0] == alone(model, request)
    with Reading(model) as reading:
        engine.add(Request([*LONG[:64], 5, 6], 1, salt="key of ann"))
        run(engine)
    assert reading.tokens == 2
    assert engine.counts().shared == {"key of ann": 64} and engine.counts().asked == {"key of ann": 70 + 66}


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_shared_between_salts(model, store):
    engine = Engine(model, store=store, share=True)
    for salt in ("ann", "ben"):
        with Reading(model) as reading:
            engine.add(Request(LONG, 1, salt=salt))
            run(engine)
        assert reading.tokens == 70
    assert engine.counts().shared == {"ann": 0, "ben": 0}


def test_whoever_does_not_ask_for_it_shares_nothing(model):
    engine = Engine(model)
    for _ in range(2):
        with Reading(model) as reading:
            engine.add(Request(LONG, 1))
            run(engine)
        assert reading.tokens == 70
    assert engine.counts().pages_cached == 0


@pytest.mark.parametrize("store", STORES)
def test_a_conversation_goes_on_where_the_answer_ended(model, store):
    engine = Engine(model, store=store, share=True)
    engine.add(Request(LONG, 30))
    answer = run(engine)[0]
    following = Request([*LONG, *answer, 1, 2], 4)
    engine.add(following)
    assert run(engine)[1] == alone(model, following)
    assert engine.counts().shared[""] == 96


@pytest.mark.parametrize("store", STORES)
def test_several_answers_to_one_prompt_read_it_once(model, store):
    requests = [Request(LONG, 5, Sampling(seed=seed)) for seed in range(4)]
    engine = Engine(model, store=store, share=True)
    for request in requests:
        engine.add(request)
    told = run(engine)
    assert [told[number] for number in range(4)] == [alone(model, request) for request in requests]
    assert engine.counts().shared[""] == 3 * 64


def test_a_model_that_carries_a_state_shares_nothing():
    model = Transformer(
        ModelSettings(family="lfm2", pattern=["conv", "full"], depth=2, width=32, vocabulary=40, context=128)
    )
    engine = Engine(model.eval(), share=True)
    for _ in range(2):
        engine.add(Request(LONG, 2))
        run(engine)
    assert engine.counts().shared == {"": 0}


@pytest.mark.parametrize(
    "how", [{"store": "rows"}, {"store": "pages"}, {"store": "rows", "share": True}, {"exact": True}]
)
def test_the_youngest_gives_way_when_pages_run_out_and_is_told_the_same_tokens(model, how):
    requests = [Request([number] * 20, 60, Sampling(seed=number)) for number in range(3)]
    engine = Engine(model, tokens=128, **how)  # each will have three pages in the end, and there are four
    for request in requests:
        engine.add(request)
    order, told = [], {number: [] for number in range(3)}
    while not engine.idle:
        for event in engine.step():
            told[event.request].append(event.token)
            order += [event.request] if event.finish else []
    counts = engine.counts()
    assert counts.preempted >= 2 and order == [0, 1, 2] and counts.pages_used == 0
    assert [told[number] for number in range(3)] == [alone(model, request) for request in requests]


def test_what_was_cached_is_forgotten_before_anyone_has_to_wait(model):
    engine = Engine(model, tokens=128, share=True)
    for number in range(5):
        engine.add(Request([number] * 64, 2))
        run(engine)
    counts = engine.counts()
    assert counts.preempted == 0 and counts.pages_total == 4
    assert counts.pages_cached == 3  # all but the one that held the end of an answer


def test_cancelling_gives_pages_back_at_once_wherever_a_text_is(model):
    engine = Engine(model, slots=2, chunk=32)
    written, read, waits = engine.add(Request([1], 50)), engine.add(Request(LONG, 5)), engine.add(Request([3], 5))
    engine.step()
    engine.step()
    engine.step()
    assert (engine.counts().running, engine.counts().waiting, engine.counts().pages_used) == (2, 1, 4)
    assert engine.cancel(read) and engine.counts().pages_used == 1
    assert engine.cancel(waits) and engine.counts().waiting == 0
    assert engine.cancel(written) and engine.counts().pages_used == 0 and engine.idle
    assert engine.step() == []


def test_a_users_second_request_waits_behind_anothers_first(model):
    engine = Engine(model, slots=1)
    for user in ("ann", "ann", "ann", "ben"):
        engine.add(Request([1], 2, user=user))
    assert list(run(engine)) == [0, 3, 1, 2]


def test_a_short_prompt_does_not_wait_until_a_long_one_is_read(model):
    engine = Engine(model, chunk=8)
    long, short = engine.add(Request(LONG, 1)), engine.add(Request([5], 1))
    heard = [event.request for _ in range(3) for event in engine.step()]
    assert heard == [short] and list(run(engine)) == [long]


def test_a_step_reads_no_more_than_its_budget(model):
    engine = Engine(model, slots=8, chunk=64, budget=10)
    for number in range(8):
        engine.add(Request([number] * (3 + 5 * number), 12))
    with Reading(model) as reading:
        while not engine.idle:
            reading.passes.clear()
            engine.step()
            assert 0 < reading.tokens <= 10


def test_a_compiled_step_is_given_pages_and_lengths(model):
    """It may do as it likes: here, what the model does."""

    def decoder(ids, pages: Pages, rows):
        assert pages.table.shape == (16, 4) and (pages.table[:rows, 0] > 0).all()
        return model(ids[:, None], pages.lengths[:rows, None].long(), pages.view(slice(0, rows)))[:, 0]

    requests = [Request([number] * (10 * number + 5), 40, Sampling(seed=number)) for number in range(4)]
    engine = Engine(model, decoder=decoder, share=True)
    for request in requests:
        engine.add(request)
    assert list(run(engine).values()) == [alone(model, request) for request in requests]


def test_int8_costs_a_fiftieth_of_a_nat_and_saves_more_than_half_of_the_memory(model):
    """The price, on a model with random and large weights: log-probabilities of the same tokens, and how many of these
    greedy texts choose otherwise. The saving, with heads as narrow as these; in wider ones scales weigh less."""
    generator = torch.Generator().manual_seed(5)
    texts = [torch.randint(0, 40, (60,), generator=generator).tolist() for _ in range(12)]
    told = {}
    for store in ("pages", "int8"):
        engine = Engine(model, store=store)
        for text in texts:
            engine.add(Request(text, 12))
        events: dict[int, list] = {}
        while not engine.idle:
            for event in engine.step():
                events.setdefault(event.request, []).append(event)
        told[store] = events, sum(each.nbytes for kept in stored(engine.cache) for each in kept.values())
    (exact, whole), (rough, small) = told["pages"], told["int8"]
    assert small / whole == pytest.approx((1 + 4 / model.settings.head_width) / 4) and small < whole / 2
    same = [(one, other) for number in exact for one, other in alike(exact[number], rough[number])]
    assert len(same) > 0.9 * 12 * 12
    off = torch.tensor([abs(one.logprob - other.logprob) for one, other in same])
    assert 0 < off.mean() < 0.02 and off.max() < 0.2


def stored(pages) -> list[dict]:
    return [pages.k, pages.v, *(getattr(pages, name) for name in ("k_scale", "v_scale") if hasattr(pages, name))]


def alike(one, other):
    """The events up to the first that chose otherwise."""
    for a, b in zip(one, other, strict=True):
        if a.token != b.token:
            return
        yield a, b


def test_rounding_is_off_by_half_a_step_at_most():
    x = torch.randn(50, 3, 16, generator=torch.Generator().manual_seed(2)) * torch.logspace(-20, 20, 50)[:, None, None]
    x[7] = 0
    whole, scale = rounded(x)
    assert whole.dtype == torch.int8 and whole.abs().max() == 127
    assert ((whole * scale[..., None] - x).abs() <= scale[..., None] * 0.5001).all()


def test_memory_that_is_short_gives_fewer_pages_but_always_enough_for_a_text():
    cpu = torch.device("cpu")
    assert pages_allowed(1000, 10, 1, cpu) == 1000
    assert 10 < pages_allowed(10**12, 10, 2**20, cpu) < 10**9
    assert pages_allowed(10**9, 10, 1e18, cpu) == 10


def test_a_page_takes_what_the_store_keeps_of_it():
    model = Transformer(ModelSettings(depth=2, width=32, heads=4, kv_heads=2, vocabulary=40))
    numbers = PAGE * 2 * 2 * 2 * 8  # tokens, layers, k and v, heads, numbers
    assert bytes_per_page(model, "pages", True) == bytes_per_page(model, "rows", False) == numbers * 4
    assert bytes_per_page(model, "rows", True) == numbers * 4 * 2
    assert bytes_per_page(model, "int8", True) == numbers * (1 + 4 / 8)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"store": "page"}, "pages"),
        ({"store": "rows", "exact": True}, "store=pages"),
        ({"exact": True, "decoder": lambda *_: None}, "leave the decoder out"),
        ({"tokens": 100}, "at least 128"),
        ({"tokens": 0}, "at least 128"),
        ({"budget": 0}, "budget=0"),
        ({"chunk": 0}, "chunk=0"),
        ({"slots": 0}, "slots=0"),
    ],
)
def test_settings_that_cannot_be_are_refused(model, how, said):
    with pytest.raises(Problem, match=said):
        Engine(model, **how)


def test_rows_give_way_to_pages_when_the_cache_may_not_hold_every_text(model):
    assert Engine(model, slots=4).memory.store == "rows"
    assert Engine(model, slots=4, tokens=4 * 128).memory.store == "rows"
    assert Engine(model, slots=4, tokens=3 * 128).memory.store == "pages"
    assert Engine(model, slots=4, exact=True).memory.store == "pages"
    assert PAGE == 32
