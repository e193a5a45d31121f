"""What all tests share: few threads, one for each of several workers, and in CI no skip that nobody allowed."""

import gc
import os
from pathlib import Path

import pytest

from groundup.hardware import use_cache_folder

use_cache_folder()  # else the file that is collected first decides where loops are kept, and they are compiled twice
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("GOMP_SPINCOUNT", "0")  # whoever waits lets others work
gc.disable()  # while files are collected, which only ever makes objects: a fifth of its time
ALLOWED = [
    line.strip()
    for line in (Path(__file__).parent / "skips.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]

LONGEST_FIRST = """test_readme test_lessons test_serving_life test_training_unkillable test_gguf test_training_killed
test_recipe_python test_search test_run_crash test_training_stage""".split()  # by seconds of the processor


def pytest_collection_modifyitems(items):
    """Files that take long come first, so that no worker is left with one when the others are done."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


def pytest_collection_finish():
    """What collecting made stays until the end: nobody has to look through its millions of objects again."""
    gc.enable()
    gc.freeze()


@pytest.fixture(scope="module")
def one_thread():
    """All of a file's tests compute on one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI, a skip whose reason is not on the list is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            report.outcome, report.longrepr = "failed", f"skipped, and tests/skips.txt does not allow it: {reason}"
