"""New weights while people are being answered: no stream breaks, new requests get the new ones, and the old ones' memory is free."""

import asyncio
import gc
import signal
import weakref

import pytest

import groundup
from groundup.serving.app import build
from groundup.serving.protocol import CompletionAsked
from groundup.serving.visit import Visit
from tests import serving_example

KEY = "the-admins-key"
ADMIN = {"authorization": f"Bearer {KEY}"}
FIXED = {"prompt": "Hello", "temperature": 0, "max_tokens": 20}
LONG = {"prompt": "Hello", "temperature": 0, "max_tokens": 1200}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Two checkpoints of one model, and what each says, short and long."""
    folder = tmp_path_factory.mktemp("checkpoints")
    made = {seed: serving_example.model_folder(folder / str(seed), seed, context=2048) for seed in (1, 2)}
    loaded = {seed: groundup.load(path) for seed, path in made.items()}
    said = {seed: [lm.generate("Hello", count, 0.0) for count in (20, 1200)] for seed, lm in loaded.items()}
    assert said[1][0] != said[2][0]
    return made, said


@pytest.fixture
def link(texts, tmp_path):
    """What a recipe leaves behind: a name that points to a checkpoint."""
    link = tmp_path / "current"
    link.symlink_to(texts[0][1])
    return link


def point(link, to) -> None:
    beside = link.with_name("next")
    beside.symlink_to(to)
    beside.replace(link)


def short(server) -> str:
    return server.ask("/v1/completions", FIXED)[1]["choices"][0]["text"]


def rest_of(answer) -> str:
    import json

    lines = [line[6:] for line in answer if line.startswith(b"data: ")]
    assert lines[-1] == b"[DONE]\n"
    return "".join(json.loads(line)["choices"][0]["text"] for line in lines[:-1])


def test_streams_end_on_the_old_weights_and_new_requests_get_the_new_ones(texts, link):
    made, said = texts
    with serving_example.served({"model": link}, door={"admin": KEY}) as server:
        assert short(server) == said[1][0]
        streams = [server.open_stream(LONG, "/v1/completions") for _ in range(2)]
        first = [stream.readline() for stream in streams]
        point(link, made[2])
        status, told, _ = server.ask("/v1/models/load", {"model": "model"}, ADMIN)
        assert status == 200 and told["id"] == "model" and told["answers_on_old_weights"] == 2, told
        assert server.ask("/ready")[0] == 200
        assert short(server) == said[2][0]
        assert server.metric("num_requests_running") == 2
        for begun, stream in zip(first, streams, strict=True):
            assert begun and rest_of([begun, *stream]) == said[1][1]
        server.until(lambda: server.metric("num_requests_running") == 0)
        assert server.metric("model_loads_total") == 1

        point(link, made[1])
        server.process.send_signal(signal.SIGHUP)
        server.until(lambda: "was read again" in server.said.read_text(), 120)
        assert short(server) == said[1][0] and server.ask("/ready")[0] == 200

        link.unlink()
        status, told, _ = server.ask("/v1/models/load", {}, ADMIN)
        assert status == 422 and str(link) not in told["error"]["message"]
        assert short(server) == said[1][0], "what was there goes on"
        assert "stays as it is" in server.said.read_text()
        server.process.send_signal(signal.SIGTERM)
        assert server.ended() == 0 and "Traceback" not in server.said.read_text()


def test_a_model_that_was_replaced_is_gone_when_its_last_answer_has_ended(texts):
    made, said = texts

    async def life() -> None:
        house = build({"model": groundup.load(made[1])}).state.house
        house.start()
        old = weakref.ref(house.models["model"].lm.model)
        order = house.order(house.model(None), CompletionAsked(**FIXED), 1, Visit("1"))
        order.begin([order.model.text("Hello")], 20, None, tells_end=True)
        assert house.replace("model", groundup.load(made[2])) == 1
        assert len(house.leaving) == 1 and house.answering == 1
        text = "".join([piece.text async for piece in order.pieces() if piece])
        assert text == said[1][0]
        order.close()
        del order
        assert house.leaving == [] and house.answering == 0
        for _ in range(200):
            await asyncio.sleep(0.05)
            gc.collect()
            if old() is None:
                break
        assert old() is None, gc.get_referrers(old())
        house.close()

    asyncio.run(life())


def test_a_model_without_answers_goes_at_once(texts):
    async def life() -> None:
        house = build({"model": groundup.load(texts[0][1])}).state.house
        house.start()
        worker = house.models["model"].worker
        assert house.replace("model", groundup.load(texts[0][2])) == 0 and house.leaving == []
        worker.join(20)
        assert not worker.is_alive() and house.state() == "ready"
        house.close()

    asyncio.run(life())
