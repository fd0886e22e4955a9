"""The registry of kernels: recommender class -> kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recommenders.backends.compiled.kernel import Kernel
from recommenders.models.mf import MF
from recommenders.models.mlp import MLP
from recommenders.models.recommender import Recommender

#: recommender -> kernel; None if there is no kernel for its settings.
KernelMaker = Callable[[Any], Kernel | None]


def _of_mf(recommender: MF) -> Kernel:
    from recommenders.backends.compiled.mf import MFKernel  # compiled code is loaded where it is used

    return MFKernel()


def _of_mlp(recommender: MLP) -> Kernel | None:
    from recommenders.backends.compiled.mlp import MLPKernel

    return MLPKernel(recommender.hidden_sizes, recommender.dropout) if recommender.hidden_sizes else None


#: Recommender class -> function that makes its kernel. A subclass may compute something else, so it has a kernel only
#: if it has a row of its own.
KERNELS: dict[type[Recommender], KernelMaker] = {MF: _of_mf, MLP: _of_mlp}


def register_kernel(recommender: type[Recommender], make: KernelMaker) -> None:
    """Register the kernel of the user's own recommender, so that the compiled back end can train it.

    Args:
        recommender: its class.
        make: recommender -> kernel; None if there is no kernel for its settings.

    Raises:
        TypeError: not a recommender class, or not a function.
    """
    if not (isinstance(recommender, type) and issubclass(recommender, Recommender)):
        raise TypeError(f"register_kernel: expected a class derived from Recommender, got {recommender!r}")
    if not callable(make):
        raise TypeError(f"register_kernel: expected a function that makes a kernel, got {make!r}")
    KERNELS[recommender] = make


def kernel_of(recommender: Recommender) -> Kernel | None:
    """Return the kernel of a recommender, or None if it has none."""
    make = KERNELS.get(type(recommender))
    return None if make is None else make(recommender)
