"""What can be made with a model: tasks out of tasks, questions about passages, passages in other words.

Each kind gives items, asks for one (one call after another, where the second hangs on the first), and reads what was said.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Protocol

from groundup.data.synthetic.candidate import BROKEN, Candidate, Item, json_in
from groundup.data.synthetic.passages import passages
from groundup.data.synthetic.prompts import PROMPTS
from groundup.data.synthetic.speaker import Message, Said
from groundup.data.synthetic.written import text_of
from groundup.data.tokens.order import key
from groundup.errors import Problem

TOGETHER = 512  # items between two writings
ROUND = 64  # new tasks, before they are shown to the model as examples like the seeds
OWN_SHARE = 0.25  # of the examples shown are tasks that the model wrote (two of eight in Self-Instruct)
NUMBERED = re.compile(r"^\s*(?:(?:new )?task\s*\d*\s*[:.)-]|\d+\s*[:.)]|[-*]\s)\s*", re.I)
LABELLED = re.compile(r"question\s*:\s*(.+?)\s*\n+\s*answer\s*:\s*(.+)", re.I | re.S)


@dataclass(frozen=True)
class Task:
    """Something that somebody wanted done, and how it was done."""

    id: str
    instruction: str
    answer: str


class Asking(Protocol):
    """Puts one prompt of an item to the model; `call` tells an item's calls apart."""

    async def __call__(self, item: Item, prompt: str, text: str) -> Said: ...


class Kind(Protocol):
    """A kind of making; `known` are tasks that are there already, and need not be made again."""

    known: Sequence[Task]

    def rounds(self, kept: Sequence[Candidate]) -> Iterator[list[Item]]:
        """Items, some at a time; `kept` grows with what passed of those before."""
        ...

    async def ask(self, item: Item, asking: Asking) -> list[Said]: ...

    def read(self, item: Item, texts: Sequence[str]) -> Candidate: ...


class Questions:
    """A question about each passage and its answer; with the passage before it, or (closed book) without."""

    known: Sequence[Task] = ()

    def __init__(self, corpus: Path, count: int, words: int, seed: int, book: str):
        self.corpus, self.count, self.words, self.seed, self.book = corpus, count, words, seed, book

    def rounds(self, kept: Sequence[Candidate]) -> Iterator[list[Item]]:
        found = passages(self.corpus, self.words, self.count, self.seed)
        items = (Item(f"questions-{n:06}", "questions", "questions", passage) for n, passage in enumerate(found))
        while some := list(islice(items, TOGETHER)):
            yield some

    async def ask(self, item: Item, asking: Asking) -> list[Said]:
        assert item.passage is not None
        return [await asking(item, "questions", PROMPTS["questions"].filled(passage=item.passage.text))]

    def read(self, item: Item, texts: Sequence[str]) -> Candidate:
        assert item.passage is not None
        question, answer = _question(texts[0])
        made = Candidate(item, subject=question, answer=answer, asked=PROMPTS["questions"].bare)
        if not question or not answer:
            return made.refuse(BROKEN, f"no question with an answer in {texts[0][:80]!r}")
        before = f"{item.passage.text}\n\n" if self.book == "open" else ""
        made.messages = _exchange(before + question, answer)
        return made


