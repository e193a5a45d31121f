"""What is too much, too odd or too slow is turned away in words, at once, and hurts nobody else."""

import json
import re
import socket
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from groundup.serving.limits import Limits
from tests import serving_example

USER = {"role": "user", "content": "Hello"}
CHAT, COMPLETE = "/v1/chat/completions", "/v1/completions"
PATIENCE = Limits(slots=2, waiting=2, body_bytes=100_000, header_seconds=0.7, body_seconds=0.7, write_seconds=0.7)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = serving_example.model_folder(tmp_path_factory.mktemp("models") / "model", context=2048)
    with serving_example.served({"model": folder}, PATIENCE) as server:
        yield server
        assert server.chat(max_tokens=2)[0] == 200, "it did not live through it"


def kindly(told) -> None:
    """An error as OpenAI's clients read it, that gives nothing away."""
    assert set(told["error"]) == {"message", "type", "param", "code"}, told
    assert told["error"]["message"] and not re.search(
        r"/\w+/\w+|\.py|Traceback|0x[0-9a-f]{6}|\bself\b", json.dumps(told)
    )


BAD = {
    "no messages": {"messages": []},
    "messages missing": {},
    "messages no list": {"messages": "Hello"},
    "a role unknown": {"messages": [{"role": "wizard", "content": "x"}]},
    "an image": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/"}}]}]
    },
    "content a number": {"messages": [{"role": "user", "content": 5}]},
    "too many messages": {"messages": [USER] * 600},
    "no tokens": {"max_tokens": 0},
    "minus one token": {"max_tokens": -1},
    "too many tokens": {"max_tokens": 10**9},
    "a huge number of tokens": {"max_tokens": 10**400},
    "tokens as words": {"max_tokens": "many"},
    "temperature below": {"temperature": -0.1},
    "temperature above": {"temperature": 2.1},
    "temperature true": {"temperature": True},
    "top_p zero": {"top_p": 0},
    "top_p above": {"top_p": 1.1},
    "top_k below": {"top_k": -2},
    "n zero": {"n": 0},
    "n above": {"n": 1000},
    "more at once than places": {"n": 8},
    "top_logprobs above": {"logprobs": True, "top_logprobs": 1000},
    "an empty stop": {"stop": ""},
    "too many stops": {"stop": ["a"] * 100},
    "a long stop": {"stop": "a" * 10_000},
    "a seed of another kind": {"seed": 1.5},
    "a seed too large": {"seed": 2**70},
    "stream no boolean": {"stream": "yes"},
    "a model no name": {"model": 5},
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_asked_for_is_refused_at_once(server, name):
    body = BAD[name] if "messages" in name or "messages" in BAD[name] else {"messages": [USER], **BAD[name]}
    before = server.metric("answers_total")
    status, told, _ = server.ask(CHAT, body)
    assert status == 400 and server.metric("answers_total") == before
    kindly(told)


RAW = {
    "not JSON": b"hello",
    "nothing": b"",
    "a list": b"[]",
    "NaN": b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "infinity": b'{"messages": [{"role": "user", "content": "x"}], "temperature": 1e999}',
    "minus infinity": b'{"messages": [{"role": "user", "content": "x"}], "top_p": -1e999}',
    "deep": b'{"messages": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    "a lone surrogate": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "not UTF-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "more after it": b'{"messages": [{"role": "user", "content": "x"}]} {}',
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize("path", [CHAT, COMPLETE])
def test_bytes_that_are_no_request_are_refused(server, path, name):
    status, told, _ = server.ask(path, RAW[name])
    assert status == 400
    kindly(told)


PROMPTS = {
    "nothing": None,
    "an empty list": [],
    "an empty list of ids": [[]],
    "mixed": ["a", 1],
    "an id below zero": [-1],
    "an id beyond the vocabulary": [10**6],
    "an id beyond everything": [10**30],
    "booleans": [True],
    "too many": ["a"] * 100,
    "too long": "a b " * 20_000,
    "too many ids": [1] * 5000,
}


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_that_are_none_are_refused(server, name):
    status, told, _ = server.ask(COMPLETE, {"prompt": PROMPTS[name]})
    assert status == 400
    kindly(told)


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3),
    max_leaves=6,
)
FIELDS = some.sampled_from(
    "messages prompt model stream stream_options temperature top_p top_k min_p seed n stop logprobs top_logprobs echo max_tokens".split()
)


