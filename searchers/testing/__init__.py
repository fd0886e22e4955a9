"""The contract that anybody's searchers can be held to, by pytest; nothing else here needs it."""

import pytest

pytest.register_assert_rewrite("searchers.testing.searcher")
