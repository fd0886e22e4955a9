"""A study's result as it was stored, and the losses in it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from core.common.errors import UserError, format_value, unknown_name
from core.common.restoring import read, reading
from core.export.exported import Exported
from core.losses.loss import Loss, ProgramLoss
from core.phases.metric import Metric
from core.phases.picking import Pick
from core.phases.terms import Terms
from core.programs.program import LossProgram
from recommenders.tasks.loss_problem import LOSS_TERMS
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import metrics_of
from studies.exporting.stored_loss import Metrics, StoredFront, StoredLoss
from studies.study.settings import StudySettings

#: What not every study says of its losses.
_LATER = {
    "scale": 1.0,
    "loss": None,
    "learning_rate": None,
    "weight_decay": None,
    "push_to_pull": None,
    "chosen_by": (),
}
_EXPECTED = "expected the result.json of a study"


@dataclass(frozen=True)
class StoredStudy:
    """The content of result.json, checked.

    Raises:
        UserError: `parse` was given something else.
    """

    settings: StudySettings
    metric: str
    metrics: tuple[Metric, ...]
    """That one and others."""
    terms: Terms
    """How one speaks of what was searched."""
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
        with reading(f"{source}: {_EXPECTED}"):
            content = json.loads(text)
        return cls.of(content, source)

    @classmethod
    def of(cls, content: Any, source: str) -> StoredStudy:
        """The same of what is no text any more."""
        with reading(f"{source}: {_EXPECTED}"):
            content = read(dict[str, Any], content)
            if "protocol" in content:
                raise UserError(
                    "got that of an evaluation, which found no loss: give one of its losses by name or formula instead"
                )
            settings = StudySettings.from_dict(read(dict[str, Any], content["settings"]))
            comparison, spoken = content["comparison"], content.get("problem")
            if spoken is None:
                metric, terms = settings.training.chosen_by.name, LOSS_TERMS
                metrics: tuple[Metric, ...] = tuple(metrics_of(settings.training.task))
            else:
                metric, terms = read(str, content["metric"]), read(Terms, spoken)
                metrics = read(tuple[Metric, ...], spoken["metrics"])
            study = cls(
                settings,
                metric,
                metrics,
                terms,
                read(dict[str, Any], content["dataset"]),
                tuple(map(_loss, read(list[dict[str, Any]], content["finalists"]))),
                tuple(map(_loss, read(dict[str, dict[str, Any]], content["baselines"]).values())),
                read(tuple[StoredFront, ...], content.get("front", ())),
                "" if comparison is None else read(str, comparison["verdict"]),
                content,
            )
            for loss in (*study.finalists, *study.baselines) if terms.are_losses else ():
                study._program(loss)
            study.metric_named(metric)
            return study

    def picked(self, pick: Pick) -> StoredLoss:
        """The found loss that a rule takes.

        Raises:
            UserError: none was found, or none that is as simple as asked for.
        """
        if not self.finalists:
            raise UserError(f"this study found no {self.terms.one}; run one with more --trainings or another --seed")
        if pick == Pick.parse(self.settings.judging.pick):
            return self.finalists[0]
        chosen = pick.choose(self.finalists, lambda loss: loss.complexity, self.choice_score)
        if chosen is None:
            there = ", ".join(str(n) for n in sorted({loss.complexity for loss in self.finalists}))
            raise UserError(
                f"--pick: no {self.terms.one} of this study is as simple as that; there are {self.terms.many} of "
                f"{there} {self.terms.complexity}"
            )
        return chosen

    def score(self, loss: StoredLoss) -> float:
        """The validation score, higher is better; -inf where there is none."""
        value = loss.validation.get(self.metric)
        return -math.inf if value is None else self.metric_named(self.metric).score_of(value)

    def choice_value(self, loss: StoredLoss) -> float | None:
        """The mean validation metric over the seeds of the choice, which all found losses were trained with."""
        values = [fit.validation.get(self.metric) for fit in loss.chosen_by or loss.per_seed[:1]]
        known = [value for value in values if value is not None]
        return fmean(known) if known and len(known) == len(values) else None

    def shared_value(self, loss: StoredLoss) -> float | None:
        """The mean validation metric over the seeds of the comparison that all found losses share."""
        return loss.validation.get(self.metric) if loss.chosen_by else self.choice_value(loss)

    def choice_score(self, loss: StoredLoss) -> float:
        """The same as a score, higher is better; -inf where there is none."""
        value = self.choice_value(loss)
        return -math.inf if value is None else self.metric_named(self.metric).score_of(value)

    def metric_named(self, name: str) -> Metric:
        """The metric of this name.

        Raises:
            UserError: there is none.
        """
        found = next((metric for metric in self.metrics if metric.name == name), None)
        if found is None:
            raise unknown_name("metric of this study", name, [metric.name for metric in self.metrics])
        return found

    def named(self, name: str) -> StoredLoss:
        """The loss of this name.

        Raises:
            UserError: there is none.
        """
        losses = (*self.finalists, *self.baselines)
        found = next((loss for loss in losses if loss.name == name), None)
        if found is None:
            known = ", ".join(loss.name for loss in losses)
            raise UserError(f"this study has no {self.terms.one} {format_value(name)}; it has {known}")
        return found

    def exported(self, stored: StoredLoss) -> Exported:
        """A loss of this study with its origin.

        Raises:
            UserError: it found something else than losses.
        """
        settings = self.settings
        if stored.loss is not None:
            raise UserError(
                "this is for losses of predictions, and the study is one of rankings: studies.export writes its "
                "losses, studies.report draws them"
            )
        if not self.terms.are_losses:
            raise UserError(
                f"this study found {self.terms.many}, which are no losses: result.json has them as they are"
            )
        details = {
            "validation": stored.validation,
            "test": stored.test,
            "seeds": stored.n_seeds,
            "dataset": self.dataset,
            "settings": settings.to_dict(),
        }
        return Exported(stored.name, self._made(stored), tuple(self._origin(stored)), details)

    def _made(self, stored: StoredLoss) -> Loss:
        space, program = self.settings.space, self._program(stored)
        if program is None or find_named_loss(stored.name) is not None:
            return make_loss(stored.name, space, stored.epsilon).scaled(stored.scale)
        return ProgramLoss(program, space, stored.epsilon, stored.scale)

    @staticmethod
    def _program(stored: StoredLoss) -> LossProgram | None:
        return None if stored.program is None else LossProgram.from_dict(stored.program)

    def came_to(self, stored: StoredLoss) -> list[str]:
        """Return where a loss comes from and what it came to, a sentence each."""
        settings, model = self.settings, self.settings.training.recommender
        if not self.terms.are_losses:
            model = settings.search.problem
        data = str(self.dataset.get("name", settings.data.dataset))
        kind = "Found by" if stored in self.finalists else "A known loss beside what was found by"
        seeds = "one seed" if stored.n_seeds == 1 else f"the mean of {stored.n_seeds} seeds"
        sentences = [
            f"{kind} loss-search: {settings.searcher} with seed {settings.seed}, for {model} on {data}.",
            f"Validation ({seeds}): {_listed(stored.validation)}.",
            f"Test ({seeds}): {_listed(stored.test)}.",
        ]
        if self.finalists and stored == self.finalists[0] and self.verdict:
            sentences.append(self.verdict)
        return sentences

    def _origin(self, stored: StoredLoss) -> list[str]:
        protocol, sentences = self.settings.protocol, self.came_to(stored)
        train = protocol.train
        decay = train.weight_decay if stored.weight_decay is None else stored.weight_decay
        sentences.append(
            f"Trained by SGD with learning_rate {train.learning_rate:g}, weight_decay {decay:g}, "
            f"batch_size {train.batch_size}, gradients clipped to {train.clip:g}, initial embeddings of standard "
            f"deviation {protocol.init_std:g}. A loss c times as large trains like a learning rate c times as large "
            "with a decay c times as small: tune both anew."
        )
        sentences.append(
            "Settings: " + ", ".join(f"{name} {_short(value)}" for name, value in self.settings.to_dict().items()) + "."
        )
        return sentences


def _listed(metrics: Metrics) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items() if value is not None) or "not finite"


def _short(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)  # a blank may be in a formula


def _loss(stored: Mapping[str, Any]) -> StoredLoss:
    loss: StoredLoss = read(StoredLoss, {**_LATER, **stored})
    return loss
