from collections import Counter

from core.programs.space import OperatorSpace
from searchers.random import RandomSearcher


def test_operators_are_equally_likely():
    space = OperatorSpace()
    programs = space.decode(RandomSearcher(space, 0).ask(4_000))
    counts = Counter(line.operator for program in programs for line in program.lines)
    expected = 4_000 * space.n_lines / len(space.operators)
    assert set(counts) == set(space.operators)
    # 5 standard deviations of a binomial count around its mean
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values())
