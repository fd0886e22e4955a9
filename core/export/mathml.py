"""Export a program as MathML, which browsers render in the colour and size of the surrounding text."""

from __future__ import annotations

from html import escape

from core.export.typesetting import Notation, typeset
from core.losses.loss import ProgramLoss
from core.programs.operators.writing import COMMA, MATHML_EPSILON, MINUS, PLUS, applied, bracketed, row

_MATHML = Notation(
    of=lambda form: form.mathml,
    inputs={
        # Without accent="true": fonts without a table for mathematics would set the hat into the letter.
        "y_hat": '<mover><mi>y</mi><mo stretchy="false">&#x2c6;</mo></mover>',
        "y": "<mi>y</mi>",
        "1": "<mn>1</mn>",
        "eps": MATHML_EPSILON,
        "scale": "<mi>c</mi>",
    },
    brackets=bracketed("{0}"),
    difference=row("{0}", MINUS, "{1}"),
    fraction="<mfrac>{0}{1}</mfrac>",
    smoothed=row("{0}", "<mo>±</mo>", MATHML_EPSILON),
    smoothed_above_zero=row("{0}", PLUS, MATHML_EPSILON),
)


def mathml(loss: ProgramLoss) -> str:
    """Return the equation of a loss as a `math` element, without clamps and the values of smoothing term and scale."""
    left = applied("<mi>&#x2113;</mi>", _MATHML.inputs["y_hat"], COMMA, _MATHML.inputs["y"])
    equation = row(left, "<mo>=</mo>", typeset(loss, _MATHML))
    return f'<math display="block" alttext="{escape(str(loss.program))}">{equation}</math>'
