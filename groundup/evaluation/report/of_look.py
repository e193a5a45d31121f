"""Documents of a corpus as one page to leaf through: some that stayed and some of each reason to go, the evidence lit.

The texts are hostile: they travel as JSON that nothing can break out of, and the script writes them as text only.
"""

from typing import Any

from markupsafe import Markup

from groundup.evaluation.looking.finished import KEPT
from groundup.evaluation.looking.sheets import Sheet, Shown
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.of_tokenizer import data
from groundup.evaluation.report.page import TEMPLATES, environment
from groundup.evaluation.report.wording import count, reason, size


def page(name: str, table: Facts, found: list[Sheet], fitting: dict[str, int]) -> str:
    """The page as HTML; `table` is the corpus's table.json, `fitting` how many documents each heading has."""
    told = {
        "documents": [told_of(sheet) for sheet in found],
        "names": {heading: "kept" if heading == KEPT else reason(heading) for heading in fitting},
    }
    return (
        environment()
        .get_template("look.html.jinja")
        .render(
            name=name,
            lead=lead(table, found),
            data=data(told),
            script=Markup((TEMPLATES / "look.js").read_text(encoding="utf-8")),
        )
    )


def lead(table: Facts, found: list[Sheet]) -> str:
    """What the corpus is, and what of it is here."""
    gone = sum(table["removed"].values())
    return (
        f"{count(table['documents'])} documents stayed ({size(table['text_bytes'])} of text) and {count(gone)} went. "
        f"Here are {count(len(found))} of them, drawn fairly from those that stayed and from each reason to go."
    )


def told_of(sheet: Sheet) -> dict[str, Any]:
    """A sheet as the script reads it."""
    document = sheet.document
    facts = {"url": document.url, "license": document.license, "step": document.step, "detail": document.detail}
    return {
        "id": document.id,
        "source": document.source,
        "heading": sheet.heading,
        **{key: value for key, value in facts.items() if value},
        "length": len(document.text),
        "text": _text(sheet.text),
        "beside": [
            {
                "id": each.id,
                "stays": each.stays,
                "similarity": None if each.similarity is None else round(each.similarity, 3),
                "text": _text(each.text),
            }
            for each in sheet.beside
        ],
    }


def _text(shown: Shown) -> dict[str, Any]:
    """Pieces by turns not lit and lit, beginning with one that is not."""
    turns: list[str] = [""]
    for piece, lit in shown.pieces:
        if lit == (len(turns) % 2 == 0):
            turns[-1] += piece
        else:
            turns.append(piece)
    return {"turns": turns, "before": shown.before, "after": shown.after}
