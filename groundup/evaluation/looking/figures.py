"""The figures of a card: what was counted of the texts, and what the corpus stage told of its steps, put side by side."""

from collections.abc import Callable
from typing import Any

from groundup.errors import Problem
from groundup.evaluation.looking.clusters import sizes
from groundup.evaluation.looking.finished import CLUSTERS, Corpus
from groundup.evaluation.looking.tally import tally
from groundup.run import read_manifest

COPIES = {"exact": "duplicate", "near": "near_duplicate"}


def figures(corpus: Corpus, sample: int, seed: int, count: Callable[[str], int] | None = None) -> dict[str, Any]:
    """All of them, as card.json has them."""
    table = corpus.table
    read = table["steps"][0]["documents_in"] if table["steps"] else table["documents"]
    return {
        "name": corpus.name,
        "made": made(corpus),
        **tally(corpus, sample, seed, count).told(),
        "read": read,
        "removed": table["removed"],
        "steps": table["steps"],
        "redactions": table["redactions"],
        "skipped": table.get("skipped", {}),
        "copies": copies(corpus),
        "contamination": contamination(corpus),
    }


def copies(corpus: Corpus) -> dict[str, Any]:
    """How many documents went as copies, and how large the clusters of near ones were."""
    removed = {name: corpus.table["removed"].get(reason, 0) for name, reason in COPIES.items()}
    there = (corpus.folder / CLUSTERS).is_file()
    return {
        **removed,
        "clusters": [{"size": n, "clusters": many} for n, many in sizes(corpus).items()] if there else None,
    }


def contamination(corpus: Corpus) -> dict[str, Any] | None:
    """Of each set of questions, how many were found in the texts."""
    told = corpus.contamination
    if told is None:
        return None
    return {
        "then": told["then"],
        "documents": told["documents"],
        "sets": {
            name: {"items": each["items"], "contaminated": each["contaminated"], "too_short": len(each["too_short"])}
            for name, each in told["sets"].items()
        },
    }


def made(corpus: Corpus) -> dict[str, Any]:
    """By which settings, as far as the manifest is there to say."""
    try:
        manifest = read_manifest(corpus.folder)
    except Problem:
        return {}
    written = manifest.get("settings", {})
    kept = {name: written[name] for name in ("profile", "extractor", "repair") if name in written}
    return {"fingerprint": manifest.get("fingerprint", ""), **kept}
