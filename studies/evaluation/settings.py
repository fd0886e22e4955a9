"""What an evaluation of losses is made of.

The annotations are objects and not strings, see `studies.study.settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Self

from cyclopts import Parameter

from core.common.errors import UserError
from core.phases.contender import Contender
from core.phases.metric import Metric
from recommenders.data import DataFiles, dataset_name
from recommenders.data.options import option
from recommenders.tasks.contenders import baseline
from recommenders.tasks.metrics import TASKS, metrics_of
from studies.evaluation.judged import JudgedSettings
from studies.execution.registry import WorkPlaces
from studies.storage.output import plain
from studies.study.parts import PART, flat, typed
from studies.study.settings import ExperimentName, StudySettings, TrackingPlace
from studies.study.settings_search import LossSettings
from studies.study.settings_training import (
    FORMULA,
    PRESETS,
    SPACED,
    DataSettings,
    TrainingSettings,
    check_choice,
    listed,
)

#: The grid of the paper (section 5.1.4).
PAPER_EPSILONS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
#: Those of the paper's tables that are no found ones.
HANDCRAFTED = ("BCE", "MSE", "hinge", "focal")


@dataclass(frozen=True)
class Protocol:
    """A row of the table of protocols."""

    about: str
    preset: str
    """Unless another is given."""
    threshold_from: str
    """The part on which the threshold of F1 and accuracy is chosen."""


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "symmetric": Protocol(
            "learning rate, weight decay and smoothing term of every loss tuned on validation, with the same number of "
            "trials for each",
            "fast",
            "validation",
        ),
        "paper": Protocol(
            "one published learning rate and weight decay for all, the smoothing term chosen on validation, the "
            "threshold of F1 and accuracy on the test part as in the published code",
            "paper",
            "test",
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class JudgedTraining(TrainingSettings):
    """What is trained, with more smoothing terms to try than in a study."""

    epsilon: Annotated[tuple[float, ...], SPACED] = PAPER_EPSILONS
    """Smoothing terms to choose from, for every loss that has one (repeat the option for several)."""
    task: str = "classification"
    """What the model is for: classification, regression (of the labels 0 and 1), or ranking, which has options of its
    own: --task ranking --help."""

    def __post_init__(self) -> None:
        """See TrainingSettings; check the task."""
        check_choice("task", self.task, (*TASKS, "ranking"))
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(JudgedSettings):
    """An evaluation. Together with the code, these settings decide its result.

    Raises:
        UserError: anything that no loss could be judged with.
    """

    loss: Annotated[tuple[str, ...], FORMULA, Parameter(show_default=False)] = ()
    """A loss to judge, by name or formula (repeat the option for several)."""
    baseline: Annotated[tuple[str, ...], FORMULA, SPACED] = HANDCRAFTED
    """Losses that the others are tested against, by name or formula (repeat the option for several)."""
    protocol: Annotated[str, Parameter(help=listed("How losses are trained", PROTOCOLS))] = "symmetric"
    seeds: int = 10
    """Seeds with which every loss is trained in the end: position i of two losses is a pair."""
    trials: int = 64
    """Of the symmetric protocol: settings tried for each loss, the second half of them around the best one so far."""
    tuning_seeds: int = 2
    """Other seeds, over which whatever is chosen on validation is averaged."""
    seed: int = 0
    """Decides every random draw: any whole number."""
    preset: Annotated[
        str | None,
        Parameter(help=listed("How recommenders are trained", PRESETS) + " fast unless given, paper by that protocol."),
    ] = None
    data: Annotated[DataSettings, PART] = field(default_factory=DataSettings)
    training: Annotated[JudgedTraining, PART] = field(default_factory=JudgedTraining)

    def __post_init__(self) -> None:
        """Check what no part checks."""
        check_choice("protocol", self.protocol, tuple(PROTOCOLS))
        if self.preset is not None:
            check_choice("preset", self.preset, tuple(PRESETS))
        self.check_numbers()
        if self.protocol == "symmetric":
            for name in ("learning_rate", "weight_decay"):
                if getattr(self.training, name) is not None:
                    raise UserError(
                        f"{option(name)}: the symmetric protocol tunes it for every loss; --protocol paper fixes it"
                    )
        _ = self.contenders

    @property
    def contenders(self) -> list[Contender]:
        """The losses, those to judge first; one that is named twice stands once.

        Raises:
            UserError: neither a name nor a formula.
        """
        space = self.study.space
        made = [baseline(text, space, self.training.epsilon) for text in (*self.loss, *self.baseline)]
        return list({one.name: one for one in made}.values())

    @property
    def baselines(self) -> list[str]:
        """The names of those that others are tested against."""
        space = self.study.space
        return list(dict.fromkeys(baseline(text, space, self.training.epsilon).name for text in self.baseline))

    @property
    def study(self) -> StudySettings:
        """The settings of a study that trains likewise."""
        protocol, training = PROTOCOLS[self.protocol], self.training
        preset = self.preset or protocol.preset
        if self.protocol == "symmetric" and training.max_epochs is None:
            most = 2 * PRESETS[preset].early_stopping.max_epochs  # slow settings are to end, too
            training = replace(training, max_epochs=most)
        losses = LossSettings(preset=preset, scale="raw", threshold_from=protocol.threshold_from)
        return StudySettings(data=self.data, training=training, losses=losses)

    def on(self, files: DataFiles) -> Self:
        """Return these settings on files, see DataSettings."""
        return replace(self, data=self.data.on(files))

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See JudgedSettings."""
        first = self.training.chosen_by
        return tuple(sorted(metrics_of(self.training.task), key=lambda metric: metric.name != first.name))

    @property
    def title(self) -> str:
        """See JudgedSettings."""
        return f"Trained to convergence on {self.to_dict()['dataset']} ({self.training.recommender})"

    def caveats(self) -> list[str]:
        """See JudgedSettings."""
        if self.protocol != "paper":
            return []
        sgd = self.study.protocol.train.sgd
        lines = [
            f"All losses share the learning rate {sgd.learning_rate:g} and the weight decay {sgd.weight_decay:g}. A "
            "loss c times as large trains like a learning rate c times as large with a decay c times as small, so a "
            "loss can win by its scale alone: --protocol symmetric tunes both for each."
        ]
        if self.training.task == "classification":
            lines.append("F1 and accuracy have the threshold that is best on the test part, as in the published code.")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return every setting by name, tuples as lists."""
        rule = self.study.protocol.early_stopping
        values: dict[str, Any] = {"dataset": dataset_name(self.data.dataset, None), "preset": self.study.losses.preset}
        values |= {"max_epochs": rule.max_epochs, "stop_after": rule.best_ago}
        return {name: plain(value) for name, value in (flat(self) | values).items()}


@dataclass(frozen=True, kw_only=True)
class EvaluationTracking(TrackingPlace):
    """Where MLflow keeps evaluations."""

    experiment: ExperimentName = ""
    """MLflow's experiment, one for each evaluation. Unless given: MLFLOW_EXPERIMENT_NAME, or else
    loss-search-evaluation."""

    usual_experiment: ClassVar[str] = "loss-search-evaluation"


@dataclass(frozen=True, kw_only=True)
class EvaluatePlaces:
    """Where things are read and written, and how the machine is used. These do not change what is computed."""

    files: Annotated[DataFiles, PART] = field(default_factory=DataFiles)
    work: Annotated[WorkPlaces, PART] = field(default_factory=WorkPlaces)
    tracking: Annotated[EvaluationTracking, PART] = field(default_factory=EvaluationTracking)
    out: Path | None = None
    """Folder of the evaluation; results/evaluate-PROTOCOL-DATASET-RECOMMENDER unless given. What is there already is
    not done again."""


def command(settings: EvaluateSettings, places: EvaluatePlaces) -> str:
    """What to type to get this again; options that have their defaults are left out."""
    return typed(("python", "-m", "studies.evaluate"), settings, places.files, out=places.out)
