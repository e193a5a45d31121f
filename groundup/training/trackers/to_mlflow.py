"""MLflow: one run of the experiment that is named after the recipe, on the server of MLFLOW_TRACKING_URI or in a file here.

mlflow ui --backend-store-uri sqlite:///runs/tour/tracked/mlflow/mlflow.db
"""

# pyright: reportMissingImports=false

import time
from typing import Any

from groundup.training.trackers.follow import Facts

LONGEST = 500  # characters of a parameter's value that every server of MLflow takes
AT_ONCE = 100  # parameters in one request
MOST = 1000  # values in one request
EVERY = 2.0  # seconds between two requests: each is a transaction of a database


class Run:
    """Lines of one run, sent through a client of its own: MLflow's `active run` belongs to the thread that asks."""

    def __init__(self, client: Any, run: str, metric: Any):
        self.client, self.run, self.metric = client, run, metric
        self.waiting: list[Any] = []
        self.sent = time.monotonic()

    def log(self, step: int, values: dict[str, float]) -> None:
        """The values of a few lines go together."""
        now = int(time.time() * 1000)
        self.waiting += [self.metric(name, value, now, step) for name, value in values.items()]
        if time.monotonic() - self.sent > EVERY or len(self.waiting) >= MOST:
            self._send()

    def rewind(self, step: int) -> None:
        """Nothing is to be taken back: the same steps bring the same bits."""

    def close(self) -> None:
        """The run has ended."""
        self._send()
        self.client.set_terminated(self.run)

    def _send(self) -> None:
        for first in range(0, len(self.waiting), MOST):
            self.client.log_batch(self.run, self.waiting[first : first + MOST])
        self.waiting, self.sent = [], time.monotonic()


def begin(facts: Facts) -> Run:
    """The run of this training, or the one it had before it was interrupted."""
    import mlflow
    from mlflow.entities import Metric, Param

    folder = facts.folder / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    client = mlflow.MlflowClient(None if mlflow.is_tracking_uri_set() else f"sqlite:///{folder / 'mlflow.db'}")
    known = client.get_experiment_by_name(facts.project)
    where = known.experiment_id if known else client.create_experiment(facts.project)
    before = client.search_runs([where], f"tags.groundup = '{facts.run}'", max_results=1)
    if before:
        return Run(client, before[0].info.run_id, Metric)
    run = client.create_run(where, run_name=facts.name, tags={"groundup": facts.run}).info.run_id
    params = [Param(name, str(value)[:LONGEST]) for name, value in _flat(facts.settings)]
    for first in range(0, len(params), AT_ONCE):
        client.log_batch(run, params=params[first : first + AT_ONCE])
    return Run(client, run, Metric)


def _flat(settings: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    pairs = []
    for name, value in settings.items():
        pairs += _flat(value, f"{above}{name}.") if isinstance(value, dict) else [(above + name, value)]
    return pairs
