"""A loss as a torch module in a file of its own, for somebody else's training loop."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from core.closed_forms import ClosedForm
from core.errors import UserError
from core.export.statements import Language, docstring, in_docstring, written
from core.loss import Loss, ProgramLoss

_TORCH = Language(
    {
        "add": "{0} + {1}",
        "mul": "{0} * {1}",
        "max": "torch.maximum({0}, {1})",
        "min": "torch.minimum({0}, {1})",
        "neg": "-{0}",
        "square": "{0} * {0}",
        "log": "signed_log({0})",
        "log+": "torch.log({0} + EPSILON)",
        "log-": "-torch.log(EPSILON - {0})",
        "reciprocal": "signed_reciprocal({0})",
        "reciprocal+": "1 / ({0} + EPSILON)",
        "reciprocal-": "-1 / (EPSILON - {0})",
    },
    {"y_hat": "y_hat", "y": "y", "1": "one", "eps": "epsilon"},
)

_SIGN = '''def sign(x: Tensor) -> Tensor:
    """-1 below zero, +1 elsewhere, zero included; no gradient flows through it."""
    return torch.where(x.detach() < 0, -1.0, 1.0).to(x.dtype)
'''
_HELPERS = {
    "log": '''def signed_log(x: Tensor) -> Tensor:
    """sign(x) log(|x| + EPSILON)."""
    return sign(x) * torch.log(x * sign(x) + EPSILON)
''',
    "reciprocal": '''def signed_reciprocal(x: Tensor) -> Tensor:
    """sign(x) / (|x| + EPSILON)."""
    return sign(x) / (x * sign(x) + EPSILON)
''',
}
_CLAMPS = {
    "signed": '''def clamp(x: Tensor) -> Tensor:
    """The magnitude brought into [XI, 1 / XI], the sign kept; no gradient flows where that changes x."""
    return (x * sign(x)).clamp(XI, 1 / XI) * sign(x)
''',
    "paper": '''def clamp(x: Tensor) -> Tensor:
    """The value brought into [XI, 1 / XI]; no gradient flows where that changes x."""
    return x.clamp(XI, 1 / XI)
''',
}

_SCALED = '''def per_example(logit: Tensor, y: Tensor) -> Tensor:
    """The loss of every example."""
    return unscaled(logit, y) * SCALE
'''

_MODULE = '''class Loss(nn.Module):
    """{title}

    Args:
        reduction: "mean", "sum" or "none" (a number for each example).
        from_logits: whether predictions are logits, y_hat = sigmoid(logit), and not probabilities.
    """

    def __init__(self, reduction: str = "mean", from_logits: bool = False) -> None:
        super().__init__()
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction: expected mean, sum or none, got {{reduction!r}}")
        self.reduction, self.from_logits = reduction, from_logits

    def forward(self, prediction: Tensor, label: Tensor) -> Tensor:
        """The loss of predictions and labels (0 to 1) of one shape."""
        if prediction.shape != label.shape:
            got = f"{{tuple(prediction.shape)}} and {{tuple(label.shape)}}"
            raise ValueError(f"expected predictions and labels of one shape, got {{got}}")
        if torch.finfo(prediction.dtype).bits < 32:  # half precision is too narrow for logarithms and reciprocals
            prediction = prediction.float()
        {argument} = {convert}
        values = per_example({argument}, label.to(prediction.dtype))
        return values if self.reduction == "none" else getattr(values, self.reduction)()
'''


def torch_source(loss: Loss, about: Sequence[str]) -> str:
    """A Python file that holds the loss and needs nothing but torch.

    Args:
        loss: what to write.
        about: lines of its docstring, the first of them its title.

    Raises:
        UserError: a loss that is neither a program nor one of the closed forms.
    """
    if isinstance(loss, ProgramLoss):
        middle, imports, argument = _program(loss), "", "y_hat"
        convert = "prediction.sigmoid() if self.from_logits else prediction"
    elif isinstance(loss, ClosedForm):
        middle, argument = _closed_form(loss), "logit"
        functions = [name for name in ("logsigmoid", "relu") if name in middle]
        imports = f"from torch.nn.functional import {', '.join(functions)}\n" if functions else ""
        convert = "prediction if self.from_logits else prediction.logit(torch.finfo(prediction.dtype).eps)"
    else:
        raise UserError(f"export: expected a program or a loss with a closed form, got {type(loss).__name__}")
    module = _MODULE.format(title=in_docstring(about[0]), argument=argument, convert=convert)
    header = f"{docstring(about)}\nimport torch\nfrom torch import Tensor, nn\n{imports}"
    return f"{header}\n{middle}\n\n{module}"


def _program(loss: ProgramLoss) -> str:
    text = written(loss, _TORCH)
    constants = [f"#: The smoothing term of every log and reciprocal.\nEPSILON = {loss.smoothing!r}\n", *_scale(loss)]
    if "clamp" in text.helpers:
        constants.append(f"#: Bounds the magnitude of what operators give.\nXI = {loss.space.xi!r}\n")
    helpers = [helper for name, helper in _HELPERS.items() if name in text.helpers]
    if "clamp" in text.helpers:
        helpers.append(_CLAMPS[loss.space.clamp])
    if any("sign(" in helper for helper in helpers):
        helpers.insert(0, _SIGN)
    times = "" if loss.scale == 1 else " * SCALE"
    body = [*_constant_inputs(text.inputs), *text.statements, f"return {text.result}{times}"]
    function = 'def per_example(y_hat: Tensor, y: Tensor) -> Tensor:\n    """The loss of every example."""\n'
    function += "".join(f"    {line}\n" for line in body)
    return "".join(constants) + "\n\n" + "\n\n".join([*helpers, function])


def _constant_inputs(used: frozenset[str]) -> list[str]:
    lines = {"1": "one = torch.ones_like(y_hat)", "eps": "epsilon = torch.full_like(y_hat, EPSILON)"}
    return [line for name, line in lines.items() if name in used]


def _closed_form(loss: ClosedForm) -> str:
    source, name = inspect.getsource(loss.value_of), "per_example" if loss.scale == 1 else "unscaled"
    function = source.replace(f"def {loss.value_of.__name__}(", f"def {name}(", 1)
    if loss.scale == 1:
        return f"\n{function}"
    return f"{''.join(_scale(loss))}\n\n{function}\n\n{_SCALED}"


def _scale(loss: Loss) -> list[str]:
    return [] if loss.scale == 1 else [f"#: The loss is multiplied by it.\nSCALE = {loss.scale!r}\n"]
