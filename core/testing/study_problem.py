"""The contract of problems that commands can search. Inherit it, and say how to make one: docs/add-a-problem.md."""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import pytest

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.phases.contender import Contender, TrainingResult, complexity_of, validation_score
from core.phases.finals import Finals
from core.phases.problem import Leading, StudyProblem
from core.phases.tally import Tally
from core.search.search import Step
from core.search.trial import Candidate, Trial, Verdict
from core.testing.problem import ProblemContract
from core.testing.process import packed, unpacked


class StudyProblemContract(ProblemContract):
    """The contract of problems that commands search, beside that of all problems."""

    @abstractmethod
    def make(self, seed: int) -> StudyProblem[Any]:
        """Return a problem, small, so that tests are quick.

        Args:
            seed: of its start.
        """

    def tally(self, problem: StudyProblem[Any]) -> Tally[Any]:
        """Return the tally of a search that accepted a few candidates."""
        worthy = self.worthy(problem)
        pairs = list(enumerate(zip(worthy, problem.measure(worthy, 1), strict=True)))
        genomes = [problem.space.encode(one) for one in worthy]
        trials = tuple(
            Trial(0, Candidate(i, genomes[i], one), Verdict.ACCEPTED, 0.0, measured.score, trained=True, cost=1)
            for i, (one, measured) in pairs
        )
        tally = Tally(problem.space, problem.complexity)
        tally.add(Step(0, trials, problem.score(), {}, None, False, 0.0, 0.0))
        return tally

    def chosen(self, problem: StudyProblem[Any], finalists: int = 2, simpler: int = 2) -> Leading[Any]:
        """Return who goes on from that tally to Phase III.

        Args:
            problem: the problem.
            finalists: how many of the most promising.
            simpler: how many more.
        """
        return problem.leading(self.tally(problem), finalists, simpler, lambda text: None)

    def known(self, problem: StudyProblem[Any]) -> list[Contender[Any]]:
        """Return what the problem brings to compare with."""
        return [problem.known(name) for name in problem.known_names]

    def results(self, problem: StudyProblem[Any], trained: Sequence[Any], seed: int) -> list[TrainingResult]:
        """Return what trainings to convergence come to.

        Args:
            problem: the problem.
            trained: what is trained, see `StudyProblem.convergence`.
            seed: of all draws.
        """
        convergence = problem.convergence(trained, seed)
        for curves in convergence:
            assert len(curves) == len(trained)
            assert all(one.epochs <= problem.longest for one in curves)
        return list(convergence.fitted)

    def close_results(self, results: Sequence[TrainingResult]) -> list[Any]:
        """Return what equal trainings come to, but for rounding."""
        return [pytest.approx(list(one.validation.values()), abs=self.rounding, nan_ok=True) for one in results]

    def test_the_metric_is_one_of_all_metrics(self) -> None:
        problem = self.make(0)
        assert problem.metric in problem.metrics
        assert len({metric.name for metric in problem.metrics}) == len(problem.metrics)
        for value in (0.0, 0.25, 1.0):
            assert problem.metric.value(problem.metric.score_of(value)) == value

    def test_verdicts_that_occur_are_spoken_of(self) -> None:
        problem = self.make(0)
        findings = problem.examine(self.drawn(problem))
        occurring = {finding.verdict.value for finding in findings if finding.verdict is not None}
        assert occurring | {"accepted", "rejected"} <= set(problem.terms.verdicts) <= {one.value for one in Verdict}

    def test_there_is_something_known_by_distinct_names(self) -> None:
        known = self.known(self.make(0))
        assert known
        assert len({one.name for one in known}) == len(known)
        assert not any(one.is_searched for one in known)
        assert all(one.variants for one in known)

    def test_what_nobody_knows_is_refused(self) -> None:
        with pytest.raises(UserError):
            self.make(0).known("nobody knows @ this")

    def test_who_goes_on_was_accepted_and_is_searched(self) -> None:
        problem = self.make(0)
        chosen, accepted = self.chosen(problem), self.tally(self.make(0)).accepted
        assert 1 <= len(chosen.finalists) <= 2
        assert len(chosen.simpler) <= 2
        everyone = [*chosen.finalists, *chosen.simpler]
        assert all(one.is_searched and one.solution.key in accepted for one in everyone if one.solution is not None)
        assert len({one.name for one in everyone}) == len(everyone)

    def test_a_contender_is_what_tasks_store_of_it(self) -> None:
        problem = self.make(0)
        found = list(self.chosen(problem).finalists)
        for contender in (*found, *self.known(problem)):
            solution = contender.solution if contender.is_searched else None
            program = None if solution is None else json.loads(json.dumps(problem.stored(solution)))
            for variant in contender.variants[:1]:
                entry = {"name": contender.name, "epsilon": variant.constant, "program": program}
                again = problem.trained(entry)
                scores = [problem.short_score(one, 3) for one in (variant.trained, again)]
                assert scores[0] == pytest.approx(scores[1], abs=self.rounding, nan_ok=True)

    def test_a_short_score_depends_on_the_seed_alone(self) -> None:
        trained = self.known(self.make(0))[0].variants[0].trained
        assert self.make(0).short_score(trained, 4) == self.make(0).short_score(trained, 4)

    def test_training_to_convergence_gives_every_metric_and_the_same_again(self) -> None:
        problem = self.make(0)
        trained = [one.variants[0].trained for one in self.known(problem)][:2]
        results = self.results(problem, trained, 5)
        names = {metric.name for metric in problem.metrics}
        for one in results:
            assert set(one.validation) == set(one.test) in (names, set())
            assert len(one.curve) == one.epochs >= one.best_epoch
            assert math.isfinite(validation_score(problem.metric, one)) == bool(one.validation)
        assert self.results(self.make(0), trained, 5) == results

    def test_who_is_trained_beside_somebody_does_not_matter(self) -> None:
        problem = self.make(0)
        trained = [one.variants[0].trained for one in self.known(problem)][:2]
        alone = [result for one in trained for result in self.results(problem, [one], 5)]
        together = self.results(problem, trained, 5)
        assert [list(one.validation.values()) for one in alone] == self.close_results(together)

    def test_training_goes_on_exactly_from_a_stored_state(self) -> None:
        problem = self.make(0)
        trained = [one.variants[0].trained for one in self.known(problem)][:2]
        convergence = problem.convergence(trained, 5)
        stored = [packed(convergence.state_dict())]
        stored += [packed(convergence.state_dict()) for _ in convergence]
        for state in (stored[0], stored[len(stored) // 2], stored[-1]):
            again = self.make(0).convergence(trained, 5)
            again.load_state_dict(unpacked(state))
            assert again.run() == convergence.fitted

    def test_a_tally_is_stored_and_read_back(self) -> None:
        problem = self.make(0)
        tally = self.tally(problem)
        stored = json.loads(json.dumps(tally.to_dict()))
        again = Tally.from_dict(stored, problem.space, problem.complexity)
        assert (again.to_dict(), again.front, list(again.accepted)) == (stored, tally.front, list(tally.accepted))

    def test_phase_three_takes_the_best_searched_one_and_repeats_it_with_the_known_ones(self) -> None:
        problem = self.make(0)
        chosen, known = self.chosen(problem), self.known(problem)[:1]
        contenders = [*chosen.finalists, *chosen.simpler, *known]
        finals = Finals(problem, contenders, seed=0, repeats=2)
        finished = finals.run(lambda text: None, lambda curves: None)
        assert [one.contender for one in finished] == contenders
        assert finals.best is not None
        repeated = [i for i, one in enumerate(finished) if len(one.fitted) == 2]
        assert repeated == [finals.best, len(contenders) - 1]
        assert (finals.model is not None) <= problem.keeps
        for one in finished:
            assert one.complexity == complexity_of(one.simple)
            assert json.loads(json.dumps(problem.details(one.trained))) == problem.details(one.trained)

    def test_rehearsals_choose_and_fresh_seeds_are_reported(self) -> None:
        problem = self.make(0)
        chosen, known = self.chosen(problem), self.known(problem)[:1]
        contenders = [*chosen.finalists, *chosen.simpler, *known]
        finals = Finals(problem, contenders, seed=0, repeats=1, rehearsals=2)
        finished, metric = finals.run(lambda text: None, lambda curves: None), problem.metric
        searched = [one for one in finished if one.contender.is_searched]
        assert all(len(one.chosen_by) == 2 for one in searched)
        assert finals.best is not None
        best = finished[finals.best]
        assert best.chosen_score(metric) == max(one.chosen_score(metric) for one in searched)
        assert all(len(one.fitted) == 1 for one in finished)
        for number, fitted in enumerate((*best.chosen_by, *best.fitted)):  # of every seed, each for the first time
            ways = None if best.variant.way is None else [best.variant.way]
            (alone,) = problem.convergence([best.trained], derive_seed(0, "finals", number), ways=ways).run()
            assert validation_score(metric, fitted) == pytest.approx(validation_score(metric, alone), abs=self.rounding)

    def test_what_is_said_of_it_is_plain_data(self) -> None:
        problem = self.make(0)
        described = problem.described()
        assert isinstance(described["name"], str)
        assert json.loads(json.dumps(described)) == described
        assert all(isinstance(line, str) for line in problem.lines())
        assert self.make(0).data_digest() == problem.data_digest()
