"""A small corpus for whoever looks at one: stories, copies, spam, another language, hostile texts and private numbers."""

import json
from pathlib import Path

from tests.corpus_example import make, story

HOSTILE = (
    "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\"> \x1b[2J said she."
)
SPAM = "Buy cheap viagra now! Click here, limited time offer, 50% off, act now! Buy now, free shipping, best prices! "
GERMAN = "Die Katze und der Hund sind nicht auf dem Dach, aber sie haben auch keine Angst vor dem Regen und dem Wind. "


def rows() -> list[dict[str, str]]:
    told = [{"id": f"story {n}", "text": story(n), "source": f"books/{n % 3}"} for n in range(24)]
    told.append({"id": "copy", "text": story(3).upper(), "source": "forum/1"})
    told += [{"id": f"near {n}", "text": story(4) + f" That was day {n}.", "source": "forum/2"} for n in range(3)]
    told.append({"id": "spam", "text": SPAM * 3, "source": "forum/1"})
    told.append({"id": "german", "text": GERMAN * 4, "source": "forum/1"})
    told.append({"id": "<b>hostile</b>", "text": f"{story(99)} {HOSTILE}", "source": "<i>forum</i>"})
    told.append({"id": "private", "text": f"{story(98)} Write to anna@mail.example today.", "source": "books/1"})
    told.append(
        {"id": "she", "text": "She was a kind nurse. He was an angry doctor. " + story(97), "source": "books/2"}
    )
    return [
        {**row, "url": f"https://{row['source'][0]}.example/{n}", "license": "CC0-1.0"} for n, row in enumerate(told)
    ]


def corpus(folder: Path, **values) -> Path:
    """The corpus's folder."""
    pages = folder / "pages.jsonl"
    pages.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return make(folder / "corpus", pages, profile="web", workers=1, **values)
