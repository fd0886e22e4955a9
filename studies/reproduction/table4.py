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
from studies.execution.task import Task
from studies.reproduction.bench import Bench
from studies.reproduction.beside import METRIC_NAMES, computed, data_name, groups, model_name, not_measured
from studies.reproduction.paper import TABLE_4, TABLE_5, TABLE_6, published
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import OF_TRAINING
from studies.reproduction.table import NOTHING, Table, code, difference, number, spread
from studies.study.settings import StudySettings

TASKS, CLAMPS = ("classification", "regression"), ("signed", "paper")
#: What counts as the paper's loss for models and data that it did not search for.
_USUAL = {"classification": "MaxR", "regression": "MSE"}
_KINDS = ("search", "finalist", "baseline", "trained")


def _measure(bench: Bench) -> list[dict[str, Any]]:
    def plan(dataset: str) -> Iterator[tuple[StudySettings, Task]]:
        for model, task, clamp, seed in product(bench.settings.models, TASKS, CLAMPS, range(bench.settings.seeds)):
            given = {"recommender": model, "task": task, "clamp": clamp, "seed": seed}
            study = bench.study(dataset, baseline=baselines(model, dataset, task), **given)
            label = f"{study.recommender} {task} {clamp} clamp seed {seed}"
            yield study, bench.factory(dataset).study(study, label)

    found = computed(bench, "{n} searches on {dataset}, phases I to III", plan)
    return [row for study, part in found for row in _rows(study, part)]


def _tables(raw: Frame) -> list[Table]:
    found = [_found_row(key, rows) for key, rows in groups(raw, "model", "dataset", "task", "clamp", "seed")]
    measured = set(zip(raw["model"], raw["dataset"], raw["task"], strict=True))
    for row in TABLE_4:
        if (row.model, row.dataset, row.task) not in measured:
            alone = (model_name(row.model), data_name(row.dataset), row.task, NOTHING, NOTHING, row.loss)
            found.append((*alone, *(NOTHING,) * (len(_FOUND_COLUMNS) - len(alone))))
    tables = [Table(_FOUND_TITLE, _FOUND_COLUMNS, tuple(found))]
    named = raw[(raw["like"] != "") & raw["kind"].isin(["finalist", "trained"])]
    if len(named):
        rows = tuple(_named_row(row) for row in named.to_dict("records"))
        tables.append(Table("Searched losses that are a named one up to scale and constants", _NAMED_COLUMNS, rows))
    return tables


def _notes(raw: Frame) -> list[str]:
    sentences = [_sentence(key, rows) for key, rows in groups(raw, "model", "dataset", "task", "clamp")]
    return sentences + not_measured(raw, ((row.model, row.dataset) for row in TABLE_4))


def baselines(model: str, dataset: str, task: str) -> tuple[str, str]:
    """What a search is compared with: the paper's loss, and one that stands for all handcrafted ones."""
    return _paper_loss(model, dataset, task), "BCE"


