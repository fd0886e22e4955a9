"""A library call leaves the process as it found it.

Calls may be nested, and run in several threads: what the last one leaves behind is what the first one found. Other code
that changes the same things while a call lasts loses its change.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from studies.common.processes import warnings_end_nothing

_lock = threading.Lock()
_depth = 0
_found = ExitStack()
#: Logger -> its level before `set_level` changed it first.
_levels_before: dict[str, int] = {}


def set_level(name: str, level: int) -> None:
    """Change the level of a library's logger, until `undisturbed` takes it back."""
    logger = logging.getLogger(name)
    _levels_before.setdefault(name, logger.level)
    logger.setLevel(level)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Give back at the end: variables, log levels, warning filters, torch's settings, all global generators.

    Warnings that are made errors of are warnings meanwhile: a study does not end because a library warns. A function is
    decorated with `undisturbed()`.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _remember()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _found.close()


def _remember() -> None:
    _levels_before.clear()
    _found.enter_context(warnings.catch_warnings())
    warnings_end_nothing()
    _found.callback(_give_back_environment, dict(os.environ))
    there = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    for logger in [*there, logging.root]:
        _found.callback(_give_back_logger, logger, logger.level, logger.propagate, logger.disabled)
    _found.callback(_give_back_levels)
    _found.callback(random.setstate, random.getstate())
    _found.callback(np.random.set_state, np.random.get_state())
    _found.callback(torch.set_num_threads, torch.get_num_threads())
    _found.callback(torch.set_rng_state, torch.get_rng_state())
    _found.callback(torch.set_default_dtype, torch.get_default_dtype())
    _found.callback(torch.set_grad_enabled, torch.is_grad_enabled())
    _found.callback(_give_back_determinism, _determinism())
    if torch.cuda.is_initialized():
        _found.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())


def _give_back_environment(before: Mapping[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


def _give_back_logger(logger: logging.Logger, level: int, propagate: bool, disabled: bool) -> None:
    if logger.level != level:
        logger.setLevel(level)
    logger.propagate, logger.disabled = propagate, disabled


def _give_back_levels() -> None:
    """Of loggers that were not there before, those that were changed by us."""
    for name, level in _levels_before.items():
        logging.getLogger(name).setLevel(level)
    _levels_before.clear()


def _give_back_determinism(before: tuple[bool, bool]) -> None:
    if before != _determinism():  # asked first: the call loads half of torch
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
