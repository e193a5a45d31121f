"""Conversations as token ids, with a mask of what the assistant said: what chat models are trained on and asked with.

Each message is encoded by itself and set between control tokens, segment by segment; nothing is ever rendered to text and
encoded again. So no user text can become a control token, whole or in halves. The same form is exported as a Jinja
template for other libraries, which gives the same ids wherever the text does not try to cheat.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.errors import Problem

if TYPE_CHECKING:
    from groundup.tokenizer.tokenizer import Tokenizer

SEPARATOR = "<|endoftext|>"  # stands before every document and every conversation
ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Template:
    """How a turn is written: its opening is a control token and perhaps some text, its end a control token and perhaps some."""

    opening: str  # control token; {role} is the role's name
    heading: str  # text after it, before the content
    lead: str  # text that is encoded together with the content: a blank makes a first word the same token as inside a text
    close: str  # control token after the content
    between: str  # text after that


TEMPLATES = {
    "plain": Template("<|{role}|>", "", " ", "<|end|>", ""),
    "chatml": Template("<|im_start|>", "{role}\n", "", "<|im_end|>", "\n"),
}


@dataclass(frozen=True)
class Rendered:
    """A conversation: ids (tokens,) uint32, and answers (tokens,) bool, true at what the assistant said and its closing token."""

    ids: np.ndarray
    answers: np.ndarray


def known(template: str) -> str:
    """The name itself if there is such a template."""
    if template not in TEMPLATES:
        raise Problem(f"there is no chat template {template!r}: choose one of {', '.join(TEMPLATES)}")
    return template


def specials(template: str = "plain") -> list[str]:
    """The control tokens of a template, the separator of documents first."""
    form = TEMPLATES[known(template)]
    return [SEPARATOR, *dict.fromkeys(form.opening.format(role=role) for role in ROLES), form.close]


def stop_ids(tokenizer: "Tokenizer", template: str = "plain") -> list[int]:
    """Ids at which an answer is over: its closing token first, then every other control token, for none belongs in an answer."""
    close = TEMPLATES[known(template)].close
    wanted = [close, *(name for name in specials(template) if name != close)]
    return [tokenizer.specials[name] for name in wanted if name in tokenizer.specials]


def separator_ids(tokenizer: "Tokenizer") -> list[int]:
    """What stands before a text: the separator of documents, or nothing if the tokenizer has none."""
    return [tokenizer.specials[SEPARATOR]] if SEPARATOR in tokenizer.specials else []


def lead(template: str | None) -> str:
    """What an answer in this template begins with that is not part of what is said."""
    return TEMPLATES[known(template)].lead if template else ""


def render(
    tokenizer: "Tokenizer", messages: Sequence[Mapping[str, Any]], template: str = "plain", reply: bool = False
) -> Rendered:
    """The ids of a conversation, from the separator on; `reply` adds the opening of the assistant's next turn."""
    return render_many(tokenizer, [messages], template, reply)[0]


def render_many(
    tokenizer: "Tokenizer",
    conversations: Sequence[Sequence[Mapping[str, Any]]],
    template: str = "plain",
    reply: bool = False,
) -> list[Rendered]:
    """The same for many conversations at once, which is several times faster."""
    form = TEMPLATES[known(template)]
    control = {name: np.array([control_id(tokenizer, name, template)], np.uint32) for name in specials(template)}
    texts = {"": np.zeros(0, np.uint32)}
    for text in {*(form.heading.format(role=role) for role in ROLES), form.between} - {""}:
        texts[text] = tokenizer.encode(text)
    said_by_all = [form.lead + content_of(message) for messages in conversations for message in messages]
    contents = iter(tokenizer.encode_many(said_by_all))

    def opening(role: str) -> list[np.ndarray]:
        return [control[form.opening.format(role=role)], texts[form.heading.format(role=role)]]

    made = []
    for messages in conversations:
        parts, said = [control[SEPARATOR]], [False]
        for message in messages:
            role = message["role"]
            parts += [*opening(role), next(contents), control[form.close], texts[form.between]]
            said += [False, False, role == "assistant", role == "assistant", False]
        if reply:
            parts += opening("assistant")
            said += [False, False]
        made.append(Rendered(np.concatenate(parts), np.repeat(said, [len(part) for part in parts])))
    return made


def content_of(message: Mapping[str, Any]) -> str:
    """The text of a message that has a role we know."""
    if not isinstance(message, Mapping) or not isinstance(message.get("content"), str):
        raise Problem('a message needs a role and a text, like {"role": "user", "content": "Hello"}, and this one is ' + str(message)[:80])
    if message.get("role") not in ROLES:
        raise Problem(f"a message has the role {message.get('role')!r}: it can be {', '.join(ROLES)}")
    return message["content"]


def control_id(tokenizer: "Tokenizer", name: str, template: str) -> int:
    """The id of a control token, which the tokenizer must have been given when it was trained."""
    if name not in tokenizer.specials:
        raise Problem(
            f"the chat template {template!r} needs the special token {name}, which this tokenizer lacks: "
            f"train it with specials=chat.specials({template!r})"
        )
    return tokenizer.specials[name]


def jinja(template: str = "plain") -> str:
    """The template for other libraries (transformers, llama.cpp, vLLM), which render to text first."""
    form = TEMPLATES[known(template)]
    role, write = "' + message['role'] + '", lambda text: text.replace("\n", "\\n")
    turn = [form.opening + form.heading, form.lead, form.close + form.between]
    opening, before, end = (write(text).replace("{role}", role) for text in turn)
    reply = write(turn[0].format(role="assistant"))
    allowed = ", ".join(f"'{name}'" for name in ROLES)
    return (
        f"{{{{- '{SEPARATOR}' -}}}}\n"
        "{%- for message in messages -%}\n"
        f"{{%- if message['role'] not in [{allowed}] -%}}\n"
        "{{- raise_exception('a role can be system, user or assistant') -}}\n"
        "{%- endif -%}\n"
        f"{{{{- '{opening}{before}' + message['content'] + '{end}' -}}}}\n"
        "{%- endfor -%}\n"
        "{%- if add_generation_prompt -%}\n"
        f"{{{{- '{reply}' -}}}}\n"
        "{%- endif -%}\n"
    )
