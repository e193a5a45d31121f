"""Everything that a report tells, read from the folders that the stages left; what is not there stays empty.

Stages that were not named but had a part in it are found through the manifests of those that were.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundup.data.synthetic import canaries
from groundup.data.synthetic.canaries import FILE as CANARIES
from groundup.data.tokens.mixed_report import FILE as MIXTURE
from groundup.errors import Problem
from groundup.run import read_manifest
from groundup.run.content import METRICS, home_of

Facts = dict[str, Any]


@dataclass
class Stage:
    """A finished stage as its manifest tells of it, and the names of what it read."""

    name: str
    kind: str
    fingerprint: str
    seconds: float
    peak_mb: float
    attempts: int
    disk_bytes: int
    needs: list[str]


@dataclass
class Training:
    """How one model came about."""

    objective: str
    parameters: int
    lines: list[Facts]  # of metrics.jsonl
    samples: list[Facts]
    mixture: Facts | None = None  # what was wished of each kind of text, and what was read

    def curve(self, name: str) -> list[tuple[float, float]]:
        """(step, value) wherever a metric was logged."""
        return [
            (line["step"], line[name])
            for line in self.lines
            if "step" in line and isinstance(line.get(name), int | float)
        ]

    @property
    def tokens_per_second(self) -> float:
        """The middle of all speeds that were logged."""
        speeds = sorted(value for _, value in self.curve("tokens_per_s"))
        return float(speeds[len(speeds) // 2]) if speeds else 0.0


@dataclass
class Findings:
    """What was found, by stage; None or empty for what a recipe does not have."""

    stages: dict[str, Stage] = field(default_factory=dict)  # what was read comes before who read it
    machine: Facts = field(default_factory=dict)
    versions: Facts = field(default_factory=dict)
    commit: str = ""
    town: Facts | None = None
    corpus: Facts | None = None
    tokenizer: Facts | None = None
    tokens: Facts | None = None
    models: dict[str, Training] = field(default_factory=dict)
    scores: Facts | None = None
    answers: list[Facts] = field(default_factory=list)
    cleaning: Facts | None = None
    contaminated: Facts | None = None
    canaries: dict[int, int] = field(default_factory=dict)  # how often a secret was put in -> how many such secrets
    price: Facts | None = None
    export: Facts | None = None


def gather(inputs: Mapping[str, str | None], models: Mapping[str, str]) -> Findings:
    """Read what lies at the inputs (town, corpus, tokenizer, tokens, evaluation, int8, export) and at the models."""
    places = {name: Path(path) for name, path in inputs.items() if path is not None}
    found = Findings()
    for place in (*places.values(), *map(Path, models.values())):
        _add_stage(place, found)
    found.models = {name: training(Path(path)) for name, path in models.items()}
    readers = {
        "town": ("town", "report.json"),
        "corpus": ("corpus", "table.json"),
        "tokenizer": ("tokenizer", "report.json"),
        "int8": ("price", "price.json"),
        "export": ("export", "check.json"),
    }
    for name, (where, file) in readers.items():
        if name in places:
            setattr(found, where, read_json(places[name] / file))
    if "tokens" in places:
        found.tokens = {part: read_json(places["tokens"] / part / "index.json") for part in ("train", "val")}
        if (places["tokens"] / CANARIES).exists():
            found.canaries = dict(sorted(Counter(each.repeats for each in canaries.read(places["tokens"])).items()))
    if "evaluation" in places:
        found.scores = read_json(places["evaluation"] / "scores.json")
        found.answers = read_lines(places["evaluation"] / "answers.jsonl")
        if (places["evaluation"] / "cleaning.json").exists():
            found.cleaning = read_json(places["evaluation"] / "cleaning.json")
        if (places["evaluation"] / "contaminated.json").exists():
            found.contaminated = read_json(places["evaluation"] / "contaminated.json")
    return found


def training(place: Path) -> Training:
    """What a training's folder tells: its curve, its samples, how large its model is."""
    from groundup.model.folder import WEIGHTS, within
    from groundup.model.safetensors import TensorFile

    home = home_of(place) or place
    objective, weights = "", within(place) / WEIGHTS
    if home_of(place):
        objective = str(read_manifest(home).get("settings", {}).get("objective", {}).get("kind", ""))
    shapes = [entry.shape for entry in TensorFile(weights).entries.values()] if weights.exists() else []
    lines, samples = read_lines(home / METRICS), read_lines(home / "samples.jsonl")
    mixture = read_json(home / MIXTURE) if (home / MIXTURE).exists() else None
    return Training(objective, sum(map(_product, shapes)), lines, samples, mixture)


def read_json(path: Path) -> Facts:
    """A JSON table that a stage wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Problem(f"there is no {path}: give the folder that the stage made") from None
    except ValueError as error:
        raise Problem(f"{path} is not JSON ({error}): remove its folder and make it again") from None


def read_lines(path: Path) -> list[Facts]:
    """JSON lines; none where there is no such file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _add_stage(place: Path, found: Findings) -> str | None:
    """Add the stage that `place` lies in after all that it read; its name."""
    home = home_of(place.resolve())
    if home is None:
        return None
    told = read_manifest(home)
    name = re.sub(r"-[0-9a-f]{12}$", "", home.name)
    if name in found.stages and found.stages[name].fingerprint != told["fingerprint"]:
        name = home.name  # another run's stage of the same name
    if name in found.stages:
        return name
    reads = [home.parent / read["path"] for read in told["inputs"].values()]
    needs = [need for need in (_add_stage(path, found) for path in reads if path.exists()) if need]
    found.stages[name] = Stage(
        name=name,
        kind=told["groundup"]["kind"],
        fingerprint=told["fingerprint"],
        seconds=float(told["seconds"]),
        peak_mb=float(told["peak_mb"]),
        attempts=int(told["attempts"]),
        disk_bytes=sum(file["size"] for file in told["files"].values()),
        needs=list(dict.fromkeys(needs)),
    )
    found.machine, found.versions, found.commit = told["machine"], told["versions"], told["commit"] or ""
    return name


def _product(numbers: Iterable[int]) -> int:
    total = 1
    for number in numbers:
        total *= number
    return total
