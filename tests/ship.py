"""From a model to an answer out of a container, without an engine: `make ship`.

    python -m tests.ship [MODEL]

Exports the model (a tiny one of random weights if none is named), follows the Dockerfile in a clean folder as another user (where we are root), waits until its HEALTHCHECK
is content, asks for an answer with and without the key, then stops the server while it writes and expects all of the answer
and exit code 0. Packages come from PyPI; TORCH_INDEX is the index that torch comes from, as in the Makefile.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests import dockerfile, serving_example

KEY = "canary-of-the-container"
START_SECONDS = 900


def ship(model: Path) -> None:
    """Everything; an AssertionError says what went wrong."""
    with tempfile.TemporaryDirectory(prefix="groundup-ship-", ignore_cleanup_errors=True) as folder:
        place, context = Path(folder).resolve(), Path(folder).resolve() / "context"
        place.chmod(0o755)
        words = [
            sys.executable,
            "-m",
            "groundup",
            "export",
            str(model),
            "--format",
            "container",
            "--into",
            str(context),
        ]
        subprocess.run(words, check=True)
        found = dockerfile.faults(dockerfile.read((context / "Dockerfile").read_text()))
        assert not found, found
        yard = dockerfile.Yard(
            context,
            place / "yard",
            {"TORCH_INDEX": os.environ["TORCH_INDEX"]} if os.environ.get("TORCH_INDEX") else {},
            free_port(),
        )
        try:
            yard.build()
            use(yard, place / "said")
        finally:
            yard.remove()


def use(yard: dockerfile.Yard, said: Path) -> None:
    """Start what was built, ask it, and stop it while it answers."""
    before = yard.files()
    process = yard.start(KEY, said)
    try:
        began = time.monotonic()
        while not yard.healthy():
            assert process.poll() is None, f"the server ended with {process.returncode}:\n{said.read_text()[-3000:]}"
            assert time.monotonic() - began < START_SECONDS, f"it never was healthy:\n{said.read_text()[-3000:]}"
            time.sleep(0.2)
        print(f"healthy after {time.monotonic() - began:.1f} s", flush=True)
        url = f"http://127.0.0.1:{yard.port}/v1/chat/completions"
        body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}
        status, told = ask(url, body, KEY)
        assert status == 200 and told["usage"]["completion_tokens"] >= 1, told
        assert ask(url, body, "another key")[0] == 401
        answer = stream(url, {**body, "max_tokens": 200})
        lines = [answer.readline()]
        process.send_signal(signal.SIGTERM)
        lines += list(answer)
        assert lines[-2] == b"data: [DONE]\n", lines[-3:]
        code = process.wait(60)
        assert code == 0, f"the server ended with {code}:\n{said.read_text()[-3000:]}"
        told = said.read_text()
        assert "compiling" not in told and "Traceback" not in told and KEY not in told, told
        assert yard.files() == before, "something was written beside the temporary folder"
        print("answered, stopped within an answer without breaking it, ended with 0", flush=True)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()


def ask(url: str, body: dict, key: str) -> tuple[int, dict]:
    """A status and what came with it."""
    try:
        with urllib.request.urlopen(request(url, body, key), timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def stream(url: str, body: dict):
    """The lines of a stream as they come."""
    return urllib.request.urlopen(request(url, {**body, "stream": True}, KEY), timeout=120)


def request(url: str, body: dict, key: str) -> urllib.request.Request:
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    return urllib.request.Request(url, json.dumps(body).encode(), headers)


def free_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("model", type=Path, nargs="?")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ship(asked.model or serving_example.model_folder(Path(folder) / "tiny"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
