"""Examples become a filter: texts that are known to be good, bad, toxic, or in some language teach a small classifier.

Leaves classifier.json and classifier.safetensors, which `{kind: learned}` and `{kind: languages}` read, report.json, and
report.md: what it looks for, how often it is right with held-out texts, and what each threshold would keep.
"""

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.data.filters.classifier import FeatureSettings, LearningSettings
from groundup.data.filters.graded import GradeSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

VERSION = 1
SEEDED = True
SPEED = 1.5e6  # characters/s that a core learns from in one round, with two labels
SHOWN = 2_000  # texts whose runs of words and characters are looked up by name
REPORTED = 30  # labels whose thresholds are told
WHOLE = ("texts", "accuracy", "macro_f1", "calibration_error")


class Settings(BaseSettings):
    """Where the examples come from, and how they are learnt."""

    labelled: list[Input] = Field([], description="JSON lines with a text and a label each")
    positive: list[Input] = Field([], description="files, folders, corpora that are all examples of `names[1]`")
    negative: list[Input] = Field([], description="and of `names[0]`: ordinary pages, for a filter of quality")
    scored: list[Input] = Field([], description="JSON lines with a text and a score each")
    ungraded: list[Input] = Field([], description="texts that `grade` asks a large model about")
    grade: GradeSettings | None = Field(None, description="the OpenAI-compatible endpoint that grades from 0 to 5")
    names: list[str] = Field(["negative", "positive"], min_length=2, max_length=2, description="the two labels")
    boundary: float = Field(3, description="the score from which a text is of `names[1]`")
    text: str = Field("text", description="the field of JSON lines that holds the text")
    label: str = Field("label", description="the field that holds the label")
    score: str = Field("score", description="the field that holds the score")
    most: int = Field(100_000, ge=10, description="texts of each label that are learnt from, at most")
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the texts kept apart, to measure with")
    pool: list[Input] = Field([], description="texts that are to be filtered: a `share` is then a share of these")
    features: FeatureSettings = Field(FeatureSettings.model_validate({}), description="what of a text is looked at")
    learning: LearningSettings = Field(LearningSettings.model_validate({}), description="how the weights are learnt")

    @model_validator(mode="after")
    def _there_are_examples(self) -> "Settings":
        if bool(self.positive) != bool(self.negative):
            raise ValueError("`positive` and `negative` belong together: name examples of both")
        if bool(self.ungraded) != bool(self.grade):
            raise ValueError("`ungraded` (the texts) and `grade` (the endpoint) belong together")
        if not (self.labelled or self.positive or self.scored or self.ungraded):
            raise ValueError("name examples: `labelled`, or `positive` and `negative`, or `scored`, or `ungraded`")
        return self


