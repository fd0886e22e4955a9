import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, studentized_range, wilcoxon
from statsmodels.stats.multitest import multipletests

from core.common.paired import holm, pairs_needed, smallest_p
from core.phases.problem import Optimum
from studies.comparison.outcome import anytime, quartiles, regrets, targets_reached
from studies.comparison.statistics import ALPHA, analyse, improves, standings
from tests.strategies import costly_law, law
from tests.studies.comparison.outcomes import NAN, lively, matrix, outcome, run, scored

#: Seconds of 22 players who round first base in three ways (Hollander and Wolfe 1973; `?friedman.test` in R).
ROUNDING = (
    (5.40, 5.50, 5.55), (5.85, 5.70, 5.75), (5.20, 5.60, 5.50), (5.55, 5.50, 5.40), (5.90, 5.85, 5.70),
    (5.45, 5.55, 5.60), (5.40, 5.40, 5.35), (5.45, 5.50, 5.35), (5.25, 5.15, 5.00), (5.85, 5.80, 5.70),
    (5.25, 5.20, 5.10), (5.65, 5.55, 5.45), (5.60, 5.35, 5.45), (5.05, 5.00, 4.95), (5.50, 5.50, 5.40),
    (5.45, 5.55, 5.50), (5.55, 5.55, 5.35), (5.45, 5.50, 5.55), (5.50, 5.45, 5.25), (5.65, 5.60, 5.40),
    (5.70, 5.65, 5.55), (6.30, 6.30, 6.25),
)  # fmt: skip
#: Auc-like, to four digits so that ties occur; None: nothing found.
cells = st.integers(5000, 5020).map(lambda value: value / 10_000) | st.just(NAN)
tables = st.tuples(st.integers(2, 6), st.integers(2, 4)).flatmap(
    lambda shape: st.lists(st.lists(cells, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0])
)
#: Resamples of the bootstrap, where its interval is not the point.
FEW = 50
best_so_far = st.lists(st.integers(0, 100), min_size=1, max_size=6).map(
    lambda values: [value / 100 for value in np.maximum.accumulate(values)]
)


def steady(gaps, n_seeds):
    """Searchers apart by these gaps with every seed, whatever else the seed does."""
    apart = [1 + 1e-9 * seed for seed in range(n_seeds)]  # ties would cost every test a permutation test
    return matrix([[0.7 + 0.01 * seed * seed + gap * apart[seed] for gap in gaps] for seed in range(n_seeds)])


def test_friedman_and_ranks_are_those_of_the_textbook():
    table = standings(matrix(ROUNDING, higher_is_better=False), "final")
    assert table.friedman == pytest.approx(0.003805, abs=1e-6)
    assert table.ranks == pytest.approx(np.array([53, 47, 32]) / 22)
    # Demšar, section 3.2.2: a difference of ranks in units of sqrt(k (k + 1) / 6n), times sqrt(2).
    q = (53 - 32) / 22 / (3 * 4 / (6 * 22)) ** 0.5 * 2**0.5
    assert table.nemenyi[0, 2] == pytest.approx(studentized_range.sf(q, 3, np.inf))


def test_ranks_share_ties_and_put_nothing_last():
    table = standings(matrix([[0.8, 0.8, 0.7], [NAN, 0.6, 0.5], [NAN, NAN, 0.4]]), "final")
    assert table.ranks == pytest.approx([(1.5 + 3 + 2.5) / 3, (1.5 + 1 + 2.5) / 3, (3 + 2 + 1) / 3])


@pytest.mark.parametrize("p_values", [(), (0.2,), (0.01, 0.04, 0.03, 0.005), (0.5, 0.5, 0.9), (0.0, 1e-300, 0.02)])
def test_holms_correction_is_that_of_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1].tolist() if p_values else []
    assert holm(p_values) == expected


