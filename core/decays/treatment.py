"""How a model is held back in a training: by a rule of decays, or by decays that are learned meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.common.errors import unknown_name
from core.decays.rules import POWERS, DecayRule, Law, Levels, Powers

#: Of what may be learned.
GRANULARITIES = ("D", "U", "I", "UI", "DU", "DI", "DUI")
_CODED, _REFIT, _BETWEEN = "-coded", "-refit", "|"


@dataclass(frozen=True)
class Learned:
    """Decays that are learned while the model is trained (lambda-opt: Chen et al., KDD 2019).

    Raises:
        UserError: an unknown granularity.
    """

    granularity: str
    """For what there is a decay of its own: D, each dimension; U, each user; I, each item; and combinations. Users or
    items without one have one for all of them, or for each dimension."""
    as_coded: bool = False
    """As in published code, see docs/decay.md, and not as published."""

    def __post_init__(self) -> None:
        """Check the granularity."""
        if self.granularity not in GRANULARITIES:
            raise unknown_name("granularity", self.granularity, GRANULARITIES)

    def __str__(self) -> str:
        """Return the name."""
        return f"{self.granularity}{_CODED if self.as_coded else ''}"

    @classmethod
    def parse(cls, text: str) -> Learned:
        """Read a name such as DUI or DUI-coded.

        Raises:
            UserError: it is none.
        """
        return cls(text.removesuffix(_CODED), text.endswith(_CODED))


@dataclass(frozen=True)
class Treatment:
    """Decays, and what is trained on."""

    rule: DecayRule | Learned
    """What decays are."""
    refit: bool = False
    """Whether a model is trained anew on the training and the validation part, once everything is chosen."""

    def __str__(self) -> str:
        """Return what a person writes for it."""
        return f"{_NAME_OF.get(self.rule, self.rule)}{_REFIT if self.refit else ''}"

    @classmethod
    def parse(cls, text: str) -> Treatment:
        """Read a name, levels of groups or a formula, behind any of them `-refit` or not.

        Raises:
            UserError: it is none.
        """
        whole = text.strip()
        given, refit = whole.removesuffix(_REFIT), whole.endswith(_REFIT)
        if given in RULES:
            return cls(RULES[given], refit)
        if given.removesuffix(_CODED) in GRANULARITIES:
            return cls(Learned.parse(given), refit)
        return cls(Levels.parse(given) if _BETWEEN in given else Law.parse(given), refit)


#: Rules by name: one decay for all, and powers of the frequency.
RULES: Mapping[str, DecayRule] = MappingProxyType({"fixed": Law.parse("1"), POWERS: Powers()})
_NAME_OF: Mapping[DecayRule | Learned, str] = MappingProxyType({rule: name for name, rule in RULES.items()})
#: What there is by name; learned ones may have `-coded` behind them, and all of them `-refit`.
BY_NAME = (*RULES, *GRANULARITIES)
