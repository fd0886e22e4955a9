"""The proxy test: skip losses without a gradient and losses seen before (paper, section 4.1.2).

The paper compares gradients of all recommender parameters omega on a small fixed batch B. For the mean
loss, with g = d loss / d y_hat on B and J = d y_hat / d omega, that gradient is J^T g / |B|, so its
norm is sqrt(g^T G g) / |B| with the Gram matrix G = J J^T, and distances follow in the same way. G is computed
once for a state of the recommender; after that one batched expression tests thousands of programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import count, read
from core.common.seeding import torch_rng
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.problems.nearest import nearest
from core.search.problem import Finding
from core.search.trial import Verdict


@dataclass(frozen=True)
class ProxyBatch:
    """The fixed batch B of the proxy test at one state of the recommender."""

    y_hat: Tensor
    """Predictions [B], float64."""
    y: Tensor
    """Labels [B], float64."""
    gram: Tensor
    """G = J J^T [B, B], float64."""


def prediction_proxy_batch(seed: int, n_pairs: int = 20) -> ProxyBatch:
    """Return a proxy batch of random pairs with G = I, so that gradients are those with respect to y_hat.

    This is the variant of the published code, with two departures: labels are 0 or 1 as in the data, and the pairs
    never change.

    Args:
        seed: of the pairs.
        n_pairs: number of pairs, B.
    """
    rng = torch_rng(seed, "prediction probe")
    y_hat = torch.rand(n_pairs, generator=rng, dtype=torch.float64)
    y = torch.randint(2, (n_pairs,), generator=rng).double()
    return ProxyBatch(y_hat, y, torch.eye(n_pairs, dtype=torch.float64))


class ProxyTest:
    """Rejects programs without a gradient, and programs with the gradient of one that passed since the last `renew`.

    Args:
        delta: gradients with a smaller norm count as zero (Eq. 7), gradients with a smaller distance as equal (Eq. 8).

    Raises:
        UserError: delta is not a positive number.
    """

    def __init__(self, delta: float = 1e-4) -> None:
        if not 0 < delta < float("inf"):
            raise UserError(f"proxy delta: expected a positive number, got {delta}")
        self._delta = delta
        self._proxy_batch: ProxyBatch | None = None
        self._by_key: dict[str, Finding] = {}
        self._entries = np.empty((0, 0))
        self._n_entries = 0

    def renew(self, proxy_batch: ProxyBatch) -> None:
        """Forget all gradients and use this batch from now on; to be called when the recommender changed."""
        self._proxy_batch = proxy_batch
        self._by_key = {}
        # G = F F^T; rounding may leave tiny negative eigenvalues.
        eigenvalues, vectors = torch.linalg.eigh(proxy_batch.gram)
        self._factor = (vectors * eigenvalues.clamp(min=0).sqrt()).numpy()
        self._entries = np.empty((64, len(proxy_batch.y)))
        self._n_entries = 0

    def gradients(self, losses: Sequence[ProgramLoss]) -> np.ndarray:
        """Return vectors [n, B] for n losses, with the norms and distances of their parameter gradients.

        Raises:
            RuntimeError: `renew` was not called yet.
        """
        if self._proxy_batch is None:
            raise RuntimeError("ProxyTest: expected a call of renew first")
        values, by_prediction = run_programs(losses, self._proxy_batch.y_hat, self._proxy_batch.y)
        by_prediction[~np.isfinite(values).all(axis=1)] = np.nan
        gradients: np.ndarray = by_prediction @ self._factor / len(self._proxy_batch.y)
        return gradients

    def examine(self, losses: Sequence[ProgramLoss]) -> list[Finding]:
        """Return a finding for each loss, in order; a loss may be a duplicate of an earlier one in the same call."""
        unseen = {loss.program.key: loss for loss in losses if loss.program.key not in self._by_key}
        if unseen:
            with np.errstate(all="ignore"):
                vectors = self.gradients(list(unseen.values()))
                norms = np.linalg.norm(vectors, axis=1).tolist()
            finite = np.isfinite(vectors).all(axis=1).tolist()
            for i, key in enumerate(unseen):
                self._by_key[key] = self._judge(vectors[i], norms[i]) if finite[i] else Finding(Verdict.NON_FINITE)
        findings, fresh = [], dict.fromkeys(unseen)
        for loss in losses:
            finding = self._by_key[loss.program.key]
            if finding.verdict is None and loss.program.key not in fresh:
                finding = Finding(Verdict.DUPLICATE, finding.entry)
            fresh.pop(loss.program.key, None)
            findings.append(finding)
        return findings

    def _judge(self, vector: np.ndarray, norm: float) -> Finding:
        if norm < self._delta:  # Eq. 7
            return Finding(Verdict.ZERO_GRADIENT)
        if self._n_entries:
            distance, entry = nearest(self._entries, self._n_entries, vector)
            if distance < self._delta:  # Eq. 8
                return Finding(Verdict.DUPLICATE, entry)
        if self._n_entries == len(self._entries):
            self._entries = np.concatenate([self._entries, np.empty_like(self._entries)])
        self._entries[self._n_entries] = vector
        self._n_entries += 1
        return Finding(None, self._n_entries - 1)

    def state_dict(self) -> dict[str, Any]:
        """Return the proxy batch and everything remembered; keys as one string, since there may be very many.

        Raises:
            RuntimeError: `renew` was not called yet.
        """
        if self._proxy_batch is None:
            raise RuntimeError("ProxyTest: expected a call of renew first")
        findings = self._by_key.values()
        return {
            "probe": {"y_hat": self._proxy_batch.y_hat, "y": self._proxy_batch.y, "gram": self._proxy_batch.gram},
            "keys": "\n".join(self._by_key),
            "verdicts": "\n".join("" if finding.verdict is None else finding.verdict.value for finding in findings),
            "entry": torch.tensor([-1 if finding.entry is None else finding.entry for finding in findings]),
            "gradients": torch.from_numpy(self._entries[: self._n_entries].copy()),
        }

    @property
    def n_entries(self) -> int:
        """Number of remembered gradients."""
        return self._n_entries

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a test with the same delta returned.

        Raises:
            TypeError, ValueError, KeyError: the state does not fit.
        """
        stored = {name: read(Tensor, state["probe"][name]) for name in ("y_hat", "y", "gram")}
        n = len(stored["y"])
        gradients = read(Tensor, state["gradients"]).numpy()
        entries = read(list[int], read(Tensor, state["entry"]).tolist())
        shapes = [tuple(tensor.shape) for tensor in stored.values()]
        if shapes != [(n,), (n,), (n, n)] or gradients.shape != (len(gradients), n):
            raise ValueError(
                f"expected a proxy batch and gradients of {n} examples, got {shapes} and {gradients.shape}"
            )
        self.renew(ProxyBatch(**stored))
        self._n_entries = len(gradients)
        self._entries = np.empty((max(64, len(gradients)), n))
        self._entries[: len(gradients)] = gradients
        if not entries:
            return
        verdicts = [Verdict(text) if text else None for text in read(str, state["verdicts"]).split("\n")]
        numbers = [None if entry == -1 else count(entry, len(gradients)) for entry in entries]
        if any(verdict is None and number is None for verdict, number in zip(verdicts, numbers, strict=True)):
            raise ValueError("expected a gradient for every program that passed")
        findings = map(Finding, verdicts, numbers)
        self._by_key = dict(zip(read(str, state["keys"]).split("\n"), findings, strict=True))
