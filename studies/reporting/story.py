"""What happened: history.json and the counts of result.json, checked, and sentences for who was not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from core.common.errors import counted
from core.common.restoring import count, read, read_finite, reading
from core.search.trial import Verdict
from studies.exporting.stored import StoredStudy
from studies.storage.output import plain

#: No count is larger: Python would not even print it.
_MOST = 2**63


@dataclass(frozen=True)
class PastStep:
    """Where the search stood after a step."""

    candidate_epochs: int
    seconds: float | None
    best: float | None
    """The best validation metric so far."""
    current: float | None
    """That of the recommender which the search goes on with."""

    def __post_init__(self) -> None:
        """Check what no kind says."""
        count(self.candidate_epochs)


@dataclass(frozen=True)
class PastCandidate:
    """A candidate that was trained."""

    verdict: str
    value: float | None
    """The validation metric after its training."""
    adopted: bool


@dataclass(frozen=True)
class PastCurve:
    """How a loss trained to convergence with one seed."""

    kind: str
    """found or baseline."""
    name: str
    epsilon: float | None
    seed: int
    best_epoch: int
    validation: tuple[float | None, ...]
    """The metric after each epoch."""


@dataclass(frozen=True)
class Past:
    """The content of history.json.

    Raises:
        UserError: `of` was given something else.
    """

    steps: tuple[PastStep, ...]
    candidates: tuple[PastCandidate, ...]
    """In the order of training."""
    curves: tuple[PastCurve, ...]

    @classmethod
    def of(cls, history: Mapping[str, Any], metric: str) -> Self:
        """Read what `History.to_dict` wrote about a study of this metric."""
        with reading("expected the history.json of this study"):
            known = plain(history)  # numbers that are not finite are none
            if read(str, known["metric"]) != metric:
                raise ValueError(f"of {metric}, as the result is, expected; it is of {known['metric']}")
            steps = [{**one, "current": one["metrics"].get(f"valid_{metric}")} for one in known["steps"]]
            candidates = [{**one, "value": one[f"valid_{metric}"]} for one in known["candidates"]]
            return read(cls, {"steps": steps, "candidates": candidates, "curves": known["curves"]})


@dataclass(frozen=True)
class Numbers:
    """What phases I and II came to.

    Raises:
        UserError: `of` was given something else.
    """

    funnel: Mapping[Verdict, int]
    sampled: int
    trained: int
    stopped: str
    """Why phase I ended."""
    candidate_epochs: int
    best_validation: float | None
    distinct_accepted: int
    passed_validation_check: int
    seconds: float | None
    """Of the whole study."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Read them out of a result."""
        with reading("expected the result.json of a study"):
            funnel, search = read(dict[str, Any], content["funnel"]), read(dict[str, Any], content["search"])
            wanted = ("candidate_epochs", "distinct_accepted", "passed_validation_check")
            best, seconds = (read_finite(value) for value in (search["best_validation"], content["seconds"]))
            return cls(
                {verdict: count(funnel[verdict.value], _MOST) for verdict in Verdict},
                count(funnel["sampled"], _MOST),
                count(funnel["trained"], _MOST),
                read(str, search["stopped"]),
                best_validation=best,
                seconds=seconds,
                **{name: count(search[name], _MOST) for name in wanted},
            )

    def count(self, verdict: Verdict) -> int:
        """How many candidates ended so."""
        return self.funnel[verdict]


_ENVIRONMENTS = {
    "alternating": "One recommender goes on through the whole search: a candidate trains it a little further, and what "
    "it then scores includes all that was learned before. So scores rise with time whatever candidates are worth, and "
    "only phase III, from a fresh start for each loss, says which loss is better.",
    "from-scratch": "Every candidate trains the same fresh recommender for a few epochs, so scores can be compared; "
    "phase III says what the losses come to in the long run.",
}


def story(study: StoredStudy, numbers: Numbers, past: Past | None) -> list[str]:
    """How the search went, a paragraph each."""
    sentences = [_phase_one(study, numbers, past)]
    if past is not None and past.steps:
        sentences += _best_of(past, study)
    sentences.append(_later_phases(study, numbers))
    sentences.append(_ENVIRONMENTS.get(study.settings.protocol.environment, "") if study.terms.are_losses else "")
    return [text for text in sentences if text]


