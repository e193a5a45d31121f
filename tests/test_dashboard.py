"""The dashboard's eyes and its door: what it reads, what it never opens, what it says by itself, who may come in."""

import base64
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from groundup.serving.dashboard import folders
from groundup.serving.dashboard.alerts import STALL, Watch, Webhook
from groundup.serving.dashboard.lines import MOST, TAIL, WHOLE, Lines, thin
from groundup.serving.dashboard.watching import Watching
from tests.dashboard_example import EVIL, Dashboard, append, example, lines, write


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return example(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def server(root):
    server = Dashboard(root)
    yield server
    assert server.stop() == 0


# --- what it reads ----------------------------------------------------------------------------------------------------


def test_runs_are_found_once_links_are_not_followed(root, tmp_path_factory):
    elsewhere = write(tmp_path_factory.mktemp("elsewhere") / "secret", lines(5))
    (root / "way-out").symlink_to(elsewhere.parent)
    (root / "tour" / "linked").mkdir()
    (root / "tour" / "linked" / "metrics.jsonl").symlink_to(elsewhere / "metrics.jsonl")
    found = folders.find(root, {})
    assert list(found) == [EVIL, "tour/base-0123456789ab", "tour/base-ba9876543210"]
    assert found[EVIL].settings["training.optimizer.rate"] == 0.03 and found[EVIL].steps == 500


def test_only_a_run_whose_clock_ticks_is_running(root):
    found = folders.find(root, {})
    os.utime(root / EVIL / "clock.json")
    assert found[EVIL].state == "running" and found["tour/base-0123456789ab"].state == "finished"
    os.utime(root / EVIL / "clock.json", (1e9, 1e9))
    assert found[EVIL].state == "stopped"


def test_new_lines_are_read_and_half_lines_wait(tmp_path):
    folder = write(tmp_path / "base.partial", lines(5))
    seen = Lines(folder / "metrics.jsonl")
    assert seen.refresh() and not seen.refresh() and seen.last["step"] == 50
    with open(folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 60, "lo')
        file.flush()
        assert not seen.refresh()
        file.write('ss": 1.5}\n')
    assert seen.refresh() and seen.last["loss"] == 1.5


def test_a_training_that_went_back_is_read_afresh(tmp_path):
    folder = write(tmp_path / "base.partial", lines(50))
    seen = Lines(folder / "metrics.jsonl")
    seen.refresh()
    beside = folder / "beside"
    beside.write_text("".join(json.dumps(line) + "\n" for line in lines(20)))
    os.replace(beside, folder / "metrics.jsonl")
    assert seen.refresh() and seen.last["step"] == 200 and max(seen.series["loss"].steps) == 200


def test_lines_that_are_no_metrics_are_passed_over(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        b'[1]\nnot json\n\xff\xfe\n{"step": "x", "loss": 1}\n{"step": 1, "loss": "nan", "deep": {"a": 1}}\n'
    )
    seen = Lines(path)
    seen.refresh()
    assert list(seen.series) == ["loss"] and math.isnan(seen.last["loss"])
    assert seen.points("loss", "steps", 10) == ([1.0], [None])


def test_a_million_lines_are_quick_and_keep_their_shape(tmp_path):
    path, count = tmp_path / "metrics.jsonl", 1_000_000
    with open(path, "w") as file:
        for start in range(0, count, 10_000):
            steps = range(start + 1, start + 10_001)
            file.write("".join(f'{{"seconds": {s / 5}, "step": {s}, "loss": {9 - s / 2e5}}}\n' for s in steps))
    assert path.stat().st_size > WHOLE
    seen, began = Lines(path), time.monotonic()
    seen.refresh()
    first = time.monotonic() - began
    x, y = seen.points("loss", "steps", 1500)
    assert first < 5 and seen.sampled and seen.last["step"] == count  # about half a second on a quiet machine
    assert len(seen.series["loss"].values) < 2 * MOST and len(x) <= 1500
    assert max(np.diff(x)) < count / 100 and x[0] == 1 and x[-1] == count
    assert np.allclose(np.array(y), 9 - np.array(x) / 2e5)
    with open(path, "a") as file:
        file.write('{"step": 1000001, "loss": 1.0}\n')
    began = time.monotonic()
    assert seen.refresh() and seen.last["step"] == 1000001 and time.monotonic() - began < 0.2
    assert path.stat().st_size > TAIL


def test_thinning_keeps_every_spike():
    values = np.zeros(100_000)
    values[[31_337, 77_777]] = 5.0, -5.0
    kept = thin(values, 300)
    assert len(kept) <= 300 and {0, 31_337, 77_777, 99_999} <= set(kept.tolist())
    assert (np.diff(kept) > 0).all() and (thin(values[:200], 300) == np.arange(200)).all()


def test_tokens_flops_and_hours_belong_to_steps(tmp_path):
    seen = Lines(write(tmp_path / "base", lines(50)) / "metrics.jsonl")
    seen.refresh()
    for axis, each in (("steps", 1), ("tokens", 4096), ("flops", 4096 * 2.4e6), ("hours", 0.2 / 3600)):
        x, y = seen.points("validation", axis, 100)  # whose lines say no tokens
        assert np.allclose(x, np.arange(100, 501, 100) * each) and len(y) == 5
    assert seen.points("no such", "steps", 10) == ([], [])


def test_metrics_of_layers_become_a_table(tmp_path):
    seen = Lines(write(tmp_path / "base", lines(50, layers=3)) / "metrics.jsonl")
    seen.refresh()
    steps, table = seen.layers("gradient", 20)
    assert len(steps) == 20 and len(table) == 3
    assert np.allclose(table[2], [3 / (1 + step / 100) for step in steps])


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_a_leap_a_nan_and_skipped_steps_are_said_once(tmp_path):
    told = lines(60)
    losses = [line for line in told if "loss" in line]
    losses[40]["loss"] += 3
    losses[50]["loss"] = "nan"
    losses[55]["skipped"] = 2
    write(tmp_path / "base.partial", told)
    heard = []
    watching = Watching(tmp_path, heard.append)
    for _ in range(3):
        watching.look()
    assert [alert.kind for alert in heard] == ["spike", "nan", "skipped"]
    assert "step 410: the loss leapt" in heard[0].words and heard[0].run == "base.partial"


def test_an_even_run_alarms_nobody_and_a_finished_one_only_the_page(tmp_path):
    told = lines(60)
    write(tmp_path / "even.partial", told)
    told[45]["loss"] = "inf"
    write(tmp_path / "over-0123456789ab", told)
    heard = []
    watching = Watching(tmp_path, heard.append)
    watching.look()
    assert heard == [] and [alert.kind for alert in watching.watch.alerts] == ["nan"]


def test_a_run_that_stands_still_is_said_once_until_it_moves(tmp_path):
    folder = write(tmp_path / "base.partial", lines(30))
    run, seen, heard = folders.Run("base.partial", folder), Lines(folder / "metrics.jsonl"), []
    watch = Watch(heard.append)
    for now in (0, STALL - 1, STALL + 1, STALL + 2):
        seen.refresh()
        watch.look(run, seen, now)
    assert [alert.kind for alert in heard] == ["stall"] and "no line of metrics for 61 s" in heard[0].words
    append(folder, lines(31, first=31))
    seen.refresh()
    watch.look(run, seen, STALL + 3)
    assert len(heard) == 1
    watch.look(run, seen, 3 * STALL)
    assert len(heard) == 2


def test_a_disk_that_is_nearly_full_is_said():
    heard = []
    watch = Watch(heard.append)
    for free, used in ((50e9, 0.5), (1e9, 0.5), (0.9e9, 0.5), (50e9, 0.5), (50e9, 0.99)):
        watch.disk(free, used)
    assert [alert.kind for alert in heard] == ["disk", "disk"]


def test_alerts_go_to_a_webhook_as_json_and_a_dead_one_is_said_once():
    got = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words):
            """Nothing."""

    chat = HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=chat.serve_forever, daemon=True).start()
    said = []
    watch = Watch(Webhook(f"http://127.0.0.1:{chat.server_port}/", said.append))
    watch.disk(1e9, 0.5)
    wait(lambda: got)
    assert got[0]["kind"] == "disk" and got[0]["text"].startswith("this machine: the disk is nearly full")
    chat.shutdown()
    chat.server_close()
    for free in (50e9, 1e9, 50e9, 1e9):
        watch.disk(free, 0.5)
    wait(lambda: said)
    time.sleep(0.1)
    assert len(said) == 1 and "cannot be reached" in said[0]


