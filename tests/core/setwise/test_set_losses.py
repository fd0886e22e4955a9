import math

import pytest
import torch
from hypothesis import given

from core.common.errors import UserError
from core.losses.setwise.margins import CCL, MML
from core.losses.setwise.registry import ALIASES, RANKING_LOSSES, SET_LOSSES, parse_set_loss, ranking_loss_table
from core.losses.setwise.set_loss import SetScores
from core.losses.setwise.softmax import BSL, InfoNCE
from core.losses.setwise.surrogates import PSL, SLAtK
from tests.core.setwise import strategies as made
from tests.core.setwise.formulas import FORMULAS, scores_of
from tests.strategies import law

LOG2 = math.log(2)
SIGMOID_1 = 1 / (1 + math.exp(-1))

#: By hand: line, positive, negatives, value, gradient of the positive, gradients of the negatives.
GOLDEN = [
    # .5 + 10 * ((.25 * .5 + .75 * .25) + 0) / 2; slope 10 * (.25 + .75) / 2
    ("MML:margins=.5,.75:weights=.25,.75:negative_weight=10", 0.5, [1.0, 0.5], 2.0625, -1, [5, 0]),
    ("MML:margins=.5:weights=1:positive_weight=2:negative_weight=0:clamp=false", 1.5, [1.0], -1, -2, [0]),
    ("CCL:margin=.5:negative_weight=8", 0.75, [0.75, 0.25], 1.25, -1, [4, 0]),
    ("CCL:margin=.5:negative_weight=1:reduction=sum", 1.5, [0.75, 0.75], 0.5, 0, [1, 1]),
    ("contrastive:margin=1", 0.5, [0.5, -0.5], 0.1875, -0.5, [0.25, 0]),
    ("triplet:margin=.5", 0.5, [0.75, 0.25], 0.5, -1, [1, 0]),
    ("InfoNCE", 1.0, [1.0, 1.0], math.log(3), -2 / 3, [1 / 3, 1 / 3]),
    ("SL:temperature=.5", 1.0, [0.5, 0.5], -1, -2, [1, 1]),
    ("BSL:temperature=.5:exponent=2", 1.0, [0.5, 0.5], 0, -2, [2, 2]),
    ("BSL-paper:temperature=.5", 1.0, [0.5, 0.5], -0.5, -1, [0.5, 0.5]),
    ("BSL-benchmark:temperature=.25:negative_temperature=.5", 1.0, [0.5, 0.5], -2, -4, [2, 2]),
    ("BPR:temperature=.5", 0.5, [0.5, 0.5], LOG2, -1, [0.5, 0.5]),
    ("hinge", 2.0, [1.5, 0.0], 0.25, -0.5, [0.5, 0]),
    ("MSE", 0.5, [1.0, -1.0], 1.125, -0.5, [1, -1]),
    ("MSE:reduction=mean:negative_weight=4", 0.5, [1.0, -1.0], 2.125, -0.5, [2, -2]),
    ("SigmoidCE", 0.0, [0.0, 0.0], 3 * LOG2, -0.5, [0.5, 0.5]),
    ("PSL:surrogate=relu:temperature=.5:score_divisor=2", 1.0, [0.0, 0.0], 2 * math.log(0.5), -2, [1, 1]),
    ("PSL:surrogate=tanh:temperature=.5:score_divisor=2", 1.0, [1.0, 1.0], 0, -1, [0.5, 0.5]),
    ("PSL:surrogate=atan:temperature=.5:score_divisor=2", 1.0, [1.0, 1.0], 0, -1, [0.5, 0.5]),
    # the quantile is .25, so the weight is 1/2 and grows by 1/4
    ("SL@K:temperature=.5", 0.25, [0.25, 0.25], LOG2 / 2, LOG2 / 4 - 1, [0.5, 0.5]),
    ("SL@K:temperature=.5:reduction=mean", 0.25, [0.25, 0.25], 0, -1, [0.5, 0.5]),
    # one eighth of the negatives is drawn, so beta is 1 - .5 * 7/8
    ("gBCE:calibration=.5", 0.0, [0.0, 0.0], (0.5625 + 2) * LOG2 / 3, -0.09375, [1 / 6, 1 / 6]),
]


