"""Losses as MathML."""

from xml.etree import ElementTree

import pytest
from hypothesis import given

from core.export.mathml import mathml
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from tests.strategies import costly_law, losses

#: How many children elements take; `mrow` and `math` take any number.
CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2, "mi": 0, "mn": 0, "mo": 0}


def set_loss(formula):
    return ProgramLoss(LossProgram.parse(formula), OperatorSpace())


def text_of(formula):
    """What a reader sees, in one line."""
    read = "".join(ElementTree.fromstring(mathml(set_loss(formula))).itertext())
    return read.replace("\u2061", "").replace("\u2212", "-").replace("\u02c6", "^").replace("\u2113(y^,y)=", "")


@costly_law
@given(losses())
def test_every_program_is_well_formed(loss):
    for element in ElementTree.fromstring(mathml(loss)).iter():
        if element.tag in CHILDREN:
            assert len(element) == CHILDREN[element.tag]
        else:
            assert element.tag in ("math", "mrow")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("(y - y_hat)^2", "(y-y^)2"),
        ("-(-y_hat)", "-(-y^)"),
        ("y*(y_hat + 1)", "y·(y^+1)"),
        ("log(y_hat)", "log(y^+ε)"),
        ("log(y - y_hat)", "log±(y-y^)"),
        ("y/(y_hat)", "yy^+ε"),
        ("max(y_hat, 1)", "max(y^,1)"),
        ("-log(-1)", "-(-log(ε-(-1)))"),
        ("y*tanh(exp(y_hat))", "y·tanh(exp(y^))"),
        ("softplus(y_hat)^2", "(softplus(y^))2"),
    ],
)
def test_it_is_written_as_a_person_would(formula, expected):
    assert text_of(formula) == expected


@pytest.mark.parametrize(("formula", "smoothed"), [("log(y - y_hat)", True), ("1/(y)", True), ("y_hat*y", False)])
def test_whether_the_smoothing_term_occurs(formula, smoothed):
    assert set_loss(formula).program.is_smoothed is smoothed
