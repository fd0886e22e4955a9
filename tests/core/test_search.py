import copy
import dataclasses
import math
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.losses.closed_forms import BCE
from core.losses.loss import ProgramLoss
from core.problems.no_proxy import NoProxyTest
from core.problems.proxy import ProxyTest, prediction_proxy_batch
from core.problems.scale import GradientNormaliser
from core.problems.validation import ValidationCheck
from core.programs.space import HANDCRAFTED_SPACE, OperatorSpace
from core.search.reward import RewardFilter, reward_of
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget, StopReason
from core.search.trial import Candidate, Trial, Verdict
from core.testing.process import packed, unpacked
from tests.core.fakes import Colours, FakeEvaluator, FormulaProblem, Sampling, Scripted
from tests.strategies import costly_law

SPACE = OperatorSpace()
#: Losses with gradients of their own, best first.
GAINS = {"y_hat": 0.3, "y_hat^2": 0.2, "y_hat*y": 0.1, "log(y_hat)": -0.1, "1/y_hat": -0.2}
FORMULAS = tuple(GAINS)
ZERO = ("y", "1", "y + 1", "log(y)", "y*y", "y^2", "-y", "1 + 1")


def problem_of(searcher, evaluator, proxy=None, operators=HANDCRAFTED_SPACE, **settings):
    return FormulaProblem(searcher.space, operators, evaluator, proxy or ProxyTest(), **settings)


def run(
    searcher, evaluator, *, rules=None, k=1, trainings=1, patience=20, minutes=None, seed=0, clock=None, **settings
):
    budget = SearchBudget(trainings, minutes, candidates_per_step=k, samples_per_training=patience)
    problem = problem_of(searcher, evaluator, **settings)
    return list(Search(searcher, problem, rules or Rules(), budget, seed, clock or time.monotonic))


def plain(trials):
    return [trial.to_dict() for trial in trials]


def trials_of(steps):
    return [trial for step in steps for trial in step.trials]


def verdicts(steps):
    return [trial.verdict for trial in trials_of(steps)]


# Laws, for random searchers in random settings.


@st.composite
def searches(draw):
    """A finished search: its steps, the searcher, the evaluator and the settings."""
    seed = draw(st.integers(0, 10**6))
    k, trainings = draw(st.integers(1, 5)), draw(st.integers(1, 10))
    evaluator = FakeEvaluator(
        keeps_start=draw(st.booleans()), can_restart=draw(st.booleans()), fixed_batch=draw(st.booleans())
    )
    check_first = draw(st.sampled_from((None, ValidationCheck(0.6, n_pairs=50))))
    rules = Rules(RewardFilter(draw(st.sampled_from((0.0, 0.001, 0.005)))))
    searcher, limits = Sampling(SPACE, seed), {"k": k, "trainings": trainings, "patience": 30, "seed": seed}
    steps = run(searcher, evaluator, rules=rules, operators=SPACE, check_first=check_first, **limits)
    return steps, searcher, evaluator, {"k": k, "trainings": trainings, "rules": rules, "seed": seed}


@costly_law
@given(searches())
def test_every_proposed_program_is_told_once_and_appears_once_in_order(case):
    steps, searcher, _, _ = case
    trials = trials_of(steps)
    asked = [(i, genome.tolist()) for i, genome in enumerate(searcher.asked)]
    assert [(trial.candidate.number, trial.candidate.genome.tolist()) for trial in trials] == asked
    programs = SPACE.decode(np.stack(searcher.asked))
    assert [trial.candidate.solution for trial in trials] == programs
    assert plain(sorted(searcher.told, key=lambda trial: trial.candidate.number)) == plain(trials)


@costly_law
@given(searches())
def test_steps_and_their_trials_are_numbered_and_the_last_one_says_why(case):
    steps, _, _, _ = case
    assert [step.number for step in steps] == list(range(len(steps)))
    assert all(trial.step == step.number for step in steps for trial in step.trials)
    assert [step.stop is None for step in steps] == [True] * (len(steps) - 1) + [False]


