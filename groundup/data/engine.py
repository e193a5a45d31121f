"""The engine under the corpus: Daft, with its telemetry off, fed one batch of documents after another.

Daft's workers are processes, since Python's lock lets only one thread run our steps; it keeps the order of its input,
whatever the number of workers, so their number never shows in the output.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ENVIRONMENT = {
    "DAFT_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "DAFT_PROGRESS_BAR": "0",
    "DAFT_SHOW_QUERY_ID": "0",
    "DAFT_RUNNER": "native",
}
AHEAD = 6  # batches for each worker that may be read before the first of them is done: what bounds the memory


def engine() -> Any:
    """The daft module; must be asked for here, because it phones home on import unless it is told not to."""
    os.environ.update(ENVIRONMENT)
    home = str(Path(__file__).resolve().parents[2])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if home not in paths:  # workers are fresh Python processes and must find this package where we found it
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [home, *paths]))
    import daft

    return daft


def mapped(
    batches: Iterable["pa.RecordBatch"],
    schema: "pa.Schema",
    make: Callable[[], Callable[[Any], Any]],
    result: "pa.Schema",
    workers: int,
) -> Iterator["pa.RecordBatch"]:
    """Each batch through the function that `make` makes once in every worker; results in the order of the batches."""
    daft = engine()
    flow = _Flow(batches, AHEAD * workers + 2)
    step = _step(daft, make, schema, result, workers)
    columns = [daft.col(name) for name in schema.names]
    frame = _source(daft, flow, schema).read().select(step(*columns))
    try:
        for table in frame.to_arrow_iter():
            flow.done += 1
            yield _aligned(table, result)
    except Exception:
        if flow.error is not None:  # ours, which Daft has wrapped on its way
            raise flow.error from None
        raise
    finally:
        flow.stopped = True


class _Flow:
    """The batches on their way into the engine, counted, so that reading does not run ahead of working."""

    def __init__(self, batches: Iterable["pa.RecordBatch"], ahead: int):
        self.batches, self.ahead = batches, ahead
        self.taken = self.done = 0
        self.stopped = False
        self.error: BaseException | None = None

    async def __aiter__(self):
        try:
            for batch in self.batches:
                while self.taken - self.done > self.ahead and not self.stopped:
                    await asyncio.sleep(0.002)
                if self.stopped:
                    return
                self.taken += 1
                yield batch
        except BaseException as error:
            self.error = error
            raise


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
    daft: Any, make: Callable[[], Callable[[Any], Any]], schema: "pa.Schema", result: "pa.Schema", workers: int
) -> Callable[..., Any]:
    import pyarrow as pa

    struct = daft.DataType.from_arrow_type(pa.struct(list(result)))

    @daft.cls(use_process=True, max_concurrency=workers)
    class Step:
        def __init__(self, make, schema):
            self.apply, self.schema = make(), schema

        @daft.method.batch(return_dtype=struct, unnest=True)
        def batch(self, *columns):
            import pyarrow as pa

            arrays = [column.to_arrow().cast(field.type) for column, field in zip(columns, self.schema, strict=True)]
            done = self.apply(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
            return pa.StructArray.from_arrays(done.columns, fields=list(done.schema))

    return Step(make, schema).batch


def _aligned(table: Any, schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([table.column(field.name).cast(field.type) for field in schema], schema=schema)
