"""Export a loss as a sympy expression, and as a Python file that builds it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy import Expr, Float

from core.analysis.ranges import bounded_lines
from core.common.errors import UserError
from core.export import symbols
from core.export.statements import Language, docstring, written
from core.losses.closed_forms import ClosedForm
from core.losses.loss import Loss, ProgramLoss
from core.programs.operators.writing import Form

#: The variables of every expression.
Y_HAT, Y = sympy.symbols("y_hat y", real=True)

_INPUTS = {"y_hat": "y_hat", "y": "y", "1": "Integer(1)", "eps": "EPSILON"}
_CLAMPS: Mapping[str, Any] = {"signed": symbols.clamp_magnitude, "paper": symbols.clamp_value}


def expression(loss: Loss) -> Expr:
    """Return the loss as an expression of `Y_HAT` and `Y`, valid for predictions and labels in [0, 1].

    Raises:
        UserError: the loss is neither a program nor a closed form.
    """
    unscaled = unscaled_expression(loss)
    return unscaled if loss.scale == 1 else Float(loss.scale) * unscaled


def unscaled_expression(loss: Loss) -> Expr:
    """Return the expression of a loss without its scale, see `expression`."""
    if isinstance(loss, ClosedForm):
        return loss.symbolic(sympy, Y_HAT, Y)
    program = _program(loss)
    epsilon, xi = Float(program.smoothing), Float(program.space.xi)
    known = {"y_hat": Y_HAT, "y": Y, "1": sympy.Integer(1), "eps": epsilon}
    slots = [known[name] for name in program.program.canonical.inputs]
    for bounded in bounded_lines(program):
        result = bounded.form.sympy(symbols, epsilon, *(slots[o] for o in bounded.line.operands))
        slots.append(_CLAMPS[program.space.clamp](result, xi, 1 / xi) if bounded.clamped else result)
    return slots[-1]


def sympy_source(loss: Loss, about: Sequence[str]) -> str:
    """Return a Python file that defines the expression as `loss` and its derivative as `gradient`.

    Args:
        loss: the loss to write.
        about: lines of the file's docstring; the first one is the title.

    Raises:
        UserError: the loss is neither a program nor a closed form.
    """
    is_closed = isinstance(loss, ClosedForm)
    body, result = ("", str(unscaled_expression(loss))) if is_closed else _body(_program(loss))
    if loss.scale != 1:
        body, result = f"SCALE = Float({loss.scale!r})\n{body}", f"SCALE * ({result})"
    body = f'y_hat, y = symbols("y_hat y", real=True)\n{body}loss = {result}\ngradient = diff(loss, y_hat)\n'
    helpers = _helpers(body)
    taken = {name for name in _called(helpers + body) if hasattr(sympy, name)}
    imports = f"from sympy import {', '.join(sorted(taken | ({'Function'} if helpers else set())))}\n"
    if helpers:
        imports = f"from typing import Any\n\nimport numpy as np\nimport sympy\n{imports}"
    return f"{docstring(about)}\n{imports}{helpers or chr(10)}{body}"


def _program(loss: Loss) -> ProgramLoss:
    if not isinstance(loss, ProgramLoss):
        raise UserError(f"export: expected a program or a loss with a closed form, got {type(loss).__name__}")
    return loss


def _called(source: str) -> set[str]:
    """Return the names of functions that a source calls, methods excluded."""
    return set(re.findall(r"(?<![\w.])(\w+)\(", re.sub("#.*", "", source)))


def _helpers(body: str) -> str:
    """Return the source of the functions of `symbols` that a source calls, directly or through each other."""
    helpers = ""
    for function in reversed(symbols.FUNCTIONS):
        if function.__name__ in _called(helpers + body):
            helpers = f"\n\n{inspect.getsource(function)}{helpers}"
    return helpers and f"{helpers}\n\n"


def _body(loss: ProgramLoss) -> tuple[str, str]:
    """Return the statements of a program, and the name of their result."""
    clamp = _CLAMPS.get(loss.space.clamp)
    text = written(loss, Language(_source, _INPUTS, f"{clamp and clamp.__name__}({{0}}, XI, 1 / XI)"))
    body = "".join(f"{line}\n" for line in text.statements)
    xi = f"XI = Float({loss.space.xi!r})\n" if text.is_clamped else ""
    return f"EPSILON = Float({loss.smoothing!r})\n{xi}{body}", text.result


def _source(form: Form, operands: Sequence[str]) -> str:
    """Return the source of an operator applied to named operands."""
    named = [sympy.Symbol(name, real=True) for name in (_INPUTS["eps"], *operands)]
    text: str = symbols.Source().doprint(form.sympy(symbols, *named))
    return text
