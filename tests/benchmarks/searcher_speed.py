"""`python -m tests.benchmarks.searcher_speed`: what a proposal costs each searcher, to ask for and to be told of."""

import sys

import torch

from core.programs.space import OperatorSpace
from core.search.trial import Candidate, Trial, Verdict
from searchers import SEARCHERS, make_searcher
from studies.speed.measuring import seconds

N, AT_ONCE, REPEATS = 64, 16, 10


def costs(name: str) -> list[float]:
    """Milliseconds a proposal: asking alone, asking and telling."""
    asked, told = (make_searcher(name, OperatorSpace(), 0) for _ in range(2))

    def ask_and_tell() -> None:
        for _ in range(0, N, AT_ONCE):
            programs = told.ask(AT_ONCE)
            told.tell([Trial(0, Candidate(i, one), Verdict.ZERO_GRADIENT) for i, one in enumerate(programs)])

    times = seconds([lambda: asked.ask(N), ask_and_tell], torch.device("cpu"), REPEATS)
    return [time / N * 1e3 for time in times]


def main() -> None:
    for name in SEARCHERS:
        ask, both = costs(name)
        sys.stdout.write(f"{name:8s} {ask:8.3f} ms to ask for, {both:8.3f} ms to ask for and be told of\n")


if __name__ == "__main__":
    main()
