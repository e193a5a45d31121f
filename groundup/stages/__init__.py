"""The stages a text goes through, from invented pages to a report: each module turns folders into one folder.

A stage module has VERSION, SEEDED, Settings, `run(settings, work)` and `estimate(settings, before, machine)`; its top
is light, what is heavy is imported when it runs.
"""

from importlib import import_module
from types import ModuleType

from groundup.errors import Problem, did_you_mean

STAGES = {
    "invent": "groundup.stages.invent",
    "collect": "groundup.stages.collect",
    "corpus": "groundup.stages.corpus",
    "synthesize": "groundup.stages.synthesize",
    "classifier": "groundup.stages.classifier",
    "perplexity": "groundup.stages.perplexity",
    "tokenizer": "groundup.stages.tokenizer",
    "tokens": "groundup.stages.tokens",
    "letters": "groundup.stages.letters",
    "exercises": "groundup.stages.exercises",
    "train": "groundup.stages.train",
    "shootout": "groundup.stages.shootout",
    "measure": "groundup.stages.measure",
    "score": "groundup.stages.score",
    "evaluate": "groundup.stages.evaluate",
    "prune": "groundup.stages.prune",
    "quantize": "groundup.stages.quantize",
    "export": "groundup.stages.export",
    "report": "groundup.stages.report",
}


def load(kind: str) -> ModuleType:
    """The module of a kind of stage."""
    if kind not in STAGES:
        raise Problem(f"{kind} is not a kind of stage; {did_you_mean(kind, STAGES)}")
    return import_module(STAGES[kind])
