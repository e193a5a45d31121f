"""Examination as a stage: models and questions go in; scores with intervals and every answer come out.

By hand, for any model that can be loaded and any questions:

    groundup evaluate models.mine=PATH questions=FILE --into DIR

The folder gets `scores.json`, `answers.jsonl` (each question with every model's answer) and, where a cleaned corpus and
the sealed truth about its pages are given, `cleaning.json`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.evaluation.questions import Attack, Lookalike, Question
    from groundup.evaluation.tasks import Examination

VERSION = 1
SEEDED = False
PROMPT_TOKENS = 300  # of a question with its examples, where nobody has counted
WINDOWS = 128  # of held-out text on which bits per byte are measured


class Settings(config.Settings):
    """Put the same questions to one or more models."""

    models: dict[str, Input] = Field(
        min_length=1, description="name of each model and its folder; each is compared with the one before it"
    )
    questions: Input = Field(description="questions as JSON lines: a file, or a folder with test.jsonl")
    attacks: Input | None = Field(
        default=None, description="attempts to get a secret, and beside them lookalikes.jsonl: a file, or their folder"
    )
    corpus: Input | None = Field(default=None, description="the cleaned corpus, to be held against `sealed`")
    sealed: Input | None = Field(default=None, description="the truth about each page: a folder with pages.parquet")
    contamination: Input | None = Field(
        default=None, description="a corpus made with `protect`: says which questions the text quotes"
    )
    tokens: Input | None = Field(
        default=None, description="tokens: for bits per byte, and to see what was copied, or is known of canaries"
    )
    limit: int | None = Field(default=None, gt=0, description="ask only about so many questions, and attacks")


def run(settings: Settings, work: Work) -> None:
    """Read all that is asked before any model is loaded; then one model after the other."""
    from groundup.evaluation.cleaning import cleaning
    from groundup.evaluation.questions import read_attacks, read_lookalikes, read_questions

    if (settings.corpus is None) != (settings.sealed is None):
        raise Problem("evaluate needs `corpus` and `sealed` together: what was kept, and the truth about it.")
    questions = read_questions(settings.questions, settings.limit)
    quoted = _quoted(settings, questions)
    attacks, lookalikes = [], []
    if settings.attacks is not None:
        attacks = read_attacks(settings.attacks, settings.limit)
        lookalikes = read_lookalikes(settings.attacks, settings.limit)
    if settings.corpus is not None and settings.sealed is not None:
        write_atomically(work.out / "cleaning.json", _json(cleaning(settings.corpus, settings.sealed)))
    found = {
        name: _examined(name, settings, questions, attacks, lookalikes, work, number)
        for number, name in enumerate(settings.models)
    }
    _compare(questions, found)
    if quoted is not None:
        write_atomically(work.out / "contaminated.json", _json(_unquoted(questions, quoted, found)))
    write_atomically(work.out / "scores.json", _json({name: each.scores for name, each in found.items()}))
    lines = [json.dumps(line, ensure_ascii=False) for line in _answers(questions, attacks, lookalikes, found)]
    write_atomically(work.out / "answers.jsonl", "\n".join(lines) + "\n")


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Reading the prompts dominates; a base model reads them twice."""
    from groundup.model.cost import flops_per_second

    models = [told for name, told in before.items() if name.startswith("models.")]
    weights = sum(told.parameters for told in models) or 1_000_000 * len(settings.models)
    asked = settings.limit or 2_500
    flops = 1.5 * 2.0 * weights * asked * PROMPT_TOKENS
    return Estimate(
        documents=asked,
        flops=flops,
        memory_bytes=700_000_000 + 4 * max((told.parameters for told in models), default=0),
        disk_bytes=2_000 * asked,
        seconds=3.0 + 3 * flops / flops_per_second(machine),
    )


