"""What bare words cost and bring: a counting classifier, and a letter model, with texts as they are and laid bare.

    python bench/bare_words.py SPAM.tsv [--text BOOK.txt]

The classifier is naive Bayes over words (label TAB text, one a line; a fifth is held out). The letter model counts which
letter follows five others; it is trained and tested on the laid-bare text, and its bits are told for each word, since
what was taken away need not be written. Results are added to bench/results/bare_words.jsonl.
"""

import argparse
import json
import math
import re
from collections import Counter, defaultdict
from pathlib import Path

from groundup.data.cleaning.change import CHANGES
from groundup.data.profiles import Profile

RESULTS = Path(__file__).parent / "results" / "bare_words.jsonl"
WAYS: dict[str, list[str]] = {
    "as it is": [],
    "lower": ["lower"],
    "lower, no punctuation": ["lower", "punctuation"],
    "lower, no stop words": ["lower", "stop_words"],
    "lower, neither": ["lower", "stop_words", "punctuation"],
    "lower, neither, stemmed": ["lower", "stop_words", "punctuation", "stem"],
}
TOKEN = re.compile(r"\w+|[^\w\s]")


def laid_bare(text: str, kinds: list[str]) -> str:
    """A text after some changes."""
    for settings in Profile.model_validate({"changes": [{"kind": kind} for kind in kinds]}).changes:
        text = str(CHANGES[settings.kind](settings).change(text))  # type: ignore[call-arg]
    return text


def classified(rows: list[tuple[str, str]]) -> dict[str, float]:
    """Accuracy and balanced F1 of the rarer class on the held-out fifth, and how many words are counted."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    labels = Counter(label for at, (label, _) in enumerate(rows) if at % 5)
    for at, (label, text) in enumerate(rows):
        if at % 5:
            counts[label].update(TOKEN.findall(text))
    known = set().union(*counts.values())

    def score(label: str, text: str) -> float:
        total = counts[label].total() + len(known)
        return math.log(labels[label]) + sum(
            math.log((counts[label][word] + 1) / total) for word in TOKEN.findall(text)
        )

    held = [(label, max(labels, key=lambda each: score(each, text))) for label, text in rows[::5]]
    rare = min(labels, key=lambda each: labels[each])
    right = sum(label == said == rare for label, said in held)
    f1 = 2 * right / max(1, sum((label == rare) + (said == rare) for label, said in held))
    return {
        "accuracy": round(sum(a == b for a, b in held) / len(held), 4),
        "f1_rare": round(f1, 4),
        "words": len(known),
    }


def written(text: str, words: int) -> dict[str, float]:
    """Bits of the last tenth under counts of the rest, backing off from five letters to none."""
    cut, follows = len(text) * 9 // 10, [defaultdict(Counter) for _ in range(6)]
    for at in range(5, cut):
        for order in range(6):
            follows[order][text[at - order : at]][text[at]] += 1
    bits, letters = 0.0, len(set(text))
    for at in range(cut, len(text)):
        chance = 1 / letters
        for order in range(6):  # each order moves the chance as far as it has seen its letters (Witten and Bell 1991)
            seen = follows[order].get(text[at - order : at])
            if seen:
                total, kinds = seen.total(), len(seen)
                chance = (seen[text[at]] + kinds * chance) / (total + kinds)
        bits -= math.log2(chance)
    return {
        "bits_per_letter": round(bits / (len(text) - cut), 4),
        "bits_per_word_of_the_original": round(bits / (words / 10), 3),
    }


def main() -> None:
    """Print and keep one line for each way."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("spam", type=Path)
    asked.add_argument("--text", type=Path)
    words = asked.parse_args()
    lines = words.spam.read_text(encoding="utf-8").splitlines()[1:]
    rows = [(label, text) for label, _, text in (line.partition("\t") for line in lines)]
    for name, kinds in WAYS.items():
        told = {"way": name, **classified([(label, laid_bare(text, kinds)) for label, text in rows])}
        if words.text:
            book = words.text.read_text(encoding="utf-8")[:120_000]
            told |= written(laid_bare(book, kinds), len(book.split()))
        print(told, flush=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
