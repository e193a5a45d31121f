"""The engine under the corpus: Daft, with its telemetry off, fed one batch of documents after another.

It keeps the order of its input, so how many work never shows in the output. Its operator hands each batch to a child
process of ours: Python's lock lets one thread run our steps, and no document may end more than a child.
"""

import asyncio
import atexit
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from groundup.data.workers.crew import Crew
from groundup.errors import Problem

if TYPE_CHECKING:
    import pyarrow as pa

ENVIRONMENT = {
    "DAFT_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "DAFT_PROGRESS_BAR": "0",
    "DAFT_SHOW_QUERY_ID": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
AHEAD = 6  # batches for each worker that may be read before the first of them is done
AHEAD_BYTES = 64 << 20  # and all of them together: what bounds the memory where documents are long
ENDING = 0.5  # seconds that a process waits at its end, if a stream was given up in it
WINDOW_BYTES = 128 << 20  # what a cluster is given at a time


def engine() -> Any:
    """The daft module; must be asked for here, because it phones home on import unless it is told not to."""
    os.environ.update(ENVIRONMENT)
    os.environ.setdefault("DAFT_RUNNER", "native")
    import daft

    return daft


def native(
    batches: Iterable["pa.RecordBatch"], schema: "pa.Schema", crew: Crew, result: "pa.Schema"
) -> Generator["pa.RecordBatch"]:
    """Each batch through the crew on this machine; results in the order of the batches."""
    daft = engine()
    flow = _Flow(batches, AHEAD * crew.workers + 2)
    step = _step(daft.cls(use_process=False), daft, crew, schema, result)
    frame = _source(daft, flow, schema).read().select(step(*[daft.col(name) for name in schema.names]))
    tables = frame.to_arrow_iter()
    crew.open()
    given_up = True
    try:
        for table in tables:
            flow.finished(table)
            yield _aligned(table, result)
        if not flow.whole or flow.waiting:  # Daft has seen Ctrl-C too, and its stream then ends as if all were done
            raise KeyboardInterrupt
        given_up = False
    except Exception:
        if flow.error is not None:  # ours, which Daft has wrapped on its way
            raise flow.error from None
        raise
    finally:  # in this order: Daft waits for its source and its operators before it lets go
        flow.stopped = True
        crew.close()
        with suppress(Exception):
            tables.close()
        if given_up:
            atexit.unregister(_let_threads_end)
            atexit.register(_let_threads_end)


def _let_threads_end() -> None:
    """Daft's threads may still end what was given up: one that asks for Python while Python ends takes the process along
    (`exception not rethrown`, and an exit code that is nobody's)."""
    time.sleep(ENDING)


def ray(
    batches: Iterable["pa.RecordBatch"], schema: "pa.Schema", crew: Crew, result: "pa.Schema"
) -> Generator["pa.RecordBatch"]:
    """The same plan on a cluster that was joined before: this machine reads, all of them work."""
    import pyarrow as pa

    daft = engine()
    single = Crew(crew.job, crew.refuse, 1)  # each actor has a child of its own
    step = _step(daft.cls(use_process=False, max_concurrency=crew.workers), daft, single, schema, result)
    for window in _windows(batches):
        rows = max(batch.num_rows for batch in window)
        frame = daft.from_arrow([pa.Table.from_batches([batch]) for batch in window]).into_batches(rows)
        done = frame.select(step(*[daft.col(name) for name in schema.names])).to_arrow()
        yield from (_aligned(batch, result) for batch in done.sort_by("number").to_batches(rows))


def join(address: str) -> int:
    """Let Daft work on the Ray cluster at `address` ("" starts one here); how many processors it has."""
    try:
        import ray as cluster  # type: ignore[import-not-found]
    except ImportError:
        raise Problem("runner=ray needs Ray, which is not installed: pip install 'groundup[ray]'") from None
    os.environ["DAFT_RUNNER"] = "ray"
    daft = engine()
    try:
        daft.set_runner_ray(address or None, noop_if_initialized=True)
    except (ConnectionError, RuntimeError, ValueError) as error:
        at = address or "this machine"
        raise Problem(f"no Ray cluster answers at {at} ({error}); start it or set runner=native") from None
    if daft.runners.get_or_infer_runner_type() != "ray":
        raise Problem(
            "this process has already worked without Ray; make the corpus with runner=ray in a process of its own"
        )
    return int(cluster.cluster_resources().get("CPU", 1))


RUNNERS: dict[str, Callable[..., Generator["pa.RecordBatch"]]] = {"native": native, "ray": ray}


class _Flow:
    """The batches on their way into the engine, counted and weighed, so that reading does not run ahead of working."""

    def __init__(self, batches: Iterable["pa.RecordBatch"], ahead: int):
        self.batches, self.ahead = batches, ahead
        self.waiting: list[tuple[int, int]] = []  # (documents, bytes) of each batch that is not done
        self.stopped = self.whole = False
        self.error: BaseException | None = None

    async def __aiter__(self):
        try:
            for batch in self.batches:
                while self._too_far() and not self.stopped:
                    await asyncio.sleep(0.002)
                if self.stopped:
                    return
                self.waiting.append((batch.num_rows, batch.nbytes))
                yield batch
            self.whole = True
        except BaseException as error:
            self.error = error
            raise

    def finished(self, table: Any) -> None:
        """So many documents have come out, whatever batches they come in."""
        left = table.num_rows
        while left and self.waiting:
            documents, size = self.waiting.pop(0)
            if documents > left:
                self.waiting.insert(0, (documents - left, size))
            left -= min(left, documents)

    def _too_far(self) -> bool:
        waiting = list(self.waiting)
        return len(waiting) > self.ahead or len(waiting) > 1 and sum(size for _, size in waiting) > AHEAD_BYTES


def _windows(batches: Iterable["pa.RecordBatch"]) -> Iterator[list["pa.RecordBatch"]]:
    window: list[pa.RecordBatch] = []
    for batch in batches:
        window.append(batch)
        if sum(batch.nbytes for batch in window) >= WINDOW_BYTES:
            yield window
            window = []
    if window:
        yield window


def _source(daft: Any, flow: _Flow, schema: "pa.Schema") -> Any:
    from daft.io.source import DataSource, DataSourceTask
    from daft.recordbatch import RecordBatch

    ours = daft.Schema.from_pyarrow_schema(schema)

    class Task(DataSourceTask):
        @property
        def schema(self):
            return ours

        async def read(self):
            async for batch in flow:
                yield RecordBatch.from_arrow_record_batches([batch], schema)

    class Source(DataSource):
        name = "documents"  # type: ignore[assignment]
        schema = ours  # type: ignore[assignment]

        async def get_tasks(self, pushdowns):
            yield Task()

    return Source()


def _step(
    operator: Callable[[type], Any], daft: Any, crew: Crew, schema: "pa.Schema", result: "pa.Schema"
) -> Callable[..., Any]:
    import pyarrow as pa

    struct = daft.DataType.from_arrow_type(pa.struct(list(result)))

    class Step:
        def __init__(self, crew, schema):
            self.crew, self.schema = crew, schema

        @daft.method.batch(return_dtype=struct, unnest=True)
        def batch(self, *columns):
            import pyarrow as pa

            arrays = [column.to_arrow().cast(field.type) for column, field in zip(columns, self.schema, strict=True)]
            done = self.crew.apply(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
            return pa.StructArray.from_arrays(done.columns, fields=list(done.schema))

    return operator(Step)(crew, schema).batch


def _aligned(table: Any, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([table.column(field.name).cast(field.type) for field in schema], schema=schema)