@costly_law
@given(searches())
def test_the_budget_of_trainings_is_used_up_and_never_exceeded(case):
    steps, _, evaluator, settings = case
    trained = [sum(trial.trained for trial in step.trials) for step in steps]
    assert max(trained) <= settings["k"]
    assert sum(trained) == sum(len(keys) for keys, _ in evaluator.measured) <= settings["trainings"]
    assert (sum(trained) == settings["trainings"]) == (steps[-1].stop is StopReason.TRAININGS)
    assert (trained[-1] == 0) == (steps[-1].stop is StopReason.EXHAUSTED)


@costly_law
@given(searches())
def test_the_candidates_of_a_step_are_trained_on_the_batches_of_its_own_seed(case):
    steps, _, evaluator, settings = case
    seeds = [derive_seed(settings["seed"], "step", step.number) for step in steps]
    assert all(trial.seed == seeds[trial.step] for trial in trials_of(steps))
    trained = [[t.candidate.solution.key for t in step.trials if t.trained] for step in steps]
    assert evaluator.measured == [(keys, seed) for keys, seed in zip(trained, seeds, strict=True) if keys]


@costly_law
@given(searches())
def test_a_duplicate_gets_what_its_original_got_from_the_same_recommender(case):
    steps, _, _, _ = case
    trials = trials_of(steps)
    for trial in trials:
        assert (trial.original is not None) == (trial.verdict is Verdict.DUPLICATE)
        if trial.original is not None:
            original = trials[trial.original]
            assert original.candidate.number < trial.candidate.number
            assert original.verdict in (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.WRONG_DIRECTION)
            assert (trial.reward, trial.score, trial.trained) == (original.reward, original.score, False)
            between = steps[original.step : trial.step]
            assert not any(step.restarted or any(t.adopted for t in step.trials) for step in between)


@costly_law
@given(searches())
def test_from_one_recommender_nothing_is_trained_twice(case):
    steps, _, _, _ = case
    seen = set()
    for step in steps:
        keys = [trial.candidate.solution.key for trial in step.trials if trial.trained]
        assert len(set(keys)) == len(keys)
        assert not seen & set(keys)
        seen |= set(keys)
        if step.restarted or any(trial.adopted for trial in step.trials):
            seen.clear()


@costly_law
@given(searches())
def test_the_search_goes_on_from_the_best_accepted_candidate_of_a_step(case):
    steps, _, evaluator, _ = case
    offers = []
    for step in steps:
        trained = [trial for trial in step.trials if trial.trained]
        accepted = [trial for trial in trained if trial.verdict is Verdict.ACCEPTED]
        best = max(accepted, key=lambda trial: trial.reward, default=None)
        if best is not None:
            offers.append(trained.index(best))
        adopted = [trial for trial in step.trials if trial.adopted]
        assert adopted == ([] if best is None or evaluator.keeps_start else [best])
    assert evaluator.offered == offers


@costly_law
@given(searches())
def test_rewards_are_gains_over_where_the_step_started_and_the_filter_decides(case):
    steps, _, _, settings = case
    start = 0.5
    for step in steps:
        for trial in step.trials:
            if trial.trained:
                assert trial.reward == reward_of(trial.score, start)
                assert trial.verdict is settings["rules"].reward_filter.verdict(trial.reward)
        adopted = [trial.score for trial in step.trials if trial.adopted]
        start = adopted[0] if adopted else 0.5 if step.restarted else start
        assert step.score == start


@costly_law
@given(searches())
def test_only_what_was_measured_has_a_reward(case):
    for trial in trials_of(case[0]):
        if trial.verdict in (Verdict.ZERO_GRADIENT, Verdict.NON_FINITE, Verdict.WRONG_DIRECTION):
            assert (trial.reward, trial.score, trial.trained) == (None, None, False)
        assert (trial.seconds > 0) == (trial.cost == 1) == trial.trained


@costly_law
@given(searches())
def test_the_proxy_test_is_renewed_when_the_recommender_changed_and_only_then(case):
    steps, _, evaluator, _ = case
    changes = sum(step.restarted or any(trial.adopted for trial in step.trials) for step in steps)
    assert sum(what == "proxy_batch" for what, _ in evaluator.log) == 1 + changes
    for (what, _), (then, _) in pairwise(evaluator.log):
        if what == "adopt" and not evaluator.keeps_start:
            assert then == "proxy_batch"


