"""One document cannot stall or end the work on the others: it is set aside, with its reason, and all others come out."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.data.documents import Record, batches
from groundup.data.pipeline import STAGED, Way, build, stage
from groundup.data.prepare import prepared_schema
from groundup.data.profiles import PROFILES
from groundup.data.reading.files import Reader
from groundup.data.staging import StagedShards
from groundup.data.workers.crew import PART_BYTES, PART_DOCUMENTS, Crew, Died, guarded, parts
from groundup.data.workers.job import Job, Limits
from groundup.data.workers.preparing import poison, preparing
from tests import poison_example

NONE = PROFILES["none"]


def batch_of(*bodies):
    return next(batches([Record(str(number), "here", body) for number, body in enumerate(bodies)]))


def dying(seconds=2.0, megabytes=512):
    job = preparing(NONE, None, Limits.model_validate({}))
    return Job("tests.poison_example:die_of_words", job.arguments, seconds, megabytes)


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory):
    """A corpus of a thousand documents, three of which are poison."""
    folder = tmp_path_factory.mktemp("poisoned")
    texts = [f"Document {number} is about the number {number}." for number in range(1000)]
    for number, words in ((7, poison_example.LOOP), (500, poison_example.MEMORY), (777, poison_example.CRASH)):
        texts[number] += f" It {words.decode()}."
    lines = (json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts))
    (folder / "pages.jsonl").write_text("\n".join(lines))
    out = folder / "out"
    out.mkdir()
    paths, staged = [str(folder / "pages.jsonl")], StagedShards(out / STAGED, prepared_schema())
    stage(Reader(paths), dying(), staged, Way(2))
    staged.close({"skipped": {}})
    build(paths, NONE, None, out, Way(2))
    return out


def test_999_of_1000_come_out_and_the_poison_is_listed_with_its_reason(poisoned):
    kept = [row["id"] for path in sorted(poisoned.glob("kept-*")) for row in parquet.read_table(path).to_pylist()]
    assert kept == [str(number) for number in range(1000) if number not in (7, 500, 777)]
    removed = parquet.read_table(poisoned / "removed").to_pylist()
    assert [(row["id"], row["reason"], row["step"], row["detail"]) for row in removed] == [
        ("7", "poison", "read", "it took more than 2 s"),
        ("500", "poison", "read", "it needed more than 512 MiB of memory"),
        ("777", "poison", "read", "its process was ended by SIGSEGV"),
    ]


def test_the_table_counts_poison(poisoned):
    table = json.loads((poisoned / "table.json").read_text())
    assert table["removed"] == {"poison": 3} and table["documents"] == 997
    read = table["steps"][0]
    assert (read["documents_in"], read["documents_out"]) == (1000, 997)
    assert read["examples"][0]["reason"] == "poison: it took more than 2 s"


def test_the_killed_child_of_a_good_document_is_replaced_and_the_document_comes_out(tmp_path):
    sign, done = tmp_path / "taken up", []
    crew, documents = Crew(Job("tests.poison_example:slow", {"sign": str(sign)}), poison, 1), batch_of(b"slow", b"")
    try:
        thread = threading.Thread(target=lambda: done.append(crew.apply(documents)))
        thread.start()
        end = time.monotonic() + 300
        while not sign.exists() and time.monotonic() < end:
            time.sleep(0.01)
        first = crew.children[0].process.pid
        os.kill(first, signal.SIGKILL)
        thread.join(300)
        assert done == [documents] and crew.children[0].process.pid != first
    finally:
        crew.close()


def test_a_child_that_cannot_begin_is_our_mistake_and_not_the_documents():
    crew = Crew(Job("tests.poison_example:nothing_of_this_name"), poison, 1)
    with pytest.raises(RuntimeError, match="could not begin.*nothing_of_this_name"):
        crew.apply(batch_of(b"a good one"))


def test_a_crew_leaves_no_process_behind():
    crew = Crew(dying(), poison, 2)
    crew.apply(batch_of(b"a good one"))
    pids = [child.process.pid for child in crew.children]
    crew.close()
    assert pids and not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_parts_are_the_batch_in_order_and_none_is_large():
    batch = batch_of(*[b"x" * size for size in (10, 20, PART_BYTES + 5, 1, *[7000] * 100)])
    cut = list(parts(batch))
    assert pa.Table.from_batches(cut) == pa.Table.from_batches([batch])
    for part in cut:
        assert part.num_rows == 1 or part.num_rows <= PART_DOCUMENTS
        assert part.num_rows == 1 or sum(map(len, part.column("body").to_pylist())) <= PART_BYTES


def test_a_document_is_asked_alone_before_it_is_called_guilty():
    asked = []

    def apply(part):
        asked.append(part.column("id").to_pylist())
        if "2" in asked[-1]:
            raise Died("why", from_outside=False)
        return poison(part, "")

    done = pa.Table.from_batches(guarded(apply, batch_of(*[b"x"] * 5), poison))
    assert done.column("detail").to_pylist() == ["", "", "why", "", ""]
    assert asked == [["0", "1", "2", "3", "4"], ["0"], ["1"], ["2"], ["3"], ["4"]]


def test_raw_documents_are_told_by_their_bytes_even_when_refused():
    done = poison(batch_of(b"four", b""), "why")
    assert done.schema == prepared_schema() and done.column("raw_bytes").to_pylist() == [4, 0]
    assert done.column("text").to_pylist() == ["", ""]
