"""Beam search: what it proposes, in which order, and its state."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.expansion import Expansion, Grown
from core.testing.process import packed, unpacked
from searchers import check_searcher, make_searcher
from searchers.beam import BeamSearcher, BeamSettings

SPACE = ChoiceSpace(tuple(Decision(f"d{k}", Kind(f"d{k}", ("0", "1", "2")), 3) for k in range(4)))


class Growth(Expansion):
    """As many candidates as it is wide, thrice; told how often it was asked."""

    def __init__(self):
        self.asked = []

    def grown(self, width):
        self.asked.append(width)
        return Grown(SPACE.sample(3 * width, np.random.default_rng(0)), 7.0)


def test_it_grows_once_and_proposes_what_it_found_in_order():
    growth = Growth()
    made = BeamSearcher(SPACE, 0, BeamSettings(width=2), growth)
    expected = growth.grown(2).genomes
    assert np.array_equal(np.concatenate([made.ask(4), made.ask(2)]), expected)
    assert np.array_equal(made.ask(1), expected[:1])
    assert growth.asked == [2, 2]
    assert made.n_left == 0
    assert made.tell([]) == {"beam_passes": 7.0}


def test_its_state_goes_on_without_growing_anew():
    first, second = (BeamSearcher(SPACE, 0, BeamSettings(), Growth()) for _ in range(2))
    first.ask(2)
    second.load_state_dict(unpacked(packed(first.state_dict())))
    second._expansion = None  # would fail
    assert np.array_equal(second.ask(3), first.ask(3))
    with pytest.raises(UserError, match="expected an option"):
        second.load_state_dict({**first.state_dict(), "genomes": first.state_dict()["genomes"] + 9})


def test_settings_are_checked_and_problems_too():
    with pytest.raises(UserError, match="searcher beam: width: expected 1 to 100, got 0"):
        check_searcher("beam:width=0")
    with pytest.raises(UserError, match="searcher beam: expected a problem whose candidates grow by a part at a time"):
        make_searcher("beam", SPACE, 0)
