"""`search_loss`: a study in one call."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from core.common.errors import UserError, format_value, unknown_name
from recommenders import class_name
from recommenders.data import TABLE, DataFiles, Dataset, table_dataset
from recommenders.data.frames import Frame, as_table
from recommenders.data.implicit import ImplicitDataset, ImplicitOptions, cut_validation, implicit_table
from recommenders.data.opening import is_folder
from recommenders.data.options import refuse_url
from recommenders.modules.scoring import ScoringModule
from recommenders.tasks.metrics import TASKS
from studies.api.result import SearchResult
from studies.common.spelling import spelled_as_settings
from studies.common.undisturbed import undisturbed
from studies.exporting.finding import find_history, find_study
from studies.exporting.model import MODEL_DATA
from studies.exporting.served import Recommender
from studies.exporting.stored import StoredStudy
from studies.running.running import Messages, StudyRun
from studies.storage.locking import own_folder
from studies.storage.output import MODEL
from studies.study.history import History, StudyCallback
from studies.study.parts import compose, flat
from studies.study.result import StudyResult
from studies.study.settings import PlaceSettings, StudySettings
from studies.study.settings_training import check_choice
from studies.study.study import Study
from studies.study.task_studies import RankingStudy
from studies.tracking.server import NO_TRACKING

#: Options of the command that matter with `out` alone.
_OF_THE_FOLDER = ("no_model", "checkpoint_every")


@undisturbed()
@spelled_as_settings({*flat(StudySettings()), *flat(PlaceSettings()), *flat(RankingStudy())})
def search_loss(
    data: Frame | Path | str | None = None,
    *,
    validation: Frame | Path | str | None = None,
    test: Frame | Path | str | None = None,
    recommender: str | type[nn.Module] = "mf",
    progress: bool = True,
    out: Path | str | None = None,
    resume: bool = False,
    tracking_uri: str = NO_TRACKING,
    experiment: str = "",
    threads: int = PlaceSettings.threads,
    memory: float | None = None,
    **settings: Any,
) -> SearchResult:
    """Search a loss for a recommender, check it, and compare it with the known ones, as `python -m studies.run` does.

    Args:
        data: ratings, labels or interactions: a data frame of any library, or the path of a file; MovieLens-100K
            without it.
        validation: the validation part, where parts are given apart; `data` is the training part then.
        test: the test part.
        recommender: a name such as mf or mlp:dropout=0.1, package.module:Class, or a class of torch modules.
        progress: whether to show on stderr how far it is: a live bar where it can be drawn, else lines.
        out: folder for the result, the loss, the report and checkpoints; nothing is written without it.
        resume: go on from the newest checkpoint in `out`.
        tracking_uri: MLflow's database or server, for a study with `out`; none to do without, and "" for the one that
            MLFLOW_TRACKING_URI names.
        experiment: MLflow's experiment; MLFLOW_EXPERIMENT_NAME, or else loss-search, unless given.
        threads: CPU cores to train candidates on.
        memory: GiB that parameters in training may take; half of what is free unless given.
        settings: any other option of the command by name, such as searcher="gp", trainings=200, seed=1, positive_at=4;
            with task="ranking" those of `python -m studies.run --task ranking`.

    The process is left as it was found, see `studies.common.undisturbed`.

    Raises:
        UserError: anything that the study could not run with, in one line.
    """
    given = {"tracking_uri": tracking_uri, "experiment": experiment, "threads": threads, "memory": memory}
    given |= {"resume": resume, **{name: settings.pop(name) for name in _OF_THE_FOLDER if name in settings}}
    places = compose(PlaceSettings, given)
    places = replace(places, out=None if out is None else as_path("out", out))
    if out is None and (places.resume or tracking_uri != NO_TRACKING):
        raise UserError("search_loss: expected out, the folder of the study, beside resume and tracking_uri; got none")
    kind = None if isinstance(recommender, str) else recommender
    named = recommender if isinstance(recommender, str) else _name(recommender)
    chosen, source = _chosen({**settings, "recommender": named}, data, validation, test)
    ready = Study(chosen, source, places.threads, places.memory, kind)
    ready.problem.use_cores()
    from studies.study.console import LiveProgress, new_console  # rich draws random numbers as it is loaded

    with LiveProgress(
        new_console(stderr=True, quiet=not progress),
        ready.problem.metric,
        chosen.search.trainings,
        complexity=ready.problem.terms.complexity,
        are_whole=ready.problem.are_whole,
    ) as bar:
        return _in_memory(ready, bar) if places.out is None else _in_folder(ready, places, places.out, bar)


@undisturbed()
def load_result(run: Path | str, tracking_uri: str = "") -> SearchResult:
    """What a study came to that ran before.

    Args:
        run: its folder, or the id of its run in MLflow.
        tracking_uri: MLflow's database or server, for the id of a run; MLFLOW_TRACKING_URI, or else
            sqlite:///mlflow.db, unless given.

    Raises:
        UserError: there is no such study, or what it left cannot be read.
    """
    path = as_path("run", run)
    study, _ = find_study(str(run), tracking_uri)
    model = (path if is_folder(path) else path.parent) / MODEL
    make = partial(Recommender.load, (model / MODEL_DATA).absolute()) if is_folder(model) else None
    return SearchResult(study, find_history(str(run), tracking_uri), make, place=str(run))


def as_path(what: str, given: object) -> Path:
    """Return a path that a person has given.

    Args:
        what: its name, for the message.
        given: whatever it is.

    Raises:
        UserError: it is no path, or an empty one.
    """
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):  # an empty one would be the working folder
        raise UserError(f"{what}: expected a path, got {format_value(given)}")
    return Path(given)


def _name(recommender: Any) -> str:
    if not isinstance(recommender, type):
        raise UserError(f"recommender: expected a name or a class of torch modules, got {type(recommender).__name__}")
    return class_name(recommender)


def _chosen(
    settings: Mapping[str, Any], data: Frame | Path | str | None, *parts: Frame | Path | str | None
) -> tuple[StudySettings, Dataset | ImplicitDataset | DataFiles]:
    """Settings as those of a study, and what it is about."""
    if settings.get("task") == "ranking":
        if any(part is not None for part in parts):
            raise UserError("search_loss: rankings are searched on one table or folder; leave out validation and test")
        return ranking_study(data, settings)
    if (task := settings.get("task", "classification")) not in TASKS:
        raise unknown_name("task", str(task), (*TASKS, "ranking"))
    chosen = StudySettings.from_dict(settings)
    source = _data(chosen, data, *parts)
    if isinstance(source, Dataset):
        chosen = replace(chosen, data=replace(chosen.data, dataset=TABLE))
    return chosen, source


def _data(settings: StudySettings, *tables: Frame | Path | str | None) -> Dataset | DataFiles:
    """Frames as a data set; paths, or nothing, as files."""
    data, validation, test = (None if table is None else as_table(table) for table in tables)
    for name, table in (("data", data), ("validation", validation), ("test", test)):
        refuse_url(f"search_loss {name}", table)
    if all(table is None or isinstance(table, Path) for table in (data, validation, test)):
        return DataFiles(data=data, validation_data=validation, test_data=test)
    if data is None:
        raise UserError("search_loss: expected data, the training part, beside validation and test; got none")
    if settings.data.dataset not in (None, TABLE):
        named = f"dataset={settings.data.dataset!r}"
        raise UserError(f"search_loss: expected either a data frame or {named}, got both; leave out one of them")
    dataset = table_dataset(data, settings.data.table, settings.data_seed, validation=validation, test=test)
    dataset.check_classes()
    return dataset


def _in_memory(ready: Study, callback: StudyCallback) -> SearchResult:
    history = History(ready.problem.metric)
    return _found(ready.run([callback, history]), history)


def _in_folder(ready: Study, places: PlaceSettings, out: Path, callback: StudyCallback) -> SearchResult:
    def warn(text: str) -> None:
        warnings.warn(text, stacklevel=2)

    with own_folder(out) as folder:
        run = StudyRun(ready, places, folder, Messages(lambda data: None, warn, lambda result: None))
        run.go(callback)
    return load_result(out) if run.result is None else _found(run.result, run.history, str(out))


def _found(result: StudyResult, history: History, place: str = "FOLDER") -> SearchResult:
    study = StoredStudy.of(result.to_dict(), "result")
    past = history.to_dict(result)
    if result.model is None:
        return SearchResult(study, past, None, place=place)
    module = ScoringModule(result.task.recommender, result.model).eval()
    data = result.task.dataset
    ids = {"user": data.user_ids.tolist(), "item": data.item_ids.tolist()}
    return SearchResult(study, past, partial(Recommender, ids, partial(_score, module)), module, place)


def _score(module: ScoringModule, user: Tensor, item: Tensor) -> Tensor:
    device = next(iter(module.state_dict().values())).device
    y_hat: Tensor = module(user.to(device), item.to(device))
    return y_hat.cpu()


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