def wait(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- its door ---------------------------------------------------------------------------------------------------------


def asked(server, path, host=None, method="GET"):
    """(status, body) of a request as a stranger might send it."""
    place = urllib.parse.urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), 10) as line:
        words = f"{method} {path} HTTP/1.1\r\nhost: {host or place.netloc}\r\nconnection: close\r\n\r\n"
        line.sendall(words.encode())
        raw = b""
        while more := line.recv(1 << 16):
            raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def test_the_command_answers_with_the_runs(server, root):
    state = server.get("/api/state")
    assert state["folder"] == root.name and len(state["runs"]) == 3
    assert {"cpu", "memory", "disk"} & set(state["load"][-1])
    name = urllib.parse.quote(state["runs"][1]["name"])
    told = server.get(f"/api/series?run={name}&metric=loss&axis=tokens")
    assert len(told["x"]) == len(told["y"]) == 50 and told["x"][0] == 40960
    assert server.get(f"/api/samples?run={name}")["samples"][0]["step"] == 10
    assert len(server.get(f"/api/layers?run={name}&metric=gradient")["layers"]) == 3
    assert server.get(f"/api/settings?run={name}")["settings"]["model.depth"] == 3


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "tour/base", "way-out/secret", "tour/linked", "", "%00", "."])
@pytest.mark.parametrize("path", ["series?metric=loss&", "samples?", "settings?", "layers?metric=gradient&"])
def test_no_name_leads_out_of_the_folder(server, path, name):
    assert asked(server, f"/api/{path}run={name}")[0] == 404


