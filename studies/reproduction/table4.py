"""Table 4: which loss a search finds, for classification and for regression.

The paper reports the loss after Phase III of one search for each model, data set and task, and the squared error
wherever the task is regression. Here every search is run with several seeds, and with both clamps: under the one
that the paper states (Table 2) neither a negative number nor the square of a difference can be formed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from core.analysis.gradient_equivalence import equivalent_loss
from core.losses.loss import ProgramLoss
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.losses import NAMED_LOSSES, make_loss
from recommenders.tasks.metrics import find_metric
from studies.execution.task import Task, TaskFactory
from studies.reproduction.bench import Bench
from studies.reproduction.paper import METRIC_NAMES, TABLE_4, published
from studies.reproduction.raw import PAIR, Column, Frame
from studies.reproduction.reproduction import NOTHING, Reproduction, code, difference, groups, named, number, spread
from studies.reproduction.settings import OF_TRAINING
from studies.study.settings import StudySettings

TASKS, CLAMPS = ("classification", "regression"), ("signed", "paper")
#: What counts as the paper's loss for models and data that it did not search for.
_USUAL = {"classification": "MaxR", "regression": "MSE"}
_KINDS = ("search", "finalist", "baseline", "trained")
_TITLE = (
    "Table 4: the loss that a search finds, its test metric, that of the paper's loss trained here, the difference, "
    "what the paper publishes for its loss, and what became of its loss in our search"
)


def _measure(bench: Bench) -> list[dict[str, Any]]:
    settings = bench.settings

    def plan(dataset: str, factory: TaskFactory) -> Iterator[tuple[StudySettings, Task]]:
        for model, task, clamp, seed in product(settings.models, TASKS, CLAMPS, range(settings.seeds)):
            given = {"recommender": model, "task": task, "clamp": clamp, "seed": seed}
            study = settings.study(dataset=dataset, baseline=baselines(model, dataset, task), **given)
            yield study, factory.study(study, f"{study.training.recommender} {task} {clamp} clamp seed {seed}")

    found = bench.computed("{n} searches on {dataset}, phases I to III", plan)
    return [row for study, part in found for row in _raw_rows(study, part)]


def baselines(model: str, dataset: str, task: str) -> tuple[str, str]:
    """What a search is compared with: the paper's loss, and one that stands for all handcrafted ones."""
    return TABLE_4.get((model, dataset, task), _USUAL[task]), "BCE"


