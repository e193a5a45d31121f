"""What is asked for and what came of it: items go to a model, candidates are read out of what it said.

A candidate that passes all screens becomes a line of the result with its provenance; one that does not is kept with the reason.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from groundup.data.synthetic.passages import Passage
from groundup.data.synthetic.speaker import Message

BROKEN = "broken"
FENCE = re.compile(r"^```\w*\s*|\s*```$")


@dataclass(frozen=True)
class Item:
    """One thing to be made: its name, how, and out of what."""

    id: str
    kind: str
    prompt: str  # the name of what is asked
    passage: Passage | None = None
    slots: dict[str, str] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)  # ids of the examples that the prompt shows


@dataclass
class Candidate:
    """What was read out of the answers to one item: a conversation or a text, and what the screens look at."""

    item: Item
    messages: list[Message] = field(default_factory=list)
    text: str = ""
    subject: str = ""  # what must differ from all others: the task, the question, or the text
    answer: str = ""  # what the model wrote in the end
    asked: str = ""  # what it must not repeat: the prompt without its passage
    finish: str = "stop"
    said: list[dict[str, Any]] = field(default_factory=list)  # every call, as the journal has it
    passed: list[str] = field(default_factory=list)
    score: int | None = None
    reason: str = ""
    detail: str = ""

    def refuse(self, reason: str, detail: str) -> "Candidate":
        """The same, on its way out."""
        self.reason, self.detail = reason, detail
        return self

    def line(self, made: dict[str, Any]) -> dict[str, Any]:
        """As it is written; `made` tells what all lines of a run have in common."""
        told: dict[str, Any] = {"id": self.item.id, "kind": self.item.kind}
        told |= (
            {"messages": self.messages}
            if self.messages
            else {"text": self.text, "source": f"synthetic/{self.item.prompt}"}
        )
        return told | {"made": self.provenance(made)}

    def provenance(self, made: dict[str, Any]) -> dict[str, Any]:
        """Where it comes from: prompts with their versions, model, sampling, seeds, the document, the screens it passed."""
        calls = [{name: call[name] for name in ("prompt", "version", "seed")} for call in self.said]
        told: dict[str, Any] = {"by": self.item.prompt, **made, "calls": calls, "passed": self.passed}
        if self.item.passage is not None:
            passage = self.item.passage
            told["document"] = {"id": passage.id, "sha256": passage.sha256, "passage": passage.number}
        if self.item.shown:
            told["shown"] = self.item.shown
        return told | ({"score": self.score} if self.score is not None else {})

    def removed(self, made: dict[str, Any]) -> dict[str, Any]:
        """As it is kept for whoever wants to know what was removed."""
        said = [call["text"] for call in self.said]
        return {**self.line(made), "reason": self.reason, "detail": self.detail, "said": said}


def json_in(text: str) -> dict[str, Any] | None:
    """The first object of JSON in what a model said, whatever stands around it."""
    text = FENCE.sub("", text.strip())
    start = text.find("{")
    while start >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(text[start:])
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        start = text.find("{", start + 1)
        if start > 4000:
            return None
    return None
