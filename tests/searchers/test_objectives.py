"""Objectives as formulas: what they give for known probabilities and rewards."""

import pytest
import torch

from core.common.errors import UserError
from core.search.choices import ChoiceSpace
from core.search.decision import Decision, Kind
from searchers import make_searcher
from searchers.controller import Decisions
from searchers.objectives import Batch
from searchers.ppo import Ppo
from searchers.priority_queue import PriorityQueue
from searchers.reinforce import Reinforce
from searchers.risk_seeking import RiskSeeking


def batch(*rewards):
    """Candidate i has the genome [i, 0, 0]."""
    genomes = torch.zeros(len(rewards), 3, dtype=torch.long)
    genomes[:, 0] = torch.arange(len(rewards))
    return Batch(genomes, torch.tensor(rewards, dtype=torch.float64))


class Table:
    """A policy with a log-probability for each program, kept in a table."""

    def __init__(self, n):
        self.log_p = torch.full((n,), -2.0, requires_grad=True)

    def __call__(self, genomes):
        log_p = self.log_p[genomes[:, 0]]
        return Decisions(log_p, torch.zeros_like(log_p))


def gradients(objective, *batches, move=0.0):
    """The gradient of the mean objective for every step taken; the policy moves along it by `move`."""
    table, found = Table(len(batches[0].rewards)), []
    for one in batches:
        for values, _ in objective.steps(one, table):
            (gradient,) = torch.autograd.grad(values.mean(), table.log_p)
            found.append(gradient)
            with torch.no_grad():
                table.log_p += move * gradient
    return found


def test_reinforce_weighs_by_reward_above_the_moving_average():
    first, second = gradients(Reinforce(3, 0.5), batch(1.0, 2.0, 3.0), batch(4.0, 4.0, 4.0))
    torch.testing.assert_close(first, torch.tensor([-1.0, 0.0, 1.0]) / 3)
    torch.testing.assert_close(second, torch.full((3,), 2.0) / 3)  # 4 - 2
    objective = Reinforce(3, 0.5)
    gradients(objective, batch(1.0, 2.0, 3.0), batch(4.0, 4.0, 4.0))
    assert objective.state_dict() == {"baseline": 3.0}


def test_risk_seeking_learns_from_the_best_share_above_the_best_of_the_rest():
    (gradient,) = gradients(RiskSeeking(5, 0.4), batch(0.1, 0.5, 0.3, 0.2, 0.9))
    torch.testing.assert_close(gradient, torch.tensor([0.0, 0.2, 0.0, 0.0, 0.6]) / 2)


@pytest.mark.parametrize("rewards", [(0.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.5, -0.1)])
def test_risk_seeking_takes_no_step_where_the_best_are_no_better_than_the_rest(rewards):
    assert gradients(RiskSeeking(4, 0.25), batch(*rewards)) == []


def test_priority_queue_imitates_the_best_distinct_programs_of_all_times():
    objective = PriorityQueue(4, 2, -0.1)
    first, second = gradients(objective, batch(0.3, 0.1, 0.2, -0.1), batch(-0.1, 0.25, -0.1, -0.1))
    torch.testing.assert_close(first, torch.tensor([0.5, 0.0, 0.5, 0.0]))
    torch.testing.assert_close(second, torch.tensor([0.5, 0.5, 0.0, 0.0]))
    assert [reward for reward, _ in objective.state_dict()["queue"]] == [0.3, 0.25]


def test_priority_queue_knows_no_failures_and_counts_a_program_once():
    objective = PriorityQueue(2, 3, -0.1)
    assert gradients(objective, batch(-0.1, -0.1)) == []
    gradients(objective, batch(0.3, 0.2), batch(0.3, 0.1))
    assert [reward for reward, _ in objective.state_dict()["queue"]] == [0.3, 0.1]


def test_ppo_begins_with_the_advantage_and_stops_where_the_ratio_is_clipped():
    steps = gradients(Ppo(2, 0.2, 3), batch(0.0, 1.0), move=10.0)
    torch.testing.assert_close(steps[0], torch.tensor([-0.5, 0.5]))  # standardised rewards -1 and 1, ratio 1
    torch.testing.assert_close(steps[1], torch.zeros(2))  # the ratios have left [0.8, 1.2]
    assert len(steps) == 3


def test_ppo_takes_no_step_where_all_rewards_are_equal():
    assert gradients(Ppo(3, 0.2, 4), batch(0.5, 0.5, 0.5)) == []


@pytest.mark.parametrize("genome", [[10**6, 0, 0], [0], [0.5, 0.0, 0.0], "none"])
def test_a_stored_queue_of_genomes_that_are_none_is_refused(genome):
    bit = Kind("bit", ("0", "1"))
    space = ChoiceSpace(tuple(Decision(f"bit_{i}", bit, 2) for i in range(3)))
    searcher = make_searcher("rl:objective=priority-queue", space, 0)
    state = searcher.state_dict()
    state["objective"] = {"queue": [[1.0, torch.tensor([0, 1, 0])]]}
    searcher.load_state_dict(state)
    stored = genome if isinstance(genome, str) else torch.tensor(genome)
    state["objective"] = {"queue": [[1.0, stored]]}
    with pytest.raises((UserError, TypeError)):
        searcher.load_state_dict(state)
