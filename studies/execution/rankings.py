"""What a worker does for rankings: one training with a loss, or one anchor, from plain data to plain data."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.common.errors import counted
from core.common.seeding import derive_seed
from core.losses.setwise.registry import parse_ranking_loss
from core.search.effectiveness import EarlyStopping
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.optimisers import parse_optimiser
from recommenders.backends.ranking.registry import make_trainer
from recommenders.common.machine import Machine
from recommenders.data import DataFiles
from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, load_implicit
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.data.options import TableOptions
from recommenders.models.vectors.model import VectorModel
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking import Ranks, find_ranking_metric, measure_exposure, rank_items
from recommenders.tasks.ranking.anchors import parse_anchor
from recommenders.tasks.ranking.schedules import parse_schedule
from recommenders.tasks.ranking.training import RankingPlan, RankingTraining
from studies.execution.resources import Checkpointer, Report, Resources
from studies.storage.checkpoints import restoring
from studies.storage.output import plain

#: Lengths of the lists whose coverage and popularity are measured.
TOP = 20


def ranking_data(settings: Mapping[str, Any], data: Path | None) -> ImplicitDataset:
    """Load the data set of an evaluation.

    Args:
        settings: of the data, as a task has them.
        data: the file or folder.
    """
    options = dict(settings["options"])
    given: dict[str, Any] = {
        name: tuple(one) if isinstance(one, list) else one for name, one in options.pop("table").items()
    }
    table = TableOptions(**given)
    return load_implicit(settings["dataset"], data, settings["seed"], ImplicitOptions(**options, table=table))


@lru_cache(maxsize=1)
def _same_data(settings: str, data: Path | None) -> ImplicitDataset:
    return ranking_data(json.loads(settings), data)


def model_of(line: str, changes: Mapping[str, Any]) -> VectorModel:
    """Return a model with some of its settings changed.

    Args:
        line: of the model.
        changes: setting -> value; those that it does not have are left out.
    """
    model = parse_vector_model(line)
    return replace(model, **{name: value for name, value in changes.items() if hasattr(model, name)})


def trained_ranking(
    content: Mapping[str, Any],
    resources: Resources,
    data: DataFiles,
    report: Report,
    checkpointer: Checkpointer,
    is_trial: bool,
) -> dict[str, Any]:
    """Train with a loss, or fit an anchor, and rank.

    Args:
        content: of the task.
        resources: of this worker.
        data: the file or folder of the data set.
        report: told how far it is, from 0 to 1.
        checkpointer: keeps what is unfinished.
        is_trial: whether something is chosen by the result; then nothing of the test part is in it.
    """
    dataset = _data(content["data_settings"], data)
    if content["anchor"] is not None:
        return _fitted(content, dataset, resources, is_trial)
    plan = {**content["plan"], "parts": ["validation"] if is_trial else ["validation", "test"]}
    machine = Machine(torch.device(resources.device), backend=plan["backend"], threads=resources.threads)
    training = ranking_training(plan, content["way"], content["loss"], dataset, machine, content["repeat"])
    if checkpointer.stored is not None:
        with restoring():
            training.load_state_dict(checkpointer.stored)

    def on_epoch(curves: Sequence[Any]) -> None:
        report(len(training.losses) / plan["max_epochs"])
        checkpointer.on_checkpoint(training.state_dict)

    (fitted,) = training.run(on_epoch)
    result = {
        "validation": plain(fitted.validation),
        "best_epoch": fitted.best_epoch,
        "epochs": fitted.epochs,
        "curve": plain(list(fitted.curve)),
        "evaluated": plain(training.evaluated),
    }
    if not is_trial:
        details = _details(training.ranks["test"], dataset, content) if training.ranks else {}
        result |= {"test": plain(fitted.test), **details}
    return result


def _data(settings: Mapping[str, Any], data: DataFiles) -> ImplicitDataset:
    return _same_data(json.dumps(settings, sort_keys=True), data.data)


def ranking_training(
    plan: Mapping[str, Any], way: Mapping[str, Any], loss: str, data: ImplicitDataset, machine: Machine, repeat: int
) -> RankingTraining:
    """Return the training that plain data describe.

    Args:
        plan: what all losses share, see `RankingSettings.plan`; `parts` of it are those that are reported.
        way: the learning rate, the weight decay, and settings of the model that were chosen for the loss.
        loss: its line.
        data: the data set.
        machine: what it is trained on.
        repeat: number of the seed.
    """
    stopping = EarlyStopping(plan["max_epochs"], plan["stop_after"], plan["max_epochs"])
    schedule, ends = parse_schedule(plan["schedule"]), (plan["every"], plan["select_on"], tuple(plan["metrics"]))
    made = RankingPlan(way["learning_rate"], schedule, stopping, *ends, tuple(plan["parts"]), TOP)
    task = _vector_task(plan, way, data)
    return RankingTraining(task, parse_ranking_loss(loss), made, machine, derive_seed("ranking", repeat))


def _vector_task(plan: Mapping[str, Any], way: Mapping[str, Any], data: ImplicitDataset) -> VectorTask:
    """Return what is trained and how a step is taken, see `ranking_training`."""
    recipe = Recipe(
        parse_sampler(plan["sampler"]),
        parse_optimiser(plan["optimiser"]),
        plan["batch_size"],
        way["weight_decay"],
        plan["decay_of"],
        plan["clip_norm"],
    )
    return VectorTask(model_of(plan["recommender"], way["model"]), data, recipe)


def timed_rankings(
    content: Mapping[str, Any],
    resources: Resources,
    data: DataFiles,
    report: Report,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Measure what an epoch of training takes with some losses, which take turns: machines get slower and faster.

    Args:
        content: of the task; `epochs` of each loss are measured, after one that is not, since code is compiled then.
        resources: of this worker.
        data: the folder of the data set.
        report: told how far it is, from 0 to 1.
        clock: seconds.
    """
    plan, way = content["plan"], content["way"]
    device = torch.device(resources.device)
    machine = Machine(device, backend=plan["backend"], threads=resources.threads)
    task, losses = _vector_task(plan, way, _data(content["data_settings"], data)), content["losses"]
    trainers = [make_trainer(task, machine, derive_seed("ranking", content["repeat"])) for _ in losses]
    seconds: list[list[float]] = [[] for _ in losses]
    for epoch in range(content["epochs"] + 1):
        for i, (line, trainer) in enumerate(zip(losses, trainers, strict=True)):
            began = clock()
            trainer.train_epoch(parse_ranking_loss(line), epoch, way["learning_rate"])
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds[i].append(clock() - began)
            report((epoch + (i + 1) / len(losses)) / (content["epochs"] + 1))
    cores = counted(resources.threads, "core")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{cores} of a CPU"
    return {"seconds": [of_loss[1:] for of_loss in seconds], "machine": name}


