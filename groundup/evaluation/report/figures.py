"""The report in numbers: report.json, with rates as fractions of one, seconds of work, and bytes.

Values stand by themselves and their intervals under the same names in `intervals`, so that a program that wants one number
finds it where it expects it.
"""

from typing import Any

from groundup.evaluation.report.gather import Facts, Findings

SHARES = ("attack_success", "secret_told", "over_refusal", "lookalikes_right")


def figures(found: Findings, own_seconds: float = 0.0) -> Facts:
    """Everything that was measured; `own_seconds` is what the report itself has taken so far."""
    last = list(found.models.values())[-1:]
    told: Facts = {
        "seconds": round(sum(stage.seconds for stage in found.stages.values()) + own_seconds, 1),
        "peak_mb": max((stage.peak_mb for stage in found.stages.values()), default=0.0),
        "parameters": last[0].parameters if last else 0,
        "tokens": found.tokens["train"]["tokens"] if found.tokens else 0,
        "tokens_per_second": {name: each.tokens_per_second for name, each in found.models.items()},
        "bits_per_byte": bits_per_byte(found),
    }
    if found.scores is not None:
        told |= _examined(found.scores)
    if mixed := {name: each.mixture["whole"] for name, each in found.models.items() if each.mixture}:
        told["mixture"] = mixed
    if found.contaminated is not None:
        told["contaminated"] = found.contaminated["told"]
    if found.cleaning is not None:
        told["cleaning"] = {
            kind: {"precision": row["precision"], "recall": row["recall"]}
            for kind, row in found.cleaning.items()
            if "precision" in row
        }
        told["good_pages_kept"] = _ratio(found.cleaning["good"]["kept"], found.cleaning["good"]["pages"])
    if found.price is not None:
        told["quantize"] = {found.price["kind"]: {name: value for name, value in found.price.items() if name != "kind"}}
    if found.export is not None:
        told["export"] = found.export
    if found.corpus is not None:
        told["documents"] = {"read": found.corpus["steps"][0]["documents_in"], "kept": found.corpus["documents"]}
    told["stages"] = {
        stage.name: {
            "kind": stage.kind,
            "fingerprint": stage.fingerprint,
            "seconds": stage.seconds,
            "peak_mb": stage.peak_mb,
            "bytes": stage.disk_bytes,
            "reads": stage.needs,
        }
        for stage in found.stages.values()
    }
    return told | {"machine": found.machine, "versions": found.versions, "commit": found.commit}


def bits_per_byte(found: Findings) -> dict[str, float]:
    """Of held-out text, for each model: as the examination measured it, else as its training did last."""
    told = {}
    for name, each in found.models.items():
        examined = (found.scores or {}).get(name, {}).get("bits_per_byte")
        curve = each.curve("bits_per_byte")
        if examined is not None or curve:
            told[name] = round(examined if examined is not None else curve[-1][1], 4)
    return told


def _examined(scores: Facts) -> Facts:
    told: Facts = {"accuracy": {}, **{name: {} for name in SHARES}}
    intervals: Facts = {"accuracy": {}, **{name: {} for name in SHARES}}
    for model, each in scores.items():
        told["accuracy"][model] = {kind: share["value"] for kind, share in each["accuracy"].items()}
        intervals["accuracy"][model] = {kind: _interval(share) for kind, share in each["accuracy"].items()}
        for name in SHARES:
            if name in each:
                told[name][model] = each[name]["value"]
                intervals[name][model] = _interval(each[name])
    told["copied"] = {model: each["copied"] for model, each in scores.items() if "copied" in each}
    told["exposure"] = {model: each["exposure"] for model, each in scores.items() if "exposure" in each}
    changes = {model: each["change"] for model, each in scores.items() if "change" in each}
    return {name: value for name, value in told.items() if value} | {"change": changes, "intervals": intervals}


def _interval(share: Facts) -> dict[str, Any]:
    return {"low": share["low"], "high": share["high"], "n": share["n"]}


def _ratio(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0
