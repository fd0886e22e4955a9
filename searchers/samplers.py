"""The table of Optuna's samplers, with the properties that matter for using them, and the settings of searches."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from optuna import samplers
from optuna.samplers import BaseSampler

from core.common.errors import UserError
from core.common.extras import needs


@dataclass(frozen=True)
class SamplerKind:
    """A row of the table."""

    make: Callable[[int, int], BaseSampler]
    """(seed, n_startup) -> the sampler."""
    memory: int = 0
    """Maximum number of finished trials that it is given; 0: all."""
    categorical: bool = True
    """Whether it supports categorical parameters; otherwise it gets the numbers of the options."""
    from_trials: bool = True
    """Whether it depends on nothing but the parameters and values of the trials."""
    fixed_seed: bool = False
    """Whether its seed must be the same for every ask."""
    packages: tuple[str, ...] = ()
    """Optional packages that it needs, out of `core.common.extras.EXTRAS`."""


def _tpe(seed: int, n_startup: int) -> BaseSampler:
    return samplers.TPESampler(seed=seed, n_startup_trials=n_startup, multivariate=True, group=True)


SAMPLERS: Mapping[str, SamplerKind] = MappingProxyType(
    {
        "tpe": SamplerKind(_tpe, memory=300),
        "gp": SamplerKind(
            lambda seed, n_startup: samplers.GPSampler(seed=seed, n_startup_trials=n_startup),
            memory=60,
        ),
        # CMA-ES has a state, and NSGA-II and QMC have counters, besides the trials.
        "cmaes": SamplerKind(
            lambda seed, _: samplers.CmaEsSampler(seed=seed),
            categorical=False,
            from_trials=False,
            packages=("cmaes",),
        ),
        "nsga2": SamplerKind(lambda seed, _: samplers.NSGAIISampler(seed=seed), from_trials=False),
        "qmc": SamplerKind(
            lambda seed, _: samplers.QMCSampler(seed=seed, scramble=True),
            categorical=False,
            from_trials=False,
            fixed_seed=True,
        ),
        "random": SamplerKind(lambda seed, _: samplers.RandomSampler(seed=seed)),
    }
)


@dataclass(frozen=True)
class BayesianSettings:
    """Settings of the sampler.

    Raises:
        UserError: an unknown sampler, one that is not installed, or a number out of range.
    """

    sampler: str = "tpe"
    """tpe (multivariate and grouped), gp (Gaussian process), cmaes, nsga2, qmc or random."""
    parameters: str = "auto"
    """What Optuna sees of a candidate: choices (a parameter for every decision), features (what it does, along a few
    axes; tpe, gp and random) or auto (features for tpe and gp where a space knows what candidates do)."""
    memory: int = 0
    """tpe and gp: maximum number of finished trials in the model; 0: as many as keep it fast."""
    n_startup: int = 30
    """tpe and gp: number of finished trials, failed ones included, before the model is used."""
    failure_reward: float = -0.1
    """choices: reward of candidates that were not trained, or whose training broke down."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.sampler not in SAMPLERS:
            raise UserError(f"optuna sampler: expected {', '.join(SAMPLERS)}, got {self.sampler!r}")
        if self.parameters not in (known := ("auto", "choices", "features")):
            raise UserError(f"optuna parameters: expected {', '.join(known)}, got {self.parameters!r}")
        if self.parameters == "features" and not SAMPLERS[self.sampler].from_trials:
            from_trials = ", ".join(name for name, kind in SAMPLERS.items() if kind.from_trials)
            raise UserError(f"optuna parameters=features: expected a sampler out of {from_trials}, got {self.sampler}")
        if self.memory < 0 or self.n_startup < 1:
            raise UserError(f"optuna: expected memory of at least 0 and n_startup of at least 1, got {self}")
        needs(f"optuna sampler {self.sampler}", *SAMPLERS[self.sampler].packages)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from saying that a study was made, and from warning of what is experimental and used on purpose."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
