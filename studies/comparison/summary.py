"""The outcome of a comparison in the terminal, and the sentences and rows that the page shows too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.common.paired import pairs_needed, smallest_p
from core.phases.terms import Terms
from core.search.search import StopReason
from recommenders.tasks.loss_problem import LOSS_TERMS
from studies.comparison.outcome import Outcome, Regrets, quartiles
from studies.comparison.statistics import ALPHA, Pair, Standings, Statistics
from studies.study.summary import mean_and_spread


@dataclass(frozen=True)
class Row:
    """A searcher in numbers; medians, means and counts are over its runs."""

    searcher: str
    """As on the command line."""
    final: tuple[float, float, float]
    """Worse quartile, median and better quartile of the validation metric at the end; NaN where nothing was found."""
    converged: tuple[float, ...]
    """The test metric of each run's best loss after convergence; runs without one are left out."""
    ranks: tuple[float, float]
    """Mean rank at the end of the search, and after convergence."""
    trained: float
    """Median of the trainings."""
    sampled: float
    """Median of the candidates sampled."""
    searcher_seconds: float
    """Median wall-clock of asking and telling in Phase I."""
    training_seconds: float
    """Median wall-clock of training in Phase I."""
    early: int
    """Runs that ended before their trainings were used up."""
    runs: int
    """All runs."""


def rows_of(outcome: Outcome, statistics: Statistics) -> list[Row]:
    """A row for each searcher, in the order of the command line."""
    rows = []
    for i, name in enumerate(outcome.searchers):
        runs = outcome.of(name)
        tests = [fmean(run.best.test) for run in runs if run.best is not None and run.best.test]
        final = quartiles(np.array([run.final for run in runs]), outcome.higher_is_better)
        rows.append(
            Row(
                name,
                (float(final[0]), float(final[1]), float(final[2])),
                tuple(filter(math.isfinite, tests)),
                (float(statistics.final.ranks[i]), float(statistics.converged.ranks[i])),
                median(run.funnel["trained"] for run in runs),
                median(run.funnel["sampled"] for run in runs),
                median(run.seconds["searcher"] for run in runs),
                median(run.seconds["training"] for run in runs),
                sum(run.stop != StopReason.TRAININGS for run in runs),
                len(runs),
            )
        )
    return rows


def conclusion(statistics: Statistics, terms: Terms = LOSS_TERMS) -> list[str]:
    """Return what the comparison shows, what it does not, and why it could not show more; a sentence each.

    Args:
        statistics: of the comparison.
        terms: how one speaks of what was searched.
    """
    final, converged = statistics.final, statistics.converged
    if not final.pairs:
        return [limits(final)]
    varied = "the start and the batches" if terms.are_losses else "what is drawn"
    caution = f"The seeds vary {varied}, not the data: another data set may order the searchers anew."
    return [_found(final), _found(converged), _floors(final, converged, terms.one), limits(final), caution]


def _found(table: Standings) -> str:
    beaten: dict[str, list[str]] = {}
    for pair in table.pairs:
        if pair.real:
            winner, loser = (pair.first, pair.second) if pair.gain > 0 else (pair.second, pair.first)
            by = f"by {abs(pair.gain):.4f}" if math.isfinite(pair.gain) else "which mostly found nothing"
            beaten.setdefault(winner, []).append(f"{loser} ({by})")
    if not beaten:
        friedman = "" if math.isnan(table.friedman) else f" (Friedman p = {p_value(table.friedman)})"
        return f"No difference between searchers in {table.title} is shown to be real{friedman}."
    message = "; ".join(f"{winner} beats {', '.join(losers)}" for winner, losers in beaten.items())
    message = f"Real differences of medians in {table.title}: {message}."
    others = sum(not pair.real for pair in table.pairs)
    if others:
        message += f" The other {others} of {len(table.pairs)} pairs are not shown to differ, nor shown to be equal."
    return message


def _floors(final: Standings, converged: Standings, one: str) -> str:
    if final.floor == converged.floor == 0:
        return f"One and the same {one} comes to the same whatever the seed: there is no noise floor."
    floors = ["unknown" if math.isnan(table.floor) else number(table.floor) for table in (final, converged)]
    return (
        f"The noise floor, what seeds alone move one and the same {one} by (standard deviation): {floors[0]} in the "
        f"search, {floors[1]} after convergence. Smaller differences mean nothing."
    )


