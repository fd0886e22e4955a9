"""Screens of set-wise losses: refused for a reason, remembered, equal ones found again."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.losses.setwise.registry import parse_ranking_loss
from core.problems.set_screen import SetScreen
from core.programs.sets.formula import parse_formula
from core.programs.sets.regions import middle_of, numbers_at
from core.programs.sets.space import ShapeSpace
from core.search.trial import Verdict
from tests.strategies import law

SPACE = ShapeSpace()


def verdict(text):
    return SetScreen().look(parse_formula(text)).verdict


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log_mean_exp(d/0.1)", None),
        ("relu(1 - p) + 150*mean(relu(n - 0.9))", None),
        ("-p + mean(log(n))", Verdict.NON_FINITE),
        ("p + mean(n)", Verdict.WRONG_DIRECTION),
        ("-p - mean(n)", Verdict.WRONG_DIRECTION),
        ("-p + mean(square(n))", Verdict.WRONG_DIRECTION),
        ("mean(n) + 0*p", Verdict.ZERO_GRADIENT),
        ("-p + 0*mean(n)", Verdict.ZERO_GRADIENT),
        ("relu(p - 0.9)*mean(exp(n))", Verdict.ZERO_GRADIENT),
        ("0*p + 0*mean(n)", Verdict.ZERO_GRADIENT),
    ],
)
def test_a_loss_is_refused_for_a_reason(text, expected):
    assert verdict(text) is expected


def test_losses_that_are_known_pass():
    for line in ("BPR:temperature=.2", "SL", "BSL", "CCL", "MML", "InfoNCE:temperature=.1", "PSL:score_divisor=2"):
        assert SetScreen().look(parse_ranking_loss(line).expression).verdict is None, line


@law
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_a_factor_does_not_matter(seed, factor):
    (shape,) = SPACE.decode(SPACE.sample(1, np.random.default_rng(seed)))
    loss = shape.expression.bound(numbers_at(shape.expression, middle_of(shape.expression)))
    one, other = (SetScreen().look(each) for each in (loss, loss * factor))
    assert one.verdict == other.verdict
    np.testing.assert_allclose(one.direction, other.direction, rtol=1e-6, atol=1e-9)


def test_two_orders_of_the_same_parts_are_one_loss_but_two_margins_are_not():
    screen = SetScreen()
    texts = ("softplus(max(n)) - p + mean(exp(n/t2))", "mean(exp(n/t1)) + softplus(max(n)) - p")
    shapes = [SPACE.parse(text) for text in texts]
    twice = SPACE.parse("relu(m0 - p) + w1*mean(relu(n - m1)) + w2*mean(relu(n - m2))")
    once = SPACE.parse("relu(m0 - p) + w1*mean(relu(n - m1))")
    findings = screen.examine([once, twice, once])
    assert [one.verdict for one in findings] == [None, None, Verdict.DUPLICATE]
    assert findings[2].entry == 0
    assert len(shapes) == 2


def test_a_stored_screen_goes_on():
    shapes = SPACE.decode(SPACE.sample(200, np.random.default_rng(1)))
    one, other = SetScreen(), SetScreen()
    first = one.examine(shapes[:120])
    state = one.state_dict()
    again = {**json.loads(json.dumps({k: v for k, v in state.items() if k != "directions"}))}
    other.load_state_dict({**again, "directions": state["directions"]})
    assert other.n_entries == one.n_entries > 64
    assert other.examine(shapes) == one.examine(shapes)
    assert {finding.verdict for finding in first} >= {None, Verdict.WRONG_DIRECTION}
    with pytest.raises(ValueError, match="expected directions of"):
        other.load_state_dict({**state, "directions": torch.zeros(2, 3)})
    with pytest.raises(ValueError, match="entries that are remembered"):
        other.load_state_dict({**state, "directions": state["directions"][:1]})


def test_a_part_that_may_be_wrong_is_one():
    with pytest.raises(UserError, match="expected a part from 0 to 1"):
        SetScreen(wrong=2)