def _rows(study: StudySettings, part: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one search: it, its finalists, the baselines, and what it trained that is a named loss."""
    result, metric = part["result"], find_metric(study.task, study.metric).name
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
    shared = {"model": study.recommender, "dataset": study.dataset, "task": study.task, "clamp": study.clamp}
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


_FOUND_TITLE = (
    "Table 4: the loss that a search finds, its test metric, that of the paper's loss trained here, the difference, "
    "what the paper publishes for its loss, and what became of its loss in our search"
)
_FOUND_COLUMNS = (
    *("model", "data", "task", "clamp", "seed", "paper finds", "ours finds", "which is", "metric", "test"),
    *("paper's loss", "difference", "published", "in the search"),
)
_NAMED_COLUMNS = ("model", "data", "task", "clamp", "seed", "loss", "is", "times", "validation", "what became of it")


def _found_row(key: tuple[Any, ...], rows: Frame) -> tuple[str, ...]:
    model, dataset, task, clamp, seed = key
    wanted, finalists = _paper_loss(model, dataset, task), rows[rows["kind"] == "finalist"].sort_values("place")
    best = next(iter(finalists.to_dict("records")), None)
    known = _first(rows, "baseline", wanted)
    own, other = (None if one is None else one["test"] for one in (best, known))
    metric = find_metric(task, None).name
    return (
        model_name(model),
        data_name(dataset),
        task,
        clamp,
        str(seed),
        wanted or NOTHING,
        NOTHING if best is None else code(best["formula"]),
        NOTHING if best is None else (best["like"] or "another loss"),
        METRIC_NAMES[metric],
        number(own),
        number(other),
        difference(own, other),
        number(published((*TABLE_5, *TABLE_6), model, dataset, metric, wanted)),
        _became(rows, wanted),
    )


def _paper_loss(model: str, dataset: str, task: str) -> str:
    """The name of what the paper found there; the usual one of the task for other models and data."""
    found = (row.loss for row in TABLE_4 if (row.model, row.dataset, row.task) == (model, dataset, task))
    return next(found, _USUAL[task])


def _first(rows: Frame, kind: str, like: str) -> dict[str, Any] | None:
    matching = rows[(rows["kind"] == kind) & (rows["like"] == like)].to_dict("records")
    return matching[0] if matching else None


def _became(rows: Frame, wanted: str) -> str:
    """What became of the paper's loss in one search."""
    n = int((rows["kind"] == "finalist").sum())
    finalist = _first(rows[rows["kind"] == "finalist"].sort_values("place"), "finalist", wanted)
    if finalist is not None:
        return "found" if finalist["place"] == 1 else f"finalist {finalist['place']:.0f} of {n}"
    trained = rows[(rows["kind"] == "trained") & (rows["like"] == wanted)]
    if not len(trained):
        return "never trained"
    return "accepted, no finalist" if (trained["accepted"] == 1).any() else "trained, rejected"


def _named_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    if row["kind"] == "finalist":
        smoothing = f", smoothing term {row['epsilon']:g}" if math.isfinite(row["epsilon"]) else ""
        fate = f"finalist {row['place']:.0f}{smoothing}"
    else:
        fate = "accepted in Phase I" if row["accepted"] == 1 else "rejected in Phase I"
    name = (model_name(row["model"]), data_name(row["dataset"]), row["task"], row["clamp"], f"{row['seed']:.0f}")
    return (*name, code(row["formula"]), row["like"], f"{row['factor']:.4g}", number(row["validation"]), fate)


def _sentence(key: tuple[Any, ...], rows: Frame) -> str:
    """How often the searches of one kind find what the paper finds."""
    model, dataset, task, clamp = key
    wanted, searches = _paper_loss(model, dataset, task), [one for _, one in groups(rows, "seed")]
    became = [_became(one, wanted) for one in searches]
    fates = Counter("another finalist" if fate.startswith("finalist") else fate for fate in became)
    others = "".join(f", {fate} in {n}" for fate, n in sorted(fates.items()) if fate != "found")
    best = [one["test"] for one in map(_first_place, searches) if one is not None]
    known = [one["test"] for search in searches if (one := _first(search, "baseline", wanted)) is not None]
    metric = METRIC_NAMES[find_metric(task, None).name]
    these = "search" if len(searches) == 1 else "searches"
    return (
        f"{model_name(model)}, {data_name(dataset)}, {task}, {clamp} clamp: {wanted}, which the paper finds, is found "
        f"by {fates['found']} of {len(searches)} {these}{others}. Test {metric} of "
        f"what is found {spread(best)}, of {wanted} {spread(known)}."
    )


def _first_place(rows: Frame) -> dict[str, Any] | None:
    finalists = rows[(rows["kind"] == "finalist") & (rows["place"] == 1)].to_dict("records")
    return finalists[0] if finalists else None


TABLE4 = Reproduction(
    name="table4",
    about="which loss the search finds, and whether it is the paper's",
    options=frozenset({"searcher", "trainings", *OF_TRAINING}),
    columns=(
        Column("model", str),
        Column("dataset", str),
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
    tables=_tables,
    notes=_notes,
)
