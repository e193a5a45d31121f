"""A server's life: its door and its key, clients that leave, an engine that hangs or breaks, and a stop that breaks no answer."""

import base64
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import groundup
from groundup.errors import Problem
from groundup.serving import run
from groundup.serving.app import build
from groundup.serving.keys import Keys, named
from groundup.serving.limits import Limits
from tests import serving_example

ROOT = Path(__file__).parents[1]
CHAT = "/v1/chat/completions"
KEY = "schlüssel-canary"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "model", context=4096)


@pytest.fixture(scope="module")
def server(folder):
    with serving_example.served({"model": folder}, Limits(slots=4)) as server:
        yield server


@pytest.fixture(scope="module")
def locked(folder):
    with serving_example.served({"model": folder}, door={"key": KEY}) as server:
        yield server


def command(*words) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "groundup", "serve", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_reader_who_leaves_frees_the_slot(server):
    for _ in range(5):
        answer = server.open_stream({"max_tokens": 4000})
        for _ in range(4):
            answer.readline()
        assert server.metric("num_requests_running") == 1
        answer.close()
        server.until(lambda: server.metric("num_requests_running") == 0, 2)
    server.until(lambda: 'finished_reason="left"} 5' in server.ask("/metrics")[1])
    assert server.metric("generation_tokens_total") < 5 * 4000


def test_who_leaves_before_the_whole_answer_frees_the_slot_too(server):
    for path, body in (
        (CHAT, {"messages": [{"role": "user", "content": "x"}], "max_tokens": 4000}),
        ("/v1/completions", {"prompt": "x", "max_tokens": 4000, "echo": True, "logprobs": 1}),
    ):
        line = server.socket()
        server.send(line, path, body)
        server.until(lambda: server.metric("num_requests_running") == 1)
        line.close()
        server.until(lambda: server.metric("num_requests_running") == 0, 2)
    assert server.metric("generation_tokens_total") < 4000


def test_a_stop_lets_answers_end_and_takes_no_new_ones(folder):
    with serving_example.served({"model": folder}, Limits(drain_seconds=300)) as server:
        answers = [server.open_stream({"max_tokens": 1000}) for _ in range(3)]
        for answer in answers:
            answer.readline()
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: server.ask("/ready")[0] == 503)
        status, told, headers = server.chat(max_tokens=1)
        assert status == 503 and told["error"]["code"] == "stopping" and headers["retry-after"]
        assert server.ask("/health")[0] == 200
        for answer in answers:
            lines = [line for line in answer if line.startswith(b"data: ")]
            assert lines[-1] == b"data: [DONE]\n" and b'"finish_reason":"length"' in lines[-2]
        assert server.ended(200) == 0 and "Traceback" not in server.said.read_text()


def test_a_stop_waits_only_so_long(folder):
    with serving_example.served({"model": folder}, Limits(drain_seconds=0.3)) as server:
        answer = server.open_stream({"max_tokens": 4000})
        answer.readline()
        server.process.send_signal(signal.SIGTERM)
        lines = [line for line in answer if line.startswith(b"data: ")]
        assert json.loads(lines[-1][6:])["error"]["code"] == "given_up" and len(lines) < 4000
        assert server.ended(60) == 0


def test_without_anything_to_end_a_stop_waits_for_nobody(folder):
    with serving_example.served({"model": folder}, Limits(drain_seconds=1000)) as server, server.socket():
        server.process.send_signal(signal.SIGINT)
        assert server.ended(60) == 0
        assert "Traceback" not in server.said.read_text()


def test_the_second_signal_does_not_wait(folder):
    process = command(folder, "--port", "0")
    assert process.stdout
    process.stdout.readline()
    port = int(process.stdout.readline().split()[2].rsplit(":", 1)[1])
    body = b'{"prompt": "x", "max_tokens": 4000, "stream": true}'
    with socket.create_connection(("127.0.0.1", port), 20) as line:
        line.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        line.recv(100)
        process.send_signal(signal.SIGINT)
        assert "stopping when 1 more" in process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130 and time.monotonic() - began < 6