@pytest.mark.parametrize(("line", "positive", "negatives", "value", "pull", "push"), GOLDEN)
def test_hand_computed_examples(line, positive, negatives, value, pull, push):
    found = parse_set_loss(line).evaluate(scores_of([positive], [negatives]))
    assert found.value.tolist() == pytest.approx([value], abs=1e-14)
    assert found.positive.tolist() == pytest.approx([pull], abs=1e-14)
    assert found.negatives.tolist() == [pytest.approx(push, abs=1e-14)]


def test_every_loss_has_an_example_and_a_formula():
    assert {parse_set_loss(line).name for line, *_ in GOLDEN} == set(SET_LOSSES) == set(FORMULAS)


@law
@given(made.losses)
def test_the_line_of_a_loss_is_read_back(loss):
    assert parse_set_loss(str(loss)) == loss
    assert parse_set_loss(str(loss).upper()) == loss


def test_lines_in_short():
    assert parse_set_loss("MML:margins=.7,.8,.9:weights=.1,.15,.75:negative_weight=700") == MML()
    assert parse_set_loss("bsl:Temperature=.08:exponent=1.22") == BSL()
    assert parse_set_loss("ccl:negative-weight=2:clamp=NO") == CCL(negative_weight=2.0, clamp=False)
    assert parse_set_loss(" mml : margins = .5 : weights = 1 ") == MML((0.5,), (1.0,))
    assert parse_set_loss("sce:temperature=.1") == InfoNCE(0.1)
    assert parse_set_loss("sl@k:reduction=mean") == SLAtK(reduction="mean")
    assert str(MML((0.5,), (1,), negative_weight=3)) == (
        "MML:margins=0.5:weights=1.0:positive_weight=1.0:negative_weight=3.0:clamp=true"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("MLL", "unknown loss 'MLL': expected one of .*Did you mean 'MML'"),
        ("ccl:margn=.5", "unknown setting of CCL 'margn': .*Did you mean 'margin'"),
        ("ccl:margin=wide", "loss CCL:margin=wide: margin: expected a finite number, got 'wide'"),
        ("ccl:clamp=perhaps", "expected true or false"),
        ("ccl:reduction=max", "expected mean or sum, got 'max'"),
        (
            "ccl:negative_weight=-1",
            "loss CCL: negative_weight: expected a number from 0 to 1e9, such as 150.0",
        ),
        ("sl:temperature=0", "temperature: expected a number from 1e-6 to 1e6, such as 0.1, got 0.0"),
        ("sl:temperature=nan", "expected a finite number"),
        ("bsl:exponent=0", "exponent: expected a number above 0"),
        ("gbce:calibration=1.5", "calibration: expected a number from 0 to 1,"),
        ("mml:margins=.5", "expected a weight for every margin, got 1 margins and 3 weights"),
        ("mml:margins=,:weights=,", "margins: expected one or more margins"),
        (
            "mml:weights=1,-1,1",
            "weights: expected one or more weights from 0 to 1e9, in a tuple, such as 0.1,0.15",
        ),
        ("mml:margins=.5:margins=.6", "expected every setting once"),
        ("", "expected a name such as MML"),
    ],
)
def test_lines_that_name_no_loss(line, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_set_loss(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CCL(margin="wide"),
        lambda: CCL(clamp=1),
        lambda: CCL(margin=True),
        lambda: CCL(margin=math.inf),
        lambda: MML(margins=[0.5], weights=(1.0,)),
        lambda: MML(margins=(), weights=()),
        lambda: PSL(surrogate="sigmoid"),
    ],
)
def test_constants_are_checked_where_a_loss_is_made(make):
    with pytest.raises(UserError, match="expected"):
        make()


