"""What an evaluation of losses on rankings is made of.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

import torch
from cyclopts import Parameter

from core.common.errors import UserError
from core.losses.setwise.registry import RANKING_LOSSES, parse_ranking_loss
from core.phases.metric import Metric
from core.search.effectiveness import check_epochs
from recommenders.backends.ranking.registry import check_vector_backend_takes
from recommenders.common.machine import Machine
from recommenders.data.options import option, refuse_url
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.losses import ranking_line
from recommenders.tasks.ranking import find_ranking_metric
from recommenders.tasks.ranking.anchors import ANCHORS, AnchorSpec, parse_anchor
from recommenders.tasks.ranking.loss_problem import USUAL
from recommenders.tasks.ranking.training import METRICS
from studies.evaluation.judged import JudgedSettings
from studies.evaluation.ranking.methods import TUNING_METHODS, check_tuning_method
from studies.evaluation.ranking.training import RankingData, RankingSteps
from studies.evaluation.settings import EvaluationTracking
from studies.execution.registry import WorkPlaces
from studies.storage.output import plain
from studies.study.parts import PART, as_typed, changed, command_line, flat
from studies.study.settings_training import SPACED, check_choice, listed

#: The share of settings that are tried again after short trials.
_AGAIN = 0.25


@dataclass(frozen=True)
class RankingProtocol:
    """A row of the table of protocols."""

    about: str
    select_on: str
    """The part by which the best epoch is chosen."""


PROTOCOLS: Mapping[str, RankingProtocol] = MappingProxyType(
    {
        "symmetric": RankingProtocol(
            "learning rate, similarity, dropout, init and all constants of every loss that are not given with it tuned "
            "on validation, with the same number of trials for each; the test part is looked at once",
            "validation",
        ),
        "paper": RankingProtocol(
            "everything as given, no validation part, the best epoch chosen on the test part as in published results",
            "test",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class RankingSettings(JudgedSettings):
    """An evaluation on rankings. Together with the code, these settings decide its result.

    Raises:
        UserError: anything that no loss could be judged with.
    """

    task: Annotated[str, Parameter(help="What the model is for: ranking here; see --task classification --help.")] = (
        "ranking"
    )
    loss: Annotated[
        tuple[str, ...],
        Parameter(
            show_default=False,
            help="A loss to judge, by name and constants, as in "
            "BSL:exponent=1.22 (repeat the option for several): " + ", ".join(RANKING_LOSSES) + ".",
        ),
    ] = ()
    baseline: Annotated[tuple[str, ...] | None, Parameter(show_default=False)] = None
    """Losses that the others are tested against (repeat the option for several). Unless given: BPR, SL, BSL and CCL, or
    none by --protocol paper."""
    anchor: Annotated[
        tuple[str, ...], SPACED, Parameter(help=listed("Recommenders without a loss beside them", ANCHORS))
    ] = ("popularity",)
    protocol: Annotated[str, Parameter(help=listed("How losses are trained", PROTOCOLS))] = "symmetric"
    seeds: int = 5
    """Seeds with which every loss is trained in the end: position i of two losses is a pair."""
    trials: int = 16
    """Of the symmetric protocol: settings tried for each loss."""
    trial_epochs: int | None = None
    """Of the symmetric protocol: epochs of a trial, fewer than --max-epochs; the best quarter of the settings of each
    loss are tried again for all of them then, and the best of those are chosen. All unless given."""
    tuner: Annotated[str, Parameter(help=listed("Of the symmetric protocol: who proposes them", TUNING_METHODS))] = (
        "tpe"
    )
    start: Annotated[tuple[str, ...], Parameter(show_default=False)] = ()
    """Of the symmetric protocol: a loss with numbers for its constants, which are tried first in place of what is usual
    for it, or of the middle of where they are tuned (repeat the option for several)."""
    tuning_seeds: int = 1
    """Other seeds, over which whatever is chosen on validation is averaged."""
    seed: int = 0
    """Decides every random draw, the validation part among them: any whole number."""
    data: Annotated[RankingData, PART] = field(default_factory=RankingData)
    steps: Annotated[RankingSteps, PART] = field(default_factory=RankingSteps)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        check_choice("task", self.task, ("ranking",))
        check_choice("protocol", self.protocol, tuple(PROTOCOLS))
        check_tuning_method(self.tuner)
        self.check_numbers()
        spelled = {"loss": ranking_line, "baseline": ranking_line, "start": ranking_line, "anchor": _anchor_line}
        for name, one_spelling in spelled.items():
            if (lines := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(dict.fromkeys(map(one_spelling, lines))))
        self._check_starts()
        if self.protocol == "symmetric" and self.steps.learning_rate is not None:
            raise UserError(
                "--learning-rate: the symmetric protocol tunes it for every loss; --protocol paper fixes it"
            )
        if self.protocol == "symmetric" and not self.data.validation_share:
            raise UserError("--validation-share: the symmetric protocol chooses on validation, expected above 0, got 0")
        if self.trial_epochs is not None:
            check_epochs("trial_epochs", self.trial_epochs)
            if self.trial_epochs >= (most := self.steps.max_epochs):
                raise UserError(f"--trial-epochs: expected fewer than --max-epochs, {most}, got {self.trial_epochs}")
        if self.protocol == "symmetric" and self.trials < (fewest := TUNING_METHODS[self.tuner].fewest):
            raise UserError(
                f"--tuner {self.tuner}: expected at least {fewest} --trials, since it proposes nothing of its own "
                f"before, got {self.trials}"
            )

    def _check_starts(self) -> None:
        """Check that every start is that of a loss, one for each, within the regions that are tuned."""
        for one in self.start:
            if not any(_begins(line, one) is not None for line in self.lines):
                raise UserError(
                    f"--start: expected one of the losses with numbers for its constants, {', '.join(self.lines)}, got "
                    f"{one}"
                )
        for line in self.lines:
            begun = self._starts_of(line)
            if len(begun) > 1:
                raise UserError(f"--start: expected one for each loss, got {len(begun)} for {line}")
            for name, value in begun[0].items() if begun else ():
                region = (loss := parse_ranking_loss(line)).ranges[name]
                if not region.low <= value <= region.high:
                    wanted = f"{name} of {line} from {region.low:g} to {region.high:g}"
                    raise UserError(f"--start: expected {wanted}, got {value:g}{loss.explained(name, begun[0])}")

    def check_used(self) -> None:
        """Refuse options that the protocol has no use for, rather than to ignore them.

        Raises:
            UserError: one is not at its default.
        """
        given = changed(self).keys() & {"trials", "trial_epochs", "tuner", "start", "tuning_seeds", "validation_share"}
        if self.protocol == "paper" and given:
            raise UserError(
                f"{option(min(given))}: --protocol paper chooses nothing on validation and has no use for it; leave it "
                "out"
            )

    def check_backend(self, device: torch.device) -> None:
        """Check that the back end trains every loss, before the data are read.

        Args:
            device: where to train.

        Raises:
            UserError: it does not.
        """
        model, machine = parse_vector_model(self.steps.recommender), Machine(device, backend=self.steps.backend)
        for line in self.lines:
            check_vector_backend_takes(model, self.steps.recipe.of(parse_ranking_loss(line)), machine)

    def start_of(self, line: str) -> Mapping[str, float]:
        """Return the coordinates at which the tuning of a loss begins where that was said, otherwise none.

        Args:
            line: the loss.
        """
        return next(iter(self._starts_of(line)), {})

    def _starts_of(self, line: str) -> list[Mapping[str, float]]:
        return [found for one in self.start if (found := _begins(line, one)) is not None]

    @property
    def lines(self) -> list[str]:
        """The losses as they were given, those to judge first; one that is named twice stands once."""
        return list(dict.fromkeys((*self.loss, *self.baselines)))

    @property
    def baselines(self) -> tuple[str, ...]:
        """The losses that the others are tested against."""
        usual = USUAL if self.protocol == "symmetric" else ()
        return usual if self.baseline is None else self.baseline

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See JudgedSettings."""
        return tuple(find_ranking_metric(name) for name in dict.fromkeys((self.steps.metric, *METRICS)))

    @property
    def title(self) -> str:
        """See JudgedSettings."""
        return f"Rankings of {self.data.name_on(None)} ({self.steps.recommender})"

    def caveats(self) -> list[str]:
        """See JudgedSettings."""
        if self.protocol == "paper":
            return [
                "The best epoch is chosen on the test part, as in published results: these figures are for comparison "
                "with those, and better than what one would see."
            ]
        return []

    def on(self, data: Path | None) -> Self:
        """Return these settings with the name of the data set that they mean where this file or folder is given."""
        return replace(self, data=replace(self.data, dataset=self.data.name_on(data)))

    def data_settings(self) -> dict[str, Any]:
        """Return what decides over the data set, in plain data."""
        options = self.data.options(0.0 if self.protocol == "paper" else 1.0)
        return {"dataset": self.data.name_on(None), "seed": self.seed, "options": asdict(options)}

    @property
    def retried(self) -> int:
        """How many settings of each loss are tried again after short trials."""
        return 0 if self.trial_epochs is None else retried(self.trials)

    def plan(self, epochs: int | None = None) -> dict[str, Any]:
        """Return how is trained, in plain data; what is tuned for each loss is not in it.

        Args:
            epochs: how many of them; as the settings say by default.
        """
        steps, names = self.steps, ("recommender", "sampler", "optimiser", "schedule", "batch_size", "decay_of")
        values = {name: getattr(steps, name) for name in (*names, "clip_norm", "every", "backend")}
        most = epochs or steps.max_epochs
        values |= {"max_epochs": most, "stop_after": steps.stop_after or most}
        values |= {"metrics": [one.name for one in self.metrics]}
        return values | {"select_on": PROTOCOLS[self.protocol].select_on}

    def to_dict(self) -> dict[str, Any]:
        """See JudgedSettings."""
        return plain(flat(self) | {"dataset": self.data.name_on(None), "baseline": self.baselines})


