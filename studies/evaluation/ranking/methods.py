"""Ways to propose the settings that are tried for a loss. To add one, write a function and a row.

Optuna takes seconds to load, which `--help` should not, so functions import it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.common.extras import needs
from studies.study.settings_training import check_choice

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

#: Trials that are asked for together; the first ones are a person's and random ones, whatever the method.
AT_ONCE = 4


@dataclass(frozen=True)
class TuningMethod:
    """A row of the table."""

    make: Callable[[int, int], BaseSampler]
    """(seed, number of settings) -> Optuna's sampler, which depends on nothing else but finished trials."""
    about: str
    """A phrase for --help."""
    has_choices: bool = True
    """Whether it proposes one of several words; if not, it gets their numbers."""
    packages: tuple[str, ...] = ()
    """Optional packages that it needs, out of `core.common.extras.EXTRAS`."""
    fewest: int = 1
    """Trials without which it comes to nothing."""


def _tpe(seed: int, dimensions: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=AT_ONCE, multivariate=True, constant_liar=True)


def _cma(seed: int, dimensions: int) -> BaseSampler:
    """As many in a generation as the algorithm has them, in whole rounds, so that none is left out."""
    from optuna.samplers import CmaEsSampler

    usual = 4 + 3 * math.log(dimensions)
    size = max(1, int(usual / AT_ONCE)) * AT_ONCE
    return CmaEsSampler(seed=seed, popsize=size, warn_independent_sampling=False)


def _random(seed: int, dimensions: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


TUNING_METHODS: Mapping[str, TuningMethod] = MappingProxyType(
    {
        "tpe": TuningMethod(_tpe, "Optuna's tree of Parzen estimators, for few trials"),
        "cma": TuningMethod(_cma, "CMA-ES, for --trials 50 and more", has_choices=False, packages=("cmaes",), fewest=9),
        "random": TuningMethod(_random, "evenly from everywhere, to compare with"),
    }
)


def check_tuning_method(name: str) -> None:
    """Check that there is such a method, and what it needs.

    Raises:
        UserError: there is not, or a package is missing.
    """
    check_choice("tuner", name, tuple(TUNING_METHODS))
    needs(f"--tuner {name}", *TUNING_METHODS[name].packages)
