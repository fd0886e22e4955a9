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

from studies.execution.task import Task, TaskFactory
from studies.reproduction.bench import Bench
from studies.reproduction.paper import TABLE_7, TABLE_7_HOURS
from studies.reproduction.raw import PAIR, Column, Frame
from studies.reproduction.reproduction import Picture, Reproduction, difference, groups, named, number
from studies.study.history import thinned

#: Proxy test -> what the setting of a study is called; None: the usual one.
PROXY_TESTS: Mapping[str, str | None] = {"without": "none", "with": None}
#: More than any search trains in its minutes.
_ENDLESS = 10**9
_MOST_POINTS = 100
_HOUR = 3600.0


def _measure(bench: Bench) -> list[dict[str, Any]]:
    """Both searches for every model and data set."""
    settings, minutes = bench.settings, bench.settings.minutes
    shared = {"candidates_per_step": settings.candidates_per_step, "trainings": _ENDLESS, "minutes": minutes}

    def plan(dataset: str, factory: TaskFactory) -> Iterator[tuple[dict[str, Any], Task]]:
        for model, (name, proxy) in product(settings.models, PROXY_TESTS.items()):
            study = settings.study(dataset=dataset, recommender=model, check="after", proxy=proxy, **shared)
            search = {"model": model, "dataset": dataset, "proxy": name}
            yield search, factory.sampling(study, f"{model} {name} the proxy test")

    text = f"Phase I on {{dataset}} for {minutes:g} minutes each, one after the other"
    found = bench.computed(text, plan, alone=True)
    return [search | point for search, part in found for point in thinned(part["points"], _MOST_POINTS)]


def _ends(rows: Frame) -> dict[str, Mapping[str, float]]:
    """For each proxy test where its search ended."""
    return {name: run.iloc[-1].to_dict() for (name,), run in groups(rows, "proxy")}


def _per_hour(end: Mapping[str, float]) -> float:
    return _HOUR * end["sampled"] / end["seconds"] if end["seconds"] > 0 else 0.0


def _speed_up(ends: Mapping[str, Mapping[str, float]], name: str) -> float | None:
    """How many times as many are sampled in the same time as without the proxy test."""
    if "without" not in ends or name not in ends or not _per_hour(ends["without"]):
        return None
    return _per_hour(ends[name]) / _per_hour(ends["without"])


def _published_speed_up(name: str) -> float:
    return TABLE_7[name] / TABLE_7["without"]


def _paces(raw: Frame) -> Iterator[dict[str, str]]:
    for pair, of_pair in groups(raw, "model", "dataset"):
        ends = _ends(of_pair)
        for name, end in ends.items():
            own, published = _speed_up(ends, name), _published_speed_up(name)
            yield named(*pair) | {
                "proxy test": name,
                "paper, sampled": f"{TABLE_7[name]:,} in {TABLE_7_HOURS:g} h",
                "paper, an hour": number(TABLE_7[name] / TABLE_7_HOURS, 0),
                "ours, sampled": f"{end['sampled']:,.0f} in {end['seconds']:,.0f} s",
                "ours, an hour": number(_per_hour(end), 0),
                "ours, trained": f"{end['trained']:,.0f}",
                "paper, speed-up": number(published, 1),
                "ours, speed-up": number(own, 1),
                "difference": difference(own, published, 1),
            }


def _speed_ups(raw: Frame) -> Iterator[str]:
    for pair, of_pair in groups(raw, "model", "dataset"):
        ends = _ends(of_pair)
        own = _speed_up(ends, "with")
        if own is not None:
            counts = [f"{ends[one][n]:,.0f}" for one in PROXY_TESTS for n in ("trained", "sampled")]
            yield (
                f"{', '.join(named(*pair).values())}: with the proxy test {own:,.1f} times as many losses "
                f"are sampled in the same time, in the paper {_published_speed_up('with'):.1f} times; {counts[2]} of "
                f"{counts[3]} are trained, and without it {counts[0]} of {counts[1]}."
            )


def _quarters(raw: Frame) -> Iterator[dict[str, str]]:
    """The curves in quarters of the time, of the paper what a steady pace comes to."""
    for (model, dataset, name), run in groups(raw, "model", "dataset", "proxy"):
        for share in (0.25, 0.5, 0.75, 1.0):
            seconds = share * float(run["seconds"].max())
            ours = float(np.interp(seconds, run["seconds"], run["sampled"]))  # a step may take seconds
            paper = TABLE_7[name] / TABLE_7_HOURS * seconds / _HOUR
            yield named(model, dataset) | {
                "proxy test": name,
                "seconds": number(seconds, 0),
                "paper": number(paper, 0),
                "ours": number(ours, 0),
                "difference": difference(ours, paper, 0),
            }


def _draw(rows: Frame) -> Picture:
    from studies.reproduction.pictures import lines  # matplotlib takes a second to load

    curves = {
        f"{name} the proxy test": [(run["seconds"].tolist(), run["sampled"].tolist())]
        for (name,), run in groups(rows, "proxy")
    }
    return lines(curves, "seconds", "losses sampled")


TABLE7 = Reproduction(
    name="table7",
    about="losses sampled in the same time, with the proxy test and without (section 5.5)",
    options=frozenset({"dataset", "recommenders", "searcher", "candidates_per_step", "minutes", "preset", "device"}),
    columns=(
        *PAIR,
        Column("proxy", str, known=frozenset(PROXY_TESTS)),
        Column("seconds"),
        Column("sampled", int),
        Column("trained", int),
    ),
    measure=_measure,
    rows={"Table 7: losses sampled in the same time; the speed-up is over the search without the proxy test": _paces},
    sentences=_speed_ups,
    published=(("mf", "ml-100k"),),
)
#: From the same searches.
FIGURE6 = replace(
    TABLE7,
    name="figure6",
    about="losses sampled over time, with the proxy test and without (section 5.5); from the searches of table7",
    rows={
        "Figure 6: losses sampled by the end of each quarter of the time; the paper at the mean pace of its day": (
            _quarters
        )
    },
    sentences=lambda raw: (),
    draw=_draw,
)
