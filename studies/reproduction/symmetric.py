"""The same losses, with everything that goes with scale tuned for each of them: beside Table 5, the fair one.

Under one shared decay a loss c times as large trains like a learning rate c times as large with a decay c times as
small, so Table 5 cannot tell a better shape from a larger scale. Here learning rate, weight decay and smoothing term of
every loss are tuned on validation with the same number of trials (`studies.evaluation.tuner`), and every optimum is
shown with what its neighbours came to on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from core.common.errors import counted, span
from recommenders.tasks.losses import find_named_loss
from recommenders.tasks.metrics import METRICS
from studies.evaluation.outcome import LEVEL, EvaluatedLoss, PairedComparison, SgdChoice, compare_with
from studies.evaluation.report import seed_rows
from studies.reproduction.bench import Bench
from studies.reproduction.paper import published
from studies.reproduction.raw import TRAINED, Column, Frame, converged
from studies.reproduction.reproduction import NOTHING, Reproduction, code, groups, named, number, shortest, spread
from studies.reproduction.settings import OF_TRAINING
from studies.study.settings_training import DataSettings

#: What everything is compared with.
_BASELINE = "BCE"
_LOSSES = ("MSE", "hinge", "focal", "MaxR", "SumR", "LogMin")
_SETTINGS, _SIDES = ("learning_rate", "weight_decay"), ("below", "above")
_TITLE = "Test AUC with learning rate, weight decay and smoothing term tuned for each loss, beside the published one"
_BRACKET_TITLE = (
    "The optimum of each loss and its neighbours, half and twice as much: mean validation AUC of the tuning seeds"
)


def _measure(bench: Bench) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    losses = [one for one in bench.settings.loss or _LOSSES if one != _BASELINE]
    for model, dataset, outcome in bench.evaluate_losses("symmetric", losses, [_BASELINE]):
        chosen = {one.name: _chosen(one) for one in outcome.losses}
        of_both = {"model": model, "dataset": DataSettings(dataset=dataset).name_on(bench.files[dataset])}
        rows += [of_both | row | chosen[row["loss"]] for row in seed_rows(outcome)]
    return rows


def _ranked(raw: Frame) -> Iterator[tuple[str, str, str, Frame, PairedComparison | None]]:
    """Model, data set, loss, its rows and how it is beside the baseline: the best on validation first."""
    for pair, of_pair in groups(raw, "model", "dataset"):
        compared = _compared(of_pair)
        found = sorted(groups(of_pair, "loss"), key=lambda one: -float(one[1]["validation_auc"].mean()))
        for (loss,), rows in found:
            yield *pair, loss, rows, compared.get(loss)


def _sentences(raw: Frame) -> Iterator[str]:
    for pair, of_both in groups(raw, "model", "dataset"):
        n, where = int(of_both["seed"].nunique()), " on ".join(named(*pair).values())
        verdicts: dict[str, list[str]] = {"better": [], "worse": [], "undecided": []}
        for loss, compared in _compared(of_both).items():
            gain = "" if compared.verdict == "undecided" else f" ({compared.gain:+.4f})"
            verdicts[compared.verdict].append(_shown(loss) + gain)
        better, worse, others = (", ".join(names) or "none" for names in verdicts.values())
        yield (
            f"{where}, beside a {_BASELINE} that is tuned as they are, {counted(n, 'paired seed')}, "
            f"p < {LEVEL:g} each: better {better}; worse {worse}; not shown to differ {others}."
        )
        spreads = [float(rows["test_auc"].std()) for _, rows in groups(of_both, "loss")]
        if n > 1 and all(map(math.isfinite, spreads)):
            yield (
                f"{where}, noise floor: from seed to seed the standard deviation of one loss's test AUC is "
                f"{span(min(spreads), max(spreads))}."
            )


def _chosen(one: EvaluatedLoss) -> dict[str, Any]:
    """The validation metric of the chosen settings and of their neighbours."""
    choice = one.choice
    assert isinstance(choice, SgdChoice), "what is tuned are settings of SGD"
    assert choice.tuner is not None, "a tuned loss has a tuner"
    tuner = choice.tuner
    sides = {f"{side.setting}_{side.direction}": side.value for side in tuner.bracket()}
    return {"tuned": tuner.best.value, **sides}


def _compared(rows: Frame) -> dict[str, PairedComparison]:
    """Every loss but the baseline beside it; each is a question of its own, so nothing is corrected."""
    rows = rows.sort_values("seed", kind="stable")
    values = {loss: of_loss["test_auc"].tolist() for (loss,), of_loss in groups(rows, "loss")}
    if _BASELINE not in values:
        return {}
    others = [name for name in values if name != _BASELINE and len(values[name]) == len(values[_BASELINE])]
    return {name: compare_with(name, [_BASELINE], METRICS["auc"], values)[0] for name in others}


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    for model, dataset, loss, rows, compared in _ranked(raw):
        first = rows.iloc[0]
        paper, base = (published(model, dataset, "auc", name) for name in (loss, _BASELINE))
        gain = None if paper is None or base is None or loss == _BASELINE else paper - base
        p_value = None if compared is None else compared.p_value
        yield named(model, dataset) | {
            "loss": _shown(loss),
            "smoothing term": shortest(first["epsilon"]),
            "learning rate": f"{first['learning_rate']:.3g}",
            "weight decay": f"{first['weight_decay']:.2g}",
            "best epoch": number(float(rows["best_epoch"].mean()), 0),
            "validation AUC": spread(rows["validation_auc"].tolist()),
            "test AUC": spread(rows["test_auc"].tolist()),
            f"gain over {_BASELINE}": NOTHING if compared is None else f"{compared.gain:+.4f}",
            "p": NOTHING if p_value is None else f"{p_value:.2g}",
            "test F1": spread(rows["test_f1"].tolist()),
            "published AUC": number(paper),
            f"published gain over {_BASELINE}": NOTHING if gain is None else f"{gain:+.4f}",
        }


def _brackets(raw: Frame) -> Iterator[dict[str, str]]:
    for model, dataset, loss, rows, _ in _ranked(raw):
        first, cells, whole = rows.iloc[0], {}, True
        best = float(first["tuned"])
        for setting, more in (("learning_rate", ""), ("weight_decay", " ")):  # no two columns have the same name
            below, above = (float(first[f"{setting}_{side}"]) for side in _SIDES)
            cells[f"{setting.replace('_', ' ')}: half"] = number(below)
            cells |= {f"chosen{more}": number(best), f"twice{more}": number(above)}
            whole = whole and below <= best and above <= best
        yield named(model, dataset) | {"loss": _shown(loss), **cells, "bracketed": "yes" if whole else "no"}


def _shown(loss: str) -> str:
    return loss if find_named_loss(loss) else code(loss)


SYMMETRIC = Reproduction(
    name="symmetric",
    about="the losses of table5 with learning rate, decay and smoothing term tuned alike for each",
    options=OF_TRAINING - {"learning_rate"} | {"loss", "trials", "tuning_seeds"},
    columns=(
        *TRAINED,
        Column("tuned"),
        *(Column(f"{setting}_{side}", optional=True) for setting in _SETTINGS for side in _SIDES),
        *converged("auc", "f1"),
    ),
    measure=_measure,
    rows={_TITLE: _rows, _BRACKET_TITLE: _brackets},
    sentences=_sentences,
)
