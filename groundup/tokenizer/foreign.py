"""The chat template that came with somebody else's model: a small program, which runs in a sandbox of its own process.

It gives text, and control tokens are looked for in the template's own words alone: what people said is encoded apart from
them, whatever it says. Between two control tokens all text is encoded as one, as those who trained the model did.
"""

import json
import re
import selectors
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from groundup.errors import Problem
from groundup.tokenizer import chat
from groundup.tokenizer.huggingface import CONFIG, TEMPLATE

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer

OPEN, CLOSE = "\ufdd0", "\ufdd1"  # as in sandbox.py
LONGEST = 1 << 20  # characters of a template
WAIT = 60.0  # seconds for a text; the sandbox itself ends after two of processor time
ANSWER = 64 << 20  # bytes of a text with its marks, as JSON
KEY = re.compile(r"[\w$.@/ -]{1,128}")
PROGRAM = Path(__file__).with_name("sandbox.py")
NAMES = ("bos_token", "eos_token", "unk_token", "pad_token")


class Part(NamedTuple):
    """Some text of a conversation, and whether somebody said it; if not, the template did."""

    text: str
    said: bool


class ForeignTemplate:
    """A template by its source; `names` are what it calls special tokens, like bos_token."""

    def __init__(self, source: str, names: Mapping[str, str] | None = None):
        if len(source) > LONGEST:
            raise Problem(
                f"the model's chat template has {len(source):,} characters: none that is meant has more than {LONGEST:,}"
            )
        self.source, self.names = source, dict(names or {})
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def ids(
        self,
        tokenizer: "Tokenizer",
        messages: Sequence[Mapping[str, Any]],
        reply: bool = True,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """A conversation as the model reads it."""
        names = sorted(tokenizer.specials, key=len, reverse=True)
        control = re.compile(f"({'|'.join(map(re.escape, names))})") if names else None
        made: list[int] = []
        text = ""
        for part in self.parts(messages, reply, tools):
            words = [part.text] if part.said or control is None else control.split(part.text)
            for place, each in enumerate(words):
                if place % 2:
                    made += (
                        [*tokenizer.encode(text).tolist(), tokenizer.specials[each]]
                        if text
                        else [tokenizer.specials[each]]
                    )
                    text = ""
                else:
                    text += each
        return [*made, *tokenizer.encode(text).tolist()] if text else made

    def parts(
        self, messages: Sequence[Mapping[str, Any]], reply: bool, tools: Sequence[Mapping[str, Any]] = ()
    ) -> list[Part]:
        """The text of a conversation, part by part."""
        words = {"messages": [clean(each) for each in messages], "tools": [clean(each) for each in tools] or None}
        words |= {"add_generation_prompt": reply, "documents": None, **self.names}
        told = self._asked(json.dumps({"source": self.source, "words": words}).encode() + b"\n")
        if "text" not in told:
            raise Problem(f"the model's chat template cannot write this conversation ({told.get('error')})")
        return taken_apart(told["text"])

    def _asked(self, line: bytes) -> dict[str, Any]:
        with self.lock:
            process = self.process
            if process is None or process.poll() is not None:
                process = self.process = started()
                weakref.finalize(self, process.kill)
            try:
                return json.loads(answered(process, line))
            except (OSError, EOFError, TimeoutError, ValueError):
                process.kill()
                process.wait()
                self.process = None
                return {"error": "it takes too long, or too much memory"}


def started() -> subprocess.Popen[bytes]:
    """A sandbox that waits for its first conversation; it ends with whoever started it."""
    words = [sys.executable, "-I", str(PROGRAM)]
    return subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        env={},
        cwd="/",
        close_fds=True,
    )


def answered(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    """One line for one line, within time and size."""
    assert process.stdin and process.stdout
    end, heard = time.monotonic() + WAIT, bytearray()
    while line:
        line = line[process.stdin.write(line) or 0 :]
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not heard.endswith(b"\n"):
            if not selector.select(max(0.0, end - time.monotonic())) or len(heard) > ANSWER:
                raise TimeoutError
            more = process.stdout.read(1 << 16)
            if not more:
                raise EOFError
            heard += more
    return bytes(heard)


def clean(value: Any) -> Any:
    """What people wrote without the marks; names of fields must be such, since they are not marked."""
    if isinstance(value, str):
        return value.replace(OPEN, "\ufffd").replace(CLOSE, "\ufffd")
    if isinstance(value, Mapping):
        if wrong := next((key for key in value if not isinstance(key, str) or not KEY.fullmatch(key)), None):
            raise Problem(
                f"a field of a tool or a message is called {str(wrong)[:40]!r}: use letters, digits, dots and dashes"
            )
        return {key: clean(each) for key, each in value.items()}
    return [clean(each) for each in value] if isinstance(value, list | tuple) else value


def taken_apart(text: str) -> list[Part]:
    """A text with marks as parts; marks that do not fit each other mean that nobody knows any more who said what."""
    parts, depth = [], 0
    for piece in re.split(f"([{OPEN}{CLOSE}])", text):
        if piece in (OPEN, CLOSE):
            depth += 1 if piece == OPEN else -1
            if depth < 0:
                break
        elif piece:
            parts.append(Part(piece, depth > 0))
    if depth:
        raise Problem(
            "the model's chat template takes messages apart so that nobody can tell its own words from theirs: it is not used"
        )
    return parts


def read(folder: str | Path) -> tuple[str | None, ForeignTemplate | None]:
    """The template in a tokenizer's folder: one of ours by its name, or a foreign one, or neither."""
    folder = Path(folder)
    told = _json(folder / CONFIG)
    source = told.get("chat_template")
    if isinstance(source, list):  # several, each with its name
        named = {each.get("name"): each.get("template") for each in source if isinstance(each, Mapping)}
        source = named.get("default")
    if (folder / TEMPLATE).is_file():
        source = (folder / TEMPLATE).read_text(encoding="utf-8", errors="replace")
    if not isinstance(source, str) or not source.strip():
        return None, None
    name = next((name for name in chat.TEMPLATES if chat.jinja(name) == source), None)
    return (name, None) if name else (None, ForeignTemplate(source, names_of(told)))


def names_of(told: Mapping[str, Any]) -> dict[str, str]:
    """What a tokenizer_config.json calls the tokens that templates write by a name."""
    found = {name: told.get(name) for name in NAMES}
    plain = {name: each.get("content") if isinstance(each, Mapping) else each for name, each in found.items()}
    return {name: each for name, each in plain.items() if isinstance(each, str)}


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
