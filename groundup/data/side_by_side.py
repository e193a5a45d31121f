"""Several things waited for at once, by a person who may look in and may stop it: connections to sites, requests to models."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

LOOK_SECONDS = 0.1  # between two looks at whether somebody asked to stop


async def all_done(
    works: Iterable[Coroutine[Any, Any, None]], stopping: Callable[[], bool], tell: Callable[[], None]
) -> None:
    """Wait until every one has ended; KeyboardInterrupt where somebody asked to stop, and none goes on then."""
    workers = [asyncio.ensure_future(work) for work in works]
    gathered = asyncio.gather(*workers)
    try:
        while not gathered.done():
            await asyncio.wait([gathered], timeout=LOOK_SECONDS)
            tell()
            if stopping():
                raise KeyboardInterrupt
        await gathered
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
