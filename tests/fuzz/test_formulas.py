"""Any text is a formula or is refused with its place."""

import inspect
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.programs.parsing import MAX_LENGTH, FormulaError
from core.programs.program import LossProgram
from tests.fuzz.targets import TARGETS, accepts_text, assert_good, fuzz_formula
from tests.strategies import law

ASTRAL = "\U000e0001"
HUGE = {
    "10 MB": "y+" * 5_000_000,
    "10 MB of spaces": " " * 10_000_000,
    "brackets": "(" * 10_000,
    "closed brackets": "(" * 4_999 + "y" + ")" * 4_999,
    "signs": "-" * 9_999 + "y",
    "signs beyond any length": "-" * 10_000_000,
    "signs and brackets": "-(" * 3_000 + "y" + ")" * 3_000,
    "calls": "log(" * 1_500 + "y" + ")" * 1_500,
    "powers": "y" + "^2" * 4_999,
    "products": "*".join("y" * 5_000),
    "operands": f"max({','.join('y' * 4_000)})",
    "a name": "y_hat" * 2_000,
    "a number": "1" * 10_000,
    "a small text that is a huge program": "+".join(["-" * 45 + "y"] * 200),
    "characters that repr makes ten of": ASTRAL * 60,
    "ten thousand of them": ASTRAL * 10_000,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_what_is_huge_or_deep_is_refused(text):
    assert not accepts_text(text)


STRANGE = {
    "nothing": "",
    "a lone surrogate": "y + \ud800",
    "a pair cut in two": "\udc00\ud800",
    "zeros": "\x00" * 50,
    "arabic digits": "y^\u0662",
    "full width": "\uff11 + y",
    "superscript": "y\u00b2",
    "a no-break space": "y\u00a0+ 1",
    "a line separator": "y\u2028+ 1",
    "a terminal's command": "y + \x1b[2J\x07",
    "backwards": "y + \u202e1",
    "a byte order mark": "\ufeffy",
    "code": "__import__('os').system('id')",
    "formatting": "{0.__class__}%s%n",
    "exponents": "1e400*y",
    "infinity": "inf + nan*y",
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_what_is_strange_is_refused(text):
    assert not accepts_text(text)


@pytest.mark.parametrize(
    "thing", [None, b"y", 1, 10**5_000, True, ["y"], {"y": 1}, float("nan")], ids=lambda v: type(v)
)
def test_what_is_no_text_is_refused(thing):
    with pytest.raises(FormulaError, match="expected text, got") as caught:
        LossProgram.parse(thing)
    assert_good(caught.value)


@pytest.mark.parametrize("sum_", ["+".join("y" * 380), "+".join(["eps", *"y" * 190]), "y-(" * 45 + "eps" + ")" * 45])
@pytest.mark.parametrize("around", ["log({})", "y/({})", "reciprocal({})"])
def test_a_long_sum_costs_no_depth_of_python(sum_, around):
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + (350 if "(" in sum_ else 60))
    try:
        lines = LossProgram.parse(around.format(sum_)).lines
    finally:
        sys.setrecursionlimit(before)
    assert len(lines) > 40


#: What formulas are made of, so that most of a text is one.
PIECES = st.sampled_from(
    (*TARGETS["formula"].words, *"+-*/^()(),. 12y", "log(", "max(", "1/(", " + eps)", "\ud800", "\n")
)


@law
@given(st.text() | st.lists(PIECES).map("".join) | st.text("-(+*y1)", max_size=400))
@example("-" * 49 + "y")
@example("y" + "^2" * 60)  # written with more brackets than are read
def test_any_text_is_read_or_refused(text):
    accepts_text(text)


@law
@given(st.binary())
def test_any_bytes_are_read_or_refused(data):
    fuzz_formula(data)


@law
@given(PIECES, PIECES, st.integers(1, 3 * MAX_LENGTH))
def test_any_repetition_is_read_or_refused(one, other, times):
    accepts_text(one + other * times)
    accepts_text(one * times + "y" + other * times)
