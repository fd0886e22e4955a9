import pytest

from tests.studies.comparison.small import Diary, run_contest, small_contest


@pytest.fixture(scope="package")
def finished(tmp_path_factory):
    """A small comparison in two processes: the contest, its folder, its outcome and its diary."""
    folder = tmp_path_factory.mktemp("comparison") / "parts"
    contest, diary = small_contest(), Diary()
    return contest, folder, run_contest(folder, [diary], contest=contest), diary
