"""What MLflow has of a study, as its own client sees it."""

from mlflow import MlflowClient

from studies.tracking.server import connect


def told(database, experiment="loss-search"):
    """(status, metric -> [(step, value)], names of child runs) of the one study in a database."""
    client, study, children = runs(database, experiment)
    assert {run.info.status for run in children} <= {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} <= {study.info.run_id}
    return study.info.status, history(client, study), sorted(run.info.run_name for run in children)


def runs(database, experiment="loss-search"):
    """A client, the one study and its child runs."""
    client, experiment_id = connect(database, experiment)
    found = client.search_runs([experiment_id], max_results=1000)
    (study,) = (run for run in found if "mlflow.parentRunId" not in run.data.tags)
    return client, study, [run for run in found if run is not study]


def history(client: MlflowClient, run):
    """Times aside: another run with the same seed has others."""
    names = [name for name in run.data.metrics if name != "seconds"]
    points = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    return {name: sorted((point.step, point.value) for point in some) for name, some in points.items()}