def _fitted(
    content: Mapping[str, Any], dataset: ImplicitDataset, resources: Resources, is_trial: bool
) -> dict[str, Any]:
    """Fit an anchor, and rank; the test part only where nothing is chosen."""
    scores = parse_anchor(content["anchor"]).fit(dataset, derive_seed("ranking", content["repeat"]))
    metrics = [find_ranking_metric(name) for name in content["plan"]["metrics"]]
    parts: dict[str, dict[str, float]] = {"validation": {}}
    for part in ("validation",) if is_trial else ("validation", "test"):
        if len(dataset.part(part)):
            ranks = rank_items(scores, dataset, part, top=TOP, threads=resources.threads)
            parts[part] = plain({metric.name: metric.mean(ranks) for metric in metrics})
    details = {} if is_trial else _details(ranks, dataset, content)
    return {**parts, "best_epoch": 0, "epochs": 0, **details}


def _details(ranks: Ranks, dataset: ImplicitDataset, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is recommended, and the metrics of every user of the test part."""
    exposure = measure_exposure(ranks.top, dataset.popularity())
    metrics = [find_ranking_metric(name) for name in content["plan"]["metrics"]]
    per_user = {metric.name: packed(metric.per_user(ranks)) for metric in metrics}
    return {
        "exposure": {f"coverage@{TOP}": exposure.coverage, "gini": exposure.gini, "popularity": exposure.popularity},
        "per_user": per_user,
    }


def packed(values: np.ndarray) -> str:
    """Return numbers [n] as text: float32, little-endian, in base 64."""
    return base64.b64encode(values.astype("<f4").tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """Return the numbers [n] that `packed` wrote, float32."""
    return np.frombuffer(base64.b64decode(text), dtype="<f4")
