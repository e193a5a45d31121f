"""A corpus made on a cluster has the bytes of one made on one machine."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundup import run
from groundup.data import engine
from groundup.errors import Problem
from tests.corpus_example import write_pages

TOP = Path(__file__).parents[1]
QUIET = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "300"}
CLUSTER = (  # two windows, so that the second follows on the first
    "import ray, sys; from groundup.data import engine; from tests import corpus_example\n"
    "ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200 << 20)\n"
    "engine.WINDOW_BYTES = 1 << 17\n"
    "sys.exit(corpus_example.main(*sys.argv[1:]))"
)
has_ray = importlib.util.find_spec("ray") is not None


def made(into, pages, program, *words):
    environment = os.environ | QUIET | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *program, str(into), str(pages), "workers=2", *words]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert told.returncode == 0, told.stderr[-3000:]
    files = run.read_manifest(into)["files"]
    return {name: record["sha256"] for name, record in files.items() if name != "metrics.jsonl"}


@pytest.mark.skipif(not has_ray, reason="needs Ray")
def test_a_corpus_made_on_ray_has_the_same_bytes(tmp_path):
    pages = write_pages(tmp_path / "pages", 120)
    here = made(tmp_path / "here", pages, [str(TOP / "tests/corpus_example.py")])
    assert made(tmp_path / "there", pages, ["-c", CLUSTER], "runner=ray") == here


@pytest.mark.skipif(has_ray, reason="Ray is installed")
def test_without_ray_its_runner_is_refused_in_a_sentence():
    with pytest.raises(Problem, match="needs Ray, which is not installed"):
        engine.join("")
