"""Which losses are worth proposing, by a screen that is cheaper than a proposal."""

import numpy as np
import pytest

from core.common.errors import UserError
from core.losses.loss import ProgramLoss
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace

STRICT = OperatorSpace(min_positive_rate=0.9)


@pytest.mark.parametrize(
    ("formula", "is_viable"),
    [
        ("(y - y_hat)^2", True),
        ("-(y*log(y_hat))", False),  # no gradient for the label 0
        ("-(y - y_hat)^2", False),
        ("y_hat", False),
        ("y + 1", False),
        ("max(y - y_hat, y_hat - y)", True),
    ],
)
def test_losses_that_are_worth_proposing(formula, is_viable):
    genome = STRICT.encode(LossProgram.parse(formula))
    assert STRICT.viable(genome[None]).tolist() == [is_viable]
    assert OperatorSpace().viable(genome[None]).tolist() == [True]


def test_what_the_strict_check_passes_is_viable_and_hardly_anything_else_is():
    genomes = STRICT.sample(50_000, np.random.default_rng(7))
    viable = STRICT.viable(genomes)
    check = ValidationCheck(0.9, is_strict=True)
    losses = [ProgramLoss(one, STRICT) for one in STRICT.decode(genomes)]
    # The check also passes some that know nothing of the label, such as min(1, max(y_hat, 1/(y_hat))), by rounding.
    has_label = np.array([any("y" in line for line in one.program.canonical.to_dict()["lines"]) for one in losses])
    passes = (check.positive_rates(losses) >= check.min_positive_rate) & check.moves_both(losses) & has_label
    assert passes.sum() > 30
    assert (passes & viable).sum() > 0.97 * passes.sum()
    assert (viable & ~passes).sum() < 0.2 * passes.sum()


def test_what_is_drawn_is_what_is_viable_of_random_losses():
    drawn, every = STRICT.drawn(20, np.random.default_rng(0)), STRICT.sample(40_000, np.random.default_rng(0))
    viable = every[STRICT.viable(every)]
    assert len(viable) > 20
    assert np.array_equal(drawn, viable[:20])


def test_random_losses_are_drawn_until_enough_are_viable():
    drawn = STRICT.drawn(20, np.random.default_rng(0))
    assert STRICT.viable(drawn).all()
    assert len({one.key for one in STRICT.decode(drawn)}) > 5


def test_where_nothing_is_viable_drawing_ends():
    space = OperatorSpace(operators=("add", "identity"), max_variables=4, min_positive_rate=1.0)
    assert space.drawn(2, np.random.default_rng(0)).shape == (2, 3)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_positive_rates_are_shares(rate):
    with pytest.raises(UserError, match="min_positive_rate: expected 0 to 1"):
        OperatorSpace(min_positive_rate=rate)
