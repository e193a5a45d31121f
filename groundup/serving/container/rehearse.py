"""The server is started once while its container is built, answers, and is stopped: what it compiles at first use stays in the cache.

    python -m groundup.serving.container.rehearse MODEL PORT

A model that cannot be loaded or does not answer ends the building here, and not where it was to serve.
"""

import json
import subprocess
import sys
import time
import urllib.request

SECONDS = 900.0  # that compilers may take
ASKED = {  # each way that the model is used
    "/v1/completions": {"prompt": ["Once upon a time", "Hello"], "max_tokens": 4, "echo": True, "logprobs": 1},
    "/tokenize": {"prompt": "Once upon a time"},
}


def rehearse(model: str, port: int) -> None:
    """Start, ask, stop; an error if any of it fails."""
    command = [sys.executable, "-m", "groundup", "serve", model, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command)
    try:
        _ready(server, f"http://127.0.0.1:{port}/ready")
        for path, body in ASKED.items():
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                print(f"{path}: {answer.status}", flush=True)
    finally:
        server.terminate()
        code = server.wait()
    if code:
        raise SystemExit(f"the server ended with {code}")


def _ready(server: subprocess.Popen, url: str) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with {server.returncode} before it was ready")
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"the server was not ready after {SECONDS:.0f} s")


if __name__ == "__main__":
    rehearse(sys.argv[1], int(sys.argv[2]))
