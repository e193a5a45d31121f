"""The whole way from pages to the report opens no socket to anywhere, and needs no folder but the one it is asked to fill."""

import os
import subprocess
import sys

import pytest

from tests.run_example import strace_works

FEW_STEPS = [f"{stage}.training.steps=2" for stage in ("base", "chat", "aligned")]
PRIVATE = ("AF_UNIX", "AF_NETLINK")  # what libraries ask of their own machine


@pytest.mark.skipif(not strace_works(), reason="strace is missing or not allowed")
def test_making_the_tour_opens_no_internet_socket(tmp_path):
    trace, told = tmp_path / "trace", ("DO_NOT_TRACK", "DAFT_ANALYTICS_ENABLED")
    subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket,connect", "-o", trace]
        + [sys.executable, "-m", "groundup", "make", "pocket", *FEW_STEPS, "--into", tmp_path / "made"],
        check=True,
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in told},
        timeout=400,
    )
    assert (tmp_path / "made" / "report.html").exists()
    opened = [line for line in trace.read_text().splitlines() if "socket(" in line]
    assert [line for line in opened if not any(family in line for family in PRIVATE)] == []
