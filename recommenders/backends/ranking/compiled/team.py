"""Threads that compute together in compiled code: they share out work by a counter, and wait for each other.

A step of training is a few milliseconds with half a dozen stages, too little for threads that Python wakes for each of
them. So a team is inside compiled code for many steps at once: its members `claim` the shares of a stage, each of which
is done by one of them, and `meet` before the next stage begins. Who does which share is left to chance, so a share's
result must not depend on that.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from core.common.jit import compiled

#: Numbers of a team's state, each in a line of memory of its own: who has arrived at the meeting, how many meetings
#: there were, the next share, and whether the team is dismissed.
_ARRIVED, _MEETINGS, _SHARE, _DISMISSED = 0, 8, 16, 24
#: Looks at the number of meetings, some hundred thousand a millisecond, before a waiting thread lends its core.
_LOOKS = 2000


class Team(NamedTuple):
    """Threads that compute together."""

    size: int
    """Their number."""
    state: np.ndarray
    """[32] int64."""


def new_team(size: int) -> Team:
    """Return a team that has not met.

    Args:
        size: the number of threads, at least 1.
    """
    return Team(size, np.zeros(32, dtype=np.int64))


def dismiss(team: Team) -> None:
    """Let members that wait for others go: one of them will not come."""
    team.state[_DISMISSED] = 1


def _added(_: Any, array: Any, at: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", _place(context, builder, signature, args), args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


def _loaded(_: Any, array: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_place(context, builder, signature, args), "seq_cst", 8)

    return types.int64(array, types.intp), generate


def _stored(_: Any, array: Any, at: Any, number: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _place(context, builder, signature, args), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Return the address of a number of a state."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return cgutils.get_item_pointer(context, builder, signature.args[0], array, [args[1]])


def _yielded(_: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


#: add(state, at, number) adds to a number and returns what it was; load and store read and write one. No thread sees
#: anything that is written after them before them. lend_core lets the operating system run another thread.
_add: Any = intrinsic(_added)
_load: Any = intrinsic(_loaded)
_store: Any = intrinsic(_stored)
_lend_core: Any = intrinsic(_yielded)


@compiled(inline=True)
def claim(team):
    """Return the next share of the stage, from 0; the caller has to stop at the number of shares.

    Args:
        team: the team.
    """
    return _add(team.state, _SHARE, 1)


@compiled()
def meet(team):
    """Return when all members are here; the shares of the next stage begin with 0.

    Args:
        team: the team.

    Returns:
        Whether all have come; if not, the team is dismissed.
    """
    state = team.state
    meetings, looks = _load(state, _MEETINGS), 0
    if _add(state, _ARRIVED, 1) == team.size - 1:
        _store(state, _ARRIVED, 0)
        _store(state, _SHARE, 0)
        _store(state, _MEETINGS, meetings + 1)
    while _load(state, _MEETINGS) == meetings:
        if _load(state, _DISMISSED):
            return False
        looks += 1
        if looks > _LOOKS:
            _lend_core()
    return _load(state, _DISMISSED) == 0
