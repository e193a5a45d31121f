"""What the report tells of canaries: secrets that were put into the text, and how well each model knows them by heart.

Exposures come from the examination's scores; that there are canaries at all, from the tokens' own list.
"""

import math

from groundup.evaluation.report.charts import Curve, curves
from groundup.evaluation.report.gather import Facts, Findings
from groundup.evaluation.report.wording import many

CHANCE = math.log2(math.e)  # bits of a model that never saw the secret, on average


def canaries(found: Findings, tones: dict[str, str]) -> Facts | None:
    """A curve for each model over how often a secret was read, and the same as a table."""
    exposed = {model: each["exposure"] for model, each in (found.scores or {}).items() if "exposure" in each}
    if not exposed and not found.canaries:
        return None
    lead = (
        "Random numbers were hidden in the text, each a known number of times. A model that finds the true one likelier than "
        "all others that might have stood there knows it from reading. "
    )
    if not exposed:
        put = ", ".join(f"{many(count, 'secret')} {_times(times)}" for times, count in found.canaries.items())
        asked = "No examination has asked for them: name the tokens in evaluate."
        return {"lead": f"{lead}Into these tokens were put: {put}. {asked}", "models": []}
    times = sorted({int(repeats) for each in exposed.values() for repeats in each["repeats"]})
    possible = max(each["possible"] for each in exposed.values())
    return {
        "lead": lead
        + f"Chance gives {CHANCE:.1f} bits of exposure, and {possible:.0f} are the most there are: the true "
        f"one comes before {2**possible - 1:,.0f} others.",
        "models": list(exposed),
        "chart": _chart(exposed, times, possible, tones),
        "rows": [
            _row(_times(repeats), [each["repeats"].get(str(repeats)) for each in exposed.values()]) for repeats in times
        ],
    }


def _times(repeats: int) -> str:
    return "once" if repeats == 1 else f"{repeats:,} times"


def _row(times: str, found: list[Facts | None]) -> Facts:
    cells = [
        {"value": f"{told['mean']:.1f} bits", "words": f"at most {told['most']:.1f}"}
        if told
        else {"value": "", "words": ""}
        for told in found
    ]
    secrets = max(told["secrets"] for told in found if told)
    return {"times": times, "secrets": many(secrets, "secret"), "cells": cells}


def _chart(exposed: dict[str, Facts], times: list[int], possible: float, tones: dict[str, str]):
    places = {repeats: float(place) for place, repeats in enumerate(times)}
    ends = (0.0, float(max(1, len(times) - 1)))
    lines = [
        Curve("by heart", "t5", [(x, possible) for x in ends], dashed=True, words=["the most there is"] * 2),
        Curve("chance", "t5", [(x, CHANCE) for x in ends], dashed=True, words=["a model that never saw it"] * 2),
    ]
    for model, each in exposed.items():
        points = [(places[n], each["repeats"][str(n)]["mean"]) for n in times if str(n) in each["repeats"]]
        words = [f"read {_times(n)}" for n in times if str(n) in each["repeats"]]
        lines.append(Curve(model, tones[model], points, words=words))
    marked = [(places[repeats], f"{repeats:,}") for repeats in times]
    return curves(lines, "times read", "bits of exposure", "exposure by how often a secret was read", marked, 400, 200)