def _raw_rows(study: StudySettings, part: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one search: it, its finalists, the baselines, and what it trained that is a named loss."""
    result, metric = part["result"], study.training.chosen_by.name
    counts = {name: result["funnel"][name] for name in ("trained", "sampled")}
    rows = [{"kind": "search", "accepted": result["search"]["distinct_accepted"], **counts}]
    for place, one in enumerate(result["finalists"], start=1):
        like = _like(LossProgram.from_dict(one["program"]), study.space, one["epsilon"])
        rows.append(_finished("finalist", one["simplified"]["formula"], one, metric) | like | {"place": place})
    for name, one in result["baselines"].items():
        rows.append(_finished("baseline", name, one, metric) | {"like": name, "factor": 1.0})
    seen: set[str] = set()
    for candidate in part["candidates"]:
        program = LossProgram.parse(candidate["formula"])
        like = _like(program, study.space, None)
        if like and program.key not in seen:
            seen.add(program.key)
            row = {"kind": "trained", "formula": candidate["formula"], "validation": candidate[f"valid_{metric}"]}
            rows.append(row | like | {"accepted": int(candidate["verdict"] == "accepted")})
    one = study.training
    shared = {"model": one.recommender, "dataset": study.data.dataset, "task": one.task, "clamp": one.clamp}
    return [shared | {"seed": study.seed} | row for row in rows]


def _finished(kind: str, formula: str, one: Mapping[str, Any], metric: str) -> dict[str, Any]:
    values = {part: one[part].get(metric) for part in ("validation", "test")}
    return {"kind": kind, "formula": formula, "epsilon": one["epsilon"], **values}


def _like(program: LossProgram, space: OperatorSpace, epsilon: float | None) -> dict[str, Any]:
    """Which named loss a searched one is, both with the same smoothing term; empty if none."""
    smoothing = space.xi if epsilon is None else epsilon
    named = {name: make_loss(name, space, smoothing) for name in NAMED_LOSSES}
    like = equivalent_loss(ProgramLoss(program, space, epsilon), named)
    return {} if like is None else {"like": like.name, "factor": like.factor}


def _found_rows(raw: Frame) -> Iterator[dict[str, str]]:
    """A row for each search, then for what the paper searched and these results have not."""
    for (model, dataset, task, clamp, seed), rows in groups(raw, "model", "dataset", "task", "clamp", "seed"):
        wanted, metric = baselines(model, dataset, task)[0], find_metric(task, None).name
        best, known = _first(rows, "finalist"), _first(rows, "baseline", wanted)
        own, other = (None if one is None else one["test"] for one in (best, known))
        yield named(model, dataset) | {
            "task": task,
            "clamp": clamp,
            "seed": str(seed),
            "paper finds": wanted,
            "ours finds": NOTHING if best is None else code(best["formula"]),
            "which is": NOTHING if best is None else (best["like"] or "another loss"),
            "metric": METRIC_NAMES[metric],
            "test": number(own),
            "paper's loss": number(other),
            "difference": difference(own, other),
            "published": number(published(model, dataset, metric, wanted)),
            "in the search": _became(rows, wanted),
        }
    measured = set(zip(raw["model"], raw["dataset"], raw["task"], strict=True))
    for (model, dataset, task), loss in TABLE_4.items():
        if (model, dataset, task) not in measured:
            yield named(model, dataset) | {"task": task, "paper finds": loss}


def _first(rows: Frame, kind: str, like: str | None = None) -> dict[str, Any] | None:
    """The first row of a kind, of those of a named loss where it is given; of finalists the one that was found."""
    chosen = rows[(rows["kind"] == kind) & ((rows["like"] == like) | (like is None))]
    return next(iter(chosen.sort_values("place", kind="stable").to_dict("records")), None)


def _became(rows: Frame, wanted: str) -> str:
    """What became of the paper's loss in one search."""
    finalist = _first(rows, "finalist", wanted)
    if finalist is not None:
        n = int((rows["kind"] == "finalist").sum())
        return "found" if finalist["place"] == 1 else f"finalist {finalist['place']:.0f} of {n}"
    trained = rows[(rows["kind"] == "trained") & (rows["like"] == wanted)]
    if not len(trained):
        return "never trained"
    return "accepted, no finalist" if (trained["accepted"] == 1).any() else "trained, rejected"


def _named_rows(raw: Frame) -> Iterator[dict[str, str]]:
    """A row for each loss of a search that is a named one."""
    chosen = raw[(raw["like"] != "") & raw["kind"].isin(["finalist", "trained"])]
    for row in chosen.to_dict("records"):
        if row["kind"] == "finalist":
            smoothing = f", smoothing term {row['epsilon']:g}" if math.isfinite(row["epsilon"]) else ""
            fate = f"finalist {row['place']:.0f}{smoothing}"
        else:
            fate = "accepted in Phase I" if row["accepted"] == 1 else "rejected in Phase I"
        yield named(row["model"], row["dataset"]) | {
            "task": row["task"],
            "clamp": row["clamp"],
            "seed": f"{row['seed']:.0f}",
            "loss": code(row["formula"]),
            "is": row["like"],
            "times": f"{row['factor']:.4g}",
            "validation": number(row["validation"]),
            "what became of it": fate,
        }


def _sentences(raw: Frame) -> Iterator[str]:
    """How often the searches of one kind find what the paper finds."""
    for (model, dataset, task, clamp), rows in groups(raw, "model", "dataset", "task", "clamp"):
        wanted, searches = baselines(model, dataset, task)[0], [one for _, one in groups(rows, "seed")]
        became = [_became(one, wanted) for one in searches]
        fates = Counter("another finalist" if fate.startswith("finalist") else fate for fate in became)
        others = "".join(f", {fate} in {n}" for fate, n in sorted(fates.items()) if fate != "found")
        best, known = (
            [one["test"] for search in searches if (one := _first(search, *which)) is not None]
            for which in (("finalist",), ("baseline", wanted))
        )
        metric = METRIC_NAMES[find_metric(task, None).name]
        these = "search" if len(searches) == 1 else "searches"
        yield (
            f"{', '.join(named(model, dataset).values())}, {task}, {clamp} clamp: {wanted}, which the paper finds, is "
            f"found by {fates['found']} of {len(searches)} {these}{others}. Test {metric} of "
            f"what is found {spread(best)}, of {wanted} {spread(known)}."
        )


TABLE4 = Reproduction(
    name="table4",
    about="which loss the search finds, and whether it is the paper's",
    options=frozenset({"searcher", "trainings", *OF_TRAINING}),
    columns=(
        *PAIR,
        Column("task", str, known=frozenset(TASKS)),
        Column("clamp", str, known=frozenset(CLAMPS)),
        Column("seed", int),
        Column("kind", str, known=frozenset(_KINDS)),
        Column("place", int, optional=True),  # among the finalists, the found loss is the first
        Column("formula", str, optional=True),
        Column("like", str, optional=True),
        Column("factor", optional=True),
        Column("epsilon", optional=True),
        Column("validation", optional=True),
        Column("test", optional=True),
        Column("accepted", int, optional=True),  # of a search how many, of a loss whether
        Column("trained", int, optional=True),
        Column("sampled", int, optional=True),
    ),
    measure=_measure,
    rows={_TITLE: _found_rows, "Searched losses that are a named one up to scale and constants": _named_rows},
    sentences=_sentences,
    published=[place[:2] for place in TABLE_4],
)
