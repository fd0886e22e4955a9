"""Contract tests for your own searchers. The only module of searchers that needs pytest."""

import pytest

pytest.register_assert_rewrite("searchers.testing.searcher")
