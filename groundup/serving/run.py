"""`groundup serve`: models are loaded, a port is taken, and requests are answered until somebody says stop.

The first SIGTERM or Ctrl-C lets answers end (for a while) and refuses new ones; the second does not wait. SIGHUP reads every
model again from where it lies: answers under way end with the weights that they began with, new ones get the new weights.
"""

import asyncio
import contextlib
import errno
import json
import logging
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import uvicorn

from groundup import hardware
from groundup.errors import Problem
from groundup.generation.language_model import LanguageModel, load, quickest
from groundup.generation.speculation import drafters
from groundup.model import quantize
from groundup.serving.app import build
from groundup.serving.connection import Connection
from groundup.serving.filters import Filters, Private, words
from groundup.serving.house import House
from groundup.serving.judge import load as load_judge
from groundup.serving.keys import Keys, named, read
from groundup.serving.limits import Limits
from groundup.serving.listening import address_of, bound, is_this_machine
from groundup.serving.refusal import Refusal
from groundup.serving.visit import FORMS, write_as

SUGGESTED = "suggestions.json"
MOST_SUGGESTED, LONGEST_SUGGESTED = 24, 300
SIGNALS = (signal.SIGINT, signal.SIGTERM)
AGAIN = getattr(signal, "SIGHUP", None)  # reads every model again; Windows has no such signal
AFTERWARDS = 3  # seconds that connections get to close once their answers have ended


@dataclass(frozen=True)
class Door:
    """Who may come in, and what is written down about it."""

    key: str | None = None  # for everybody
    keys: str | Path | None = None  # a file with one for each
    admin: str | None = None  # for whoever brings in new weights
    open_metrics: bool = False  # /metrics without a key
    log: str = "errors"  # or text, json: a line for every request

    def all(self, limits: Limits) -> Keys:
        """Every key that was given, here or in the file."""
        if self.log not in FORMS:
            raise Problem(f"the log can be {', '.join(FORMS)}, and not {self.log!r}")
        given = [named("default", self.key)] if self.key else []
        given += [named("admin", self.admin, admin=True)] if self.admin else []
        return Keys([*given, *(read(self.keys) if self.keys else [])], limits)


@dataclass(frozen=True)
class Wanted:
    """What may not get out of the models."""

    words: str | Path | None = None  # a file of words and phrases
    private: bool = False  # e-mail addresses, telephone and card numbers
    classifier: str | Path | None = None  # the folder of a model that tells classes of texts apart
    refused: int = 1  # its class that ends an answer,
    sure: float = 0.5  # when it is as likely as this
    stop: bool = False  # end the answer instead of writing a placeholder

    def filters(self) -> Filters:
        """Read everything."""
        patterns = [*([words(self.words)] if self.words else []), *([Private()] if self.private else [])]
        judge = load_judge(self.classifier, self.refused, self.sure) if self.classifier else None
        return Filters(tuple(patterns), judge, self.stop)


@dataclass(frozen=True)
class Pace:
    """How models write faster than one pass of theirs for each token."""

    decode: str = "auto"  # one of `compiled_step.WAYS`
    draft: str | None = (
        None  # what drafts tokens while few texts are written: a name of the table of drafters, or the path of a small model
    )
    length: int | None = None  # tokens at a time; as many as pay


