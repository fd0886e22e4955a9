"""The forward pass of a torch module for K copies at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.common.errors import UserError
from core.common.loading import user_errors_from
from recommenders.common.draws import Training
from recommenders.models.recommender import RowKind, Weights
from recommenders.modules.isolation import drawing_from
from recommenders.modules.lookups import Lookups

#: The ids of the examples are gathered from tables of their own, whose row i holds i. No state of a module can have
#: such a name.
IDS: Mapping[str, RowKind] = {".user": "user", ".item": "item"}


@dataclass(frozen=True)
class Plan:
    """The plan for computing the copies of a module."""

    label: str
    """Name of the module in messages."""
    template: nn.Module = field(compare=False)
    """The module; its own parameters are replaced in every pass."""
    gathered: Mapping[str, RowKind]
    """Tables whose rows are gathered for each batch."""
    buffers: frozenset[str]
    """State without gradient."""
    dtypes: Mapping[str, torch.dtype]
    """State -> type that the module needs, where it differs from that of the trainer."""
    kept: frozenset[str] = frozenset()
    """Buffers that stay in the template, shared by all copies."""
    together: bool = True
    """Whether one pass computes all copies (torch.func.vmap), instead of a pass for each copy."""
    lone: tuple[bool, bool] = (True, True)
    """Whether the module accepts a batch of one example, (evaluating, training); if not, the example is doubled."""
    is_probability: bool = False
    """Whether the module returns probabilities."""
    sees_logit: bool = False
    """Whether the argument of the module's last sigmoid is its logits."""
    draws_elsewhere: bool = False
    """Whether the module draws from NumPy's or Python's global generator."""


def forward(plan: Plan, weights: Weights, training: Training | None) -> Tensor:
    """Return the logits [K, B] of all copies; a training pass updates buffers in place.

    Args:
        plan: how to compute the copies.
        weights: see `Recommender.logit`.
        training: the random draws of a training pass; None: evaluation mode.

    Raises:
        UserError: the module's forward raised an error, or returned something else than predictions.
    """
    like = weights[".user"]
    rng = torch.Generator(like.device).manual_seed(0) if training is None else training.rng
    taken = _twice(plan, weights) if like.shape[1] == 1 and not plan.lone[training is not None] else weights
    user, item = (taken[name][0].to(torch.int64) for name in IDS)  # the same in all copies
    state = {name: _cast(weight, plan.dtypes.get(name)) for name, weight in taken.items() if name not in IDS}
    if plan.template.training is not (training is not None):
        plan.template.train(training is not None)
    _move(plan, like.device)
    run = _together if plan.together else _one_by_one
    with user_errors_from(f"{plan.label}: its forward"):
        logit, after = run(plan, state, user, item, rng)
    if training is not None:
        with torch.no_grad():
            for name, new in after.items():
                if new.data_ptr() != weights[name].data_ptr():
                    weights[name].copy_(new)
    return logit[:, : like.shape[1]].to(like.dtype)


def _move(plan: Plan, device: torch.device) -> None:
    """Move the buffers that stay in the template to the device of the copies."""
    for name in plan.kept:
        owner, _, own = name.rpartition(".")
        module = plan.template.get_submodule(owner)
        module.register_buffer(own, module.get_buffer(own).to(device), own not in module._non_persistent_buffers_set)


def _twice(plan: Plan, weights: Weights) -> Weights:
    """Repeat the only example: means and variances over the batch stay the same."""
    tables = (*plan.gathered, *IDS)
    return weights | {name: weights[name].expand(-1, 2, *weights[name].shape[2:]) for name in tables}


def _cast(weight: Tensor, dtype: torch.dtype | None) -> Tensor:
    if dtype is None or dtype == weight.dtype:
        return weight
    return weight.to(dtype) if dtype.is_floating_point else weight.round().to(dtype)


def _together(plan: Plan, state: Weights, user: Tensor, item: Tensor, rng: torch.Generator) -> tuple[Tensor, Weights]:
    """Compute all copies in one pass."""

    def one(copy: Weights) -> tuple[Tensor, Weights]:
        return run_module(plan, copy, user, item)

    with drawing_from(rng, everywhere=plan.draws_elsewhere):
        result: tuple[Tensor, Weights] = torch.vmap(one, randomness="same")(state)
    return result


def _one_by_one(plan: Plan, state: Weights, user: Tensor, item: Tensor, rng: torch.Generator) -> tuple[Tensor, Weights]:
    """Compute the copies in a pass each, with the same random draws."""
    start, results = rng.get_state(), []
    parts = {  # buffers are cloned, since autograd would track in-place changes of a view's base
        name: weight.unbind(0) if name not in plan.buffers or name in plan.gathered else [one.clone() for one in weight]
        for name, weight in state.items()
    }
    for k in range(len(next(iter(state.values())))):
        copy = {name: copies[k] for name, copies in parts.items()}
        rng.set_state(start)
        with drawing_from(rng, everywhere=plan.draws_elsewhere):
            results.append(run_module(plan, copy, user, item))
    logits, afters = zip(*results, strict=True)
    return torch.stack(logits), {name: torch.stack([after[name] for after in afters]) for name in afters[0]}


def run_module(plan: Plan, copy: Weights, user: Tensor, item: Tensor) -> tuple[Tensor, Weights]:
    """Compute a forward pass of one copy.

    Args:
        plan: how to compute the copy.
        copy: its state, with gathered tables [B, ...].
        user: [B] int64.
        item: [B] int64.

    Returns:
        The logits [B], and the buffers after the pass, without gathered tables.
    """
    gathered = [(copy[name], kind) for name, kind in plan.gathered.items()]
    state = dict(copy)
    with Lookups({"user": user, "item": item}, gathered) as lookups:
        output = functional_call(plan.template, state, (user, item))
    check_output(plan.label, output, len(user))
    buffers = {name: state[name] for name in plan.buffers if name not in plan.gathered and name not in IDS}
    if not plan.is_probability:
        return output.reshape(-1), buffers
    if plan.sees_logit and lookups.sigmoid is not None:
        return lookups.sigmoid[0].reshape(-1), buffers
    return safe_logit(output.reshape(-1)), buffers


def check_output(label: str, output: object, n: int) -> None:
    """Check that the output of a forward pass is a prediction for each example.

    Args:
        label: name of the module in messages.
        output: what its forward returned.
        n: number of examples.

    Raises:
        UserError: the output is not a tensor of floats of shape [n] or [n, 1].
    """
    expected = f"{label}: its forward: expected a tensor of floats, [{n}] or [{n}, 1] for {n} examples, got"
    if not isinstance(output, Tensor):
        raise UserError(f"{expected} {type(output).__name__}")
    if not output.dtype.is_floating_point or output.shape not in ((n,), (n, 1)):
        raise UserError(f"{expected} {list(output.shape)} of {str(output.dtype).removeprefix('torch.')}")


def safe_logit(y_hat: Tensor) -> Tensor:
    """Return log(y_hat / (1 - y_hat)) [...] for y_hat [...], finite at 0 and 1 and with zero gradient there."""
    limits = torch.finfo(y_hat.dtype)
    inside = y_hat.clamp(limits.tiny, 1 - limits.eps / 2)
    return inside.log() - (-inside).log1p()
