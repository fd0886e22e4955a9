import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.search.effectiveness import ConvergenceRun, EarlyStopping, TrainingCurve, train_to_convergence
from tests.strategies import law


class FakeRun(ConvergenceRun):
    """Candidates whose scores are known beforehand; it keeps books of what it is told."""

    def __init__(self, *curves):
        self.curves = curves
        self.active = list(range(len(curves)))
        self.epoch = 0
        self.best_epochs = {}
        self.retired = {}

    def train_epoch(self):
        assert self.active, "nobody left to train"
        self.epoch += 1
        return [self.curves[candidate][self.epoch - 1] for candidate in self.active]

    def keep_best(self, positions):
        self.best_epochs |= {self.active[position]: self.epoch for position in positions}

    def retire(self, positions):
        assert list(positions) == sorted(set(positions))
        self.retired |= {self.active[position]: self.epoch for position in positions}
        self.active = [candidate for i, candidate in enumerate(self.active) if i not in positions]


def fresh(n):
    return [TrainingCurve() for _ in range(n)]


def trained(*curves, **early_stopping):
    fit = FakeRun(*curves)
    *_, progress = train_to_convergence(fit, fresh(len(curves)), EarlyStopping(**early_stopping))
    return fit, progress


def stop_epoch(curve, early_stopping):
    """When a candidate alone ends, straight from the paper's sentence."""
    for epoch in range(1, len(curve) + 1):
        seen = curve[:epoch]
        last = seen[-early_stopping.falling - 1 :]
        falling = len(last) == early_stopping.falling + 1 and all(b < a for a, b in pairwise(last))
        best = seen.index(max(seen)) + 1
        if (
            not math.isfinite(seen[-1])
            or epoch == early_stopping.max_epochs
            or falling
            or epoch - best > early_stopping.best_ago
        ):
            return epoch
    raise AssertionError("the curve is too short")


PATIENCE = st.builds(EarlyStopping, st.integers(1, 12), st.integers(1, 6), st.integers(1, 4))
SCORES = st.sampled_from((0.5, 0.6, 0.7, 0.8)) | st.floats(-1, 1) | st.sampled_from((0.9, math.nan, -math.inf))
CURVES = st.lists(st.lists(SCORES, min_size=12, max_size=12), min_size=1, max_size=5)


@law
@given(CURVES, PATIENCE)
def test_every_candidate_ends_when_it_would_end_alone_and_its_best_is_kept(curves, early_stopping):
    fit = FakeRun(*curves)
    *_, progress = train_to_convergence(fit, fresh(len(curves)), early_stopping)
    for candidate, curve in enumerate(curves):
        end = stop_epoch(curve, early_stopping)
        finite = [score for score in curve[:end] if math.isfinite(score)]
        assert fit.retired[candidate] == progress[candidate].epochs == end
        assert progress[candidate].best_score == max(finite, default=-math.inf)
        assert progress[candidate].best_epoch == (curve.index(max(finite)) + 1 if finite else 0)
        assert fit.best_epochs.get(candidate, 0) == progress[candidate].best_epoch


@law
@given(CURVES, PATIENCE)
def test_progress_is_reported_after_every_epoch_for_all_candidates_in_order(curves, early_stopping):
    fit = FakeRun(*curves)
    ends = [stop_epoch(curve, early_stopping) for curve in curves]
    reports = [
        [p.epochs for p in progress] for progress in train_to_convergence(fit, fresh(len(curves)), early_stopping)
    ]
    assert reports == [[min(epoch, end) for end in ends] for epoch in range(1, max(ends) + 1)]


def test_the_papers_patience():
    assert (EarlyStopping().best_ago, EarlyStopping().falling) == (50, 10)


@pytest.mark.parametrize("name", ["max_epochs", "best_ago", "falling"])
@pytest.mark.parametrize("number", [0, -1, 10**9])
def test_patience_out_of_range_is_refused(name, number):
    with pytest.raises(UserError, match=f"{name}: expected 1 to 1,000,000, got {number}"):
        EarlyStopping(**{name: number})


def test_ten_falls_in_a_row_end_a_candidate():
    curve = [0.5, *(0.6 - 0.01 * i for i in range(20))]
    fit, (progress,) = trained(curve)
    assert (progress.epochs, progress.falls, progress.best_epoch) == (12, 10, 2)
    assert fit.best_epochs == {0: 2}


def test_a_level_epoch_breaks_a_fall():
    curve = [90.0, *range(80, 71, -1), 72.0, 72.0, *range(71, 50, -1)]
    _, (progress,) = trained(curve)
    assert progress.epochs == 22


def test_a_best_epoch_more_than_fifty_epochs_ago_ends_a_candidate():
    curve = [0.5, 0.9, *([0.6, 0.7] * 40)]
    fit, (progress,) = trained(curve)
    assert (progress.epochs, progress.best_epoch, progress.best_score) == (53, 2, 0.9)
    assert fit.best_epochs == {0: 2}


def test_an_equal_score_is_no_new_best():
    _, (progress,) = trained([0.5] * 100)
    assert (progress.epochs, progress.best_epoch) == (52, 1)


def test_the_most_epochs_end_a_candidate_that_still_rises():
    fit, (progress,) = trained([float(i) for i in range(100)], max_epochs=7)
    assert (progress.epochs, progress.best_epoch) == (7, 7)
    assert fit.best_epochs == {0: 7}


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_ends_a_candidate_and_no_other(broken):
    fit, progress = trained([0.5, broken], [0.5, 0.6, 0.7], max_epochs=3)
    assert [p.epochs for p in progress] == [2, 3]
    assert fit.retired == {0: 2, 1: 3}


def test_a_candidate_that_was_broken_from_the_start_has_no_best():
    fit, (progress,) = trained([math.nan])
    assert (progress.epochs, progress.best_epoch, progress.best_score) == (1, 0, -math.inf)
    assert fit.best_epochs == {}


def test_those_who_stay_keep_their_order():
    curves = [[0.5] * 9, [0.5, math.nan], [0.5, 0.6, 0.7, math.nan], [0.5, math.nan], [0.1 * i for i in range(9)]]
    fit, progress = trained(*curves, max_epochs=6)
    assert fit.retired == {1: 2, 3: 2, 2: 4, 0: 6, 4: 6}
    assert [p.epochs for p in progress] == [6, 2, 4, 2, 6]
    assert fit.best_epochs == {0: 1, 1: 1, 2: 3, 3: 1, 4: 6}


def test_the_same_progress_is_reported_each_time():
    first, *others = train_to_convergence(FakeRun([0.5, 0.6, 0.7]), fresh(1), EarlyStopping(max_epochs=3))
    assert all(other is first for other in others)
    assert len(others) == 2


def test_without_candidates_nothing_is_trained():
    assert list(train_to_convergence(FakeRun(), fresh(0), EarlyStopping())) == []


@law
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_an_update_tells_whether_the_score_is_the_best_so_far(scores):
    progress = TrainingCurve()
    for i, score in enumerate(scores):
        assert progress.update(score) == all(score > earlier for earlier in scores[:i])
        assert progress.epochs == i + 1
        assert progress.best_score == max(scores[: i + 1])
        assert scores[progress.best_epoch - 1] == progress.best_score


def test_a_fresh_candidate_has_no_best():
    assert (TrainingCurve().epochs, TrainingCurve().best_epoch, TrainingCurve().best_score) == (0, 0, -math.inf)
