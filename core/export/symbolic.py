"""A loss as an expression of sympy's, and as a Python file that makes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from sympy import Expr, Float

from core.analysis.ranges import bounded_lines
from core.common.errors import UserError
from core.export import symbols
from core.export.statements import Language, docstring, template_of, written
from core.losses.closed_forms import ClosedForm
from core.losses.loss import Loss, ProgramLoss

#: The variables of every expression.
Y_HAT, Y = sympy.symbols("y_hat y", real=True)

_SYMPY = Language(
    {
        "add": "{0} + {1}",
        "mul": "{0} * {1}",
        "max": "Max({0}, {1}, evaluate=False)",
        "min": "Min({0}, {1}, evaluate=False)",
        "neg": "-{0}",
        "square": "{0} ** 2",
        "log": "signed_log({0}, EPSILON)",
        "log+": "log({0} + EPSILON)",
        "log-": "-log(EPSILON - {0})",
        "reciprocal": "signed_reciprocal({0}, EPSILON)",
        "reciprocal+": "1 / ({0} + EPSILON)",
        "reciprocal-": "-1 / (EPSILON - {0})",
    },
    {"y_hat": "y_hat", "y": "y", "1": "Integer(1)", "eps": "EPSILON"},
    "{clamp}({{0}}, XI, 1 / XI)",
)
#: The same templates, done: (smoothing term, operands) -> expression.
_MEANING: Mapping[str, Callable[..., Any]] = {
    "add": lambda e, x, z: x + z,
    "mul": lambda e, x, z: x * z,
    "max": lambda e, x, z: sympy.Max(x, z, evaluate=False),
    "min": lambda e, x, z: sympy.Min(x, z, evaluate=False),
    "neg": lambda e, x: -x,
    "identity": lambda e, x: x,
    "square": lambda e, x: x**2,
    "log": lambda e, x: symbols.signed_log(x, e),
    "log+": lambda e, x: sympy.log(x + e),
    "log-": lambda e, x: -sympy.log(e - x),
    "reciprocal": lambda e, x: symbols.signed_reciprocal(x, e),
    "reciprocal+": lambda e, x: 1 / (x + e),
    "reciprocal-": lambda e, x: -1 / (e - x),
}
_CLAMPS: Mapping[str, Any] = {"signed": symbols.clamp_magnitude, "paper": symbols.clamp_value}


def expression(loss: Loss) -> Expr:
    """The loss in terms of `Y_HAT` and `Y`, for predictions and labels in [0, 1].

    Raises:
        UserError: a loss that is neither a program nor one of the closed forms.
    """
    unscaled = unscaled_expression(loss)
    return unscaled if loss.scale == 1 else Float(loss.scale) * unscaled


def unscaled_expression(loss: Loss) -> Expr:
    """The same without the loss's scale."""
    if isinstance(loss, ClosedForm):
        return loss.symbolic(sympy, Y_HAT, Y)
    program = _program(loss)
    epsilon, xi = Float(program.smoothing), Float(program.space.xi)
    known = {"y_hat": Y_HAT, "y": Y, "1": sympy.Integer(1), "eps": epsilon}
    slots = [known[name] for name in program.program.canonical.inputs]
    for bounded in bounded_lines(program):
        result = _MEANING[template_of(bounded)](epsilon, *(slots[o] for o in bounded.line.operands))
        slots.append(_CLAMPS[program.space.clamp](result, xi, 1 / xi) if bounded.clamped else result)
    return slots[-1]


def sympy_source(loss: Loss, about: Sequence[str]) -> str:
    """A Python file that holds the expression as `loss` and its derivative as `gradient`.

    Args:
        loss: what to write.
        about: lines of its docstring.

    Raises:
        UserError: a loss that is neither a program nor one of the closed forms.
    """
    is_closed = isinstance(loss, ClosedForm)
    functions, body, result = ([], "", str(unscaled_expression(loss))) if is_closed else _body(_program(loss))
    if loss.scale != 1:
        body, result = f"SCALE = Float({loss.scale!r})\n{body}", f"SCALE * ({result})"
    body = f'y_hat, y = symbols("y_hat y", real=True)\n{body}loss = {result}\ngradient = diff(loss, y_hat)\n'
    helpers = "".join(f"\n\n{inspect.getsource(function)}" for function in functions) + "\n\n" * bool(functions)
    taken = [name for name in _NAMES if re.search(rf"\b{name}\(", helpers + body)]
    imports = f"from sympy import {', '.join(sorted(taken + ['Function'] * bool(functions)))}\n"
    if functions:
        imports = f"from typing import Any\n\nimport numpy as np\nimport sympy\n{imports}"
    return f"{docstring(about)}\n{imports}{helpers or chr(10)}{body}"


#: What the text may take from sympy.
_NAMES = ("Abs", "Float", "Integer", "Max", "Min", "diff", "log", "symbols")


def _program(loss: Loss) -> ProgramLoss:
    if not isinstance(loss, ProgramLoss):
        raise UserError(f"export: expected a program or a loss with a closed form, got {type(loss).__name__}")
    return loss


def _body(loss: ProgramLoss) -> tuple[list[Any], str, str]:
    """The functions that it takes beside sympy's own, the statements, and the name of what they come to."""
    clamp = _CLAMPS.get(loss.space.clamp)
    language = Language(_SYMPY.templates, _SYMPY.inputs, _SYMPY.clamp.format(clamp=clamp and clamp.__name__))
    text = written(loss, language)
    wanted = {"log": symbols.signed_log, "reciprocal": symbols.signed_reciprocal}
    functions = [function for name, function in wanted.items() if name in text.helpers]
    if clamp is not None and "clamp" in text.helpers:
        functions += [symbols.inside, clamp]
    constants = f"EPSILON = Float({loss.smoothing!r})\n"
    if "clamp" in text.helpers:
        constants += f"XI = Float({loss.space.xi!r})\n"
    body = "".join(f"{line}\n" for line in text.statements)
    return functions, f"{constants}{body}", text.result
