"""A program as MathML: mathematics that a browser sets by itself, in the colour and size of the text around it."""

from __future__ import annotations

from html import escape

from core.export.typesetting import Notation, typeset
from core.losses.loss import ProgramLoss

_EPSILON = "<mi>ε</mi>"
_APPLY = "<mo>&#x2061;</mo>"  # a function is applied: no sign of its own


def _row(*parts: str) -> str:
    return f"<mrow>{''.join(parts)}</mrow>"


def _bracketed(*parts: str) -> str:
    return _row('<mo class="bracket">(</mo>', *parts, '<mo class="bracket">)</mo>')


_MINUS, _PLUS, _EITHER = "<mo>&#x2212;</mo>", "<mo>+</mo>", "<mo>±</mo>"
_LOG, _COMMA = "<mi>log</mi>" + _APPLY, "<mo>,</mo>"
_NEGATIVE = '<mo form="prefix">&#x2212;</mo>'
_MATHML = Notation(
    {
        # Without accent="true": fonts without a table for mathematics would set the hat into the letter.
        "y_hat": '<mover><mi>y</mi><mo stretchy="false">&#x2c6;</mo></mover>',
        "y": "<mi>y</mi>",
        "1": "<mn>1</mn>",
        "eps": _EPSILON,
        "scale": "<mi>c</mi>",
    },
    {
        "add": _row("{0}", _PLUS, "{1}"),
        "subtract": _row("{0}", _MINUS, "{1}"),
        "mul": _row("{0}", "<mo>·</mo>", "{1}"),
        "over": "<mfrac>{0}{1}</mfrac>",
        "neg": _row(_NEGATIVE, "{0}"),
        "square": "<msup>{0}<mn>2</mn></msup>",
        "max": _row("<mi>max</mi>", _APPLY, _bracketed("{0}", _COMMA, "{1}")),
        "min": _row("<mi>min</mi>", _APPLY, _bracketed("{0}", _COMMA, "{1}")),
        "brackets": _bracketed("{0}"),
        "smoothed": _row("{0}", _EITHER, _EPSILON),
        "smoothed+": _row("{0}", _PLUS, _EPSILON),
        "log": _row("<msub><mi>log</mi><mo>±</mo></msub>", _APPLY, _bracketed("{0}")),
        "log+": _row(_LOG, _bracketed("{0}", _PLUS, _EPSILON)),
        "log-": _row(_NEGATIVE, _LOG, _bracketed(_EPSILON, _MINUS, "{0}")),
        "reciprocal": f"<mfrac><mn>1</mn>{_row('{0}', _EITHER, _EPSILON)}</mfrac>",
        "reciprocal+": f"<mfrac><mn>1</mn>{_row('{0}', _PLUS, _EPSILON)}</mfrac>",
        "reciprocal-": _row(_NEGATIVE, f"<mfrac><mn>1</mn>{_row(_EPSILON, _MINUS, '{0}')}</mfrac>"),
    },
)


def mathml(loss: ProgramLoss) -> str:
    """The equation of the loss as an element `math`, without clamps and the values of smoothing term and scale."""
    left = _row("<mi>&#x2113;</mi>", _APPLY, _bracketed(_MATHML.inputs["y_hat"], _COMMA, _MATHML.inputs["y"]))
    equation = _row(left, "<mo>=</mo>", typeset(loss, _MATHML))
    return f'<math display="block" alttext="{escape(str(loss.program))}">{equation}</math>'


def is_smoothed(loss: ProgramLoss) -> bool:
    """Whether the smoothing term occurs."""
    text = typeset(loss, _MATHML)
    return "ε" in text or "<msub>" in text
