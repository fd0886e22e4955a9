"""What an MLflow database holds, as plain data without times and ids: equal for two studies that went alike.

python -m tests.studies.tracking.dump DATABASE
"""

import base64
import json
import re
import sys
import tempfile
import zlib
from pathlib import Path

from mlflow import MlflowClient

#: Tags that differ from one run of a command to the next, or from one machine to another.
OWN = ("process", "journal", "comparison", "evaluation", "tuning", "folder", "result", "mlflow.user", "mlflow.runName")
_VIEW, _PARENT = "mlflow.sharedViewState.", "mlflow.parentRunId"


def dump(database):
    """Experiment -> its tags, and its runs in the order in which they were made, each with those below it."""
    client = MlflowClient(f"sqlite:///{database}")
    return {one.name: experiment(client, one) for one in client.search_experiments()}


def experiment(client, one):
    found = client.search_runs([one.experiment_id], max_results=1000)[::-1]
    below = {run.info.run_id: [] for run in found}
    top = [run for run in found if _PARENT not in run.data.tags]
    for run in found:
        if _PARENT in run.data.tags:
            below[run.data.tags[_PARENT]].append(run)
    return {"tags": {name: view(name, text) for name, text in one.tags.items()}, "runs": tree(client, top, below)}


def view(name, text):
    if not name.startswith(_VIEW):
        return text
    content = json.loads(text)
    packed = base64.b64decode(content["state"].partition(";")[2])
    return {"name": content["name"], "state": json.loads(zlib.decompress(packed))}


def tree(client, runs, below):
    return [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "tags": {name: text for name, text in sorted(run.data.tags.items()) if name not in (*OWN, _PARENT)},
            "own tags": sorted(set(run.data.tags) & {*OWN, _PARENT}),
            "params": dict(sorted(run.data.params.items())),
            "metrics": metrics(client, run),
            "artifacts": artifacts(client, run),
            "children": sorted(tree(client, below[run.info.run_id], below), key=lambda one: one["name"]),
        }
        for run in runs
    ]


def metrics(client, run):
    """Metric -> (step, value) in order; of seconds the steps alone."""
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in sorted(run.data.metrics)}
    return {
        name: [[one.step, None if name == "seconds" else one.value] for one in sorted(history, key=place)]
        for name, history in histories.items()
    }


def place(metric):
    return metric.step, metric.timestamp, metric.value


def artifacts(client, run, path=None):
    """Name -> content, of tables and results; None for other files."""
    found = {}
    for file in client.list_artifacts(run.info.run_id, path):
        if file.is_dir:
            found |= artifacts(client, run, file.path)
        else:
            found[file.path] = content(client, run, file.path)
    return found


def content(client, run, name):
    if not re.fullmatch(r"(candidates|front|result|history)\.json", name):
        return None
    with tempfile.TemporaryDirectory() as folder:
        return timeless(json.loads(Path(client.download_artifacts(run.info.run_id, name, folder)).read_text()))


def timeless(value):
    if isinstance(value, dict):
        return {name: timeless(inner) for name, inner in value.items() if name != "seconds"}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    print(json.dumps(dump(sys.argv[1]), indent=1))
