"""Table 8: losses that pass the validation check, and whether they train a recommender.

The twelve formulas of the paper's appendix, each with its share of simulated pairs that point the right way (at the
smoothing term that trains best, and at the one of a search) and its test AUC after convergence (MF, ML-100K). The
paper's observation is that a loss either works or stays at chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean
from typing import Any

from core.losses.loss import ProgramLoss
from core.problems.validation import ValidationCheck
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from studies.evaluation.report import seed_rows
from studies.reproduction.bench import Bench
from studies.reproduction.paper import TABLE_8
from studies.reproduction.raw import SMOOTHED, Column, Frame, converged
from studies.reproduction.reproduction import NOTHING, Reproduction, code, difference, groups, number, shortest, spread
from studies.reproduction.settings import OF_TRAINING

#: Test AUC above which a loss works, and below which it is at chance; the paper has nothing between .4918 and .7658.
WORKS, CHANCE = 0.7, 0.55


def _measure(bench: Bench) -> list[dict[str, Any]]:
    losses = [row.formula for row in TABLE_8]
    _, _, outcome = next(
        bench.evaluate_losses("paper", losses, ["BCE"], tuning_seeds=1)
    )  # tested against one that works
    return [row | _rates(row["loss"], row["epsilon"]) for row in seed_rows(outcome) if row["loss"] in losses]


def _rows(raw: Frame) -> Iterator[dict[str, str]]:
    measured = {loss: of_loss for (loss,), of_loss in groups(raw, "loss")}
    for row in TABLE_8:
        of_loss = measured.get(row.formula, raw.iloc[:0])
        chosen = of_loss.drop(columns="loss").max()  # the same for all seeds
        aucs = _aucs(of_loss)
        yield {
            "loss": code(row.formula),
            "positive rate, paper": number(row.positive_rate, 3),
            "positive rate, ours": number(chosen["positive_rate_of_search"], 3),
            "smoothing term": shortest(chosen["epsilon"]),
            "positive rate with it": number(chosen["positive_rate"], 3),
            "test AUC, paper": number(row.auc),
            "test AUC, ours": spread(of_loss["test_auc"].tolist()),
            "difference": difference(fmean(aucs), row.auc) if aucs else NOTHING,
            "which": _fate(aucs) if aucs else NOTHING,
        }


def _sentences(raw: Frame) -> Iterator[str]:
    fates = {loss: _fate(_aucs(of_loss)) for (loss,), of_loss in groups(raw, "loss")}
    known, n = list(fates.values()), len(fates)
    alike = [row for row in TABLE_8 if fates.get(row.formula) == _kind(row.auc)]
    mixed = [f"{code(name)} {fate}" for name, fate in fates.items() if fate not in ("works", "chance")]
    yield (
        f"{known.count('works')} of {n} formulas work (test AUC above {WORKS:g}) with every seed, "
        f"{known.count('chance')} stay at chance (below {CHANCE:g}); {len(alike)} of {n} do as in the paper."
    )
    if mixed:
        yield f"Neither with every seed: {'; '.join(mixed)}."
    kinds = [_kind(auc) for auc in _aucs(raw)]
    yield (
        f"Of {len(kinds)} trainings {kinds.count('works')} work, {kinds.count('chance')} stay at chance and "
        f"{kinds.count('between')} end between."
    )


def _aucs(rows: Frame) -> list[float]:
    """On the test part; a training that broke down is at chance."""
    return [auc if math.isfinite(auc) else 0.5 for auc in rows["test_auc"].tolist()]


def _kind(auc: float) -> str:
    return "works" if auc > WORKS else "chance" if auc < CHANCE else "between"


def _fate(aucs: list[float]) -> str:
    """What became of the trainings with all seeds."""
    kinds = [_kind(auc) for auc in aucs]
    return kinds[0] if len(set(kinds)) == 1 else f"works with {kinds.count('works')} of {len(kinds)} seeds"


def _rates(formula: str, epsilon: float | None) -> dict[str, Any]:
    """The share of simulated pairs on which it points the right way, with this smoothing term and with a search's."""
    program, check = LossProgram.parse(formula), ValidationCheck(0.9)
    terms = {"positive_rate": epsilon, "positive_rate_of_search": None}
    losses = {name: ProgramLoss(program, OperatorSpace(), term) for name, term in terms.items()}
    return {name: check.direction(loss.function).positive_rate for name, loss in losses.items()}


TABLE8 = Reproduction(
    name="table8",
    about="losses that pass the validation check, and whether they work",
    options=OF_TRAINING - {"dataset", "recommenders"},
    columns=(*SMOOTHED, Column("positive_rate"), Column("positive_rate_of_search"), *converged("auc")),
    measure=_measure,
    rows={"Table 8: the twelve formulas of the paper (MF, ML-100K)": _rows},
    sentences=_sentences,
)
