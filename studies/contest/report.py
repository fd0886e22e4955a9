"""The files of a comparison: plain data for scripts, one page for a person, and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studies.contest.outcome import Outcome
from studies.contest.page import render_page
from studies.contest.pictures import draw_all
from studies.contest.statistics import Statistics, analyse
from studies.contest.summary import conclusion
from studies.drawing import png
from studies.output import OutputFolder, plain


@dataclass(frozen=True)
class Report:
    """An outcome, and what can be said of it."""

    outcome: Outcome
    statistics: Statistics
    pictures: Mapping[str, bytes]
    """PNG files by stem."""

    @property
    def told(self) -> list[str]:
        """The conclusion in sentences."""
        return conclusion(self.statistics)

    def to_dict(self) -> dict[str, Any]:
        """The content of result.json; None for numbers that are not finite."""
        content: dict[str, Any] = plain({**asdict(self.outcome), "conclusion": self.told})
        return content


def make_report(outcome: Outcome) -> Report:
    """Analyse and draw."""
    statistics = analyse(outcome)
    pictures = {stem: png(figure) for stem, figure in draw_all(outcome, statistics).items()}
    return Report(outcome, statistics, pictures)


def write_report(report: Report, folder: OutputFolder) -> list[Path]:
    """Write report.html, result.json and the pictures; the page comes first.

    Raises:
        UserError: the disk is full.
    """
    page = render_page(report.outcome, report.statistics, report.pictures)
    files = [folder.write("report.html", page.encode()), folder.write_json("result.json", report.to_dict())]
    return files + [folder.write(f"{stem}.png", content) for stem, content in report.pictures.items()]
