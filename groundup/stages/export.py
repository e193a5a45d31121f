"""Other people's formats as a stage: a trained model goes in, a Hugging Face folder, a GGUF or an ONNX file come out.

By hand:

    groundup export model=RUN/aligned formats='[hf, gguf]' --into RUN/out

Each is read back and compared before the stage ends: `check.json` says how far logits, tokens and ids differ, and the
sha256 of each file that the model was read from.
"""

import json
from pathlib import Path
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

VERSION = 2
SEEDED = False
BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 1.07, "q6_k": 0.83, "q4_k": 0.57, "q4_0": 0.57}  # a weight
ROUNDING = 1e-3  # of the largest logit: weights may be narrow here and are wide there
SAMPLE = "A text in words, 12345 numbers,\n\tспасибо, 日本語, naïve — and   spaces."


class Settings(config.Settings):
    """Write a model as other programs read it."""

    model: Input = Field(description="the model: its folder, or that of the stage that trained it")
    formats: list[Literal["hf", "gguf", "onnx"]] = Field(
        default=["hf", "gguf"],
        min_length=1,
        description="hf: a folder for transformers and vLLM; gguf: for llama.cpp; onnx: for ONNX runtimes, without a tokenizer",
    )
    type: Literal["f32", "f16", "bf16", "q8_0", "q6_k", "q4_k", "q4_0"] = Field(
        default="f32",
        description="of the matrices in the GGUF file; rows that do not fill its blocks get the next wider",
    )


def run(settings: Settings, work: Work) -> None:
    """Write each format, read it back, and compare."""
    import torch

    from groundup.model import config_json, folder, onnx_file, quantize
    from groundup.tokenizer import Tokenizer, huggingface

    torch.set_num_threads(max(1, work.machine.threads))
    source = folder.within(settings.model)
    model = folder.load(source)
    if wrong := config_json.unspeakable(model.settings):
        raise Problem(
            f"{source} is a {model.settings.family} with {', '.join(wrong)}: no other program knows such a model, "
            f"so it cannot be exported; it can be served as it is."
        )
    if quantize.is_quantised(model):
        model = folder.load(source, "f32")
    if "onnx" in settings.formats:
        onnx_file.check(model)
    tokenizer = Tokenizer.load(source) if (source / huggingface.FILE).exists() else None
    template = folder.template(source)
    checks: dict[str, Any] = {"read": folder.sha256(source)}
    for done, format in enumerate(dict.fromkeys(settings.formats)):
        work.progress(done, len(settings.formats), "formats", format)
        checks[format] = FORMATS[format](work.out, model, tokenizer, template, settings.type)
    write_atomically(work.out / "check.json", json.dumps(checks, indent=1) + "\n")
    work.progress(1, 1, "formats")


# --- each format: written, read back, compared ------------------------------------------------------------------------


def hf(
    out: Path, model: "Transformer", tokenizer: "Tokenizer | None", template: str | None, type: str
) -> dict[str, Any]:
    """A folder that comes back to the bit."""
    from groundup.model import folder
    from groundup.tokenizer import Tokenizer

    folder.save(out / "hf", model, tokenizer, template)
    back, words = folder.load(out / "hf"), Tokenizer.load(out / "hf") if tokenizer else None
    return exactly("hf", compare(model, back, tokenizer, words))


def gguf(
    out: Path, model: "Transformer", tokenizer: "Tokenizer | None", template: str | None, type: str
) -> dict[str, Any]:
    """A file that comes back to the bit if it is in f32; which matrices could not get their type is told."""
    from groundup.model import gguf as files

    otherwise = files.write(out / "model.gguf", model, tokenizer, type, template)
    back = files.read(out / "model.gguf")
    words = files.tokenizer_of(files.GGUF(out / "model.gguf"))[0] if tokenizer else None
    found = compare(model, back, tokenizer, words)
    return (exactly("gguf", found) if type == "f32" else found) | {"in_other_types": otherwise}


def onnx(
    out: Path, model: "Transformer", tokenizer: "Tokenizer | None", template: str | None, type: str
) -> dict[str, Any]:
    """A file that onnxruntime, where it is installed, computes the same logits from."""
    from importlib.util import find_spec

    from groundup.model import onnx_file

    onnx_file.write(out / "model.onnx", model)
    if find_spec("onnxruntime") is None:
        return {"largest_difference_of_logits": None}
    import onnxruntime
    import torch

    ids = _sample(model)
    (logits,) = onnxruntime.InferenceSession(out / "model.onnx").run(["logits"], {"ids": ids.numpy()})
    difference = _difference(_logits(model, ids), torch.from_numpy(logits))
    if not difference < ROUNDING:
        raise Problem(
            f"onnxruntime computes other logits from the export (off by {difference:.2g}): keep a folder or GGUF."
        )
    return {"largest_difference_of_logits": difference}


FORMATS = {"hf": hf, "gguf": gguf, "onnx": onnx}


def exactly(format: str, found: dict[str, Any]) -> dict[str, Any]:
    """What was found, if what was read back is the model itself."""
    if not (found["same_weights"] and found["same_ids"]):
        raise Problem(f"The {format} export, read back, is not the model ({found}): is the disk sound?")
    return found


def compare(
    model: "Transformer", back: "Transformer", tokenizer: "Tokenizer | None", words: "Tokenizer | None"
) -> dict[str, Any]:
    """How far what was read back is from what was written."""
    import torch

    ids = _sample(model)
    before, after = _logits(model, ids), _logits(back, ids)
    ours, theirs = model.state_dict(), back.state_dict()
    return {
        "settings": back.settings == model.settings,
        "same_weights": all(torch.equal(tensor.float(), theirs[name].float()) for name, tensor in ours.items()),
        "largest_difference_of_logits": _difference(before, after),
        "same_likeliest_tokens": round((before.argmax(-1) == after.argmax(-1)).double().mean().item(), 4),
        "same_ids": tokenizer is None
        or (words is not None and tokenizer.encode(SAMPLE).tolist() == words.encode(SAMPLE).tolist()),
    }


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Every weight is written once for each format."""
    weights = before["model"].parameters if "model" in before else 0
    width = {"hf": 4.0, "onnx": 4.0, "gguf": BYTES[settings.type]}
    disk = sum(weights * width[format] for format in set(settings.formats))
    return Estimate(
        parameters=weights,
        memory_bytes=400_000_000 + 12 * weights,
        disk_bytes=int(disk) + 500_000,
        seconds=1.0 + disk / 200e6,
    )


def _sample(model: "Transformer") -> "torch.Tensor":
    import torch

    return (torch.arange(64) * 2_654_435_761 % model.settings.vocabulary)[None, : model.settings.context]


def _difference(before: "torch.Tensor", after: "torch.Tensor") -> float:
    """The largest, as a part of the largest logit."""
    return float(f"{((before - after).abs().max() / before.abs().max().clamp(min=1e-30)).item():.2g}")


def _logits(model: "Transformer", ids: "torch.Tensor") -> "torch.Tensor":
    import torch

    with torch.inference_mode():
        told = model(ids)
    return (told[0] if isinstance(told, tuple) else told).float()  # of several heads, the first
