"""Conversations as token ids, with a mask of what the assistant said: what chat models are trained on and asked with.

Each message is encoded by itself and set between control tokens, segment by segment; nothing is ever rendered to text and
searched for control tokens. So no user text can become one, whole or in halves. The forms are a table (`templates.py`);
each is also exported as a Jinja template for other libraries (`jinja.py`), which gives the same ids wherever the text does
not try to cheat.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer import tools as tool_use
from groundup.tokenizer.jinja import jinja
from groundup.tokenizer.templates import ROLES, TEMPLATES, TOOL, Template, known

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer

__all__ = [
    "ROLES", "SEPARATOR", "TEMPLATES", "Rendered", "content_of", "guessed", "jinja", "known", "lead", "render", "render_many",
    "separator", "separator_ids", "specials", "stop_ids",
]  # fmt: skip

SEPARATOR = TEMPLATES["plain"].separator  # stands before every document, where a tokenizer was trained for nothing else
Messages = Sequence[Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Rendered:
    """A conversation: ids (tokens,) uint32, and answers (tokens,) bool, true at what the assistant said and its closing token."""

    ids: np.ndarray
    answers: np.ndarray


class Piece(NamedTuple):
    """A part of a conversation that is encoded by itself."""

    text: str
    control: bool = False  # the name of a control token
    said: bool = False  # by the assistant
    fresh: bool = False  # what a message says begins here: nothing before is encoded together with it
    open: bool = False  # text that is followed by what a message says


def specials(template: str = "plain") -> list[str]:
    """The control tokens of a template, the separator first."""
    form = TEMPLATES[known(template)]
    return [form.separator, *form.controls]


def stop_ids(tokenizer: "Tokenizer", template: str = "plain") -> list[int]:
    """Ids at which an answer is over: its closing token first, then every other control token, for none belongs in an answer."""
    close = TEMPLATES[known(template)].close
    wanted = [close, *(name for name in specials(template) if name != close)]
    return [tokenizer.specials[name] for name in wanted if name in tokenizer.specials]


def separator(tokenizer: "Tokenizer") -> str | None:
    """The special token that stands before every text: what the tokenizer's file says, or the separator of a template."""
    names = dict.fromkeys([*tokenizer.begins, *(form.separator for form in TEMPLATES.values())])
    return next((name for name in names if name in tokenizer.specials), None)


def separator_ids(tokenizer: "Tokenizer") -> list[int]:
    """What stands before a text: the separator of documents, or nothing if the tokenizer has none."""
    name = separator(tokenizer)
    return [] if name is None else [tokenizer.specials[name]]


def guessed(tokenizer: "Tokenizer") -> str | None:
    """The first template whose control tokens the tokenizer has; one that marks turns by text alone is never guessed."""
    fitting = (name for name in TEMPLATES if set(specials(name)) <= set(tokenizer.specials))
    return next((name for name in fitting if not TEMPLATES[name].headings), None)


def lead(tokenizer: "Tokenizer", template: str | None) -> str:
    """What an answer in this template begins with that is not part of what is said."""
    return (tokenizer.kind.lead or TEMPLATES[known(template)].lead) if template else ""


def render(
    tokenizer: "Tokenizer", messages: Messages, template: str = "plain", reply: bool = False, tools: Tools = ()
) -> Rendered:
    """The ids of a conversation, from the separator on; `reply` adds the opening of the assistant's next turn."""
    return render_many(tokenizer, [messages], template, reply, [tools])[0]


def render_many(
    tokenizer: "Tokenizer",
    conversations: Sequence[Messages],
    template: str = "plain",
    reply: bool = False,
    tools: Sequence[Tools] = (),
) -> list[Rendered]:
    """The same for many conversations at once, which is several times faster; `tools`: those of each."""
    control = {name: np.array([control_id(tokenizer, name, template)], np.uint32) for name in specials(template)}
    offered = tools or [()] * len(conversations)
    drafts = [pieces(template, *each, reply) for each in zip(conversations, offered, strict=True)]
    texts = encoded(tokenizer, {piece for draft in drafts for piece in draft if not piece.control})
    made = []
    for draft in drafts:
        parts = [control[piece.text] if piece.control else texts[piece.text, piece.open] for piece in draft]
        said = [piece.said for piece in draft]
        made.append(Rendered(np.concatenate(parts), np.repeat(said, [len(part) for part in parts])))
    return made