@costly_law
@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_the_same_seed_gives_the_same_steps_but_for_the_seconds(seed, k, keeps_start):
    def once(seconds):
        evaluator = FakeEvaluator(keeps_start=keeps_start, seconds=seconds)
        limits = {"k": k, "trainings": 6, "patience": 100, "seed": seed}
        steps = run(Sampling(SPACE, seed), evaluator, operators=SPACE, **limits)
        return [
            dataclasses.replace(
                step,
                trials=plain(dataclasses.replace(t, seconds=0.0) for t in step.trials),
                searcher_seconds=0.0,
                training_seconds=0.0,
            )
            for step in steps
        ]

    assert once(1) == once(100)


def algorithm_1(searcher, evaluator, eta, trainings, seed):
    """The paper's Algorithm 1, one loss at a time, written down as it stands there."""
    proxy, memory, trials = ProxyTest(), {}, []
    proxy.renew(evaluator.proxy_batch())
    step = 0
    while step < trainings:
        (genome,) = searcher.ask(1)
        (program,) = SPACE.decode(genome[None])
        loss, batches = ProgramLoss(program, SPACE), derive_seed(seed, "step", step)
        trial = Trial(step, Candidate(len(trials), genome, program), Verdict.REJECTED, seed=batches)
        (finding,) = proxy.examine([loss])
        if finding.verdict is Verdict.DUPLICATE:
            original = memory[finding.entry]
            trial = dataclasses.replace(
                trial,
                verdict=Verdict.DUPLICATE,
                reward=original.reward,
                score=original.score,
                original=original.candidate.number,
            )
        elif finding.verdict is not None:
            trial = dataclasses.replace(trial, verdict=finding.verdict)
        else:
            before = evaluator.score()
            (measured,) = evaluator.measure([loss], batches)
            reward = measured.score - before
            accepted = reward >= -eta
            trial = dataclasses.replace(
                trial,
                verdict=Verdict.ACCEPTED if accepted else Verdict.REJECTED,
                reward=reward,
                score=measured.score,
                trained=True,
                adopted=accepted and evaluator.adopt(0),
                cost=measured.cost,
                seconds=measured.seconds,
            )
            memory[finding.entry] = trial
            if trial.adopted:
                proxy.renew(evaluator.proxy_batch())
                memory.clear()
            step += 1
        trials.append(trial)
        searcher.tell([trial])
    return trials


@costly_law
@given(st.integers(0, 10**6), st.integers(1, 8), st.booleans())
def test_one_candidate_a_step_is_algorithm_1(seed, trainings, keeps_start):
    def settings():
        return Sampling(SPACE, seed), FakeEvaluator(keeps_start=keeps_start)

    searcher, evaluator = settings()
    steps = run(searcher, evaluator, operators=SPACE, trainings=trainings, patience=10_000, seed=seed)
    expected_searcher, expected_evaluator = settings()
    expected = algorithm_1(expected_searcher, expected_evaluator, 0.001, trainings, seed)
    assert plain(trials_of(steps)) == plain(expected)
    assert searcher.events == expected_searcher.events
    assert evaluator.log == expected_evaluator.log


@costly_law
@given(st.data(), st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 10), st.booleans(), st.booleans())
@pytest.mark.parametrize(("proxy", "reference"), [(ProxyTest, None), (ProxyTest, BCE), (NoProxyTest, BCE)])
def test_a_search_goes_on_from_any_step_as_if_it_had_never_ended(
    proxy, reference, data, seed, k, trainings, keeps_start, can_restart
):
    budget = SearchBudget(trainings, candidates_per_step=k, samples_per_training=30)
    evaluators = []

    def begin():
        searcher = Sampling(SPACE, seed)
        evaluators.append(FakeEvaluator(keeps_start=keeps_start, can_restart=can_restart, fixed_batch=keeps_start))
        problem = problem_of(searcher, evaluators[-1], proxy(), SPACE, reference=reference)
        return Search(searcher, problem, Rules(), budget, seed)

    whole = begin()
    states, steps = [], []
    for step in whole:
        steps.append(step)
        states.append(copy.deepcopy(whole.state_dict()))
    cut = data.draw(st.integers(1, len(steps)))
    resumed = begin()
    resumed.load_state_dict(states[cut - 1])
    rest = list(resumed)
    assert plain(trials_of(rest)) == plain(as_timed(t, rest) for t in trials_of(steps[cut:]))
    assert [(s.number, s.score, s.stop, s.restarted) for s in rest] == [
        (s.number, s.score, s.stop, s.restarted) for s in steps[cut:]
    ]
    assert resumed.stop is steps[-1].stop
    scales = [evaluator.scales for evaluator in evaluators]
    assert scales[1] == scales[0][len(scales[0]) - len(scales[1]) :]
    if reference is None:
        assert set(scales[0]) <= {1.0}
    elif proxy is ProxyTest:  # which lets through only what has a gradient
        assert 1.0 not in scales[0]
    assert unpacked(packed(states[cut - 1])).keys() == states[cut - 1].keys()


