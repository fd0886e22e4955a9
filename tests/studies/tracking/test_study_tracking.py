"""Runs as MLflow's own client sees them afterwards."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from core.common.errors import UserError
from studies.common.processes import has_died, this_process
from studies.storage.output import OutputFolder
from studies.study.history import History
from studies.study.history_file import HistoryFile
from studies.study.study import Study
from studies.tracking.server import close_abandoned, connect
from studies.tracking.study import StudyTracker
from studies.tracking.uploader import Uploader
from tests.studies.small import small_settings

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def database(migrated, tmp_path):
    path = tmp_path / "mlflow.db"
    shutil.copy(migrated, path)
    return f"sqlite:///{path}"


def start(database, experiment="studies", warnings=None, **changes):
    connection = connect(database, experiment)
    study = Study(small_settings(**changes))
    metric = study.losses.task.metric
    warn = (warnings if warnings is not None else []).append
    settings = study.settings.to_dict()
    file = HistoryFile(OutputFolder(Path(database.removeprefix("sqlite:///")).parent), settings, warn)
    history = History(metric, file)
    uploader = Uploader(database, experiment, warn, connection=connection)
    return connection[0], study, history, StudyTracker(uploader, history, file, settings, metric.name)


@pytest.fixture
def finished(database):
    client, study, history, tracker = start(database)
    with tracker:
        result = study.run([history, tracker])
    return client, tracker, result.to_dict()


def test_the_run_is_named_tagged_and_finished(finished):
    client, tracker, _ = finished
    run = client.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "random synthetic mf seed 0"
    expected = {"searcher": "random", "seed": "0", "dataset": "synthetic", "recommender": "mf", "clamp": "signed"}
    expected |= {"task": "classification", "environment": "alternating", "budget": "8 trainings"}
    assert expected.items() <= run.data.tags.items()
    assert run.data.params["trainings"] == "8"


def test_metrics_have_candidate_epochs_as_their_step(finished):
    client, tracker, result = finished
    history = client.get_metric_history(tracker.run_id, "best_valid_auc")
    assert [point.step for point in history] == [4, 8]
    values = [point.value for point in history]
    assert values == sorted(values)
    run = client.get_run(tracker.run_id)
    for name in ("sampled", "zero_gradient", "duplicate", "non_finite", "trained", "accepted"):
        assert run.data.metrics[name] == result["funnel"][name]
    assert {"reward", "seconds", "valid_auc"} <= set(run.data.metrics)
    assert run.data.metrics["best_valid_auc"] == pytest.approx(result["search"]["best_validation"])
    assert run.data.metrics["final_test_auc"] == pytest.approx(result["best"]["test"]["auc"])


def test_losses_of_phase_three_are_child_runs(finished):
    client, tracker, result = finished
    parent = client.get_run(tracker.run_id)
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{tracker.run_id}'", max_results=100
    )
    assert len(children) == len(result["finalists"]) + len(result["baselines"])
    by_name = {child.info.run_name: child for child in children}
    bce = by_name["baseline: BCE"]
    assert bce.info.status == "FINISHED"
    assert bce.data.metrics["final_test_auc"] == pytest.approx(result["baselines"]["BCE"]["test"]["auc"])
    assert by_name[f"found: {result['best']['name']}"].data.params["formula"] == result["best"]["formula"]


def test_result_and_candidates_are_artifacts(finished, tmp_path):
    client, tracker, result = finished
    stored = json.loads(Path(client.download_artifacts(tracker.run_id, "result.json", str(tmp_path))).read_text())
    assert stored == json.loads(json.dumps(result))
    table = json.loads(Path(client.download_artifacts(tracker.run_id, "candidates.json", str(tmp_path))).read_text())
    assert len(table["data"]) == result["funnel"]["trained"]
    assert {"formula", "verdict", "reward"} <= set(table["columns"])
    front = json.loads(Path(client.download_artifacts(tracker.run_id, "front.json", str(tmp_path))).read_text())
    assert [row[0] for row in front["data"]] == [one["complexity"] for one in result["front"]]
    assert {"complexity", "formula", "final_test_auc"} <= set(front["columns"])


def test_the_front_so_far_is_told_while_the_search_goes_on(finished):
    client, tracker, _ = finished
    names = [name for name in client.get_run(tracker.run_id).data.metrics if name.startswith("front/valid_auc_")]
    assert names
    for name in names:
        values = [point.value for point in client.get_metric_history(tracker.run_id, name)]
        assert values == sorted(set(values)), "told where it rises, and only there"


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ValueError, "FAILED")]
)
def test_a_run_that_is_ended_does_not_stay_running(database, error, status):
    client, _, _, tracker = start(database)
    with pytest.raises(error), tracker:
        raise error
    assert client.get_run(tracker.run_id).info.status == status


OURS = {"mlflow.source.name": "studies.run"}


def test_runs_of_dead_processes_are_closed_at_the_next_start_and_others_left(database):
    client, experiment_id = connect(database, "studies")
    host_and_namespace = this_process().rsplit(" ", 2)[0]
    tags = {
        "dead": {"process": f"{host_and_namespace} 4194305 1", **OURS},
        "alive": {"process": this_process(), **OURS},
        "elsewhere": {"process": "another-host pid:[1] 4194305 1", **OURS},
        "foreign": {},
        "of another program": {"process": f"{host_and_namespace} 4194305 1", "mlflow.source.name": "train.py"},
    }
    runs = {name: client.create_run(experiment_id, tags=tag).info.run_id for name, tag in tags.items()}
    close_abandoned(client, experiment_id)
    statuses = {name: client.get_run(run).info.status for name, run in runs.items()}
    assert statuses == dict.fromkeys(tags, "RUNNING") | {"dead": "KILLED"}


def test_a_process_knows_itself_and_the_dead():
    name = this_process()
    assert not has_died(name)
    head, pid, began = name.rsplit(" ", 2)
    assert has_died(f"{head} {pid} {int(began) + 1}"), "another process got the number of a dead one"
    assert has_died(f"{head} 4194305 {began}")
    assert not has_died("")


def test_a_server_that_goes_away_costs_a_warning_and_not_the_study(database, monkeypatch):
    warnings = []
    client, study, history, tracker = start(database, warnings=warnings)

    def gone(*args, **kwargs):
        raise ConnectionError("the server has gone away")

    with tracker, monkeypatch.context() as patch:
        for name in ("log_batch", "set_tag", "create_run", "log_dict"):
            patch.setattr(client, name, gone)
        result = study.run([history, tracker])
        assert result.best is not None
        assert any("the server has gone away" in warning for warning in warnings)
    # The metrics waited, and were written when the server was back.
    assert client.get_run(tracker.run_id).data.metrics["trained"] == 8


def test_a_deleted_experiment_is_refused(database):
    client, experiment_id = connect(database, "studies")
    client.delete_experiment(experiment_id)
    with pytest.raises(UserError, match="--experiment studies: it was deleted"):
        connect(database, "studies")


def test_artifacts_lie_beside_the_database(database, tmp_path):
    client, experiment_id = connect(database, "studies")
    assert client.get_experiment(experiment_id).artifact_location == (tmp_path / "mlruns").as_uri()


def test_a_first_migration_says_nothing(tmp_path, capfd, caplog):
    with caplog.at_level(logging.INFO):
        connect(f"sqlite:///{tmp_path}/new.db", "studies")
    assert capfd.readouterr() == ("", "")
