"""The problem of finding the best loss of a table that `studies.table` made: nothing is trained, and the best is known.

What a search sees of a loss is its score after a few epochs with the first smoothing term, as a search that trains
would. What counts in the end is its score after the most epochs with the best one: `validation` with the first seed,
`test` the mean over the others, which nothing was chosen by.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.common.errors import UserError, first_line
from core.common.restoring import read
from core.common.specification import Specification, read_settings
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.phases.metric import Metric
from core.phases.simple import Part, SimpleProblem
from core.phases.terms import Terms
from core.programs.probes import Probes, Seen
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from core.search.problem import Finding, Measurement
from core.search.trial import Verdict
from recommenders.data import Dataset
from recommenders.data.implicit import ImplicitDataset
from recommenders.tasks.metrics import find_metric

if TYPE_CHECKING:
    from studies.study.problems import Ingredients

#: Under which the file's metadata have what is not in its rows, as JSON; the column of what became of a loss.
METADATA, VERDICT = "loss-search", "verdict"
#: What that is: trained; not trained since it points the wrong way too often, has no gradient for one of the labels, or
#: has the direction of an earlier one.
TRAINED, WRONG, ONE_SIDED, SAME = "trained", "wrong direction", "one-sided", "same direction"
#: Epochs that a search sees, unless the table has none so short.
_USUAL = 3

TABLE_TERMS = Terms(
    one="loss",
    many="losses",
    complexity="operators",
    verdicts={
        Verdict.ACCEPTED.value: "Looked up, and the reward passed the reward filter.",
        Verdict.REJECTED.value: "Looked up, and the reward fell below the reward filter.",
        Verdict.DUPLICATE.value: "Not looked up: it is an earlier loss once more, but for a factor.",
        Verdict.WRONG_DIRECTION.value: "Not looked up: it has no gradient, or fails the validation check.",
        Verdict.NON_FINITE.value: "Its training broke down.",
    },
)


def score_column(metric: str, epochs: int, *, smoothing: float | None = None, seed: int | None = None) -> str:
    """Return the name of the column of validation scores after so many epochs.

    Args:
        metric: its name.
        epochs: how many.
        smoothing: with this smoothing term and the first seed; None: with the best one.
        seed: the number of the seed, where the smoothing term is the best one.
    """
    return f"validation_{metric}_epochs{epochs}_" + (f"seed{seed}" if smoothing is None else f"smoothing{smoothing:g}")


@dataclass(frozen=True)
class TableSearchSettings:
    """Settings of `--problem table`, whose file is given with --data."""

    epochs: int | None = None
    """Epochs of the trainings that a search sees, one of those of the table; 3 unless given, or the fewest that there
    are."""


@dataclass(frozen=True)
class LossTable:
    """What a search needs of a table."""

    path: Path
    about: Mapping[str, Any]
    """Its metadata."""
    rows: Mapping[str, np.ndarray]
    """Columns of those losses that were trained, or that are a multiple of such a one [n]."""

    @classmethod
    def load(cls, path: Path) -> LossTable:
        """Read a file.

        Raises:
            UserError: it is no such file.
        """
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        try:
            metadata = pq.read_schema(path).metadata or {}
            about = json.loads(metadata[METADATA.encode()])
            table = pq.read_table(path)
            table = table.filter(pc.is_in(table[VERDICT], value_set=pa.array([TRAINED, SAME])))
            rows = {name: table[name].to_numpy() for name in table.column_names if name != "formula"}
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise UserError(
                f"--data {path}: expected the table.parquet of python -m studies.table, got "
                f"{'another file' if isinstance(error, KeyError) else first_line(error)}"
            ) from None
        return cls(path, about, rows)

    @property
    def metric(self) -> Metric:
        """What its scores are."""
        return find_metric(read(str, self.about["settings"]["task"]), read(str, self.about["metric"]))

    @cached_property
    def space(self) -> OperatorSpace:
        """The losses that it is about."""
        settings, space = self.about["settings"], self.about["space"]
        inputs, operators = (tuple(read(list[str], space[name])) for name in ("inputs", "operators"))
        xi, rate = (read(float, settings[name]) for name in ("xi", "min_positive_rate"))
        longest, clamp = len(inputs) + read(int, settings["size"]), read(str, settings["clamp"])
        return OperatorSpace(inputs, operators, longest, xi, clamp, rate)

    @cached_property
    def programs(self) -> list[LossProgram]:
        """The losses, checked as whatever comes from a file."""
        every = (np.frombuffer(one, dtype=np.int8).reshape(-1, 3).tolist() for one in self.rows["lines"])
        made = (self.space.program([row for row in rows if row[0] >= 0]) for rows in every)
        return [LossProgram(one.lines, one.inputs) for one in made]

    @cached_property
    def _index(self) -> tuple[Probes, Seen, Mapping[int, int]]:
        """The gradients of all losses, and, by their numbers, the places of those that were trained."""
        probes, seen, rows = Probes(self.space), Seen(), self.rows
        place_of = {number: place for place, number in enumerate(rows["number"].tolist())}
        numbers, is_first = seen.number(self._gradients(self.programs, probes))
        places = {
            number: place_of[rows["same_direction"][place]] if rows[VERDICT][place] == SAME else place
            for place, number in enumerate(numbers.tolist())
            if is_first[place]
        }
        return probes, seen, places

    def _gradients(self, programs: Sequence[LossProgram], probes: Probes) -> np.ndarray:
        """Return the gradients of programs on the probes [n, B], with each of the smoothing terms."""
        pairs = torch.from_numpy(probes.predictions), torch.from_numpy(probes.labels)
        losses = ([ProgramLoss(one, self.space, epsilon) for one in programs] for epsilon in probes.smoothing)
        return np.concatenate([run_programs(of_one, *pairs)[1] for of_one in losses], axis=1)

    def places(self, programs: Sequence[LossProgram]) -> list[int | None]:
        """Return the row of each program, or of what it is a multiple of; None where neither was trained."""
        probes, seen, places = self._index
        numbers = seen.find(self._gradients(programs, probes))
        return [None if number is None else places[number] for number in numbers]

    def scores(self, epochs: int, *, smoothing: float | None = None, seed: int | None = None) -> np.ndarray:
        """Return scores [n].

        Args:
            epochs: see `score_column`.
            smoothing: see there.
            seed: see there.
        """
        column = score_column(self.metric.name, epochs, smoothing=smoothing, seed=seed)
        return np.asarray(self.rows[column], dtype=float)


class TableProblem(SimpleProblem[LossProgram]):
    """The best loss of a table, see SimpleProblem.

    Args:
        table: the table.
        epochs: see TableSearchSettings.

    Raises:
        UserError: it has no trainings of so many epochs, or is not what `studies.table` writes.
    """

    terms = TABLE_TERMS

    def __init__(self, table: LossTable, epochs: int | None = None) -> None:
        super().__init__()
        self._table, self._measured = table, dict[int, int]()
        try:
            settings, self._space, self._metric = table.about["settings"], table.space, table.metric
            there = read(list[int], settings["epochs"])
            epsilon, seeds = read(list[float], settings["epsilon"])[0], read(int, settings["seeds"])
            seen = epochs or (_USUAL if _USUAL in there else there[0])
            if seen not in there:
                raise UserError(
                    f"epochs: expected one of those of the table, {', '.join(map(str, there))}, got {epochs}"
                )
            self._epochs, self._short = seen, table.scores(seen, smoothing=epsilon)
            each = [table.scores(there[-1], seed=seed) for seed in range(seeds)]
            if not np.isfinite(each[0][table.rows[VERDICT] == TRAINED]).any():
                raise ValueError("no loss in it was trained")
            self._parts = {"validation": each[0], "test": np.mean(each[1:] or each, axis=0)}
            table.places([])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise UserError(f"--data {table.path}: it is not what studies.table writes: {first_line(error)}") from None

    @property
    def space(self) -> OperatorSpace:
        """See Problem."""
        return self._space

    @property
    def metric(self) -> Metric:
        """See StudyProblem."""
        return self._metric

    @cached_property
    def compared(self) -> Mapping[str, LossProgram]:
        """See SimpleProblem: the best loss of the table on validation, and the one in the middle."""
        scores = [self._metric.score_of(value) for value in self._parts["validation"]]
        is_trained = self._table.rows[VERDICT] == TRAINED
        ranked = np.argsort(np.where(is_trained & np.isfinite(scores), scores, -np.inf), kind="stable")[::-1]
        ranked = ranked[: int((is_trained & np.isfinite(scores)).sum())]
        places = {"best of the table": ranked[0], "median of the table": ranked[len(ranked) // 2]}
        return {name: self._table.programs[int(place)] for name, place in places.items()}

    def examine(self, candidates: Sequence[LossProgram]) -> list[Finding]:
        """See Problem: what the validation check refuses is refused, and multiples are the same loss."""
        findings = []
        for place in self._table.places(candidates):
            if place is None:
                findings.append(Finding(Verdict.WRONG_DIRECTION))
            elif place in self._measured:
                findings.append(Finding(Verdict.DUPLICATE, self._measured[place]))
            else:
                self._measured[place] = len(self._measured)
                findings.append(Finding(None, self._measured[place]))
        return findings

    @property
    def n_entries(self) -> int:
        """See Problem."""
        return len(self._measured)

    def score(self) -> float:
        """See Problem: the least of the table, so that every loss that was trained is a gain."""
        return float(min((s for s in map(self._metric.score_of, self._short) if np.isfinite(s)), default=np.nan))

    def measure(self, candidates: Sequence[LossProgram], seed: int) -> list[Measurement]:
        """See Problem; a loss costs as many passes as its training took."""
        began = time.perf_counter()
        scores = self._looked_up(candidates, self._short)
        seconds = (time.perf_counter() - began) / max(1, len(candidates))
        return [Measurement(self._metric.score_of(one), self._epochs, seconds) for one in scores]

    def evaluate(self, candidates: Sequence[LossProgram], part: Part, seed: int) -> list[float]:
        """See SimpleProblem."""
        return self._looked_up(candidates, self._parts[part])

    def _looked_up(self, candidates: Sequence[LossProgram], column: np.ndarray) -> list[float]:
        return [np.nan if place is None else float(column[place]) for place in self._table.places(candidates)]

    def state_dict(self) -> dict[str, Any]:
        """See Problem."""
        return {"measured": list(self._measured)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Problem."""
        self._measured = {place: entry for entry, place in enumerate(read(list[int], state["measured"]))}

    def described(self) -> dict[str, Any]:
        """See StudyProblem."""
        settings = self._table.about["settings"]
        return {"name": f"table of {settings['size']} operators on {settings['dataset']}", "epochs": self._epochs}


def make_table_problem(given: Ingredients, spec: Specification) -> TableProblem:
    """Return the problem of a table.

    Args:
        given: its file.
        spec: its settings.

    Raises:
        UserError: there is no file, or it is none.
    """
    asked = read_settings(spec, TableSearchSettings)
    if isinstance(given.data, Dataset | ImplicitDataset) or (path := given.data.data) is None:
        raise UserError("--problem table: expected --data FILE, the table.parquet of python -m studies.table")
    state = path.stat() if path.exists() else None
    return TableProblem(_loaded(path, None if state is None else (state.st_mtime_ns, state.st_size)), asked.epochs)


@lru_cache(maxsize=1)
def _loaded(path: Path, state: object) -> LossTable:
    """Read a file once for all searches of a process, as long as it stays the same."""
    return LossTable.load(path)