def as_timed(trial, steps):
    """The fake counts seconds from its own beginning."""
    (same,) = (other for other in trials_of(steps) if other.candidate.number == trial.candidate.number)
    return dataclasses.replace(trial, seconds=same.seconds)


def test_the_time_before_an_interruption_counts():
    ticks = iter(range(0, 100_000, 25))
    budget = SearchBudget(100, minutes=10, candidates_per_step=1)

    def begin(clock):
        searcher = Sampling(SPACE, 0)
        return Search(searcher, problem_of(searcher, FakeEvaluator()), Rules(), budget, 0, clock)

    first = begin(lambda: next(ticks))
    n_whole = len(list(first))
    ticks = iter(range(0, 100_000, 25))
    cut = begin(lambda: next(ticks))
    steps = iter(cut)
    for _ in range(n_whole // 2):
        next(steps)
    state = cut.state_dict()
    late = begin(lambda: 10**9)
    late.load_state_dict({**state, "seconds": 600.0})
    assert len(list(late)) == 1
    assert late.stop is StopReason.TIME


# Examples with scripted searchers.


def test_candidates_are_trained_at_the_norm_of_the_reference_where_they_start():
    evaluator = FakeEvaluator({"y_hat": 0.01, "y_hat + y_hat": 0.02, "y_hat^2": 0.03, "y_hat*y": -0.1})
    searcher = Scripted("y_hat", "y_hat + y_hat", "y_hat^2", "y_hat*y")
    run(searcher, evaluator, reference=BCE, k=2, trainings=4)
    expected = []
    for state, programs in enumerate((searcher.programs[:2], searcher.programs[2:])):
        normaliser = GradientNormaliser(BCE, prediction_proxy_batch(state))
        expected += normaliser.factors([ProgramLoss(program, HANDCRAFTED_SPACE) for program in programs])
    assert evaluator.scales == expected
    assert expected[0] == 2 * expected[1]


def test_without_a_proxy_test_everything_is_trained():
    evaluator = FakeEvaluator()
    searcher = Scripted("y_hat", "y_hat", "y", "1", "y_hat + 1/(y_hat - y_hat)")
    operators = OperatorSpace(clamp="none", xi=1e-300)
    steps = run(searcher, evaluator, proxy=NoProxyTest(), operators=operators, reference=BCE, k=3, trainings=6)
    trials = trials_of(steps)
    assert len(trials) == 6
    assert all(trial.trained for trial in trials)
    assert evaluator.scales[2:4] == [1.0, 1.0]  # no gradient, no factor


def test_without_a_proxy_test_the_validation_check_still_decides_if_asked_to():
    searcher, settings = Scripted("-y", "y_hat*y_hat", "(y_hat - y)^2"), {"check_first": ValidationCheck()}
    steps = run(searcher, FakeEvaluator(), proxy=NoProxyTest(), k=2, trainings=2, **settings)
    assert verdicts(steps).count(Verdict.WRONG_DIRECTION) == 1
    assert sum(trial.trained for trial in trials_of(steps)) == 2


def test_of_the_accepted_candidates_the_best_is_adopted_whatever_its_place():
    evaluator = FakeEvaluator(GAINS)
    (step,) = run(Scripted("1/y_hat", "y_hat^2", "y_hat", "y_hat*y"), evaluator, k=4, trainings=4)
    assert evaluator.offered == [2]
    assert [trial.adopted for trial in step.trials] == [False, False, True, False]
    assert step.score == 0.8
    assert [trial.verdict for trial in step.trials] == [Verdict.REJECTED, *[Verdict.ACCEPTED] * 3]


def test_of_equally_good_candidates_the_first_is_adopted():
    evaluator = FakeEvaluator({"y_hat": 0.1, "y_hat^2": 0.2, "y_hat*y": 0.2, "log(y_hat)": 0.2})
    run(Scripted("y_hat", "y_hat^2", "y_hat*y", "log(y_hat)"), evaluator, k=4, trainings=4)
    assert evaluator.offered == [1]


def test_a_small_loss_of_score_is_accepted_and_adopted():
    evaluator = FakeEvaluator({"y_hat": -0.0005, "y_hat^2": -0.002})
    (step,) = run(Scripted("y_hat^2", "y_hat"), evaluator, k=2, trainings=2)
    assert [trial.verdict for trial in step.trials] == [Verdict.REJECTED, Verdict.ACCEPTED]
    assert evaluator.offered == [1]
    assert step.score == pytest.approx(0.4995)


def test_where_nothing_is_accepted_nothing_is_adopted():
    evaluator = FakeEvaluator(GAINS)
    (step,) = run(Scripted("1/y_hat", "log(y_hat)"), evaluator, k=2, trainings=2)
    assert evaluator.offered == []
    assert step.score == 0.5
    assert not any(trial.adopted for trial in step.trials)


def test_after_an_adoption_the_same_program_may_be_trained_again():
    evaluator = FakeEvaluator({"y_hat": 0.1}, fixed_batch=True)
    steps = run(Scripted("y_hat"), evaluator, trainings=3)
    assert verdicts(steps) == [Verdict.ACCEPTED] * 3
    assert [step.score for step in steps] == pytest.approx([0.6, 0.7, 0.8])


def test_without_an_adoption_the_same_program_is_trained_once():
    searcher, evaluator = Scripted("1/y_hat", "1/y_hat", "1/y_hat", "log(y_hat)"), FakeEvaluator(GAINS)
    steps = run(searcher, evaluator, trainings=2)
    assert verdicts(steps) == [Verdict.REJECTED, Verdict.DUPLICATE, Verdict.DUPLICATE, Verdict.REJECTED]
    assert [trial.original for trial in trials_of(steps)] == [None, 0, 0, None]
    assert [trial.reward for trial in trials_of(steps)] == pytest.approx([-0.2, -0.2, -0.2, -0.1])


def test_a_stationary_environment_keeps_its_memory_after_an_offer():
    searcher, evaluator = Scripted("y_hat", "y_hat", "y_hat^2"), FakeEvaluator(GAINS, keeps_start=True)
    steps = run(searcher, evaluator, trainings=2)
    assert verdicts(steps) == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.ACCEPTED]
    assert evaluator.offered == [0, 0]
    assert not any(trial.adopted for trial in trials_of(steps))
    assert [step.score for step in steps] == [0.5, 0.5]


