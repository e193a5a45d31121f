"""Trackio: metrics in a database of this machine, shown by `trackio show`, or on a Space where TRACKIO_SPACE_ID says so."""

# pyright: reportMissingImports=false

from groundup.training.trackers.follow import Facts
from groundup.training.trackers.history import History


def begin(facts: Facts) -> History:
    """The run of this training, or the one it had before it was interrupted."""
    import trackio

    return History(
        trackio.init(
            project=facts.project,
            name=f"{facts.name}-{facts.run[:8]}",
            config=facts.settings,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
    )
