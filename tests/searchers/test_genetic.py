import random

import numpy as np
import pytest

from core.common.errors import UserError
from core.common.seeding import own_random
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from core.search.trial import Candidate, Trial, Verdict
from searchers.genetic import GeneticSearcher, GeneticSettings

SPACE = OperatorSpace()


def told(formula, reward, number=0):
    return Trial(0, candidate(formula, number), Verdict.ACCEPTED, reward=reward, trained=True)


def candidate(formula, number=0):
    program = LossProgram.parse(formula)
    return Candidate(number, SPACE.encode(program), program)


def proposed_keys(searcher, n):
    return [program.key for program in SPACE.decode(searcher.ask(n))]


LADDER = ["y_hat", "-y_hat", "y_hat^2", "log(y_hat)", "1/(y_hat)", "y_hat*y", "y_hat + y", "max(y_hat, y)"]
LADDER += ["log(y_hat)^2"]


def bred(selection="tournament", **settings):
    searcher = GeneticSearcher(SPACE, 0, GeneticSettings(selection=selection, initial_size=3, **settings))
    searcher.tell([told(formula, reward=0.1 * i) for i, formula in enumerate(LADDER)])
    return searcher


def test_the_best_survive():
    searcher = bred(population_size=4, offspring_size=3)
    metrics = searcher.tell([])
    assert metrics["population_size"] == 4
    assert metrics["population_best"] == pytest.approx(0.8)
    assert metrics["population_mean"] == pytest.approx((0.8 + 0.7 + 0.6 + 0.5) / 4)
    assert metrics["generation"] == 2


def test_the_hall_of_fame_holds_the_best_ever_in_order():
    searcher = bred(n_elites=3)
    assert [str(program) for _, program, _ in searcher.elites] == ["log(y_hat)^2", "max(y_hat, y)", "y_hat + y"]
    searcher.restart()
    assert searcher.tell([])["population_size"] == 3


def test_nsga2_keeps_simple_losses_that_reward_alone_would_not():
    rewards = {"y_hat^2": 0.1, "log(y_hat^2)": 0.5, "log(log(y_hat^2))^2": 0.6, "log(log(y_hat)^2)^2": 0.55}
    trials = [told(formula, reward) for formula, reward in rewards.items()]
    kept = {}
    for selection in ("tournament", "nsga2"):
        settings = GeneticSettings(selection=selection, population_size=3, initial_size=1, offspring_size=3)
        searcher = GeneticSearcher(SPACE, 0, settings)
        searcher.tell(trials)
        genomes = [one["genome"] for one in searcher.state_dict()["population"]]
        kept[selection] = {str(program) for program in SPACE.decode(np.array(genomes))}
    assert "y_hat^2" in kept["nsga2"]
    assert "y_hat^2" not in kept["tournament"]


def test_with_aging_the_newest_survive_however_good_the_older_were():
    searcher = bred("aging", population_size=4, offspring_size=3)
    searcher.tell([told("log(y)", -0.5), told("y^2", -0.4), told("1/(y_hat*y)", -0.3)])
    genomes = [one["genome"] for one in searcher.state_dict()["population"]]
    kept = [str(program) for program in SPACE.decode(np.array(genomes))]
    assert kept == ["log(y_hat)^2", "log(y)", "y^2", "1/(y_hat*y)"]
    assert searcher.elites[0][2] == pytest.approx(0.8)


def test_only_trained_losses_breed():
    searcher = bred()
    before = searcher.tell([])
    failures = [
        Trial(0, candidate("1/(y_hat + y)"), verdict, reward=reward)
        for verdict, reward in ((Verdict.ZERO_GRADIENT, None), (Verdict.DUPLICATE, 5.0), (Verdict.NON_FINITE, None))
    ]
    assert searcher.tell(failures * 20) == before


def test_a_loss_measured_again_counts_with_its_newest_reward():
    searcher = bred(offspring_size=1)
    searcher.tell([told("log(y_hat)^2", -1.0)])
    assert searcher.tell([])["population_best"] == pytest.approx(0.7)


def test_children_are_new():
    searcher = bred(immigrant_rate=0.0)
    keys = proposed_keys(searcher, 200)
    assert len(set(keys)) == 200
    assert not {LossProgram.parse(formula).key for formula in LADDER} & set(keys)


def test_children_resemble_their_parents_more_than_random_programs_do():
    searcher = GeneticSearcher(SPACE, 0, GeneticSettings(initial_size=2, immigrant_rate=0.0))
    searcher.tell([told("log(y_hat*y)^2", 1.0), told("log(y_hat*y)", 1.0)])
    chance = SPACE.sample(200, np.random.default_rng(0))
    children, strangers = (sum("log" in str(p) for p in SPACE.decode(some)) for some in (searcher.ask(200), chance))
    assert children > 1.5 * strangers


def test_a_small_population_breeds_too():
    searcher = GeneticSearcher(SPACE, 0, GeneticSettings(population_size=2, immigrant_rate=0.0))
    searcher.tell([told(formula, reward=0.1 * i) for i, formula in enumerate(LADDER)])
    uniform = searcher.state_dict()["uniform"]
    searcher.ask(20)
    assert searcher.state_dict()["uniform"] == uniform  # nothing was drawn at random


def test_without_parents_it_proposes_immigrants():
    asked = []

    def immigrants(n):
        asked.append(n)
        return np.stack([candidate("y_hat").genome] * n)

    GeneticSearcher(SPACE, 0, immigrants=immigrants).ask(5)
    assert sum(asked) == 5


def test_where_there_is_no_other_candidate_breeding_ends():
    space = ChoiceSpace((Decision("only", Kind("kind", ("one",)), 1),))
    searcher = GeneticSearcher(space, 0, GeneticSettings(initial_size=1, immigrant_rate=0.0))
    (only,) = space.decode(np.zeros((1, 1), dtype=np.int64))
    searcher.tell(
        [Trial(0, Candidate(0, np.zeros(1, dtype=np.int64), only), Verdict.ACCEPTED, reward=1.0, trained=True)]
    )
    assert searcher.ask(3).tolist() == [[0], [0], [0]]


def test_children_are_viable_where_the_space_says_what_is():
    space = OperatorSpace(min_positive_rate=0.9)
    searcher = GeneticSearcher(space, 0, GeneticSettings(initial_size=1, immigrant_rate=0.2))
    squared = candidate("(y - y_hat)^2")
    searcher.tell([Trial(0, squared, Verdict.ACCEPTED, reward=1.0, trained=True)])
    assert space.viable(searcher.ask(40)).all()


def _draw_and_fail():
    random.random()
    raise ValueError("inside")


def test_own_random_puts_the_global_generator_back_even_after_an_error():
    before, own = random.getstate(), random.Random(1)
    with pytest.raises(ValueError, match="inside"), own_random(own):
        _draw_and_fail()
    assert random.getstate() == before
    expected = random.Random(1)
    expected.random()
    assert own.getstate() == expected.getstate()


@pytest.mark.parametrize(
    "wrong",
    [
        {"population_size": 0},
        {"offspring_size": 0},
        {"tournament_size": 0},
        {"crossover_rate": 1.5},
        {"immigrant_rate": -0.1},
        {"selection": "roulette"},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match="expected"):
        GeneticSettings(**wrong)
