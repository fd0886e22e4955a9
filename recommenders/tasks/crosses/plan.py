"""Settings of a search for crosses.

The annotations are objects and not strings: settings on a line are read by this class.
"""

from dataclasses import dataclass

from core.common.errors import UserError, format_value

SPACINGS = {"both": "wq", "width": "w", "quantiles": "q"}
KEPT = ("half", "all")
JUDGES = ("expected", "log-loss", "auc")
EVALUATIONS = ("exact", "race")
#: Where no decay is given: one for each member, found from the training rows.
ADAPTIVE = ()


@dataclass(frozen=True, kw_only=True)
class CrossPlan:
    """Settings of a search for crosses.

    Raises:
        UserError: a value that is not possible.
    """

    spacing: str = "both"
    """How numbers are cut: into bins of equal width, as published, by quantiles, or both."""
    levels: int = 3
    """So many cuts of each: 10 bins, 100, 1,000 and so on."""
    keep: str = "half"
    """Which cuts of a number are kept: the better half, as published, or all."""
    most_features: int = 5
    """Features of a cross, at most."""
    evaluate: str = "exact"
    """How candidates are looked at: exact (all rows, by Newton's method), or race (successive mini-batch gradient
    descent, as published)."""
    judge: str = "expected"
    """What decides where all rows are looked at: the log-loss or AUC on the part that crosses are chosen by, or, as
    expected, the log-loss there and the gain that is expected from the training rows, which errs less. In races it is
    AUC. Where it is AUC, that also says when to stop, else log-loss does."""
    newton_steps: int = 1
    """Newton steps of each weight of a candidate."""
    decays: tuple[float, ...] = ADAPTIVE
    """Of the squares of weights; where there are several, the best one for columns alone, on the part that says when
    to stop. Unless given, each member has its own, found from the training rows."""
    beam: int = 1
    """Sets that are kept in each step; 1, the published greedy search."""
    most_crosses: int = 20
    """Crosses of a set, at most."""
    patience: int = 4
    """The search ends after so many steps with worse sets than the best one, on the part that says when to stop; 1 as
    published."""
    tolerance: float = 1.0
    """A set is worse than the best one only if its log-loss is larger by more than so many standard errors; 0 as
    published. A cross that is expected to help is not given up for what chance makes of a few rows."""
    seconds: float | None = None
    """The search ends after the step in which so much time is over. With it, results depend on the machine."""
    prune: float | None = None
    """Crosses of the best set are left out, those with the least spread first, unless the log-loss on the part that
    says when to stop is larger without them by more than so many standard errors; None keeps all."""
    refit: bool = True
    """Whether the model of the best set is trained anew on the validation rows, too."""
    learning_rate: float = 0.1
    """Of races: how far an example moves a weight."""
    batch_size: int = 128
    """Of races: rows of a step."""

    def __post_init__(self) -> None:
        """Check the values."""
        choices = {"spacing": SPACINGS, "keep": KEPT, "judge": JUDGES, "evaluate": EVALUATIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UserError(f"{name}: expected {' or '.join(known)}, got {format_value(getattr(self, name))}")
        limits = {"levels": (1, 4), "most_features": (2, 20), "newton_steps": (1, 100), "beam": (1, 100)}
        limits |= {"most_crosses": (0, 1_000), "patience": (1, 1_000), "batch_size": (1, 2**20)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise UserError(f"{name}: expected {least} to {most:,}, got {getattr(self, name)}")
        if not all(1e-6 <= one <= 1e9 for one in self.decays) or len(set(self.decays)) < len(self.decays):
            raise UserError(f"decays: expected different numbers from 1e-6 to 1e9, or none, got {self.decays}")
        if not 0 <= self.tolerance <= 100:
            raise UserError(f"tolerance: expected a number from 0 to 100, got {self.tolerance}")
        if self.prune is not None and not 0 <= self.prune <= 100:
            raise UserError(f"prune: expected a number from 0 to 100, or none, got {self.prune}")
        if self.seconds is not None and not self.seconds > 0:
            raise UserError(f"seconds: expected a number above 0, got {self.seconds}")
        if not 0 < self.learning_rate <= 100:
            raise UserError(f"learning_rate: expected a number above 0, at most 100, got {self.learning_rate}")


#: As published, but for what the paper leaves open: the decay, bins, the race's learning rate and its batches.
PAPER = CrossPlan(
    spacing="width", evaluate="race", judge="auc", decays=(0.3, 1.0, 3.0, 10.0), patience=1, tolerance=0.0, refit=False
)
