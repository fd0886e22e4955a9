"""A whole study: phases I, II and III (paper, Figure 3), without a terminal, a tracker or a file."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from core.analysis.picking import Pick
from core.analysis.tally import Tally
from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.losses.closed_forms import BCE
from core.losses.loss import Loss
from core.problems.loss import LossProblem
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.scale import GradientNormaliser
from core.problems.validation import ValidationCheck
from core.search.effectiveness import TrainingCurve
from core.search.reward import RewardFilter
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from recommenders import make_recommender
from recommenders.backends.trainer import Trainer
from recommenders.common.machine import Machine, check_device
from recommenders.data import DataFiles, Dataset, dataset_name, load_dataset
from recommenders.tasks.environments import AlternatingEnvironment, FromScratchEnvironment
from recommenders.tasks.finals import Finals, baseline, searched
from recommenders.tasks.metrics import find_metric
from recommenders.tasks.screening import check_directions, leading, screen
from recommenders.tasks.task import Pairs, RecommendationTask
from searchers import make_searcher
from studies.storage.checkpoints import OnCheckpoint, no_checkpoints, restoring
from studies.study.callback import CallbackList, StudyCallback
from studies.study.found import Finalist, Found
from studies.study.result import StudyResult
from studies.study.settings import StudySettings


def pick_device(name: str) -> torch.device:
    """The device that a name stands for; auto is cuda where there is one.

    Raises:
        UserError: an unknown name, or a CUDA device that is not here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9][0-9]?))?", name):
        raise UserError(f"--device: expected auto, cpu, cuda or cuda:N for one of several GPUs, got {name!r}")
    check_device(device := torch.device(name))
    return device


def use_cores(trainer: Trainer) -> None:
    """Let torch use the cores that a trainer may, if it is torch that trains.

    Beside another back end a second thread would only make its small tensors slower, and change rounding.
    """
    torch.set_num_threads(trainer.machine.threads if trainer.backends[0].in_torch else 1)


def load_settings(settings: StudySettings, files: DataFiles) -> Dataset:
    """The data set that settings and files mean.

    Raises:
        UserError: see load_dataset.
    """
    name = dataset_name(settings.dataset, files.data)
    return load_dataset(name, files, settings.seed, settings.table_options)


