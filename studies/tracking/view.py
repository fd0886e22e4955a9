"""A saved view for MLflow's table of runs, which by itself shows none of the metrics.

MLflow 3.17 keeps saved views in tags of the experiment, a JSON with a compressed state; a version that does not know
them shows its usual columns.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from studies.tracking.record import now

if TYPE_CHECKING:
    from mlflow import MlflowClient

_TAG = "mlflow.sharedViewState."


def save_view(
    client: MlflowClient, experiment_id: str, key: str, name: str, metrics: Sequence[str], params: Sequence[str] = ()
) -> None:
    """Make or replace a view with these metrics and params as columns.

    Args:
        client: of the tracking server.
        experiment_id: whose runs are shown.
        key: of the view, letters and digits; it is part of the address.
        name: as the list of views shows it.
        metrics: columns, in order.
        params: more of them.
    """
    state = {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": [f"metrics.`{metric}`" for metric in metrics] + [f"params.`{param}`" for param in params],
        "runsHiddenMode": "FIRST_10_RUNS",
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    made = now()
    view = {"name": name, "createdAt": made, "updatedAt": made, "state": f"deflate;{packed}"}
    client.set_experiment_tag(experiment_id, _TAG + key, json.dumps(view))


def view_address(experiment_id: str, key: str) -> str:
    """Where MLflow's pages show the view, from their root on."""
    return f"/#/experiments/{experiment_id}/runs?viewStateShareKey={key}"
