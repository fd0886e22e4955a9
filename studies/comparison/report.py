"""The files of a comparison: plain data for scripts, one page for a person, and its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from studies.common.drawing import png
from studies.comparison.outcome import Converged, Outcome
from studies.comparison.page import CAPTIONS, render_page
from studies.comparison.pictures import draw_all
from studies.comparison.statistics import Statistics, analyse
from studies.comparison.summary import conclusion
from studies.storage.output import OutputFolder, csv_of, plain

#: The files of a comparison.
REPORT_FILES = ("report.html", "result.json", "runs.csv", *(f"{stem}.png" for stem in CAPTIONS))


@dataclass(frozen=True)
class Report:
    """An outcome, and what can be said of it."""

    outcome: Outcome
    statistics: Statistics
    pictures: Mapping[str, bytes]
    """PNG files by stem."""

    @property
    def sentences(self) -> list[str]:
        """The conclusion in sentences."""
        return conclusion(self.statistics, self.outcome.terms)

    def to_dict(self) -> dict[str, Any]:
        """The content of result.json; None for numbers that are not finite."""
        outcome = asdict(self.outcome)
        if self.outcome.terms.are_losses:  # of losses everybody knows how one speaks
            del outcome["terms"]
        if self.outcome.optimum is None:
            del outcome["optimum"]
        content: dict[str, Any] = plain({**outcome, "conclusion": self.sentences})
        return content


def make_report(outcome: Outcome) -> Report:
    """Analyse and draw."""
    statistics = analyse(outcome)
    pictures = {stem: png(figure) for stem, figure in draw_all(outcome, statistics).items()}
    return Report(outcome, statistics, pictures)


def write_report(report: Report, folder: OutputFolder) -> list[Path]:
    """Write report.html, result.json, runs.csv and the pictures; the page comes first.

    Raises:
        UserError: the disk is full.
    """
    page = render_page(report.outcome, report.statistics, report.pictures)
    files = [folder.write("report.html", page.encode()), folder.write_json("result.json", report.to_dict())]
    files.append(folder.write("runs.csv", csv_of(run_rows(report.outcome))))
    return files + [folder.write(f"{stem}.png", content) for stem, content in report.pictures.items()]


def run_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """A row for each run and each known loss: what was found, and its metrics after convergence."""
    rows: list[tuple[str, str, int | None, float, Converged | None]]
    rows = [("found", run.searcher, run.seed, run.final, run.best) for run in outcome.runs]
    rows += [("known", "", None, math.nan, known) for known in outcome.baselines]
    return [
        {
            "kind": kind,
            "searcher": searcher,
            "seed": seed,
            f"search_{outcome.metric}": final if math.isfinite(final) else None,
            "loss": best and best.name,
            "epsilon": best and best.epsilon,
            f"validation_{outcome.metric}": best and _mean(best.validation),
            f"test_{outcome.metric}": best and _mean(best.test),
        }
        for kind, searcher, seed, final, best in rows
    ]


def _mean(values: Sequence[float]) -> float | None:
    """The mean; None where there is none."""
    mean = fmean(values) if values else math.nan
    return mean if math.isfinite(mean) else None
