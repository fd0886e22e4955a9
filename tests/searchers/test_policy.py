import itertools

import numpy as np
import pytest
import torch

from core.common.errors import UserError
from core.common.seeding import torch_rng
from core.programs.space import OperatorSpace
from core.search.rounds import Rules
from core.search.search import Search, SearchBudget
from core.search.trial import Candidate, Trial, Verdict
from searchers import make_searcher
from searchers.controller import Controller, ControllerSettings, LstmSteps
from searchers.policy import PolicySearcher, PolicySettings
from tests.core.fakes import Colours

TINY = OperatorSpace(operators=("add", "neg", "square"), max_variables=5)


def controller(space, seed=0, **settings):
    return Controller(space, ControllerSettings(**settings), torch_rng(seed, "controller weights"))


def all_genomes(space):
    """Every genome of a small space; an operand that is not taken is the first that is open."""
    lines = []
    for i in range(space.n_lines):
        slots = range(len(space.inputs) + i)
        binary = [(o, a, b) for o, n in enumerate(space.arities) if n == 2 for a, b in itertools.permutations(slots, 2)]
        unary = [(o, a, int(a == 0)) for o, n in enumerate(space.arities) if n == 1 for a in slots]
        lines.append(binary + unary)
    return torch.tensor(list(itertools.product(*lines))).flatten(1)


def candidates(genomes, space=TINY):
    return [Candidate(i, *pair) for i, pair in enumerate(zip(genomes, space.decode(genomes), strict=True))]


def rewarded(genomes, rewards):
    pairs = zip(candidates(genomes), rewards, strict=True)
    return [Trial(0, candidate, Verdict.ACCEPTED, reward=reward) for candidate, reward in pairs]


def failed(genomes):
    return [Trial(0, candidate, Verdict.ZERO_GRADIENT) for candidate in candidates(genomes)]


def squares(genomes):
    """Which genomes end in a square."""
    return genomes[:, -3] == TINY.operators.index("square")


def test_probabilities_of_all_programs_of_a_space_sum_to_one():
    every = all_genomes(TINY)
    log_p = controller(TINY, init_range=1.0).evaluate(every).log_probability
    assert len(every) > 100
    assert log_p.exp().sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("space", [TINY, OperatorSpace()])
def test_draws_are_programs_of_the_space_and_possible(space):
    policy = controller(space, init_range=0.5)
    drawn = policy.sample(64, torch_rng(1))
    assert np.array_equal(space.repaired(drawn.numpy()), drawn.numpy())
    assert policy.evaluate(drawn).log_probability.isfinite().all()


@pytest.mark.parametrize("space", [TINY, OperatorSpace()])
def test_log_probabilities_of_draws_are_minus_their_entropy_on_average(space):
    policy = controller(space, init_range=1.0)
    with torch.no_grad():
        drawn = policy.evaluate(policy.sample(4_000, torch_rng(1)))
    excess = drawn.log_probability + drawn.entropy
    assert abs(excess.mean()) < 4 * excess.std() / 4_000**0.5


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_steps_of_the_lstm_are_those_of_torch(n_layers):
    lstm = controller(TINY, n_layers=n_layers, init_range=1.0).lstm
    inputs = torch.randn(12, 5, 32, generator=torch_rng(1))
    taken = torch.rand(12, 5, generator=torch_rng(2)) < 0.6
    with torch.no_grad():
        steps = LstmSteps(lstm, 5)
        found = torch.stack([steps.step(x, kept) for x, kept in zip(inputs, taken, strict=True)])
        for i in range(5):
            expected, _ = lstm(inputs[taken[:, i], i])
            torch.testing.assert_close(found[taken[:, i], i], expected, atol=1e-6, rtol=0)


def test_draws_follow_the_policy():
    policy = controller(TINY, init_range=1.0)
    every = all_genomes(TINY)
    expected = policy.evaluate(every).log_probability.exp().detach()
    drawn = policy.sample(20_000, torch_rng(2))
    index = {tuple(row.tolist()): i for i, row in enumerate(every)}
    counts = torch.zeros(len(every))
    for row in drawn:
        counts[index[tuple(row.tolist())]] += 1
    spread = (expected * (1 - expected) / 20_000).sqrt()
    assert ((counts / 20_000 - expected).abs() <= 6 * spread + 1e-4).all()


def test_logits_are_clipped_so_that_no_choice_dies_out():
    policy = controller(TINY, init_range=50.0)
    least = policy.evaluate(all_genomes(TINY)).log_probability.min().item()
    # Each decision has at most 5 options whose logits lie in [-1.5, 1.5].
    floor = -np.log(1 + 4 * np.exp(3.0))
    assert least >= 3 * TINY.n_lines * floor


def test_weights_start_uniform_in_the_papers_range():
    weights = torch.cat([p.flatten() for p in controller(OperatorSpace()).parameters()])
    assert weights.abs().max() <= 0.1
    assert weights.abs().mean().item() == pytest.approx(0.05, abs=0.005)


def test_one_update_raises_rewarded_programs_over_punished_ones():
    searcher = PolicySearcher(TINY, 0)
    genomes = searcher.ask(10)
    before = searcher.log_probability(genomes).detach()
    rewards = [1.0 if i < 5 else -1.0 for i in range(10)]
    searcher.tell(rewarded(genomes, rewards))
    change = searcher.log_probability(genomes).detach() - before
    assert change[:5].mean() > change[5:].mean()