def retried(trials: int) -> int:
    """Return how many of so many settings are tried again after short trials."""
    return math.ceil(_AGAIN * trials)


def _begins(line: str, start: str) -> Mapping[str, float] | None:
    """Return the coordinates at which a loss is what the other line says; None if it is another loss."""
    return parse_ranking_loss(line).coordinates_as(parse_ranking_loss(start))


def _anchor_line(text: str) -> str:
    """Return the one spelling of an anchor: the settings that are given in their order, numbers in full."""
    anchor, given = parse_anchor(text), dict(AnchorSpec.parse(text).settings)
    settings = [f"{one.name}={as_typed(getattr(anchor, one.name))}" for one in fields(anchor) if one.name in given]
    return ":".join([text.partition(":")[0].strip(), *settings])


@dataclass(frozen=True, kw_only=True)
class RankingPlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    data: Path | None = None
    """The folder with train.txt and test.txt, the raw file of the data set, or a table of your own."""
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[EvaluationTracking, PART] = field(default_factory=EvaluationTracking)
    out: Path | None = None
    """Folder of the evaluation; results/evaluate-ranking-PROTOCOL-DATASET-RECOMMENDER unless given. What is there
    already is not done again."""

    def __post_init__(self) -> None:
        """Refuse a URL."""
        refuse_url("--data", self.data)


def command(settings: RankingSettings, places: RankingPlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    places_given = {"data": places.data, "out": places.out}
    return command_line(("python", "-m", "studies.evaluate", "--task", "ranking"), changed(settings) | places_given)
