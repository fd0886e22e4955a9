"""What a search sees is not what its find is judged by: all tasks of a comparison have one split."""

import csv
from pathlib import Path

import numpy as np
import pytest

from recommenders.data import DataFiles
from studies.comparison.comparison import Comparison
from studies.comparison.settings import CompareSettings, RunSearch, RunSettings
from studies.execution.task import TaskFactory, Training, data_file_digest
from studies.study.settings import StudySettings
from studies.study.settings_search import SearchSettings
from studies.study.study import Study

#: Problems whose data are split at random.
PROBLEMS = (
    "loss",
    "ranking:dataset=table:held_out=random",
    "interaction:dataset=table",
    "decay:dataset=table:held_out=random:positive_at=1",
    "crosses:dataset=table:target=bought",
)


@pytest.fixture
def table(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "table.csv"
    pairs = rng.permutation(40 * 30)[:700]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["user", "item", "rating", "bought"])
        rows.writerows([int(one) // 30, int(one) % 30, int(rng.integers(1, 6)), int(rng.integers(2))] for one in pairs)
    return DataFiles(data=Path(path))


def digest(settings, files):
    return Study(settings.on(files), files).problem.data_digest()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_seed_is_a_split_unless_there_is_one_for_splits(problem, table):
    def made(**seeds):
        return digest(StudySettings(search=SearchSettings(problem=problem), **seeds), table)

    assert made(seed=0) != made(seed=1)
    assert made(seed=1) == made(seed=2, split_seed=1)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_all_tasks_of_a_comparison_have_one_split(problem, table):
    run = RunSettings(search=RunSearch(problem=problem)).on(table)
    comparison = Comparison(CompareSettings(searchers="gp", seeds=3, study=run), table)
    tasks = [comparison.noise, *comparison.runs]
    tasks.append(TaskFactory("x").training(comparison.settings.run("gp", 2), Training("BCE", None), 1))
    made = [StudySettings.from_dict(dict(task.content["settings"])) for task in tasks]
    assert {one.seed for one in made} == {0, 1, 2}
    assert len({digest(one, table) for one in made}) == 1


def test_tasks_that_leave_a_seed_out_keep_its_split():
    task = TaskFactory("x").training(StudySettings(seed=5), Training("BCE", None), 0)
    assert "seed" not in task.content["settings"]
    assert StudySettings.from_dict(dict(task.content["settings"])).data_seed == 5


def test_a_folder_is_known_by_the_files_in_it(tmp_path):
    (tmp_path / "within").mkdir()
    found = [data_file_digest(tmp_path)]
    for name, text in (("a.txt", "1"), ("a.txt", "2"), ("b.txt", "2")):
        (tmp_path / name).write_text(text)
        found.append(data_file_digest(tmp_path))
    (tmp_path / "a.txt").unlink()
    found.append(data_file_digest(tmp_path))
    assert len(set(found)) == len(found)
    assert data_file_digest(tmp_path) == found[-1]
