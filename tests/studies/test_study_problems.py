"""Problems that commands search keep their contract: a loss in its variants, and the example of bit strings."""

import pytest

from core.common.seeding import derive_seed
from core.testing.study_problem import StudyProblemContract
from studies.study.study import Study
from tests.studies.small import small_settings
from tests.test_examples import loaded

#: name -> settings of a study that searches losses.
LOSSES = {
    "alternating": {},
    "from scratch": {"environment": "from-scratch", "check": "after"},
    "regression, normalised": {"task": "regression", "scale": "normalised"},
    "torch": {"backend": "torch", "check": "after"},
}


class TestLosses(StudyProblemContract):
    n_drawn = 600

    @pytest.fixture(autouse=True, params=LOSSES)
    def _take(self, request):
        self.name = request.param

    def make(self, seed):
        return Study(small_settings(seed=seed, max_epochs=2, xi=1e-3, **LOSSES[self.name])).problem

    def restarted(self, problem, seed):
        return problem.restart(derive_seed(seed, "environment"))


class TestBits(StudyProblemContract):
    starts_vary = False

    def make(self, seed):
        return loaded("bits").Bits(length=12, noise=0.1)


class TestShortBits(StudyProblemContract):
    starts_vary = False
    n_drawn = 12

    def make(self, seed):
        return loaded("bits").Bits(length=4)
