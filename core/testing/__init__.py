"""Contracts that anybody's spaces, problems and evaluators can be held to, by pytest; nothing else here needs it."""

import pytest

pytest.register_assert_rewrite(*(f"core.testing.{name}" for name in ("evaluator", "problem", "space")))
