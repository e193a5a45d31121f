"""Other people's formats as a stage: a trained model goes in, a Hugging Face folder and a GGUF file come out.

By hand:

    groundup export model=RUN/aligned formats='[hf, gguf]' --into RUN/out

Each is read back and compared before the stage ends: `check.json` says how far logits, tokens and ids differ.
"""

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    import torch

    from groundup.model.transformer import Transformer
    from groundup.tokenizer import Tokenizer

VERSION = 1
SEEDED = False
SAMPLE = "A text in words, 12345 numbers,\n\tспасибо, 日本語, naïve — and   spaces."


class Settings(config.Settings):
    """Write a model as other programs read it."""

    model: Input = Field(description="the model: its folder, or that of the stage that trained it")
    formats: list[Literal["hf", "gguf"]] = Field(
        default=["hf", "gguf"], min_length=1, description="hf: a folder for transformers and vLLM; gguf: for llama.cpp"
    )
    type: Literal["f32", "f16", "bf16", "q8_0"] = Field(default="f32", description="of the matrices in the GGUF file")


def run(settings: Settings, work: Work) -> None:
    """Write each format, read it back, and compare."""
    import torch

    from groundup.model import config_json, folder, gguf, quantize
    from groundup.tokenizer import Tokenizer, huggingface

    torch.set_num_threads(max(1, work.machine.threads))
    source = folder.within(settings.model)
    model = folder.load(source)
    if wrong := config_json.unspeakable(model.settings):
        raise Problem(
            f"{source} is a {model.settings.family} with {', '.join(wrong)}: no other program knows such a model, "
            f"so it cannot be exported; it can be served as it is."
        )
    if quantize.is_int8(model):
        model = folder.load(source, "f32")
    tokenizer = Tokenizer.load(source) if (source / huggingface.FILE).exists() else None
    template, checks = folder.template(source), {}
    for done, format in enumerate(dict.fromkeys(settings.formats)):
        work.progress(done, len(settings.formats), "formats", format)
        if format == "hf":
            folder.save(work.out / "hf", model, tokenizer, template)
            back, words = folder.load(work.out / "hf"), Tokenizer.load(work.out / "hf") if tokenizer else None
        else:
            gguf.write(work.out / "model.gguf", model, tokenizer, settings.type, template)
            back = gguf.read(work.out / "model.gguf")
            words = gguf.tokenizer_of(gguf.GGUF(work.out / "model.gguf"))[0] if tokenizer else None
        checks[format] = compare(model, back, tokenizer, words)
        exact = format == "hf" or settings.type == "f32"
        if exact and not (checks[format]["same_weights"] and checks[format]["same_ids"]):
            raise Problem(f"The {format} export, read back, is not the model ({checks[format]}): is the disk sound?")
    write_atomically(work.out / "check.json", json.dumps(checks, indent=1) + "\n")
    work.progress(1, 1, "formats")


def compare(
    model: "Transformer", back: "Transformer", tokenizer: "Tokenizer | None", words: "Tokenizer | None"
) -> dict[str, Any]:
    """How far what was read back is from what was written."""
    import torch

    ids = (torch.arange(64) * 2_654_435_761 % model.settings.vocabulary)[None, : model.settings.context]
    before, after = _logits(model, ids), _logits(back, ids)
    difference = ((before - after).abs().max() / before.abs().max().clamp(min=1e-30)).item()
    ours, theirs = model.state_dict(), back.state_dict()
    return {
        "settings": back.settings == model.settings,
        "same_weights": all(torch.equal(tensor.float(), theirs[name].float()) for name, tensor in ours.items()),
        "largest_difference_of_logits": float(f"{difference:.2g}"),
        "same_likeliest_tokens": round((before.argmax(-1) == after.argmax(-1)).double().mean().item(), 4),
        "same_ids": tokenizer is None
        or (words is not None and tokenizer.encode(SAMPLE).tolist() == words.encode(SAMPLE).tolist()),
    }


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Every weight is written once for each format."""
    weights = before["model"].parameters if "model" in before else 0
    width = {"hf": 4.0, "gguf": {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.07}[settings.type]}
    disk = sum(weights * width[format] for format in set(settings.formats))
    return Estimate(
        parameters=weights,
        memory_bytes=400_000_000 + 12 * weights,
        disk_bytes=int(disk) + 500_000,
        seconds=1.0 + disk / 200e6,
    )


def _logits(model: "Transformer", ids: "torch.Tensor") -> "torch.Tensor":
    import torch

    with torch.inference_mode():
        told = model(ids)
    return (told[0] if isinstance(told, tuple) else told).float()  # of several heads, the first