def test_holm_multiplies_the_smallest_p_by_the_pairs_and_never_falls():
    # Raw: a:b 2/64, a:c 2/64, b:c 4/64 (the smallest difference has the other sign). Holm: 3 * 2/64, and the later
    # ones, 2 * 2/64 and 4/64, are raised to that.
    rows = [[0.9 + 0.01 * i, 0.7, 0.6 + d] for i, d in enumerate((0.11, 0.02, -0.05, -0.10, -0.15, -0.20))]
    pairs = standings(matrix(rows), "final").pairs
    raw = [wilcoxon(*np.array(rows)[:, ij].T).pvalue for ij in ([0, 1], [0, 2], [1, 2])]
    assert raw == [2 / 64, 2 / 64, 4 / 64]
    assert [pair.wilcoxon for pair in pairs] == pytest.approx([6 / 64, 6 / 64, 6 / 64])


@pytest.mark.parametrize("n", range(1, 9))
def test_no_wilcoxon_test_reaches_less_than_the_smallest_p(n):
    assert wilcoxon(np.arange(1.0, n + 1)).pvalue == pytest.approx(smallest_p(n))


@pytest.mark.parametrize(("n_pairs", "n_seeds"), [(1, 6), (3, 7), (10, 9)])
def test_seeds_needed(n_pairs, n_seeds):
    assert pairs_needed(n_pairs, ALPHA) == n_seeds


@pytest.mark.parametrize("n_searchers", [2, 4])
def test_of_identical_searchers_nothing_is_real(n_searchers):
    statistics = analyse(steady([0.0] * n_searchers, 12), FEW)
    assert len(statistics.verdicts) == n_searchers * (n_searchers - 1)
    for pair in statistics.verdicts:
        assert not pair.real
        assert (pair.gain, pair.improvement, pair.wilcoxon) == (0, 0.5, 1)
        assert "not shown to differ" in pair.sentence


@pytest.mark.parametrize("n_searchers", [2, 3, 5])
def test_a_searcher_ahead_with_each_of_twelve_seeds_is_better(n_searchers):
    pairs = standings(steady([0.05, *[0.0] * (n_searchers - 1)], 12), "final", FEW).pairs
    assert [pair.real for pair in pairs] == [pair.first == "a" for pair in pairs]
    assert pairs[0].sentence.startswith("a beats b in validation auc at the end of the search by 0.0500")


def test_the_winner_is_named_whichever_comes_first():
    (pair,) = standings(steady([0.0, 0.05], 12), "final").pairs
    assert pair.gain == pytest.approx(-0.05)
    assert pair.sentence.startswith("b beats a")


def test_what_every_seed_shows_is_still_noise_below_the_floor():
    (pair,) = standings(steady([0.0005, 0.0], 12), "final").pairs
    assert pair.wilcoxon < 0.05
    assert not pair.real
    assert "within the noise floor of 0.0010" in pair.sentence


def test_each_score_has_its_own_floor():
    made = matrix([[0.8, 0.7]] * 2, search=(0.1, 0.3), converged=(0.5,))
    assert standings(made, "final").floor == pytest.approx(0.02**0.5)
    assert np.isnan(standings(made, "converged").floor)


def test_without_a_floor_nothing_is_real():
    (pair,) = standings(scored({"a": np.linspace(0.8, 0.9, 12), "b": [0.1] * 12}, search=()), "final").pairs
    assert not pair.real
    assert "noise floor is not known" in pair.sentence


def test_five_seeds_cannot_pass_wilcoxon_and_two_searchers_have_nothing_else():
    (pair,) = standings(steady([0.1, 0.0], 5), "final").pairs
    assert pair.wilcoxon == 2 / 32
    assert np.isnan(pair.nemenyi)
    assert not pair.real


def test_always_finding_something_beats_never_finding_anything():
    (pair,) = standings(scored({"a": [NAN] * 8, "b": np.linspace(0.7, 0.8, 8)}), "final").pairs
    assert pair.real
    assert pair.gain == -np.inf
    assert "b beats a" in pair.sentence
    assert "mostly found nothing" in pair.sentence


