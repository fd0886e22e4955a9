"""`train_recommender`: from a table of who chose what to recommendations, in one call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.common.errors import UserError, format_value, unknown_name
from core.losses.setwise.registry import parse_ranking_loss
from recommenders.common.machine import Machine, pick_device
from recommenders.data.frames import Frame, as_table
from recommenders.data.implicit import ImplicitDataset, load_implicit
from recommenders.data.implicit.options import UNFIT
from recommenders.data.options import refuse_url
from studies.api.searching import as_path, of_frame
from studies.common.processes import usable_cores
from studies.common.spelling import spelled_as_settings
from studies.common.undisturbed import undisturbed
from studies.evaluation.ranking.settings import RankingSettings
from studies.execution.rankings import ranking_training
from studies.exporting.model import save_ranker
from studies.exporting.ranked import Ranker
from studies.study.parts import compose, flat


@dataclass(frozen=True, eq=False)
class TrainedRecommender:
    """A recommender that `train_recommender` has trained."""

    loss: str
    """The loss with all its constants."""
    metrics: Mapping[str, float]
    """Of the test part, which nothing was chosen by."""
    validation: Mapping[str, float]
    """The same of the validation part, which the best epoch was chosen by."""
    best_epoch: int
    """The epoch that it is of, from 1."""
    data: ImplicitDataset
    """What it was trained on, with the parts."""
    ranker: Ranker
    """Ranks items for users."""

    def __repr__(self) -> str:
        """The loss, the data and the metrics of the test part."""
        data, metrics = self.data, ", ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())
        return (
            f"TrainedRecommender: {self.loss} on {data.name} ({data.n_users:,} users, {data.n_items:,} items), "
            f"best epoch {self.best_epoch}\ntest {metrics}"
        )

    def recommend(self, user: Any, k: int = 10, known: bool = False) -> list[tuple[Any, float]]:
        """Return the best items of a user with their scores, the best first; none for a user whom the data do not have.

        Args:
            user: an id.
            k: how many, at most.
            known: whether items that the user has in the data may be among them.

        Raises:
            ValueError: k is no whole number from 1.
        """
        return self.ranker.recommend(user, k, known)

    def save(self, folder: Path | str) -> Path:
        """Write it as a folder that `mlflow.pyfunc.load_model` takes, which needs nothing of this project.

        Args:
            folder: which is not there yet.

        Raises:
            UserError: it is there, or cannot be written.
        """
        path = as_path("folder", folder)
        about = {"loss": self.loss, "data": self.data.name}
        save_ranker(self.ranker, self.data.user_ids.tolist(), path, about)
        return path


#: Options of the command that are about several losses.
_OF_EVALUATIONS = frozenset(
    {"loss", "baseline", "anchor", "protocol", "trials", "tuner", "seeds", "tuning_seeds", "task"}
)
_SETTINGS = flat(RankingSettings()).keys() - _OF_EVALUATIONS


@undisturbed()
@spelled_as_settings({*_SETTINGS, *_OF_EVALUATIONS, "data", "threads"})
def train_recommender(
    data: Frame | Path | str | None = None,
    loss: str = "BSL",
    *,
    threads: int = usable_cores(),
    **settings: Any,
) -> TrainedRecommender:
    """Train a recommender that ranks items, with a loss as it is given.

    Args:
        data: who chose what: a data frame of any library, or the path of a file, or of a folder beside dataset="lists",
            "gowalla" or "yelp18"; MovieLens-100K without it.
        loss: its name, with constants as in SL:temperature=.1, see docs/ranking.md.
        threads: CPU cores.
        settings: options of `python -m studies.evaluate --task ranking` by name, such as recommender="simplex",
            max_epochs=100, sampler="uniform:negatives=100", learning_rate=.01, positive_at=4, seed=1.

    The process is left as it was found, see `studies.common.undisturbed`.

    Raises:
        UserError: anything that it could not be trained with, in one line.
    """
    if not isinstance(loss, str):
        raise UserError(f"train_recommender: loss: expected a name, got {format_value(loss)}")
    for name in settings:
        if name in _OF_EVALUATIONS:
            raise UserError(f"train_recommender: {name} is for evaluations of several losses alone; leave it out")
        if name not in _SETTINGS:
            raise unknown_name("setting", name, _SETTINGS - UNFIT)
    chosen = compose(RankingSettings, {**settings, "loss": (loss,), "protocol": "paper"})
    device = pick_device(chosen.steps.device)
    machine = Machine(device, backend=chosen.steps.backend, threads=threads)
    chosen.check_backend(device)
    dataset = _data(chosen, data)
    steps = chosen.steps
    plan = chosen.plan() | {"select_on": "validation", "parts": ["validation", "test"]}
    way = {"learning_rate": steps.rate, "weight_decay": steps.weight_decay, "model": {}}
    for doubt in steps.recipe.sampler.doubts(dataset.n_items):
        warnings.warn(doubt, stacklevel=4)  # whoever calls, behind two decorators
    training = ranking_training(plan, way, loss, dataset, machine, chosen.seed)
    (result,) = training.run()
    if training.kept is None:
        raise UserError(f"train_recommender: with {loss} no epoch came to finite numbers; try a smaller learning_rate")
    users, items = training.vectors()
    own = dataset.train.union(dataset.validation).union(dataset.test)
    arrays = {"users": users, "items": items, "indptr": own.indptr, "known": own.items}
    ids = {"user": dataset.user_ids.tolist(), "item": dataset.item_ids.tolist()}
    made = str(parse_ranking_loss(loss))
    return TrainedRecommender(made, result.test, result.validation, result.best_epoch, dataset, Ranker(ids, arrays))


def _data(settings: RankingSettings, data: Frame | Path | str | None) -> ImplicitDataset:
    source, options = None if data is None else as_table(data), settings.data.options(1.0)
    refuse_url("train_recommender data", source)
    if source is None or isinstance(source, Path):
        return load_implicit(settings.data.name_on(source), source, settings.seed, options)
    return of_frame("train_recommender", source, settings.data.dataset, options, settings.seed)