def pieces(template: str, messages: Messages, tools: Tools, reply: bool) -> list[Piece]:
    """A conversation as control tokens and texts."""
    form = TEMPLATES[template]
    draft = [Piece(form.separator, control=True)]
    for role, content in turns(template, messages, tools):
        said = role == "assistant"
        draft += framed(form, form.opened(role))
        draft.append(Piece(form.lead + form.quoted(content), said=said, fresh=True))
        end = framed(form, form.ended(role))
        draft += [end[0]._replace(said=said), *end[1:]]
    if reply:
        draft += [*framed(form, form.opened("assistant")), Piece("", said=True, fresh=True)]
    return list(grown(draft))


def turns(template: str, messages: Messages, tools: Tools) -> Iterator[tuple[str, str]]:
    """Who speaks and what is written in the turn; tools are described in a system turn that comes first."""
    rest = list(messages)
    if tools:
        before = ""
        if rest and isinstance(rest[0], Mapping) and rest[0].get("role") == "system":
            before = content_of(rest.pop(0)) + "\n\n"
        yield "system", before + tool_use.described(template, tools)
    for message in rest:
        content, role = content_of(message), message["role"]
        if role == TOOL:
            tool_use.form_of(template)
        yield role, tool_use.with_calls(template, content, tool_use.calls_of(message))


def framed(form: Template, frame: str) -> list[Piece]:
    """A frame as control tokens and texts."""
    names = [form.separator, *form.controls]
    parts = re.split(f"({'|'.join(map(re.escape, names))})", frame)
    return [Piece(part, control=part in names) for part in parts if part]


def grown(draft: Sequence[Piece]) -> Iterator[Piece]:
    """Texts that stand beside each other become one, except where a message begins to speak."""
    waiting: Piece | None = None
    for piece in draft:
        if waiting and not piece.control and not piece.fresh:
            waiting = waiting._replace(text=waiting.text + piece.text)
            continue
        if waiting:
            yield waiting._replace(open=piece.fresh)
        waiting = None if piece.control else piece
        if piece.control:
            yield piece
    if waiting:
        yield waiting


def encoded(tokenizer: "Tokenizer", wanted: set[Piece]) -> dict[tuple[str, bool], np.ndarray]:
    """The ids of texts; of an open one those it has before a word, which can differ from those at the end of a text."""
    texts = sorted({(piece.text, piece.open) for piece in wanted})
    word = tokenizer.encode("x")
    found = tokenizer.encode_many([text + "x" if is_open and text else text for text, is_open in texts])
    made = dict(zip(texts, found, strict=True))
    for (text, is_open), ids in made.items():
        if is_open and text:
            whole = ids[len(ids) - len(word) :].tolist() == word.tolist()
            made[text, is_open] = ids[: len(ids) - len(word)] if whole else tokenizer.encode(text)
    return made


def content_of(message: Mapping[str, Any]) -> str:
    """The text of a message that has a role we know; a message that calls tools need not have one."""
    if not isinstance(message, Mapping):
        raise Problem(EXPECTED + str(message)[:80])
    content = message.get("content")
    if content is None and tool_use.calls_of(message):
        content = ""
    if not isinstance(content, str):
        raise Problem(EXPECTED + str(message)[:80])
    if message.get("role") not in (*ROLES, TOOL):
        raise Problem(f"a message has the role {message.get('role')!r}: it can be {', '.join((*ROLES, TOOL))}")
    return content


EXPECTED = 'a message needs a role and a text, like {"role": "user", "content": "Hello"}, and this one is '


def control_id(tokenizer: "Tokenizer", name: str, template: str) -> int:
    """The id of a control token, which the tokenizer must have been given when it was trained."""
    if name not in tokenizer.specials:
        raise Problem(
            f"the chat template {template!r} needs the special token {name}, which this tokenizer lacks: "
            f"train it with specials=chat.specials({template!r})"
        )
    return tokenizer.specials[name]