def test_the_test_score_is_the_mean_over_training_seeds_and_a_breakdown_is_nothing():
    runs = [run("a", 0, [0.5], (0.7, 0.8)), run("b", 0, [0.5], (0.7, NAN)), run("c", 0, [0.5], None)]
    assert standings(outcome(runs), "converged").values == pytest.approx(np.array([[0.75, NAN, NAN]]), nan_ok=True)


def test_only_seeds_that_every_searcher_ran_are_paired():
    runs = [run("a", 0, [0.5]), run("a", 1, [0.6]), run("b", 1, [0.7]), run("b", 2, [0.8])]
    assert standings(outcome(runs), "final").values.tolist() == [[0.6, 0.7]]


@pytest.mark.parametrize("made", [steady([0.0], 5), steady([0.1, 0.0, 0.0], 1), outcome([run("a", 0, [], None)])])
def test_one_searcher_or_one_seed_says_nothing(made):
    assert analyse(made).verdicts == ()


@costly_law
@given(tables)
def test_lower_is_better_mirrors_higher_is_better(rows):
    up = standings(matrix(rows), "final", FEW)
    down = standings(matrix((-np.array(rows)).tolist(), higher_is_better=False), "final", FEW)
    assert down.ranks == pytest.approx(up.ranks)
    assert down.friedman == pytest.approx(up.friedman, nan_ok=True)
    for ours, theirs in zip(up.pairs, down.pairs, strict=True):
        assert (ours.improvement, ours.interval, ours.real) == (theirs.improvement, theirs.interval, theirs.real)
        assert ours.gain == pytest.approx(theirs.gain, nan_ok=True)


@costly_law
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_searchers_changes_nothing(rows, random):
    columns = {chr(97 + i): list(column) for i, column in enumerate(zip(*rows, strict=True))}
    names = list(columns)
    random.shuffle(names)
    told, shuffled = (standings(scored({n: columns[n] for n in order}), "final", FEW) for order in (columns, names))
    by_name = dict(zip(names, shuffled.ranks, strict=True))
    assert told.ranks == pytest.approx([by_name[name] for name in columns])
    assert shuffled.friedman == pytest.approx(told.friedman, nan_ok=True)
    pairs = {frozenset((pair.first, pair.second)): pair for pair in shuffled.pairs}
    for pair in told.pairs:
        other = pairs[frozenset((pair.first, pair.second))]
        same = other.first == pair.first
        assert other.gain == pytest.approx(pair.gain if same else -pair.gain, nan_ok=True)
        assert other.improvement == pytest.approx(pair.improvement if same else 1 - pair.improvement)
        assert other.wilcoxon == pytest.approx(pair.wilcoxon)
        assert other.nemenyi == pytest.approx(pair.nemenyi, nan_ok=True)
        assert other.real == pair.real


@costly_law
@given(*[st.lists(st.integers(0, 9).map(float), min_size=2, max_size=8) for _ in range(2)])
def test_the_probability_of_improvement_is_that_of_mann_and_whitney(first, second):
    probability, (low, high) = improves(np.array(first), np.array(second), FEW)
    expected = 0.5  # all equal: the p-value of the library is 0 / 0
    if len({*first, *second}) > 1:
        expected = mannwhitneyu(first, second, method="asymptotic").statistic / (len(first) * len(second))
    assert probability == pytest.approx(expected)
    assert 0 <= low <= high <= 1


def test_a_run_steps_at_its_points_and_keeps_its_last_value():
    made = outcome([run("a", 0, [0.5, 0.6, 0.7]), run("a", 1, [0.7])])
    curves = anytime(made, "candidate_epochs")
    assert curves.grid.tolist() == [10, 20, 30]
    assert curves.quartiles[:, 0] == pytest.approx(np.array([[0.55, 0.625, 0.7], [0.6, 0.65, 0.7], [0.65, 0.675, 0.7]]))
    assert anytime(made, "seconds").grid.tolist() == [2, 4, 6]


