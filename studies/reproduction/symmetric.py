"""The same losses, with everything that goes with scale tuned for each of them: beside Table 5, the fair one.

Under one shared decay a loss c times as large trains like a learning rate c times as large with a decay c times as
small, so Table 5 cannot tell a better shape from a larger scale. Here learning rate, weight decay and smoothing term of
every loss are tuned on validation with the same number of trials (`studies.evaluation.tuner`), and every optimum is
shown with what its neighbours came to on both sides.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

from recommenders.tasks.losses import find_named_loss
from recommenders.tasks.metrics import METRICS
from studies.evaluation.outcome import EvaluatedLoss
from studies.evaluation.report import seed_rows
from studies.evaluation.statistics import LEVEL, PairedComparison, compare_with
from studies.reproduction.bench import Bench
from studies.reproduction.beside import data_name, groups, model_name
from studies.reproduction.evaluated import evaluate_losses
from studies.reproduction.paper import TABLE_5, published
from studies.reproduction.raw import Column, Frame, metric_columns
from studies.reproduction.reproduction import Reproduction
from studies.reproduction.settings import OF_TRAINING
from studies.reproduction.table import NOTHING, Table, code, number, shortest, spread

#: What everything is compared with.
_BASELINE = "BCE"
_LOSSES = ("MSE", "hinge", "focal", "MaxR", "SumR", "LogMin")
_SETTINGS, _SIDES = ("learning_rate", "weight_decay"), ("below", "above")
_TITLE = "Test AUC with learning rate, weight decay and smoothing term tuned for each loss, beside the published one"
_COLUMNS = (
    *("model", "data", "loss", "smoothing term", "learning rate", "weight decay", "best epoch", "validation AUC"),
    *("test AUC", f"gain over {_BASELINE}", "p", "test F1", "published AUC", f"published gain over {_BASELINE}"),
)
_BRACKET_TITLE = (
    "The optimum of each loss and its neighbours, half and twice as much: mean validation AUC of the tuning seeds"
)
_BRACKET_COLUMNS = (
    *("model", "data", "loss", "learning rate: half", "chosen", "twice", "weight decay: half", "chosen ", "twice "),
    "bracketed",
)


def _measure(bench: Bench) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    losses = [one for one in bench.settings.loss or _LOSSES if one != _BASELINE]
    for dataset, model in product(bench.datasets, bench.settings.models):
        outcome = evaluate_losses(bench, "symmetric", dataset, model, losses, (_BASELINE,))
        chosen = {one.name: _chosen(one) for one in outcome.losses}
        of_both = {"model": model, "dataset": outcome.settings.data_name(bench.files(dataset))}
        rows += [of_both | row | chosen[row["loss"]] for row in seed_rows(outcome)]
    return rows


def _tables(raw: Frame) -> list[Table]:
    """The best on validation first."""
    first, second = [], []
    for (model, dataset), of_both in groups(raw, "model", "dataset"):
        pairs = _pairs(of_both)
        found = sorted(groups(of_both, "loss"), key=lambda one: -float(one[1]["validation_auc"].mean()))
        for (loss,), rows in found:
            name = (model_name(model), data_name(dataset), _shown(loss))
            first.append((*name, *_evaluated_cells(model, dataset, loss, rows, pairs.get(loss))))
            second.append((*name, *_bracket_cells(rows)))
    return [Table(_TITLE, _COLUMNS, tuple(first)), Table(_BRACKET_TITLE, _BRACKET_COLUMNS, tuple(second))]


def _notes(raw: Frame) -> list[str]:
    sentences = []
    for (model, dataset), of_both in groups(raw, "model", "dataset"):
        n, where = int(of_both["seed"].nunique()), f"{model_name(model)} on {data_name(dataset)}"
        named: dict[str, list[str]] = {"better": [], "worse": [], "undecided": []}
        for loss, pair in _pairs(of_both).items():
            gain = "" if pair.verdict == "undecided" else f" ({pair.gain:+.4f})"
            named[pair.verdict].append(_shown(loss) + gain)
        better, worse, others = (", ".join(names) or "none" for names in named.values())
        sentences.append(
            f"{where}, beside a {_BASELINE} that is tuned as they are, {n} paired seeds, p < {LEVEL:g} each: "
            f"better {better}; worse {worse}; not shown to differ {others}."
        )
        spreads = [float(rows["test_auc"].std()) for _, rows in groups(of_both, "loss")]
        if n > 1 and all(map(math.isfinite, spreads)):
            sentences.append(
                f"{where}, noise floor: from seed to seed the standard deviation of one loss's test AUC is "
                f"{min(spreads):.4f} to {max(spreads):.4f}."
            )
    return sentences


def _chosen(one: EvaluatedLoss) -> dict[str, Any]:
    """The validation metric of the chosen settings and of their neighbours."""
    tuner = one.choice.tuner
    assert tuner is not None, "a tuned loss has a tuner"
    sides = {f"{side.setting}_{side.direction}": side.value for side in tuner.bracket()}
    return {"tuned": tuner.best.value, **sides}


def _pairs(rows: Frame) -> dict[str, PairedComparison]:
    """Every loss but the baseline beside it; each is a question of its own, so nothing is corrected."""
    rows = rows.sort_values("seed", kind="stable")
    values = {loss: of_loss["test_auc"].tolist() for (loss,), of_loss in groups(rows, "loss")}
    if _BASELINE not in values:
        return {}
    others = [name for name in values if name != _BASELINE and len(values[name]) == len(values[_BASELINE])]
    return {name: compare_with(name, [_BASELINE], METRICS["auc"], values)[0] for name in others}


def _evaluated_cells(
    model: str, dataset: str, loss: str, rows: Frame, pair: PairedComparison | None
) -> tuple[str, ...]:
    first = rows.iloc[0]
    paper, base = (published(TABLE_5, model, dataset, "auc", name) for name in (loss, _BASELINE))
    gain = None if paper is None or base is None else paper - base
    return (
        shortest(first["epsilon"]),
        f"{first['learning_rate']:.3g}",
        f"{first['weight_decay']:.2g}",
        number(float(rows["best_epoch"].mean()), 0),
        spread(rows["validation_auc"].tolist()),
        spread(rows["test_auc"].tolist()),
        NOTHING if pair is None else f"{pair.gain:+.4f}",
        NOTHING if pair is None or pair.p_value is None else f"{pair.p_value:.2g}",
        spread(rows["test_f1"].tolist()),
        number(paper),
        NOTHING if gain is None or loss == _BASELINE else f"{gain:+.4f}",
    )


def _bracket_cells(rows: Frame) -> tuple[str, ...]:
    first, cells = rows.iloc[0], []
    best, whole = float(first["tuned"]), True
    for setting in _SETTINGS:
        below, above = (float(first[f"{setting}_{side}"]) for side in _SIDES)
        cells += [number(below), number(best), number(above)]
        whole = whole and below <= best and above <= best
    return (*cells, "yes" if whole else "no")


def _shown(loss: str) -> str:
    return loss if find_named_loss(loss) else code(loss)


SYMMETRIC = Reproduction(
    name="symmetric",
    about="the losses of table5 with learning rate, decay and smoothing term tuned alike for each",
    options=OF_TRAINING - {"learning_rate"} | {"loss", "trials", "tuning_seeds"},
    columns=(
        Column("model", str),
        Column("dataset", str),
        Column("loss", str),
        Column("epsilon", optional=True),
        Column("learning_rate"),
        Column("weight_decay"),
        Column("tuned"),
        *(Column(f"{setting}_{side}", optional=True) for setting in _SETTINGS for side in _SIDES),
        Column("seed", int),
        Column("best_epoch", int),
        *metric_columns("auc", "f1"),
    ),
    measure=_measure,
    tables=_tables,
    notes=_notes,
)
