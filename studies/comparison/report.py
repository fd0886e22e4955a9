"""The files of a comparison: plain data for scripts, one page for a person, and its pictures."""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from core.phases.terms import Terms
from studies.common.drawing import png
from studies.common.pages import STYLE, template
from studies.comparison import summary
from studies.comparison.outcome import Converged, Outcome
from studies.comparison.pictures import draw_all
from studies.comparison.statistics import Statistics, analyse
from studies.comparison.summary import conclusion
from studies.reporting.page import data_notes
from studies.storage.output import OutputFolder, csv_of, plain
from studies.study.summary import mean_and_spread

#: File stem -> what the picture shows and how to read it. Stems are those of `pictures.draw_all`.
CAPTIONS = {
    "regret": (
        "Regret by budget",
        "How far the best so far is from the best that there is: the median over seeds, and the quartiles as a band. "
        "Lower is better, 0 is the best {one} of all.",
    ),
    "anytime": (
        "Best so far by budget",
        "The median over seeds, and the quartiles as a band. The better line further left needs less training; ends "
        "closer together than half the height of the grey band mean nothing. The first climb may leave the axes.",
    ),
    "anytime_seconds": (
        "Best so far by wall-clock",
        "The same over seconds: a searcher that takes long to propose falls behind here. Times depend on the machine.",
    ),
    "targets": (
        "Targets reached",
        "51 targets lie evenly between the median of first values and the best value of any run. A higher line has "
        "reached more of them with more of its seeds.",
    ),
    "converged": (
        "The best {one} of each run, trained to convergence",
        "A point is a run, its bar one standard deviation over training seeds. Dashed lines are known {many}; an arrow "
        "marks one that lies outside the axes.",
    ),
    "critical_difference_final": (
        "Mean ranks at the end of the search",
        "1 is best. Searchers under one black bar are not told apart by Nemenyi's test.",
    ),
    "critical_difference_converged": (
        "Mean ranks after convergence",
        "1 is best. Searchers under one black bar are not told apart by Nemenyi's test.",
    ),
    "improvement_final": (
        "Probability of improvement at the end of the search",
        "How often a run of the row is better than a run of the column, ties half; 0.5 is a draw. The table of pairs "
        "has the intervals.",
    ),
    "improvement_converged": (
        "Probability of improvement after convergence",
        "How often the best {one} of a run of the row is better than that of a run of the column, ties half.",
    ),
    "funnel": (
        "What became of the candidates",
        "All seeds of a searcher together. Accepted and rejected candidates were trained, and some of the non finite.",
    ),
}


#: Tables with more runs are folded.
_MOST_ROWS = 100

_FILTERS: Mapping[str, Callable[..., str]] = {
    "number": summary.number,
    "p_value": summary.p_value,
    "spread": mean_and_spread,
}


def _caption(stem: str, terms: Terms) -> tuple[str, str]:
    """Title and text of a picture."""
    title, text = (words.format(one=terms.one, many=terms.many) for words in CAPTIONS[stem])
    return title, text


def _listed(seeds: Sequence[int]) -> str:
    """Seeds for a person: all of them, or from where to where."""
    is_row = len(seeds) > 10 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if is_row else ", ".join(map(str, seeds))


def render_page(outcome: Outcome, statistics: Statistics, pictures: Mapping[str, bytes]) -> str:
    """The page as HTML.

    Args:
        outcome: what was compared.
        statistics: of this outcome.
        pictures: PNG files by the stems of `pictures.draw_all`, in the order of showing.
    """
    return template("studies.comparison", "page.html", _FILTERS).render(
        style=STYLE,
        outcome=outcome,
        data=data_notes(outcome.data),
        statistics=statistics,
        rows=summary.rows_of(outcome, statistics),
        conclusion=summary.conclusion(statistics, outcome.terms),
        found_in=summary.found_in,
        seeds=_listed(outcome.seeds),
        most_rows=_MOST_ROWS,
        regret_title=summary.regret_title,
        regret_cells=summary.regret_cells,
        verdict_of=summary.verdict,
        verdicts=outcome.terms.verdicts,
        stops=Counter(run.stop for run in outcome.runs),
        pictures=[
            (*_caption(stem, outcome.terms), base64.b64encode(data).decode("ascii")) for stem, data in pictures.items()
        ],
    )


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
