"""Where things are tracked unless an option says so: MLflow's own variables, then ours."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

_URI, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_DATABASE = "sqlite:///mlflow.db"

#: Options that are empty unless given; their defaults are not shown by --help: a variable may hold a password.
TrackingUri = Annotated[str, Parameter(show_default=False)]
ExperimentName = Annotated[str, Parameter(show_default=False)]


def tracking_place(given: str) -> str:
    """MLflow's database or server: the one given, else that of MLFLOW_TRACKING_URI, else a database here."""
    return given or os.environ.get(_URI, "").strip() or _DATABASE


def experiment_name(given: str, usual: str) -> str:
    """MLflow's experiment: the one given, else that of MLFLOW_EXPERIMENT_NAME, else the usual one of the command."""
    return given or os.environ.get(_EXPERIMENT, "").strip() or usual
