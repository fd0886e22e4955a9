"""How a model is held back in a training: by a rule of decays, or by decays that are learned meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from core.common.errors import unknown_name
from core.decays.rules import DecayRule, Law, Levels

#: Of what may be learned.
GRANULARITIES = ("D", "U", "I", "UI", "DU", "DI", "DUI")
_FIXED, _CODED, _REFIT, _BETWEEN = "fixed", "-coded", "-refit", "|"


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
class Powers:
    """Powers of the frequency (`core.decays.rules.Power`), of which the best one on validation is taken."""

    def __str__(self) -> str:
        """Return the name."""
        return "frequency"


@dataclass(frozen=True)
class Treatment:
    """Decays, and what is trained on."""

    rule: DecayRule | Powers | Learned
    """What decays are."""
    refit: bool = False
    """Whether a model is trained anew on the training and the validation part, once everything is chosen."""

    def __str__(self) -> str:
        """Return what a person writes for it."""
        return f"{_FIXED if self.rule == FIXED else self.rule}{_REFIT if self.refit else ''}"

    @classmethod
    def parse(cls, text: str) -> Treatment:
        """Read a name, levels of groups or a formula, behind any of them `-refit` or not.

        Raises:
            UserError: it is none.
        """
        whole = text.strip()
        given, refit = whole.removesuffix(_REFIT), whole.endswith(_REFIT)
        if given == _FIXED:
            return cls(FIXED, refit)
        if given == str(Powers()):
            return cls(Powers(), refit)
        if given.removesuffix(_CODED) in GRANULARITIES:
            return cls(Learned.parse(given), refit)
        return cls(Levels.parse(given) if _BETWEEN in given else Law.parse(given), refit)


#: One decay for all.
FIXED = Law.parse("1")
#: What is compared with unless others are named.
COMPARED = (_FIXED, str(Powers()))
#: What there is by name; learned ones may have `-coded` behind them, and all of them `-refit`.
BY_NAME = (*COMPARED, *GRANULARITIES)
