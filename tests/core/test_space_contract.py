"""The spaces that there are keep the contract of spaces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.programs.space import OperatorSpace
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.space import Space
from core.testing.space import SpaceContract
from tests.strategies import law

BIT, WORD = Kind("bit", ("off", "on")), Kind("word", ("none", "a", "b", "c"))
RATE = Kind("rate", tuple(f"{10.0**-i:g}" for i in range(6)))


class OneByOne(OperatorSpace):
    """A space that is asked for each decision of whole genomes."""

    open_by_kind, used_by_kind = Space.open_by_kind, Space.used_by_kind


SPACES = {
    "paper": OperatorSpace(),
    "one by one": OneByOne(max_variables=6),
    "one line": OperatorSpace(max_variables=4),
    "one operator": OperatorSpace(operators=("add",), max_variables=5),
    "no identity": OperatorSpace(operators=("add", "neg"), max_variables=6),
    "two inputs": OperatorSpace(inputs=("1", "y_hat"), max_variables=6),
    "bits": ChoiceSpace(tuple(Decision(f"bit_{i}", BIT, 2) for i in range(8))),
    "one decision": ChoiceSpace((Decision("word", WORD, 3),)),
    "one candidate": ChoiceSpace((Decision("word", WORD, 1),)),
    "mixed": ChoiceSpace(
        (Decision("rate", RATE, 6, ordered=True), Decision("word", WORD, 4), Decision("other", WORD, 1))
    ),
}


@pytest.fixture(params=SPACES)
def name(request):
    return request.param


class TestSpaces(SpaceContract):
    @pytest.fixture(autouse=True)
    def _take(self, name):
        self.name = name
        # what is written is shorter, with nothing to fill it up, or of other inputs
        self.holds_what_it_reads = name not in ("one operator", "no identity", "two inputs")

    def make(self):
        return SPACES[self.name]

    @law
    @given(st.integers(0, 2**32 - 1))
    def test_features_are_finite_and_equal_for_equal_candidates(self, seed):
        space = self.make()
        genomes = space.sample(5, np.random.default_rng(seed))
        features = space.features(genomes)
        assert (features.ndim, len(features), features.dtype) == (2, 5, np.float64)
        assert np.isfinite(features).all()
        again = space.features(np.stack([space.encode(one) for one in space.decode(genomes)]))
        np.testing.assert_allclose(again, features, atol=1e-9)
        assert np.array_equal(space.features(genomes[2:3]), features[2:3]), "they do not depend on the others"