def test_a_quartile_that_falls_on_a_run_without_a_value_is_none():
    assert quartiles(np.array([0.5, 0.6, 0.7, NAN]), True) == pytest.approx([NAN, 0.55, 0.625], nan_ok=True)
    assert quartiles(np.array([0.5, 0.6, 0.7, NAN]), False) == pytest.approx([NAN, 0.65, 0.575], nan_ok=True)
    assert np.isnan(quartiles(np.array([NAN, NAN]), True)).all()


def test_targets_by_hand():
    # From 0.5, the median of first values, to 0.6: half of the 51 targets lie below 0.55, and the first one at 0.5.
    made = outcome([run("a", 0, [0.5, 0.6]), run("b", 0, [0.4, 0.55]), run("b", 1, [0.6])])
    reached = targets_reached(made)
    assert reached.levels[[0, -1]] == pytest.approx([0.5, 0.6])
    assert reached.share == pytest.approx(np.array([[1 / 51, 1], [0.5, (26 / 51 + 1) / 2]]), abs=0.011)


def test_without_values_no_target_is_reached():
    assert not targets_reached(outcome([run("a", 0, [NAN]), run("b", 0, [])])).share.any()


@law
@given(st.lists(st.lists(best_so_far, min_size=1, max_size=4), min_size=1, max_size=3), st.booleans())
def test_curves_stay_among_the_values_and_targets_are_never_lost(searchers, higher):
    sign = 1 if higher else -1
    values = [[[sign * v for v in bests] for bests in runs] for runs in searchers]
    runs = [run(f"s{i}", j, bests) for i, runs in enumerate(values) for j, bests in enumerate(runs)]
    made = outcome(runs, higher_is_better=higher)
    every = [v for runs in values for bests in runs for v in bests]
    curves = anytime(made, "candidate_epochs").quartiles
    assert np.all(curves >= min(every) - 1e-12)
    assert np.all(curves <= max(every) + 1e-12)
    assert np.all(np.diff(sign * curves, axis=0) >= -1e-12)  # worse, median, better
    assert np.all(np.diff(sign * curves, axis=2) >= -1e-12)
    share = targets_reached(made).share
    assert np.all((share >= 0) & (share <= 1))
    assert np.all(np.diff(share, axis=1) >= 0)


@pytest.mark.parametrize("side", [1, -1])
def test_regrets_by_hand(side):
    """A step is ten passes, of which a training takes a fifth: they are 50. The best in a hundred are 0.8 to 0.9."""
    runs = [run("a", seed, [side * best for best in bests]) for seed, bests in enumerate([[0.5, 0.9], [0.7, 0.8]])]
    runs += [run("b", seed, [side * best for best in bests]) for seed, bests in enumerate([[NAN, 0.4], [NAN, NAN]])]
    best = Optimum(side * 0.9, side * 0.8, 0.01, 0.2)
    found = regrets(outcome(runs, higher_is_better=side > 0, optimum=best))
    assert found.trainings.tolist() == [50, 100]
    np.testing.assert_allclose(found.median, [[0.3, 0.05], [NAN, NAN]], atol=1e-12)
    assert found.reached.tolist() == [[0, 1], [0, 0]]


def test_regrets_are_told_of_steps_that_were_taken():
    runs = [run("a", 0, [0.5] * 12)]  # a step has ten trainings
    assert regrets(outcome(runs, optimum=Optimum(0.9, 0.8, 0.01, 1))).trainings.tolist() == [20, 50, 100, 120]


def test_there_are_no_regrets_where_the_best_is_not_known_or_nothing_was_trained():
    assert regrets(lively(n_points=3)) is None
    assert regrets(outcome([run("a", 0, [], None)], optimum=Optimum(0.9, 0.8, 0.01, 1))) is None


def test_the_same_outcome_gives_the_same_numbers():
    assert repr(analyse(lively(n_seeds=3, n_points=5))) == repr(analyse(lively(n_seeds=3, n_points=5)))
