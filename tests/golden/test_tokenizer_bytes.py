"""The bytes of a tokenizer may not drift unnoticed: who changes them raises the stage's VERSION and writes both here."""

from hashlib import sha256

import pyarrow
from pyarrow import parquet

from groundup.hardware import look
from groundup.run import perform, stage
from groundup.stages import tokenizer

VERSION, DIGEST = 3, "a18d539c4316b4e8"
TEXTS = [
    f"Page {number}: Anna's boat isn't {number % 7} feet long — 日本語 é 😀.\n\n  {{x_{number}}} = 'y';"
    for number in range(200)
]


def test_a_tokenizer_changes_only_together_with_the_version(tmp_path):
    (tmp_path / "corpus").mkdir()
    parquet.write_table(pyarrow.table({"text": TEXTS}), tmp_path / "corpus" / "kept-00000.parquet")
    settings = tokenizer.Settings(corpus=str(tmp_path / "corpus"), size=400)
    made = perform(stage(tmp_path / "made", "tokenizer", settings, version=1), tokenizer.run, look())
    found = sha256()
    for file in sorted(made.iterdir()):
        if file.name not in ("manifest.json", "metrics.jsonl", "resolved.json"):
            found.update(file.name.encode() + file.read_bytes())
    assert (tokenizer.VERSION, found.hexdigest()[:16]) == (VERSION, DIGEST)
