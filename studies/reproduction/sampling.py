"""Table 7 and Figure 6: how many losses a search samples in the same time, with the proxy test and without.

Both searches have the same seed, searcher and minutes, one core each, and run one after the other, so that they do not
disturb each other. Without the proxy test everything that is sampled is trained. As in the paper the validation check
comes after the search. Time is what is measured: results depend on the machine, and are kept like all parts until
--no-resume.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from studies.execution.searches import thinned
from studies.execution.task import Task
from studies.reproduction.bench import Bench
from studies.reproduction.beside import by_pair, computed, data_name, groups, model_name, not_measured
from studies.reproduction.paper import TABLE_7
from studies.reproduction.raw import Column, Frame
from studies.reproduction.reproduction import Pictures, Reproduction
from studies.reproduction.table import Table, difference, number

#: Proxy test -> what the setting of a study is called; None: the usual one.
PROXY_TESTS: Mapping[str, str | None] = {"without": "none", "with": None}
_PAPER = {"with" if row.proxy_test else "without": row for row in TABLE_7}
_PAPER_SPEED_UP = {name: row.sampled / _PAPER["without"].sampled for name, row in _PAPER.items()}
#: More than any search trains in its minutes.
_ENDLESS = 10**9
_MOST_POINTS = 100
_HOUR = 3600.0
_TABLE_COLUMNS = (
    *("model", "data", "proxy test", "paper, sampled", "paper, an hour", "ours, sampled", "ours, an hour"),
    *("ours, trained", "paper, speed-up", "ours, speed-up", "difference"),
)


def _measure(bench: Bench) -> list[dict[str, Any]]:
    """Both searches for every model and data set."""
    minutes, at_once = bench.settings.minutes, bench.settings.candidates_per_step

    def plan(dataset: str) -> Iterator[tuple[dict[str, Any], Task]]:
        for model, (name, proxy) in product(bench.settings.models, PROXY_TESTS.items()):
            given = {"recommender": model, "check": "after", "proxy": proxy, "trainings": _ENDLESS, "minutes": minutes}
            study = bench.study(dataset, candidates_per_step=at_once, **given)
            part = bench.factory(dataset).sampling(study, f"{model} {name} the proxy test")
            yield {"model": model, "dataset": dataset, "proxy": name}, part

    text = f"Phase I on {{dataset}} for {minutes:g} minutes each, one after the other"
    found = computed(bench, text, plan, alone=True)
    return [search | point for search, part in found for point in thinned(part["points"], _MOST_POINTS)]


def _ends(raw: Frame) -> list[tuple[str, str, dict[str, Mapping[str, float]]]]:
    """Model, data set, and for each proxy test where its search ended."""
    return [
        (model, dataset, {name: run.iloc[-1].to_dict() for (name,), run in groups(rows, "proxy")})
        for (model, dataset), rows in groups(raw, "model", "dataset")
    ]


def _per_hour(end: Mapping[str, float]) -> float:
    return _HOUR * end["sampled"] / end["seconds"] if end["seconds"] > 0 else 0.0


def _speed_up(ends: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    """How many times as many are sampled in the same time as without the proxy test."""
    if "without" not in ends or not _per_hour(ends["without"]):
        return None
    return _per_hour(ends[name]) / _per_hour(ends["without"])


def _paces(raw: Frame) -> list[Table]:
    rows = []
    for model, dataset, ends in _ends(raw):
        for name, end in ends.items():
            paper, own = _PAPER[name], _speed_up(ends, name)
            rows.append(
                (
                    model_name(model),
                    data_name(dataset),
                    name,
                    f"{paper.sampled:,} in {paper.hours:g} h",
                    number(paper.sampled / paper.hours, 0),
                    f"{end['sampled']:,.0f} in {end['seconds']:,.0f} s",
                    number(_per_hour(end), 0),
                    f"{end['trained']:,.0f}",
                    number(_PAPER_SPEED_UP[name], 1),
                    number(own, 1),
                    difference(own, _PAPER_SPEED_UP[name], 1),
                )
            )
    title = "Table 7: losses sampled in the same time; the speed-up is over the search without the proxy test"
    return [Table(title, _TABLE_COLUMNS, tuple(rows))]


def _speed_ups(raw: Frame) -> list[str]:
    sentences = []
    for model, dataset, ends in _ends(raw):
        own = _speed_up(ends, "with") if "with" in ends else None
        if own is not None:
            counts = [f"{ends[one][n]:,.0f}" for one in PROXY_TESTS for n in ("trained", "sampled")]
            sentences.append(
                f"{model_name(model)}, {data_name(dataset)}: with the proxy test {own:,.1f} times as many losses "
                f"are sampled in the same time, in the paper {_PAPER_SPEED_UP['with']:.1f} times; {counts[2]} of "
                f"{counts[3]} are trained, and without it {counts[0]} of {counts[1]}."
            )
    return sentences + _not_measured(raw)


def _not_measured(raw: Frame) -> list[str]:
    return not_measured(raw, (("mf", "ml-100k"),))


def _quarters(raw: Frame) -> list[Table]:
    """The curves in quarters of the time, of the paper what a steady pace comes to."""
    rows = []
    for (model, dataset, name), run in groups(raw, "model", "dataset", "proxy"):
        end, per_hour = float(run["seconds"].max()), _PAPER[name].sampled / _PAPER[name].hours
        for share in (0.25, 0.5, 0.75, 1.0):
            ours = float(np.interp(share * end, run["seconds"], run["sampled"]))  # a step may take seconds
            paper = per_hour * share * end / _HOUR
            place = (model_name(model), data_name(dataset), name, number(share * end, 0))
            rows.append((*place, number(paper, 0), number(ours, 0), difference(ours, paper, 0)))
    title = "Figure 6: losses sampled by the end of each quarter of the time; the paper at the mean pace of its day"
    columns = ("model", "data", "proxy test", "seconds", "paper", "ours", "difference")
    return [Table(title, columns, tuple(rows))]


def _pictures(raw: Frame) -> Pictures:
    """One for each model and data set."""
    from studies.reproduction.pictures import lines  # matplotlib takes a second to load

    def curves(rows: Frame) -> dict[str, Any]:
        return {
            f"{name} the proxy test": [(run["seconds"].tolist(), run["sampled"].tolist())]
            for (name,), run in groups(rows, "proxy")
        }

    return by_pair(raw, "figure6", lambda rows: lines(curves(rows), "seconds", "losses sampled"))


TABLE7 = Reproduction(
    name="table7",
    about="losses sampled in the same time, with the proxy test and without (section 5.5)",
    options=frozenset({"dataset", "recommenders", "searcher", "candidates_per_step", "minutes", "preset", "device"}),
    columns=(
        Column("model", str),
        Column("dataset", str),
        Column("proxy", str, known=frozenset(PROXY_TESTS)),
        Column("seconds"),
        Column("sampled", int),
        Column("trained", int),
    ),
    measure=_measure,
    tables=_paces,
    notes=_speed_ups,
)
#: From the same searches.
FIGURE6 = replace(
    TABLE7,
    name="figure6",
    about="losses sampled over time, with the proxy test and without (section 5.5); from the searches of table7",
    tables=_quarters,
    pictures=_pictures,
    notes=_not_measured,
)
