"""How losses do in the end: what Table 2, Table 4 and Figure 3 share.

Every training goes to its last epoch and is evaluated after each, on the test part, as in the paper. Stopping early is
read off the curve of that one training, and so is the best epoch, which RecBox reports in the end: it loads the
parameters of the best epoch whether training was stopped or not. To it (recbox/core/pytorch/models/match_model.py) an
epoch is better where its metric rises by more than 1e-6 over the best one, and training stops after some epochs in a
row that are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, NamedTuple

from core.common.errors import counted, span
from studies.reproduction.mml.paper import DATASETS, EPOCHS, OTHER, PATIENCE, Performance
from studies.reproduction.mml.recipe import SCHEDULES, Setup
from studies.reproduction.mml.settings import SHARED, RankingBench, RankingReproduceSettings
from studies.reproduction.raw import PAIR, Column, Frame
from studies.reproduction.reproduction import Picture, Reproduction, beside, groups, mean, named, number

#: By how much a better epoch is better.
RISE = 1e-6


def chosen_epoch(scores: Sequence[float | None], patience: int | None) -> tuple[int, int]:
    """Return the epoch whose parameters are kept and the epoch after which training ends, both from 1.

    Args:
        scores: of all epochs, higher is better; None where there is none.
        patience: epochs in a row without a better one after which training stops; None: it never does.

    Returns:
        The first is 0 where no epoch has a score.
    """
    best, at = -math.inf, 0
    for epoch, score in enumerate(scores, start=1):
        if score is not None and score > best + RISE:
            best, at = score, epoch
        if patience is not None and epoch - at >= patience:
            return at, epoch
    return at, len(scores)


#: What is read off a curve.
READINGS = ("early", "best", "last")
COLUMNS = (
    *PAIR,
    Column("loss", str),
    Column("negatives", int),
    Column("schedule", str, known=frozenset(SCHEDULES)),
    Column("seed", int),
    Column("reading", str, known=frozenset(READINGS)),
    Column("epoch", int),  # 0 where no epoch gave finite scores
    Column("epochs", int),
    Column("recall", optional=True),
    Column("ndcg", optional=True),
)
#: Name of a metric -> of its column and in `Performance`.
METRICS: Mapping[str, str] = {"Recall@20": "recall", "NDCG@20": "ndcg"}
#: What a figure has to be within of the paper's to count as agreeing.
CLOSE = 0.002


class Case(NamedTuple):
    """A row of a table."""

    model: str
    dataset: str
    loss: str
    negatives: int
    schedule: str = "constant"
    reading: str = "best"

    @property
    def _falling(self) -> str:
        return ", falling rate" if self.schedule == "falling" else ""

    @property
    def cells(self) -> dict[str, str]:
        """What tables say of it beside model and data."""
        stops = ("yes" if self.reading == "early" else "no") + self._falling
        return {"loss": self.loss, "negatives": str(self.negatives), "early stop": stops}

    @property
    def shown(self) -> str:
        """What a sentence calls it."""
        early = {"early": ", stopped early", "best": "", "last": ", last epoch"}[self.reading]
        place = " on ".join(named(self.model, self.dataset).values())
        return f"{self.loss} ({place}, {self.negatives} negatives{self._falling}{early})"


def _readings(setup: Setup, evaluated: Mapping[str, Sequence[float | None]]) -> Iterator[dict[str, Any]]:
    """What one training comes to; where the rate falls, stopping early belongs to the recipe."""
    scores = evaluated[setup.monitor]
    ends = {"early": chosen_epoch(scores, PATIENCE), "best": chosen_epoch(scores, None), "last": (len(scores),) * 2}
    for reading in READINGS if setup.schedule == "constant" else READINGS[:1]:
        epoch, epochs = ends[reading]
        values = {column: evaluated[name.lower()][epoch - 1] if epoch else None for name, column in METRICS.items()}
        yield {"reading": reading, "epoch": epoch, "epochs": epochs, **values}


@dataclass(frozen=True)
class Comparison:
    """A table of the paper beside ours: what is trained for it, and what it shows."""

    losses: tuple[str, ...]
    """Of the paper, which are trained unless others are asked for; so are models and negatives."""
    models: tuple[str, ...]
    negatives: tuple[int, ...]
    published: Mapping[Case, Performance | None]
    """Its rows, in order; None where the paper has a picture alone."""
    shown: frozenset[tuple[str, str]] = frozenset({("constant", "best")})
    """Schedules with what is shown of their trainings."""
    order: tuple[str, ...] = ("dataset", "model", "loss", "negatives", "schedule", "reading")
    """Parts of a row by which rows are sorted; values stand as in the paper, those that it has not come later."""
    heads: tuple[str, ...] = ("loss", "negatives")
    """What a row begins with, see `Case.cells`."""

    def reproduction(
        self,
        name: str,
        about: str,
        title: str,
        say: Callable[[dict[Case, Frame]], Iterator[str]],
        options: Iterable[str] = (),
        more: Mapping[str, Callable[[Frame], Iterator[dict[str, str]]]] = MappingProxyType({}),
        draw: Callable[[Frame], Picture] | None = None,
    ) -> Reproduction:
        """What is measured, as the command knows it.

        Args:
            name: of it.
            about: it, in a sentence.
            title: of the table.
            say: the sentences that are its own, about the rows that were measured.
            options: those that it takes beside seeds and epochs.
            more: titles and rows of other tables.
            draw: see Reproduction.
        """

        def sentences(raw: Frame) -> Iterator[str]:
            yield from self.closeness(raw)
            yield from say({case: rows for case, rows in self.cases(raw).items() if len(rows)})
            yield from reservations(raw)

        return Reproduction(
            name=name,
            about=about,
            settings=RankingReproduceSettings,
            options=SHARED | {"seeds", "max_epochs", *options},
            columns=COLUMNS,
            measure=self.measure,
            rows={title: self.rows, **more},
            sentences=sentences,
            published=tuple(dict.fromkeys(case[:2] for case in self.published)),
            draw=draw,
        )

    def measure(self, bench: RankingBench) -> list[dict[str, Any]]:
        """Train, and read off every curve."""
        given = bench.settings
        places = product(bench.datasets, given.models or self.models)
        schedules = tuple(SCHEDULES) if given.falling_rate else ("constant",)
        ways = product(given.losses(self.losses), given.counts(self.negatives), schedules)
        setups = [Setup(model, dataset, *way) for (dataset, model), way in product(places, ways)]
        rows = []
        for setup, seed, found in bench.trained(setups):
            shared = {"model": setup.model, "dataset": bench.datasets[setup.dataset], "loss": setup.name, "seed": seed}
            shared |= {"negatives": setup.negatives, "schedule": setup.schedule}
            rows += [shared | row for row in _readings(setup, found["evaluated"])]
        return rows

    def rows(self, raw: Frame) -> Iterator[dict[str, str]]:
        """The rows of the table, as text."""
        for case, rows in self.cases(raw).items():
            heads = {name: case.cells[name] for name in self.heads}
            yield named(case.model, case.dataset) | heads | self._metrics(case, rows)

    def cases(self, raw: Frame) -> dict[Case, Frame]:
        """The rows of results by row of the table; those of the paper are there wherever its data set was measured."""
        there = {name.removesuffix(OTHER) for name in raw["dataset"]}
        published = [case for case in self.published if case.dataset in there]
        found = {Case(*key): rows for key, rows in groups(raw, *Case._fields)}
        shown = [case for case in found if (case.schedule, case.reading) in self.shown]
        cases = list(dict.fromkeys((*published, *shown)))
        places = {part: list(dict.fromkeys(getattr(case, part) for case in cases)) for part in self.order}
        places["negatives"] = sorted(places["negatives"])
        cases.sort(key=lambda case: [places[part].index(getattr(case, part)) for part in self.order])
        return {case: found.get(case, raw.iloc[:0]) for case in cases}

    def _metrics(self, case: Case, rows: Frame) -> dict[str, str]:
        paper, cells = self.published.get(case), dict[str, str]()
        for name, column in METRICS.items():
            theirs = None if paper is None else getattr(paper, column)
            cells |= beside(name, theirs, rows[column].tolist())
        return {**cells, "epoch": number(float(rows["epoch"].mean()), 0)}

    def closeness(self, raw: Frame) -> Iterator[str]:
        """For every model and data set how many figures are near the paper's, and which losses were not measured."""
        cases = self.cases(raw)
        for pair in dict.fromkeys(case[:2] for case in cases):
            of_pair = {case: rows for case, rows in cases.items() if case[:2] == pair}
            if not any(len(rows) for rows in of_pair.values()):
                continue
            gaps, missing = [], []
            for case, rows in of_pair.items():
                paper = self.published.get(case)
                if case in self.published and not len(rows):
                    missing.append(f"{case.loss} with {case.negatives} negatives")
                if paper is not None and len(rows):
                    ours = [mean(rows[column].tolist()) for column in METRICS.values()]
                    gaps += [value - theirs for value, theirs in zip(ours, paper, strict=True)]
            where = " on ".join(named(*pair).values())
            if gaps:
                near = sum(abs(gap) <= CLOSE for gap in gaps)
                yield f"{where}: {near} of {len(gaps)} figures are within {CLOSE:g} of the paper's."
            if missing:
                yield f"{where}, not measured here: {', '.join(dict.fromkeys(missing))}."


