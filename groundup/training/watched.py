"""Who else looks on while a stage trains: trackers and a profiler, whose files lie beside the stage's folder, never in it.

What they write holds times, and a folder of a run holds nothing that differs between two equal runs but its metrics.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundup.training.keeper import Hooks
from groundup.training.trackers import TRACKERS, Facts, following

TRACKED = "tracked"


@contextmanager
def watched(
    trackers: Sequence[str], profiled: int, hooks: Hooks, out: Path, run: str, settings: dict[str, Any]
) -> Iterator[None]:
    """While this lasts, the training in `out` is followed by these trackers, and its first steps are profiled."""
    name, folder = out.name.removesuffix(".partial"), out.parent / TRACKED
    advance = hooks.advance
    if profiled:
        from groundup.training.profile import Profile

        hooks.advance = Profile(profiled, folder / "profile" / f"{name}-{run}", hooks.say).advance
    try:
        with following(trackers, hooks, Facts(out.parent.name, name, run, folder, settings), TRACKERS):
            yield
    finally:
        hooks.advance = advance
