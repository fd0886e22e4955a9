"""One-shot search by proximal iterations: on a supernet whose slopes are known, and its state."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.supernet import Supernet
from core.testing.process import packed, unpacked
from searchers import check_searcher, make_searcher
from searchers.nasp import NaspSearcher, NaspSettings

SIZES = (3, 4)
SPACE = ChoiceSpace(tuple(Decision(f"d{n}", Kind(f"d{n}", tuple(f"{n}{i}" for i in range(n))), n) for n in SIZES))
WORTH = [np.array([0.3, -0.2, 0.1]), np.array([0.0, 0.4, -0.1, -0.5])]


class Linear(Supernet):
    """The loss is a sum of what options and numbers are worth, so that slopes are known, but for noise."""

    def __init__(self, noise=0.0, groups=()):
        self.trained, self._noise, self._rng = [], noise, numpy_rng("linear supernet")
        self.asked, self._groups = [], groups

    @property
    def sizes(self):
        return SIZES

    @property
    def steps(self):
        return 10

    @property
    def numbers(self):
        return tuple(np.zeros(n) for n in self._groups)

    def genome(self, path):
        return path.options

    def slopes(self, path, order, part):
        self.asked.append((order, part))
        slopes = [worth + self._noise * self._rng.normal(size=len(worth)) for worth in WORTH]
        return slopes, np.arange(1.0, len(path.numbers) + 1)

    def train(self, path):
        self.trained.append(tuple(path.options))
        self.last = path.numbers


def test_it_finds_the_options_of_the_lowest_slopes_and_proposes_the_others_in_order():
    made = NaspSearcher(SPACE, 0, NaspSettings(epochs=20), Linear(noise=0.1))
    asked = made.ask(12)
    assert asked[0].tolist() == [1, 3]
    assert len({tuple(one) for one in asked.tolist()}) == 12
    sums = [sum(one[i] for one, i in zip(made.parameters, genome, strict=True)) for genome in asked]
    assert sums == sorted(sums, reverse=True)
    assert made.n_left == 0
    assert made.ask(1).tolist() == [asked[0].tolist()]
    assert all(((one >= -1e-5) & (one <= 1 + 1e-5)).all() for one in made.parameters)


def test_it_trains_always_as_the_candidate_of_the_largest_parameters():
    whole = Linear()
    NaspSearcher(SPACE, 0, NaspSettings(epochs=20), whole).ask(1)
    assert len(whole.trained) == 200
    assert whole.trained[-1] == (1, 3)
    assert whole.trained[0] in set(np.ndindex(SIZES))


def test_numbers_go_down_their_slopes_inside_of_unit_balls():
    whole = Linear(groups=(2, 3))
    NaspSearcher(SPACE, 0, NaspSettings(epochs=20, learning_rate=0.1), whole).ask(1)
    ends = np.split(whole.last, [2])
    assert [np.linalg.norm(one) for one in ends] == pytest.approx([1, 1])
    assert (whole.last < -0.4).all()  # Adam's steps are of equal size, whatever the slopes
    NaspSearcher(SPACE, 0, NaspSettings(epochs=1, learning_rate=0.001), whole).ask(1)
    assert whole.last == pytest.approx(np.full(5, -0.01))


def test_it_learns_from_the_part_that_it_is_told_to():
    whole = Linear()
    NaspSearcher(SPACE, 0, NaspSettings(epochs=1, order=2, part="train"), whole).ask(1)
    NaspSearcher(SPACE, 0, NaspSettings(epochs=1), whole).ask(1)
    assert whole.asked == [(2, "train")] * 10 + [(1, "validation")] * 10


@pytest.mark.parametrize("groups", [(), (2, 3)])
def test_its_state_goes_on_without_training_anew(groups):
    first, second = (NaspSearcher(SPACE, seed, NaspSettings(epochs=2), Linear(groups=groups)) for seed in (0, 1))
    first.ask(3)
    second.load_state_dict(unpacked(packed(first.state_dict())))
    second._supernet.train = None  # would fail
    assert second.ask(4).tolist() == first.ask(4).tolist()
    assert first.tell([]).keys() == {"supernet_epochs", "least_certain"}
    assert np.array_equal(second._trained()[1], first._trained()[1])
    with pytest.raises(ValueError, match="expected parameters"):
        second.load_state_dict({"learned": first.state_dict()["learned"][:1], "proposed": 0})


def test_slopes_that_are_not_finite_say_nothing():
    whole = Linear()
    whole.slopes = lambda path, order, part: ([np.full(3, np.nan), np.full(4, -np.inf)], np.empty(0))
    assert np.isfinite(np.concatenate(NaspSearcher(SPACE, 0, NaspSettings(epochs=1), whole).parameters)).all()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nasp:order=3", "order: expected 1 or 2, got 3"),
        ("nasp:part=test", "part: expected validation or train, got 'test'"),
        ("nasp:epochs=0", "epochs: expected 1 to 100,000, got 0"),
        ("nasp:learning_rate=0", "learning_rate: expected a number above 0"),
        ("nasp:epoch=3", "unknown setting of nasp 'epoch'"),
    ],
)
def test_settings_are_checked(line, told):
    with pytest.raises(UserError, match=told):
        check_searcher(line)


def test_where_nothing_shares_weights_it_says_so():
    with pytest.raises(UserError, match="searcher nasp: expected a problem whose candidates share weights"):
        make_searcher("nasp", SPACE, 0)
    assert isinstance(make_searcher("nasp", SPACE, 0, insight=lambda name, seed: Linear()), NaspSearcher)
