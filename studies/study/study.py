"""A whole study: phases I, II and III (paper, Figure 3), without a terminal, a tracker or a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from core.common.loading import user_errors_from
from core.common.restoring import read
from core.common.seeding import derive_seed
from core.phases.finals import Finals, Trains
from core.phases.picking import Pick
from core.phases.tally import Tally
from core.search.effectiveness import TrainingCurve
from core.search.reward import RewardFilter
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from recommenders.data import DataFiles, Dataset
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.loss_problem import TrainedLossProblem
from searchers import check_searcher, make_searcher
from studies.storage.checkpoints import OnCheckpoint, no_checkpoints, restoring
from studies.study.history import CallbackList, StudyCallback
from studies.study.problems import Ingredients, make_problem, parse_problem
from studies.study.result import Found, StudyResult
from studies.study.settings import StudySettings


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
        data: Path | DataFiles | Dataset | ImplicitDataset | None = None,
        threads: int = 1,
        memory: float | None = None,
        kind: type | None = None,
    ) -> None:
        source = data if isinstance(data, Dataset | ImplicitDataset) else DataFiles.of(data)
        files = source if isinstance(source, DataFiles) else DataFiles()
        self.settings, self.kind = (settings := settings.on(files)), kind
        check_searcher(settings.searcher)
        asked = settings.search
        budget = asked.trainings, asked.minutes, asked.candidates_per_step, asked.samples_per_training
        self._budget = SearchBudget(*budget)
        self._rules = Rules(RewardFilter(asked.eta), settings.in_force("duplicates") == "original")
        self.problem = make_problem(Ingredients(settings, source, threads, memory, kind))
        """What is searched."""
        if not self.problem.draws:
            once = replace(settings.judging, repeats=1, rehearsals=0)
            self.settings = settings = replace(settings, judging=once)
        with self._telling():
            names = self.problem.known_names if settings.compared is None else settings.compared
            self.baselines = [self.problem.known(text) for text in names]
            self.start = self.problem.score()
            """The validation score that rewards of the first step are gains over, higher is better."""
        seed = derive_seed(settings.seed, "searcher")
        self._searcher = make_searcher(
            *(settings.searcher, self.problem.space, seed, asked.guess, asked.candidates_per_step),
            insight=lambda name, seed: getattr(self.problem, name)(seed),
        )

    def _telling(self) -> AbstractContextManager[None]:
        """Errors of a problem that is not ours, as one line."""
        name = parse_problem(self.settings.search.problem).name
        return user_errors_from(f"problem {name}:") if ":" in name else nullcontext()

    @property
    def losses(self) -> TrainedLossProblem:
        """The problem, for what can be done with losses alone.

        Raises:
            UserError: it is another one.
        """
        if not isinstance(self.problem, TrainedLossProblem):
            raise UserError(
                f"--problem: expected loss, which is all that this works for, got {self.settings.search.problem}"
            )
        return self.problem

    def run(
        self,
        callbacks: Sequence[StudyCallback],
        clock: Callable[[], float] = time.monotonic,
        stored: Mapping[str, Any] | None = None,
        on_checkpoint: OnCheckpoint = no_checkpoints,
        trains: Trains | None = None,
    ) -> StudyResult:
        """All three phases.

        Args:
            callbacks: told what happens.
            clock: seconds.
            stored: a state that `on_checkpoint` was told, to go on from.
            on_checkpoint: told wherever the study could go on from.
            trains: makes the trainings of Phase III; None: the problem does, in this process.

        Raises:
            UserError: a stored state of another study.
        """
        began, callback_list, stored = clock(), CallbackList(callbacks), stored or {}
        with restoring():
            began -= read(float, stored.get("seconds", 0.0))
            found = Found.from_dict(stored["found"], self.problem) if "found" in stored else None
        if found is None:
            found = self.search(callbacks, clock, stored, on_checkpoint)
        finals = self._finals(found, trains)
        with restoring():
            if "finals" in stored:
                finals.load_state_dict(stored["finals"])
                callback_list.load_state_dict(stored["callbacks"])

        def state() -> dict[str, Any]:
            return {
                "seconds": clock() - began,
                "found": found.to_dict(),
                "finals": finals.state_dict(),
                "callbacks": callback_list.state_dict(),
            }

        def epoch_done(curves: Sequence[TrainingCurve]) -> None:
            callback_list.on_epoch(curves)
            on_checkpoint(state)

        with self._telling():
            finished = finals.run(callback_list.on_phase, epoch_done)
        best, seconds = finals.best, clock() - began
        result = StudyResult(self.settings, self.problem, found, tuple(finished), best, finals.model, seconds)
        callback_list.on_result(result.to_dict())
        return result

    def _finals(self, found: Found, trains: Trains | None) -> Finals[Any]:
        judging, contenders = self.settings.judging, [*found.finalists, *found.simpler, *self.baselines]
        return Finals(
            self.problem,
            contenders,
            self.settings.seed,
            judging.repeats,
            Pick.parse(judging.pick),
            self.settings.protocol.rehearsals,
            trains,
        )

    def search(
        self,
        callbacks: Sequence[StudyCallback],
        clock: Callable[[], float] = time.monotonic,
        stored: Mapping[str, Any] | None = None,
        on_checkpoint: OnCheckpoint = no_checkpoints,
    ) -> Found:
        """Phases I and II; for the arguments see `run`."""
        began, callback_list = clock(), CallbackList(callbacks)
        tally = Tally(self.problem.space, self.problem.complexity)
        seed = derive_seed(self.settings.seed, "search")
        search = Search(self._searcher, self.problem, self._rules, self._budget, seed, clock)
        if stored:
            with restoring():
                began -= read(float, stored["seconds"])
                tally = Tally.from_dict(stored["tally"], self.problem.space, self.problem.complexity)
                search.load_state_dict(stored["search"])
                callback_list.load_state_dict(stored["callbacks"])
        done, what = f"{tally.trained} done, " if tally.trained else "", self.problem.terms.one
        most, who = self.settings.search.trainings, self.settings.searcher
        callback_list.on_phase(f"Phase I, {what} search: up to {most} trainings, {done}{who} proposes")

        def state() -> dict[str, Any]:
            return {
                "seconds": clock() - began,
                "tally": tally.to_dict(),
                "search": search.state_dict(),
                "callbacks": callback_list.state_dict(),
            }

        with self._telling():
            for step in search:
                tally.add(step)
                callback_list.on_step(step, tally, int(tally.cost))
                on_checkpoint(state)
            judging, protocol = self.settings.judging, self.settings.protocol
            chosen = self.problem.leading(tally, protocol.finalists, judging.simpler, callback_list.on_phase)
        assert search.stop is not None, "a search ends for a reason"
        return Found(tally, search.stop, chosen.finalists, chosen.simpler, chosen.n_passed)
