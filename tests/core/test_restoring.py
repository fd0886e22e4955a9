import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import count, read, read_fields
from core.programs.program import LossProgram


@dataclass(frozen=True)
class Point:
    x: float
    names: dict[str, int]


PROGRAM = LossProgram.parse("y_hat - y")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, 3),
        (float, math.inf),
        (bool, True),
        (str, ""),
        (float | None, None),
        (float | None, 0.5),
        (list[int], [1, 2]),
        (dict[str, float], {"a": 0.5}),
        (tuple[int, str], (1, "a")),
        (Any, object),
    ],
)
def test_what_is_of_its_kind_comes_through(kind, value):
    assert read(kind, value) == value


def test_what_is_made_from_a_mapping_is_made():
    assert read(Point, {"x": 1, "names": {"a": 2}}) == Point(1.0, {"a": 2})
    assert read(list[LossProgram], [PROGRAM.to_dict()]) == [PROGRAM]
    assert read(tuple[int, str], [1, "a"]) == (1, "a"), "JSON has no tuples"
    assert type(read(float, 3)) is float
    tensor = torch.zeros(2)
    assert read(Tensor, tensor) is tensor


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, 1.0),
        (int, "1"),
        (float, "nan"),
        (float, None),
        (bool, 1),
        (str, None),
        (list[int], (1, 2)),
        (list[int], [1, "a"]),
        (dict[str, int], {1: 2}),
        (dict[str, int], [("a", 1)]),
        (tuple[int, str], (1,)),
        (Point, None),
        (Point, {"x": "a", "names": {}}),
        (Tensor, [1.0]),
        (float | None, "a" * 10_000),
        (float, 10**400),
    ],
)
def test_anything_else_is_refused_in_short(kind, value):
    with pytest.raises(TypeError, match="expected ") as error:
        read(kind, value)
    assert len(str(error.value)) < 200


def test_a_missing_field_is_refused():
    with pytest.raises(KeyError):
        read(Point, {"x": 1.0})


@pytest.mark.parametrize("value", [-1, 5, 10**30])
def test_a_count_is_within_its_bound(value):
    with pytest.raises(ValueError, match="expected a number from 0 to below 5"):
        count(value, 5)


def test_a_count_is_a_whole_number():
    assert [count(0), count(10**30), count(4, 5)] == [0, 10**30, 4]
    for value in (1.0, True, "1", None):
        with pytest.raises(TypeError):
            count(value)


@dataclass(frozen=True)
class Fields:
    number: int = 1
    texts: tuple[str, ...] = ()
    level: float | None = None
    levels: tuple[float, ...] = ()


def test_some_fields_are_read_by_name_and_kind():
    assert read_fields(Fields, "field", {"texts": ["a", "b"]}) == {"texts": ("a", "b")}
    with pytest.raises(UserError, match="field number: expected a whole number, got '1'"):
        read_fields(Fields, "field", {"number": "1"})
    with pytest.raises(UserError, match="unknown field 'numbers': expected one of level, levels, number, texts"):
        read_fields(Fields, "field", {"numbers": 1})


FRAME = pd.DataFrame({"rating": [1.0, 3.0, 5.0], "n": [1, 2, 3]})


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("level", FRAME["rating"].median(), 3.0),
        ("level", np.float32(0.5), 0.5),
        ("level", np.int64(4), 4.0),
        ("level", torch.tensor(0.5), 0.5),
        ("number", FRAME["n"].max(), 3),
        ("number", np.int64(2), 2),
        ("levels", np.array([0.001, 0.5]), (0.001, 0.5)),
        ("levels", FRAME["rating"], (1.0, 3.0, 5.0)),
        ("levels", [np.float64(0.5), 1], (0.5, 1.0)),
        ("levels", 0.5, (0.5,)),
        ("levels", np.float64(0.5), (0.5,)),
        ("texts", "BCE", ("BCE",)),
        ("texts", np.array(["BCE", "MSE"]), ("BCE", "MSE")),
    ],
)
def test_numbers_and_arrays_of_libraries_and_values_alone_are_taken(name, given, expected):
    (got,) = read_fields(Fields, "field", {name: given}).values()
    assert got == expected
    for one in got if isinstance(got, tuple) else (got,):
        assert type(one) in (int, float, str)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("level", "x", "field level: expected a number or None, got 'x'"),
        ("level", np.array([1.0]), "field level: expected a number or None, got [1.0]"),
        ("level", float, "field level: expected a number or None, got <class 'float'>"),
        ("level", np.ndarray, "field level: expected a number or None, got <class 'numpy.ndarray'>"),
        ("levels", "x", "field levels: expected a number, got 'x'"),
        ("levels", {0.5}, "field levels: expected a list, each a number, got {0.5}"),
        ("texts", None, "field texts: expected a list, each a text, got None"),
        ("texts", [1], "field texts: expected a text, got 1"),
    ],
)
def test_kinds_are_told_in_words(name, given, message):
    with pytest.raises(UserError) as error:
        read_fields(Fields, "field", {name: given})
    assert str(error.value) == message
