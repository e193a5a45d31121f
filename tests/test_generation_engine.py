"""The life of requests in the engine: how they end, how they leave, and what is refused before it costs anything."""

import pytest
import torch

from groundup.errors import Problem
from groundup.generation.batch import generate
from groundup.generation.engine import Engine, Request
from groundup.generation.sample import Sampling
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model():
    made = Transformer(ModelSettings(depth=2, width=32, vocabulary=40, context=32)).eval()
    generator = torch.Generator().manual_seed(1)
    for parameter in made.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.4, generator=generator)
    return made


def run(engine: Engine) -> dict[int, list]:
    events: dict[int, list] = {}
    while not engine.idle:
        for event in engine.step():
            events.setdefault(event.request, []).append(event)
    return events


def test_a_request_ends_after_max_tokens(model):
    engine = Engine(model)
    number = engine.add(Request([1, 2, 3], 5))
    assert [event.finish for event in run(engine)[number]] == [None] * 4 + ["length"]


def test_a_request_ends_at_a_stop_id_which_is_its_last_event(model):
    free = generate(model, [[1, 2, 3]], 8)[0].ids
    engine = Engine(model)
    number = engine.add(Request([1, 2, 3], 8, stop_ids=frozenset({free[3]})))
    events = run(engine)[number]
    assert [event.token for event in events] == free[: free.index(free[3]) + 1] and events[-1].finish == "stop"


def test_a_request_ends_where_the_context_does(model):
    engine = Engine(model)
    number = engine.add(Request([1] * 30, 100))
    events = run(engine)[number]
    assert len(events) == 3 and events[-1].finish == "length"  # the last one needs no place of its own


def test_a_cancelled_request_is_gone_at_once_and_the_others_go_on(model):
    alone = [answer.ids for answer in generate(model, [[5], [6, 7], [8]], 9)]
    engine = Engine(model, slots=2)
    numbers = [engine.add(Request(ids, 9)) for ids in ([5], [6, 7], [8])]
    before = engine.step() + engine.step()
    assert engine.cancel(numbers[0]) and not engine.cancel(numbers[0])
    events = [event for several in run(engine).values() for event in several]
    assert numbers[0] not in {event.request for event in events}
    for place in (1, 2):
        made = [event.token for event in before + events if event.request == numbers[place]]
        assert made == alone[place]


def test_a_waiting_request_can_be_cancelled(model):
    engine = Engine(model, slots=1)
    first, second = engine.add(Request([1], 3)), engine.add(Request([2], 3))
    engine.step()
    assert engine.cancel(second)
    assert set(run(engine)) == {first}


def test_no_more_texts_are_written_at_once_than_there_are_slots(model):
    engine = Engine(model, slots=3)
    for _ in range(10):
        engine.add(Request([1, 2], 4))
    while not engine.idle:
        assert len({event.request for event in engine.step()}) <= 6  # three that end, three that begin
        assert len(engine.rows) <= 3


def test_running_texts_get_their_token_while_a_long_prompt_is_read(model):
    engine = Engine(model, slots=2, chunk=4)
    first = engine.add(Request([1], 20))
    engine.step()
    engine.add(Request([2] * 20, 2))
    for _ in range(4):
        assert [event.request for event in engine.step()] == [first]


def test_the_most_likely_tokens_come_with_their_log_probabilities(model):
    engine = Engine(model)
    engine.add(Request([3, 4], 1, Sampling(seed=5), top=4))
    event = engine.step()[0]
    with torch.inference_mode():
        logs = model(torch.tensor([[3, 4]]))[0, -1].log_softmax(-1)
    best = logs.topk(4)
    assert [token for token, _ in event.top] == best.indices.tolist()
    assert [value for _, value in event.top] == pytest.approx(best.values.tolist(), abs=1e-4)
    assert event.logprob == pytest.approx(float(logs[event.token]), abs=1e-4)


def test_an_answer_can_be_ended_by_whoever_reads_it(model):
    whole = generate(model, [[1], [2], [3]], 6)
    heard = []
    cut = generate(model, [[1], [2], [3]], 6, ends=lambda index, token: index == 1, done=heard.append)
    assert [answer.ids for answer in cut] == [whole[0].ids, whole[1].ids[:1], whole[2].ids]
    assert cut[1].finish == "stop" and heard == [1, 2, 3]


def test_each_prompt_may_have_its_own_limit_and_way(model):
    ways = [Sampling(seed=1), Sampling(temperature=0)]
    answers = generate(model, [[1], [1]], [2, 7], ways)
    assert [len(answer.ids) for answer in answers] == [2, 7]
    assert answers[1].ids == generate(model, [[1]], 7)[0].ids


def test_nothing_to_answer_is_no_answer(model):
    assert generate(model, []) == []


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request([]), "without tokens"),
        (Request([1] * 32), "32 tokens"),
        (Request([40]), "0 to 39"),
        (Request([-1]), "0 to 39"),
        (Request([1], max_tokens=0), "max_tokens"),
    ],
)
def test_what_cannot_be_asked_is_refused_when_it_is_added(model, request_, expected):
    engine = Engine(model)
    with pytest.raises(Problem, match=expected):
        engine.add(request_)
    assert engine.idle


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": float("nan")}, "top_p"),
        ({"min_p": 1.5}, "min_p"),
    ],
)
def test_sampling_that_means_nothing_is_refused(values, expected):
    with pytest.raises(Problem, match=expected):
        Sampling(**values)
