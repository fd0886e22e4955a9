"""The page about a comparison: one HTML file that needs nothing else, neither links nor scripts."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from core.phases.terms import Terms
from studies.common.pages import STYLE, template
from studies.comparison import summary
from studies.comparison.outcome import Outcome
from studies.comparison.statistics import Statistics
from studies.reporting.notes import data_notes
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
