"""POST /v1/embeddings: texts become vectors, read out of the model's last layer, of length one unless asked otherwise.

Texts of one length are read together, so that nothing has to be filled up; between two readings the others' answers go on.
"""

import asyncio
import base64
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import torch
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, StringConstraints

from groundup.generation.language_model import LanguageModel
from groundup.serving import protocol
from groundup.serving.house import House
from groundup.serving.leaving import unless_gone
from groundup.serving.protocol import Asked, Id
from groundup.serving.refusal import Refusal
from groundup.serving.served import Served

MOST_TEXTS = 1024
TOGETHER = 4096  # tokens that are read at once
Text = Annotated[str, StringConstraints(min_length=1)]
Ids = Annotated[list[Id], Field(min_length=1)]


class EmbeddingsAsked(Asked):
    """POST /v1/embeddings. Ids are taken only from who says whose they are: some clients send those of other tokenizers."""

    input: (
        Text
        | Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
        | Ids
        | Annotated[list[Ids], Field(min_length=1, max_length=MOST_TEXTS)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1, le=1 << 16, description="keep the first numbers of each vector alone")
    pooling: Literal["mean", "last"] | None = Field(None, description="of all tokens (mean), or of the last one")
    normalize: bool | None = Field(None, description="false: vectors as long as the model makes them")
    tokenizer: str | None = Field(None, max_length=256, description="whose ids the input has: the model's name")

    @property
    def inputs(self) -> list[str | list[int]]:
        """Each text, or the ids of each."""
        if isinstance(self.input, str) or isinstance(self.input[0], int):
            return [self.input]  # type: ignore[list-item]
        return list(self.input)  # type: ignore[arg-type]


def add(api: FastAPI, house: House) -> None:
    """Put the route into the application."""

    @api.post("/v1/embeddings", openapi_extra=protocol.schema(EmbeddingsAsked))
    async def embed(request: Request) -> Response:
        """A vector for each text."""
        asked = protocol.read(EmbeddingsAsked, await request.body())
        model = house.model(asked.model)
        refuse_wrong(asked, model)
        order = house.order(model, asked, 1, request.scope["visit"])
        try:
            ids = await asyncio.to_thread(lambda: [model.text(each) for each in asked.inputs])
            order.reads(ids)
            found = np.empty((len(ids), model.lm.model.settings.width), np.float32)
            for rows in alike(ids):
                work = model.worker.call(
                    lambda rows=rows: vectors(model.lm, [ids[row] for row in rows], asked.pooling or "mean")
                )
                found[rows] = await unless_gone(request, work)
            order.done()
            return JSONResponse(told(asked, model, shaped(found, asked), order.usage()))
        finally:
            order.close()


def refuse_wrong(asked: EmbeddingsAsked, model: Served) -> None:
    """What can be wrong beside the fields themselves."""
    width = model.lm.model.settings.width
    if asked.dimensions and asked.dimensions > width:
        raise Refusal(
            400, f"this model's vectors have {width} dimensions: ask for fewer", "invalid_value", "dimensions"
        )
    if not isinstance(asked.inputs[0], str) and asked.tokenizer != model.name:
        message = f'ids mean something in their own tokenizer alone: send texts, or say "tokenizer": "{model.name}" if they are this model\'s'
        raise Refusal(400, message, "whose_ids", "input")


def alike(ids: list[list[int]]) -> Iterator[list[int]]:
    """Numbers of texts that are as long as each other, as many as are read at once."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    rows: list[int] = []
    for row in order:
        if rows and (len(ids[row]) != len(ids[rows[0]]) or len(ids[row]) * (len(rows) + 1) > TOGETHER):
            yield rows
            rows = []
        rows.append(row)
    yield rows


@torch.inference_mode()
def vectors(lm: LanguageModel, ids: list[list[int]], pooling: str) -> np.ndarray:
    """Texts of one length -> (texts, width): what the last layer knows of the last token, or on average of all."""
    device = next(lm.model.parameters()).device
    hidden = lm.model.hidden(torch.tensor(ids, device=device)).float()  # (texts, time, width)
    return (hidden[:, -1] if pooling == "last" else hidden.mean(1)).cpu().numpy()


def shaped(found: np.ndarray, asked: EmbeddingsAsked) -> np.ndarray:
    """The first dimensions, then of length one."""
    found = found[:, : asked.dimensions]
    if asked.normalize is False:
        return found
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def told(asked: EmbeddingsAsked, model: Served, found: np.ndarray, usage: dict[str, int]) -> dict[str, Any]:
    """As OpenAI writes it: numbers, or their bytes (little-endian f32) in base64."""
    packed = asked.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(each.astype("<f4").tobytes()).decode() if packed else each.tolist(),
        }
        for index, each in enumerate(found)
    ]
    usage = {name: usage[name] for name in ("prompt_tokens", "total_tokens")}
    return {"object": "list", "data": data, "model": model.name, "usage": usage}
