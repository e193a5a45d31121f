"""`verify` follows a result back to the raw text and names the first thing that is not what it was."""

import hashlib
import json
import random
import shutil

import pytest

from groundup import hardware, run
from groundup.errors import Problem
from tests.run_example import at, make


@pytest.fixture
def chain(tmp_path):
    """pages -> first -> second, all below one folder."""
    (tmp_path / "pages" / "deep").mkdir(parents=True)
    (tmp_path / "pages" / "one.txt").write_text("a bridge over the river")
    (tmp_path / "pages" / "deep" / "two.txt").write_text("and a boat below it")
    make(tmp_path / "runs" / "first", tmp_path / "pages")

    def model(settings, work):
        (work.out / "model").mkdir()
        (work.out / "model" / "model.safetensors").write_bytes(bytes(range(256)) * 16)

    run.perform(at(tmp_path / "runs" / "second", tmp_path / "runs" / "first" / "part-0.txt"), model, hardware.look())
    return tmp_path


def test_an_untouched_chain_is_walked_to_its_end(chain):
    checked = run.verify(chain / "runs" / "second")
    assert [folder.name.split("-")[0] for folder in checked.stages] == ["second", "first"]
    assert checked.files == 8 and checked.bytes > 4096


@pytest.mark.parametrize("name", ["runs", "runs/second", "runs/second/model", "runs/second/model/model.safetensors"])
def test_a_result_can_be_named_by_its_folder_its_link_or_a_part_of_it(chain, name):
    assert len(run.verify(chain / name).stages) == 2


def test_any_flipped_bit_in_any_file_is_found_and_named(chain):
    keyed = random.Random(7)
    files = [path for path in chain.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_size]
    assert {path.name for path in files} >= {"model.safetensors", "manifest.json", "metrics.jsonl", "two.txt"}
    for path in dict.fromkeys(path.resolve() for path in files):
        if path.name == "manifest.json":  # times and versions in it are nobody's input; what decides bytes is below
            continue
        whole = path.read_bytes()
        for _ in range(3):
            raw = bytearray(whole)
            raw[keyed.randrange(len(raw))] ^= 1 << keyed.randrange(8)
            path.write_bytes(raw)
            with pytest.raises(Problem, match=f"{path} was changed"):
                run.verify(chain / "runs")
        path.write_bytes(whole)
    run.verify(chain / "runs")


def test_a_cut_file_a_missing_file_and_an_added_file_are_named(chain):
    weights = chain / "runs" / "second" / "model" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(Problem, match=r"model.safetensors was changed"):
        run.verify(chain / "runs")
    weights.unlink()
    with pytest.raises(Problem, match=r"model.safetensors is missing"):
        run.verify(chain / "runs")
    weights.write_bytes(whole)
    (chain / "runs" / "second" / "model" / "more.py").write_text("import os")
    with pytest.raises(Problem, match=r"more.py was added"):
        run.verify(chain / "runs")


def test_raw_text_that_changed_vanished_or_came_later_is_named(chain):
    page = chain / "pages" / "deep" / "two.txt"
    page.rename(chain / "two.txt")
    with pytest.raises(Problem, match=r"deep/two.txt is missing"):
        run.verify(chain / "runs" / "second")
    (chain / "two.txt").rename(page)
    (chain / "pages" / "three.txt").write_text("late")
    with pytest.raises(Problem, match=r"three.txt was added"):
        run.verify(chain / "runs" / "second")


@pytest.mark.parametrize("key", ["seed", "settings", "inputs", "content", "groundup", "files", "fingerprint"])
def test_a_manifest_that_was_touched_up_gives_itself_away(chain, key):
    path = chain / "runs" / "first" / "manifest.json"
    manifest = json.loads(path.read_text())
    changed = {
        "seed": 5,
        "settings": manifest["settings"] | {"size": 99},
        "inputs": {"pages": manifest["inputs"]["pages"] | {"fingerprint": "0" * 64}},
        "content": "0" * 64,
        "groundup": {"kind": "count", "version": 2},
        "files": {name: record for name, record in manifest["files"].items() if name != "part-3.txt"},
        "fingerprint": "0" * 12,
    }
    path.write_text(json.dumps(manifest | {key: changed[key]}))
    if key == "files":
        (chain / "runs" / "first" / "part-3.txt").unlink()
    with pytest.raises(Problem, match=r"first-\w+/manifest.json was changed"):
        run.verify(chain / "runs" / "second")


def test_a_result_under_the_name_of_another_is_found(chain):
    folder = (chain / "runs" / "second").resolve()
    folder.rename(folder.with_name("second-0123456789ab"))
    with pytest.raises(Problem, match="not to its name"):
        run.verify(chain / "runs" / "second-0123456789ab")


def test_a_forged_parent_is_found_by_its_child(chain):
    """Someone changes a file and makes its manifest agree: the stage that read it remembers."""
    first = chain / "runs" / "first"
    (first / "part-0.txt").write_text("forged")
    manifest = json.loads((first / "manifest.json").read_text())
    manifest["files"]["part-0.txt"]["sha256"] = run.content_fingerprint(_elsewhere(first / "part-0.txt", chain))
    manifest["files"]["part-0.txt"]["size"] = 6
    lines = [f"{r['sha256']}  {n}\n" for n, r in sorted(manifest["files"].items()) if n != "metrics.jsonl"]
    manifest["content"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    (first / "manifest.json").write_text(json.dumps(manifest))
    run.verify(first)
    with pytest.raises(Problem, match=r"part-0.txt is not what second-\w+ was made from"):
        run.verify(chain / "runs" / "second")


def _elsewhere(path, chain):
    return shutil.copy(path, chain / "elsewhere")


def test_a_folder_of_runs_can_be_moved_as_a_whole(chain):
    shutil.move(chain, f"{chain}-moved")
    assert len(run.verify(f"{chain}-moved/runs/second").stages) == 2


def test_where_there_is_nothing_to_verify_it_says_so(chain):
    with pytest.raises(Problem, match="not a finished stage"):
        run.verify(chain / "pages")
    with pytest.raises(Problem, match="nothing at"):
        run.verify(chain / "nowhere")
    shutil.rmtree((chain / "runs" / "first").resolve())
    with pytest.raises(Problem, match="first leads to"):
        run.verify(chain / "runs")
    with pytest.raises(Problem, match="missing: second-"):
        run.verify(chain / "runs" / "second")
