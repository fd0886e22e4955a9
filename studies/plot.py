"""`python -m studies.plot`: losses and their gradients as curves over the prediction, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.analysis.curves import Y_HAT
from core.common.errors import UserError, in_a_line, unknown_name
from core.common.extras import needs
from core.programs.space import OperatorSpace
from studies.common.command import make_app, run_app
from studies.plotting.chosen import SCALES, Chosen, distinct, found, named, scaled
from studies.storage.output import write_file
from studies.study.settings import TrackingUri
from studies.study.settings_training import FORMULA

app = make_app(
    "python -m studies.plot",
    "Draw losses and their gradients over predictions, for both labels: what studies found (--run), formulas and known "
    "names (--loss), beside BCE.",
)
_SCALES = "; ".join(f"{name} ({about})" for name, about in SCALES.items())


@dataclass(frozen=True, kw_only=True)
class PlotSettings:
    """Which losses, and where to."""

    loss: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """A formula such as "max(y_hat, 1/(y))", or a known name such as MaxR (repeat the option for several)."""
    run: Annotated[tuple[str, ...], Parameter(show_default=False)] = ()
    """A study, for what it found: its folder, its result.json or the id of its run in MLflow (repeat for several)."""
    beside: Annotated[str | None, FORMULA] = None
    """What the others are drawn beside, by name or formula: BCE unless given."""
    no_beside: bool = False
    """Draw nothing beside them."""
    epsilon: float | None = None
    """The smoothing term of log and reciprocal in what --loss gives, instead of their own."""
    clamp: str = "signed"
    """How operators of a formula behave: signed, paper or none."""
    xi: float = 1e-6
    """The clamp's bound for a formula."""
    scale: Annotated[str, Parameter(help=f"The heights: {_SCALES}.")] = "raw"
    out: Path = Path("loss-curves.png")
    """The file to write: .png, .svg or .pdf."""
    tracking_uri: TrackingUri = ""
    """MLflow's database or server, for the id of a run. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""

    def __post_init__(self) -> None:
        """Check what belongs together."""
        if not self.loss and not self.run:
            raise UserError("plot: expected --loss (a formula or name), --run (a study) or several of them")
        if self.beside is not None and self.no_beside:
            raise UserError("plot: expected --beside or --no-beside, got both")
        if self.scale not in SCALES:
            raise unknown_name("scale", self.scale, SCALES)
        if self.epsilon is not None and not 0 < self.epsilon <= 1:
            raise UserError(f"--epsilon: expected a number above 0 and up to 1, got {self.epsilon}")
        if self.epsilon is not None and not self.loss:
            raise UserError("--epsilon is for what --loss gives, the loss of a study has its own: leave it out")


@app.default
def plot(*, settings: Annotated[PlotSettings | None, Parameter(name="*", negative="")] = None) -> None:
    """Draw losses in one picture."""
    settings = settings or PlotSettings()
    needs("loss-search plot", "matplotlib")
    from studies.common.drawing import ENDINGS, picture  # matplotlib takes a second to load
    from studies.plotting.figure import loss_curves

    ending = settings.out.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(
            f"--out {settings.out}: expected a file whose name ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
        )
    chosen, sentences = distinct(_chosen(settings))
    losses = [scaled(one, settings.scale) for one in chosen]
    content = picture(lambda: loss_curves(losses, settings.scale), ending)
    write_file(settings.out, content)
    print(f"Drawn over predictions from {Y_HAT[0]:g} to {Y_HAT[-1]:g}, for y = 0 and y = 1, {SCALES[settings.scale]}:")
    for one in losses:
        factor = "" if one.factor is None else f" times {one.factor:.3g}"
        details = "; ".join(part for part in (one.chosen.about, one.chosen.settings) if part)
        print(f"  {one.chosen.name}{factor}: {details}")
    for sentence in (*sentences, *(sentence for one in losses for sentence in one.notes)):
        print(sentence)
    print(f"Written to {in_a_line(str(settings.out))}")


def _chosen(settings: PlotSettings) -> list[Chosen]:
    """In the order of drawing: what was found, what was given, what they stand beside."""
    space = OperatorSpace(clamp=settings.clamp, xi=settings.xi)
    losses = [found(run, settings.tracking_uri) for run in settings.run]
    losses += [named(text, space, settings.epsilon) for text in settings.loss]
    if not settings.no_beside:
        losses.append(named(settings.beside or "BCE", space, is_beside=True))
    return losses


if __name__ == "__main__":
    run_app(app)