def run(settings: Settings, work: Work) -> None:
    """Gather, part, learn, measure, write."""
    from groundup.data.filters import classifier, examples
    from groundup.evaluation.report.of_classifier import page

    work.progress(0, 1, "texts", "reading the examples")
    chosen = examples.sampled(_examples(settings, work), settings.most)
    learnt, held = examples.parted(chosen, settings.held_out)
    if not learnt or not held:
        raise Problem(f"{len(chosen)} examples are too few to hold {settings.held_out:.0%} of them out; give more")
    found = classifier.fit(
        [example.text for example in learnt],
        [example.label for example in learnt],
        settings.features,
        settings.learning,
        work.seed,
        lambda done, total: work.progress(done, total, "texts", "learning"),
    )
    strange = sorted({example.label for example in held} - set(found.labels))
    if strange:
        raise Problem(f"all examples of {strange[0]!r} are held out; give more of them, or set held_out lower")
    report = _measured(found, learnt, held, settings, work)
    found.described.held_out.update(_short(report))
    found.save(work.out)
    write_atomically(work.out / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    write_atomically(work.out / "report.md", page(report))
    work.log(**{name: report[name] for name in WHOLE})


def _examples(settings: Settings, work: Work) -> "Iterable[Any]":
    from groundup.data.filters import examples

    names = settings.names[0], settings.names[1]
    sources: list[Iterable[Any]] = []
    if settings.labelled:
        sources.append(examples.labelled(settings.labelled, settings.text, settings.label))
    if settings.scored:
        given = settings.text, settings.score, settings.boundary, names
        sources.append(examples.scored(settings.scored, *given))
    if settings.positive:
        sources.append(examples.of_one_sort(settings.negative, names[0]))
        sources.append(examples.of_one_sort(settings.positive, names[1]))
    if settings.grade:
        sources.append(_graded(settings, settings.grade, work))
    return chain(*sources)


def _graded(settings: Settings, grade: GradeSettings, work: Work) -> "Iterable[Any]":
    from groundup.data.filters import examples, graded
    from groundup.data.synthetic.answers import Answers
    from groundup.data.synthetic.endpoint import Endpoint, key_in

    speaker = Endpoint(grade.endpoint, grade.model, key_in(grade.key, grade.endpoint), grade.seconds)
    speaker.place()
    work.note(endpoint=grade.endpoint)
    path = Path(grade.answers) if grade.answers else work.out / "answers.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    answers, texts = Answers(path), examples.plain(settings.ungraded)
    try:
        found = graded.graded(
            texts,
            grade,
            speaker,
            answers,
            work.stopping,
            lambda done: work.progress(done, grade.texts, "texts", "grading"),
        )
    finally:
        answers.close()
    work.log(graded=len(found), **answers.cost)
    if not found:
        raise Problem(f"no answer of {grade.model} holds a score as `grade.prompt` asks for it; see {path}")
    for text, score in found:
        yield examples.Example(text, settings.names[score >= settings.boundary])


def _measured(found: Any, learnt: list[Any], held: list[Any], settings: Settings, work: Work) -> dict[str, Any]:
    import numpy as np

    from groundup.data.filters import examples, telling
    from groundup.data.filters.classifier import PERCENTILES
    from groundup.evaluation.classification import classification, thresholds

    chances = found.chances_of([example.text for example in held])
    right = np.array([found.place(example.label) for example in held])
    pool = chances
    if settings.pool:
        texts = examples.sampled((examples.Example(text, "") for text in examples.plain(settings.pool)), settings.most)
        pool = found.chances_of([example.text for example in texts])
        if not len(pool):
            raise Problem(f"no texts are in the pool {', '.join(settings.pool)}")
    for n, label in enumerate(found.labels):
        percentiles = np.quantile(pool[:, n], np.linspace(0, 1, PERCENTILES))
        found.described.percentiles[label] = [round(float(value), 6) for value in percentiles]
    found.described.learnt_from.update(
        texts=len(learnt),
        held_out=len(held),
        seed=work.seed,
        sha256=examples.digest([*learnt, *held]),
    )
    report = classification(chances, right, found.labels)
    shown = [example.text for example in learnt[:: max(1, len(learnt) // SHOWN)]]
    words, runs = telling.telling_words(found, shown), telling.telling_runs(found, shown)
    for n, label in enumerate(found.labels):
        report["labels"][label] |= {"words": words[label], "runs": runs[label]}
        if len(found.labels) <= REPORTED:
            report["labels"][label]["thresholds"] = thresholds(chances[:, n], right == n, pool[:, n])
    return {"learnt_from": dict(found.described.learnt_from), "pool": len(pool) if settings.pool else 0, **report}


def _short(report: dict[str, Any]) -> dict[str, Any]:
    """What of a report the classifier carries with it."""
    told = ("texts", "precision", "recall", "f1", "auc")
    labels = {label: {name: row[name] for name in told} for label, row in report["labels"].items()}
    return {**{name: report[name] for name in WHOLE}, "calibration": report["calibration"], "labels": labels}


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Learning dominates; what is held in memory are the chosen texts, four bytes a character."""
    named = [*settings.labelled, *settings.positive, *settings.negative, *settings.scored, *settings.ungraded]
    size = sum(_size(Path(path)) for path in named) + sum(estimate.text_bytes for estimate in before.values())
    asked = settings.grade.texts * 2.0 if settings.grade else 0.0
    return Estimate(
        text_bytes=size,
        memory_bytes=int(300e6 + 6 * size + (16 << settings.features.bits)),
        disk_bytes=8 << settings.features.bits,
        seconds=3 + asked + settings.learning.rounds * size / SPEED,
    )


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
