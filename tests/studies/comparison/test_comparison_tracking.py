"""A comparison as MLflow's own client sees it afterwards."""

import pytest

from studies.comparison.report import make_report, write_report
from studies.comparison.tracking import ComparisonTracker
from studies.storage.output import OutputFolder
from studies.tracking.server import connect
from studies.tracking.uploader import open_uploader
from tests.studies.comparison.small import Diary, run_comparison, small_comparison


@pytest.fixture(scope="module")
def tracked(finished, tmp_path_factory):
    """The finished comparison, written to a database: the client, the experiment and the outcome."""
    _, parts, outcome, _ = finished
    folder = tmp_path_factory.mktemp("tracked")
    database = f"sqlite:///{folder / 'mlflow.db'}"
    warnings = write(database, folder, parts, outcome)
    client, experiment_id = connect(database, "compared")
    return client, experiment_id, outcome, (database, folder, parts, warnings)


def write(database, folder, parts, outcome):
    comparison, warnings = small_comparison(), []
    uploader = open_uploader(database, "compared", warnings.append)
    with ComparisonTracker(uploader, folder, comparison.settings.to_dict()) as tracker:
        again = run_comparison(parts, [tracker, Diary()], comparison=comparison)
        assert again == outcome
        report = make_report(outcome)
        tracker.on_report(report, write_report(report, OutputFolder(folder)))
    return warnings


def runs(client, experiment_id, role):
    found = client.search_runs([experiment_id], f"tags.role = '{role}'")
    return {run.info.run_name: run for run in found}


def test_nothing_went_wrong(tracked):
    assert tracked[3][3] == []


def test_seeds_are_under_the_median_of_their_searcher(tracked):
    client, experiment_id, _, _ = tracked
    searchers, seeds = (runs(client, experiment_id, role) for role in ("searcher", "run"))
    assert set(searchers) == {"gp, 2 seeds", "random, 2 seeds"}
    assert set(seeds) == {"gp seed 0", "gp seed 1", "random seed 0", "random seed 1"}
    parents = {name: run.data.tags["mlflow.parentRunId"] for name, run in seeds.items()}
    assert parents["gp seed 0"] == parents["gp seed 1"] == searchers["gp, 2 seeds"].info.run_id
    assert all(run.info.status == "FINISHED" for run in [*searchers.values(), *seeds.values()])


def test_curves_have_candidate_epochs_as_their_step(tracked):
    client, experiment_id, outcome, _ = tracked
    for run in outcome.runs:
        stored = runs(client, experiment_id, "run")[f"{run.searcher} seed {run.seed}"]
        history = client.get_metric_history(stored.info.run_id, "best_valid_auc")
        assert {m.step: m.value for m in history} == {point.candidate_epochs: point.best for point in run.points}
        assert stored.data.metrics["trained"] == 6
        assert stored.data.metrics["final_test_auc"] == pytest.approx(sum(run.best.test) / 2)
        assert stored.data.tags["best_loss"] == run.best.name
        assert "candidates.json" in [file.path for file in client.list_artifacts(stored.info.run_id)]


def test_the_median_is_a_curve_of_its_own(tracked):
    client, experiment_id, outcome, _ = tracked
    stored = runs(client, experiment_id, "searcher")["gp, 2 seeds"]
    history = client.get_metric_history(stored.info.run_id, "best_valid_auc")
    middle = sum(run.final for run in outcome.of("gp")) / 2
    assert max(history, key=lambda m: m.step).value == pytest.approx(middle)
    assert {"best_valid_auc_worse_quartile", "rank_valid", "final_test_auc"} <= set(stored.data.metrics)


def test_the_comparison_holds_the_report(tracked):
    client, experiment_id, _, _ = tracked
    (stored,) = runs(client, experiment_id, "comparison").values()
    files = {file.path for file in client.list_artifacts(stored.info.run_id)}
    assert {"report.html", "result.json", "anytime.png"} <= files
    assert stored.data.params["seeds"] == "2"
    assert "seeds" in stored.data.tags["mlflow.note.content"]


def test_asked_again_nothing_is_there_twice(tracked):
    client, experiment_id, outcome, (database, folder, parts, _) = tracked
    before = {name: run.info.run_id for name, run in runs(client, experiment_id, "run").items()}
    assert write(database, folder, parts, outcome) == []
    assert {name: run.info.run_id for name, run in runs(client, experiment_id, "run").items()} == before
    assert len(client.search_runs([experiment_id])) == 4 + 2 + 1
    history = client.get_metric_history(before["gp seed 0"], "final_test_auc")
    assert len(history) == 1


def test_a_server_that_is_gone_costs_warnings_and_what_is_missing_is_written_later(tracked, tmp_path):
    _, _, outcome, (_, _, parts, _) = tracked
    database = tmp_path / "mlflow.db"
    own, _ = connect(f"sqlite:///{database}", "gone")
    warnings = []
    comparison = small_comparison()
    uploader = open_uploader(f"sqlite:///{database}", "gone", warnings.append)
    tracker = ComparisonTracker(uploader, tmp_path, comparison.settings.to_dict())
    uploader.connection = Gone(), "0"
    with tracker:
        run_comparison(parts, [tracker], comparison=comparison)
    assert len(warnings) == 4 + 1
    assert all("the same command tries again" in text for text in warnings)
    assert write(f"sqlite:///{database}", tmp_path, parts, outcome) == []
    assert len(own.search_runs([connect(f"sqlite:///{database}", "compared")[1]])) == 4 + 2 + 1


class Gone:
    def __getattr__(self, name):
        raise ConnectionError("nobody there")
