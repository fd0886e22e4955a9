import multiprocessing
import os

import pytest
import torch
from hypothesis import HealthCheck, settings

from studies.tracking.server import connect

# Machines differ in speed, so no example is timed. By default they are the same ones each time; the other profile draws
# more of them anew: see tests/strategies.py.
_CHECKS = [HealthCheck.too_slow]
settings.register_profile("default", max_examples=20, deadline=None, derandomize=True, suppress_health_check=_CHECKS)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=400, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

for _name in [name for name in os.environ if name.startswith("MLFLOW_")]:
    del os.environ[_name]  # tests write to places of their own, whatever the developer's are


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tensors here are small: a second thread costs more than it gives."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def workers_that_have_loaded():
    """Worker processes are forked from one that has loaded everything and done nothing, which spares seconds for each.

    As spawned ones they begin with nothing of their parent's. Commands that tests run as processes of their own spawn.
    """
    ways = multiprocessing.context._default_context.get_context
    ways("forkserver").set_forkserver_preload(
        ["torch", "studies.execution.work", "searchers", "searchers.testing.searcher"]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiprocessing, "get_context", lambda way=None: ways("forkserver" if way == "spawn" else way))
        yield


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty MLflow database with its tables: making one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{path}", "unused")
    return path
