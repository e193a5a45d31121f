"""What datatrove says of each document, and in how many seconds of the processor: run by bench/data_filters.py, in
datatrove's own environment. Filters are called one document after another, without a pipeline around them: its least work.

    PYTHON bench/data_filters_peer.py DOCUMENTS.jsonl RESULT.json FILTER... | words
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import split_into_sentences, split_into_words

FILTERS = {
    "gopher_quality": GopherQualityFilter,
    "gopher_repetition": GopherRepetitionFilter,
    "c4": C4QualityFilter,
    "fineweb": FineWebQualityFilter,
}


def main(documents: str, result: str, *names: str) -> None:
    """Writes for each filter its seconds, its verdicts and, of C4, the texts that it leaves; or the words of each text."""
    with open(documents, encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    if names == ("words",):
        with open(result, "w", encoding="utf-8") as file:
            json.dump([split_into_words(text) for text in texts], file)
        return
    split_into_words("Models are loaded when they are first asked for.")
    split_into_sentences("Models are loaded when they are first asked for.")
    told = {}
    for name in names:
        part = FILTERS[name]()
        asked = [Document(text=text, id="") for text in texts]
        wall, began = time.perf_counter(), time.process_time()
        answers = [part.filter(document) for document in asked]
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
        told[name] = {
            "seconds": seconds,
            "wall_seconds": wall,
            "reasons": ["" if answer is True else answer[1] for answer in answers],
            "texts": [document.text for document in asked] if name == "c4" else [],
        }
        print(f"{name}: {seconds:.1f} s", file=sys.stderr)
    with open(result, "w", encoding="utf-8") as file:
        json.dump(told, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
