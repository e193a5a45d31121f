"""gs:// and hf:// as far as they can be tested without those stores: who is asked, through whom, how long, and what is said.

Daft has the names of both stores and the roots of its certificates compiled in, so no server of ours can answer in their
place. A proxy of ours is asked by it for a way to them, and refuses.
"""

import http.server
import os
import subprocess
import sys
import threading

import pytest

from groundup.data.engine import engine
from groundup.data.reading.remote import Remote, Store

PROGRAM = """
import sys
from pathlib import Path
from groundup.data.reading.remote import Remote, Store
from groundup.errors import Problem
try:
    Remote([sys.argv[1]], Store.model_validate({"anonymous": True}), Path(sys.argv[2]))
except Problem as problem:
    print(problem)
"""


class Refusing(http.server.BaseHTTPRequestHandler):
    """A proxy that writes down where it should lead."""

    def do_CONNECT(self):
        self.server.asked.append(self.path)
        self.send_error(403)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """What was said of an address of each kind, and whom the proxy was asked for."""
    found, running = {}, []
    for address in ("gs://bucket/lines.jsonl", "hf://datasets/somebody/texts/lines.jsonl"):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = f"http://127.0.0.1:{server.server_port}"
        around = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        around |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy)
        words = [sys.executable, "-c", PROGRAM, address, str(tmp_path_factory.mktemp("fetched"))]
        running.append((address, server, subprocess.Popen(words, env=around, stdout=-1, stderr=-3, text=True)))
    for address, server, process in running:
        said = process.communicate(timeout=100)[0].strip()
        server.shutdown()
        found[address.partition(":")[0]] = said, server.asked
    return found


@pytest.mark.parametrize(("scheme", "host"), [("gs", "storage.googleapis.com:443"), ("hf", "huggingface.co:443")])
def test_the_store_is_asked_through_the_proxy_and_a_refusal_is_a_sentence(tried, scheme, host):
    said, asked = tried[scheme]
    assert said.startswith(f"{scheme}://") and "cannot be read" in said and "is there a network" in said
    assert "\n" not in said and "unsuccessful" in said  # what the proxy did, not only the name of an error
    assert set(asked) == {host} and len(asked) <= 12  # nobody else hears of it, and it is given up


def test_asking_without_keys_holds_for_every_store(tmp_path, monkeypatch):
    def told(**store):
        return Remote([], Store.model_validate(store), tmp_path / "fetched")._config(engine())

    open_, ours = told(anonymous=True), told()
    assert open_.s3.anonymous and open_.gcs.anonymous and open_.hf.anonymous
    assert not (ours.s3.anonymous or ours.gcs.anonymous or ours.hf.anonymous)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "xyz" not in str(told().hf) and told().hf.token is None
    monkeypatch.setenv("HF_TOKEN", "xyz")
    assert told().hf.token is not None