def test_duplicates_of_candidates_that_wait_for_training_wait_with_them():
    searcher = Scripted("y_hat", "y_hat + 1", "y_hat^2")
    (step,) = run(searcher, FakeEvaluator(GAINS), k=2, trainings=2)
    assert searcher.events == [("ask", 2), ("ask", 1), ("tell", [0, 2, 1])]
    assert [trial.verdict for trial in step.trials] == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.ACCEPTED]
    assert step.trials[1].original == 0
    assert step.trials[1].reward == step.trials[0].reward
    assert not step.trials[1].adopted


def test_outcomes_of_an_earlier_recommender_are_forgotten():
    searcher = Scripted("y_hat", "y_hat^2", "y_hat*y", "y_hat*y + 1", "log(y_hat)")
    _, step = run(searcher, FakeEvaluator(GAINS), k=2, trainings=4)
    assert [trial.verdict for trial in step.trials] == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.REJECTED]
    assert step.trials[1].original == step.trials[0].candidate.number == 2
    assert step.trials[1].reward == step.trials[0].reward == pytest.approx(0.1)


def test_what_is_known_at_once_is_told_before_the_next_question():
    searcher = Scripted("y", "y_hat", "y + 1", "y_hat^2")
    run(searcher, FakeEvaluator(GAINS), k=2, trainings=2)
    assert searcher.events == [("ask", 2), ("tell", [0]), ("ask", 1), ("tell", [2]), ("ask", 1), ("tell", [1, 3])]


