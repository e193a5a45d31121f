"""From items to lines: asked, read, screened, judged and compared, round after round, in the order of the items.

What was asked in which order shows nowhere: answers are kept by item, and screens see candidates in the order of their items.
So an attempt that was killed goes on from its answers to the same end.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from groundup.data.side_by_side import all_done
from groundup.data.synthetic.answers import Answers, asked
from groundup.data.synthetic.candidate import Candidate, Item
from groundup.data.synthetic.kinds import Kind
from groundup.data.synthetic.prompts import PROMPTS
from groundup.data.synthetic.screens import Screens, Seen, shared, supported
from groundup.data.synthetic.speaker import Said, Sampling, Silent, Speaker
from groundup.data.tokens.order import key

SILENT = "no answer"
MARK = re.compile(r"\b([1-5])\b")
PLACES = {"messages": "dialogues", "text": "texts"}


@dataclass(frozen=True)
class Judge:
    """A model that marks answers from 1 to 5, and the least that passes."""

    speaker: Speaker
    least: int
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=16)


@dataclass
class Making:
    """A run: who is asked and how, and what came of it so far."""

    speaker: Speaker
    sampling: Sampling
    seed: int
    answers: Answers
    screens: Screens
    seen: Seen
    lines: "Lines"
    judge: Judge | None = None
    kept: list[Candidate] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)  # item -> why no answer came

    async def run(
        self, kind: Kind, concurrency: int, stopping: Callable[[], bool], tell: Callable[[int], None]
    ) -> None:
        """Everything of a kind."""
        done = 0
        for items in kind.rounds(self.kept):
            await self._all(
                (self._answer(kind, item) for item in items), concurrency, stopping, partial(_further, tell, done)
            )
            found = [self.screens.alone(self._read(kind, item)) for item in items if item.id in self.answers.calls]
            if self.judge is not None:
                waiting = [candidate for candidate in found if not candidate.reason]
                await self._all((self._mark(candidate) for candidate in waiting), concurrency, stopping, lambda n: None)
            self.kept += self.lines.settle(found, self.seen)
            for item in items:
                if item.id in self.silent:
                    self.lines.remove(Candidate(item).refuse(SILENT, self.silent[item.id]))
            done += len(items)

    async def _all(
        self, tasks: Iterable[Any], concurrency: int, stopping: Callable[[], bool], tell: Callable[[int], None]
    ) -> None:
        """So many at a time; KeyboardInterrupt where somebody asked to stop, and what was on its way is dropped."""
        waiting, done = iter(tasks), 0

        async def work() -> None:
            nonlocal done
            for task in waiting:
                await task
                done += 1

        await all_done((work() for _ in range(concurrency)), stopping, lambda: tell(done))

    async def _answer(self, kind: Kind, item: Item) -> None:
        if item.id in self.answers.calls:
            return
        calls: list[dict[str, Any]] = []

        async def asking(item: Item, prompt: str, text: str) -> Said:
            messages = [{"role": "user", "content": text}]
            said, call = await self._say(self.speaker, messages, self.sampling, item.id, prompt)
            calls.append(call)
            return said

        try:
            await kind.ask(item, asking)
        except Silent as error:
            self.silent[item.id] = str(error)
            return
        self.answers.add(item.id, calls)

    async def _say(
        self, speaker: Speaker, messages: list[dict[str, str]], sampling: Sampling, item: str, prompt: str
    ) -> tuple[Said, dict[str, Any]]:
        """One call with a seed of its own, and what the journal says of it."""
        seed = key(self.seed, "say", item, prompt) >> 33
        said, call = await asked(speaker, messages, sampling, seed)
        return said, {"prompt": prompt, "version": PROMPTS[prompt].version} | call

    def _read(self, kind: Kind, item: Item) -> Candidate:
        calls = self.answers.calls[item.id]
        candidate = kind.read(item, [call["text"] for call in calls])
        candidate.said, candidate.finish = calls, calls[-1]["finish"]
        return candidate

    async def _mark(self, candidate: Candidate) -> None:
        """Let the judge say a number; an answer that it gives no number for is held back."""
        assert self.judge is not None
        name = f"{candidate.item.id}/judge"
        if name not in self.answers.calls:
            text = PROMPTS["judge"].filled(asked=_asked(candidate), answer=candidate.answer)
            messages = [{"role": "user", "content": text}]
            try:
                _, call = await self._say(self.judge.speaker, messages, self.judge.sampling, name, "judge")
            except Silent as error:
                candidate.refuse("judge", f"no mark: {error}")
                return
            self.answers.add(name, [call])
        mark = MARK.search(self.answers.calls[name][0]["text"])
        candidate.score = int(mark[1]) if mark else None
        if candidate.score is None or candidate.score < self.judge.least:
            candidate.refuse("judge", f"{candidate.score or 'no mark'}, at least {self.judge.least} is asked for")
        else:
            candidate.passed.append("judge")


def _further(tell: Callable[[int], None], before: int, done: int) -> None:
    tell(before + done)


def _asked(candidate: Candidate) -> str:
    """What a judge is told was asked: the last thing that a user says, or a rewriting's prompt with its passage."""
    if candidate.messages:
        return candidate.messages[-2]["content"]
    passage = candidate.item.passage
    return PROMPTS[candidate.item.prompt].filled(passage=passage.text if passage else "")


