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
#: The one that this machine belongs to, or that RAY_ADDRESS names.
AUTO = "auto"
_IF_ASKED = "if it asks for a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, see docs/scaling.md"


def hold(plan: Plan, connection: Connection) -> None:
    """Be connected to a cluster, and compute what is asked for until nobody asks any more.

    Args:
        plan: how.
        connection: to the command, which sends the number of a run and its groups by their numbers.
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    _keep_quiet()
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

    _check_address(os.environ.get("RAY_ADDRESS", address) if address == AUTO else address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told but who was asked
    try:
        dashboard = False if address == LOCAL else None
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=dashboard)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        text = " ".join(str(error).split())[:300]
        if "ersion mismatch" in text:
            raise UserError(f"the cluster at {address} is of another version: {text}") from None
        if isinstance(error, ConnectionError) and "find any running Ray" in text:
            raise UserError(f"{_nothing_at(address)}: {text}") from None
        raise UserError(f"cannot connect to the cluster at {address}: {text}; {_IF_ASKED}") from None


def _nothing_at(address: str) -> str:
    return f"there is no Ray cluster at {address} (`ray start --head` begins one; ray:address=local needs none)"


def silence(address: str) -> str:
    """What a line says of a process that could not connect and did not say why."""
    return f"no answer of a Ray cluster at {address}: another program may listen there; {_IF_ASKED}"


def _keep_quiet() -> None:
    """Ray writes to this process's output what it notices, over many lines; the command says what of it counts."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _check_address(address: str) -> None:
    """Ray takes minutes to find that nobody answers."""
    if address in (AUTO, LOCAL):
        return
    kind, _, place = address.rpartition("://")
    host, _, port = place.partition(":")
    if kind not in ("", "ray") or not host or not port:
        expected = "auto, local, or HOST:PORT, with ray:// before it from outside"
        raise UserError(f"address: expected {expected}, got {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(f"{_nothing_at(address)}: {first_line(error)}") from None
