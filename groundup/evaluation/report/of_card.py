"""A corpus's data card as one page: how much of what is in it, what was taken out, and whom it speaks of."""

from typing import Any

from groundup.evaluation.looking.mentioned import CAN, CANNOT, PRONOUNS
from groundup.evaluation.report.funnel import bars, funnel
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, many, percent, reason, size

TITLES = {
    "funnel": "What went in and what stayed",
    "texts": "Lengths and languages",
    "sources": "Where it comes from",
    "copies": "Copies",
    "private": "Private data and test questions",
    "mentions": "Whom it speaks of",
}
SHOWN, SOURCES = 14, 4  # names of a group in the page, and sources beside them


def page(told: Facts) -> str:
    """The page as HTML."""
    mentions = told["mentions"]
    return (
        environment()
        .get_template("card.html.jinja")
        .render(
            told=told,
            titles=TITLES,
            number={key: f"{place:02}" for place, key in enumerate(TITLES, 1)},
            lead=lead(told),
            key=key(told),
            funnel=funnel(told["steps"]),
            removed=[(reason(name), number) for name, number in ranked(told["removed"])],
            examples=[examples(step) for step in told["steps"] if step["examples"]],
            lengths=bars(
                [(count(each["from"]), each["documents"]) for each in told["lengths"]],
                "documents by their number of words",
                "words at least",
            ),
            languages=ranked(told["languages"]),
            tables={name: told[name] for name in ("sources", "hosts", "licences") if told[name]["top"]},
            clusters=cluster_bars(told["copies"]["clusters"]),
            redactions=ranked(told["redactions"]),
            groups={group: names[:SHOWN] for group, names in mentions["groups"].items() if names},
            beside=list(mentions["sources"])[:SOURCES],
            shares=shares(mentions),
            can=CAN,
            cannot=CANNOT,
            count=count,
            size=size,
            percent=percent,
            reason=reason,
        )
    )


def lead(told: Facts) -> str:
    """The corpus in two sentences."""
    gone = sum(told["removed"].values())
    by = f" with the profile {told['made']['profile']}" if told["made"].get("profile") else ""
    return (
        f"{count(told['read'])} documents were read{by}, {count(gone)} of them went and {count(told['documents'])} stayed, "
        f"from {many(told['sources']['different'], 'source')}."
    )


def key(told: Facts) -> list[tuple[str, str]]:
    """The numbers that say the most."""
    found = [
        (count(told["documents"]), "documents"),
        (size(told["bytes"]), "of text"),
        (count(told["words"]), "words"),
        (percent(told["documents"] / max(told["read"], 1)), "of what was read stayed"),
    ]
    if "tokens" in told:
        found.append((count(told["tokens"]["about"]), "tokens, about"))
    return found


def examples(step: Facts) -> Facts:
    """A step whose examples all say whether they were removed or changed."""
    return step | {"examples": [{"after": "", "reason": ""} | each for each in step["examples"]]}


def ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    """The most first."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def cluster_bars(clusters: list[Facts] | None) -> Any:
    """How many clusters there are of each size; large sizes together."""
    if not clusters:
        return ""
    small = {each["size"]: each["clusters"] for each in clusters if each["size"] < 10}
    large = sum(each["clusters"] for each in clusters if each["size"] >= 10)
    values = [(str(n), small.get(n, 0)) for n in range(2, max([*small, 2]) + 1)] + ([("10 +", large)] if large else [])
    return bars(values, "clusters by their number of documents", "documents in a cluster")


def shares(mentions: Facts) -> list[Facts]:
    """Of each source, how he, she and they share its pronouns."""
    names = {each["name"]: each["sources"] for each in mentions["groups"][PRONOUNS]}
    rows = []
    for source, words in mentions["sources"].items():
        rates = {name: names.get(name, {}).get(source, 0.0) for name in ("he", "she", "they")}
        total = sum(rates.values())
        if total:
            parts = [
                {"name": name, "tone": f"t{place}", "share": round(100 * rate / total, 1), "rate": count(rate)}
                for place, (name, rate) in enumerate(rates.items())
            ]
            rows.append({"name": source, "words": count(words), "parts": parts})
    return rows
