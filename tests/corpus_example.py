"""A corpus made in a process of its own, to be killed: many small shards, so that there is something to go on from.

python tests/corpus_example.py INTO PAGES [name=value …]
"""

import json
import random
import sys
from pathlib import Path

from groundup import config, hardware, run
from groundup.data import documents, staging
from groundup.stages import corpus
from tests.run_example import ended

PEOPLE = ["Anna", "Tom", "The miller", "My sister", "An old man"]
DOINGS = ["walked past", "looked for", "painted", "wrote about", "sold", "spoke of", "remembered", "measured"]
THINGS = ["mill", "bridge", "bakery", "river", "school", "tower", "market", "library", "harbour", "church"]


def story(seed, sentences=14):
    roll = random.Random(seed)
    return " ".join(
        f"{roll.choice(PEOPLE)} {roll.choice(DOINGS)} the {roll.choice(THINGS)} and the {roll.choice(THINGS)} on day {roll.random()}."
        for _ in range(sentences)
    )


def write_pages(folder: Path, count: int = 400) -> Path:
    """Pages of which some are copies, some nearly, and some have an address to black out."""
    folder.mkdir(parents=True)
    texts = [story(number % (count - count // 8)) for number in range(count)]
    texts = [text + " That was all." * (number % 11 == 3) for number, text in enumerate(texts)]
    texts = [text + f" Write to a{number}@mail.example." * (number % 9 == 1) for number, text in enumerate(texts)]
    lines = (json.dumps({"id": f"page {number}", "text": text}) for number, text in enumerate(texts))
    (folder / "pages.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def at(into: Path, pages: Path, **values) -> run.Stage:
    return run.stage(
        into, "corpus", corpus.Settings.model_validate({"files": [str(pages)], **values}), version=corpus.VERSION
    )


def make(into: Path, pages: Path, **values) -> Path:
    return run.perform(at(into, pages, **values), corpus.run, hardware.look())


def main(into: str, pages: str, *words: str) -> int:
    documents.BATCH_DOCUMENTS, staging.SHARD_DOCUMENTS = 16, 32
    return ended(lambda: make(Path(into), Path(pages), **config.overrides(words)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
