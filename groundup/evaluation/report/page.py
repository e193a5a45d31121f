"""The report as one page: sections in the order in which a text goes through the house, in a file that needs no other.

Sections whose stage is missing are left out. Templates escape whatever comes from data; the style and the few lines of
script are written into the page.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.evaluation.report import charts, of_canaries, of_exam, of_mixture, of_models, of_text
from groundup.evaluation.report.gather import Facts, Findings
from groundup.evaluation.report.wording import count, duration, many, percent, size

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent
TITLES = {
    "stages": "How it was made",
    "corpus": "Cleaning",
    "tokenizer": "Tokens",
    "mixture": "What was read",
    "training": "Learning",
    "exam": "Examination",
    "canaries": "Known by heart",
    "safety": "Safety",
    "price": "Smaller weights",
    "serve": "Put it to use",
}
TONES = 6


def page(found: Findings, figures: Facts, place: str = "DIR") -> str:
    """The page as HTML; `place` is how the folder of the whole run is called in commands."""
    names = [*found.models, *(name for name in found.scores or {} if name not in found.models)]
    tones = {name: f"t{number % TONES}" for number, name in enumerate(names)}
    told: dict[str, Any] = {
        "corpus": of_text.corpus(found),
        "tokenizer": of_text.tokenizer(found),
        "mixture": of_mixture.mixtures(found),
        "training": of_models.training(found, tones),
        "exam": of_exam.exam(found, tones),
        "canaries": of_canaries.canaries(found, tones),
        "safety": of_exam.safety(found, tones),
        "price": of_models.price(found),
        "serve": of_models.serve(found, place),
        "stages": stages(found),
    }
    sections = {name: title for name, title in TITLES.items() if told[name]}
    arcs = charts.arcs(list(found.stages), {stage.name: stage.needs for stage in found.stages.values()})[0]
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            told,
            title="From raw pages to a model that answers"
            if found.town
            else "A language model made from your own texts",
            lead=lead(found, figures),
            key=key(found, figures),
            sections=sections,
            number={name: f"{number:02}" for number, name in enumerate(sections, 1)},
            tones=tones,
            arcs=arcs,
            cost=cost(found, figures),
            colophon=colophon(found),
        )
    )


def environment() -> "Environment":
    """Where templates are found, and that they escape what they are given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    ways: dict[str, Any] = {
        "autoescape": True,
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    return Environment(loader=FileSystemLoader(TEMPLATES), **ways)


def lead(found: Findings, figures: Facts) -> str:
    """The run in two sentences."""
    told = []
    if found.corpus is not None:
        documents = figures["documents"]
        pages = "raw web pages of an invented town" if found.town else "documents"
        told.append(f"{count(documents['read'])} {pages} were cleaned to {count(documents['kept'])}")
    if found.tokenizer is not None:
        told.append(f"a tokenizer of {found.tokenizer['size']:,} tokens was trained on them")
    if found.models:
        were = "were" if len(found.models) > 1 else "was"
        size_of = f"{count(figures['parameters'])} parameters"
        told.append(f"{many(len(found.models), 'model')} of {size_of} {were} trained from nothing")
    words = (
        ", ".join(told[:-1]) + (" and " if len(told) > 1 else "") + told[-1] if told else "What the stages left behind"
    )
    words = words[0].upper() + words[1:]
    if found.stages:
        cpus = found.machine.get("cpus")
        on = f" on {many(cpus, 'processor core')}" if found.machine.get("device") == "cpu" and cpus else ""
        words += f": {duration(figures['seconds'])} of work{on}"
    return words + "."


def key(found: Findings, figures: Facts) -> list[tuple[str, str]]:
    """A handful of numbers that say the most."""
    told: list[tuple[str, str]] = []
    if found.stages:
        told.append((duration(figures["seconds"]), "from the first page to this one"))
    if found.models:
        told.append((count(figures["parameters"]), "parameters"))
    if found.tokens:
        told.append((count(figures["tokens"]), "tokens of clean text to learn from"))
    accuracy = figures.get("accuracy", {})
    for kind, words in (("reading_one", "on a story never seen, one fact"), ("reading_two", "and two facts")):
        best = max(accuracy, key=lambda name: accuracy[name].get(kind, -1), default=None)
        if best is not None and kind in accuracy[best]:
            told.append((percent(accuracy[best][kind]), f"{words} ({best})"))
    if found.scores and "attack_success" in figures:
        last = list(figures["attack_success"])[-1]
        told.append((percent(figures["attack_success"][last]), f"of attacks get a secret from {last}"))
    bits = figures["bits_per_byte"]
    if bits and len(told) < 6:
        name = next(iter(bits))
        told.append((f"{bits[name]:.2f}", f"bits for each byte of unseen text ({name})"))
    return told


def stages(found: Findings) -> list[Facts]:
    """Each stage as a row beside its arcs."""
    longest = max((stage.seconds for stage in found.stages.values()), default=0) or 1
    return [
        {
            "name": stage.name,
            "kind": stage.kind,
            "fingerprint": stage.fingerprint,
            "share": round(100 * stage.seconds / longest, 2),
            "seconds": duration(stage.seconds),
            "memory": size(stage.peak_mb * 1e6),
            "disk": size(stage.disk_bytes),
        }
        for stage in found.stages.values()
    ]


def cost(found: Findings, figures: Facts) -> str:
    """What the run took from the machine."""
    cores = found.machine.get("cpus") or 1
    told = f"In all {duration(figures['seconds'])} of work on {many(cores, 'core')}, {size(figures['peak_mb'] * 1e6)} of memory at most"
    resumed = [stage.name for stage in found.stages.values() if stage.attempts > 1]
    return told + (f"; interrupted and resumed: {', '.join(resumed)}." if resumed else ".")


def colophon(found: Findings) -> dict[str, str]:
    """On what, with what."""
    machine = found.machine
    told: dict[str, str] = {}
    if machine:
        extras = [
            name for name, there in (("AMX", machine.get("amx")), ("AVX-512 BF16", machine.get("avx512_bf16"))) if there
        ]
        device = ", ".join(machine.get("gpus") or []) or f"{machine.get('cpu')}, {machine.get('cpus')} cores"
        told["machine"] = ", ".join([device, *extras])
        told["memory"] = size(machine.get("memory_bytes", 0))
        told["system"] = f"{machine.get('system')} {machine.get('arch')}"
    told |= {"versions": ", ".join(f"{name} {version}" for name, version in found.versions.items() if version)}
    return {name: value for name, value in (told | {"commit": found.commit}).items() if value}
