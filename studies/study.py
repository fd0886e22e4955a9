"""A whole study: phases I, II and III (paper, Figure 3), without a terminal, a tracker or a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from core.effectiveness import Progress
from core.errors import UserError
from core.evaluator import Evaluator, Measurement
from core.loss import Loss
from core.proxy import Probe, ProxyTest, prediction_probe
from core.reward import RewardFilter
from core.rounds import Rules
from core.search import SearchBudget, StopReason, search
from core.seeding import derive_seed
from core.validation import ValidationCheck
from recommenders import make_recommender
from recommenders.data import load_dataset
from recommenders.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.machine import Machine
from recommenders.metrics import find_metric
from recommenders.task import RecommendationTask
from recommenders.trainer import Trainer
from searchers import make_searcher
from studies.finals import Contender, baseline, check_directions, leading, run_finals, screen, searched
from studies.funnel import Tally
from studies.observer import Observer
from studies.result import StudyResult
from studies.settings import StudySettings


def pick_device(name: str) -> torch.device:
    """The device that a name stands for; auto is cuda where there is one.

    Raises:
        UserError: an unknown name, or no cuda here.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device: expected auto, cpu or cuda, got {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no CUDA device here; use --device auto or cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def use_cores(trainer: Trainer) -> None:
    """Let torch use the cores that a trainer may, if it is torch that trains.

    Beside machine code a second thread would only make its small tensors slower, and change rounding.
    """
    torch.set_num_threads(1 if trainer.compiled else trainer.machine.threads)


#: A loss that goes on to Phase III, with its best validation score of Phase I, if it has one.
Finalist = tuple[Contender, float | None]


@dataclass(frozen=True)
class Found:
    """What phases I and II came to."""

    tally: Tally
    """What became of the candidates."""
    stop: StopReason
    """Why Phase I ended."""
    candidate_epochs: int
    """Epochs trained, summed over candidates."""
    finalists: tuple[Finalist, ...]
    """The losses that go on to Phase III, the most promising first."""
    n_passed: int
    """Accepted losses that passed the validation check."""


class Study:
    """Settings made into objects. Everything that can be wrong with the settings is found here.

    Args:
        settings: of the study.
        data: the raw file of the data set, where it needs one.
        threads: CPU cores to train on.
        memory: GiB for the parameters of recommenders in training; None: half of what is free.

    Raises:
        UserError: anything that the study could not run with.
    """

    def __init__(
        self, settings: StudySettings, data: Path | None = None, threads: int = 1, memory: float | None = None
    ) -> None:
        self.settings = settings
        metric = find_metric(settings.task, settings.metric)
        machine = Machine(pick_device(settings.device), backend=settings.backend, threads=threads, memory=memory)
        self._space = settings.space
        seed = derive_seed(settings.seed, "searcher")
        self._searcher = make_searcher(settings.searcher, self._space, seed, settings.guess)
        recommender = make_recommender(settings.recommender, init_std=settings.initial_std)
        self._budget = SearchBudget(
            settings.trainings, settings.minutes, settings.candidates_per_step, settings.samples_per_training
        )
        self._check = ValidationCheck(settings.min_positive_rate, seed=settings.seed)
        self._rules = Rules(
            self._space,
            reward_filter=RewardFilter(settings.eta),
            check_first=self._check if settings.check == "before" else None,
            reward_duplicates=settings.in_force("duplicates") == "original",
        )
        self._proxy = ProxyTest(settings.proxy_delta)
        self.baselines = [baseline(text, self._space, settings.epsilon) for text in settings.baseline]
        self._patience = settings.patience
        dataset = load_dataset(settings.dataset, data, settings.seed)
        self.task = RecommendationTask(recommender, dataset, metric, settings.train, machine)
        self._evaluator = self._make_evaluator()
        self.start = self._evaluator.score()
        """The validation score of the fresh recommender, higher is better."""

    def _make_evaluator(self) -> Evaluator:
        settings, seed = self.settings, derive_seed(self.settings.seed, "environment")
        environment: Evaluator
        if settings.environment == "from-scratch":
            environment = FromScratchEnvironment(self.task, seed, settings.proxy_size, settings.epochs_per_candidate)
        else:
            environment = AlternatingEnvironment(self.task, seed, settings.proxy_size)
        if settings.in_force("proxy") == "prediction":
            return _WithProbe(environment, prediction_probe(seed))
        return environment

    def run(self, observers: Sequence[Observer], clock: Callable[[], float] = time.monotonic) -> StudyResult:
        """All three phases."""
        began = clock()

        def say(text: str) -> None:
            for observer in observers:
                observer.on_phase(text)

        def epoch_done(progress: Sequence[Progress]) -> None:
            for observer in observers:
                observer.on_epoch(progress)

        found = self.search(observers, clock)
        finalists = [contender for contender, _ in found.finalists]
        finished = run_finals(
            self.task,
            [*finalists, *self.baselines],
            n_searched=len(finalists),
            seed=self.settings.seed,
            repeats=self.settings.repeats,
            patience=self._patience,
            threshold_from=self.settings.threshold_from,
            on_round=say,
            on_epoch=epoch_done,
        )
        result = StudyResult(
            settings=self.settings,
            task=self.task,
            tally=found.tally,
            stop=found.stop,
            candidate_epochs=found.candidate_epochs,
            n_passed=found.n_passed,
            finished=tuple(finished),
            n_searched=len(finalists),
            seconds=clock() - began,
        )
        content = result.to_dict()
        for observer in observers:
            observer.on_result(content)
        return result

    def search(self, observers: Sequence[Observer], clock: Callable[[], float] = time.monotonic) -> Found:
        """Phases I and II."""

        def say(text: str) -> None:
            for observer in observers:
                observer.on_phase(text)

        say(f"Phase I, loss search: up to {self.settings.trainings} trainings, {self.settings.searcher} proposes")
        tally, stop = Tally(), StopReason.TRAININGS
        seed = derive_seed(self.settings.seed, "search")
        for step in search(self._searcher, self._evaluator, self._proxy, self._rules, self._budget, seed, clock):
            tally.add(step)
            stop = step.stop or stop
            for observer in observers:
                observer.on_step(step, tally, tally.trained * self._evaluator.epochs_per_candidate)
        finalists, n_passed = self._check_and_screen(tally, say)
        return Found(tally, stop, tally.trained * self._evaluator.epochs_per_candidate, finalists, n_passed)

    def _check_and_screen(self, tally: Tally, say: Callable[[str], None]) -> tuple[tuple[Finalist, ...], int]:
        settings = self.settings
        programs = list(tally.accepted.values())
        checked = check_directions(programs, self._space, self._check, settings.finalists)
        say(
            f"Phase II, validation check: {checked.n_passed} of {len(programs)} accepted losses push predictions "
            f"towards labels on {settings.min_positive_rate:.0%} of simulated pairs"
        )
        if settings.environment == "from-scratch":
            chosen = leading(checked.passed, tally.scores, settings.finalists)
        else:
            chosen = screen(self.task, checked.passed, self._space, settings.finalists, settings.seed)
        finalists = ((searched(p, d, self._space, settings.epsilon), tally.scores.get(p.key)) for p, d in chosen)
        return tuple(finalists), checked.n_passed


class _WithProbe(Evaluator):
    """An environment whose proxy batch does not depend on the recommender."""

    def __init__(self, environment: Evaluator, probe: Probe) -> None:
        self._environment, self._probe = environment, probe

    @property
    def epochs_per_candidate(self) -> int:
        return self._environment.epochs_per_candidate

    def score(self) -> float:
        return self._environment.score()

    def probe(self) -> Probe:
        return self._probe

    def measure(self, losses: Sequence[Loss], seed: int) -> list[Measurement]:
        return self._environment.measure(losses, seed)

    def adopt(self, index: int) -> bool:
        return self._environment.adopt(index)

    def restart(self, seed: int) -> bool:
        return self._environment.restart(seed)
