"""Export a loss as a torch module in a file of its own, for the user's own training loop."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

import torch

from core.common.errors import UserError
from core.export.statements import Language, docstring, in_docstring, written
from core.losses.closed_forms import ClosedForm
from core.losses.loss import Loss, ProgramLoss

_TORCH = Language(
    lambda form, operands: form.torch.format(*operands), {"y_hat": "y_hat", "y": "y", "1": "one", "eps": "epsilon"}
)

_SIGN = '''def sign(x: Tensor) -> Tensor:
    """-1 below zero, +1 elsewhere, zero included; no gradient flows through it."""
    return torch.where(x.detach() < 0, -1.0, 1.0).to(x.dtype)
'''
_CLAMPS = {
    "signed": '''def clamp(x: Tensor, xi: float = XI) -> Tensor:
    """The magnitude brought into [xi, 1 / xi], the sign kept; no gradient flows where that changes x."""
    return (x * sign(x)).clamp(xi, 1 / xi) * sign(x)
''',
    "paper": '''def clamp(x: Tensor, xi: float = XI) -> Tensor:
    """The value brought into [xi, 1 / xi]; no gradient flows where that changes x."""
    return x.clamp(xi, 1 / xi)
''',
}

_TO_LOGIT = '''def to_logit(y_hat: Tensor) -> Tensor:
    """The logit of a prediction, kept finite."""
    return y_hat.logit({float32!r} if y_hat.dtype == torch.float32 else {float64!r})
'''.format(**{name: torch.finfo(getattr(torch, name)).eps for name in ("float32", "float64")})

_SCALED = '''def per_example(logit: Tensor, y: Tensor, scale: float = SCALE) -> Tensor:
    """The loss of every example."""
    return unscaled(logit, y) * scale
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
        if not (isinstance(prediction, Tensor) and isinstance(label, Tensor)):
            got = f"{{type(prediction).__name__}} and {{type(label).__name__}}"
            raise TypeError(f"expected predictions and labels as tensors, got {{got}}; torch.as_tensor makes one")
        if prediction.shape != label.shape:
            got = f"{{list(prediction.shape)}} and {{list(label.shape)}}"
            raise ValueError(f"expected predictions and labels of one shape, got {{got}}")
        if prediction.element_size() < 4:  # half precision is too narrow for logarithms and reciprocals
            prediction = prediction.float()
        {argument} = {convert}
        values = per_example({argument}, label.to(prediction.dtype))
        if self.reduction == "none":
            return values
        return values.mean() if self.reduction == "mean" else values.sum()
'''


def torch_source(loss: Loss, about: Sequence[str]) -> str:
    """Return a Python file that defines the loss and depends on torch only.

    Args:
        loss: the loss to write.
        about: lines of the file's docstring; the first one is the title.

    Raises:
        UserError: the loss is neither a program nor a closed form.
    """
    if isinstance(loss, ProgramLoss):
        middle, imports, argument = _program(loss), "", "y_hat"
        convert = "prediction.sigmoid() if self.from_logits else prediction"
    elif isinstance(loss, ClosedForm):
        middle, argument = _closed_form(loss), "logit"
        functions = [name for name in ("logsigmoid", "relu") if name in middle]
        imports = f"from torch.nn.functional import {', '.join(functions)}\n" if functions else ""
        convert = "prediction if self.from_logits else to_logit(prediction)"
    else:
        raise UserError(f"export: expected a program or a loss with a closed form, got {type(loss).__name__}")
    module = _MODULE.format(title=in_docstring(about[0]), argument=argument, convert=convert)
    header = f"{docstring(about)}\nimport torch\nfrom torch import Tensor, nn\n{imports}"
    return f"{header}\n{middle}\n\n{module}"


def _program(loss: ProgramLoss) -> str:
    text = written(loss, _TORCH)
    constants = [f"#: The smoothing term of every log and reciprocal.\nEPSILON = {loss.smoothing!r}\n", *_scale(loss)]
    if text.is_clamped:
        constants.append(f"#: Bounds the magnitude of what operators give.\nXI = {loss.space.xi!r}\n")
    helpers = [_CLAMPS[loss.space.clamp]] if text.is_clamped else []
    if any("sign(" in part for part in (*helpers, *text.statements)):
        helpers.insert(0, _SIGN)
    times = "" if loss.scale == 1 else " * scale"
    body = [*_constant_inputs(text.inputs), *text.statements, f"return {text.result}{times}"]
    function = f'def per_example({_arguments(body)}) -> Tensor:\n    """The loss of every example."""\n'
    function += "".join(f"    {line}\n" for line in body)
    return "".join(constants) + "\n\n" + "\n\n".join([*helpers, function])


def _arguments(body: Sequence[str]) -> str:
    """Return the parameters of a function with these lines; constants are defaults, as TorchScript requires."""
    code = "\n".join(line.partition("#")[0] for line in body)
    constants = {"eps": "eps: float = EPSILON", "scale": "scale: float = SCALE"}
    used = [argument for name, argument in constants.items() if re.search(rf"\b{name}\b", code)]
    return ", ".join(["y_hat: Tensor", "y: Tensor", *used])


def _constant_inputs(used: frozenset[str]) -> list[str]:
    lines = {"1": "one = torch.ones_like(y_hat)", "eps": "epsilon = torch.full_like(y_hat, eps)"}
    return [line for name, line in lines.items() if name in used]


def _closed_form(loss: ClosedForm) -> str:
    source, name = inspect.getsource(loss.value_of), "per_example" if loss.scale == 1 else "unscaled"
    function = source.replace(f"def {loss.value_of.__name__}(", f"def {name}(", 1)
    if loss.scale == 1:
        return f"\n{function}\n\n{_TO_LOGIT}"
    return f"{''.join(_scale(loss))}\n\n{function}\n\n{_SCALED}\n\n{_TO_LOGIT}"


def _scale(loss: Loss) -> list[str]:
    return [] if loss.scale == 1 else [f"#: The loss is multiplied by it.\nSCALE = {loss.scale!r}\n"]
