"""Measures again every number that the README claims, one after the other, then writes its tables.

python -m bench
"""

import runpy
import sys
from pathlib import Path

LATER = {"__main__", "__init__", "tables", "soak", "tokenizer_texts"}  # soak takes an hour: `make soak`

for path in sorted(Path(__file__).parent.glob("*.py")):
    if path.stem not in LATER:
        print(f"--- bench/{path.name}", flush=True)
        sys.argv = [str(path)]
        runpy.run_module(f"bench.{path.stem}", run_name="__main__")
runpy.run_module("bench.tables", run_name="__main__")
