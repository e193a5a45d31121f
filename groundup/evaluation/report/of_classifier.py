"""A classifier's report as a page of Markdown that is read in two minutes: is it right, is it sure, what does it look for?"""

from collections.abc import Iterable
from typing import Any

MANY = 12  # labels that are told one by one with their thresholds


def page(report: dict[str, Any]) -> str:
    """From report.json of the stage `classifier`."""
    return (
        "\n".join([*_head(report), *_labels(report), *_telling(report), *_calibration(report), *_thresholds(report)])
        + "\n"
    )


def _head(report: dict[str, Any]) -> Iterable[str]:
    learnt = report["learnt_from"]
    yield "# Classifier"
    yield ""
    yield (
        f"Learnt from {learnt['texts']:,} texts, measured on {report['texts']:,} others: {report['accuracy']:.1%} right, "
        f"macro F1 {report['macro_f1']:.3f}. Chances are off by {report['calibration_error']:.1%} on average."
    )


def _labels(report: dict[str, Any]) -> Iterable[str]:
    rows = [
        [label, f"{told['texts']:,}", *(_share(told[name]) for name in ("precision", "recall")), _number(told["auc"])]
        for label, told in report["labels"].items()
    ]
    yield from ("", "## How often it is right", "")
    yield from _table(["label", "held-out texts", "precision", "recall", "AUC"], rows)


def _telling(report: dict[str, Any]) -> Iterable[str]:
    rows = [
        [label, *(" · ".join(_quoted(run) for run in told[what]) for what in ("words", "runs"))]
        for label, told in report["labels"].items()
    ]
    yield from ("", "## What it looks for", "", "The strongest first; in runs of characters `_` is a blank.", "")
    yield from _table(["label", "words that speak for it", "runs of characters"], rows)


def _calibration(report: dict[str, Any]) -> Iterable[str]:
    rows = [
        [f"{row['from']:.1f} to {row['to']:.1f}", f"{row['texts']:,}", _share(row["chance"]), _share(row["true"])]
        for row in report["calibration"]
    ]
    yield from ("", "## Is it as sure as it may be?", "", "Texts by the chance of the label that it gave them.", "")
    yield from _table(["chance", "texts", "mean chance", "right"], rows)


def _thresholds(report: dict[str, Any]) -> Iterable[str]:
    of = f"the {report['pool']:,} texts of the pool" if report["pool"] else "the held-out texts"
    for label, told in list(report["labels"].items())[:MANY]:
        if "thresholds" not in told or (len(report["labels"]) == 2 and label == next(iter(report["labels"]))):
            continue
        rows = [
            [f"{row['threshold']:.2f}", _share(row["precision"]), _share(row["recall"]), _share(row["kept"])]
            for row in told["thresholds"]
        ]
        yield from ("", f"## Thresholds for {label}", "", f"Kept is the share of {of}.", "")
        yield from _table(["chance from", "precision", "recall", "kept"], rows)


def _table(head: list[str], rows: list[list[str]]) -> Iterable[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _quoted(run: str) -> str:
    return "`" + run.replace("`", "'").replace("|", "¦") + "`"
