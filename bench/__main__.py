"""Measures again every number that the README claims, one after the other, then writes its tables and those of docs/scale.md.

python -m bench
"""

import runpy
import sys
from pathlib import Path

LATER = {
    *(
        "__main__",
        "__init__",
        "tables",
        "scale",
        "tokenizer_texts",
        "data_filters_corpus",
        "data_filters_peer",
        "classifiers_peer",
    ),
    *("soak", "soak_serving", "soak_training", "soak_corpus", "corpus_memory"),  # take long
    *(
        "shakespeare",
        "pretrain_peers",
        "bare_words",
        "tokens_stage",
        "substrings",
        "extraction",
        "lm_eval_served",
    ),  # want a text or a peer
    *(
        "classifiers",
        "learned_filters",
        "data_filters",
        "data_copies",
        "serve",
        "decode_many",
    ),  # want a Python with peers
}

for path in sorted(Path(__file__).parent.glob("*.py")):
    if path.stem not in LATER:
        print(f"--- bench/{path.name}", flush=True)
        sys.argv = [str(path)]
        runpy.run_module(f"bench.{path.stem}", run_name="__main__")
runpy.run_module("bench.tables", run_name="__main__")
sys.argv = ["scale", "--measure"]
runpy.run_module("bench.scale", run_name="__main__")
