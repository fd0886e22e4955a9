"""What is kept of a search: the same names and numbers for every searcher, wherever they are written."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from core.phases.tally import Tally
from core.search.search import Step
from core.search.trial import Trial


def step_metrics(step: Step, tally: Tally, metric: str, to_metric: Callable[[float], float]) -> dict[str, float]:
    """Where a search stands after a step, by the names of MLflow's metrics; NaN where there is nothing yet.

    Args:
        step: the last one.
        tally: of all steps so far.
        metric: the name of what scores are made of.
        to_metric: score -> value of the metric.
    """
    rewards = [trial.reward for trial in step.trials if trial.trained and trial.reward is not None]
    return {
        f"best_valid_{metric}": to_metric(tally.best_score),
        f"valid_{metric}": to_metric(step.score),
        "reward": sum(rewards) / len(rewards) if rewards else math.nan,
        **tally.funnel(),
        **step.searcher_metrics,
    }


def front_metrics(tally: Tally, metric: str, to_metric: Callable[[float], float]) -> dict[str, float]:
    """The Pareto front so far, a metric for every number of operators on it; MLflow charts a folder's together."""
    return {f"front/valid_{metric}_{one.complexity}_operators": to_metric(one.score) for one in tally.front}


def versions() -> dict[str, str]:
    """What the numbers were computed with."""
    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__}


def candidate_row(trial: Trial, metric: str, to_metric: Callable[[float], float]) -> dict[str, Any]:
    """A trained candidate as a row of a table."""
    return {
        "number": trial.candidate.number,
        "step": trial.step,
        "formula": str(trial.candidate.solution),
        "complexity": trial.candidate.solution.complexity,
        "verdict": trial.verdict.value,
        "reward": trial.reward,
        f"valid_{metric}": None if trial.score is None else to_metric(trial.score),
        "adopted": trial.adopted,
    }
