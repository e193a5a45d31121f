"""Prompts, or the last tokens of a few texts, become logits in one call of compiled code, straight from and into the pages of the cache.

It takes the model's place on a processor: for one token of each text, or a few, and for prompts of any length. Models with parts
that it does not know, more texts than a step is good for, and machines without a compiler go the plain way.
"""

import ctypes
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from groundup.errors import Problem, did_you_mean
from groundup.generation.captured_step import CapturedStep
from groundup.generation.int8_pages import Int8Pages
from groundup.generation.pages import PAGE, PagedView, Pages
from groundup.generation.static_step import unsteady
from groundup.generation.step_model import described
from groundup.generation.step_weights import FLOATS, Weights, unreadable
from groundup.hardware import caches, waiting
from groundup.kernels.native import build, layout
from groundup.kernels.native.layout import KINDS
from groundup.model.reading import CacheLike
from groundup.model.rope import GROWING
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer

WAYS = ("auto", "native", "torch")  # compiled where it can be, compiled or a Problem, never compiled
MOST = 64  # tokens; more at once are faster in torch's matrix products
# What the compiled step knows of each part of a model; anything else goes the plain way.
KNOWN: dict[str, tuple[Any, ...]] = {
    "norm": ("rms", "rms_one", "layer"),
    "norm_place": ("pre", "output", "sandwich"),
    "positions": ("rotary", "learned", "none"),
    "feedforward": ("swiglu", "geglu", "geglu_exact", "gelu", "gelu_exact", "relu", "relu2", "silu"),
    "qk_norm": (False, True, "whole"),
    "embedding_norm": (False,),
    "token_types": (0,),
    "encoder": (None,),
    "mamba": (None,),
    "transformer_xl": (None,),
    "latent": (None,),
    "characters": (None,),
}
# And of these parts, what it knows of them while it reads prompts; with anything else only single tokens go through it.
READ: dict[str, tuple[Any, ...]] = {
    "norm_place": ("pre",),
    "qk_norm": (False, True),
    "local_rope_base": (0,),
    "parallel": (False,),
    "attention_cap": (0,),
    "logit_cap": (0,),
    "experts": (None,),
}
KINDS_OF_LAYERS = ("full", "window")
CACHED = FLOATS | {torch.int8: "int8"}  # in what keys and values may lie


def _outside(settings: ModelSettings, known: dict[str, tuple[Any, ...]]) -> str | None:
    """The first setting that has none of the values known of it."""
    return next(
        (f"{k} = {getattr(settings, k)}" for k, values in known.items() if getattr(settings, k) not in values), None
    )


def unknown(settings: ModelSettings) -> str | None:
    """The first part of a model that the compiled step does not know, as a setting; None if it knows them all."""
    if found := _outside(settings, KNOWN):
        return found
    if strange := set(settings.pattern) - set(KINDS_OF_LAYERS):
        return f"pattern with {min(strange)}"
    if settings.rope_scaling is not None and settings.rope_scaling.kind in GROWING:
        return f"rope_scaling of the kind {settings.rope_scaling.kind}, which changes while a text grows"
    return None


def unread(settings: ModelSettings, described: layout.Model) -> str | None:
    """The first part of a model that prompts cannot be read with, though single tokens can; None if there is none."""
    if found := _outside(settings, READ):
        return found
    layers = [described.layers[number] for number in range(described.depth)]
    matrices = [getattr(layer, name) for layer in layers for name in layout.MATRICES]
    levels = any(matrix.kind == KINDS["levels"] for matrix in [described.table, described.head, *matrices])
    return "weights that are levels" if levels else None


def unsuited(model: Transformer) -> str | None:
    """Why this very model cannot be written with by the compiled step; None if it can."""
    if type(model) is not Transformer:
        return f"a model of the class {type(model).__name__}"
    if any(tensor.device.type != "cpu" for tensor in model.state_dict().values()):
        return "weights that do not lie in the processor's memory"
    if part := unknown(model.settings):
        return part
    if model.training and any(getattr(part, "p", 0) for part in model.modules()):
        return "dropout"
    body = model.model
    matrices = [body.embed_tokens, *([] if model.settings.tied else [model.lm_head])]
    for layer in body.layers:
        matrices += [module for name, module in layer.named_modules() if name.endswith("_proj")]
    return next((why for module in matrices if (why := unreadable(module))), None)


