import math
import os
import subprocess
import sys
from itertools import product

import numba
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from core.common import jit
from core.programs.operators import OPERATORS, PAPER_OPERATORS, Operator, sign
from core.programs.operators.writing import function
from tests.strategies import law

XI = 1e-6
SIZES = (XI, 1.0, 0.5, 2.0, 1e6, 1e3, 1e-9)
SPECIAL = (0.0, -0.0, *SIZES, *(-x for x in SIZES))
NAMES = tuple(OPERATORS)


def side(x):
    return -1.0 if x < 0 else 1.0


#: Table 2, and what may be asked for beside it, in plain Python.
TABLE = {
    "add": lambda x, z, e: x + z,
    "mul": lambda x, z, e: x * z,
    "max": lambda x, z, e: max(x, z),
    "min": lambda x, z, e: min(x, z),
    "neg": lambda x, e: -x,
    "identity": lambda x, e: x,
    "log": lambda x, e: side(x) * math.log(abs(x) + e),
    "square": lambda x, e: x * x,
    "reciprocal": lambda x, e: side(x) / (abs(x) + e),
    "exp": lambda x, e: math.exp(min(x, 80)),
    "sigmoid": lambda x, e: 1 / (1 + math.exp(-x)) if x > -700 else 0.0,
    "tanh": lambda x, e: math.tanh(x),
    "softplus": lambda x, e: max(x, 0) + math.log1p(math.exp(-abs(x))),
}


def special_operands(row):
    columns = zip(*product(SPECIAL, repeat=row.arity), strict=True)
    return [torch.tensor(column, dtype=torch.float64, requires_grad=True) for column in columns]


def test_the_table_begins_with_the_operators_of_the_paper_in_its_order():
    assert PAPER_OPERATORS == ("add", "mul", "max", "min", "neg", "identity", "log", "square", "reciprocal")
    assert NAMES[:9] == PAPER_OPERATORS
    assert [OPERATORS[name].arity for name in PAPER_OPERATORS] == [2, 2, 2, 2, 1, 1, 1, 1, 1]


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        OPERATORS["add"] = OPERATORS["mul"]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_filed_under_their_names(name):
    assert OPERATORS[name].name == name


@pytest.mark.parametrize("epsilon", [XI, 0.1])
@pytest.mark.parametrize("name", TABLE)
def test_values_are_those_of_table_2(name, epsilon):
    operands = special_operands(OPERATORS[name])
    expected = [TABLE[name](*numbers, epsilon) for numbers in zip(*(o.tolist() for o in operands), strict=True)]
    found = OPERATORS[name].value(*operands, epsilon)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-14, atol=0)


