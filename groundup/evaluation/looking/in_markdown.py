"""The card as Markdown, to lie beside the corpus: the same figures as the page, with texts that cannot become markup."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from groundup.evaluation.looking.mentioned import CAN, CANNOT, PRONOUNS

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")
SHOWN = 8  # names of a group
Facts = dict[str, Any]


def card(told: Facts) -> str:
    """All of it."""
    parts = [
        _opening(told),
        _steps(told),
        _texts(told),
        _shares(told),
        _copies(told),
        _mentions(told["mentions"]),
        _examples(told["steps"]),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: object) -> str:
    """A text as Markdown's own signs, in one line."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Numbers to the right."""
    written = [[f"{cell:,}" if isinstance(cell, int) else plain(cell) for cell in row] for row in rows]
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [list(head), rule, *written])


def _opening(told: Facts) -> str:
    profile = told["made"].get("profile")
    by = f", profile `{profile}`" if profile else ""
    tokens = f", about {told['tokens']['about']:,} tokens" if "tokens" in told else ""
    return (
        f"# Data card of {plain(told['name'])}\n\n{told['read']:,} documents were read{by}; {told['documents']:,} stayed: "
        f"{told['bytes']:,} bytes, {told['words']:,} words{tokens}."
    )


def _steps(told: Facts) -> str:
    rows = [
        (
            step["name"],
            step["documents_in"],
            step["documents_out"],
            step["documents_in"] - step["documents_out"],
            step["bytes_out"],
        )
        for step in told["steps"]
    ]
    return "## Steps\n\n" + table(["step", "documents in", "out", "went", "bytes out"], rows)


def _texts(told: Facts) -> str:
    lengths = [(f"{each['from']:,} to {each['below'] - 1:,}", each["documents"]) for each in told["lengths"]]
    languages = [(name, number, _percent(number / told["sampled"])) for name, number in told["languages"].items()]
    return (
        "## Lengths\n\n"
        + table(["words", "documents"], lengths)
        + f"\n\n## Languages\n\nOf {told['sampled']:,} documents, fairly drawn.\n\n"
        + table(["language", "documents", "share"], languages)
    )


def _shares(told: Facts) -> str:
    parts = []
    for name, title in (("sources", "Sources"), ("hosts", "Hosts"), ("licences", "Licences")):
        rows = [
            (row["name"] or "(not said)", row["documents"], row["bytes"], _percent(row["share"]))
            for row in told[name]["top"]
        ]
        if rows:
            of = f"\n\nThe largest of {told[name]['different']:,}." if told[name]["different"] > len(rows) else ""
            parts.append(f"## {title}{of}\n\n" + table([title.lower(), "documents", "bytes", "share"], rows))
    return "\n\n".join(parts)


def _copies(told: Facts) -> str:
    copies = told["copies"]
    lines = [f"## Copies\n\n{copies['exact']:,} exact copies and {copies['near']:,} near ones went."]
    if copies["clusters"]:
        lines.append(
            table(["documents in a cluster", "clusters"], [tuple(each.values()) for each in copies["clusters"]])
        )
    lines.append("## Private data")
    blacked = list(told["redactions"].items())
    lines.append(table(["blacked out", "times"], blacked) if blacked else "Nothing was blacked out.")
    if told["contamination"] is None:
        return "\n\n".join([*lines, "## Test questions\n\nNone were protected; nothing is known of them."])
    rows = [
        (name, each["items"], each["contaminated"], each["too_short"])
        for name, each in told["contamination"]["sets"].items()
    ]
    return "\n\n".join([*lines, "## Test questions", table(["set", "items", "found in texts", "too short"], rows)])


def _mentions(told: Facts) -> str:
    cannot = "\n".join(f"- {each}" for each in CANNOT)
    lines = [
        f"## Whom it speaks of\n\nCounted in {told['documents']:,} documents, fairly drawn. This can say {CAN} It cannot say:"
        f"\n\n{cannot}"
    ]
    for group, names in told["groups"].items():
        if names:
            beside = list(told["sources"])[:4]
            rows = [
                (
                    each["name"],
                    each["count"],
                    *(f"{each['sources'][source]:,.0f}" for source in beside),
                    "" if group == PRONOUNS else f"{each['near']['he']:,} : {each['near']['she']:,}",
                    ", ".join(near["word"] for near in each["neighbours"]),
                )
                for each in names[:SHOWN]
            ]
            head = [
                group,
                "mentions",
                *(plain(source or "(not said)") for source in beside),
                "near he : she",
                "neighbours",
            ]
            lines.append(table(head, rows))
    return "\n\n".join([*lines, "Under a source: mentions in a million of its words."])


def _examples(steps: Iterable[Facts]) -> str:
    lines = ["## Examples"]
    for step in steps:
        for each in step["examples"][:2]:
            what = f"removed: {plain(each['reason'])}" if "reason" in each else "before"
            lines.append(f"**{plain(step['name'])}**, {plain(each['id'])}, {what}\n\n{_block(each['before'])}")
            if each.get("after"):
                lines.append(f"after\n\n{_block(each['after'])}")
    return "\n\n".join(lines)


def _block(text: str) -> str:
    """Four blanks make it a block that no sign within can end."""
    return "\n".join(f"    {line}" for line in text.splitlines()) or "    "


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