@pytest.mark.parametrize(
    ("line", "name"), [(name, need) for name, row in SET_LOSSES.items() for need in row.needs] or ["none"]
)
def test_what_a_loss_needs_and_does_not_get(line, name):
    with pytest.raises(UserError, match=f"loss {line}: expected scores with a {name}, got none"):
        parse_set_loss(line).evaluate(SetScores(torch.zeros(2), torch.zeros(2, 3)))


@pytest.mark.parametrize("name", [name for name, row in SET_LOSSES.items() if not row.needs])
def test_the_others_need_scores_only(name):
    found = parse_set_loss(name).evaluate(SetScores(torch.zeros(2), torch.zeros(2, 3)))
    assert [tuple(one.shape) for one in found] == [(2,), (2,), (2, 3)]


@pytest.mark.parametrize("name", SET_LOSSES)
def test_an_empty_batch_and_scores_with_autograd(name):
    empty = SetScores(torch.zeros(0), torch.zeros(0, 3), torch.zeros(0), 0.5)
    assert [tuple(one.shape) for one in parse_set_loss(name).evaluate(empty)] == [(0,), (0,), (0, 3)]
    positive, negatives = torch.zeros(2, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    found = parse_set_loss(name).evaluate(SetScores(positive, negatives, torch.zeros(2), 0.5))
    assert not any(one.requires_grad for one in found)


@pytest.mark.parametrize("name", SET_LOSSES)
def test_scores_are_left_as_they_were(name):
    scores = scores_of([0.5, 0.25], [[0.75, 0.5], [0.0, -0.5]])
    parse_set_loss(name).evaluate(scores)
    assert scores.positive.tolist() == [0.5, 0.25]
    assert scores.negatives.tolist() == [[0.75, 0.5], [0.0, -0.5]]


@pytest.mark.parametrize(
    ("positive", "negatives", "others", "message"),
    [
        (torch.zeros(2), torch.zeros(2), {}, r"negatives \[B, N\]"),
        (torch.zeros(2, 1), torch.zeros(2, 3), {}, r"positive \[B\]"),
        (torch.zeros(2), torch.zeros(3, 3), {}, r"got \[\(2,\), \(3, 3\)\]"),
        (torch.zeros(2), torch.zeros(2, 0), {}, "N > 0"),
        (torch.zeros(2), torch.zeros(2, 3).double(), {}, "one float dtype"),
        (torch.zeros(2).long(), torch.zeros(2, 3).long(), {}, "one float dtype"),
        (torch.zeros(2), torch.zeros(2, 3), {"quantile": torch.zeros(2, 1)}, "a quantile"),
        (torch.zeros(2), torch.zeros(2, 3), {"quantile": torch.zeros(2).double()}, "one float dtype"),
        (torch.zeros(2), torch.zeros(2, 3), {"sampling_rate": 0.0}, "a sampling rate above 0"),
        (torch.zeros(2), torch.zeros(2, 3), {"sampling_rate": 1.5}, "at most 1, got 1.5"),
    ],
)
def test_scores_that_do_not_fit(positive, negatives, others, message):
    with pytest.raises(UserError, match=message):
        SetScores(positive, negatives, **others)


def test_the_table_has_a_row_of_six_cells_for_every_loss():
    head, rule, *rows = ranking_loss_table().splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [one[0].split(",")[0] for one in cells] == [f"`{name}`" for name in RANKING_LOSSES]
    assert {len(one) for one in cells} == {6}
    assert all(cell for one in cells for cell in one)
    assert head.count("|") == rule.count("|") == 7
    assert "sampling_rate from the trainer" in rows[list(RANKING_LOSSES).index("gBCE")]
    assert set(ALIASES.values()) <= set(SET_LOSSES)
    assert {row.scores for row in SET_LOSSES.values()} == {"cosine", "any"}