def test_a_port_in_use_is_one_sentence(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        _, err = (process := command(folder, "--port", taken.getsockname()[1])).communicate(timeout=60)
    assert process.returncode == 2 and err.count("\n") == 1 and "in use" in err and "--port" in err


def test_without_a_key_only_this_machine_may_come_in(folder):
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.com"):
        with pytest.raises(Problem, match="GROUNDUP_API_KEY"):
            run.serve({"model": folder}, host=host)
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        run.refuse_open_door(host, Keys())
    run.refuse_open_door("0.0.0.0", Keys([named("somebody", "a key")]))
    with pytest.raises(Problem, match="--keys"):
        run.refuse_open_door("0.0.0.0", Keys([named("admin", "a key", admin=True)]))


def test_a_key_opens_every_route_but_two(folder, locked):
    routes = [route.path.replace("{name:path}", "model").replace("{name}", "page.js") for route in _routes(folder)]
    assert len(routes) > 10
    odd = [path.upper() for path in routes] + [path + "/" for path in routes] + ["/" + path for path in routes]
    odd += ["/nowhere", "/health/../v1/models", "/health%2f..", "//health", "/ready?x", "/health;x", "/%68ealth/x"]
    for path in {*routes, *odd}:
        for body in (None, b"{}"):
            status = locked.ask(path, body)[0]
            unlocked = path.partition("?")[0] in ("/health", "/ready")
            assert status == (401 if not unlocked else 405 if body else 200), (path, status)
    bearer = {"authorization": b"Bearer " + KEY.encode()}
    basic = {"authorization": b"Basic " + base64.b64encode(b"me:" + KEY.encode())}
    for right in (bearer, basic):
        assert locked.ask("/v1/models", headers=right)[0] == 200 and locked.ask("/", headers=right)[0] == 200
    for wrong in (
        "Bearer",
        "Bearer ",
        "Bearer schlussel-canary",
        f"Bearer {KEY.encode()!r}",
        "Basic %%%",
        "Basic bWU6",
        "Digest x",
        KEY[0],
    ):
        status, told, headers = locked.ask("/v1/models", headers={"authorization": wrong.encode()})
        assert status == 401 and told["error"]["code"] == "invalid_api_key", wrong


def _routes(folder):
    return [route for route in build({"model": groundup.load(folder)}).routes if hasattr(route, "path")]


def test_nothing_that_is_asked_is_ever_written_down(locked):
    key = {"authorization": b"Bearer " + KEY.encode()}
    image = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/canary"}}
    for body in (
        {"messages": [{"role": "user", "content": "canary"}], "max_tokens": 2},
        {"messages": [{"role": "canary", "content": "canary"}]},
        {"messages": [{"role": "user", "content": [image]}]},
        b'{"canary": ',
    ):
        assert locked.ask(CHAT, body, key)[0] in (200, 400)
    assert locked.ask("/canary?canary", headers={"authorization": "Bearer canary"})[0] == 401
    said = locked.said.read_text()
    assert "chat page" in said and "canary" not in said
    assert "CONNECTED" not in said, "the server opened a connection of its own"


@pytest.fixture
def house(folder):
    api = build({"model": groundup.load(folder)}, Limits(slots=2, stale_seconds=0.4))
    house = api.state.house
    house.start()
    yield house
    house.close()


def test_a_stuck_engine_is_not_ready(house):
    assert house.state() == "ready"
    frozen = threading.Event()
    house.model(None).worker.call(frozen.wait)
    time.sleep(0.6)
    assert house.state() == "stuck"
    frozen.set()
    time.sleep(0.2)
    assert house.state() == "ready"


def test_a_dead_engine_is_not_ready(house):
    house.model(None).worker.close()
    assert house.state() == "stuck"


def test_a_step_that_fails_gives_up_its_texts_and_the_next_request_is_answered(folder, caplog):
    from fastapi.testclient import TestClient

    lm = groundup.load(folder)
    lm.decode = "torch"  # compiled code would go on with the weights that it was told of
    api = build({"model": lm})
    house, asked = api.state.house, {"prompt": "canary-prompt", "max_tokens": 5, "temperature": 0}
    house.start()
    client, weights = TestClient(api), lm.model.model.embed_tokens.weight
    try:
        before = client.post("/v1/completions", json=asked).json()["choices"]
        lm.model.model.embed_tokens.weight = None
        failed = client.post("/v1/completions", json=asked)
        assert failed.status_code == 503 and failed.json()["error"]["code"] == "given_up"
        lm.model.model.embed_tokens.weight = weights
        assert client.post("/v1/completions", json=asked).json()["choices"] == before
    finally:
        house.close()
    assert "a step failed" in caplog.text and "canary" not in caplog.text
    assert not house.model(None).orders and house.model(None).taken == 0


def test_suggestions_beside_a_model_its_stage_or_its_recipe_are_offered(folder, tmp_path):
    model = tmp_path / "runs" / "chat-0123456789ab" / "model"
    model.mkdir(parents=True)
    assert run.suggestions([model]) == []
    (tmp_path / "runs" / "suggestions.json").write_text('["Where is the bakery?"]')
    assert run.suggestions([model]) == ["Where is the bakery?"]
    (model / "suggestions.json").write_text('{"not": "a list"}')
    with pytest.raises(Problem, match="list of questions"):
        run.suggestions([model])