def test_the_last_step_trains_no_more_than_is_left():
    evaluator = FakeEvaluator(GAINS, keeps_start=True)
    steps = run(Scripted(*FORMULAS), evaluator, k=3, trainings=4)
    assert [len(keys) for keys, _ in evaluator.measured] == [3, 1]
    assert [step.stop for step in steps] == [None, StopReason.TRAININGS]


WRONG = "-(y_hat - y)^2"


def test_a_loss_of_the_wrong_direction_is_not_trained_where_that_is_checked_first():
    searcher, evaluator = Scripted(WRONG, f"{WRONG} + y", "(y_hat - y)^2"), FakeEvaluator()
    steps = run(searcher, evaluator, check_first=ValidationCheck())
    first, repeated, right = trials_of(steps)
    assert (first.verdict, first.trained, first.reward, first.original) == (Verdict.WRONG_DIRECTION, False, None, None)
    assert (repeated.verdict, repeated.reward, repeated.original) == (Verdict.DUPLICATE, None, 0)
    assert right.trained
    assert [keys for keys, _ in evaluator.measured] == [[right.candidate.solution.key]]


def test_a_loss_of_the_wrong_direction_is_trained_where_that_is_not_checked_first():
    (step,) = run(Scripted(WRONG), FakeEvaluator())
    assert step.trials[0].trained


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_training_that_broke_down_counts_has_no_reward_and_is_not_adopted(broken):
    evaluator = FakeEvaluator({"y_hat": broken, "y_hat^2": -0.1, "log(y_hat)": -0.2})
    searcher = Scripted("y_hat", "y_hat^2", "y_hat", "log(y_hat)")
    steps = run(searcher, evaluator, k=2, trainings=3)
    first, second, repeated, last = trials_of(steps)
    assert (first.verdict, first.reward, first.score, first.trained) == (Verdict.NON_FINITE, None, None, True)
    assert second.verdict is last.verdict is Verdict.REJECTED
    assert (repeated.verdict, repeated.reward, repeated.original) == (Verdict.DUPLICATE, None, 0)
    assert evaluator.offered == []
    assert [step.score for step in steps] == [0.5, 0.5]


def test_a_loss_that_is_not_finite_is_not_trained():
    operators = dataclasses.replace(HANDCRAFTED_SPACE, xi=1e-200)
    steps = run(Scripted("(1/(y_hat - y_hat))^2", "y_hat"), FakeEvaluator(GAINS), operators=operators)
    assert [(t.verdict, t.trained) for t in trials_of(steps)] == [(Verdict.NON_FINITE, False), (Verdict.ACCEPTED, True)]


