"""`make demo` as a newcomer types it, in a clone given as the argument: it makes the tour, answers, and stops when told.

Then once more: the second time nothing is installed and nothing is made again. Not a test module: it takes minutes.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PATIENCE = 1800.0
PORT = 8123


def demo(clone: Path, seconds: float) -> tuple[float, str]:
    """Start `make demo`, wait until its server is ready, put one question, stop it; seconds until ready, and output."""
    log = clone / "demo.log"
    began = time.monotonic()
    with open(log, "w") as out:
        process = subprocess.Popen(
            ["make", "demo", f"PORT={PORT}"], cwd=clone, stdout=out, stderr=out, start_new_session=True
        )
        try:
            while not ready():
                if process.poll() is not None or time.monotonic() - began > seconds:
                    raise SystemExit(f"make demo did not serve (exit {process.poll()}):\n{log.read_text()[-4000:]}")
                time.sleep(0.2)
            waited = time.monotonic() - began
            print(ask("Who are you?"), flush=True)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(30)
    return waited, log.read_text()


def ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ready", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def ask(question: str) -> str:
    """One question through the API, and its answer."""
    body = {"messages": [{"role": "user", "content": question}], "max_tokens": 40, "temperature": 0}
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return f"{question} {json.loads(answer.read())['choices'][0]['message']['content']}"


def made(clone: Path) -> dict[str, int]:
    """The finished stages and when each was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in (clone / "runs/tour").glob("*/manifest.json")}


def main(clone: Path) -> None:
    first, _ = demo(clone, PATIENCE)
    stages = made(clone)
    report = json.loads((clone / "runs/tour/report.json").read_text())
    assert stages and report["accuracy"]["chat"], "the tour left no report"
    second, said = demo(clone, 120)
    assert made(clone) == stages, "the second make demo made something again"
    assert " made " not in said.replace("made runs", ""), said
    print(f"make demo: {first:.0f} s from nothing to a server that answers, {second:.0f} s the second time")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
