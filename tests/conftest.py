"""What all tests share: few threads, one for each of several workers, and in CI no skip that nobody allowed."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
ALLOWED = [
    line.strip()
    for line in (Path(__file__).parent / "skips.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]

LONGEST_FIRST = "test_readme test_tour_offline test_training_killed test_training_stage test_recipe_python test_serving_life".split()


def pytest_collection_modifyitems(items):
    """Files that take long come first, so that no worker is left with one when the others are done."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI, a skip whose reason is not on the list is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            report.outcome, report.longrepr = "failed", f"skipped, and tests/skips.txt does not allow it: {reason}"
