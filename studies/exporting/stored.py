"""A study's result as it was stored, and the losses in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.analysis.picking import Pick
from core.common.errors import UserError, first_line, format_value
from core.common.restoring import read
from core.losses.loss import Loss, ProgramLoss, check_scale
from core.programs.program import LossProgram
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import find_metric
from studies.exporting.exported import Exported
from studies.study.settings import StudySettings

#: Metric -> value, None where it was not finite.
_Metrics = dict[str, float | None]


@dataclass(frozen=True)
class StoredFit:
    """One training to convergence."""

    validation: _Metrics
    test: _Metrics
    best_epoch: int


@dataclass(frozen=True)
class StoredForm:
    """The simplified form of a loss."""

    formula: str
    complexity: int


@dataclass(frozen=True)
class StoredFront:
    """A loss on the Pareto front; metrics of the first seed."""

    complexity: int
    formula: str
    """Simplified."""
    name: str
    epsilon: float | None
    validation: _Metrics
    test: _Metrics


@dataclass(frozen=True)
class StoredLoss:
    """A loss of Phase III as result.json has it."""

    name: str
    program: LossProgram | None
    simplified: StoredForm | None
    """None for a known loss without a program."""
    epsilon: float | None
    scale: float
    """What the loss was multiplied by."""
    validation: _Metrics
    test: _Metrics
    per_seed: tuple[StoredFit, ...]

    def __post_init__(self) -> None:
        """The scale of a loss has bounds."""
        check_scale(self.scale)

    @property
    def complexity(self) -> int:
        """Of the simplified form; 0 for a known loss without a program."""
        return 0 if self.simplified is None else self.simplified.complexity

    @property
    def n_seeds(self) -> int:
        """How many trainings the metrics are the means of."""
        return len(self.per_seed)


@dataclass(frozen=True)
class StoredStudy:
    """The content of result.json, checked.

    Raises:
        UserError: `parse` was given something else.
    """

    settings: StudySettings
    metric: str
    dataset: Mapping[str, Any]
    finalists: tuple[StoredLoss, ...]
    """The found loss first."""
    baselines: tuple[StoredLoss, ...]
    front: tuple[StoredFront, ...]
    verdict: str
    content: Mapping[str, Any]
    """All of it."""

    @classmethod
    def parse(cls, text: str | bytes, source: str) -> StoredStudy:
        """Read what a study wrote.

        Args:
            text: of result.json.
            source: where it is from, for messages.
        """
        with reading(f"{source}: expected the result.json of a study"):
            return cls._of(json.loads(text))

    @classmethod
    def of(cls, content: Any, source: str) -> StoredStudy:
        """The same of what is no text any more."""
        with reading(f"{source}: expected the result.json of a study"):
            return cls._of(content)

    @classmethod
    def _of(cls, content: Any) -> StoredStudy:
        content = read(dict[str, Any], content)
        settings = StudySettings.from_dict(read(dict[str, Any], content["settings"]))
        comparison = content["comparison"]
        return cls(
            settings,
            find_metric(settings.task, settings.metric).name,
            read(dict[str, Any], content["dataset"]),
            tuple(map(_loss, read(list[dict[str, Any]], content["finalists"]))),
            tuple(map(_loss, read(dict[str, dict[str, Any]], content["baselines"]).values())),
            read(tuple[StoredFront, ...], content.get("front", ())),
            "" if comparison is None else read(str, comparison["verdict"]),
            content,
        )

    def picked(self, pick: Pick) -> StoredLoss:
        """The found loss that a rule takes.

        Raises:
            UserError: none was found, or none that is as simple as asked for.
        """
        if not self.finalists:
            raise UserError("this study found no loss; run one with more --trainings or another --seed")
        if pick == Pick.parse(self.settings.pick):
            return self.finalists[0]
        chosen = pick.choose(self.finalists, lambda loss: loss.complexity, self.score)
        if chosen is None:
            there = ", ".join(str(n) for n in sorted({loss.complexity for loss in self.finalists}))
            raise UserError(
                f"--pick: no loss of this study is as simple as that; there are losses of {there} operators"
            )
        return chosen

    def score(self, loss: StoredLoss) -> float:
        """The validation score, higher is better; -inf where there is none."""
        value = loss.validation.get(self.metric)
        return -math.inf if value is None else find_metric(self.settings.task, self.metric).score_of(value)

    def named(self, name: str) -> StoredLoss:
        """The loss of this name.

        Raises:
            UserError: there is none.
        """
        losses = (*self.finalists, *self.baselines)
        found = next((loss for loss in losses if loss.name == name), None)
        if found is None:
            raise UserError(
                f"this study has no loss {format_value(name)}; it has {', '.join(loss.name for loss in losses)}"
            )
        return found

    def exported(self, stored: StoredLoss) -> Exported:
        """A loss of this study with its origin."""
        settings = self.settings
        details = {
            "validation": stored.validation,
            "test": stored.test,
            "seeds": stored.n_seeds,
            "dataset": self.dataset,
            "settings": settings.to_dict(),
        }
        return Exported(stored.name, self._made(stored), tuple(self._origin(stored)), details)

    def _made(self, stored: StoredLoss) -> Loss:
        space = self.settings.space
        if stored.program is None or find_named_loss(stored.name) is not None:
            return make_loss(stored.name, space, stored.epsilon).scaled(stored.scale)
        return ProgramLoss(stored.program, space, stored.epsilon, stored.scale)

    def _origin(self, stored: StoredLoss) -> list[str]:
        settings, train = self.settings, self.settings.train
        data = str(self.dataset.get("name", settings.dataset))
        kind = "Found by" if stored in self.finalists else "A known loss beside what was found by"
        seeds = "one seed" if stored.n_seeds == 1 else f"the mean of {stored.n_seeds} seeds"
        sentences = [
            f"{kind} loss-search: {settings.searcher} with seed {settings.seed}, for {settings.recommender} on {data}.",
            f"Validation ({seeds}): {_listed(stored.validation)}.",
            f"Test ({seeds}): {_listed(stored.test)}.",
        ]
        if self.finalists and stored == self.finalists[0] and self.verdict:
            sentences.append(self.verdict)
        sentences.append(
            f"Trained by SGD with learning_rate {train.learning_rate:g}, weight_decay {train.weight_decay:g}, "
            f"batch_size {train.batch_size}, gradients clipped to {train.clip:g}, initial embeddings of standard "
            f"deviation {settings.initial_std:g}. A loss c times as large trains like a learning rate c times as large "
            "with a decay c times as small: tune both anew."
        )
        sentences.append(
            "Settings: " + ", ".join(f"{name} {_short(value)}" for name, value in settings.to_dict().items()) + "."
        )
        return sentences


def _listed(metrics: _Metrics) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if value is not None) or "not finite"


def _short(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)  # a blank may be in a formula


def _loss(stored: Mapping[str, Any]) -> StoredLoss:
    loss: StoredLoss = read(StoredLoss, {"scale": 1.0, **stored})
    return loss


@contextmanager
def reading(expected: str) -> Iterator[None]:
    """Whatever is raised by content that another version or a hand wrote, as a line that says what was expected."""
    try:
        yield
    except UserError as error:
        problem = str(error)
    except Exception as error:
        problem = f"{type(error).__name__} {first_line(error)}"
    else:
        return
    raise UserError(f"{expected}: {problem[:300]}")
