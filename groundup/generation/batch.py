"""Thousands of prompts at once: answered, or scored, as fast as the machine can.

For evaluation: what comes in is token ids, what goes out is token ids or log-probabilities, in the order they came in.
Texts of similar length go together, so that little is spent on filling up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from groundup.errors import Problem
from groundup.generation.captured_step import CapturedStep
from groundup.generation.compiled_step import MOST, CompiledStep
from groundup.generation.engine import GREEDY, Engine, Request
from groundup.generation.sample import Sampling, log_probabilities
from groundup.model.transformer import Transformer

READ_OUT = 512  # tokens whose logits are held at a time
CHUNK = 4096  # tokens of a forward pass: enough to keep cores busy, few enough to stay in their caches


@dataclass(frozen=True)
class Answer:
    """The tokens made, without the stop id that ended them, and why they ended: "stop" or "length"."""

    ids: list[int]
    finish: str


def generate(
    model: Transformer,
    prompts: Sequence[Sequence[int] | np.ndarray],
    max_tokens: int | Sequence[int] = 64,
    sampling: Sampling | Sequence[Sampling] = GREEDY,
    stop_ids: Sequence[int] = (),
    ends: Callable[[int, int], bool] | None = None,
    rows: int = 128,
    context: int | None = None,
    done: Callable[[int], None] | None = None,
    decoder: CompiledStep | CapturedStep | None = None,
) -> list[Answer]:
    """Go on with each prompt; `ends(prompt's index, token)` may end one earlier; `done` hears how many are finished.

    `decoder` reads and writes instead of the model where so few rows go on at once that it is the faster of the two.
    """
    limits = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else max_tokens
    samplings = [sampling] * len(prompts) if isinstance(sampling, Sampling) else sampling
    longest = max((len(prompt) + max(limit, 1) for prompt, limit in zip(prompts, limits, strict=True)), default=1)
    context = min(longest, context or model.settings.context)
    rows = min(rows, max(len(prompts), 1))
    decoder = decoder if rows <= MOST else None
    engine = Engine(model, rows, context, CHUNK, decoder=decoder, reader=decoder.prompt if decoder else None)
    stops = frozenset(stop_ids)
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    engine.cache.reserve(context)
    index_of = {}
    for index in order:
        request = Request(np.asarray(prompts[index]).tolist(), limits[index], samplings[index], stops, logprobs=False)
        index_of[engine.add(request)] = index
    made: list[list[int]] = [[] for _ in prompts]
    finishes, finished = [""] * len(prompts), 0
    while not engine.idle:
        for event in engine.step():
            index, finish = index_of[event.request], event.finish
            if finishes[index]:
                continue
            if finish != "stop":
                made[index].append(event.token)
                if ends and ends(index, event.token):
                    engine.cancel(event.request)
                    finish = "stop"
            if finish:
                finishes[index] = "stop" if finish == "complete" else finish
                finished += 1
                if done:
                    done(finished)
    return [Answer(ids, finish) for ids, finish in zip(made, finishes, strict=True)]


@torch.inference_mode()
def score(
    model: Transformer,
    rows: Sequence[Sequence[int] | np.ndarray],
    masks: Sequence[Sequence[bool] | np.ndarray] | None = None,
    done: Callable[[int], None] | None = None,
) -> list[np.ndarray]:
    """The log-probability in nats of each token after those before it, (tokens,) float32 for each row.

    With masks, only where they are true; 0 elsewhere, and at the first token, which has nothing before it.
    """
    device = next(model.parameters()).device
    texts = [torch.as_tensor(np.asarray(row, np.int64)) for row in rows]
    for text in texts:
        if len(text) and not (0 <= int(text.min()) and int(text.max()) < model.settings.vocabulary):
            raise Problem(f"a text to be scored has token ids outside 0 to {model.settings.vocabulary - 1}")
    wanted = [torch.ones(len(text), dtype=torch.bool) for text in texts]
    if masks is not None:
        wanted = [torch.as_tensor(np.asarray(mask, bool)) for mask in masks]
    scores = [np.zeros(len(text), np.float32) for text in texts]
    finished = 0
    for group in similar([len(text) for text in texts]):
        ids = pad_sequence([texts[index] for index in group], batch_first=True).to(device)
        asked = pad_sequence([wanted[index] for index in group], batch_first=True)[:, 1:].to(device)
        if asked.any():
            hidden = model.hidden(ids[:, :-1])
            found = torch.zeros(asked.shape, device=device)
            found[asked] = torch.cat(
                [
                    log_probabilities(model.head(vectors), tokens)
                    for vectors, tokens in zip(
                        hidden[asked].split(READ_OUT), ids[:, 1:][asked].split(READ_OUT), strict=True
                    )
                ]
            )
            for index, line in zip(group, found.cpu().numpy(), strict=True):
                scores[index][1:] = line[: len(texts[index]) - 1]
        finished += len(group)
        if done:
            done(finished)
    return scores


def similar(lengths: Sequence[int]) -> list[list[int]]:
    """Indices in groups of similar length, each of about CHUNK tokens with what fills it up."""
    groups: list[list[int]] = []
    for index in sorted(
        (index for index, length in enumerate(lengths) if length > 1), key=lambda index: lengths[index]
    ):
        if groups and (len(groups[-1]) + 1) * lengths[index] <= CHUNK:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
