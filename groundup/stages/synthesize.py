"""Data that nobody wrote: tasks out of tasks, questions about passages, passages in other words, templates filled from tables.

    groundup synthesize kind=rewrite corpus=RUN/corpus model.folder=RUN/chat styles='[plain, summary]' --into RUN/rewritten
    groundup synthesize kind=questions corpus=RUN/corpus model.url=http://127.0.0.1:8000 model.name=chat --into RUN/questions
    groundup synthesize kind=templates templates=sums.jsonl count=5000 --into RUN/sums

The model is one in a folder, or behind a server of OpenAI's API. Leaves `dialogues/train.jsonl` (for `conversations` of a training) or
`texts/train.jsonl` (for the corpus stage), each line with its provenance, `removed/removed.jsonl` with a reason for each line that
was held back, `report.json` and `table.txt`. What a model says again differs where its server's answers do.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from groundup import config
from groundup.config import Input
from groundup.data.synthetic.screens import ScreenSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.data.synthetic.kinds import Kind
    from groundup.data.synthetic.making import Judge, Lines
    from groundup.data.synthetic.speaker import Speaker

VERSION = 1
SEEDED = True
TOKENS = 300  # that an answer takes, before any is known
SPEED = 400.0  # tokens/s that a server writes for all who ask together, a careful guess
WANTED = {
    "instructions": ("seeds", "model"),
    "questions": ("corpus", "model"),
    "rewrite": ("corpus", "model"),
    "templates": ("templates",),
}


class Model(config.Settings):
    """A model that writes: behind an address, or in a folder."""

    url: str | None = Field(
        None, exclude=True, description="address of a server of OpenAI's API, e.g. http://127.0.0.1:8000"
    )
    name: str | None = Field(None, description="the model's name at that server")
    key: str | None = Field(
        None, exclude=True, description="name of the environment variable that holds the server's key"
    )
    folder: Input | None = Field(None, description="instead of `url`: the folder of a model, which is run here")

    @model_validator(mode="after")
    def _one_place(self) -> "Model":
        if (self.name is None) == (self.folder is None):
            raise ValueError("a model is reached by `url` and `name`, or lies in `folder`: give one of the two")
        if self.name is not None and not self.url:
            raise ValueError("`url` is missing: the address of the server that has the model")
        return self


class JudgeSettings(config.Settings):
    """A model that marks every answer from 1 to 5."""

    model: Model | None = Field(None, description="who judges; default: the model that writes")
    least: int = Field(4, ge=1, le=5, description="the mark from which an answer is kept")


class Settings(config.Settings):
    """What to make, of what, and with whom."""

    kind: Literal["instructions", "questions", "rewrite", "templates"] = Field(description="what is made")
    count: int = Field(1000, gt=0, description="how many to ask for; fewer remain where screens hold some back")
    corpus: Input | None = Field(None, description="the corpus stage's folder, for questions and rewrite")
    seeds: Input | None = Field(None, description="solved tasks (JSON lines), for instructions")
    templates: Input | None = Field(None, description="templates (JSON lines with {slots}), for templates")
    tables: dict[str, Input] = Field(
        default_factory=dict, description="tables (CSV, JSON lines) that templates fill from"
    )
    model: Model | None = Field(None, description="who writes")
    styles: list[Literal["plain", "textbook", "question-and-answer", "summary"]] = Field(
        ["plain", "textbook", "question-and-answer", "summary"], min_length=1, description="how passages are rewritten"
    )
    words: int = Field(250, ge=30, description="words of a passage at most")
    book: Literal["open", "closed"] = Field("open", description="questions with their passage before them, or without")
    shown: int = Field(4, ge=1, description="tasks that are shown to the model when it writes a new one")
    temperature: float = Field(0.7, ge=0, le=5, description="how freely words are drawn; 0: the likeliest each time")
    top_p: float = Field(0.95, gt=0, le=1, description="words are drawn from the likeliest that make up this share")
    max_tokens: int = Field(512, gt=0, description="longest answer")
    screens: ScreenSettings = Field(ScreenSettings.model_validate({}), description="what a made text must look like")
    protect: Input | None = Field(None, description="questions (JSONL) that nothing made may quote")
    judge: JudgeSettings | None = Field(None, description="let a model mark the answers; none: no marks")
    concurrency: int = Field(8, gt=0, le=1024, exclude=True, description="conversations on their way at once")
    seconds: float = Field(120.0, gt=0, exclude=True, description="longest wait for one answer")
    retries: int = Field(4, ge=0, exclude=True, description="new tries after an answer that failed")
    backoff: float = Field(
        1.0, gt=0, exclude=True, description="seconds before the first new try, twice as many each time"
    )


def run(settings: Settings, work: Work) -> None:
    """Ask, screen and write, or go on where an attempt was."""
    from groundup.data.copies.decontaminate import protect
    from groundup.data.synthetic.answers import Answers
    from groundup.data.synthetic.making import Lines
    from groundup.data.synthetic.screens import Screens, Seen

    if missing := [name for name in WANTED[settings.kind] if getattr(settings, name) is None]:
        raise Problem(
            f"synthesize with kind {settings.kind} needs `{missing[0]}`: {Settings.model_fields[missing[0]].description}"
        )
    screens = Screens(settings.screens, protect(settings.protect))
    answers = Answers(work.out / "answers.jsonl")
    before, began = answers.cost["tokens"], time.perf_counter()
    lines = Lines(work.out, _made(settings, work.seed))
    try:
        if settings.kind == "templates":
            _fill(settings, work, screens, lines)
        else:
            _ask(settings, work, screens, Seen(settings.screens.near), answers, lines)
    finally:
        lines.close()
        answers.close()
    told, cost = lines.report(), answers.cost
    if not any(each["kept"] for each in told.values()):
        raise Problem(_nothing(told, work.out))
    write_atomically(work.out / "report.json", json.dumps({"prompts": told, "cost": cost}, indent=1) + "\n")
    write_atomically(work.out / "table.txt", table(told))
    seconds = time.perf_counter() - began
    wrote = cost["tokens"] - before
    work.log(**cost, call_seconds=round(answers.seconds, 1), tokens_per_second=round(wrote / max(seconds, 1e-9), 1))
    answers.path.unlink()


def _ask(settings: Settings, work: Work, screens: Any, seen: Any, answers: Any, lines: "Lines") -> None:
    import asyncio

    from groundup.data.synthetic.making import Making

    assert settings.model is not None
    speaker = _speaker(settings.model, settings, work)
    kind = _kind(settings, work.seed)
    for task in kind.known:
        seen.add(task.id, task.instruction)
    making = Making(
        speaker, _sampling(settings), work.seed, answers, screens, seen, lines, _judge(settings, speaker, work)
    )

    def tell(done: int) -> None:
        note = f"{len(making.kept)} kept, {answers.cost['tokens']} tokens"
        work.progress(min(done, settings.count), settings.count, "items", note)

    asyncio.run(making.run(kind, settings.concurrency, work.stopping, tell))
    if making.silent and len(making.silent) == sum(sum(counts.values()) for counts in lines.counts.values()):
        raise Problem(f"not one answer came: {next(iter(making.silent.values()))}")


def _fill(settings: Settings, work: Work, screens: Any, lines: "Lines") -> None:
    """Templates need nobody: whatever is there twice goes, and nothing else is compared."""
    from groundup.data.synthetic import templates
    from groundup.data.synthetic.screens import Seen

    tables = {name: Path(path) for name, path in settings.tables.items()}
    read = templates.read(Path(settings.templates or ""), tables)
    seen = Seen(None)
    for number, candidate in enumerate(templates.made(read, settings.count, work.seed), 1):
        if work.stopping():
            raise KeyboardInterrupt
        lines.settle([screens.alone(candidate)], seen)
        work.progress(number, settings.count, "items")


def _kind(settings: Settings, seed: int) -> "Kind":
    from groundup.data.synthetic.kinds import Instructions, Questions, Rewriting

    if settings.kind == "instructions":
        return Instructions(Path(settings.seeds or ""), settings.count, seed, settings.shown)
    corpus = Path(settings.corpus or "")
    if settings.kind == "questions":
        return Questions(corpus, settings.count, settings.words, seed, settings.book)
    return Rewriting(corpus, settings.count, settings.words, seed, settings.styles)


def _speaker(model: Model, settings: Settings, work: Work) -> "Speaker":
    from groundup.data.synthetic.endpoint import Endpoint, key_in

    if model.folder is not None:
        return _local(model.folder, work)
    key = key_in(model.key, model.url)
    work.note(endpoint=model.url)
    made = Endpoint(model.url or "", model.name or "", key, settings.seconds, settings.retries, settings.backoff)
    made.place()
    return made


def _local(place: str, work: Work) -> "Speaker":
    import torch

    from groundup import generation, hardware
    from groundup.generation.speaking import Speaking
    from groundup.model import folder

    torch.set_num_threads(hardware.threads(work.machine))
    home = folder.within(place)
    model = generation.load(home)
    model.model.to(work.machine.device)
    return Speaking(model, Path(place).name)


def _judge(settings: Settings, speaker: "Speaker", work: Work) -> "Judge | None":
    from groundup.data.synthetic.making import Judge

    if settings.judge is None:
        return None
    other = settings.judge.model
    return Judge(_speaker(other, settings, work) if other else speaker, settings.judge.least)


def _sampling(settings: Settings) -> Any:
    from groundup.data.synthetic.speaker import Sampling

    return Sampling(settings.temperature, settings.top_p, settings.max_tokens)


def _made(settings: Settings, seed: int) -> dict[str, Any]:
    """What the provenance of all lines has in common."""
    if settings.model is None or settings.kind == "templates":
        return {"seed": seed}
    sampling = {name: getattr(settings, name) for name in ("temperature", "top_p", "max_tokens")}
    return {"model": settings.model.name or Path(settings.model.folder or "").name, "sampling": sampling, "seed": seed}


def table(told: dict[str, Any]) -> str:
    """For each prompt how many were asked for, kept, and held back by which screen."""
    reasons = list(dict.fromkeys(name for each in told.values() for name in each["removed"]))
    rows = [["prompt", "asked", "kept", *reasons]]
    for prompt, each in told.items():
        rows.append(
            [prompt, str(each["asked"]), str(each["kept"]), *(str(each["removed"].get(name, 0)) for name in reasons)]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


def _nothing(told: dict[str, Any], out: Path) -> str:
    reasons: dict[str, int] = {}
    for each in told.values():
        for name, count in each["removed"].items():
            reasons[name] = reasons.get(name, 0) + count
    said = ", ".join(f"{count} {name}" for name, count in reasons.items())
    return f"nothing is left of {sum(reasons.values())} answers: {said}; see {out / 'removed'}, or change `screens`"


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """So many answers of a usual length, each read and written once."""
    count, model = settings.count, before.get("model.folder", Estimate())
    if settings.kind == "templates":
        return Estimate(
            text_bytes=120 * count,
            documents=count,
            memory_bytes=120_000_000,
            disk_bytes=300 * count,
            seconds=0.5 + count / 5000,
        )
    calls = count * (2 if settings.kind == "instructions" else 1) * (2 if settings.judge else 1)
    tokens = calls * min(TOKENS, settings.max_tokens)
    return Estimate(
        text_bytes=4 * TOKENS * count,
        documents=count,
        tokens=tokens,
        flops=2.0 * model.parameters * tokens,
        memory_bytes=300_000_000 + 6 * model.parameters,
        disk_bytes=12 * TOKENS * count,
        seconds=1.0 + tokens / SPEED,
    )
