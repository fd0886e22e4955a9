"""Contracts that recommenders and back ends of anybody's can be held to, by pytest; nothing else here needs it."""

import pytest

pytest.register_assert_rewrite("recommenders.testing.backend", "recommenders.testing.recommender")
