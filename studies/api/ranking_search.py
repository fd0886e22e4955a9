"""What `search_loss(task="ranking")` is about: its settings, and a data frame as an implicit data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.common.errors import UserError
from recommenders.data import DataFiles
from recommenders.data.frames import Frame, as_table
from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, cut_validation, implicit_table
from recommenders.data.options import refuse_url
from studies.study.parts import compose
from studies.study.ranking_study import RankingStudy
from studies.study.settings import StudySettings
from studies.study.settings_training import check_choice


def of_frame(whose: str, source: Frame, dataset: str | None, options: ImplicitOptions, seed: int) -> ImplicitDataset:
    """Return a data frame as an implicit data set with a validation part.

    Args:
        whose: the function that was called, for the message.
        source: of any library.
        dataset: the name of a data set that was asked for.
        options: how it is made.
        seed: of what is held out.

    Raises:
        UserError: another data set was asked for, or the frame is none.
    """
    if dataset not in (None, "table"):
        raise UserError(
            f"{whose}: expected either a data frame or dataset={dataset!r}, got both; leave out one of them"
        )
    return cut_validation(implicit_table(source, options, seed), options.validation_share, seed)


def ranking_study(
    data: Frame | Path | str | None, settings: Mapping[str, Any]
) -> tuple[StudySettings, DataFiles | ImplicitDataset]:
    """Return the settings of a study of losses of rankings, and what it is about.

    Args:
        data: see `train_recommender`.
        settings: options of `python -m studies.run --task ranking` by name.

    Raises:
        UserError: anything that no study could run with.
    """
    asked = compose(RankingStudy, settings)
    check_choice("task", asked.task, ("ranking",))
    source = None if data is None else as_table(data)
    refuse_url("search_loss data", source)
    if source is None or isinstance(source, Path):
        return asked.study, DataFiles(data=source)
    ranking = asked.ranking
    return asked.study, of_frame("search_loss", source, ranking.dataset, ranking.options(), asked.seed)