@pytest.mark.parametrize("epsilon", [XI, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_those_of_autograd_through_the_value(name, epsilon):
    row = OPERATORS[name]
    operands = special_operands(row)
    expected = torch.autograd.grad(row.value(*operands, epsilon).sum(), operands)
    for found, wanted in zip(row.derivatives(*operands, epsilon), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)  # autograd's 1 - t^2 has few digits left


@pytest.mark.parametrize("name", ["max", "min"])
def test_a_tie_shares_the_prediction_gradient(name):
    x = torch.tensor([0.0, 0.5, -3.0])
    for found in OPERATORS[name].derivatives(x, x.clone(), XI):
        assert found.tolist() == [0.5, 0.5, 0.5]


@law
@given(st.sampled_from(NAMES), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2), st.sampled_from([XI, 0.1]))
def test_values_and_derivatives_agree_with_autograd_anywhere(name, numbers, epsilon):
    row = OPERATORS[name]
    operands = [torch.tensor([x], dtype=torch.float64, requires_grad=True) for x in numbers[: row.arity]]
    value = row.value(*operands, epsilon)
    if name in TABLE:
        assert value.item() == pytest.approx(TABLE[name](*numbers[: row.arity], epsilon), rel=1e-13, abs=1e-300)
    expected = torch.autograd.grad(value.sum(), operands)
    for found, wanted in zip(row.derivatives(*operands, epsilon), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", [row.name for row in OPERATORS.values() if row.commutative])
def test_commutative_rows_commute_exactly(name):
    x, z = special_operands(OPERATORS[name])
    assert torch.equal(OPERATORS[name].value(x, z, XI), OPERATORS[name].value(z, x, XI))


def test_the_sign_of_zero_is_plus_one():
    assert sign(torch.tensor([0.0, -0.0, 1e-30, -1e-30])).tolist() == [1.0, 1.0, 1.0, -1.0]
    zeros = torch.tensor([0.0, -0.0], dtype=torch.float64)
    assert OPERATORS["log"].value(zeros, XI).tolist() == pytest.approx([math.log(XI)] * 2)
    assert OPERATORS["reciprocal"].value(zeros, XI).tolist() == pytest.approx([1 / XI] * 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_precision_is_kept(name, dtype):
    row = OPERATORS[name]
    operands = [torch.tensor([0.5, -2.0], dtype=dtype)] * row.arity
    assert {t.dtype for t in (row.value(*operands, XI), *row.derivatives(*operands, XI), sign(operands[0]))} == {dtype}


#: Rows whose value and derivatives come from sums and products alone, which round alike everywhere.
EXACT = ("add", "mul", "max", "min", "neg", "identity", "square")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_scalar_in_compiled_code_is_value_and_derivatives(name, dtype):
    row = OPERATORS[name]
    columns = zip(*product((*SPECIAL, 17.0, -17.0, 80.0, 80.5, math.nan), repeat=row.arity), strict=True)
    operands = [torch.tensor(column, dtype=dtype) for column in columns]
    values = [t.numpy() for t in (*operands, operands[0])[:2]]
    tangents = [np.full_like(values[0], given) for given in (0.75, -2.0)]
    found = np.empty((2, len(values[0])), values[0].dtype)
    fill = part_of(row.scalar)
    fill(values[0], tangents[0], values[1], tangents[1], values[0].dtype.type(XI), found)
    value, derivatives = row.value(*operands, XI), row.derivatives(*operands, XI)
    tangent = sum(derivative * given for derivative, given in zip(derivatives, (0.75, -2.0), strict=False))
    rounding = 0 if name in EXACT else 8 * torch.finfo(dtype).eps
    is_number = ~torch.stack(operands).isnan().any(dim=0)  # what a tangent is where a value is none, nobody says
    torch.testing.assert_close(torch.from_numpy(found[0]), value, rtol=rounding, atol=rounding, equal_nan=True)
    torch.testing.assert_close(torch.from_numpy(found[1])[is_number], tangent[is_number], rtol=rounding, atol=rounding)


def part_of(scalar):
    """The scalar function as machine code, over arrays."""
    scalar = jit.part(scalar)

    @numba.njit(error_model="numpy")
    def fill(x, dx, z, dz, epsilon, found):
        for i in range(len(x)):
            found[0, i], found[1, i] = scalar(x[i], dx[i], z[i], dz[i], epsilon)

    return fill


@law
@given(st.sampled_from(NAMES), st.data(), st.sampled_from([XI, 0.1]))
def test_bounds_hold(name, data, epsilon):
    row = OPERATORS[name]
    ends = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -math.inf, math.inf])
    bounds = [tuple(sorted(data.draw(st.tuples(ends, ends)))) for _ in range(row.arity)]
    inside = [data.draw(st.floats(low, high)) for low, high in bounds]
    value = row.value(*(torch.tensor([x], dtype=torch.float64) for x in inside), epsilon).item()
    low, high = row.bounds(epsilon, *bounds)
    assume(not any(map(math.isnan, (value, low, high))))
    slack = 1e-12 * abs(value) if math.isfinite(value) else 0.0
    assert low - slack <= value <= high + slack


def ones(x):
    return torch.ones_like(x)


def operator(name="double", arity=1, value=lambda x, e: x + x, derivatives=lambda x, e: (ones(x) * 2,), **others):
    """A row that is right but for what is said."""
    forms = (function(name, "{0} + {0}", lambda s, e, x: x + x),)
    given = {"scalar": lambda x, dx, z, dz, e: (x + x, dx + dx), "forms": forms}
    return Operator(name, arity, "twice x", value, derivatives, **(given | others))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "two words"},
        {"name": ""},
        {"arity": 0, "value": lambda e: e, "derivatives": lambda e: ()},
        {"arity": 3, "value": lambda x, y, z, e: x + y + z, "derivatives": lambda x, y, z, e: (ones(x),) * 3},
        {"value": lambda x, e: x.sum()},
        {"value": lambda x, e: x.sqrt()},
        {"arity": 2, "value": lambda x, z, e: x + z, "derivatives": lambda x, z, e: (ones(x),)},
        {"derivatives": lambda x, e: (ones(x), ones(x))},
        {"derivatives": lambda x, e: (torch.ones(()),)},
        {"derivatives": lambda x, e: (ones(x) / 0,)},
        {"scalar": lambda x, dx, z, dz, e: (x, dx + dx)},
        {"scalar": lambda x, dx, z, dz, e: (x + x, dx)},
        {"interval": lambda e, x: x},
        {"forms": ()},
        {"forms": (function("double", "{0} + {0}", lambda s, e, x: x + x, fits=lambda x: x[0] >= 0),)},
    ],
)
def test_a_bad_row_is_refused_when_it_is_made(wrong):
    with pytest.raises(ValueError, match=f"operator {wrong.get('name', 'double')!r}: "):
        operator(**wrong)


def test_a_good_row_is_accepted():
    row = operator()
    assert (row.arity, row.commutative, row.in_paper, row.template) == (1, False, False, "double({0})")
    assert row.bounds(XI, (-1.0, 3.0)) == (-2.0, 6.0)


def test_checking_the_rows_begins_no_threads():
    """A process that is forked afterwards would wait for them in its first product of matrices."""
    count = "print(len(os.listdir('/proc/self/task')))"
    script = f"import os, torch; {count}; import core.programs.operators; {count}"
    told = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "4"}, capture_output=True, check=True
    )
    before, after = told.stdout.split()
    assert after == before
