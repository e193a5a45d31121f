"""What the report tells of the text: what cleaning took out and how rightly, and how the tokenizer cuts what is left."""

from typing import Any

from groundup.evaluation.report import wording
from groundup.evaluation.report.gather import Facts, Findings
from groundup.evaluation.report.wording import count, percent, size

STEPS = {  # names of steps as a reader knows them, and what they do
    "read": ("Read", "unpacked and decoded"),
    "extract": ("Extract", "the text out of its HTML"),
    "clean": ("Tidy", "characters, blanks and broken encodings"),
    "empty": ("Empty", "pages without text go"),
    "short": ("Short", "pages with hardly any text go"),
    "lower": ("Small letters", "capitals become small"),
    "punctuation": ("Punctuation", "signs between words go"),
    "stop_words": ("Stop words", "the most frequent words go"),
    "stem": ("Stems", "words lose their endings"),
    "strip_markup": ("Markup", "marks of Markdown and the like go"),
    "boilerplate": ("Boilerplate", "lines of menus and footers go"),
    "lines": ("Lines", "lines that are no text go"),
    "wrap": ("Wrapped lines", "broken lines are joined"),
    "c4": ("Rules of C4", "lines that do not end as sentences go, and pages of few of them"),
    "gopher_quality": ("Quality (Gopher)", "pages that do not look like prose go"),
    "gopher_repetition": ("Repetition (Gopher)", "pages that say the same again and again go"),
    "fineweb": ("Rules of FineWeb", "lists and broken lines go"),
    "learned": ("Learned filter", "what a classifier thinks little of goes"),
    "perplexity": ("Perplexity", "what a model of letters did not expect goes"),
    "language": ("Language", "pages in other languages go"),
    "languages": ("Languages", "pages in other languages go"),
    "gibberish": ("Gibberish", "what is no text goes"),
    "spam": ("Spam", "advertising goes"),
    "toxic": ("Insults", "insulting pages go"),
    "exact": ("Exact copies", "one of each stays"),
    "duplicate": ("Exact copies", "one of each stays"),
    "near": ("Near copies", "one of each stays"),
    "near_duplicate": ("Near copies", "one of each stays"),
    "repeated_paragraphs": ("Repeated paragraphs", "what stood before is cut out"),
    "repeated_lines": ("Repeated lines", "what stood before is cut out"),
    "substrings": ("Repeated passages", "what stood before is cut out"),
    "leak": ("Leaks", "pages that quote the test go"),
    "redact": ("Redact", "private data is blacked out"),
}


def corpus(found: Findings) -> Facts | None:
    """The funnel, the truth about it, and examples."""
    if found.corpus is None:
        return None
    steps, most = found.corpus["steps"], max(found.corpus["steps"][0]["documents_in"], 1)
    redacted = sum(found.corpus.get("redactions", {}).values())
    lead = (
        f"{count(most)} documents came in and {count(found.corpus['documents'])} were kept: "
        f"{size(found.corpus['text_bytes'])} of clean text."
    )
    if redacted:
        lead += f" In them {count(redacted)} pieces of private data were blacked out."
    return {
        "lead": lead,
        "steps": [_step(step, most) for step in steps],
        "truth": _truth(found.cleaning) if found.cleaning else [],
        "good": _good(found.cleaning) if found.cleaning else "",
        "examples": [_examples(step) for step in steps if step["examples"]],
    }


def _step(step: Facts, most: int) -> Facts:
    gone, cut = step["documents_in"] - step["documents_out"], step["bytes_in"] - step["bytes_out"]
    return {
        "name": STEPS.get(step["name"], (step["name"], ""))[0],
        "entered": round(100 * step["documents_in"] / most, 2),
        "left": round(100 * step["documents_out"] / max(step["documents_in"], 1), 2),
        "documents": count(step["documents_out"]),
        "removed": count(gone) if gone else "",
        "bytes": size(step["bytes_out"]),
        "cut": f"\N{MINUS SIGN}{size(cut)}" if cut > 0 else "",
    }


def _truth(cleaning: Facts) -> list[Facts]:
    return [
        {
            "name": wording.reason(name),
            "there": count(row["there"]),
            "removed": count(row["removed"]),
            "recall": percent(row["recall"], 1),
            "precision": percent(row["precision"], 1),
        }
        for name, row in cleaning.items()
        if "precision" in row
    ]


def _good(cleaning: Facts) -> str:
    good = cleaning["good"]
    lost = ", ".join(f"{number} as {wording.reason(why)}" for why, number in good["lost_as"].items())
    told = f"Of {count(good['pages'])} good pages {count(good['kept'])} were kept"
    return f"{told}; lost were {lost}." if lost else f"{told}."


def _examples(step: Facts) -> Facts:
    name, words = STEPS.get(step["name"], (step["name"], ""))
    return {
        "name": name,
        "words": words,
        "examples": [{"after": "", "reason": ""} | example for example in step["examples"]],
    }


def tokenizer(found: Findings) -> Facts | None:
    """How long its tokens are, and a text cut into them."""
    told = found.tokenizer
    if told is None:
        return None
    lead = (
        f"Bytes were merged, the most frequent pair first, until there were {told['size']:,} tokens. A token holds "
        f"{told['bytes_per_token']:.2f} bytes of text on average, so the model reads and writes that much less often "
        f"than it would by bytes."
    )
    return {
        "lead": lead,
        "samples": told["samples"][:3],
        "longest": told["longest"],
        "table": _shards(found.tokens) if found.tokens else [],
    }


def _shards(tokens: Facts) -> list[dict[str, Any]]:
    names = {"train": "to learn from", "val": "held out"}
    return [
        {
            "name": names.get(part, part),
            "documents": count(index["documents"]),
            "tokens": count(index["tokens"]),
            "bytes": size(index["text_bytes"]),
        }
        for part, index in tokens.items()
    ]
