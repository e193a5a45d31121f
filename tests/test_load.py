"""`groundup load` against a server that follows a script: what is told is what happened."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path

import pytest

from groundup.__main__ import main
from groundup.errors import Problem
from groundup.evaluation.load import orders
from groundup.evaluation.load.answer import STOPPED, Outcome, Target
from groundup.evaluation.load.connection import Connections
from groundup.evaluation.load.drive import Drive, Load, drive
from groundup.evaluation.load.figures import figures, most_at_once, percentile
from tests.load_example import scripted

ROOT = Path(__file__).parents[1]
FEW = orders.Span(4, 8)


def driven(url: str, load: Load, **more) -> Drive:
    target = Target(Connections(url), "scripted", **more)
    return asyncio.run(drive(target, orders.invented(FEW, FEW, load.seed), load))


@pytest.mark.parametrize("chat", [True, False])
def test_the_times_are_those_of_the_server(chat):
    with scripted(first=0.1, between=0.05, pieces=4) as (url, script):
        told = figures(driven(url, Load(users=2, requests=6), chat=chat))
    assert told["answered"] == told["sent"] == 6 and told["errors"] == {} and told["most_at_once"] == 2
    assert told["first_token"]["p50"] >= 0.1 and told["between_tokens"]["p50"] >= 0.04
    assert told["whole"]["p50"] >= 0.25 and told["per_token"]["p50"] >= 0.15 / 7 - 1e-3
    assert told["tokens"] == 6 * 8 and told["prompt_tokens"] == 30, "the server's own count, not that of the pieces"
    assert all(each["stream"] and each["stream_options"] == {"include_usage": True} for each in script.asked)
    assert all(("messages" in each) == chat for each in script.asked)


def test_answers_in_one_piece_have_no_first_token():
    with scripted(first=0.05) as (url, _):
        told = figures(driven(url, Load(users=3, requests=6), stream=False))
    assert told["answered"] == 6 and told["first_token"] == {} == told["between_tokens"]
    assert told["whole"]["p50"] >= 0.05 and told["tokens"] == 36


def test_a_connection_is_used_again():
    with scripted() as (url, script):
        driven(url, Load(users=2, requests=20))
    assert len(script.asked) == 20 and len(script.lines) <= 2


def test_a_connection_that_was_closed_meanwhile_is_no_error():
    """The server hangs up after each second request of a connection, without a word."""
    with scripted(spoil=lambda number: "hang up" if number in (3, 7) else None) as (url, script):
        told = figures(driven(url, Load(users=1, requests=10)))
    assert told["answered"] == 10 and told["errors"] == {} and len(script.asked) == 12


def test_at_a_rate_waiting_counts_from_the_planned_moment():
    """A server that takes 0.1 s for each, one at a time, asked 40 times a second: the last of 10 waits for all before it."""
    with scripted(first=0.1, pieces=1, one_at_a_time=True) as (url, _):
        told = driven(url, Load(rate=40, requests=10, seed=3))
    assert figures(told)["most_at_once"] >= 5
    last = max(told.outcomes, key=lambda outcome: outcome.planned)
    assert last.pieces[0] - last.planned >= 0.1 * 10 - last.planned - 1e-3
    assert max(outcome.sent - outcome.planned for outcome in told.outcomes) < 0.5, "the client itself was late"


def test_users_wait_for_their_answers():
    with scripted(first=0.02, pieces=1, one_at_a_time=True) as (url, _):
        told = driven(url, Load(users=3, requests=9))
    assert figures(told)["most_at_once"] == 3


def test_arrivals_are_poisson_and_the_seed_fixes_them():
    def moments(seed: int) -> list[float]:
        with scripted(pieces=1) as (url, _):
            return sorted(outcome.planned for outcome in driven(url, Load(rate=2000, requests=300, seed=seed)).outcomes)

    first = moments(1)
    assert first == moments(1) != moments(2)
    gaps = [after - before for before, after in zip(first, first[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert 0.8 / 2000 < mean < 1.2 / 2000 and 0.7 < variance**0.5 / mean < 1.3


def test_seconds_end_the_sending_and_let_answers_end():
    with scripted(first=0.1, pieces=1) as (url, _):
        told = driven(url, Load(rate=50, requests=None, seconds=0.4))
    assert 5 < len(told.outcomes) < 60 and all(outcome.right for outcome in told.outcomes)
    assert max(outcome.planned for outcome in told.outcomes) <= 0.4


WRONG = {0: "busy", 1: "cut", 2: "error", 3: "hang up"}


def test_what_goes_wrong_is_counted_by_kind():
    with scripted(first=0.05, spoil=WRONG.get) as (url, _):
        told = figures(driven(url, Load(users=8, requests=8)))
    assert told["errors"] == {"429 server_busy": 1, "broken off": 2, "error within the stream given_up": 1}
    assert told["answered"] == 4 and told["examples"]["429 server_busy"] == "later"


def test_too_slow_is_an_error_and_not_a_time():
    with scripted(first=0.6, pieces=1) as (url, _):
        told = figures(driven(url, Load(users=2, requests=2), patience=0.1))
    assert told["errors"] == {"too slow": 2} and told["whole"] == {}


def test_nobody_there_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = figures(driven(f"http://127.0.0.1:{port}", Load(rate=100, requests=3)))
    assert told["errors"] == {"no connection": 3}


def test_percentiles_lie_between_the_nearest():
    values = sorted(random.Random(1).random() for _ in range(101))
    assert [percentile(values, percent) for percent in (0, 50, 95, 100)] == [
        values[0],
        values[50],
        values[95],
        values[100],
    ]
    assert percentile([1.0, 2.0], 50) == 1.5 and percentile([3.0], 99) == 3.0


def test_most_at_once_is_counted_from_beginnings_and_ends():
    assert most_at_once([Outcome(0, 0, [], 2), Outcome(1, 1, [], 3), Outcome(2, 2, [], 4)]) == 2
    assert most_at_once([]) == 0


def test_prompts_are_as_long_as_told_and_fixed_by_the_seed():
    def some(seed: int, shared: int = 0):
        return list(islice(orders.invented(orders.Span(10, 20), orders.Span(3, 5), seed, shared), 50))

    lengths = [len(order.prompt.split()) for order in some(1)]
    assert min(lengths) >= 10 and max(lengths) <= 20 and len(set(lengths)) > 5
    assert {order.tokens for order in some(1)} == {3, 4, 5}
    assert some(1) == some(1) != some(2)
    assert len({" ".join(order.prompt.split()[:8]) for order in some(1, 8)}) == 1
    assert len({" ".join(order.prompt.split()[:9]) for order in some(1, 8)}) > 10


def test_prompts_come_from_files(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo é\n", encoding="utf-8")
    assert orders.read(tmp_path / "a.txt") == ["one", "two é"]
    said = [{"role": "user", "content": "hi"}]
    (tmp_path / "b.jsonl").write_text(json.dumps({"prompt": "one"}) + "\n" + json.dumps({"messages": said}) + "\n")
    assert orders.read(tmp_path / "b.jsonl") == ["one", said]
    found = list(islice(orders.repeated(["one", said], FEW, 0), 3))
    assert [order.prompt for order in found] == ["one", said, "one"]
    assert found[1].body(True)["messages"] == said and found[1].body(False)["prompt"] == "hi"
    (tmp_path / "c.jsonl").write_text('{"prompt": "one"}\n{"promt": "two"}\n')
    with pytest.raises(Problem, match=r"c\.jsonl, line 2"):
        orders.read(tmp_path / "c.jsonl")
    (tmp_path / "d.txt").write_text("")
    with pytest.raises(Problem, match="empty"):
        orders.read(tmp_path / "d.txt")


@pytest.mark.parametrize("words", ["0", "x", "5-2", "-3", "1-x", ""])
def test_lengths_that_are_none_are_refused(words):
    with pytest.raises(Problem, match="--tokens"):
        orders.span(words, "--tokens")


def test_the_command_measures_and_draws(tmp_path, capsys):
    with scripted(first=0.01, key="k") as (url, script):
        words = ["load", url, "--users", "1,3", "--requests", "6", "--key", "k", "--into", str(tmp_path / "out")]
        assert main([*words, "--body", '{"temperature": 0, "max_tokens": 9}', "--seed", "4"]) == 0
    said = capsys.readouterr()
    assert "1 user: 6 of 6 answered" in said.out and "3 users: 6 of 6 answered" in said.out and "p95" in said.out
    assert all(each["temperature"] == 0 and each["max_tokens"] == 9 for each in script.asked)
    assert len(script.asked) == 13, "two loads, and one request before them"
    told = json.loads((tmp_path / "out/load.json").read_text())
    assert [run["users"] for run in told["runs"]] == [1, 3] and told["model"] == "scripted"
    page = (tmp_path / "out/load.html").read_text()
    assert page.count("<svg") >= 6 and "3 users" in page and "http-equiv" in page and "<script src" not in page


def test_the_page_escapes_what_a_server_says(tmp_path, capsys):
    with scripted(models=("<b>x</b>",), spoil=lambda number: "busy" if number > 2 else None) as (url, _):
        assert main(["load", url, "--rate", "100", "--requests", "4", "--into", str(tmp_path)]) == 0
    page = (tmp_path / "load.html").read_text()
    assert "<b>x" not in page and "429 server_busy" in page and "failed: 2 x 429" in capsys.readouterr().out


def test_numbers_come_as_json_too(capsys):
    with scripted() as (url, _):
        assert main(["load", url, "--requests", "4", "--json", "--no-stream", "--completions"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"][0]["answered"] == 4 and told["stream"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("--key", "wrong"): "does not take this key",
        (): "takes no request without a key",
        ("--key", "k", "--model", "scriptd"): "did you mean scripted?",
        ("--rate", "1", "--users", "2"): "two ways",
        ("--rate", "0"): "--rate 0",
        ("--users", "1.5"): "--users 1.5",
        ("--body", "[]"): "--body [] is no JSON object",
        ("--prompts", "nowhere"): "nowhere cannot be read",
        ("--words", "many"): "--words many",
    }.items(),
)
def test_wrong_input_is_one_sentence(words, said, capsys, monkeypatch):
    monkeypatch.delenv("GROUNDUP_API_KEY", raising=False)
    with scripted(key="k") as (url, _):
        assert main(["load", url, *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1, err


def test_an_address_without_a_server_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert main(["load", url]) == 2 and "nobody answers" in capsys.readouterr().err
    for wrong in ("ftp://x", "http://", "http://x:99999"):
        assert main(["load", wrong]) == 2 and "is no address" in capsys.readouterr().err


def test_what_speaks_no_http_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            line, _ = other.accept()
            with line:
                line.recv(10_000)
                line.sendall(b"220 mail at your service\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        assert main(["load", f"http://127.0.0.1:{other.getsockname()[1]}"]) == 2
        thread.join()
    assert "is no server of OpenAI's API" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_tells_what_was_measured_so_far(number, tmp_path):
    with scripted(first=0.02, between=0.02) as (url, script):
        words = [
            sys.executable,
            "-m",
            "groundup",
            "load",
            url,
            "--users",
            "2",
            "--requests",
            "100000",
            "--into",
            str(tmp_path),
        ]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while len(script.asked) < 20 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "2 users: " in out and "stopped before their end: 2" in out and "Traceback" not in err
    told = json.loads((tmp_path / "load.json").read_text())["runs"][0]
    assert told["answered"] >= 17 and told["stopped"] == 2 and STOPPED not in told["errors"]


def test_nothing_heavy_is_imported():
    program = "import sys, groundup.commands.load, groundup.evaluation.load.greeting, groundup.evaluation.load.figures;"
    program += "print([name for name in ('torch', 'numba', 'numpy', 'daft', 'pyarrow') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