def gain(rows: Frame, base: Frame, column: str) -> float:
    """By how many percent a metric is above that of other rows; NaN where one is missing."""
    ours, theirs = mean(rows[column].tolist()), mean(base[column].tolist())
    return 100 * (ours / theirs - 1) if theirs else math.nan


def published_gain(paper: Performance | None, base: Performance | None, column: str) -> float:
    """The same of what the paper publishes."""
    if paper is None or base is None:
        return math.nan
    return 100 * (getattr(paper, column) / getattr(base, column) - 1)


def percent(value: float) -> str:
    """A gain in percent, a dash where there is none."""
    text = number(value, 2, sign="+")
    return f"{text}%" if math.isfinite(value) else text


def reservations(raw: Frame) -> Iterator[str]:
    """What to know before believing the figures."""
    yield (
        "Selected on test: every figure is of the epoch that is best on the test part itself, as in the paper, so it "
        "is higher than what one would see."
    )
    whole = raw.loc[raw["reading"] == "last", "epochs"]
    longest = int(whole.max()) if len(whole) else EPOCHS
    if longest != EPOCHS:
        epochs = f"{counted(longest, 'epoch')}, the paper for {EPOCHS}"
        yield f"Trained for {epochs}: the differences do not tell whether it is reproduced."
    others = [named("", dataset)["data"] for dataset in dict.fromkeys(raw["dataset"]) if dataset not in DATASETS]
    if others:
        yield f"{' and '.join(others)}: the paper's figures are of the published split, so none stands beside these."
    last = [
        _gap(rows) for _, rows in groups(raw[raw["schedule"] == "constant"], "model", "dataset", "loss", "negatives")
    ]
    gaps = [gap for gap in last if math.isfinite(gap)]
    if gaps:
        yield (
            "Not stopped early means the best of all epochs, which RecBox reports; after the last one Recall@20 is "
            f"{fmean(gaps):.4f} lower on average, {max(gaps):.4f} at most."
        )
    broken = int(raw["recall"].isna().sum())
    if broken:
        yield f"{broken} of {len(raw)} figures are missing: these trainings broke down."
    yield noise(raw)


def _gap(rows: Frame) -> float:
    """How far the last epoch is below the best, the mean of all seeds."""
    best, last = (mean(rows.loc[rows["reading"] == reading, "recall"].tolist()) for reading in ("best", "last"))
    return best - last


def noise(raw: Frame) -> str:
    """How much a seed moves figures, as far as is known."""
    spreads = [
        stdev(rows["recall"])
        for _, rows in groups(raw[raw["reading"] == "best"], *Case._fields)
        if len(rows) > 1 and rows["recall"].notna().all()
    ]
    if not spreads:
        return "One seed, as in the paper: how much another one moves a figure is not known from these (--seeds 5)."
    return (
        "Noise floor: from seed to seed the standard deviation of one loss's Recall@20 is "
        f"{span(min(spreads), max(spreads))}."
    )
