"""The learning rate of a training drawn in letters, before the first step: what `groundup plan` shows under its table.

Each column is the mean of the steps that it stands for, in eighths of a line.
"""

from groundup.training.schedules import rate
from groundup.training.settings import ScheduleSettings

EIGHTHS = " ▁▂▃▄▅▆▇█"
MOST = 24  # steps looked at for one column: a long training is drawn as quickly as a short one


def heights(settings: ScheduleSettings, steps: int, columns: int) -> list[float]:
    """Mean factor of the learning rates over each stretch of the training, in [0, 1]."""
    columns = min(columns, steps)
    result = []
    for column in range(columns):
        first, end = column * steps // columns, (column + 1) * steps // columns
        every = max(1, (end - first) // MOST)
        told = [rate(step, steps, settings) for step in range(first, end, every)]
        result.append(sum(told) / len(told))
    return result


def curve(settings: ScheduleSettings, steps: int, peak: float | None = None, columns: int = 64, lines: int = 5) -> str:
    """The schedule as text: the rate up, the steps along; `peak` is the rate at factor one."""
    found = heights(settings, steps, columns)
    labels = {0: f"{1.0 if peak is None else peak:.3g}", lines - 1: "0"}
    width = max(map(len, labels.values()))
    drawn = []
    for line in range(lines):
        floor = lines - 1 - line
        filled = [min(max(height * lines - floor, 0.0), 1.0) for height in found]
        drawn.append(f"{labels.get(line, ''):>{width}} │" + "".join(EIGHTHS[round(8 * share)] for share in filled))
    foot = f"{steps:,} steps"
    drawn.append(f"{'':>{width}} └" + "─" * len(found))
    drawn.append(f"{'':>{width}}  1{foot:>{max(len(found) - 1, len(foot) + 1)}}")
    return "\n".join(drawn)