class Lines:
    """The files of a run: what is kept, by its form, and what was removed; and how many there are of each."""

    def __init__(self, out: Path, made: dict[str, Any]):
        self.out, self.made = out, made
        self.files: dict[str, IO[str]] = {}
        self.counts: dict[str, Counter[str]] = {}  # prompt -> "kept" or the reason -> how many
        self.shares: dict[str, list[tuple[float, float, float]]] = {}  # of what was kept: grounded, copied, length

    def settle(self, found: Iterable[Candidate], seen: Seen) -> list[Candidate]:
        """Compare what is left with all that was kept before, and write both sides down; what is kept comes back."""
        kept = []
        for candidate in found:
            if not candidate.reason:
                reason, other = seen.find(candidate.subject)
                if reason:
                    candidate.refuse(reason, f"of {other}")
            if candidate.reason:
                self.remove(candidate)
                continue
            candidate.passed += ["duplicate", "near_duplicate"] if seen.settings else ["duplicate"]
            seen.add(candidate.item.id, candidate.subject)
            kept.append(candidate)
            self.keep(candidate)
        return kept

    def keep(self, candidate: Candidate) -> None:
        """A line of the result."""
        place = PLACES["messages" if candidate.messages else "text"]
        self._write(f"{place}/train.jsonl", candidate.line(self.made))
        self._count(candidate, "kept")
        if candidate.item.passage is not None:
            text, passage = candidate.answer, candidate.item.passage.text
            size = len(text.split()) / max(1, len(passage.split()))
            self.shares.setdefault(candidate.item.prompt, []).append(
                (supported(text, passage), shared(text, passage), size)
            )

    def remove(self, candidate: Candidate) -> None:
        """A line of what was removed, with its reason."""
        self._write("removed/removed.jsonl", candidate.removed(self.made))
        self._count(candidate, candidate.reason)

    def close(self) -> None:
        for file in self.files.values():
            file.close()

    def report(self) -> dict[str, Any]:
        """For each prompt what was held back by which screen, and what the rest looks like."""
        told = {}
        for prompt, counts in sorted(self.counts.items()):
            asked = sum(counts.values())
            removed = {name: count for name, count in counts.most_common() if name != "kept"}
            told[prompt] = {"asked": asked, "kept": counts["kept"], "removed": removed}
            told[prompt]["kept_share"] = round(counts["kept"] / asked, 4)
            if shares := self.shares.get(prompt):
                names = ("grounded", "copied", "length")
                told[prompt]["median"] = {
                    n: round(_median(values), 3) for n, values in zip(names, zip(*shares, strict=True), strict=True)
                }
        return told

    def _count(self, candidate: Candidate, what: str) -> None:
        self.counts.setdefault(candidate.item.prompt, Counter())[what] += 1

    def _write(self, name: str, line: dict[str, Any]) -> None:
        if name not in self.files:
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            self.files[name] = open(self.out / name, "w", encoding="utf-8", errors="replace")
        self.files[name].write(json.dumps(line, ensure_ascii=False) + "\n")


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
