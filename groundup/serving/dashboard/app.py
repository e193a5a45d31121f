"""The routes of the dashboard: a page, what it shows, and a stream that says when something is new. All of them only read."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

import groundup
from groundup.serving.dashboard import folders
from groundup.serving.dashboard.door import Door
from groundup.serving.dashboard.lines import AXES
from groundup.serving.dashboard.watching import Watching

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
NEWS = 1.0  # seconds between two looks for something new to push
PING = 15.0  # seconds after which a stream without news says that it is there
MOST = 1500  # points of one line, columns of one heat map


def build(watching: Watching, key: str | None = None, hosts: frozenset[str] = frozenset()) -> FastAPI:
    """The application around runs that are watched; `hosts` are further names by which it may be called."""
    api = FastAPI(
        title="groundup dashboard", version=groundup.__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    api.add_middleware(Door, key=key, hosts=hosts)
    _add_facts(api, watching)
    _add_page(api)
    return api


def _add_facts(api: FastAPI, watching: Watching) -> None:
    @api.get("/api/state")
    def state() -> Response:
        """Runs with their last values, machine, alerts."""
        return JSONResponse(watching.state())

    @api.get("/api/series")
    def series(run: str, metric: str, axis: str = "steps", most: int = Query(MOST, ge=3, le=MOST)) -> Response:
        """Points of one metric of one run."""
        if axis not in AXES:
            return _missing(f"axis is one of {', '.join(AXES)}")
        return _found(watching.series(run, metric, axis, most))

    @api.get("/api/layers")
    def layers(run: str, metric: str, most: int = Query(240, ge=1, le=MOST)) -> Response:
        """A metric of every layer over time."""
        return _found(watching.layers(run, metric, most))

    @api.get("/api/samples")
    def samples(run: str) -> Response:
        """What the model of a run said while it learnt."""
        known = watching.runs.get(run)
        return _found(None if known is None else {"run": run, "samples": folders.samples(known)})

    @api.get("/api/settings")
    def settings(run: str) -> Response:
        """The settings of a run, flat."""
        known = watching.runs.get(run)
        return _found(None if known is None else {"run": run, "settings": known.settings})

    @api.get("/api/events")
    async def events() -> Response:
        """The state again, each time something in it is new."""
        return StreamingResponse(_news(watching), media_type="text/event-stream")


async def _news(watching: Watching) -> AsyncIterator[str]:
    told, quiet = -1, 0.0
    while not watching.ended.is_set():
        if watching.version != told:
            told, quiet = watching.version, 0.0
            state = await asyncio.to_thread(watching.state)
            yield f"data: {json.dumps(state, ensure_ascii=False, allow_nan=False)}\n\n"
        elif quiet >= PING:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(NEWS)
        quiet += NEWS


def _add_page(api: FastAPI) -> None:
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in TYPES}

    @api.get("/")
    def page() -> Response:
        return FileResponse(files["index.html"], media_type="text/html")

    @api.get("/page/{name}")
    def asset(name: str) -> Response:
        if name not in files:
            return _missing("there is no such file")
        return FileResponse(files[name], media_type=TYPES[files[name].suffix])


def _found(value: Any) -> Response:
    return _missing("there is no such run") if value is None else JSONResponse(value)


def _missing(words: str) -> Response:
    return JSONResponse({"error": words}, 404)
