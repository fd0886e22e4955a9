"""An evaluator whose proxy batch does not depend on the recommender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.losses.loss import Loss
from core.problems.evaluator import Evaluator, Measurement
from core.problems.proxy import Probe


class FixedProbe(Evaluator):
    """Measures as the evaluator inside does, beside a probe of its own.

    Args:
        inner: trains recommenders.
        probe: what the proxy test sees.
    """

    def __init__(self, inner: Evaluator, probe: Probe) -> None:
        self._inner, self._probe = inner, probe

    @property
    def epochs_per_candidate(self) -> int:
        """See Evaluator."""
        return self._inner.epochs_per_candidate

    def score(self) -> float:
        """See Evaluator."""
        return self._inner.score()

    def probe(self) -> Probe:
        """See Evaluator; always the same."""
        return self._probe

    def recommender_probe(self) -> Probe:
        """See Evaluator; the one of the evaluator inside."""
        return self._inner.recommender_probe()

    def measure(self, losses: Sequence[Loss], seed: int) -> list[Measurement]:
        """See Evaluator."""
        return self._inner.measure(losses, seed)

    def adopt(self, index: int) -> bool:
        """See Evaluator."""
        return self._inner.adopt(index)

    def restart(self, seed: int) -> bool:
        """See Evaluator."""
        return self._inner.restart(seed)

    def state_dict(self) -> dict[str, Any]:
        """See Evaluator."""
        return self._inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Evaluator."""
        self._inner.load_state_dict(state)
