"""How one speaks of what is searched: words for terminals, pages and MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from core.search.trial import Verdict

_VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        Verdict.ACCEPTED.value: "Measured, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Measured, and the reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not measured: it is an earlier candidate once more.",
        Verdict.NON_FINITE.value: "Its score is not a finite number.",
    }
)


@dataclass(frozen=True)
class Terms:
    """The words of a problem."""

    one: str = "candidate"
    """What a candidate is called."""
    many: str = "candidates"
    """What several are called."""
    complexity: str = "complexity"
    """What the complexity of a candidate counts, such as operators."""
    constant: str = "constant"
    """What is chosen on validation for every candidate, such as the smoothing term of a loss."""
    verdicts: dict[str, str] = field(default_factory=lambda: dict(_VERDICTS))
    """Verdicts that occur, by their value, with a sentence each."""
    are_losses: bool = False
    """Whether candidates are losses, which can be exported and drawn as curves."""

    def to_dict(self) -> dict[str, Any]:
        """Return the terms as plain data, for storage: `core.common.restoring.read` reads it back."""
        return asdict(self)
