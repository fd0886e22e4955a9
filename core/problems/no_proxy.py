"""Leave the proxy test out: every candidate is trained (an ablation of the paper, Table 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.common.restoring import count
from core.losses.loss import ProgramLoss
from core.problems.proxy import ProxyBatch
from core.search.problem import Finding


class NoProxyTest:
    """Stands in for `ProxyTest`: every program passes, even without a gradient or if it was seen before.

    Losses that are not finite are only found by training with them.
    """

    def __init__(self) -> None:
        self._n_entries = 0

    def renew(self, proxy_batch: ProxyBatch) -> None:
        """See ProxyTest: programs are numbered from 0 again."""
        self._n_entries = 0

    def examine(self, losses: Sequence[ProgramLoss]) -> list[Finding]:
        """See ProxyTest: every loss passes, with a number of its own."""
        first, self._n_entries = self._n_entries, self._n_entries + len(losses)
        return [Finding(None, entry) for entry in range(first, self._n_entries)]

    @property
    def n_entries(self) -> int:
        """Number of programs that passed since the last `renew`."""
        return self._n_entries

    def state_dict(self) -> dict[str, Any]:
        """Return the number of programs that passed."""
        return {"entries": self._n_entries}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            TypeError, ValueError, KeyError: the state does not fit.
        """
        self._n_entries = count(state["entries"])
