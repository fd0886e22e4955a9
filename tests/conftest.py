import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tensors here are small: a second thread costs more than it gives."""
    torch.set_num_threads(1)
