"""A small site on this machine to be collected from, served by threads, that writes down who asked for what and when.

Also a program, to be killed: python tests/collect_example.py INTO LIST [name=value …]
"""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from groundup import config, hardware, run
from groundup.stages import collect
from tests.http_example import Quiet, started

Handler = BaseHTTPRequestHandler
Page = str | bytes | Callable[[Handler], None]


def page(text: str, *links: str) -> str:
    """A page in HTML with a paragraph and some links."""
    anchors = "".join(f'<a href="{link}">on</a>' for link in links)
    return f"<html><head><title>t</title></head><body><p>{text}</p>{anchors}</body></html>"


class Site:
    """Pages by path; a function answers by itself."""

    def __init__(self, pages: dict[str, Page]):
        self.pages, self.asked = pages, list[tuple[str, float, dict[str, str]]]()
        self.running = self.most = 0
        self.lock = threading.Lock()
        site = self

        class Served(Quiet):
            def do_GET(self):
                with site.lock:
                    site.asked.append((self.path, time.monotonic(), dict(self.headers)))
                    site.running += 1
                    site.most = max(site.most, site.running)
                try:
                    site.answer(self)
                except OSError:
                    pass  # the other end has heard enough
                finally:
                    with site.lock:
                        site.running -= 1

        self.server, self.url = started(Served)

    def answer(self, handler: Handler) -> None:
        found = self.pages.get(handler.path)
        if callable(found):
            found(handler)
        elif found is None:
            send(handler, 404, b"no such page")
        else:
            send(handler, 200, found.encode() if isinstance(found, str) else found)

    def paths(self, *without: str) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _, _ in self.asked if path not in without]


def send(handler: Handler, status: int, body: bytes = b"", **headers: str) -> None:
    """An answer with its length; `_` in a header's name stands for -."""
    handler.send_response(status)
    told = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}
    for name, value in (told | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def site(**pages: Any):
    """A site for the length of a test; a page's name is its path without the slash, robots is robots.txt."""
    named = {"/robots.txt" if name == "robots" else f"/{name}": told for name, told in pages.items()}
    made = Site(named)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()


def settings(list_: Path | str, **values: Any) -> collect.Settings:
    """Settings for a site on this machine, in a hurry."""
    hurried = {
        "contact": "me@example.org",
        "allow_private": ["127.0.0.1", "localhost"],
        "delay": 0.0,
        "backoff": 0.01,
        "seconds": 5.0,
    }
    return config.build(collect.Settings, {"urls": [str(list_)], **hurried, **values})


def make(into: Path, asked: collect.Settings, sink: Any = run.work.silent) -> Path:
    """The finished folder."""
    stage = run.stage(into, "collect", asked, version=collect.VERSION)
    return run.perform(stage, collect.run, hardware.look(), sink)


if __name__ == "__main__":
    make(Path(sys.argv[1]), settings(sys.argv[2], **config.overrides(sys.argv[3:])))