def limits(table: Standings) -> str:
    """What the number of searchers and of seeds allows to say at all, a sentence or two."""
    n, n_searchers = len(table.values), len(table.searchers)
    if n_searchers < 2:
        return "There is one searcher, so there is nothing to compare."
    if n < 2:
        return "With fewer than two seeds nothing can be said about which searcher is better."
    n_pairs = math.comb(n_searchers, 2)
    least, needed = smallest_p(n), pairs_needed(n_pairs, ALPHA)
    message = f"With {n} seeds no Wilcoxon test reaches a p-value below {p_value(least)}"
    if n_pairs > 1:
        message += f", and Holm's correction for {n_pairs} pairs makes that {p_value(min(1.0, least * n_pairs))}"
    if n >= needed:
        return f"{message}: enough for it to find a difference that is large and steady."
    alone = "Nemenyi's test decides alone" if n_searchers > 2 else "nothing can be decided"
    return f"{message}: these are too few seeds for it to find any difference, so {alone}. It needs {needed} or more."


def number(value: float, digits: int = 4) -> str:
    """For a person; a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def p_value(value: float) -> str:
    """For a person; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.2g}" if value >= 1e-4 else "<.0001"


def found_in(row: Row) -> str:
    """The test metric of the best losses, and how many runs had one if not all."""
    few = "" if len(row.converged) == row.runs else f" ({len(row.converged)} of {row.runs} runs)"
    return mean_and_spread(row.converged) + few


def verdict(pair: Pair) -> str:
    """The verdict in few words."""
    if not pair.real:
        return "not shown"
    return f"{pair.first if pair.gain > 0 else pair.second} is better"


def print_summary(outcome: Outcome, statistics: Statistics, console: Console) -> None:
    """The searchers, the best mean rank first, and the conclusion."""
    console.print(searchers_table(outcome, statistics))
    regrets = regrets_table(outcome, statistics)
    if regrets is not None:
        console.print(regrets)
    for line in conclusion(statistics, outcome.terms):
        console.print(Text(line))


def regret_cells(regrets: Regrets, i: int) -> list[tuple[str, str]]:
    """Return the median regret of a searcher after each budget, and the share of its runs that have a top candidate.

    Args:
        regrets: of the comparison.
        i: number of the searcher.
    """
    return [
        (number(median), f"{share:.0%}") for median, share in zip(regrets.median[i], regrets.reached[i], strict=True)
    ]


def regret_title(regrets: Regrets, outcome: Outcome) -> str:
    """Return what a table of regrets shows."""
    optimum, terms = regrets.optimum, outcome.terms
    return (
        f"Median regret by trainings: how far the best so far is from the best {terms.one} of all, which a search sees "
        f"with {number(optimum.best)}; and how many runs have one of the best {optimum.share:.0%} of all that can be "
        f"trained, from {number(optimum.top)} on"
    )


def _narrow_table(title: str) -> Table:
    """Return an empty table of searchers for 80 columns."""
    table = Table(
        title=Text(title),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        leading=1,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("searcher", overflow="fold", min_width=12)
    return table


def regrets_table(outcome: Outcome, statistics: Statistics) -> Table | None:
    """The regrets of the searchers, the least in the end first; None where the best is not known."""
    regrets = statistics.regrets
    if regrets is None:
        return None
    table = _narrow_table(regret_title(regrets, outcome))
    for trainings in regrets.trainings:
        table.add_column(f"{trainings:,.0f}", justify="right", no_wrap=True)
    for i in np.argsort(np.where(np.isnan(regrets.median[:, -1]), np.inf, regrets.median[:, -1]), kind="stable"):
        table.add_row(Text(outcome.searchers[i]), *("\n".join(cell) for cell in regret_cells(regrets, int(i))))
    return table


def searchers_table(outcome: Outcome, statistics: Statistics) -> Table:
    """The searchers, the best mean rank after convergence first; narrow enough for 80 columns."""
    seeds = "One seed" if len(outcome.seeds) == 1 else f"{len(outcome.seeds)} seeds each"
    table = _narrow_table(f"{seeds} on {outcome.data.get('name', 'unnamed data')}")
    heads = (
        f"validation\n{outcome.metric}, median\nand quartiles",
        f"test {outcome.metric}\nof best\n{outcome.terms.many}",
        "mean rank,\nsearch\nand test",
        "trained\nand\nsampled",
        "seconds,\nsearcher,\ntraining",
        "ended\nearly",
    )
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in sorted(rows_of(outcome, statistics), key=lambda row: row.ranks[1]):
        table.add_row(
            Text(row.searcher),
            f"{number(row.final[1])}\n{number(row.final[0])}-{number(row.final[2])}",
            found_in(row).replace(" ±", "\n±").replace(" (", "\n(").replace(" runs)", ")"),
            f"{number(row.ranks[0], 2)}\n{number(row.ranks[1], 2)}",
            f"{row.trained:,.0f}\n{row.sampled:,.0f}",
            f"{row.searcher_seconds:,.1f}\n{row.training_seconds:,.1f}",
            f"{row.early}/{row.runs}",
        )
    return table
