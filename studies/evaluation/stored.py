"""An evaluation's result as it was stored, of predictions or of rankings, for its page and its pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Self

from core.common.restoring import count, read, read_finite, reading
from core.phases.metric import Metric
from recommenders.tasks.metrics import metrics_of
from recommenders.tasks.ranking import find_ranking_metric
from studies.evaluation.judged import best_first
from studies.evaluation.outcome import LEVEL, PairedComparison
from studies.evaluation.ranking.settings import PROTOCOLS as RANKING_PROTOCOLS
from studies.evaluation.settings import PROTOCOLS

#: Settings of a loss that pages show, beside those of a ranking model, which have any names.
_SHOWN = ("epsilon", "learning_rate", "weight_decay")


@dataclass(frozen=True)
class StoredLoss:
    """A loss as result.json has it; NaN stands for numbers of a training that broke down."""

    name: str
    kind: str
    """judged, baseline or anchor."""
    settings: Mapping[str, Any]
    """What was chosen, by name."""
    line: str | None
    """With its constants, where those were chosen too."""
    metrics: Mapping[tuple[str, str], tuple[float, ...]]
    """(part, metric) -> a number for each seed."""
    best_epochs: tuple[int, ...]
    tried: tuple[float, ...]
    """The validation metric of each trial, in order."""
    exposure: Mapping[str, tuple[float, ...]]
    """What is recommended: measure -> a number for each seed."""
    curve: tuple[float, ...]
    """The metric at each evaluation of the first training, where that was kept."""

    def __post_init__(self) -> None:
        """Check that there is a number for each seed."""
        lengths = {len(values) for values in (self.best_epochs, *self.metrics.values())}
        if len(lengths) > 1 or not self.best_epochs:
            raise ValueError(f"expected a number for each seed of {self.name}, got lists of {sorted(lengths)}")

    @classmethod
    def of(cls, name: str, stored: Mapping[str, Any], is_anchor: bool) -> Self:
        """Read an entry of `losses`."""
        chosen, model = read(dict[str, Any], stored["chosen"]), read(dict[str, Any], stored.get("model", {}))
        tried = read(list[dict[str, Any]], chosen.get("trials", chosen.get("grid", [])))
        return cls(
            name,
            "anchor" if is_anchor else "baseline" if read(bool, stored["is_baseline"]) else "judged",
            {one: stored[one] for one in _SHOWN if one in stored} | model,
            read(str | None, stored.get("line")),
            {
                (part, metric): _numbers(described["per_seed"])
                for part in ("validation", "test")
                for metric, described in read(dict[str, dict[str, Any]], stored[part]).items()
            },
            read(tuple[int, ...], stored["best_epoch"]),
            _numbers([one["value"] for one in tried]),
            {one: _numbers(described["per_seed"]) for one, described in stored.get("exposure", {}).items()},
            _numbers(stored.get("curve", ())),
        )

    def mean(self, part: str, metric: str) -> float:
        """The mean over seeds; NaN where a training broke down."""
        return fmean(self.metrics[part, metric])

    @property
    def broken(self) -> int:
        """How many trainings broke down."""
        tested = [values for (part, _), values in self.metrics.items() if part == "test"]
        return sum(not all(map(math.isfinite, of_seed)) for of_seed in zip(*tested, strict=True))


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    finite = (read_finite(value) for value in values)
    return tuple(math.nan if value is None else value for value in finite)


@dataclass(frozen=True)
class StoredEvaluation:
    """The content of result.json, checked.

    Raises:
        UserError: `of` was given something else.
    """

    settings: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    """The one that decides first."""
    losses: tuple[StoredLoss, ...]
    """The best on validation first; by the test part where there is no other."""
    by_seed: tuple[PairedComparison, ...]
    by_user: tuple[PairedComparison, ...]
    notes: tuple[str, ...]
    """What the conclusion says beside the verdicts of pairs."""

    @classmethod
    def of(cls, content: Any, source: str) -> Self:
        """Read what an evaluation wrote.

        Args:
            content: of result.json.
            source: where it is from, for messages.
        """
        with reading(f"{source}: expected the result.json of an evaluation"):
            known, settings = read(dict[str, Any], content), read(dict[str, Any], content["settings"])
            stored, anchors = read(dict[str, dict[str, Any]], known["losses"]), settings.get("anchor", ())
            losses = [StoredLoss.of(name, one, name in anchors) for name, one in stored.items()]
            if any(one.metrics.keys() != losses[0].metrics.keys() for one in losses):
                raise ValueError("expected the same metrics of every loss")
            _check(settings)
            names = [read(str, known["metric"]), *(name for _, name in losses[0].metrics)]
            metrics = tuple(map(_finder(settings["task"]), dict.fromkeys(names)))
            by_seed, by_user = (_pairs(known.get(name, ())) for name in ("comparisons", "by_user"))
            said = {one.get("sentence") for name in ("comparisons", "by_user") for one in known.get(name, ())}
            notes = tuple(line for line in read(list[str], known["conclusion"]) if line not in said)
            ranked = best_first(losses, metrics[0], lambda one, part: one.mean(part, names[0]))
            return cls(settings, metrics, tuple(ranked), by_seed, by_user, notes)

    @property
    def is_ranking(self) -> bool:
        """Whether losses of rankings were evaluated."""
        return bool(self.settings["task"] == "ranking")

    @property
    def selected_on(self) -> str:
        """The part by which the best epoch was chosen."""
        return RANKING_PROTOCOLS[self.protocol].select_on if self.is_ranking else "validation"

    @property
    def protocol(self) -> str:
        """How losses were trained, by name."""
        return str(self.settings["protocol"])

    @property
    def about_protocol(self) -> str:
        """How losses were trained, in words."""
        return RANKING_PROTOCOLS[self.protocol].about if self.is_ranking else PROTOCOLS[self.protocol].about

    def answers(self) -> list[str]:
        """What is shown of the losses that are judged by the metric that decides, and what is not; a sentence each."""
        return [
            _answer(loss, pairs)
            for of_all in (self.by_user, self.by_seed)
            for loss in dict.fromkeys(one.loss for one in of_all)
            if (pairs := [one for one in of_all if one.loss == loss and one.metric == self.metrics[0].name])
        ]


def _check(settings: Mapping[str, Any]) -> None:
    """Check the settings that are used."""
    is_ranking = read(str, settings["task"]) == "ranking"
    for name in ("dataset", "recommender"):
        read(str, settings[name])
    for name in ("seeds", "tuning_seeds", "trials", *(("every", "max_epochs") if is_ranking else ())):
        count(settings[name], 2**31)
    if settings.get("trial_epochs") is not None:
        count(settings["trial_epochs"], 2**31)
    protocols: Mapping[str, Any] = RANKING_PROTOCOLS if is_ranking else PROTOCOLS
    _ = protocols[settings["protocol"]]


def _finder(task: str) -> Callable[[str], Metric]:
    if task == "ranking":
        return find_ranking_metric
    return {metric.name: metric for metric in metrics_of(task)}.__getitem__


def _pairs(stored: Sequence[Mapping[str, Any]]) -> tuple[PairedComparison, ...]:
    given = ({"users": None, **one, "gains": _numbers(one["gains"])} for one in stored)
    return tuple(read(PairedComparison, one) for one in given)


def _answer(loss: str, pairs: Sequence[PairedComparison]) -> str:
    known = [one for one in pairs if one.p_holm is not None]
    of_verdict = {one: [p.baseline for p in known if p.verdict == one] for one in ("better", "worse", "undecided")}
    said = [f"is {one} than {listed(of_verdict[one])}" for one in ("better", "worse") if of_verdict[one]]
    if of_verdict["undecided"]:
        few = ", which so few seeds cannot show" if any(one.too_few for one in known) else ""
        said.append(f"is not shown to differ from {listed(of_verdict['undecided'])}{few}")
    if unknown := [one.baseline for one in pairs if one.p_holm is None]:
        said.append(f"cannot be compared with {listed(unknown)}, since a training broke down")
    text = f"By {pairs[0].metric} over {pairs[0].pairs}, {loss} {'; it '.join(said)}"
    return (
        f"{text} (p < {LEVEL:g} after Holm's correction)."
        if of_verdict["better"] or of_verdict["worse"]
        else f"{text}."
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
