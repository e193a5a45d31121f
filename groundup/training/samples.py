"""A few words from a model in training, to be read beside its loss: the likeliest next token, again and again.

Rows are continued together from their prompts; what serving needs (caches, sampling, stops) is left to the engine.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from groundup.run import write_atomically
from groundup.tokenizer import Tokenizer, chat

Sample = Callable[[nn.Module, int], None]  # (model, step)


@torch.no_grad()
def greedy(model: nn.Module, prompts: Sequence[np.ndarray], tokens: int, stops: Sequence[int] = ()) -> list[list[int]]:
    """prompts (each (time)) -> the ids that the model finds likeliest after each, up to `tokens` or a stop."""
    device = next(model.parameters()).device
    room = max(map(len, prompts)) + tokens
    ids = torch.zeros(len(prompts), room, dtype=torch.int64, device=device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.from_numpy(prompt.astype(np.int64)).to(device)
    for _ in range(tokens):
        known = ids[:, : int(lengths.max())]
        ids[torch.arange(len(ids), device=device), lengths] = model(known, last=lengths - 1).argmax(-1)
        lengths += 1
    made = [ids[row, len(prompt) : len(prompt) + tokens].tolist() for row, prompt in enumerate(prompts)]
    return [row[: next((at for at, token in enumerate(row) if token in stops), len(row))] for row in made]


def sampler(tokenizer: Tokenizer, prompts: Sequence[str], template: str | None, tokens: int, path: Path) -> Sample:
    """Adds to the JSON lines at `path` what a model says at a step; lines of that step and later ones are replaced.

    Prompts are beginnings of pages or, with a chat template, what a user says.
    """
    stops, lead = chat.stop_ids(tokenizer, template or "plain"), chat.lead(tokenizer, template)
    if template is None:
        before = np.array(chat.separator_ids(tokenizer), np.int64)
        ids = [np.concatenate([before, tokenizer.encode(text).astype(np.int64)]) for text in prompts]
    else:
        talks = [[{"role": "user", "content": text}] for text in prompts]
        ids = [made.ids for made in chat.render_many(tokenizer, talks, template, reply=True)]

    def sample(model: nn.Module, step: int) -> None:
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        lines = [line for line in old if json.loads(line)["step"] < step]
        for prompt, row in zip(prompts, greedy(model, ids, tokens, stops), strict=True):
            text = tokenizer.decode(row).removeprefix(lead)
            lines.append(json.dumps({"step": step, "prompt": prompt, "text": text}, ensure_ascii=False))
        write_atomically(path, "\n".join(lines) + "\n")

    return sample
