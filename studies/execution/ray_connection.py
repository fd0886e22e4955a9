"""The process that is connected to a Ray cluster, and does there what the command asks for."""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import Connection

from core.common.errors import UserError, first_line
from studies.execution.processes import end_with_parent
from studies.execution.ray_cluster import Nodes, Plan

_TIMEOUT = 10.0  # seconds for an answer from where a cluster should be
#: The address of a cluster that begins and ends with the command.
LOCAL = "local"


def hold(plan: Plan, connection: Connection) -> None:
    """Be connected to a cluster, and compute what is asked for until nobody asks any more.

    Args:
        plan: how.
        connection: to the command, which sends the number of a run and its groups by their numbers.
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    with suppress(BrokenPipeError, EOFError, ConnectionResetError):  # the command has heard enough
        try:
            connect(plan.address)
        except UserError as error:
            connection.send(("unreachable", str(error)))
            return
        connection.send(("connected", ""))
        try:
            _serve(Nodes(plan), connection)
        except (BrokenPipeError, EOFError, ConnectionResetError):
            raise
        except Exception as error:
            connection.send(("lost", f"{type(error).__name__}: {first_line(error)}"))
        finally:
            import ray

            ray.shutdown()


def _serve(nodes: Nodes, connection: Connection) -> None:
    while True:
        if not nodes.is_busy or connection.poll():
            nodes.begin(*connection.recv())
        for message in nodes.news():
            connection.send(message)


def connect(address: str) -> None:
    """Connect this process to a cluster.

    Args:
        address: see RayExecutor.

    Raises:
        UserError: there is none, it has another version of Ray or Python, or it asks for a token.
    """
    import ray

    _check_port(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told but who was asked
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=_dashboard(address))
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        text = " ".join(str(error).split())[:300]
        if "ersion mismatch" in text:
            raise UserError(f"the cluster at {address} is of another version: {text}") from None
        if ":" not in address:
            raise UserError(f"{_nothing_at(address)}: {text}") from None
        how = "if it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, see docs/scaling.md"
        raise UserError(f"cannot connect to the cluster at {address}: {text}; {how}") from None


def _dashboard(address: str) -> bool | None:
    return False if address == LOCAL else None


def _nothing_at(address: str) -> str:
    return f"there is no Ray cluster at {address} (`ray start --head` begins one; ray:address=local needs none)"


def _check_port(address: str) -> None:
    """Ray takes a minute to find that nobody answers."""
    host, _, port = address.rpartition("://")[2].partition(":")
    if not port:
        return
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(f"{_nothing_at(address)}: {first_line(error)}") from None
