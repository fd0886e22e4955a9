"""Speed of what a study spends its time on: `make bench`. Read ratios within one run; absolute times drift.

Where a benchmark does several things at once, `n` says how many; the table at the end shows the time of each, and its
ratio to the first one of its group.
"""

import functools

import pytest
import torch

from core.common.seeding import numpy_rng
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyTest, prediction_probe
from core.programs.space import OperatorSpace
from core.search.trial import Candidate, Trial, Verdict
from recommenders.common.machine import Machine
from recommenders.data import load_dataset
from recommenders.data.synthetic import shaped
from searchers import SEARCHERS, make_searcher
from studies.common.processes import usable_cores
from studies.speed.measuring import products_of, sampled_losses, task_of
from studies.speed.plain_loop import plain_steps

SPACE = OperatorSpace()
MACHINE = Machine(torch.device("cpu"), threads=usable_cores())
#: Users, items and rows: Amazon Electronics, and twice as many users and items.
ELECTRONICS, DOUBLED = (190_000, 63_000, 1_700_000), (380_000, 126_000, 1_700_000)


@functools.cache
def ml_100k():
    return load_dataset("ml-100k")


def epoch(recommender, k, dataset=None, backend="auto"):
    machine = Machine(MACHINE.device, backend=backend, threads=MACHINE.threads)
    task = task_of(recommender, dataset or ml_100k(), machine)
    population = task.population(task.initial(0), k, 1e-4)
    prepared = task.trainer.prepare(sampled_losses(k))
    return lambda: task.trainer.train_epoch(population, prepared, 0)


def run(benchmark, call, n=1, rounds=3):
    benchmark.extra_info["n"] = n
    benchmark.pedantic(call, rounds=rounds, warmup_rounds=1)


@pytest.mark.benchmark(group="1. an epoch of MF")
class TestMF:
    def test_a_plain_loop(self, benchmark):
        task = task_of("mf", ml_100k(), MACHINE)
        whole = plain_steps(task.dataset, sampled_losses(1)[0], task.settings, 64, MACHINE.device, n=10**9)
        run(benchmark, whole)

    @pytest.mark.parametrize(("k", "backend"), [(1, "auto"), (8, "auto"), (32, "auto"), (32, "torch")])
    def test_programs_together(self, benchmark, k, backend):
        run(benchmark, epoch("mf", k, backend=backend), k)


@pytest.mark.benchmark(group="2. an epoch of MLP")
class TestMLP:
    def test_products_of_matrices_alone(self, benchmark):
        torch.set_num_threads(MACHINE.threads)
        try:
            run(benchmark, products_of(task_of("mlp", ml_100k(), MACHINE), k=32, n_steps=740), 32)
        finally:
            torch.set_num_threads(1)

    def test_programs_together(self, benchmark):
        run(benchmark, epoch("mlp", 32), 32)


@pytest.mark.benchmark(group="3. an epoch of MF by the size of the data")
class TestShape:
    def test_ml_100k(self, benchmark):
        run(benchmark, epoch("mf", 8), 8)

    @pytest.mark.parametrize("shape", [ELECTRONICS, DOUBLED], ids=["electronics", "doubled"])
    def test_users_items_rows(self, benchmark, shape):
        run(benchmark, epoch("mf", 8, shaped(*shape)), 8)


@pytest.mark.benchmark(group="4. validation score beside an epoch of MF")
class TestScore:
    def test_an_epoch(self, benchmark):
        run(benchmark, epoch("mf", 32), 32, rounds=10)

    def test_an_epoch_and_a_score(self, benchmark):
        task = task_of("mf", ml_100k(), MACHINE)
        population, prepared = task.population(task.initial(0), 32, 1e-4), task.trainer.prepare(sampled_losses(32))
        run(benchmark, lambda: task.train_and_score(population, prepared, 0, 0), 32, rounds=10)


@pytest.mark.benchmark(group="5. candidates before training")
class TestCandidates:
    def test_proxy_test_of_1024_in_sixteens(self, benchmark):
        def fresh():
            programs = SPACE.decode(SPACE.sample(1_024, numpy_rng("benchmark")))
            return ([ProgramLoss(program, SPACE) for program in programs],), {}

        def examine(losses):
            proxy = ProxyTest()
            proxy.renew(prediction_probe(0))
            for start in range(0, len(losses), 16):
                proxy.examine(losses[start : start + 16])

        benchmark.extra_info["n"] = 1_024
        benchmark.pedantic(examine, setup=fresh, rounds=10, warmup_rounds=1)

    @pytest.mark.parametrize("searcher", SEARCHERS)
    def test_ask_64(self, benchmark, searcher):
        made = make_searcher(searcher, SPACE, 0)
        run(benchmark, lambda: made.ask(64), 64, rounds=10)

    @pytest.mark.parametrize("searcher", SEARCHERS)
    def test_ask_and_tell_64(self, benchmark, searcher):
        made = make_searcher(searcher, SPACE, 0)

        def round_trip():
            for _ in range(4):
                asked = made.ask(16)
                candidates = map(Candidate, range(16), asked, SPACE.decode(asked))
                made.tell([Trial(0, candidate, Verdict.ZERO_GRADIENT) for candidate in candidates])

        run(benchmark, round_trip, 64, rounds=10)
