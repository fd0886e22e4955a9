"""Threads that compute together share out work and wait for each other, until one of them does not come."""

import numpy as np
import pytest

from core.common.jit import compiled
from recommenders.backends.compiled.cores import Cores
from recommenders.backends.ranking.compiled import team as teams
from recommenders.backends.ranking.compiled.team import claim, dismiss, meet, new_team


@compiled(uses=(teams,))
def total_in_stages(team, numbers, sums, rounds):
    """Add 1 to every number, then sum all of them, round by round: a sum is right if nobody runs ahead."""
    for k in range(rounds):
        share = claim(team)
        while share < len(numbers):
            numbers[share] += 1
            share = claim(team)
        if not meet(team):
            return False
        if claim(team) == 0:
            sums[k] = numbers.sum()
        if not meet(team):
            return False
    return True


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shares", [0, 1, 7])
def test_each_share_is_done_once_and_nobody_runs_ahead(threads, shares):
    """With more threads than cores, too, and with more than shares."""
    team, numbers, sums, ended = new_team(threads), np.zeros(shares), np.zeros(300), list[bool]()
    Cores(threads).together(lambda _: ended.append(total_in_stages(team, numbers, sums, 300)), lambda: dismiss(team))
    assert ended == [True] * threads
    np.testing.assert_array_equal(sums, shares * np.arange(1, 301))


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("who", [0, 1])
def test_a_member_that_fails_lets_the_others_go(threads, who):
    """Also the thread that calls, which is where an interruption arrives."""
    team, ended = new_team(threads), list[bool]()

    def member(k):
        if k == who:
            raise KeyboardInterrupt
        ended.append(total_in_stages(team, np.zeros(3), np.zeros(9), 9))

    with pytest.raises(KeyboardInterrupt):
        Cores(threads).together(member, lambda: dismiss(team))
    assert ended == [False] * (threads - 1)
