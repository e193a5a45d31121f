"""The routes that only tell, the pages, and the one that brings new weights in: nothing here makes a model write."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

import groundup
from groundup.errors import Problem
from groundup.serving import protocol
from groundup.serving.house import House
from groundup.serving.refusal import Refusal
from groundup.tokenizer import report

PAGE, VIEW = (
    Path(__file__).parent / "page",
    Path(report.__file__).parent,
)  # of the tokens of a text: the report shows it, too
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LoadAsked(BaseModel):
    """POST /v1/models/load. A name and never a path: what is read lies where the server was told when it started."""

    model_config = ConfigDict(strict=True, extra="ignore")
    model: str | None = Field(None, max_length=256, description="a name of /v1/models; the first one if left out")


def add_facts(api: FastAPI, house: House, suggestions: list[str]) -> None:
    """What models there are, how the server is, what it has counted."""

    @api.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Every model, the default one first."""
        return {"object": "list", "data": [model.about() for model in house.models.values()]}

    @api.post("/v1/models/load", openapi_extra=protocol.schema(LoadAsked))
    async def load(request: Request) -> Response:
        """Read a model again: new requests get the new weights, those under way end with the old ones."""
        name = house.model(protocol.read(LoadAsked, await request.body() or b"{}").model).name
        try:
            going_on = await house.reload(name)
        except Problem:  # its sentence names places on this machine, and goes to the log alone
            raise Refusal(
                422, f"{name} cannot be read again, and the old weights stay: see the server's log", "unreadable"
            ) from None
        return JSONResponse({**house.model(name).about(), "answers_on_old_weights": going_on})

    @api.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One model."""
        return house.model(name).about()

    @api.get("/v1/suggestions")
    async def suggested() -> dict[str, Any]:
        """Questions worth asking, for the chat page."""
        return {"object": "list", "data": suggestions}

    @api.head("/health", include_in_schema=False)
    @api.get("/health")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @api.head("/ready", include_in_schema=False)
    @api.get("/ready")
    async def ready() -> Response:
        """Every model is loaded, its engine alive and not stuck, and the server is not about to stop."""
        state = house.state()
        return JSONResponse({"status": state}, 200 if state == "ready" else 503)

    @api.get("/metrics")
    async def metrics() -> Response:
        """Counts, for Prometheus."""
        return PlainTextResponse(house.counts(), media_type="text/plain; version=0.0.4")

    @api.get("/version")
    async def version() -> dict[str, str]:
        """Of the program."""
        return {"version": groundup.__version__}


def add_page(api: FastAPI) -> None:
    """The pages: files of the package, each named here by being there when the server starts."""
    files = {path.name: path for folder in (PAGE, VIEW) for path in folder.iterdir() if path.suffix in TYPES}

    @api.get("/", include_in_schema=False)
    async def page() -> Response:
        return _file(files["index.html"])

    @api.get("/tokenizer", include_in_schema=False)
    async def tokenizer() -> Response:
        return _file(files["tokenizer.html"])

    @api.get("/page/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in files:
            raise Refusal(404, "there is no such file", "not_found")
        return _file(files[name])


def _file(path: Path) -> Response:
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
    return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)
