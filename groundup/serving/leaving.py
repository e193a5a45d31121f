"""Clients that leave before their answer: whatever is done for them is given up at once."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from fastapi import Request

from groundup.serving.refusal import Refusal


async def left(receive: Any) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(request: Request, work: "Coroutine | asyncio.Future | Future") -> Any:
    """The result of the work, which is given up when the client leaves."""
    task = asyncio.ensure_future(asyncio.wrap_future(work) if isinstance(work, Future) else work)
    leaving = asyncio.ensure_future(left(request.receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refusal(499, "the client has left")
        return task.result()
    finally:
        task.cancel()
        leaving.cancel()
