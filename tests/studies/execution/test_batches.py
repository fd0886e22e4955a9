"""Which groups travel together, and how work spreads over many workers: on paper, with durations that are made up."""

import heapq

import pytest

from core.common.seeding import numpy_rng
from studies.execution.batches import Batch, Batches

#: Seconds of a core that the command takes to send a batch, and to open its answer: .7 s for 400 were measured.
COST = 0.001


def simulated(durations, workers):
    """Seconds until all is done, and the number of batches: one command hands out, so many workers compute."""
    batches, ready, now, sent, free = Batches(range(len(durations)), 3), [], 0.0, 0, workers
    while True:
        while free and (batch := batches.next(workers)):
            now, free, sent = now + COST, free - 1, sent + 1
            took = [durations[number] for number in batch.numbers]
            heapq.heappush(ready, (now + sum(took), sent, took))
        if not ready:
            return now, sent
        done, _, took = heapq.heappop(ready)
        now, free = max(now, done) + COST, free + 1
        for seconds in took:
            batches.took(seconds)


def test_the_first_one_goes_alone_since_nobody_knows_how_long_it_takes():
    assert Batches(range(100), 3).next(1) == Batch((0,))


def test_short_ones_travel_together_and_long_ones_alone():
    for seconds, n in ((0.05, 20), (0.4, 2), (1.0, 1), (60.0, 1)):
        batches = Batches(range(1000), 3)
        batches.took(seconds)
        assert len(batches.next(2).numbers) == n


def test_the_longest_of_late_decides():
    batches = Batches(range(1000), 3)
    for seconds in (0.01, 0.5, 0.01):
        batches.took(seconds)
    assert len(batches.next(2).numbers) == 2


def test_what_is_left_is_shared_among_all_workers():
    batches = Batches(range(12), 3)
    batches.took(0.0)
    sizes = []
    while batch := batches.next(3):
        sizes.append(len(batch.numbers))
    assert sizes == [2, 2, 2, 1, 1, 1, 1, 1, 1]


def test_every_group_is_begun_once_and_those_of_a_dead_worker_alone():
    batches = Batches(range(6), 2)
    batches.took(0.1)
    first = batches.next(1)
    assert first == Batch((0, 1, 2))
    assert batches.died(first) == []
    assert [batches.next(1) for _ in range(3)] == [Batch((i,), 2) for i in range(3)]
    assert batches.died(Batch((1,), 2)) == [1]
    batches.put_back(Batch((0,), 2))
    assert batches.next(1) == Batch((0,), 2)
    assert [batches.next(1).numbers for _ in range(2)] == [(3, 4), (5,)]
    assert batches.next(1) is None


def comparison(n=50_000):
    """Seconds of 50 x 1,000 runs: a minute in the middle, some take five."""
    return numpy_rng(0, "durations").lognormal(4.0, 0.5, n).tolist()


@pytest.mark.parametrize(("workers", "least"), [(1, 0.99), (10, 0.99), (100, 0.98), (1_000, 0.9)])
def test_a_comparison_of_fifty_times_a_thousand_runs_keeps_workers_busy(workers, least):
    """What is lost with many is the end, when the last long runs are waited for."""
    durations = comparison()
    seconds, sent = simulated(durations, workers)
    assert sent == len(durations), "long tasks travel alone"
    assert sum(durations) / workers / seconds >= least


def test_one_command_is_the_bound_where_tasks_are_short_and_workers_are_many():
    """Without batches, 1,000 workers at tasks of 50 ms would wait for the command nearly all of the time."""
    durations = [0.05] * 200_000
    seconds, sent = simulated(durations, 1_000)
    assert sent < len(durations) / 10
    assert len(durations) * COST * 2 / seconds > 10, "what it would take without batches"


def main():
    """The table of docs/scaling.md: `python -m tests.studies.execution.test_batches`."""
    for name, durations in (("50 x 1,000 runs of a minute", comparison()), ("50,000 tasks of 50 ms", [0.05] * 50_000)):
        for workers in (1, 10, 100, 1_000, 10_000):
            seconds, sent = simulated(durations, workers)
            busy = sum(durations) / workers / seconds
            print(f"{name}, {workers} workers: {seconds:,.0f} s, {sent} batches, workers busy {busy:.0%} of the time")


if __name__ == "__main__":
    main()
