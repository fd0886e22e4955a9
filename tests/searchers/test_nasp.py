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
    """The validation loss is a sum of what options are worth, so that slopes are known, but for noise."""

    def __init__(self, noise=0.0):
        self.trained, self._noise, self._rng = [], noise, numpy_rng("linear supernet")

    @property
    def sizes(self):
        return SIZES

    @property
    def steps(self):
        return 10

    def slopes(self, genome, order):
        return [worth + self._noise * self._rng.normal(size=len(worth)) for worth in WORTH]

    def train(self, genome):
        self.trained.append(tuple(genome))


def test_it_finds_the_options_of_the_lowest_slopes_and_proposes_the_others_in_order():
    made = NaspSearcher(SPACE, 0, NaspSettings(epochs=20), Linear(noise=0.1))
    asked = made.ask(12)
    assert asked[0].tolist() == [1, 3]
    assert len({tuple(one) for one in asked.tolist()}) == 12
    sums = [sum(one[i] for one, i in zip(made.parameters, genome, strict=True)) for genome in asked]
    assert sums == sorted(sums, reverse=True)
    assert made.ask(1).tolist() == [asked[0].tolist()]
    assert all(((one >= -1e-5) & (one <= 1 + 1e-5)).all() for one in made.parameters)


def test_it_trains_always_as_the_candidate_of_the_largest_parameters():
    whole = Linear()
    NaspSearcher(SPACE, 0, NaspSettings(epochs=20), whole).ask(1)
    assert len(whole.trained) == 200
    assert whole.trained[-1] == (1, 3)
    assert whole.trained[0] in set(np.ndindex(SIZES))


def test_its_state_goes_on_without_training_anew():
    first, second = (NaspSearcher(SPACE, seed, NaspSettings(epochs=2), Linear()) for seed in (0, 1))
    first.ask(3)
    second.load_state_dict(unpacked(packed(first.state_dict())))
    second._supernet.train = None  # would fail
    assert second.ask(4).tolist() == first.ask(4).tolist()
    assert first.tell([]).keys() == {"supernet_epochs", "least_certain"}
    with pytest.raises(ValueError, match="expected parameters"):
        second.load_state_dict({"parameters": first.state_dict()["parameters"][:1], "proposed": 0})


def test_slopes_that_are_not_finite_say_nothing():
    whole = Linear()
    whole.slopes = lambda genome, order: [np.full(3, np.nan), np.full(4, -np.inf)]
    assert np.isfinite(np.concatenate(NaspSearcher(SPACE, 0, NaspSettings(epochs=1), whole).parameters)).all()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nasp:order=3", "order: expected 1 or 2, got 3"),
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
    assert isinstance(make_searcher("nasp", SPACE, 0, supernet=lambda seed: Linear()), NaspSearcher)
    other = ChoiceSpace(SPACE.choices[:1])
    with pytest.raises(UserError, match="expected a space of"):
        make_searcher("nasp", other, 0, supernet=lambda seed: Linear())
