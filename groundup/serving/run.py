"""`groundup serve`: models are loaded, a port is taken, and requests are answered until somebody says stop.

The first SIGTERM or Ctrl-C lets answers end (for a while) and refuses new ones; the second does not wait.
"""

import contextlib
import errno
import json
import logging
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
import uvicorn

from groundup import hardware
from groundup.errors import Problem
from groundup.generation.language_model import LanguageModel, load
from groundup.model import quantize
from groundup.serving.app import build
from groundup.serving.connection import Connection
from groundup.serving.house import House
from groundup.serving.limits import Limits
from groundup.serving.listening import address_of, bound, is_this_machine

SUGGESTED = "suggestions.json"
MOST_SUGGESTED, LONGEST_SUGGESTED = 24, 300
SIGNALS = (signal.SIGINT, signal.SIGTERM)
AFTERWARDS = 3  # seconds that connections get to close once their answers have ended


def serve(
    models: Mapping[str, str | Path],
    host: str = "127.0.0.1",
    port: int = 8000,
    key: str | None = None,
    limits: Limits | None = None,
    precision: str | None = None,
) -> None:
    """Serve models (name -> path, the first one the default) in the foreground; returns when all is answered after a stop."""
    limits, key = limits or Limits(), key or None
    refuse_open_door(host, key)
    with contextlib.closing(listen(host, port)) as listener:
        loaded = _load(models, precision)
        api = build(loaded, limits, key, suggestions([Path(path) for path in models.values()]))
        house: House = api.state.house
        address = address_of(host, listener)
        server = Server(_config(api, limits), house)
        house.start()
        try:
            print(f"serving {', '.join(loaded)}", flush=True)
            print(f"chat page: {address}   OpenAI's API: {address}/v1   stop: Ctrl-C", flush=True)
            server.run([listener])
        finally:
            house.close()
    if server.forced:
        raise KeyboardInterrupt


def refuse_open_door(host: str, key: str | None) -> None:
    """Only this machine may come in without a key."""
    if not key and not is_this_machine(host):
        raise Problem(
            f"whoever reaches {host} could use the models: give a key with --key or GROUNDUP_API_KEY, or listen at 127.0.0.1"
        )


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; taken before the models are loaded, so that a port in use is heard of at once."""
    try:
        return bound(host, port, 256)
    except OSError as error:
        why = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be used by you"}.get(error.errno or 0)
        why = f"port {port} at {host} {why}" if why else f"{host} port {port} cannot be listened at ({error.strerror})"
        raise Problem(f"{why}: choose another one with --port, or 0 for any that is free") from None


def _load(models: Mapping[str, str | Path], precision: str | None) -> dict[str, LanguageModel]:
    """Load each model, and use each part of it once, so that the first visitor does not wait for compilers."""
    machine = hardware.look(devices=True)
    torch.set_num_threads(max(1, hardware.threads(machine) // len(models)))
    loaded = {}
    for name, path in models.items():
        lm = load(path, precision)
        if machine.device == "cuda" and not quantize.is_int8(lm.model):
            lm.model.to("cuda")
        lm.tokenizer.encode_many(["Hello", "Once upon a time"])
        lm.generate("Hello", max_tokens=2)
        loaded[name] = lm
    return loaded


def suggestions(paths: list[Path]) -> list[str]:
    """Questions that a file beside a model, its stage or its recipe offers; none if nobody does."""
    for path in paths:
        folder = path.resolve() if path.is_dir() else path.resolve().parent
        for place in (folder, folder.parent, folder.parent.parent):
            if (place / SUGGESTED).is_file():
                return _suggested(place / SUGGESTED)
    return []


def _suggested(path: Path) -> list[str]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        told = None
    if not isinstance(told, list) or not all(isinstance(text, str) and text for text in told):
        raise Problem(f'{path} should hold a list of questions, like ["Who are you?"]: put it right or remove it')
    return [text[:LONGEST_SUGGESTED] for text in told[:MOST_SUGGESTED]]


def _config(api, limits: Limits) -> uvicorn.Config:
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # what can go wrong is told by the guard and the worker
    return uvicorn.Config(
        api,
        http=partial(Connection, limits),  # type: ignore[arg-type]
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=AFTERWARDS,
        backlog=256,
    )


class Server(uvicorn.Server):
    """Uvicorn's server with another way to stop: it goes on answering what it has begun, and ends with code 0."""

    def __init__(self, config: uvicorn.Config, house: House):
        super().__init__(config)
        self.house, self.forced, self.until = house, False, 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving, and give them back afterwards; they are not raised again."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame) -> None:
        """Once: no new requests, the running ones may end. Twice: now."""
        if self.house.draining:
            self.forced = self.force_exit = self.should_exit = True
            return
        self.house.draining, self.until = True, time.monotonic() + self.house.limits.drain_seconds
        if self.house.answering:
            print(
                f"stopping when {self.house.answering} more are answered, in {self.house.limits.drain_seconds:.0f} s at most; "
                "once more Ctrl-C: now",
                flush=True,
            )

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to go."""
        if self.house.draining and not self.should_exit:
            if time.monotonic() > self.until:
                self.house.cut()
            self.should_exit = not self.house.answering or time.monotonic() > self.until
        return await super().on_tick(counter)
