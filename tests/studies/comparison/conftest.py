import pytest

from tests.studies.comparison.small import Diary, run_comparison, small_comparison


@pytest.fixture(scope="package")
def finished(tmp_path_factory):
    """A small comparison in two processes: the comparison, its folder, its outcome and its diary."""
    folder = tmp_path_factory.mktemp("comparison") / "parts"
    comparison, diary = small_comparison(), Diary()
    return comparison, folder, run_comparison(folder, [diary], comparison=comparison), diary
