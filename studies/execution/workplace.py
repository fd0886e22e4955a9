"""Where parts are computed. Nothing of it changes what is computed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from recommenders.data import DataFiles
from studies.execution.part import CHECKPOINTS, Part
from studies.storage.checkpoints import Checkpoints, Offer, keep_nothing

_log = logging.getLogger(__name__)

#: Told how far a part is, from 0 to 1.
Report = Callable[[float], None]


@dataclass(frozen=True)
class Kept:
    """What is kept of a part that is not finished."""

    stored: Mapping[str, Any] | None = None
    """The state to go on from; None to begin at the beginning."""
    offer: Offer = keep_nothing
    """Told wherever the part could go on from."""


@dataclass(frozen=True)
class Workplace:
    """What every worker needs."""

    jobs: int
    """Processes at a time."""
    threads: int
    """CPU cores of each."""
    data: Path | DataFiles | None
    """The raw file or files of the data set, where it needs some."""
    memory: float | None = None
    """GiB for the parameters of recommenders in training, in each; None: half of what is free."""
    keep: Path | None = None
    """Folder for the checkpoints of unfinished parts; None: none are made."""
    checkpoint_every: float = 30.0
    """Seconds between checkpoints of a part."""

    def checkpoints(self, part: Part) -> Checkpoints | None:
        """Of this part."""
        if self.keep is None:
            return None
        return Checkpoints(self.keep / f"{part.file}{CHECKPOINTS}", {"part": part.file}, self.checkpoint_every)

    def kept(self, part: Part) -> Kept:
        """To go on with this part; a checkpoint that cannot be used costs a warning and the way up to it."""
        checkpoints = self.checkpoints(part)
        if checkpoints is None:
            return Kept()
        try:
            return Kept(checkpoints.load(), checkpoints.offer)
        except UserError as error:
            _log.warning("warning: %s begins anew: %s", part.label, error)
            return Kept(None, checkpoints.offer)

    def forget_all(self) -> None:
        """Everything is finished: what parts left that nobody waited for in the end is not needed either."""
        if self.keep is not None:
            for folder in self.keep.glob(f"*{CHECKPOINTS}"):
                Checkpoints(folder, {}).clear()

    def forget(self, part: Part) -> None:
        """The part is finished: its checkpoints are not needed any more."""
        checkpoints = self.checkpoints(part)
        if checkpoints is not None:
            checkpoints.clear()
