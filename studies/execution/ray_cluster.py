"""The nodes of a Ray cluster: batches of tasks are sent to them, and what comes of those is opened.

A cluster is trusted: Ray itself pickles what goes between its processes. What this project hands to it is plain data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from studies.execution.batches import Batch, Batches
from studies.execution.executor import Work
from studies.execution.ray_node import identity, written_files, written_work
from studies.execution.task import Task, label_of

#: Seconds until it is seen whether the command asks for something else, and between two looks at the nodes.
_TURN, _LOOK = 0.2, 2.0
_GIB = 2**30

#: Number of a run, number of a group in it, and what came of the group.
Found = tuple[str, int, int, tuple[str, Any]]
#: A kind of news, and a sentence.
Said = tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """How tasks are computed on a cluster, see RayExecutor."""

    work: Work
    address: str
    tries: int
    memory: float | None
    gpus: float
    shared: bool


def _remote() -> Callable[..., Any]:
    """The function that nodes call. It is made here so that Ray sends it whole, and a node can say what it lacks."""

    def batch(order: dict[str, Any]) -> dict[str, Any]:
        import ray

        context = ray.get_runtime_context()
        node = context.get_node_id()
        try:
            from studies.execution.ray_node import computed
        except ImportError as error:
            import socket

            lacks = f"{type(error).__name__}: {error}"
            return {"node": node, "host": socket.gethostname(), "different": f"this project cannot be loaded ({lacks})"}
        from studies.execution.ray_cluster import workers_on

        workers = workers_on(node, tuple(order["needs"].items()))
        return {"node": node, **computed(order, workers, lambda sha256: ray.get(order["content"][sha256]))}

    return batch


def workers_of(resources: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many tasks fit on a node at a time.

    Args:
        resources: of the node, as Ray counts them.
        needs: of a task.
    """
    return min((int(resources.get(name, 0.0) / need + 1e-9) for name, need in needs.items()), default=1)


@lru_cache(maxsize=1)
def workers_on(node: str, needs: tuple[tuple[str, float], ...]) -> int:
    """See `workers_of`; asked by a worker of its own node."""
    import ray

    resources: Mapping[str, float] = next((one["Resources"] for one in ray.nodes() if one["NodeID"] == node), {})
    return workers_of(resources, dict(needs))


