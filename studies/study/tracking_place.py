"""Where things are tracked unless an option says so: MLflow's own variables, then ours.

The annotations are objects and not strings, see `studies.study.settings`.
"""

import os
from dataclasses import dataclass
from typing import Annotated, ClassVar

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


@dataclass(frozen=True, kw_only=True)
class TrackingPlace:
    """Where MLflow keeps what a command does; those that are not given are looked up."""

    tracking_uri: TrackingUri = ""
    """MLflow's database or server; none to do without. Unless given: MLFLOW_TRACKING_URI, or else sqlite:///mlflow.db."""
    experiment: ExperimentName = ""
    """MLflow's experiment, one for each study. Unless given: MLFLOW_EXPERIMENT_NAME, or else loss-search."""

    usual_experiment: ClassVar[str] = "loss-search"

    def __post_init__(self) -> None:
        """Look up what was not given."""
        object.__setattr__(self, "tracking_uri", tracking_place(self.tracking_uri))
        object.__setattr__(self, "experiment", experiment_name(self.experiment, self.usual_experiment))
