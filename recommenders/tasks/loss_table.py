"""A table of losses, as `studies.table` writes it, for those who search or study it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.analysis.traits import traits
from core.common.errors import UserError, first_line
from core.common.restoring import read
from core.losses.loss import ProgramLoss
from core.losses.running import run_programs
from core.phases.metric import Metric
from core.programs.probes import LARGE_SMOOTHING, Probes, Seen
from core.programs.program import LossProgram
from core.programs.space import OperatorSpace
from recommenders.tasks.metrics import find_metric

#: Under which the file's metadata have what is not in its rows, as JSON; the column of what became of a loss.
METADATA, VERDICT = "loss-search", "verdict"
#: What that is: trained; not trained since it points the wrong way too often, has no gradient for one of the labels, or
#: has the direction of an earlier one.
TRAINED, WRONG, ONE_SIDED, SAME = "trained", "wrong direction", "one-sided", "same direction"


def score_column(metric: str, epochs: int, *, smoothing: float | None = None, seed: int | None = None) -> str:
    """Return the name of the column of validation scores after so many epochs.

    Args:
        metric: its name.
        epochs: how many.
        smoothing: with this smoothing term and the first seed; None: with the best one.
        seed: the number of the seed, where the smoothing term is the best one; None as well: as large as losses are
            written, with the first smoothing term and seed.
    """
    which = "raw" if seed is None else f"seed{seed}"
    return f"validation_{metric}_epochs{epochs}_" + (which if smoothing is None else f"smoothing{smoothing:g}")


def converged_column(metric: str, part: str, seed: int) -> str:
    """Return the name of the column of scores at convergence, of validation or test.

    Args:
        metric: its name.
        part: validation or test.
        seed: its number.
    """
    return f"{part}_{metric}_converged_seed{seed}"


@dataclass(frozen=True)
class LossTable:
    """A table, as far as a search needs it."""

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
                f"{path}: expected the table.parquet of python -m studies.table, got "
                f"{'another file' if isinstance(error, KeyError) else first_line(error)}"
            ) from None
        return cls(path, about, rows)

    @cached_property
    def is_trained(self) -> np.ndarray:
        """Rows that were trained, and are no multiples [n] bool."""
        found: np.ndarray = self.rows[VERDICT] == TRAINED
        return found

    @property
    def metric(self) -> Metric:
        """Metric of its scores."""
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
    def _probes(self) -> Probes:
        return Probes(self.space)

    @cached_property
    def _index(self) -> tuple[Seen, Mapping[int, int]]:
        """The gradients of all losses, and the rows of those by their numbers."""
        seen = Seen()
        numbers, is_first = seen.number(self.gradients(self.programs))
        return seen, {number: place for place, number in enumerate(numbers.tolist()) if is_first[place]}

    @cached_property
    def _first(self) -> list[int]:
        """Of each row the row of what it is a multiple of, or its own."""
        rows = self.rows
        place_of = {number: place for place, number in enumerate(rows["number"].tolist())}
        same = zip(rows[VERDICT], rows["same_direction"].tolist(), strict=True)
        return [place_of[first] if verdict == SAME else place for place, (verdict, first) in enumerate(same)]

    def gradients(self, programs: Sequence[LossProgram]) -> np.ndarray:
        """Return gradients of losses with respect to the prediction [n, B], on probes with two smoothing terms."""
        each = [self._gradients(programs, smoothing) for smoothing in self._probes.smoothing]
        return np.concatenate(each, axis=1)

    def _gradients(self, programs: Sequence[LossProgram], smoothing: float) -> np.ndarray:
        """Return the gradients with one smoothing term [n, probes]."""
        losses = [ProgramLoss(one, self.space, smoothing) for one in programs]
        pairs = torch.from_numpy(self._probes.predictions), torch.from_numpy(self._probes.labels)
        return run_programs(losses, *pairs)[1]

    def places(self, gradients: np.ndarray, *, own: bool = False) -> list[int | None]:
        """Return the row of each loss, or of what it is a multiple of; None where neither was trained.

        Args:
            gradients: of the losses [n, B], see `gradients`.
            own: always the loss's own row.
        """
        seen, places = self._index
        there = (None if number is None else places[number] for number in seen.find(gradients))
        return [place if own or place is None else self._first[place] for place in there]

    def traits(self, chosen: np.ndarray) -> np.ndarray:
        """Return the traits of losses [m, traits], with the larger smoothing term, see `core.analysis.traits`.

        Args:
            chosen: their rows [m].
        """
        predictions, ones = self._probes.predictions, self._probes.labels == 1
        gradients = self._gradients([self.programs[i] for i in chosen], LARGE_SMOOTHING)
        logit = gradients * (predictions * (1 - predictions))
        return traits(predictions[ones], -logit[:, ones], logit[:, ~ones])

    def scores(self, epochs: int, *, smoothing: float | None = None, seed: int | None = None) -> np.ndarray:
        """Return scores [n], NaN where there are none.

        Args:
            epochs: see `score_column`.
            smoothing: see there.
            seed: see there.
        """
        column = score_column(self.metric.name, epochs, smoothing=smoothing, seed=seed)
        return np.asarray(self.rows[column], dtype=float)


def loaded(path: Path) -> LossTable:
    """Return the table of a file, which is read once for all searches of a process, as long as it stays the same.

    Raises:
        UserError: there is no such file, or it is none.
    """
    state = path.stat() if path.exists() else None
    return _loaded(path, None if state is None else (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=1)
def _loaded(path: Path, state: object) -> LossTable:
    return LossTable.load(path)