class Study:
    """Settings made into objects. Everything that can be wrong with the settings is found here.

    Args:
        settings: of the study.
        data: the raw file or files of the data set, where it needs some, or the data set itself.
        threads: CPU cores to train on.
        memory: GiB for the parameters of recommenders in training; None: half of what is free.
        kind: the class of the recommender, instead of the one that the settings name.

    Raises:
        UserError: anything that the study could not run with.
    """

    def __init__(
        self,
        settings: StudySettings,
        data: Path | DataFiles | Dataset | None = None,
        threads: int = 1,
        memory: float | None = None,
        kind: type | None = None,
    ) -> None:
        files = DataFiles() if isinstance(data, Dataset) else DataFiles.of(data)
        self.settings, self.kind = (settings := settings.on(files)), kind
        metric = find_metric(settings.task, settings.metric)
        machine = Machine(pick_device(settings.device), backend=settings.backend, threads=threads, memory=memory)
        self._space = settings.space
        seed = derive_seed(settings.seed, "searcher")
        k = settings.candidates_per_step
        self._searcher = make_searcher(settings.searcher, self._space, seed, settings.guess, k)
        given = {} if settings.init_std is None else {"init_std": settings.init_std}
        recommender = make_recommender(kind or settings.recommender, {"init_std": settings.initial_std}, **given)
        self._budget = SearchBudget(
            settings.trainings, settings.minutes, settings.candidates_per_step, settings.samples_per_training
        )
        self._check = ValidationCheck(settings.min_positive_rate, seed=settings.seed)
        self._rules = Rules(RewardFilter(settings.eta), settings.in_force("duplicates") == "original")
        self.baselines = [baseline(text, self._space, settings.epsilon) for text in settings.baseline]
        self._early_stopping = settings.early_stopping
        dataset = data if isinstance(data, Dataset) else load_settings(settings, files)
        self.task = RecommendationTask(recommender, dataset, metric, settings.train, machine)
        self._environment = self._make_environment()
        reference = BCE if settings.scale == "normalised" else None
        self._problem = self._make_problem(reference)
        self.start = self._problem.score()
        """The validation score of the fresh recommender, higher is better."""
        self._normaliser = None if reference is None else GradientNormaliser(reference, self._environment.proxy_batch())

    def _make_environment(self) -> AlternatingEnvironment | FromScratchEnvironment:
        settings, seed = self.settings, derive_seed(self.settings.seed, "environment")
        if settings.environment == "from-scratch":
            return FromScratchEnvironment(self.task, seed, settings.proxy_size, settings.epochs_per_candidate)
        return AlternatingEnvironment(self.task, seed, settings.proxy_size)

    def _make_problem(self, reference: Loss | None) -> LossProblem:
        settings, kind = self.settings, self.settings.in_force("proxy")
        seed = derive_seed(settings.seed, "environment")
        return LossProblem(
            self._space,
            self._environment,
            NoProxyTest() if kind == "none" else ProxyTest(settings.proxy_delta),
            proxy_batch=prediction_proxy_batch(seed) if kind == "prediction" else None,
            check_first=self._check if settings.check == "before" else None,
            reference=reference,
        )

    def score_on(self, pairs: Pairs) -> float:
        """How the recommender that candidates start from now does on these pairs, higher is better."""
        return self._environment.score_on(pairs)

    def comparable(self, loss: Loss) -> Loss:
        """The loss as phases II and III train it: where `scale` is normalised, brought to BCE's norm on the start."""
        return loss if self._normaliser is None else self._normaliser.scaled([loss])[0]

    def run(
        self,
        callbacks: Sequence[StudyCallback],
        clock: Callable[[], float] = time.monotonic,
        stored: Mapping[str, Any] | None = None,
        on_checkpoint: OnCheckpoint = no_checkpoints,
    ) -> StudyResult:
        """All three phases.

        Args:
            callbacks: told what happens.
            clock: seconds.
            stored: a state that `on_checkpoint` was told, to go on from.
            on_checkpoint: told wherever the study could go on from.

        Raises:
            UserError: a stored state of another study.
        """
        began, callback_list, stored = clock(), CallbackList(callbacks), stored or {}
        with restoring():
            began -= read(float, stored.get("seconds", 0.0))
            found = Found.from_dict(stored["found"], self.settings) if "found" in stored else None
        if found is None:
            found = self.search(callbacks, clock, stored, on_checkpoint)
        finals = self._finals(found)
        with restoring():
            if "finals" in stored:
                finals.load_state_dict(stored["finals"])
                callback_list.load_state_dict(stored["observers"])

        def state() -> dict[str, Any]:
            return {
                "seconds": clock() - began,
                "found": found.to_dict(),
                "finals": finals.state_dict(),
                "observers": callback_list.state_dict(),
            }

        def epoch_done(curves: Sequence[TrainingCurve]) -> None:
            callback_list.on_epoch(curves)
            on_checkpoint(state)

        finished = finals.run(callback_list.on_phase, epoch_done)
        result = StudyResult(
            settings=self.settings,
            task=self.task,
            tally=found.tally,
            stop=found.stop,
            candidate_epochs=found.candidate_epochs,
            n_passed=found.n_passed,
            finished=tuple(finished),
            n_searched=len(found.finalists) + len(found.simpler),
            found=finals.best,
            model=finals.model,
            seconds=clock() - began,
        )
        callback_list.on_result(result.to_dict())
        return result

    def _finals(self, found: Found) -> Finals:
        settings, finalists = self.settings, [contender for contender, _ in (*found.finalists, *found.simpler)]
        return Finals(
            self.task,
            [one.trained_as(self.comparable) for one in (*finalists, *self.baselines)],
            n_searched=len(finalists),
            seed=settings.seed,
            repeats=settings.repeats,
            early_stopping=self._early_stopping,
            threshold_from=settings.threshold_from,
            pick=Pick.parse(settings.pick),
        )

    def search(
        self,
        callbacks: Sequence[StudyCallback],
        clock: Callable[[], float] = time.monotonic,
        stored: Mapping[str, Any] | None = None,
        on_checkpoint: OnCheckpoint = no_checkpoints,
    ) -> Found:
        """Phases I and II; for the arguments see `run`."""
        began, callback_list, tally = clock(), CallbackList(callbacks), Tally(self._space)
        seed = derive_seed(self.settings.seed, "search")
        search = Search(self._searcher, self._problem, self._rules, self._budget, seed, clock)
        if stored:
            with restoring():
                began -= read(float, stored["seconds"])
                tally = Tally.from_dict(stored["tally"], self._space)
                search.load_state_dict(stored["search"])
                callback_list.load_state_dict(stored["observers"])
        done = f"{tally.trained} done, " if tally.trained else ""
        callback_list.on_phase(
            f"Phase I, loss search: up to {self.settings.trainings} trainings, {done}{self.settings.searcher} proposes"
        )

        def state() -> dict[str, Any]:
            return {
                "seconds": clock() - began,
                "tally": tally.to_dict(),
                "search": search.state_dict(),
                "observers": callback_list.state_dict(),
            }

        for step in search:
            tally.add(step)
            callback_list.on_step(step, tally, int(tally.cost))
            on_checkpoint(state)
        finalists, simpler, n_passed = self._check_and_screen(tally, callback_list.on_phase)
        assert search.stop is not None, "a search ends for a reason"
        return Found(tally, search.stop, int(tally.cost), finalists, simpler, n_passed)

    def _check_and_screen(
        self, tally: Tally, say: Callable[[str], None]
    ) -> tuple[tuple[Finalist, ...], tuple[Finalist, ...], int]:
        settings, space = self.settings, self._space
        programs = list(tally.accepted.values())
        checked = check_directions(programs, self._space, self._check, settings.finalists)
        say(
            f"Phase II, validation check: {checked.n_passed} of {len(programs)} accepted losses push predictions "
            f"towards labels on {settings.min_positive_rate:.0%} of simulated pairs"
        )
        scores: Mapping[str, float] = tally.scores
        if settings.environment != "from-scratch" and len(checked.passed) > settings.finalists:
            scores = screen(self.task, checked.passed, space, settings.seed, self.comparable)
        chosen = leading(checked.passed, scores, space, settings.finalists, settings.simpler)
        finalists, simpler = (
            tuple((searched(p, direction, space, settings.epsilon), tally.scores.get(p.key)) for p, direction in some)
            for some in chosen
        )
        return finalists, simpler, checked.n_passed
