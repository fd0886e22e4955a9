"""A library call leaves the process as it found it.

Calls may be nested, and run in several threads: what the last one leaves behind is what the first one found. Other code
that changes the same things while a call lasts loses its change.
"""

from __future__ import annotations

import functools
import logging
import os
import random
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import numpy as np
import torch

from studies.common.quiet import levels_before, warnings_end_nothing

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.Lock()
_depth = 0
_found = ExitStack()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Give back at the end: variables, log levels, warning filters, torch's settings, all global generators.

    Warnings that are made errors of are warnings meanwhile: a study does not end because a library warns.
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


def leaves_no_trace(function: Callable[P, R]) -> Callable[P, R]:
    """The function, in `undisturbed`."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with undisturbed():
            return function(*args, **kwargs)

    return call


def _remember() -> None:
    levels_before.clear()
    _found.enter_context(warnings.catch_warnings())
    warnings_end_nothing()
    for restore in (_environment(), _loggers(), _torch()):
        _found.callback(restore)
    _found.callback(random.setstate, random.getstate())
    _found.callback(np.random.set_state, np.random.get_state())


def _environment() -> Callable[[], None]:
    before = dict(os.environ)

    def restore() -> None:
        for name in {*before, *os.environ}:
            if name not in before:
                del os.environ[name]
            elif os.environ.get(name) != before[name]:
                os.environ[name] = before[name]

    return restore


def _loggers() -> Callable[[], None]:
    """Of those that are there, all; of those that come, the levels that were changed by us."""
    there = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, one.propagate, one.disabled) for one in [*there, logging.root]]

    def restore() -> None:
        for name, level in levels_before.items():
            logging.getLogger(name).setLevel(level)
        for logger, level, propagate, disabled in before:
            if logger.level != level:
                logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, disabled
        levels_before.clear()

    return restore


def _torch() -> Callable[[], None]:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    dtype, gradients = torch.get_default_dtype(), torch.is_grad_enabled()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    strict, warn_only = _determinism()

    def restore() -> None:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        if (strict, warn_only) != _determinism():  # asked first: the call loads half of torch
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)

    return restore


def _determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