def _examined(
    name: str,
    settings: Settings,
    questions: "list[Question]",
    attacks: "list[Attack]",
    lookalikes: "list[Lookalike]",
    work: Work,
    number: int,
) -> "Examination":
    """Everything that is measured of one model."""
    import time

    import torch

    from groundup.evaluation.asking import load
    from groundup.evaluation.tasks import examine

    subject = load(settings.models[name])
    subject.model.to(work.machine.device)
    torch.set_num_threads(max(1, work.machine.threads))
    each = len(questions) + len(attacks) + len(lookalikes)
    total = each * len(settings.models)
    start = time.perf_counter()

    def done(answered: int) -> None:
        if work.stopping():
            raise KeyboardInterrupt
        work.progress(min(each * number + answered, total), total, "answers", name)

    found = examine(subject, questions, attacks, lookalikes, done)
    if settings.tokens is not None:
        found.scores |= _read(subject, Path(settings.tokens))
    work.log(model=name, questions=each, examined_in=round(time.perf_counter() - start, 3))
    work.progress(each * (number + 1), total, "answers", name)
    return found


def _read(subject: Any, tokens: Path) -> dict[str, Any]:
    """Bits per byte of the held-out text, and how much of the training text comes back in what the model writes."""
    from groundup.data.tokens.shards import Shards
    from groundup.evaluation import exposure, memorised
    from groundup.generation.measure import bits_per_byte

    train, held_out = Shards(tokens / "train"), Shards(tokens / "val")
    bits = bits_per_byte(subject.model, held_out, WINDOWS, min(subject.model.settings.context, 512))
    told = {"bits_per_byte": round(bits, 6), "copied": memorised.shares(subject, train.tokens, held_out.tokens)}
    return told | exposure.of_folder(subject, tokens)


def _compare(questions: "list[Question]", found: "dict[str, Examination]") -> None:
    """Add to each model's scores how its answers changed since the model before it."""
    from groundup.evaluation.tasks import changes

    names = list(found)
    for before, after in zip(names, names[1:], strict=False):
        found[after].scores["change"] = {"since": before} | changes(questions, found[before], found[after])


def _quoted(settings: Settings, questions: "list[Question]") -> list[str] | None:
    """The ids of questions that the text of a corpus quotes, where a report says so."""
    from groundup.data.copies.contamination import contaminated

    if settings.contamination is None:
        return None
    return contaminated(Path(settings.contamination), [question.id for question in questions])


def _unquoted(questions: "list[Question]", quoted: list[str], found: "dict[str, Examination]") -> dict[str, Any]:
    """How many questions the training text quotes, and how each model does with the others."""
    clean = [question.id for question in questions if question.id not in set(quoted)]
    rights = {name: sum(each.verdicts["written"][id].right for id in clean) for name, each in found.items()}
    told = f"contaminated {len(quoted)} of {len(questions)}"
    accuracy = {name: round(right / max(1, len(clean)), 6) for name, right in rights.items()}
    return {"told": told, "contaminated": quoted, "questions": len(questions), "accuracy_of_the_clean": accuracy}


def _answers(
    questions: "list[Question]", attacks: "list[Attack]", lookalikes: "list[Lookalike]", found: "dict[str, Examination]"
) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for question in questions:
        replies = {
            name: {"text": verdict.text, "right": verdict.right, "form": verdict.form}
            for name, verdict in ((name, each.verdicts["written"][question.id]) for name, each in found.items())
        }
        asked = {"id": question.id, "kind": question.kind, "prompt": question.messages(len(question.shots))}
        lines.append(asked | {"answers": question.answers, "answer": question.answer, "replies": replies})
    for attack in attacks:
        replies = {name: each.attacks[attack.id] for name, each in found.items()}
        asked = {"id": attack.id, "kind": "attack", "template": attack.template, "prompt": attack.prompt}
        lines.append(asked | {"secret": attack.secret, "replies": replies})
    for lookalike in lookalikes:
        replies = {name: each.attacks[lookalike.id] for name, each in found.items()}
        asked = {"id": lookalike.id, "kind": "lookalike", "prompt": lookalike.prompt, "answers": lookalike.answers}
        lines.append(asked | {"replies": replies})
    return lines


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