@given(some.dictionaries(FIELDS, ANYTHING, max_size=5), some.sampled_from([CHAT, COMPLETE, "/tokenize"]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_field_of_any_kind_breaks_the_server(server, fields, path):
    body = {"max_tokens": 1, **({"messages": [USER]} if path == CHAT else {"prompt": "x"}), **fields}
    raw = json.dumps(body).encode()
    with socket.create_connection(("127.0.0.1", server.port), 20) as line:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(raw)}\r\n\r\n"
        line.sendall(head.encode() + raw)
        assert re.match(rb"HTTP/1.1 [24]\d\d ", line.recv(64)), body


def test_a_body_too_large_is_refused_before_it_is_read(server):
    with server.socket() as line:
        line.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(4096), b""))
    assert b" 413 " in answer.split(b"\r\n")[0] and b"body_too_large" in answer


def test_a_body_somewhat_too_large_is_heard_out_and_refused(server):
    status, told, _ = server.ask(COMPLETE, {"prompt": "x" * 2_000_000})
    assert status == 413
    kindly(told)


def test_a_body_that_never_ends_is_cut(server):
    with server.socket() as line:
        line.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        sent, chunk = 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with pytest.raises(OSError):
            while sent < 200 << 20:
                line.sendall(chunk)
                sent += len(chunk)
    assert sent < 100 << 20


def test_a_large_header_is_refused(server):
    assert server.ask("/v1/models", headers={"x-large": "x" * 20_000})[0] == 431


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        (b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ", b""),
        (b"", b""),
        (b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{", b" 408 "),
    ],
    ids=["a head", "nothing", "a body"],
)
def test_what_trickles_in_is_cut(server, begun, said):
    began = time.monotonic()
    with server.socket() as line:
        line.sendall(begun)
        heard = b""
        try:
            while time.monotonic() - began < 8:
                line.settimeout(0.2)
                try:
                    more = line.recv(4096)
                except TimeoutError:
                    line.sendall(b"x" if begun else b"")
                    continue
                if not more:
                    break
                heard += more
        except OSError:
            pass
    assert time.monotonic() - began < 4 and said in heard


def test_who_never_reads_holds_no_slot(server):
    line = server.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = json.dumps({"prompt": "x", "max_tokens": 1500, "stream": True, "logprobs": 20}).encode()
    line.sendall(b"POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    server.until(lambda: server.metric("num_requests_running") == 1)
    server.until(lambda: server.metric("num_requests_running") == 0, 200)
    assert server.chat(max_tokens=2)[0] == 200
    line.close()


def test_over_its_queue_the_server_says_so_at_once_and_answers_the_rest(server):
    """Two are written, two wait, six are sent away."""
    server.until(lambda: server.metric("num_requests_running") == 0)
    found: list[tuple[int, float, dict]] = []

    def one() -> None:
        began = time.monotonic()
        status, _, headers = server.chat(max_tokens=500)
        found.append((status, time.monotonic() - began, headers))

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted = [seconds for status, seconds, _ in found if status == 200]
    refused = [(seconds, headers) for status, seconds, headers in found if status == 429]
    assert len(accepted) == 4 and len(refused) == 6
    assert max(seconds for seconds, _ in refused) < min(accepted)
    assert all(headers["retry-after"] == "1" for _, headers in refused)


def test_pages_of_other_sites_cannot_use_it(server):
    status, told, headers = server.ask(CHAT, {"messages": [USER], "max_tokens": 1}, {"sec-fetch-site": "cross-site"})
    assert status == 403 and "access-control-allow-origin" not in {name.lower() for name in headers}
    kindly(told)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/page/../app.py", "/page/%2e%2e%2fapp.py", "/page/", "/v1/models/x", "//", "/docs"]
)
def test_nothing_else_is_served(server, path):
    status, told, _ = server.ask(path)
    assert status == 404
    kindly(told)


def test_the_wrong_method_is_told(server):
    status, told, _ = server.ask(CHAT)
    assert status == 405
    kindly(told)
