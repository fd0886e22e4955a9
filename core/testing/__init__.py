"""Contract tests for your own spaces, problems and evaluators. The only modules of core that need pytest."""

import pytest

pytest.register_assert_rewrite(*(f"core.testing.{name}" for name in ("evaluator", "problem", "space")))