class Nodes:
    """The nodes of the cluster that this process is connected to.

    Args:
        plan: how tasks are computed.
    """

    def __init__(self, plan: Plan) -> None:
        import ray

        self._ray, self._plan = ray, plan
        self._needs = self._what_tasks_need()
        self._function = ray.remote(**self._options())(_remote())
        self._work, self._identity = written_work(plan.work, plan.shared), dict(identity())
        self._run, self._groups, self._batches = -1, dict[int, tuple[Task, ...]](), Batches((), plan.tries)
        self._flying: dict[Any, tuple[int, Batch]] = {}
        self._content: dict[str, Any] = {}
        self._files: dict[str | None, dict[str, dict[str, Any]]] = {}
        self._refused: dict[str, str] = {}
        self._kinds: set[str] = set()
        self._workers, self._looked, self._has_warned = 0, -_LOOK, False

    @property
    def is_busy(self) -> bool:
        """Whether something is asked for and not there."""
        return bool(self._groups)

    def begin(self, run: int, groups: Mapping[int, tuple[Task, ...]]) -> None:
        """Compute groups; what was asked for before is not wanted any more.

        Args:
            run: its number.
            groups: by their numbers.
        """
        self._run, self._groups, self._batches = run, dict(groups), Batches(groups, self._plan.tries)

    def news(self) -> Iterator[Found | Said]:
        """Send what can be sent, and wait a moment for what comes back."""
        if not self._groups:
            return
        yield from self._looked_at()
        jobs = self._plan.work.jobs
        # Beside those at work as many wait on the cluster, which sees that it could be larger.
        most = jobs if jobs is not None else 2 * max(1, self._workers)
        while len(self._flying) < most and (batch := self._batches.next(self._workers if jobs is None else jobs)):
            self._flying[self._send(batch)] = self._run, batch
        waiting = list(self._flying)
        some, _ = self._ray.wait(waiting, timeout=_TURN)
        done, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0) if some else ([], [])
        for one in done:
            run, batch = self._flying.pop(one)
            yield from self._opened(one, batch, run == self._run)

    def _looked_at(self) -> Iterator[Said]:
        """Count how many tasks the nodes have room for, as they come and go."""
        now = time.monotonic()
        if now < self._looked + _LOOK:
            return
        self._looked = now
        alive = {one["NodeID"]: one["Resources"] for one in self._ray.nodes() if one["Alive"]}
        self._workers = sum(workers_of(alive[one], self._needs) for one in alive.keys() - self._refused.keys())
        refused = sorted(self._refused[one] for one in alive.keys() & self._refused.keys())
        if self._workers == 0 and refused:
            yield "refused", f"executor ray: no node of the cluster can be used: {refused[0]}"
        elif self._workers == 0 and not self._has_warned:
            self._has_warned = True
            wanted = " and ".join(f"{need:g} {name}" for name, need in self._needs.items())
            yield "said", f"no node of the cluster has {wanted} for a task; waiting for one"

    def _what_tasks_need(self) -> dict[str, float]:
        resources, plan = self._plan.work.resources, self._plan
        needs: dict[str, float] = {"CPU": resources.threads}
        there = self._ray.cluster_resources().get("GPU", 0) > 0
        if resources.device == "cuda" or (resources.device == "auto" and there):
            needs["GPU"] = plan.gpus
        return needs if plan.memory is None else {**needs, "memory": int(plan.memory * _GIB)}

    def _options(self) -> dict[str, Any]:
        """What Ray has to know of a task; whoever was tried too often is told here."""
        names = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}
        return {"max_retries": 0, **{names[name]: need for name, need in self._needs.items()}}

    def _send(self, batch: Batch) -> Any:
        groups = [self._groups[number] for number in batch.numbers]
        digests = {task.content.get("data") for group in groups for task in group}
        files = {digest: self._files_of(digest) for digest in digests}
        order = {
            "work": self._work,
            "needs": self._needs,
            "identity": self._identity,
            "tries": batch.tries,
            "groups": [[asdict(task) for task in group] for group in groups],
            "files": list(files.items()),
            "content": {sha256: self._content[sha256] for given in files.values() for sha256 in _contents(given)},
        }
        others = ",".join(sorted(self._refused))
        where = {"label_selector": {"ray.io/node-id": f"!in({others})"}} if others else {}
        return self._function.options(**where).remote(order)

    def _files_of(self, digest: str | None) -> dict[str, dict[str, Any]]:
        """The files of a data set, whose content lies on the cluster, once."""
        if digest not in self._files:
            import numpy as np

            given = written_files(self._plan.work.storage.data(digest))
            for path, name, sha256 in (
                (Path(one["path"]), *file) for one in given.values() for file in one["files"].items()
            ):
                content = (path / name if name else path).read_bytes()
                self._content[sha256] = self._ray.put(np.frombuffer(content, np.uint8))
            self._files[digest] = given
        return self._files[digest]

    def _opened(self, one: Any, batch: Batch, is_wanted: bool) -> Iterator[Found | Said]:
        """What came of a batch."""
        errors = self._ray.exceptions
        try:
            told = self._ray.get(one)
        except errors.RayTaskError as error:
            told = {"answers": [("failed", str(error), 0.0)] * len(batch.numbers)}
        except errors.RayError as error:
            if is_wanted:
                yield from self._died(batch, error)
            return
        if "different" in told:
            yield from self._refuse(told)
            if is_wanted:
                self._batches.put_back(batch)
        elif is_wanted:
            yield from self._said(told)
            for number, (kind, content, seconds) in zip(batch.numbers, told["answers"], strict=True):
                self._batches.took(seconds)
                del self._groups[number]
                yield "found", self._run, number, (kind, content)

    def _said(self, told: Mapping[str, Any]) -> Iterator[Said]:
        for text in told.get("said", ()):
            yield "said", f"{told['host']}: {text.removeprefix('warning: ')}"
        kind = told.get("hardware")
        if kind is not None and kind not in self._kinds:
            self._kinds.add(kind)
            if len(self._kinds) > 1:
                several = " and ".join(sorted(self._kinds))
                yield "said", f"nodes of several kinds compute ({several}), whose results may differ by rounding"

    def _refuse(self, told: Mapping[str, Any]) -> Iterator[Said]:
        if told["node"] not in self._refused:
            self._refused[told["node"]] = f"node {told['host']} has {told['different']}"
            self._looked = -_LOOK
            yield "said", f"{self._refused[told['node']]}; it is left out"

    def _died(self, batch: Batch, error: Exception) -> Iterator[Found | Said]:
        why = _WHY.get(type(error).__name__, f"is gone ({type(error).__name__})")
        over = self._batches.died(batch)
        if not over:
            label = label_of(self._groups[batch.numbers[0]])
            more = f" and {len(batch.numbers) - 1} more" if len(batch.numbers) > 1 else ""
            yield "said", f"{label}{more}: its worker {why}; once more"
        for number in over:
            del self._groups[number]
            text = (
                f"its worker {why}, {batch.tries} times; if memory ran out, fewer --jobs help. "
                "What is finished is kept: the same command goes on from there"
            )
            yield "found", self._run, number, ("refused", text)


#: What an error of Ray says of a worker.
_WHY = {
    "LocalRayletDiedError": "left with its node",
    "NodeDiedError": "left with its node",
    "OutOfMemoryError": "was ended since its node ran out of memory",
    "WorkerCrashedError": "died",
}


def _contents(given: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for one in given.values():
        yield from one["files"].values()
