"""How many tokens an engine may remember: as many as its texts can have, if half of the memory that is there suffices."""

import torch

from groundup.errors import Problem
from groundup.generation.pages import PAGE, pages_for
from groundup.hardware import look
from groundup.model import cost
from groundup.model.transformer import Transformer

SHARE = 0.5  # of the memory that is available now
LITTLE = 64 << 20  # bytes that are not worth asking for


def bytes_per_page(model: Transformer, store: str, share: bool) -> float:
    """What a store keeps of a page: in int8 a byte for each number, and a scale for each token and head; where texts lie
    side by side, what they share lies there a second time."""
    settings = model.settings
    if store == "int8":
        return cost.kv_bytes(settings, PAGE, 1) * (1 + 4 / settings.head_width)
    number = (model.compute or next(model.parameters()).dtype).itemsize
    return cost.kv_bytes(settings, PAGE, number) * (2 if share and store == "rows" else 1)


def pages_allowed(wanted: int, least: int, each: float, device: torch.device) -> int:
    """So many pages of `each` bytes, fewer if memory is short, but never less than one text may need."""
    if wanted <= least or wanted * each <= LITTLE:
        return max(wanted, least)
    return max(least, min(wanted, int(available(device) * SHARE / each)))


def pages_asked(tokens: int, context: int) -> int:
    """Pages for as many tokens as a person allowed."""
    if tokens // PAGE < pages_for(context):
        raise Problem(
            f"the cache may hold {tokens} tokens, and a single text may have {context}: allow at least "
            f"{pages_for(context) * PAGE}, or give a smaller context"
        )
    return tokens // PAGE


def available(device: torch.device) -> int:
    """Bytes that can still be had on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return look().memory_available_bytes