def test_learns_to_propose_what_is_rewarded():
    searcher = PolicySearcher(TINY, 0, PolicySettings(learning_rate=0.02))

    def rate():
        return squares(searcher.ask(500)).mean()

    before = rate()
    for _ in range(60):
        genomes = searcher.ask(10)
        searcher.tell(rewarded(genomes, squares(genomes).astype(float).tolist()))
    assert before < 0.5
    assert rate() > 0.75


def test_the_same_failure_for_all_does_not_push_the_policy_about():
    """The baseline takes a constant reward away, all that is left is the small entropy bonus and decay."""
    searcher = PolicySearcher(TINY, 0, PolicySettings(entropy_weight=0.0, weight_decay=0.0))
    genomes = searcher.ask(50)
    before = searcher.log_probability(genomes)
    for _ in range(20):
        searcher.tell(failed(searcher.ask(10)))
    torch.testing.assert_close(searcher.log_probability(genomes), before, atol=1e-4, rtol=0)


def test_a_policy_that_is_no_longer_finite_is_an_error():
    searcher = PolicySearcher(TINY, 0, PolicySettings(learning_rate=1e30))
    trials = rewarded(searcher.ask(50), range(50))
    with pytest.raises(UserError, match=r"rl: the policy is no longer finite; lower learning_rate, which is 1e\+30"):
        searcher.tell(trials)


def test_updates_come_with_every_tenth_outcome():
    searcher = PolicySearcher(TINY, 0)
    updates = []
    for _ in range(4):
        updates.append(searcher.tell(failed(searcher.ask(7)))["policy_updates"])
    assert updates == [0, 1, 2, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"objective": "sarsa"},
        {"update_size": -1},
        {"learning_rate": -1},
        {"pretraining": -1},
        {"pretraining": 10_001},
        {"weight_decay": -1},
        {"baseline_decay": 1},
        {"share": 0},
        {"clip": 2},
        {"queue_size": 0},
        {"n_epochs": 0},
        {"draw_size": -1},
        {"hidden_size": 0},
        {"tanh_constant": 0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match="expected"):
        PolicySettings(**wrong)


@pytest.mark.parametrize("objective", ["reinforce", "risk-seeking", "priority-queue", "ppo"])
def test_every_objective_learns_to_propose_what_is_rewarded(objective):
    searcher = PolicySearcher(
        TINY, 0, PolicySettings(objective=objective, learning_rate=0.02, update_size=20, share=0.5)
    )

    def rate():
        searcher.ask(64)  # what was drawn before the last update
        return squares(searcher.ask(512)).mean()

    before = rate()
    for _ in range(60):
        genomes = searcher.ask(20)
        searcher.tell(rewarded(genomes, squares(genomes).astype(float).tolist()))
    assert before < 0.5
    assert rate() > 0.7


@pytest.mark.parametrize("draw_size", [1, 7, 64])
def test_programs_drawn_beforehand_are_those_drawn_one_by_one(draw_size):
    """Without an update in between, how many are drawn at a time is a question of speed alone."""
    searcher = PolicySearcher(TINY, 0, PolicySettings(draw_size=draw_size))
    expected = PolicySearcher(TINY, 0, PolicySettings(draw_size=draw_size)).ask(7)
    assert np.array_equal(np.concatenate([searcher.ask(3), searcher.ask(4)]), expected)


def search_of(k):
    """A search by the paper's searcher with k candidates at a time, and what the policy of the moment would draw."""
    problem = Colours(0)
    searcher = make_searcher("rl", problem.space, 0, candidates_per_step=k)
    ask, asked, expected = searcher.ask, [], []

    def watched(n):
        rng = torch.Generator()
        rng.set_state(searcher._rng.get_state())
        expected.extend(searcher._controller.sample(n, rng).tolist())
        genomes = ask(n)
        asked.extend(genomes.tolist())
        return genomes

    searcher.ask = watched
    steps = list(Search(searcher, problem, Rules(), SearchBudget(25, candidates_per_step=k), 0))
    assert steps[-1].searcher_metrics["policy_updates"] >= 2
    return asked, expected


def test_with_one_candidate_at_a_time_every_proposal_is_of_the_policy_after_its_last_update():
    asked, expected = search_of(1)
    assert asked == expected
    asked, expected = search_of(2)
    assert asked != expected


def test_how_many_are_drawn_at_a_time_follows_from_how_many_are_trained_unless_it_is_said():
    assert [PolicySettings().for_steps_of(k).draw_size for k in (1, 2, 16)] == [1, 64, 64]
    assert [PolicySettings(draw_size=5).for_steps_of(k).draw_size for k in (1, 16)] == [5, 5]


def test_what_is_not_viable_is_proposed_only_where_there_is_hardly_anything_else():
    viable = OperatorSpace(min_positive_rate=0.9)
    searcher = PolicySearcher(viable, 0, PolicySettings())
    assert viable.viable(searcher.ask(4)).all()
    barren = OperatorSpace(operators=("add", "identity"), max_variables=5, min_positive_rate=1.0)
    asked = PolicySearcher(barren, 0, PolicySettings()).ask(40)
    assert asked.shape == (40, 6)
    assert not barren.viable(asked).any()
