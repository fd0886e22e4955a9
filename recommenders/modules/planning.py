"""Find out how the copies of a torch module can be computed, by trial passes.

Parameters that are only read by lookups with the ids of users, or of items, are tables whose rows can be gathered. A
recorded pass shows which these are. Each faster plan is then compared with the unchanged module, copy by copy, on whole
tables: predictions, gradients and buffers, evaluating and training.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.common.errors import UserError, first_line, in_a_line
from core.common.loading import user_errors_from
from core.common.seeding import torch_rng
from recommenders.common.draws import Training
from recommenders.models.recommender import RowKind, Weights
from recommenders.modules.building import MOST, kept_by, states_of, trained_of
from recommenders.modules.isolation import drawing_from, elsewhere_now
from recommenders.modules.lookups import Lookups
from recommenders.modules.module_pass import IDS, Plan, check_output, forward

_log = logging.getLogger(__name__)
#: Number of examples in a trial.
_N = 37
_OUTPUTS = ("logit", "probability")


@cache
def _say(text: str) -> None:
    """Log a message once per process."""
    _log.warning(text)


def make_plan(label: str, module: nn.Module, n_users: int, n_items: int) -> Plan:
    """Return the fastest plan that computes copies of a module correctly.

    Args:
        label: name of the module in messages.
        module: a new module.
        n_users: number of users.
        n_items: number of items.

    Raises:
        UserError: the module cannot be used as a recommender; the message says why.
    """
    _check_states(label, module, max(n_users, n_items))
    trial = _Trial(label, module, n_users, n_items)
    whole = trial.checked()
    truth = [trial.outcome(whole, trains) for trains in (False, True)]
    if not any(change.any() for of in truth for name, change in of.items() if name.startswith("gradient")):
        raise UserError(f"{label}: expected predictions that depend on its parameters, got gradients of zero")
    gathered = replace(whole, gathered=trial.tables())
    plan = gathered if trial.agrees(gathered, truth) else whole
    together = replace(plan, together=True)
    chosen = together if trial.agrees(together, truth) else plan
    _say_what_is_slow(chosen, trial)
    return chosen


def _say_what_is_slow(plan: Plan, trial: _Trial) -> None:
    """Log what makes training slow, in a line each."""
    if not plan.together:
        why = f" ({in_a_line(trial.why_not, 150)})" if trial.why_not else ""
        _say(
            f"{plan.label}: its copies are trained one after the other, which is slower: torch.vmap cannot take it{why}"
        )
    n_users, n_items = trial.sizes["user"], trial.sizes["item"]
    rows = {size + extra for size in (n_users, n_items, n_users + n_items) for extra in (0, 1, 2)}
    whole = [name for name in sorted(trial.trained - set(plan.gathered)) if trial.n_rows(name) in rows]
    if whole:
        _say(
            f"{plan.label}: {', '.join(whole)}: trained whole in every step, which gets slower with more users and "
            "items; tables that are only read as table(user) or table(item) are trained row by row"
        )


def _check_states(label: str, module: nn.Module, n_rows: int) -> None:
    if n_rows > MOST:
        raise UserError(f"{label}: expected up to {MOST} users and items, got {n_rows}")
    for name, state in module.named_parameters():
        if state.is_complex() or state.layout != torch.strided:
            raise UserError(f"{label}: {name}: expected real and dense parameters, got {state.dtype}, {state.layout}")
    if not trained_of(module):
        raise UserError(f"{label}: expected parameters to train, got a module without any")
    said = getattr(type(module), "output", "logit")
    if isinstance(said, str) and said not in _OUTPUTS:
        raise UserError(f"{label}: output: expected {' or '.join(map(repr, _OUTPUTS))}, got {said!r}")


class _Trial:
    """A module, two copies of its state, and random examples in which users and items repeat."""

    def __init__(self, label: str, module: nn.Module, n_users: int, n_items: int) -> None:
        self.label, self.module, self.trained = label, module, trained_of(module)
        self.sizes: Mapping[RowKind, int] = {"user": n_users, "item": n_items}
        rng = torch_rng("trial of a module")
        self.ids: Mapping[RowKind, Tensor] = {
            kind: torch.randint(n, (_N,), generator=rng) for kind, n in self.sizes.items()
        }
        self._gradient = torch.randn(2, _N, generator=rng, dtype=torch.float64)
        self._states = {name: state.detach().clone() for name, state in states_of(module).items()}
        self._readers: dict[str, set[str]] = {name: set() for name in self._states}
        self._made: tuple[torch.dtype, Weights] | None = None
        self.why_not = ""
        """The error that the last rejected plan raised; empty if it raised none."""

    def checked(self) -> Plan:
        """Check the module in trial calls; return the plan that gathers nothing and computes the copies one by one."""
        calls = [self._called(trains, self.ids) for trains in (False, True)]
        outputs = torch.stack([output for output, _, _ in calls])
        said = getattr(type(self.module), "output", None) == "probability"
        within = bool(((outputs >= 0) & (outputs <= 1)).all())
        if said and not within:
            raise UserError(f"{self.label}: output is 'probability', but its predictions are not all from 0 to 1")
        if within and not said and getattr(type(self.module), "output", None) != "logit" and self._stays_within():
            _say(
                f"warning: {self.label}: its outputs all lie from 0 to 1, but are taken as logits; if they are "
                "probabilities, say output = 'probability' in the class, else output = 'logit'"
            )
        whole_numbers = {n: s.dtype for n, s in self._states.items() if not s.dtype.is_floating_point}
        plan = Plan(
            self.label,
            self.module,
            gathered={},
            buffers=frozenset(set(self._states) - self.trained | set(IDS)),
            dtypes=whole_numbers,
            kept=kept_by(self.module),
            together=False,
            lone=(self._takes_one(trains=False), self._takes_one(trains=True)),
            is_probability=said,
            sees_logit=said and all(sees for _, sees, _ in calls),
            draws_elsewhere=any(draws for _, _, draws in calls),
        )
        gathered = replace(plan, gathered=self.tables())  # faster, if it works
        if self._takes_any_type(gathered) or self._takes_any_type(plan):
            return plan
        return replace(plan, dtypes={name: state.dtype for name, state in self._states.items()})

    def _stays_within(self) -> bool:
        """Return whether predictions lie between 0 and 1 also with other parameters."""
        state = {
            name: one + self._noise(name, torch.float32).to(one.dtype) if name in self.trained else one.clone()
            for name, one in self._states.items()
        }
        self.module.eval()
        with (
            user_errors_from(f"{self.label}: its forward", exits=True),
            drawing_from(torch_rng("trial")),
            torch.no_grad(),
        ):
            output = functional_call(self.module, state, (self.ids["user"], self.ids["item"]))
        return bool(((output >= 0) & (output <= 1)).all())

    def _called(self, trains: bool, ids: Mapping[RowKind, Tensor]) -> tuple[Tensor, bool, bool]:
        """Call the module; return its output, whether a sigmoid made it, and whether it drew from other generators."""
        state = {name: one.clone() for name, one in self._states.items()}
        watched, lookups = list(state.items()), Lookups(ids, (), list(state.values()))
        with user_errors_from(f"{self.label}: its forward", exits=True), drawing_from(torch_rng("trial")):
            before = elsewhere_now()
            self.module.train(trains)
            with lookups, torch.no_grad():
                output = functional_call(self.module, state, (ids["user"], ids["item"]))
            draws = elsewhere_now() != before
        check_output(self.label, output, len(ids["user"]))
        for name, tensor in watched:
            self._readers[name] |= lookups.readers[id(tensor)]
            if name in self.trained and not torch.equal(tensor.nan_to_num(), self._states[name].nan_to_num()):
                raise UserError(
                    f"{self.label}: its forward changes the parameter {name}; expected it to leave that to training"
                )
        if not output.isfinite().all():
            raise UserError(f"{self.label}: expected finite predictions from a fresh module, got {_odd(output)}")
        z = lookups.sigmoid
        made = z is not None and z[1].numel() == output.numel() and torch.equal(z[1].reshape(output.shape), output)
        return output.reshape(-1).double(), made, draws

    def _takes_one(self, trains: bool) -> bool:
        """Return whether the module accepts a batch of one example."""
        try:
            self._called(trains, {kind: ids[:1] for kind, ids in self.ids.items()})
        except UserError:
            return False
        return True

    def _takes_any_type(self, plan: Plan) -> bool:
        """Return whether the module computes in the type of its parameters, float32 or float64."""
        try:
            for dtype in (torch.float32, torch.float64):
                for trains in (False, True):
                    self.outcome(plan, trains, dtype)
        except UserError:
            return False
        return True

    def n_rows(self, name: str) -> int:
        """Return the number of rows of a state, 0 for a scalar."""
        return len(self._states[name]) if self._states[name].dim() else 0

    def tables(self) -> dict[str, RowKind]:
        """Return the tables: the states that were only read by lookups of users, or of items."""
        return {
            name: kind
            for name, readers in self._readers.items()
            for kind, n in self.sizes.items()
            if readers == {kind} and len(self._states[name]) >= n
        }

    def outcome(self, plan: Plan, trains: bool, dtype: torch.dtype = torch.float64) -> Weights:
        """Return logits, gradients and buffers of a pass with two copies, by name."""
        whole = self._two_copies(dtype)
        tables = {**plan.gathered, **IDS}
        weights = {
            name: w.index_select(1, self.ids[tables[name]]) if name in tables else w for name, w in whole.items()
        }
        inputs = {name: weights[name].requires_grad_() for name in sorted(self.trained)}
        training = Training(torch_rng("trial")) if trains else None
        with torch.enable_grad():
            logit = forward(plan, weights, training)
        if not logit.requires_grad:
            raise UserError(f"{self.label}: expected predictions that depend on its parameters, got no gradient")
        gradient = self._gradient.to(logit.dtype)
        with user_errors_from(f"{self.label}: the gradient of its forward"):
            found = torch.autograd.grad(logit, list(inputs.values()), gradient, materialize_grads=True)
        gradients = {f"gradient of {n}": self._rows(n, g, n in tables) for n, g in zip(inputs, found, strict=True)}
        buffers = {name: weights[name] for name in plan.buffers if name not in tables}
        return {"logits": logit.detach(), **gradients, **buffers}

    def _rows(self, name: str, gradient: Tensor, is_gathered: bool) -> Tensor:
        """Return a gradient; for tables only the rows of the trial's users or items, as all others are zero."""
        kind = self.tables().get(name)
        if kind is None:
            return gradient
        rows, places = self.ids[kind].unique(return_inverse=True)
        if not is_gathered:
            return gradient.index_select(1, rows)
        return gradient.new_zeros(2, len(rows), *gradient.shape[2:]).index_add_(1, places, gradient)

    def _noise(self, name: str, dtype: torch.dtype) -> Tensor:
        """Return random numbers in the shape of a parameter."""
        return torch.randn(self._states[name].shape, generator=torch_rng("trial", name), dtype=dtype)

    def _two_copies(self, dtype: torch.dtype) -> Weights:
        """Return the state of two copies, the original and one with other parameters, and the ids."""
        if self._made is None or self._made[0] != dtype:
            self._made, made = None, {}
            for name, state in self._states.items():
                one = state.to(dtype)
                made[name] = torch.stack([one, one + 0.1 * self._noise(name, dtype) if name in self.trained else one])
            self._made = (dtype, made)
        weights = {name: w.detach() if name in self.trained else w.clone() for name, w in self._made[1].items()}
        return weights | {name: torch.arange(self.sizes[kind], dtype=dtype).expand(2, -1) for name, kind in IDS.items()}

    def agrees(self, plan: Plan, truth: Sequence[Weights]) -> bool:
        """Return whether a plan gives the expected outcomes."""
        coarse = any(dtype.is_floating_point and dtype != torch.float64 for dtype in plan.dtypes.values())
        tolerance = {"rtol": 1e-2, "atol": 1e-3} if coarse else {"rtol": 1e-7, "atol": 1e-9}
        self.why_not = ""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message="There is a performance drop")  # vmap falls back to a loop
                found = [self.outcome(plan, trains) for trains in (False, True)]
        except (UserError, RuntimeError) as error:
            self.why_not = first_line(error)
            return False
        return all(
            torch.allclose(got, there[name], equal_nan=True, **tolerance)
            for of, there in zip(found, truth, strict=True)
            for name, got in of.items()
        )


def _odd(output: Tensor) -> str:
    return f"{output[~output.isfinite()].reshape(-1)[0].item()} among them"