def test_files_of_the_page_are_only_those(server):
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "nothing.js"):
        assert asked(server, f"/page/{name}")[0] == 404
    assert asked(server, "/page/chart.js")[0] == 200


def test_it_only_reads_and_answers_to_its_own_name(server):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert asked(server, "/api/state", method=method)[0] == 405
    assert asked(server, "/api/state", host="evil.example:6006")[0] == 403
    status, head, _ = asked(server, "/")
    assert status == 200 and b"default-src 'none'" in head and b"nosniff" in head


def test_what_is_new_is_pushed(server, root):
    with urllib.request.urlopen(server.url + "/api/events", timeout=10) as stream:
        first = json.loads(stream.readline().removeprefix(b"data: "))
        before = next(run for run in first["runs"] if run["name"] == EVIL)["last"]["step"]
        append(root / EVIL, lines(before // 10 + 5, first=before // 10 + 1))
        end = time.monotonic() + 8
        while time.monotonic() < end:
            line = stream.readline()
            if line.startswith(b"data: "):
                state = json.loads(line.removeprefix(b"data: "))
                if next(run for run in state["runs"] if run["name"] == EVIL)["last"]["step"] == before + 50:
                    return
    raise AssertionError("the new lines never came")


def test_others_need_a_key(root):
    server = Dashboard(root, "--key", "geheim")
    try:
        assert asked(server, "/api/state")[0] == 401
        opener = urllib.request.build_opener()
        for word, status in (("x:geheim", 200), ("x:falsch", 401)):
            request = urllib.request.Request(server.url + "/api/state")
            request.add_header("authorization", "Basic " + base64.b64encode(word.encode()).decode())
            try:
                assert opener.open(request).status == status
            except urllib.error.HTTPError as error:
                assert error.code == status
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no folder"),
        ([".", "--host", "0.0.0.0"], "give a key"),
        ([".", "--webhook", "file:///etc/passwd"], "no address of the web"),
    ],
)
def test_wrong_input_is_a_sentence(words, said, tmp_path, capsys, monkeypatch):
    from groundup.__main__ import main

    monkeypatch.chdir(tmp_path)
    assert main(["dashboard", *words]) == 2
    assert said in capsys.readouterr().err


def test_it_starts_without_torch():
    program = "import sys, groundup.serving.dashboard.run; print([n for n in ('torch', 'numba') if n in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