def decoder_for(model: Transformer, way: str = "auto") -> "CompiledStep | CapturedStep | None":
    """What takes the model's place for one token of each text, compiled on processors and captured on CUDA; None: the
    model itself. `way` is one of WAYS."""
    if way not in WAYS:
        raise Problem(f"decode={way} is not known; {did_you_mean(way, WAYS)}")
    if way == "torch":
        return None
    accelerated = next(model.parameters()).device.type == "cuda"
    why = unsteady(model) if accelerated else unsuited(model)
    if accelerated and why is None:
        return CapturedStep(model)
    if why is None:
        why = build.attempt(caches.cache_folder())[1] or None
    if why is None:
        return CompiledStep(model)
    if way == "native":
        raise Problem(
            f"decode=native cannot be had for this model here: {why}. Say decode=auto to write with torch instead"
        )
    return None


def which(way: str = "auto") -> tuple[str, str]:
    """What writes tokens on this machine's processor, and what could be done about it, for `groundup doctor`."""
    if way == "torch":
        return "torch, as asked for", ""
    loaded, why = build.attempt(caches.cache_folder())
    return ("torch", why) if loaded is None else ("compiled for this processor", "")


class CompiledStep:
    """A model's compiled step, for as many tokens at once as MOST; more it hands to the model itself.

    The model's tensors may change their numbers while it lives (but for norms and biases), not their places.
    """

    def __init__(self, model: Transformer, threads: int | None = None, library: ctypes.CDLL | None = None):
        """threads: as many as torch has, if not said; library: another than the one compiled for this processor."""
        self.library = library or build.library(caches.cache_folder())
        self.model, self.settings = model, model.settings
        self.threads = threads or torch.get_num_threads()
        self.weights, self.turn = Weights(), threading.Lock()
        self.layout = described(model, self.weights)
        self.unread = unread(self.settings, self.layout)
        self._begin()

    def _begin(self) -> None:
        """Threads of our own; a process that was forked has none of its parent's and begins again."""
        self.process = os.getpid()
        self.handle = self.library.groundup_begin(ctypes.byref(self.layout), self.threads, waiting.turns())
        self._end = weakref.finalize(self, _end, self.library.groundup_end, self.handle, self.process)

    def __call__(self, ids: Tensor, pages: Pages, texts: int) -> Tensor:
        """ids (texts): the last token of rows 0 … texts - 1 of the pages -> logits (texts, vocabulary).

        Puts their keys and values into the pages, at `pages.lengths`; the engine raises these.
        """
        if not self._takes(texts, pages):
            positions = pages.lengths[:texts, None].long()
            return self.model(ids[:, None], positions, pages.view(slice(0, texts)))[:, 0]
        return self._step(ids, pages.lengths[:texts], pages.table, pages, 1)

    def several(self, ids: Tensor, positions: Tensor, view: CacheLike) -> Tensor:
        """ids, positions (texts, time): some tokens of each text that the view shows -> logits (texts, time, vocabulary).

        A token sees those that stand before it in its row, also of this very call.
        """
        texts, time = ids.shape
        if not isinstance(view, PagedView) or not self._takes(ids.numel(), view.cache):
            return self.model(ids, positions, view)
        table = view.cache.table[view.rows].repeat_interleave(time, 0)
        places = positions.expand(texts, time).flatten()
        return self._step(ids.flatten(), places, table, view.cache, time).unflatten(0, (texts, time))

    def prompt(self, ids: Tensor, positions: Tensor, view: CacheLike, last: Tensor) -> Tensor:
        """ids (texts, time), positions (texts or 1, time): next tokens of each text that the view shows, one behind the other ->
        logits (texts, vocabulary) of the one at `last` (texts); what stands behind that one is not read.

        A text gets the same bits wherever it is cut, and in any company.
        """
        if not isinstance(view, PagedView) or not self._reads(view.cache):
            return self.model(ids, positions, view, last=last)
        texts, pages = len(ids), view.cache
        counts = (last + 1).to(torch.int32)
        starts = positions[:, 0].expand(texts).to(torch.int32).contiguous()
        tokens = torch.cat([line[:count] for line, count in zip(ids, counts.tolist(), strict=True)]).to(torch.int32)
        self._check(tokens, torch.cat([starts, starts + counts - 1]), pages)
        table, logits = pages.table[view.rows].contiguous(), torch.empty(texts, self.settings.vocabulary)
        keys, values = (addresses(each, self.settings.depth) for each in (pages.k, pages.v))
        passage = layout.Passage(
            texts,
            table.shape[1],
            KINDS[FLOATS[pages.k[0].dtype]],
            tokens.data_ptr(),
            starts.data_ptr(),
            counts.data_ptr(),
            table.data_ptr(),
            ctypes.addressof(keys),
            ctypes.addressof(values),
            logits.data_ptr(),
        )
        self._run(self.library.groundup_prompt, passage)
        return logits

    def _takes(self, tokens: int, pages: Pages) -> bool:
        """Whether so many tokens at once, and such a cache, are what it is good for."""
        return tokens <= MOST and bool(pages.k) and type(pages) in (Pages, Int8Pages) and pages.k[0].dtype in CACHED

    def _reads(self, pages: Pages) -> bool:
        """Whether prompts are read into these pages; some that nobody has written into are made as the model would."""
        if self.unread or type(pages) is not Pages:
            return False
        if not pages.k:
            settings = self.settings
            like = torch.empty(1, settings.kv_heads, 1, settings.head_width, dtype=self._precision())
            for number in range(settings.depth):
                pages.layer(number, like, like)
        return pages.k[0].dtype in FLOATS

    def _precision(self) -> torch.dtype:
        """In which the model itself would keep keys and values."""
        with torch.no_grad():
            return self.model.compute or self.model.model.embed_tokens(torch.zeros(1, 1, dtype=torch.long)).dtype

    def _run(self, function: Callable[..., None], asked: ctypes.Structure) -> None:
        """In turn, for its memory serves one at a time."""
        with self.turn:
            if os.getpid() != self.process:
                self._begin()
            function(self.handle, ctypes.byref(asked))

    def _step(self, ids: Tensor, places: Tensor, table: Tensor, pages: Pages, together: int) -> Tensor:
        tokens, lengths = ids.to(torch.int32).contiguous(), places.to(torch.int32).contiguous()
        self._check(tokens, lengths, pages)
        kept = [pages.k, pages.v]
        if isinstance(pages, Int8Pages):
            kept += [pages.k_scale, pages.v_scale]
        keys, values, *stretches = (addresses(each, self.settings.depth) for each in kept)
        logits = torch.empty(len(tokens), self.settings.vocabulary)
        asked = layout.Asked(
            len(tokens),
            table.shape[1],
            KINDS[CACHED[pages.k[0].dtype]],
            together,
            tokens.data_ptr(),
            lengths.data_ptr(),
            table.data_ptr(),
            ctypes.addressof(keys),
            ctypes.addressof(values),
            *((ctypes.addressof(each) for each in stretches) if stretches else (None, None)),
            logits.data_ptr(),
        )
        self._run(self.library.groundup_step, asked)
        return logits

    def _check(self, tokens: Tensor, lengths: Tensor, pages: Pages) -> None:
        """Compiled code believes every number, so they are looked at here."""
        low, high = int(tokens.min()), int(tokens.max())
        if not 0 <= low <= high < self.settings.vocabulary:
            raise Problem(f"token ids from {low} to {high} are not all in 0 to {self.settings.vocabulary - 1}")
        longest, room = int(lengths.max()), pages.table.shape[1] * PAGE
        if self.settings.positions == "learned":
            room = min(room, self.settings.context)
        if int(lengths.min()) < 0 or longest >= room:
            raise Problem(f"a text has {longest} tokens, and {room} have room: shorten it, or give a larger context")


def _end(end: Callable[[int], None], handle: int, process: int) -> None:
    """Let the threads go; in a forked process there are none."""
    if os.getpid() == process:
        end(handle)


def addresses(kept: dict[int, Tensor], depth: int) -> ctypes.Array:
    """Where each layer's part of the cache lies."""
    return (ctypes.c_void_p * depth)(*(kept[layer].data_ptr() for layer in range(depth)))
