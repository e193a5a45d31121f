"""The first use on a machine compiles, which takes seconds: it is said once, and later uses say nothing."""

import os
import subprocess
import sys

from numba import njit

from groundup.kernels.compiled import announced


def test_compiling_is_told_once_and_only_when_it_happens():
    @njit
    def double(x):
        return 2 * x

    @njit
    def four(x):
        return double(double(x))

    told = []
    with announced(lambda: told.append("now")):
        assert four(3) == 12
    assert told == ["now"]
    with announced(lambda: told.append("again")):
        assert four(3) == 12
    assert told == ["now"]


def test_compiled_code_is_kept_in_the_folder_for_it(tmp_path):
    """A loop small enough to be compiled in a moment, found again by the next process."""
    code = """
import sys
from groundup.tokenizer import fast_bpe
from groundup.kernels.compiled import announced
from groundup.kernels.bpe_train import push
import numpy as np
with announced(lambda: print("compiled")):
    push(np.zeros(4, np.uint64), np.zeros(4, np.int32), 0, np.uint64(3), 1)
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment["GROUNDUP_CACHE"] = str(tmp_path)
    said = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["compiled\n", ""] and any(tmp_path.rglob("*.nbi"))
