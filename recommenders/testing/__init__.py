"""Contract tests for your own recommenders and back ends. The only modules of recommenders that need pytest."""

import pytest

pytest.register_assert_rewrite("recommenders.testing.backend", "recommenders.testing.recommender")
