"""`groundup lens`: a model reads one text, and a page shows who looked at whom and what each layer would have said."""

from pathlib import Path

import typer

MOST = 512  # tokens; the maps of a longer text could not be told apart any more


def lens(
    model: str = typer.Argument(..., metavar="MODEL", help="A model's folder, a GGUF file, or the folder of a recipe."),
    text: str = typer.Argument(..., help="What it reads."),
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Write lens.html into this folder."),
    most: int = typer.Option(96, min=1, max=MOST, help="Of a longer text, only its last so many tokens are looked at."),
) -> None:
    """Look inside a model while it reads: attention of every head, each layer's guesses, the length of vectors.

    Example:  groundup lens runs/tour "Anna went to the mill. Where is Anna?" --into runs/lens
    """
    from groundup.commands.models import load
    from groundup.errors import Problem

    if into.is_file() or (into.is_dir() and any(into.iterdir()) and not (into / "lens.html").exists()):
        raise Problem(f"{into} is there and holds something else: name a new folder with --into")
    lm = load(model)
    ids = lm.ids(text)
    if len(ids) > most:
        typer.echo(f"groundup: of {len(ids)} tokens the last {most} are looked at: more with --most", err=True)
    page = drawn(lm, Path(model).resolve().name, ids[-most:])
    into.mkdir(parents=True, exist_ok=True)
    (into / "lens.html").write_text(page, encoding="utf-8")
    typer.echo(f"made {into / 'lens.html'}")


def drawn(lm, name: str, ids: list[int]) -> str:
    """The page of these ids."""
    import torch

    from groundup.evaluation.report.of_lens import GUESSES, page
    from groundup.model.lens import likeliest, look, said_by_layers
    from groundup.tokenizer.report import shown

    seen = look(lm.model, torch.tensor(ids, device=next(lm.model.parameters()).device))
    best, chances = likeliest(said_by_layers(lm.model, seen), GUESSES)
    guesses = [
        [
            [(shown(lm.tokenizer, token), chance) for token, chance in zip(*each, strict=True)]
            for each in zip(*layer, strict=True)
        ]
        for layer in zip(best.tolist(), chances.tolist(), strict=True)
    ]
    costs = -seen.logits.log_softmax(-1)[:-1].gather(-1, seen.ids[1:, None])[:, 0]
    return page(
        name,
        [shown(lm.tokenizer, token) for token in ids],
        {layer: shares.cpu().numpy() for layer, shares in seen.attention.items()},
        guesses,
        seen.residual.norm(dim=-1).tolist(),
        [None, *costs.tolist()],
    )
