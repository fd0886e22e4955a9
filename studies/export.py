"""`python -m studies.export`: a loss as a torch module, sympy expression, LaTeX or JSON, for use elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from core.common.errors import UserError, unknown_name
from core.export.exported import FORMS, Exported
from core.export.set_loss import SET_FORMS
from core.losses.loss import ProgramLoss
from core.losses.setwise.registry import ALIASES, RANKING_LOSSES, parse_set_loss
from core.phases.picking import Pick
from core.programs.sets.expression import Expression
from core.programs.sets.formula import formula_of
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import find_named_loss, make_loss
from studies.common.command import make_app, run_app
from studies.exporting.finding import find_study
from studies.exporting.stored import StoredStudy
from studies.exporting.stored_loss import StoredLoss
from studies.storage.output import write_file
from studies.study.settings import TrackingUri
from studies.study.settings_training import FORMULA

app = make_app(
    "python -m studies.export",
    "Take a loss home: what a study found (--run), or any formula or known name (--loss), in a form for use elsewhere.",
)
_FORMS = "; ".join(f"{name} ({form.about})" for name, form in FORMS.items())


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Which loss, and how."""

    run: str | None = None
    """A study: its folder, such as results/rl-ml-100k-mf-0, or the id of its run in MLflow (or that of a loss)."""
    loss: Annotated[str | None, FORMULA] = None
    """A formula such as "max(y_hat, 1/(y))", or a known name such as MaxR, in place of a study."""
    to: Annotated[str, Parameter(help=f"The form: {_FORMS}.")] = "torch"
    out: Path | None = None
    """The file to write, instead of the terminal."""
    pick: str | None = None
    """Which of the study's losses: best, complexity<=5 (operators) or within<=0.001; the found loss unless given."""
    name: Annotated[str | None, FORMULA] = None
    """The loss of the study with this formula or name."""
    simplified: bool = False
    """Write the simplified formula, whose gradient is the same."""
    epsilon: float | None = None
    """The smoothing term of log and reciprocal, instead of the loss's own."""
    clamp: str = "signed"
    """How operators of a formula given with --loss behave: signed, paper or none."""
    xi: float = 1e-6
    """The clamp's bound for a formula given with --loss."""
    tracking_uri: TrackingUri = ""
    """MLflow's database or server, for the id of a run. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""

    def __post_init__(self) -> None:
        """Check what belongs together."""
        if (self.run is None) == (self.loss is None):
            raise UserError("export: expected either --run (a study) or --loss (a formula or name)")
        if self.to not in FORMS:
            raise unknown_name("form", self.to, FORMS)
        if self.loss is not None and (self.pick is not None or self.name is not None):
            raise UserError("--pick and --name choose among the losses of a study: give --run, or leave them out")
        if self.pick is not None and self.name is not None:
            raise UserError("export: expected --pick or --name, got both")
        if self.epsilon is not None and not 0 < self.epsilon <= 1:
            raise UserError(f"--epsilon: expected a number above 0 and up to 1, got {self.epsilon}")


@app.default
def export(*, settings: Annotated[ExportSettings | None, Parameter(name="*", negative="")] = None) -> None:
    """Write one loss in one form."""
    settings = settings or ExportSettings()
    if (of_rankings := _of_rankings(settings)) is not None:
        expression, origin = of_rankings
        _write(settings, _form_of_rankings(settings.to)(expression, origin), formula_of(expression))
        return
    exported = _formula(settings) if settings.loss is not None else _found(settings)
    if settings.simplified:
        exported = exported.in_simple_form()
    _write(settings, FORMS[settings.to].write(exported), exported.name)


def _write(settings: ExportSettings, text: str, name: object) -> None:
    if settings.out is None:
        sys.stdout.write(text)
    else:
        write_file(settings.out, text.encode())
        print(f"Written to {settings.out}: {name}")


def _of_rankings(settings: ExportSettings) -> tuple[Expression, list[str]] | None:
    """A loss of rankings and where it comes from; None for one of predictions."""
    if settings.run is not None:
        study, name = find_study(settings.run, settings.tracking_uri)
        stored = _stored(settings, study, name)
        if stored.loss is None:
            return None
        if stored.expression is None:
            raise UserError(f"loss {stored.name}: expected one of scores alone, got one that needs more")
        return stored.expression, [f"Found as {stored.name}.", *study.came_to(stored)]
    assert settings.loss is not None
    if find_named_loss(settings.loss) is not None:
        return None
    name = settings.loss.partition(":")[0].strip().lower()
    if name in {known.lower() for known in (*RANKING_LOSSES, *ALIASES)}:
        return _expression(settings.loss), []
    with suppress(UserError):
        return _expression(settings.loss), []
    return None


def _expression(line: str) -> Expression:
    loss = parse_set_loss(line)
    if loss.expression is None or loss.needs:
        raise UserError(f"loss {loss.name}: expected one of scores alone, got one that needs {', '.join(loss.needs)}")
    return loss.expression


def _form_of_rankings(name: str) -> Callable[[Expression, Sequence[str]], str]:
    if name not in SET_FORMS:
        raise UserError(f"--to: a loss of rankings leaves as {', '.join(SET_FORMS)}, got {name}")
    return SET_FORMS[name][0]


def _stored(settings: ExportSettings, study: StoredStudy, name: str | None) -> StoredLoss:
    """What is asked for of a study; `name` is that of the run in MLflow."""
    name = settings.name or name
    if name is not None and settings.pick is None:
        return study.named(name)
    return study.picked(Pick.parse(settings.pick or study.settings.judging.pick))


def _formula(settings: ExportSettings) -> Exported:
    """A formula or a known name as a loss."""
    assert settings.loss is not None
    loss = make_loss(settings.loss, OperatorSpace(clamp=settings.clamp, xi=settings.xi), settings.epsilon)
    named = find_named_loss(settings.loss)
    if named is None:
        assert isinstance(loss, ProgramLoss)
        return Exported(str(loss.program), loss)
    return Exported(named.formula or named.name, loss, (f"{named.name}: {named.source}.",))


def _found(settings: ExportSettings) -> Exported:
    """A loss of a study."""
    assert settings.run is not None
    study, name = find_study(settings.run, settings.tracking_uri)
    exported = study.exported(_stored(settings, study, name))
    loss = exported.loss
    if settings.epsilon is not None and isinstance(loss, ProgramLoss):
        message = f"The smoothing term here is {settings.epsilon:g}, in the study it was {loss.smoothing:g}."
        if loss.scale != 1:
            message += " The scale is still the one that was measured with that."
        loss = replace(loss, epsilon=settings.epsilon)
        exported = Exported(exported.name, loss, (message, *exported.origin), exported.details)
    return exported


if __name__ == "__main__":
    run_app(app)
