"""What can be set about a search and about what it found.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from core.common.errors import UserError
from core.phases.picking import Pick
from core.programs.operators import OPERATORS, PAPER_OPERATORS
from core.programs.operators.choice import chosen_operators, operators_text
from core.search.effectiveness import check_epochs
from recommenders.tasks.losses import NAMED_LOSSES
from studies.study.parts import check_finite
from studies.study.problems import LOSS, PROBLEMS, parse_problem
from studies.study.problems import YOUR_OWN as YOUR_OWN_PROBLEM
from studies.study.settings_training import FORMULA, PRESETS, SPACED, check_choice, listed

OPERATORS_HELP = (
    f"What candidates are made of: {', '.join(PAPER_OPERATORS)} unless given. +exp,+softplus adds to these, -log takes "
    "away, add,mul,log replaces them. There are also "
    + "; ".join(f"{name} ({row.meaning})" for name, row in OPERATORS.items() if not row.in_paper)
    + "."
)


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What is searched, and for how long, whatever the problem."""

    problem: Annotated[str, Parameter(help=listed("What is searched", PROBLEMS) + YOUR_OWN_PROBLEM)] = LOSS
    trainings: int = 200
    """How many candidate losses Phase I trains."""
    minutes: float | None = None
    """End Phase I after this time, if it comes first."""
    samples_per_training: int = 5_000
    """When so many proposals in a row bring nothing to train, the search is at a dead end."""
    guess: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """Formulas that the searcher proposes first and learns from (repeat the option for several)."""
    candidates_per_step: int = 16
    """How many candidates are trained together from the same recommender; 1 is Algorithm 1 to the letter."""
    duplicates: str | None = None
    """What a duplicate is told: the reward of its original (the paper; default if alternating) or nothing (default if
    from-scratch, where it would pay a searcher for proposing one loss for ever)."""
    eta: float = 0.001
    """The fall in validation score that the reward filter still accepts."""

    def __post_init__(self) -> None:
        """Check all values."""
        check_finite(self)
        parse_problem(self.problem)
        if self.duplicates is not None:
            check_choice("duplicates", self.duplicates, ("original", "nothing"))


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """What candidate losses are made of, and how they are trained and tested in a search."""

    preset: Annotated[
        str,
        Parameter(
            help=listed("How losses are trained and judged", PRESETS) + " What it decides can be given beside it."
        ),
    ] = "tuned"
    environment: str | None = None
    """Where rewards come from: alternating (Algorithm 1; of presets fast and paper) or from-scratch (always the same
    fresh recommender; tuned)."""
    epochs_per_candidate: int | None = None
    """Epochs a candidate trains in the from-scratch environment: 10 by preset tuned, else 3."""
    fidelity: int = 1
    """Successive halving in the from-scratch environment: with 3, the candidates of a step train for a ninth of their
    epochs, the best third of them up to a third, the best third of those to the end; with 1 all train to the end."""
    search_epsilon: float | None = None
    """The smoothing term of log and reciprocal during the search: 0.1 by preset tuned, else xi."""
    max_variables: int = 10
    """The longest variable set of a candidate, with y_hat, y and 1 in it."""
    operators: Annotated[str, Parameter(allow_leading_hyphen=True, show_default=False, help=OPERATORS_HELP)] = ""
    proxy: str | None = None
    """What the proxy test compares: gradients of the recommender's parameters (the paper; default if alternating),
    or of the prediction (default if from-scratch: all predictions of a fresh recommender are about 0.5); or none, which
    trains everything that is proposed (but for --check before)."""
    proxy_size: int = 5
    """Training rows in the fixed batch of the proxy test."""
    proxy_delta: float = 1e-4
    """Gradients shorter than this are zero, closer than this the same."""
    scale: str | None = None
    """How large losses are trained: raw (as they are; presets fast and paper) or normalised (each one's gradient on the
    proxy batch brought to BCE's norm, so that shapes are compared; tuned)."""
    decay: Annotated[tuple[float, ...] | None, SPACED] = None
    """Weight decays that Phase III tries for every loss, found and known, chosen on validation (repeat the option for
    several): four by preset tuned, else that of the recommender, under which a loss can win by its scale alone. With
    --weight-decay all have that one."""
    check: str | None = None
    """When losses have to pass the validation check: before they are trained (preset fast), or only after (paper). With
    strict (tuned), before, and those that have no gradient for one of the labels, which train nothing, do not pass
    either (most of what is trained else is of that kind); and searchers sort out most of what would not pass before
    they propose it."""
    min_positive_rate: float = 0.9
    """The share of simulated pairs on which a loss must not point the wrong way."""
    search_weight_decay: float | None = None
    """The recommender's effective decay in Phase I, instead of the preset's; the published code has a third of that of
    Phase III."""
    threshold_from: str = "validation"
    """The part on which the threshold of F1 and accuracy is chosen: validation, or test as the published code does."""

    def __post_init__(self) -> None:
        """Check all values."""
        check_finite(self)
        object.__setattr__(self, "operators", operators_text(chosen_operators(self.operators)))
        for name, known in _CHOICES.items():
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), known)
        if self.epochs_per_candidate is not None:
            check_epochs("epochs_per_candidate", self.epochs_per_candidate)
        if self.fidelity < 1:
            raise UserError(f"--fidelity: expected at least 1, got {self.fidelity}")
        if self.search_epsilon is not None and not 0 < self.search_epsilon <= 1:
            raise UserError(f"--search-epsilon: expected a number above 0 and up to 1, got {self.search_epsilon}")
        for one in self.decay or ():
            if not 0 <= one < math.inf:
                raise UserError(f"--decay: expected numbers of at least 0, got {one:g}")


_CHOICES = {
    "check": ("before", "after", "strict"),
    "environment": ("alternating", "from-scratch"),
    "preset": tuple(PRESETS),
    "proxy": ("parameters", "prediction", "none"),
    "scale": ("raw", "normalised"),
    "threshold_from": ("validation", "test"),
}


@dataclass(frozen=True, kw_only=True)
class JudgingSettings:
    """What is trained to convergence in the end, and what it is compared with, whatever the problem."""

    finalists: int | None = None
    """How many losses that passed the validation check are trained to convergence: 16 by preset tuned, else 4."""
    simpler: int = 4
    """How many more are, for the front of metric against complexity: those that are the best of all no longer ones."""
    pick: str = "best"
    """Which of them is the found loss: best, complexity<=5 (operators) or within<=0.001 (the simplest that close)."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = tuple(NAMED_LOSSES)
    """Losses to compare with, by name or formula (repeat the option for several)."""
    repeats: int = 3
    """Seeds with which the found loss and the baselines are trained for the final comparison."""
    rehearsals: int | None = None
    """Seeds that the found loss is chosen by before, so that those of the comparison are fresh: 3 by preset tuned. 0,
    which is usual else: it is chosen by the first seed of the comparison."""

    def __post_init__(self) -> None:
        """Check all values."""
        for name, least in (("finalists", 1), ("repeats", 1), ("simpler", 0), ("rehearsals", 0)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise UserError(f"--{name}: expected at least {least}, got {getattr(self, name)}")
        Pick.parse(self.pick)
        if not self.baseline:
            raise UserError("--baseline: expected at least one loss to compare with, got none")