def serve(
    models: Mapping[str, str | Path],
    host: str = "127.0.0.1",
    port: int = 8000,
    door: Door | None = None,
    limits: Limits | None = None,
    precision: str | None = None,
    wanted: Wanted | None = None,
    pace: Pace | None = None,
) -> None:
    """Serve models (name -> path, the first one the default) in the foreground; returns when all is answered after a stop."""
    limits, door = limits or Limits(), door or Door()
    keys = door.all(limits)
    refuse_open_door(host, keys)
    with contextlib.closing(listen(host, port)) as listener:
        filters = (wanted or Wanted()).filters()
        loaded = _load(models, precision, pace or Pace())
        again = partial(_load_again, models, precision, pace or Pace())
        beside = suggestions([Path(path) for path in models.values()])
        api = build(loaded, limits, keys, beside, filters, again, door.open_metrics)
        house: House = api.state.house
        address = address_of(host, listener)
        server = Server(_config(api, limits), house)
        write_as(door.log)
        house.start()
        try:
            print(f"serving {', '.join(loaded)}", flush=True)
            print(f"chat page: {address}   OpenAI's API: {address}/v1   stop: Ctrl-C", flush=True)
            del loaded  # the house alone has them: what is replaced may go
            server.run([listener])
        finally:
            house.close()
    if server.forced:
        raise KeyboardInterrupt


def refuse_open_door(host: str, keys: Keys) -> None:
    """Only this machine may come in without a key."""
    if not keys.needed and not is_this_machine(host):
        raise Problem(
            f"whoever reaches {host} could use the models: give a key with --key or GROUNDUP_API_KEY, a file of them with "
            f"--keys, or listen at 127.0.0.1"
        )


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; taken before the models are loaded, so that a port in use is heard of at once."""
    try:
        return bound(host, port, 256)
    except OSError as error:
        why = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be used by you"}.get(error.errno or 0)
        why = f"port {port} at {host} {why}" if why else f"{host} port {port} cannot be listened at ({error.strerror})"
        raise Problem(f"{why}: choose another one with --port, or 0 for any that is free") from None


def _load(models: Mapping[str, str | Path], precision: str | None, pace: Pace) -> dict[str, LanguageModel]:
    """Load each model, and use each part of it once, so that the first visitor does not wait for compilers."""
    machine = hardware.look(devices=True)
    torch.set_num_threads(max(1, hardware.threads(machine) // len(models)))
    return {name: _one(path, precision, pace, machine.device) for name, path in models.items()}


def _one(path: str | Path, precision: str | None, pace: Pace, device: str) -> LanguageModel:
    lm = load(path, precision, pace.decode)
    if pace.draft is not None:
        alone = Pace(pace.decode)
        lm.draft = pace.draft if drafters.is_named(pace.draft) else _one(pace.draft, precision, alone, device)
        lm.draft_length = pace.length
    if device == "cuda" and not quantize.is_quantised(lm.model):
        quickest(lm.model.to("cuda"))
    lm.tokenizer.encode_many(["Hello", "Once upon a time"])
    lm.generate("Hello", max_tokens=2)
    return lm


def _load_again(models: Mapping[str, str | Path], precision: str | None, pace: Pace, name: str) -> LanguageModel:
    """A model from where it lies, which may be other weights by now; what is wrong with them is said here, too."""
    try:
        return _one(models[name], precision, pace, hardware.look(devices=True).device)
    except (Problem, OSError, ValueError, RuntimeError) as error:
        print(f"{name} stays as it is: {error}", flush=True)
        raise Problem(f"{name} could not be read again") from None


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
        self.again, self.reading = False, None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals while serving, and give them back afterwards; they are not raised again."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        if AGAIN is not None:
            before[AGAIN] = signal.signal(AGAIN, self.handle_again)
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

    def handle_again(self, sig: int, frame) -> None:
        """Read every model again, soon."""
        self.again = True

    async def _read_again(self) -> None:
        """Each model in turn; one that cannot be read stays as it is."""
        for name in self.house.models:
            with contextlib.suppress(Problem, Refusal):  # both were said
                going_on = await self.house.reload(name)
                print(f"{name} was read again; {going_on} answers go on with the old weights", flush=True)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to go, or to read models again."""
        if self.again and not self.house.draining and (self.reading is None or self.reading.done()):
            self.again, self.reading = False, asyncio.ensure_future(self._read_again())
        if self.house.draining and not self.should_exit:
            if time.monotonic() > self.until:
                self.house.cut()
            self.should_exit = not self.house.answering or time.monotonic() > self.until
        return await super().on_tick(counter)
