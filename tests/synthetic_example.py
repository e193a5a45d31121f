"""A server of OpenAI's API that says what a script tells it to, and a corpus to be asked about. Also a program, to be killed.

python tests/synthetic_example.py INTO [name=value …]
"""

import json
import re
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundup import config, hardware, run
from groundup.stages import synthesize
from tests.http_example import Quiet, started

Answer = str | tuple[int, bytes, dict[str, str]]
PLACES = "mill bridge bakery river school tower market library harbour church".split()
PEOPLE = "Anna Ben Cleo Dora Emil Finn Greta Hugo Ida Jonas".split()


class Scripted:
    """Answers conversations: `script(prompt, how often it was asked)` gives the text, or a status with body and headers."""

    def __init__(self, script: Callable[[str, int], Answer]):
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.running = self.most = 0
        self.lock = threading.Lock()
        scripted = self

        class Served(Quiet):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                prompt = body["messages"][-1]["content"]
                with scripted.lock:
                    scripted.bodies.append(body)
                    scripted.keys.append(self.headers.get("Authorization"))
                    scripted.running += 1
                    scripted.most = max(scripted.most, scripted.running)
                    times = sum(each["messages"] == body["messages"] for each in scripted.bodies)
                try:
                    told = script(prompt, times)
                    status, raw, headers = told if isinstance(told, tuple) else (200, spoken(told), {})
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(raw)
                except OSError:
                    pass  # whoever asked is gone
                finally:
                    with scripted.lock:
                        scripted.running -= 1

        self.server, self.url = started(Served)


def spoken(text: str, finish: str = "stop") -> bytes:
    """A whole answer as a server gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": len(text.split())}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


@contextmanager
def scripted(script: Callable[[str, int], Answer]):
    """A server for the length of a test."""
    made = Scripted(script)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def document(number: int) -> str:
    """A text of thirty words in which somebody does something somewhere, another one for each number."""
    who, where = PEOPLE[number % 10], PLACES[number // 10 % 10]
    return (
        f"On day {number} {who} walked along the lane to the old {where} and carried a basket with {number + 3} apples. "
        f"There {who} waited for the others until the evening, and told them a story."
    )


def number_in(prompt: str) -> int:
    """Which document a prompt is about."""
    found = re.search(r"On day (\d+)", prompt)
    assert found, prompt
    return int(found[1])


def write_corpus(folder: Path, count: int = 12) -> Path:
    """What the corpus stage leaves."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    folder.mkdir(exist_ok=True)
    rows = [{"id": f"doc-{n}", "text": document(n), "source": "made"} for n in range(count)]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "kept-00000.parquet")
    return folder


def settings(**values: Any) -> synthesize.Settings:
    """Settings in a hurry; dotted names go deep."""
    words = {"backoff": 0.01, "retries": 2, "seconds": 10.0, "concurrency": 3, **values}
    nested: dict[str, Any] = {}
    for name, value in words.items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return config.build(synthesize.Settings, nested)


def make(into: Path, asked: synthesize.Settings, seed: int = 1, sink: Any = run.work.silent) -> Path:
    """The finished folder."""
    stage = run.stage(into, "synthesize", asked, version=synthesize.VERSION, seed=seed)
    return run.perform(stage, synthesize.run, hardware.look(), sink)


def lines(path: Path) -> list[dict[str, Any]]:
    """JSON lines, none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    make(
        Path(sys.argv[1]),
        settings(**{name: json.loads(value) for name, value in (w.split("=", 1) for w in sys.argv[2:])}),
    )
