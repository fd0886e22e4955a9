"""Ray clusters of several nodes on this machine, begun and ended by their processes."""

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
#: Little of everything: these nodes compute next to nothing.
_SMALL = ["--object-store-memory=100000000", "--disable-usage-stats", "--block"]
#: Of nodes and commands: what is lost is waited for no longer than some seconds, and nobody comes in without a token.
ENVIRONMENT = {
    "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
    "RAY_health_check_period_ms": "500",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": 64 * "5",
    "PYTHONPATH": str(ROOT),
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Node:
    """A node by the process that began it."""

    def __init__(self, words, environment):
        with tempfile.TemporaryFile("w+") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", *words, *_SMALL],
                env=os.environ | ENVIRONMENT | environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

            def told():
                said.seek(0)
                return said.read()

            try:
                assert eventually(lambda: self.has_ended or "Ray runtime started" in told())
                assert not self.has_ended, told()
            except BaseException:  # Ctrl-C, too: nobody else knows of this node yet
                self.kill()
                raise

    @property
    def has_ended(self):
        return self._process.poll() is not None

    def processes(self, name=""):
        """Everything that the node has begun."""
        with suppress(psutil.NoSuchProcess):
            return [one for one in psutil.Process(self._process.pid).children(recursive=True) if name in one.name()]
        return []

    def kill(self):
        """As when a machine is switched off."""
        gone = [*self.processes(), psutil.Process(self._process.pid)] if not self.has_ended else []
        for one in gone:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        self._process.wait()
        psutil.wait_procs(gone)


class Cluster:
    """A head and other nodes, each with a core."""

    def __init__(self):
        self.port, self.client_port = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.nodes = []
        self._folders = [tempfile.mkdtemp(prefix="ray-")]
        self._environment = {"LOSS_SEARCH_CACHE": self._folders[0]}

    def start_head(self, cores=1):
        folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # names of sockets have to be short
        self._folders.append(folder)
        ports = [f"--port={self.port}", f"--ray-client-server-port={self.client_port}"]
        words = ["--head", *ports, f"--num-cpus={cores}", "--include-dashboard=false", f"--temp-dir={folder}"]
        return self._started(Node(words, self._environment))

    def start_node(self, environment=None, **resources):
        words = [f"--address={self.address}", "--num-cpus=1"]
        words += [f"--{name}={value}" for name, value in resources.items()]
        return self._started(Node(words, self._environment | (environment or {})))

    def _started(self, node):
        self.nodes.append(node)
        return node

    def stop(self):
        for node in reversed(self.nodes):
            node.kill()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster(n=3):
    """A cluster of so many nodes, which this process and those that it starts can connect to."""
    made = Cluster()
    spawning = multiprocessing.context._default_context.get_context  # processes are forked from one without these
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", spawning)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        try:
            made.start_head()
            for _ in range(n - 1):
                made.start_node()
            yield made
        finally:
            made.stop()
