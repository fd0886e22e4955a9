import numpy as np
import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from searchers.hybrid import HybridSearcher, HybridSettings
from searchers.testing.searcher import TOYS
from tests.searchers.test_genetic import LADDER, told


def test_the_policy_proposes_until_there_are_parents():
    searcher = HybridSearcher(OperatorSpace(), 0)
    policy = HybridSearcher(OperatorSpace(), 0)._policy
    assert np.array_equal(searcher.ask(10), policy.ask(10))


def test_elites_are_fed_back_to_the_policy():
    searcher = HybridSearcher(OperatorSpace(), 0, HybridSettings(offspring_size=1))
    elites = np.stack([told(formula, 0.0).candidate.genome for formula in LADDER])
    before = searcher._policy.log_probability(elites).mean().item()
    for _ in range(30):
        searcher.tell([told(formula, 0.1 * i) for i, formula in enumerate(LADDER)])
    assert searcher._policy.log_probability(elites).mean().item() > before


def test_the_population_starts_anew_every_few_generations():
    toy = TOYS["programs"]
    searcher = HybridSearcher(toy.space, 0, HybridSettings(offspring_size=5, generations_per_cycle=2, n_elites=3))
    sizes = []
    for _ in range(20):
        toy.rewards(searcher, 1, per_round=5)
        sizes.append(searcher.tell([])["population_size"])
    assert 3 in sizes[3:]
    assert max(sizes) > 8


@pytest.mark.parametrize(
    "wrong", [{"generations_per_cycle": 0}, {"policy_rate": 2.0}, {"objective": "none"}, {"n_elites": 0}], ids=str
)
def test_settings_out_of_range_are_refused_by_their_names(wrong):
    with pytest.raises(UserError, match=f"^hybrid {next(iter(wrong))}: expected"):
        HybridSettings(**wrong)
