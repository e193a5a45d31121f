"""Before the load: is anybody there, does the key fit, which model answers? One request is made that is not counted.

What is wrong is said here as a sentence, before a thousand requests find it out one by one.
"""

import asyncio
import json
from dataclasses import replace

from groundup.errors import Problem, did_you_mean
from groundup.evaluation.load.answer import Target, answered, refused
from groundup.evaluation.load.connection import Broken
from groundup.evaluation.load.orders import Order

PATIENCE = 20.0  # seconds for the list of models


async def met(target: Target, order: Order) -> Target:
    """The target with its model named, after it has answered once."""
    known = await _models(target)
    if target.model is None:
        if not known:
            raise Problem(f"{target.connections.url} does not say which models it has: name one with --model")
        target = replace(target, model=known[0])
    outcome = await answered(target, order, 0.0, asyncio.get_running_loop().time)
    if outcome.right:
        return target
    kind, said = outcome.error or "", outcome.said
    if kind.startswith(("401", "403")):
        raise _wrong_key(target)
    if target.model not in known and kind.startswith(("400", "404", "500", "502")) and known:
        raise Problem(f"{target.connections.url} has no model {target.model}; {did_you_mean(str(target.model), known)}")
    raise Problem(f"{target.connections.url} does not answer a first request: {kind}: {said}")


async def _models(target: Target) -> list[str]:
    """The models that the server lists; none where it has no list."""
    url = target.connections.url
    try:
        async with asyncio.timeout(PATIENCE):
            async with target.connections.ask("GET", "/models", b"", target.key) as answer:
                status, body = answer.status, await answer.whole()
    except TimeoutError:
        raise Problem(f"{url} takes connections and says nothing for {PATIENCE:g} s: is it still loading?") from None
    except Broken as error:
        raise Problem(f"{url} is no server of OpenAI's API: {error}") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise Problem(
            f"nobody answers at {url} ({why}): start a server, as with groundup serve, or name another address"
        ) from None
    if status in (401, 403):
        raise _wrong_key(target)
    if status >= 500:
        told = refused(status, body)
        raise Problem(f"{url} is not ready: {told.kind}: {told.said}")
    try:
        return [str(model["id"]) for model in json.loads(body)["data"]]
    except (ValueError, KeyError, TypeError):
        return []


def _wrong_key(target: Target) -> Problem:
    which = "takes no request without a key" if not target.key else "does not take this key"
    return Problem(f"{target.connections.url} {which}: give the right one with --key or GROUNDUP_API_KEY")
