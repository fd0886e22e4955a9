"""The proxy test left out: everything that is proposed goes on (an ablation of the paper's, Table 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.common.restoring import count
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyBatch
from core.search.problem import Finding


class NoProxyTest:
    """Stands in for `ProxyTest`: every program passes, those without a gradient and those seen before too.

    What is not finite is found by training it.
    """

    def __init__(self) -> None:
        self._n_entries = 0

    def renew(self, proxy_batch: ProxyBatch) -> None:
        """Number programs from 0 again."""
        self._n_entries = 0

    def examine(self, losses: Sequence[ProgramLoss]) -> list[Finding]:
        """Each of them passes, as a number of its own."""
        first, self._n_entries = self._n_entries, self._n_entries + len(losses)
        return [Finding(None, entry) for entry in range(first, self._n_entries)]

    @property
    def n_entries(self) -> int:
        """How many programs passed since the last `renew`."""
        return self._n_entries

    def state_dict(self) -> dict[str, Any]:
        """How many programs passed."""
        return {"entries": self._n_entries}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there.

        Raises:
            TypeError, ValueError, KeyError: it is not such a state.
        """
        self._n_entries = count(state["entries"])