class Hours:
    """A clock that goes on only where something takes its time: an ask, a tell, a training."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def slow(self, method, seconds):
        def taking_time(*args):
            self.now += seconds
            return method(*args)

        return taking_time


def timed_run(formulas, *, ask=0.0, tell=0.0, training=0.0, **settings):
    clock, searcher, evaluator = Hours(), Scripted(*formulas), FakeEvaluator({"y_hat": 0.1})
    searcher.ask = clock.slow(searcher.ask, ask)
    searcher.tell = clock.slow(searcher.tell, tell)
    evaluator.measure = clock.slow(evaluator.measure, training)
    return run(searcher, evaluator, clock=clock, **settings)


@pytest.mark.parametrize(("training", "n_steps"), [(20.1, 3), (60.0, 1), (31.0, 2)])
def test_the_time_budget_ends_the_search_after_the_step_in_which_it_runs_out(training, n_steps):
    steps = timed_run(["y_hat"], training=training, trainings=99, minutes=1.0)
    assert [step.stop for step in steps] == [None] * (n_steps - 1) + [StopReason.TIME]


def test_nothing_more_is_proposed_once_the_time_is_used_up():
    (step,) = timed_run(ZERO, ask=7.0, patience=1000, minutes=1.0)
    assert step.stop is StopReason.TIME
    assert len(step.trials) == 9  # asks began at 0, 7, ... 56 seconds


def test_what_was_found_in_time_is_trained():
    (step,) = timed_run(["y_hat", *ZERO], ask=40.0, k=5, patience=1000, trainings=5, minutes=1.0)
    assert step.stop is StopReason.TIME
    assert [trial.trained for trial in step.trials].count(True) == 1


def test_a_budget_that_is_used_up_in_time_says_so():
    (step,) = timed_run(["y_hat"], training=99.0, minutes=1.0)
    assert step.stop is StopReason.TRAININGS


def test_a_step_says_what_its_time_went_to():
    steps = timed_run(["y", "y_hat"], ask=1.0, tell=0.25, training=8.0, trainings=2)
    assert [(step.searcher_seconds, step.training_seconds) for step in steps] == [(2.5, 8.0), (1.25, 8.0)]


def test_duplicates_earn_nothing_where_the_rules_say_so():
    rules = Rules(reward_duplicates=False)
    searcher = Scripted("y_hat", "y_hat + y", "y_hat", "y_hat^2")
    steps = run(searcher, FakeEvaluator(GAINS, keeps_start=True), rules=rules, k=2, trainings=2)
    duplicates = [trial for trial in trials_of(steps) if trial.verdict is Verdict.DUPLICATE]
    assert [(trial.reward, trial.score, trial.original) for trial in duplicates] == [(None, None, 0)] * 2
    rewards = [trial.reward for trial in trials_of(steps) if trial.trained]
    assert rewards == pytest.approx([GAINS["y_hat"], GAINS["y_hat^2"]])


def test_a_dead_end_leads_to_one_restart_and_then_to_the_end():
    evaluator = FakeEvaluator()
    first, second = run(Scripted(*ZERO), evaluator, patience=6, seed=11)
    assert (first.stop, first.restarted) == (None, True)
    assert (second.stop, second.restarted) == (StopReason.EXHAUSTED, False)
    assert evaluator.restarts == [derive_seed(11, "restart", 0)]
    assert Counter(verdicts((first, second))) == {Verdict.ZERO_GRADIENT: 12}


def test_a_dead_end_is_the_end_where_there_is_no_fresh_recommender():
    evaluator = FakeEvaluator(can_restart=False)
    (step,) = run(Scripted(*ZERO), evaluator, patience=6)
    assert (step.stop, step.restarted) == (StopReason.EXHAUSTED, False)
    assert len(step.trials) == 6
    assert evaluator.measured == []


def test_every_dead_end_has_a_restart_of_its_own():
    evaluator = FakeEvaluator(GAINS)
    steps = run(Scripted("y", "y", "y_hat", "y"), evaluator, trainings=9, patience=2)
    assert [step.restarted for step in steps] == [True, False, True, False]
    assert [len(step.trials) for step in steps] == [2, 1, 2, 2]
    assert steps[-1].stop is StopReason.EXHAUSTED
    assert evaluator.restarts == [derive_seed(0, "restart", 0), derive_seed(0, "restart", 2)]
    assert [step.score for step in steps] == [0.5, 0.8, 0.5, 0.5]


def test_after_a_restart_the_same_program_may_be_trained_again():
    evaluator = FakeEvaluator(GAINS)
    steps = run(Scripted("1/y_hat"), evaluator, trainings=9, patience=3)
    trained = [[trial.trained for trial in step.trials] for step in steps]
    assert trained == [*[[True], [False] * 3] * 8, [True]]
    assert steps[-1].stop is StopReason.TRAININGS


def test_a_step_that_runs_dry_half_way_trains_what_it_has():
    evaluator = FakeEvaluator(GAINS)
    steps = run(Scripted("y_hat", "y"), evaluator, k=3, trainings=5, patience=4)
    assert [sum(trial.trained for trial in step.trials) for step in steps] == [1, 0, 0]
    assert [step.restarted for step in steps] == [False, True, False]
    assert steps[-1].stop is StopReason.EXHAUSTED


def test_the_patience_with_barren_proposals_starts_anew_with_every_find():
    searcher = Scripted("y", "y", "y_hat", "y", "y", "y_hat^2")
    (step,) = run(searcher, FakeEvaluator(GAINS), k=2, trainings=2, patience=4)
    assert sum(trial.trained for trial in step.trials) == 2


def test_a_step_carries_what_the_searcher_said_last():
    searcher = Scripted(*FORMULAS)
    steps = run(searcher, FakeEvaluator(GAINS, keeps_start=True), k=2, trainings=4)
    assert [step.searcher_metrics for step in steps] == [{"told": 2.0}, {"told": 4.0}]


def test_nothing_happens_before_the_first_step_is_asked_for():
    searcher, evaluator = Scripted("y_hat"), FakeEvaluator(GAINS)
    problem = problem_of(searcher, evaluator)
    steps = iter(Search(searcher, problem, Rules(), SearchBudget(2, candidates_per_step=1), 0))
    assert (searcher.events, evaluator.log) == ([], [("proxy_batch", 0)])
    next(steps)
    assert len(evaluator.measured) == 1


@pytest.mark.parametrize("name", ["trainings", "candidates_per_step", "samples_per_training"])
@pytest.mark.parametrize("number", [0, -5])
def test_a_budget_below_one_is_refused(name, number):
    with pytest.raises(UserError, match=f"^{name}: expected at least 1, got {number}$"):
        SearchBudget(**{name: number})


@pytest.mark.parametrize("minutes", [0, -1.0, math.nan])
def test_a_time_budget_is_above_zero(minutes):
    with pytest.raises(UserError, match=r"^minutes: expected a number above 0, got"):
        SearchBudget(minutes=minutes)


@pytest.mark.parametrize("reason", StopReason)
def test_every_reason_to_stop_is_a_sentence(reason):
    assert len(reason.value.split()) > 4


@pytest.mark.parametrize("n", [0, 2])
def test_a_searcher_that_breaks_its_contract_is_named(n):
    class Wrong(Scripted):
        def ask(self, wanted):
            return np.zeros((n, 1), dtype=np.int64)

    with pytest.raises(RuntimeError, match=rf"Wrong\.ask\(1\) returned {n} genomes, expected exactly 1"):
        run(Wrong("y_hat"), FakeEvaluator())


# A problem that has nothing to do with losses.


def colours(seed, k=3, trainings=30, **settings):
    problem = Colours(seed, **settings)
    searcher = Sampling(problem.space, seed)
    budget = SearchBudget(trainings, candidates_per_step=k, samples_per_training=100)
    return Search(searcher, problem, Rules(RewardFilter(0.0)), budget, seed)


@costly_law
@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_whatever_is_searched_for_the_loop_is_the_same(seed, keeps_start, forgets):
    search = colours(seed, keeps_start=keeps_start, forgets=forgets)
    start, steps = Colours(seed).score(), list(search)
    trials = trials_of(steps)
    assert search.stop is StopReason.TRAININGS
    assert sum(trial.trained for trial in trials) == 30
    assert sum(trial.cost for trial in trials) == 15
    assert [trial.candidate.number for trial in trials] == list(range(len(trials)))
    for step in steps:
        for trial in step.trials:
            assert trial.reward is None or trial.reward == trial.score - start
            grey = set(trial.candidate.solution.names[:3]) == {"grey"}
            assert grey == (trial.verdict is Verdict.ZERO_GRADIENT)
        best = max((t.score for t in step.trials if t.verdict is Verdict.ACCEPTED), default=start)
        start = start if keeps_start else max(start, best)
        assert step.score == start
    repeated = verdicts(steps).count(Verdict.DUPLICATE)
    assert not (forgets and repeated)


def test_the_picture_comes_near_the_one_in_mind():
    assert [step.score for step in colours(0, trainings=300)][-1] > 0.9


@costly_law
@given(st.data(), st.integers(0, 10**6), st.booleans())
def test_whatever_is_searched_for_it_goes_on_from_any_step(data, seed, keeps_start):
    whole = colours(seed, keeps_start=keeps_start)
    kept = [(step, packed(whole.state_dict())) for step in whole]
    cut = data.draw(st.integers(0, len(kept) - 1))
    resumed = colours(seed, keeps_start=keeps_start)
    resumed.load_state_dict(unpacked(kept[cut][1]))
    assert plain(trials_of(resumed)) == plain(trials_of(step for step, _ in kept[cut + 1 :]))
    assert resumed.stop is whole.stop
