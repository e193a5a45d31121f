"""A tokenizer's own report as one page: what it makes of texts, beside other tokenizers, and each text to click through.

The figures are those of `tokenizer/report/study.py`; the page needs no other file.
"""

import json
import math
from pathlib import Path
from typing import Any

from markupsafe import Markup

from groundup.evaluation.report import charts
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, many, percent, size
from groundup.tokenizer import report as view

TITLES = {
    "look": "Token by token",
    "texts": "Texts",
    "languages": "The same words in other languages",
    "words": "What costs most",
    "tokens": "The vocabulary",
    "sizes": "Larger or smaller",
}
OWN = "this one"


def page(told: Facts, name: str, width: int, context: int) -> str:
    """The page as HTML; `width` of the embedding and `context` in tokens say what a size costs."""
    names = [OWN, *told["others"]]
    tones = {each: f"t{number % 6}" for number, each in enumerate(names)}
    sections = {key: title for key, title in TITLES.items() if key != "sizes" or told["sizes"]}
    return (
        environment()
        .get_template("tokenizer.html.jinja")
        .render(
            name=name,
            lead=lead(told, name),
            key=key(told),
            sections=sections,
            number={key: f"{number:02}" for number, key in enumerate(sections, 1)},
            tones=tones,
            samples=[each["name"] for each in told["samples"]["texts"]],
            data=data(told["samples"]),
            view={name: asset(name) for name in ("view.js", "view.css")},
            texts=texts(told),
            scripts=scripts(told),
            languages=languages(told, names),
            words=told["words"],
            tokens=told["tokens"],
            rows=rows_of(told["sizes"], width, context),
            sizes=pictures(told["sizes"], width),
            width=width,
            context=context,
            count=count,
            percent=percent,
            colophon=colophon(told),
        )
    )


def asset(name: str) -> Markup:
    """A file of the view of tokens, to be written into the page."""
    return Markup(Path(view.__file__).with_name(name).read_text(encoding="utf-8"))


def data(samples: Facts) -> Markup:
    """The samples as JSON that no text can break out of."""
    written = json.dumps(samples, ensure_ascii=False)
    for sign in "<>&\u2028\u2029":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(written)


def lead(told: Facts, name: str) -> str:
    """The tokenizer in two sentences."""
    whole = told["all"]
    cut = f", words cut by the pattern {told['pattern']}" if told["pattern"] and len(told["pattern"]) < 20 else ""
    return (
        f"{name} is a tokenizer of kind {told['kind']} with {told['vocabulary']:,} ids{cut}. It was read "
        f"{many(whole['documents'], 'document')} with {size(whole['bytes'])} of text, which it turned into {count(whole['tokens'])} tokens."
    )


def key(told: Facts) -> list[tuple[str, str]]:
    """The numbers that say the most."""
    whole, tokens = told["all"], told["tokens"]
    found = [
        (f"{whole['bytes_per_token']:.2f}", "bytes for each token"),
        (f"{whole['fertility']:.2f}", "tokens for each word"),
        (percent(whole["whole"]), "of words stay whole"),
        (count(tokens["unused"]), f"of {told['size']:,} tokens unused here"),
        (count(tokens["half"]), "tokens make up half of the text"),
    ]
    if whole["unknown"]:
        found.append((count(whole["unknown"]), "times something it does not know"))
    return found


def texts(told: Facts) -> list[Facts]:
    """A row for each group, and one for all; who loses text is never the best."""
    groups = told["groups"] | ({"all": told["all"]} if len(told["groups"]) > 1 else {})
    best = max([*(each["bytes_per_token"] for each in groups.values()), *others_of(told)], default=1)
    rows = []
    for group, own in groups.items():
        found = {OWN: own} | {
            name: other["all"] if group == "all" else other["groups"][group] for name, other in told["others"].items()
        }
        sound = {name: each["bytes_per_token"] for name, each in found.items() if not each["unknown"]}
        cells = [
            {
                "name": name,
                "value": f"{each['bytes_per_token']:.2f}",
                "share": round(100 * each["bytes_per_token"] / best, 2),
                "best": len(found) > 1 and sound.get(name) == max(sound.values(), default=0.0),
                "lost": f"loses {percent(each['unknown'] / max(each['tokens'], 1), 1)}" if each["unknown"] else "",
            }
            for name, each in found.items()
        ]
        rows.append({"name": group, "own": own, "cells": cells, "bytes": size(own["bytes"])})
    return rows


def others_of(told: Facts) -> list[float]:
    """Every figure of the other tokenizers."""
    return [group["bytes_per_token"] for other in told["others"].values() for group in other["groups"].values()]


def scripts(told: Facts) -> list[Facts]:
    """The scripts of the texts, the most used first."""
    whole = max(sum(each["bytes"] for each in told["scripts"].values()), 1)
    ranked = sorted(told["scripts"].items(), key=lambda item: -item[1]["bytes"])
    return [
        {
            "name": name,
            "share": percent(each["bytes"] / whole, 1),
            "tokens": count(each["tokens"]),
            "value": f"{each['bytes_per_token']:.2f}",
        }
        for name, each in ranked
    ]


def languages(told: Facts, names: list[str]) -> list[Facts]:
    """How many tokens the same sentences take, the cheapest language first."""
    columns = {OWN: told["languages"]} | {name: other["languages"] for name, other in told["others"].items()}
    most = max(each["tokens"] for column in columns.values() for each in column.values())
    ranked = sorted(told["languages"], key=lambda language: told["languages"][language]["tokens"])
    return [
        {
            "name": language,
            "cells": [
                {
                    "name": name,
                    "tokens": columns[name][language]["tokens"],
                    "times": f"{columns[name][language]['beside_english']:.1f} ×",
                    "share": round(100 * columns[name][language]["tokens"] / most, 2),
                }
                for name in names
            ],
        }
        for language in ranked
    ]


def rows_of(sizes: list[Facts], width: int, context: int) -> list[Facts]:
    """What each size costs, in numbers."""
    return [
        {
            "size": f"{each['size']:,}",
            "value": f"{each['bytes_per_token']:.2f}",
            "context": size(each["bytes_per_token"] * context),
            "parameters": count(each["size"] * width),
            "head": count(2 * each["size"] * width / each["bytes_per_token"]),
            "how": each["how"],
        }
        for each in sizes
    ]


def pictures(sizes: list[Facts], width: int) -> list[tuple[str, Markup]]:
    """The same as curves over doublings of the size."""
    at = [math.log2(each["size"]) - 8 for each in sizes]
    ticks = [
        (float(k), f"{256 << k:,}") for k in range(0, math.floor(max(at, default=0)) + 1, 1 + (max(at, default=0) > 6))
    ]
    found = {
        "bytes for each token": [each["bytes_per_token"] for each in sizes],
        "million parameters in the embedding": [each["size"] * width / 1e6 for each in sizes],
        "million operations of the head for each byte": [
            2 * each["size"] * width / each["bytes_per_token"] / 1e6 for each in sizes
        ],
    }
    drawn = []
    for name, values in found.items():
        curve = charts.Curve(
            name, "t0", list(zip(at, values, strict=True)), words=[f"{each['size']:,} tokens" for each in sizes]
        )
        drawn.append((name, charts.curves([curve], "tokens in the vocabulary", "", name, ticks)))
    return drawn


def colophon(told: Facts) -> dict[str, Any]:
    """What the figures are of."""
    found = {
        "kind": told["kind"],
        "pattern": told["pattern"],
        "tokens": f"{told['size']:,}",
        "special": ", ".join(told["specials"]),
    }
    return {key: value for key, value in found.items() if value}
