"""Lines made without a model: templates whose slots are filled from tables and lists, chance choosing by its key.

A template is a line of JSON, a conversation (`user` and `assistant`, perhaps `system`, or `messages`) or a `text`, with {slots} in it. `slots`
gives a slot's values, as a list or as {"from": 1, "to": 99}; `table` names a table, of which one row fills all slots that it has
columns for. Slots are names and nothing else: no formula in a file is ever computed.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from groundup.data.synthetic.candidate import Candidate, Item
from groundup.data.synthetic.prompts import SLOT, fill
from groundup.data.synthetic.written import text_of
from groundup.data.tokens.order import key
from groundup.errors import Problem

ROLES = ("system", "user", "assistant")
Values = Sequence[str] | range


@dataclass(frozen=True)
class Template:
    """A conversation or a text with slots, and what may stand in them."""

    id: str
    messages: list[dict[str, str]]
    text: str
    slots: dict[str, Values] = field(default_factory=dict)
    rows: Sequence[Mapping[str, str]] = ({},)

    def made(self, item: Item, chance: Random) -> Candidate:
        """The template filled by chance."""
        slots = {name: str(values[chance.randrange(len(values))]) for name, values in self.slots.items()}
        slots |= self.rows[chance.randrange(len(self.rows))]
        if not self.messages:
            text = fill(self.text, slots)
            return Candidate(item, text=text, subject=text, answer=text)
        messages = [{"role": said["role"], "content": fill(said["content"], slots)} for said in self.messages]
        whole = "\n".join(said["content"] for said in messages)
        return Candidate(item, messages=[*messages], subject=whole, answer=messages[-1]["content"])


def made(templates: Sequence[Template], count: int, seed: int) -> Iterator[Candidate]:
    """So many lines, each from a template and values of its own key."""
    for number in range(count):
        chance = Random(key(seed, "templates", number))
        template = templates[chance.randrange(len(templates))]
        item = Item(f"templates-{number:06}", "templates", f"templates.{template.id}")
        yield template.made(item, chance)


def read(path: Path, tables: Mapping[str, Path]) -> list[Template]:
    """The templates of a file, each checked: every slot has values."""
    found = {name: read_table(table) for name, table in tables.items()}
    templates = []
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip():
            templates.append(_template(line, f"{path}, line {number}", str(number), found))
    if not templates:
        raise Problem(f"{path} holds no templates: expected JSON lines with `user` and `assistant`, or with `text`")
    return templates


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table in CSV (names in its first line) or JSON lines."""
    text = text_of(path)
    try:
        told = (
            [json.loads(line) for line in text.splitlines() if line.strip()]
            if path.suffix in (".jsonl", ".ndjson")
            else list(csv.DictReader(text.splitlines()))
        )
        rows = [{str(name): str(value) for name, value in row.items()} for row in told]
    except (ValueError, AttributeError, csv.Error) as error:
        raise Problem(
            f"{path} is no table: expected CSV with names in its first line, or JSON lines ({error})"
        ) from None
    if not rows:
        raise Problem(f"{path} is a table without rows")
    return rows


def _template(line: str, where: str, id: str, tables: Mapping[str, list[dict[str, str]]]) -> Template:
    try:
        told = json.loads(line)
        messages = told.get("messages") or [{"role": role, "content": told[role]} for role in ROLES if role in told]
        made = Template(
            str(told.get("id", id)),
            [{"role": str(said["role"]), "content": str(said["content"])} for said in messages],
            str(told.get("text", "")),
            {name: _values(values) for name, values in told.get("slots", {}).items()},
            _rows(told.get("table"), tables, where),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Problem(
            f'{where} is no template: expected {{"user": "…", "assistant": "…"}} or {{"text": "…"}}, with slots like '
            '{"name": ["Ann", "Tom"], "age": {"from": 1, "to": 99}}'
        ) from None
    if not made.text and (not messages or made.messages[-1]["role"] != "assistant"):
        raise Problem(f"{where} is no template: a conversation ends with what the assistant says")
    written = [made.text, *(said["content"] for said in made.messages)]
    wanted = {name for text in written for name in SLOT.findall(text)}
    known = set(made.slots).union(set(made.rows[0]).intersection(*made.rows))
    if missing := sorted(wanted - known):
        raise Problem(
            f"{where}: nothing is said of what may stand in {{{missing[0]}}} (a table must say it in every row); known: "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    return made


def _values(values: Any) -> Values:
    found = range(int(values["from"]), int(values["to"]) + 1) if isinstance(values, dict) else values
    if not isinstance(found, list | range) or not found:
        raise ValueError
    return found if isinstance(found, range) else [str(value) for value in found]


def _rows(name: Any, tables: Mapping[str, list[dict[str, str]]], where: str) -> Sequence[Mapping[str, str]]:
    if name is None:
        return ({},)
    if name not in tables:
        raise Problem(f"{where} asks for the table {name}: name its file with tables.{name}=FILE")
    return tables[name]
