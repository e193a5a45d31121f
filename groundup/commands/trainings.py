"""Commands about one training: a step computed again, the learning rates that a model bears, one batch learnt by heart."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from groundup.training.loop import Training

PANEL = "Training, looked into"


def replay(
    run: str = typer.Argument(..., metavar="RUN@STEP", help="A training and the step of it, 1 being the first."),
) -> None:
    """Compute one step of a training again: loss, terms, gradient of each layer, and whose texts it read.

    It begins at the last checkpoint before the step (training.keep_every keeps some), or at the very start.

    Example:  groundup replay runs/base@137
    """
    from groundup.recipe.started import aside, started
    from groundup.stages.train import prepare
    from groundup.training.loop import Training
    from groundup.training.replay import replay as again
    from groundup.training.replay import words

    found = started(run)
    with aside(found.settings, found.seed, found.chosen) as work:
        ready = prepare(found.settings, work)
        _check_step(found.step, ready.training.steps)
        training = Training(ready.model, ready.objective, ready.training, ready.model.compute)
        first = _load(training, [found.checkpoint(step) for step in found.steps if step < found.step], ready.hooks.fork)
        typer.echo(f"step {found.step} of {found.folder.name}, from {'step ' + str(first) if first else 'the start'}")
        for step in range(first, found.step - 1):
            training.advance(step)
        for line in words(again(training, found.step)):
            typer.echo(line)


def _check_step(step: int, steps: int) -> None:
    from groundup.errors import Problem

    if not 1 <= step <= steps:
        raise Problem(f"step {step} is none of this training, which has steps 1 to {steps}.")


def _load(training: "Training", places: list[Path], fork: Path | None) -> int:
    """The state of the latest whole checkpoint among those, else what the training itself began with; its step."""
    from groundup.errors import Problem
    from groundup.training import checkpoint

    for place in reversed(places):
        try:
            found = checkpoint.load(place)
        except Problem as problem:
            typer.echo(f"groundup: {problem}", err=True)
            continue
        checkpoint.restore(training.state, found.state)
        training.masters.show()
        return found.step
    if fork is None:
        return 0
    found = checkpoint.load(fork)
    checkpoint.graft(training.state, found.state)
    training.masters.show()
    return found.step


def range_(
    words: list[str] = typer.Argument(None, metavar="NAME=VALUE…", help="Settings of the training, as for train."),
    steps: int = typer.Option(100, min=10, help="Steps, each at larger rates than the one before."),
    low: float = typer.Option(0.01, min=1e-9, help="Factor of all learning rates at the first step."),
    high: float = typer.Option(30.0, help="Factor at the last step."),
    seed: int = typer.Option(1, "--seed", min=0, help="Of all that is random."),
) -> None:
    """Find out which learning rates a training bears: they grow from step to step until the loss runs away.

    Example:  groundup range data=runs/tokens model.depth=6
    """
    from groundup import config
    from groundup.errors import Problem
    from groundup.recipe.started import aside
    from groundup.stages.train import Settings, prepare
    from groundup.training.loop import Training
    from groundup.training.optimizers.rules import rules_of
    from groundup.training.range import flat, range_test

    if high <= low:
        raise Problem(f"--high {high} is not above --low {low}: the rates must grow.")
    settings = config.build(Settings, config.overrides(words or []))
    with aside(settings, seed, {}) as work:
        ready = prepare(settings, work)
        training = Training(ready.model, ready.objective, flat(ready.training, steps), ready.model.compute)
        found = range_test(training, steps, low, high, work.progress)
    rules = rules_of({**training.parameters}, training.settings.optimizer).values()
    rates = sorted({rule.rate for rule in rules})
    typer.echo(f"{'factor':>9}  {'loss':>8}   (factors of the rates {', '.join(f'{rate:g}' for rate in rates)})")
    for factor, loss in list(zip(found.factors, found.losses, strict=True))[:: max(1, len(found.factors) // 20)]:
        typer.echo(f"{factor:9.4g}  {loss:8.4f}")
    typer.echo(f"the loss fell fastest at factor {found.fastest:.3g} and was lowest at {found.lowest:.3g}")


def overfit(
    words: list[str] = typer.Argument(None, metavar="NAME=VALUE…", help="Settings of the training, as for train."),
    steps: int = typer.Option(40, min=1, help="Steps on that one batch."),
    seed: int = typer.Option(1, "--seed", min=0, help="Of all that is random."),
) -> None:
    """Before a long training: can its model learn its first batch by heart? Exit code 0 if it can, 2 if not.

    The batch is what fits into memory at once (rows / accumulate), the optimizer is the training's own at a constant rate.

    Example:  groundup overfit data=runs/tokens model.depth=6
    """
    from groundup import config
    from groundup.recipe.started import aside
    from groundup.stages.train import Settings, prepare
    from groundup.training.overfit import overfit as learn
    from groundup.training.overfit import verdict

    settings = config.build(Settings, config.overrides([*(words or []), "training.overfit=false"]))  # not twice
    with aside(settings, seed, {}) as work:
        ready = prepare(settings, work)
        found = learn(ready.model, ready.objective, ready.training, ready.model.compute, work.stopping, steps)
    typer.echo(verdict(*found, steps))


def add(app: typer.Typer) -> None:
    """Put them into the table of contents."""
    app.command(rich_help_panel=PANEL)(replay)
    app.command("range", rich_help_panel=PANEL)(range_)
    app.command(rich_help_panel=PANEL)(overfit)
