"""The table of Optuna's samplers, with the properties that matter for using them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from optuna import samplers
from optuna.samplers import BaseSampler


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