def _phase_one(study: StoredStudy, numbers: Numbers, past: Past | None) -> str:
    searcher, trained = study.settings.searcher, numbers.trained
    one, many = study.terms.one, study.terms.many
    proposed = f"Phase I: {searcher} proposed {counted(numbers.sampled, f'candidate {one}', f'candidate {many}')}"
    untrained = numbers.sampled - trained
    if numbers.sampled:
        proposed += f", of which {untrained:,} ({untrained / numbers.sampled:.1%}) were set aside without training"
    accepted = numbers.count(Verdict.ACCEPTED)
    text = (
        f"{proposed}. {counted(trained, 'was', 'were')} trained, for "
        f"{counted(numbers.candidate_epochs, 'candidate-epoch', 'candidate-epochs')} in all, and {accepted:,} of them "
        f"accepted ({counted(numbers.distinct_accepted, f'distinct {one}', f'distinct {many}')})."
    )
    if past is not None and past.steps and past.steps[-1].seconds is not None:
        text += f" That took {duration(past.steps[-1].seconds)}"
        text += f" of the study's {duration(numbers.seconds)}." if numbers.seconds is not None else "."
    return f"{text} It ended because {numbers.stopped.rstrip('.')}."


def _best_of(past: Past, study: StoredStudy) -> list[str]:
    """When the best value came, and when half of the way to it was done."""
    known = [step for step in past.steps if step.best is not None]
    if not known:
        return ["No training gave a finite validation score."]
    first, last = known[0], known[-1]
    assert first.best is not None
    assert last.best is not None
    reached = next(step for step in known if step.best == last.best)
    text = (
        f"The best validation {study.metric} of phase I, {last.best:.4f}, was reached after {_when(reached)} of "
        f"{past.steps[-1].candidate_epochs:,} candidate-epochs"
    )
    if first is reached:
        return [f"{text}, with the first step."]
    middle = (first.best + last.best) / 2
    half = next(s for s in known if s.best is not None and abs(s.best - first.best) >= abs(middle - first.best))
    adopted = sum(candidate.adopted for candidate in past.candidates)
    went_on = f" {_times(adopted)} the search went on from what a candidate had trained." if adopted else ""
    anew = _restarts(past, study)
    if anew:
        went_on += f" {_times(anew)} no loss could train the recommender any more, and a fresh one took its place."
    return [f"{text}; the first step gave {first.best:.4f}, and half of the way was done after {_when(half)}.{went_on}"]


def _restarts(past: Past, study: StoredStudy) -> int:
    """How often the score fell by more than the reward filter lets through."""
    score_of = study.metric_named(study.metric).score_of
    scores = [score_of(step.current) for step in past.steps if step.current is not None]
    most = 2 * study.settings.search.eta + 1e-6
    return sum(before - after > most for before, after in pairwise(scores))


def _when(step: PastStep) -> str:
    return (
        f"{step.candidate_epochs:,}"
        if step.seconds is None
        else f"{step.candidate_epochs:,} ({duration(step.seconds)})"
    )


def _later_phases(study: StoredStudy, numbers: Numbers) -> str:
    found, known, seeds = len(study.finalists), len(study.baselines), study.settings.judging.repeats
    one, many, protocol = study.terms.one, study.terms.many, study.settings.protocol
    if not found:
        return f"No {one} was accepted, so phases II and III had nothing to check or to compare."
    passed, what = "passed the checks", "were judged in the end"
    if study.terms.are_losses:
        passed = "push predictions towards the labels"
        what = "were trained to convergence from a fresh start, every formula with several smoothing terms"
        what += f" and each with {counted(len(decays), 'weight decay')}" if (decays := protocol.decay) else ""
    text = (
        f"Phase II: {numbers.passed_validation_check:,} of {numbers.distinct_accepted:,} accepted {many} {passed}. "
        f"Phase III: {counted(found, f'found {one}', f'found {many}')} and {counted(known, 'known one', 'known ones')} "
        f"{what}"
    )
    again = f", then the found {one} and the known ones again, {seeds} seeds in all" if seeds > 1 else ", with one seed"
    if protocol.rehearsals:
        again = f". {counted(protocol.rehearsals, 'seed')} chose, then all had {counted(seeds, 'fresh one')}"
    return f"{text}{again}."


def _times(n: int) -> str:
    return {1: "Once", 2: "Twice"}.get(n, f"{n:,} times")


def duration(seconds: float) -> str:
    """As a person would say it: 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"
