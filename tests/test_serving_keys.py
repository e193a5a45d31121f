"""Several keys: each has its own limits and its own salt, none is ever kept or told, and guessing fills no memory."""

import asyncio
import base64
import hashlib
import json
import secrets
import tracemalloc

import pytest

import groundup
from groundup.errors import Problem
from groundup.serving import keys
from groundup.serving.app import build
from groundup.serving.house import Order
from groundup.serving.keys import Key, Keys
from groundup.serving.limits import Limits
from groundup.serving.protocol import ChatAsked
from groundup.serving.rates import Bucket
from groundup.serving.visit import Visit
from tests import serving_example

ALICE, BOB, OPS = "alice-canary-key", "bob-canary-key", "ops-canary-key"
FILE = f"""
# who may come in
alice  {ALICE}  requests=5 tokens=100000
bob    sha256:{hashlib.sha256(BOB.encode()).hexdigest()}  tokens=60
ops    {OPS}  admin
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "model", context=1024)


@pytest.fixture(scope="module")
def server(folder):
    (folder.parent / "keys.txt").write_text(FILE)
    door = {"keys": str(folder.parent / "keys.txt"), "open_metrics": True, "log": "json"}
    with serving_example.served({"model": folder}, door=door) as server:
        yield server


def bearer(key: str) -> dict:
    return {"authorization": f"Bearer {key}"}


def asked(server, key, **more):
    body = {"prompt": "Hello canary", "max_tokens": 3, **more}
    return server.ask("/v1/completions", body, bearer(key))


def test_a_file_of_keys_says_who_may_do_what(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(FILE)
    alice, bob, ops = keys.read(path)
    assert (alice.name, alice.requests, alice.tokens, alice.admin) == ("alice", 5, 100_000, False)
    assert bob.digest == hashlib.sha256(BOB.encode()).digest() and ops.admin
    assert ALICE not in repr(alice) and ALICE not in repr(Keys([alice]).__dict__)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "alice",
        "alice short",
        "ali/ce long-enough-key",
        "alice sha256:12",
        "alice long-enough-key root",
        "alice long-enough-key tokens=-1",
    ],
)
def test_a_file_of_keys_that_makes_no_sense_is_told_without_the_key(tmp_path, line):
    path = tmp_path / "keys.txt"
    path.write_text(line + "\n")
    with pytest.raises(Problem, match=str(path)) as caught:
        keys.read(path)
    assert "long-enough-key" not in str(caught.value)


def test_two_clients_cannot_have_one_name_or_one_key():
    with pytest.raises(Problem, match="same name"):
        Keys([keys.named("a", "first key"), keys.named("a", "second key")])
    with pytest.raises(Problem, match="same digest"):
        Keys([keys.named("a", "one key"), keys.named("b", "one key")])


def test_every_key_is_compared_whole_whichever_fits(monkeypatch):
    """Constant time: digests of one length, all of them, by the function made for it."""
    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    them = Keys([keys.named(name, f"key of {name}") for name in "abcd"])
    for told in (
        b"Bearer key of a",
        b"Bearer key of d",
        b"Bearer no",
        b"",
        b"Basic " + base64.b64encode(b"x:key of b"),
    ):
        compared.clear()
        them.holder(told)
        assert len(compared) == 4 and {len(each) for pair in compared for each in pair} == {32}


def test_promise_31_every_key_of_the_file_opens_and_no_other_does(server):
    for key in (ALICE, BOB, OPS):
        assert server.ask("/v1/models", headers=bearer(key))[0] == 200
    for wrong in ("", ALICE[:-1], ALICE + "x", "sha256:" + hashlib.sha256(BOB.encode()).hexdigest(), "alice"):
        assert server.ask("/v1/models", headers=bearer(wrong))[0] == 401
    assert server.ask("/metrics")[0] == 200, "it was left open"


def test_promise_32_a_key_has_so_many_requests_a_minute_and_others_are_not_disturbed(server):
    statuses = [asked(server, ALICE)[0] for _ in range(7)]
    assert statuses[:5] == [200] * 5 and 429 in statuses
    status, told, headers = asked(server, ALICE)
    assert status == 429 and told["error"]["code"] == "rate_limit_exceeded" and 1 <= int(headers["retry-after"]) <= 12
    assert server.ask("/v1/models", headers=bearer(ALICE))[0] == 200, "looking around is not counted"
    assert asked(server, OPS)[0] == 200


def test_promise_32_a_key_has_so_many_tokens_a_minute_read_and_made(server):
    assert asked(server, BOB, max_tokens=100)[0] == 200
    status, told, headers = asked(server, BOB)
    assert status == 429 and "tokens a minute" in told["error"]["message"] and int(headers["retry-after"]) > 5


def test_a_bucket_fills_steadily_and_what_is_owed_is_waited_for():
    bucket = Bucket(60, now=0.0)
    assert bucket.wait(60, 0.0) == 0
    bucket.take(90, 0.0)
    assert bucket.wait(1, 0.0) == pytest.approx(31) and bucket.wait(1, 31.0) == pytest.approx(0)
    assert bucket.wait(10_000, 1000.0) == 0, "what can never be there at once is let through when the bucket is full"
    assert Bucket(None).wait(10**9) == 0


def test_promise_32_guessing_keys_fills_no_memory():
    them = Keys([keys.named("a", "the key of a")], Limits(requests_a_minute=5))
    them.holder(b"Bearer warm up")
    tracemalloc.start()
    for _ in range(20_000):
        assert them.holder(b"Bearer " + secrets.token_hex(20).encode()) is None
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes stay"


def test_promise_35_every_key_has_a_salt_of_its_own_that_nobody_can_know(folder):
    digest = hashlib.sha256(b"a key").digest()
    first, again = (Keys([Key("a", digest), keys.named("b", "another")]) for _ in range(2))
    salts = [holder.salt for _, holder in first.holders + again.holders]
    assert len(set(salts)) == 4 and all(len(salt) == 64 for salt in salts)
    house = build({"model": groundup.load(folder)}, keys=first).state.house
    requests = []

    async def order() -> None:
        for _, holder in first.holders:
            asked = ChatAsked(messages=[{"role": "user", "content": "x"}])
            made: Order = house.order(house.model(None), asked, 1, Visit("1", holder))
            made.begin([[1, 2, 3]], 4, None, False)
            requests.append(made.writings[0].request)

    asyncio.run(order())
    assert [request.salt for request in requests] == salts[:2] and [request.user for request in requests] == ["a", "b"]


def test_promise_34_the_log_tells_everything_but_words_and_keys(server):
    chosen = "from-my-client-1"
    body = {"messages": [{"role": "user", "content": "canary"}], "max_tokens": 2}
    _, _, headers = server.ask("/v1/chat/completions", body, {**bearer(OPS), "x-request-id": chosen})
    assert headers["x-request-id"] == chosen
    _, _, headers = server.ask("/canary?canary", headers={**bearer("canary"), "x-request-id": "two words\tcanary"})
    assert len(headers["x-request-id"]) == 16

    def lines():
        return [json.loads(line) for line in server.said.read_text().splitlines() if line.startswith("{")]

    server.until(lambda: any(line.get("request") == chosen for line in lines()))
    line = next(line for line in lines() if line.get("request") == chosen)
    assert line["key"] == "ops" and line["route"] == "/v1/chat/completions" and line["status"] == 200
    assert (
        line["made_tokens"] == 2
        and line["prompt_tokens"] > 2
        and line["model"] == "model"
        and line["finish"] == "length"
    )
    assert line["seconds"] >= line["first_seconds"] > 0 and line["level"] == "info" and line["time"] > 1e9
    assert "canary" not in server.said.read_text()


def test_new_weights_are_for_admins_alone(server):
    assert server.ask("/v1/models/load", {}, bearer(ALICE))[0] in (403, 429)
    status, told, _ = server.ask("/v1/models/load", {}, bearer(BOB))
    assert status == 403 and told["error"]["code"] == "not_admin"
    assert server.ask("/v1/models/load", {})[0] == 401
    assert server.ask("/v1/models/load", {"model": "../../secret"}, bearer(OPS))[0] == 404
    assert server.ask("/v1/models/load", {}, bearer(OPS))[0] == 200
