"""How threads wait for each other: asleep, not spinning, wherever somebody else may want the core.

libgomp lets a thread that waits at a barrier turn in a loop for milliseconds. On a machine that is all ours this saves a
microsecond of waking up; where there are more busy threads than cores it burns the time that the one waited for needs:
a training step took 47 ms with sleeping threads and 555 ms with spinning ones (medians; two cores, a load of five to seven).
"""

import os
import sys

QUIET = 0.5  # busy threads of others a core, up to which a short turn is tried first
TURNS = "20000"  # about a millisecond: small models gain a tenth, and what a late neighbour costs stays bounded
CHOSEN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")  # whoever set one of these has decided


def wait_gently() -> str | None:
    """Set how this process's threads wait, unless somebody did; call it before torch is imported. The turns, or None."""
    if any(name in os.environ for name in CHOSEN) or "torch" in sys.modules:
        return None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    os.environ["GOMP_SPINCOUNT"] = TURNS if load < QUIET * (os.cpu_count() or 1) else "0"
    return os.environ["GOMP_SPINCOUNT"]


def turns() -> int:
    """How often a thread of ours looks whether it is wanted before it lets others have the core: as was chosen above."""
    chosen = os.environ.get("GOMP_SPINCOUNT", TURNS)
    return int(chosen) if chosen.isdigit() else int(TURNS)
