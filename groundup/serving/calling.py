"""Calls of tools in an answer: its text is read while it comes, and parted into what is said and what is called.

The form that the engine holds the answer to (`generation/constrained/calls.py`) says how a call is written; so whatever
follows the mark of a call can be read as one.
"""

import json
import secrets
from typing import Any

from groundup.generation.constrained.calls import opening
from groundup.tokenizer.templates import ToolForm


class Caller:
    """Reads one answer; gives deltas as OpenAI writes them."""

    def __init__(self, told: ToolForm):
        self.told, self.mark = told, opening(told).decode()
        self.apart = told.apart or ""
        self.begin = told.call[0].removeprefix(self.mark)
        self.read = self._said
        self.held, self.calls, self.depth = "", 0, 0
        self.quoted = self.escaped = self.spoke = False

    def push(self, text: str) -> list[dict[str, Any]]:
        """What more text tells."""
        self.held += text
        made: list[dict[str, Any]] = []
        while (found := self.read()) is not None:
            made += found
        return made

    def flush(self) -> list[dict[str, Any]]:
        """What was held back when the answer ended: text that might have been the beginning of a call."""
        rest, self.held = self.held, ""
        if not rest or self.calls or self.read != self._said:
            return []
        return [{"content": rest}]

    def _said(self) -> list[dict[str, Any]] | None:
        """Text up to the mark; what may be the beginning of the mark stays back."""
        if self.told.apart is None and (self.spoke or not self.held.startswith(self.mark[: len(self.held)])):
            return self._let_out(len(self.held))
        place = self.held.find(self.mark)
        if place >= 0:
            before = self.held[:place].removesuffix(self.apart)
            self.held, self.read = self.held[place + len(self.mark) :], self._name
            return [{"content": before}] if before and not self.calls else []
        mark = self.apart + self.mark
        begun = next((size for size in range(len(mark) - 1, 0, -1) if self.held.endswith(mark[:size])), 0)
        begun = max(
            begun, next((size for size in range(len(self.mark) - 1, 0, -1) if self.held.endswith(self.mark[:size])), 0)
        )
        return self._let_out(len(self.held) - begun)

    def _let_out(self, count: int) -> list[dict[str, Any]] | None:
        text, self.held = self.held[:count], self.held[count:]
        self.spoke = self.spoke or bool(text)
        return [{"content": text}] if text and not self.calls else None

    def _name(self) -> list[dict[str, Any]] | None:
        """The function's name, up to its arguments."""
        before, between, after = self.held.partition(self.told.call[1])
        if not between:
            return None
        self.held, self.read, self.depth = after, self._arguments, 0
        self.calls += 1
        function = {"name": json.loads(before.removeprefix(self.begin)), "arguments": ""}
        call = {
            "index": self.calls - 1,
            "id": f"call_{secrets.token_hex(12)}",
            "type": "function",
            "function": function,
        }
        return [{"tool_calls": [call]}]

    def _arguments(self) -> list[dict[str, Any]] | None:
        """The arguments, up to the brace that closes them."""
        for place, letter in enumerate(self.held):
            if self.quoted:
                self.quoted = self.escaped or letter != '"'
                self.escaped = letter == "\\" and not self.escaped
            elif letter == '"':
                self.quoted = True
            elif letter in "{}":
                self.depth += 1 if letter == "{" else -1
                if not self.depth:
                    text, self.held, self.read = self.held[: place + 1], self.held[place + 1 :], self._said_after
                    return self._more(text)
        text, self.held = self.held, ""
        return self._more(text) if text else None

    def _said_after(self) -> list[dict[str, Any]] | None:
        """What closes a call; after it another one may be opened."""
        if len(self.held) < len(self.told.call[2]):
            return None
        self.held, self.read = self.held.removeprefix(self.told.call[2]), self._said
        return []

    def _more(self, text: str) -> list[dict[str, Any]]:
        return [{"tool_calls": [{"index": self.calls - 1, "function": {"arguments": text}}]}]


def message_of(told: ToolForm, text: str) -> tuple[dict[str, Any], int]:
    """A whole answer as a message, and how many calls are in it."""
    caller = Caller(told)
    content, made = "", []
    for delta in [*caller.push(text), *caller.flush()]:
        content += delta.get("content", "")
        for call in delta.get("tool_calls", ()):
            if "id" in call:
                made.append({"id": call["id"], "type": call["type"], "function": dict(call["function"])})
            else:
                made[-1]["function"]["arguments"] += call["function"]["arguments"]
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if made else "")}
    return ({**message, "tool_calls": made} if made else message), len(made)
