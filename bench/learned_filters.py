"""Filters by lists and tables beside filters that were learnt, on an invented internet whose truth is known.

    python bench/learned_filters.py [--megabytes 2] [--languages CLASSIFIER] [--texts FILES]

What is learnt is learnt from one invented internet and measured on another (other seed, other town). --languages names a
classifier of languages that was learnt elsewhere; --texts names real English, from which the table of letters is made instead,
its percentiles from all pages of the first town, of which some 8 % are noise or foreign. Precision and recall are of each filter alone, over all pages; every run
is added to bench/results/learned_filters.jsonl.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from pyarrow import parquet

from groundup import hardware
from groundup.config import build
from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.documents import HTML
from groundup.data.filters import classifier, examples
from groundup.data.filters.perplexity import Counting, LetterSettings
from groundup.data.filters.phrases import Text
from groundup.data.profiles import FILTERS
from groundup.data.reading.encoding import decode
from groundup.data.reading.files import Reader
from groundup.recipe import make_stage
from groundup.recipe.making import nested

RESULTS = Path(__file__).parent / "results" / "learned_filters.jsonl"
Page = tuple[str, str]  # text, why it is no good or nothing


def town(folder: Path, seed: int, megabytes: float) -> list[Page]:
    """The pages of an invented internet and the truth about each."""
    few = {"readers": 0, "dialogues": 0, "preferences": 0, "questions": 100, "attacks": 0}
    made = make_stage("invent", nested({"megabytes": megabytes, **few}), folder / f"town-{seed}", seed)
    rows = parquet.read_table(made / "sealed" / "pages.parquet", columns=["id", "reason"]).to_pylist()
    truth = {row["id"]: row["reason"] for row in rows}
    pages = []
    for record in Reader([str(made / "pages")]):
        read = decode(record.body, record.charset)
        text = normalise(extract(read) if record.kind == HTML else read)
        if text.strip():
            pages.append((text, truth[record.id]))
    return pages


def learnt_classifier(pages: list[Page], reason: str, folder: Path) -> str:
    """A classifier of one kind of rubbish against all other pages."""
    labels = ["yes" if why == reason else "no" for _, why in pages]
    features, learning = classifier.FeatureSettings(), classifier.LearningSettings()
    found = classifier.fit([text for text, _ in pages], labels, features, learning, 1)
    folder.mkdir()
    found.save(folder)
    return str(folder)


def letters_of(texts: str, pages: list[Page], folder: Path) -> str:
    """A table of letters of real texts, with the percentiles of pages good and bad."""
    counting = Counting(LetterSettings(bits=22))
    for text in examples.plain([texts]):
        counting.add(text)
    folder.mkdir()
    counting.measured([text for text, _ in pages], {}).save(folder)
    return str(folder)


def learnt_letters(pages: list[Page], folder: Path) -> str:
    """A table of letters of the good pages, nine tenths of them counted and one tenth measured."""
    counting = Counting(LetterSettings())
    good = [examples.Example(text, "") for text, why in pages if not why]
    counted, held = examples.parted(good, 0.1)
    for example in counted:
        counting.add(example.text)
    folder.mkdir()
    counting.measured([example.text for example in held], {}).save(folder)
    return str(folder)


def measured(written: dict[str, Any], pages: list[Page], reason: str) -> dict[str, Any]:
    """What a filter alone finds of one kind of rubbish; what is noise to a table of letters may be another language."""
    right_too = {reason, "language"} if written["kind"] == "perplexity" else {reason}
    kind = FILTERS[written["kind"]]
    settings = next(owner for owner in _settings() if owner.model_fields["kind"].default == written["kind"])
    part = kind(build(settings, written))  # type: ignore[call-arg]
    start = time.process_time()
    gone = [why for text, why in pages if part.judge(Text(text))]
    seconds = time.process_time() - start
    there = sum(why == reason for _, why in pages)
    right = sum(why == reason for why in gone)
    return {
        "precision": round(sum(why in right_too for why in gone) / max(1, len(gone)), 4),
        "recall": round(right / max(1, there), 4),
        "there": there,
        "good_lost": sum(not why for why in gone),
        "mb_per_s": round(sum(len(text) for text, _ in pages) / 1e6 / max(seconds, 1e-9), 1),
    }


def _settings() -> list[Any]:
    from typing import get_args

    from groundup.data.profiles import FilterSettings

    return list(get_args(get_args(FilterSettings)[0]))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=float, default=2)
    arguments.add_argument("--languages", default="")
    arguments.add_argument("--texts", default="")
    asked = arguments.parse_args()
    hardware.use_cache_folder()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        learn, test = (town(folder, seed, asked.megabytes) for seed in (11, 12))
        toxic = learnt_classifier(learn, "toxic", folder / "toxic")
        broken = learnt_classifier(learn, "gibberish", folder / "broken")
        foreign = learnt_classifier(learn, "language", folder / "foreign")
        letters = learnt_letters(learn, folder / "letters")
        filters = {
            "toxic": {
                "list": {"kind": "toxic"},
                "learned": {"kind": "learned", "model": toxic, "remove": "yes"},
            },
            "gibberish": {
                "tables of English": {"kind": "gibberish"},
                "perplexity, above 99 %": {"kind": "perplexity", "model": letters, "high": 99},
                "perplexity, above 99 % + 0.3": {"kind": "perplexity", "model": letters, "high": 99, "margin": 0.3},
                "learned": {"kind": "learned", "model": broken, "remove": "yes"},
            },
            "language": {
                "little words": {"kind": "language"},
                "profiles": {"kind": "languages"},
                "learned": {"kind": "learned", "model": foreign, "remove": "yes"},
            },
        }
        if asked.texts:
            real = {"kind": "perplexity", "model": letters_of(asked.texts, learn, folder / "real")}
            filters["gibberish"]["perplexity of real English, above 92 %"] = real | {"high": 92}
            filters["gibberish"]["perplexity of real English, above 95 %"] = real | {"high": 95}
        if asked.languages:
            told = {"kind": "languages", "by": "classifier", "model": asked.languages}
            filters["language"]["classifier of tldr's languages"] = told
            filters["language"]["classifier of tldr's languages, 90 % sure"] = told | {"sure": 0.9}
        line = {
            "pages": [len(learn), len(test)],
            "filters": {
                reason: {name: measured(written, test, reason) for name, written in kinds.items()}
                for reason, kinds in filters.items()
            },
        }
    print(json.dumps(line, indent=1))
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
