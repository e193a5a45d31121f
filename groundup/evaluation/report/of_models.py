"""What the report tells of the models: how they learnt, what they wrote meanwhile, what smaller weights cost, how to serve them."""

from groundup.evaluation.report.charts import Curve, curves
from groundup.evaluation.report.gather import Facts, Findings, Training
from groundup.evaluation.report.wording import count, percent, signed, size

OBJECTIVES = {
    "next_token": "learns to go on with pages",
    "answers": "learns to answer, from dialogues",
    "preference": "learns what is preferred, from pairs",
    "sequence_to_sequence": "learns to write a target after reading its source",
}
SHOWN = 6  # samples of one prompt


def training(found: Findings, tones: dict[str, str]) -> Facts | None:
    """Curves and samples of each model."""
    if not any(each.lines for each in found.models.values()):
        return None
    largest = max(each.parameters for each in found.models.values())
    seconds = [each.tokens_per_second for each in found.models.values() if each.tokens_per_second]
    lead = f"{'One model' if len(found.models) == 1 else 'The models'} of {count(largest)} parameters"
    if len(found.models) > 1:
        lead += ", each going on from the weights of the one before it"
    if seconds:
        lead += f". Training ran at {count(min(seconds))}"
        lead += f" to {count(max(seconds))} tokens/s" if count(min(seconds)) != count(max(seconds)) else " tokens/s"
    return {
        "lead": lead + ".",
        "models": [_model(name, each, tones[name]) for name, each in found.models.items() if each.lines],
        "copied": _copied(found),
        "samples": [told for name, each in found.models.items() for told in _samples(name, each, tones[name])],
    }


def _copied(found: Findings) -> str:
    """Whether the first model writes its own text or the one it was trained on."""
    name = next(iter(found.models))
    told = (found.scores or {}).get(name, {}).get("copied")
    if not told:
        return ""
    run = "16" if "16" in told else next(iter(told))
    return (
        f"Of what {name} writes freely, {percent(told[run]['written'])} lies in runs of {run} tokens that stand in the "
        f"training text; of the held-out pages, which it never saw, {percent(told[run]['held_out'])}: the town repeats itself, "
        "and only what lies above that is learnt by heart."
    )


def _model(name: str, each: Training, tone: str) -> Facts:
    loss, held_out = each.curve("loss"), each.curve("validation")
    lines = [Curve(f"{name}, loss", tone, loss)]
    # Held-out text is read as pages; only where pages are learnt do both curves measure the same.
    if each.objective in ("next_token", "") and len(held_out) > 1:
        lines.append(Curve(f"{name}, held out", tone, held_out, dashed=True))
    words = f"{loss[-1][0]:,.0f} steps, loss {loss[0][1]:.3g} to {loss[-1][1]:.3g}" if loss else ""
    tokens = each.curve("tokens")
    if tokens:
        words += f", {count(tokens[-1][1])} tokens"
    bits = each.curve("bits_per_byte")
    if bits:
        words += f"; held-out pages {bits[-1][1]:.3f} bits per byte"
    return {
        "name": name,
        "tone": tone,
        "objective": OBJECTIVES.get(each.objective, each.objective),
        "chart": curves(lines, "step", "nats", f"loss of {name} by step"),
        "words": words + ".",
    }


def _samples(name: str, each: Training, tone: str) -> list[Facts]:
    """For each prompt what was written after it, step by step."""
    told = []
    for prompt in dict.fromkeys(sample["prompt"] for sample in each.samples):
        some = [sample for sample in each.samples if sample["prompt"] == prompt]
        every = max(1, -(-(len(some) - 1) // (SHOWN - 1))) if len(some) > SHOWN else 1
        kept = some[::every] if some[-1] in some[::every] else [*some[::every], some[-1]]
        before = prompt if each.objective in ("next_token", "") else ""
        told.append(
            {
                "name": name,
                "tone": tone,
                "prompt": f"\N{LEFT DOUBLE QUOTATION MARK}{prompt}\N{RIGHT DOUBLE QUOTATION MARK}",
                "lines": [{"step": f"{s['step']:,}", "before": before, "text": s["text"] or "(nothing)"} for s in kept],
            }
        )
    return told


def price(found: Findings) -> Facts | None:
    """What 8 bits cost and save."""
    told = found.price
    if told is None:
        return None
    before, after = told["bytes_before"], told["bytes_after"]
    lead = f"The last model's matrices in {told['kind']}: its file is {before / max(after, 1):.1f} times smaller"
    change = told.get("bits_per_byte_change")
    rows = [["file of the weights", size(before), size(after), signed(after / before - 1, 0)]]
    if change is not None:
        words = "less surprised" if change < 0 else "more surprised"
        lead += f", and it is {abs(100 * change):.2f} % {words} by text it has not seen"
        row = [f"{told[name]:.4f}" for name in ("bits_per_byte_before", "bits_per_byte_after")]
        rows.append(["bits per byte of held-out text", *row, signed(change, 3)])
    return {"lead": lead + ".", "names": ["as trained", told["kind"], "change"], "rows": rows}


def serve(found: Findings, place: str) -> list[Facts]:
    """Commands that put the models to use."""
    told = [
        {
            "words": "A chat page and an API that OpenAI's clients can talk to, on this machine, until Ctrl-C:",
            "command": f"groundup serve {place}",
        },
        {
            "words": "Then, from anywhere on it:",
            "command": 'curl http://127.0.0.1:8000/v1/chat/completions -H "Content-Type: application/json" \\\n'
            '  -d \'{"messages": [{"role": "user", "content": "Who are you?"}], "max_tokens": 60}\'',
        },
        {
            "words": "In Python:",
            "command": f'import groundup\nlm = groundup.load("{place}/model")\n'
            'print(lm.chat([{"role": "user", "content": "Who are you?"}], temperature=0.7))',
        },
    ]
    if found.export is not None:
        checked = [name for name, check in found.export.items() if check.get("same_ids")]
        told.append(
            {
                "words": f"In other programs; what was exported ({', '.join(checked)}) was read back and compared "
                "with the model before this was written:",
                "command": f'transformers: AutoModelForCausalLM.from_pretrained("{place}/export/hf")\n'
                f"llama.cpp:    llama-cli -m {place}/export/model.gguf",
            }
        )
    return told