class Rewriting:
    """Each passage in each of some styles."""

    known: Sequence[Task] = ()

    def __init__(self, corpus: Path, count: int, words: int, seed: int, styles: Sequence[str]):
        self.corpus, self.count, self.words, self.seed, self.styles = corpus, count, words, seed, styles

    def rounds(self, kept: Sequence[Candidate]) -> Iterator[list[Item]]:
        found = passages(self.corpus, self.words, -(-self.count // len(self.styles)), self.seed)
        items = (
            Item(f"rewrite-{n:06}-{style}", "rewrite", f"rewrite.{style}", passage)
            for n, passage in enumerate(found)
            for style in self.styles
        )
        items = islice(items, self.count)
        while some := list(islice(items, TOGETHER)):
            yield some

    async def ask(self, item: Item, asking: Asking) -> list[Said]:
        assert item.passage is not None
        return [await asking(item, item.prompt, PROMPTS[item.prompt].filled(passage=item.passage.text))]

    def read(self, item: Item, texts: Sequence[str]) -> Candidate:
        text = texts[0].strip()
        made = Candidate(item, text=text, subject=text, answer=text, asked=PROMPTS[item.prompt].bare)
        return made if text else made.refuse(BROKEN, "nothing was said")


class Instructions:
    """New tasks in the manner of solved ones, then their answers (Self-Instruct)."""

    def __init__(self, seeds: Path, count: int, seed: int, shown: int):
        self.known: Sequence[Task] = read_tasks(seeds)
        self.count, self.seed, self.shown = count, seed, shown

    def rounds(self, kept: Sequence[Candidate]) -> Iterator[list[Item]]:
        for first in range(0, self.count, ROUND):
            own = [Task(each.item.id, each.subject, each.answer) for each in kept]
            yield [self._item(number, own) for number in range(first, min(first + ROUND, self.count))]

    def _item(self, number: int, own: list[Task]) -> Item:
        chance = Random(key(self.seed, "shown", number))
        mine = min(len(own), round(self.shown * OWN_SHARE))
        examples = chance.sample(self.known, min(len(self.known), self.shown - mine)) + chance.sample(own, mine)
        chance.shuffle(examples)
        listed = "\n\n".join(f"Task {n}: {task.instruction}" for n, task in enumerate(examples, 1))
        return Item(
            f"instructions-{number:06}",
            "instructions",
            "instructions",
            None,
            {"tasks": listed},
            [t.id for t in examples],
        )

    async def ask(self, item: Item, asking: Asking) -> list[Said]:
        name = "instructions.task"
        first = await asking(item, name, PROMPTS[name].filled(**item.slots))
        if not (task := _task(first.text)):
            return [first]
        name = "instructions.answer"
        return [first, await asking(item, name, PROMPTS[name].filled(task=task))]

    def read(self, item: Item, texts: Sequence[str]) -> Candidate:
        task, answer = _task(texts[0]), texts[1].strip() if len(texts) > 1 else ""
        made = Candidate(item, _exchange(task, answer), subject=task, answer=answer, asked=task)
        return made if task and answer else made.refuse(BROKEN, f"no task with an answer in {texts[0][:80]!r}")


def read_tasks(path: Path) -> list[Task]:
    """Seeds: lines with `instruction` (perhaps `input`) and an answer, or with `messages` that begin with both."""
    files = [path] if path.is_file() else sorted(path.glob("*.jsonl"))
    tasks = []
    for file in files:
        for number, line in enumerate(text_of(file).splitlines(), 1):
            if line.strip():
                tasks.append(_read_task(line, f"{file.name}#{number}", f"{file}, line {number}"))
    if len(tasks) < 2:
        raise Problem(f"{path} holds {len(tasks)} tasks to begin with: expected a few, as JSON lines")
    return tasks


def _read_task(line: str, id: str, where: str) -> Task:
    try:
        told = json.loads(line)
        if "messages" in told:
            said = [message["content"] for message in told["messages"] if message["role"] in ("user", "assistant")]
            return Task(str(told.get("id", id)), str(said[0]), str(said[1]))
        instruction = "\n\n".join(filter(None, (told["instruction"], told.get("input"))))
        answer = next(told[name] for name in ("output", "response", "answer") if told.get(name))
        return Task(str(told.get("id", id)), instruction, str(answer))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, StopIteration):
        raise Problem(
            f'{where} is no solved task: expected {{"instruction": "…", "output": "…"}} or {{"messages": […]}}'
        ) from None


def _task(said: str) -> str:
    """The first task in what was said, without a number before it; what follows may be another, or its answer."""
    text = NUMBERED.sub("", said.strip(), count=1)
    return (
        re.split(r"\n\s*(?:(?:new )?task\s*\d*\s*:|answer\s*:|output\s*:)", text, maxsplit=1, flags=re.I)[0]
        .strip()
        .strip('"')
    )


def _question(said: str) -> tuple[str, str]:
    """Question and answer out of JSON, or out of lines that are called so."""
    if found := json_in(said):
        pair = found.get("question"), found.get("answer")
        return tuple(str(part).strip() if isinstance(part, str | int | float) else "" for part in pair)  # type: ignore[return-value]
    labelled = LABELLED.search(said)
    return (labelled[1].strip(), labelled[2].strip()) if labelled else ("", "")


def _exchange(asked: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
