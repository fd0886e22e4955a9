"""A Ray cluster of three nodes on this machine: the contract of executors, and what clusters alone do."""

import pytest

from studies.execution.ray_executor import RayExecutor
from studies.testing.executors import ExecutorContract
from tests.studies.execution.clusters import cluster

pytest.importorskip("ray")
pytestmark = [pytest.mark.services, pytest.mark.nightly]


@pytest.fixture(scope="module", autouse=True)
def nodes():
    with cluster(3) as made:
        yield made


class TestRay(ExecutorContract):
    @pytest.fixture(autouse=True)
    def address(self, nodes):
        type(self).make = lambda work: RayExecutor(work, nodes.address, tries=2)
