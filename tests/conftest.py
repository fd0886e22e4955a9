import os

import pytest
import torch

from studies.tracking.server import connect

for _name in [name for name in os.environ if name.startswith("MLFLOW_")]:
    del os.environ[_name]  # tests write to places of their own, whatever the developer's are


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tensors here are small: a second thread costs more than it gives."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty MLflow database with its tables: making one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    connect(f"sqlite:///{path}", "unused")
    return path
