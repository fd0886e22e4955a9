"""What can be tuned, and in which range: `name`, or `name=low:high`, or `name=low:high:log` on the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, get_type_hints

from core.common.errors import UserError, unknown_name
from searchers import check_searcher
from studies.study.parts import as_typed, flat
from studies.study.settings import StudySettings

#: In front of settings of the searcher's own.
_OWN = "searcher."


@dataclass(frozen=True)
class Tunable:
    """A setting and its range, both ends included.

    Raises:
        UserError: a range that is none.
    """

    name: str
    low: float
    high: float
    log: bool = False
    """Whether the logarithm is what is searched evenly."""
    whole: bool = False
    """Whether only whole numbers make sense."""

    def __post_init__(self) -> None:
        """Check the range."""
        if not -math.inf < self.low < self.high < math.inf:
            raise UserError(f"--vary {self.name}: expected a low end below the high end, got {self.low}:{self.high}")
        if self.log and not self.low > 0:
            raise UserError(f"--vary {self.name}: expected a low end above 0 on a log scale, got {self.low}")
        if self.whole and not (self.low == int(self.low) and self.high == int(self.high)):
            raise UserError(f"--vary {self.name}: expected whole numbers, got {self.low}:{self.high}")

    def place(self, value: float) -> float:
        """Where in the range a value lies, from 0 to 1, on the scale that is searched."""
        low, high, at = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return (at - low) / (high - low)

    def __str__(self) -> str:
        """As it is written on the command line."""
        return f"{self.name}={as_typed(self.low)}:{as_typed(self.high)}" + ":log" * self.log


def _table(*tunables: Tunable) -> Mapping[str, Tunable]:
    return MappingProxyType({tunable.name: tunable for tunable in tunables})


#: Of a given loss: its smoothing term, and how the recommender is trained by it.
OF_LOSS = _table(
    Tunable("epsilon", 1e-8, 1.0, log=True),
    Tunable("learning_rate", 0.01, 5.0, log=True),
    Tunable("weight_decay", 1e-6, 1e-2, log=True),
)

#: Of a search: its thresholds, and how candidates are made and trained.
OF_SEARCH = _table(
    Tunable("proxy_delta", 1e-8, 1e-1, log=True),
    Tunable("eta", 1e-5, 1e-1, log=True),
    Tunable("min_positive_rate", 0.5, 1.0),
    Tunable("xi", 1e-8, 1e-1, log=True),
    Tunable("proxy_size", 2, 50, log=True, whole=True),
    Tunable("learning_rate", 0.01, 5.0, log=True),
    Tunable("search_weight_decay", 1e-6, 1e-2, log=True),
    Tunable("candidates_per_step", 1, 64, log=True, whole=True),
    Tunable("max_variables", 5, 15, whole=True),
)

#: Constants of the controller; other settings of searchers need a range.
_OF_CONTROLLER = _table(
    Tunable("learning_rate", 1e-4, 1e-1, log=True),
    Tunable("entropy_weight", 1e-5, 1e-1, log=True),
    Tunable("baseline_decay", 0.0, 0.99),
    Tunable("update_size", 5, 100, log=True, whole=True),
    Tunable("hidden_size", 8, 128, log=True, whole=True),
    Tunable("n_layers", 1, 3, whole=True),
    Tunable("init_range", 0.01, 1.0, log=True),
    Tunable("tanh_constant", 0.5, 5.0, log=True),
    Tunable("failure_reward", -0.5, 0.0),
)


def read_tunables(texts: Sequence[str], known: Mapping[str, Tunable], searcher: str) -> tuple[Tunable, ...]:
    """What the options ask for.

    Args:
        texts: `name` or `name=low:high[:log|linear]` each; `searcher.NAME` is a setting of the searcher's own.
        known: what there is, with its usual range.
        searcher: see `searchers.check_searcher`.

    Raises:
        UserError: an unknown name, one that comes twice, or no range.
    """
    tunables = [_read(text, known, searcher) for text in texts]
    names = [tunable.name for tunable in tunables]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--vary: expected every setting once, got {name} twice")
    return tuple(tunables)


def _read(text: str, known: Mapping[str, Tunable], searcher: str) -> Tunable:
    name, _, span = (part.strip() for part in text.partition("="))
    name = name.replace("-", "_")
    usual = _own(name, searcher, span) if name.startswith(_OWN) else known.get(name)
    if usual is None:
        raise unknown_name("setting to vary", name, [*known, f"{_OWN}NAME"] if known is OF_SEARCH else known)
    if not span:
        return usual
    ends = [end.strip() for end in span.split(":")]
    scale = ends.pop() if len(ends) == 3 else ("log" if usual.log else "linear")
    try:
        low, high = map(float, ends)
    except ValueError:
        raise UserError(f"--vary {text[:80]!r}: expected name=low:high or name=low:high:log") from None
    if scale not in ("log", "linear"):
        raise UserError(f"--vary {text[:80]!r}: expected log or linear after the range, got {scale!r}")
    return replace(usual, low=low, high=high, log=scale == "log")


def _own(name: str, searcher: str, span: str) -> Tunable:
    """A setting of the searcher's own: of the controller with a usual range, of others with the one given."""
    spec, chosen = check_searcher(searcher)
    setting = name.removeprefix(_OWN)
    types = {} if chosen is None else get_type_hints(type(chosen))
    numbers = [known for known, of in types.items() if of in (int, float)]
    if setting not in numbers:
        raise unknown_name(f"number among the settings of {spec.name}", setting, numbers)
    if setting in dict(spec.settings):
        raise UserError(f"--vary {name}: it is set by --searcher {searcher} too; leave one of the two out")
    if spec.name == "rl" and setting in _OF_CONTROLLER:
        return replace(_OF_CONTROLLER[setting], name=name)
    if not span:
        raise UserError(f"--vary {name}: expected a range, as in {name}=1:10")
    return Tunable(name, 0.0, 1.0, whole=types[setting] is int)


def with_values(settings: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """Settings of a study with tuned values in them; those of the searcher's own go into its line."""
    own = {name.removeprefix(_OWN): value for name, value in values.items() if name.startswith(_OWN)}
    given = {name: value for name, value in values.items() if not name.startswith(_OWN)}
    line = ":".join([settings["searcher"], *(f"{name}={value!r}" for name, value in own.items())])
    return {**settings, **given, "searcher": line}


def present_value(name: str, settings: StudySettings) -> float:
    """What a setting of a study has without tuning."""
    if name.startswith(_OWN):
        _, chosen = check_searcher(settings.searcher)
        return float(getattr(chosen, name.removeprefix(_OWN)))
    if name in ("learning_rate", "weight_decay", "search_weight_decay"):
        return float(getattr(settings.protocol.train, name))
    return float(flat(settings)[name])
