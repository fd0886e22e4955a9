"""The problem of a loss of rankings, made of its own settings: `--problem ranking:dataset=gowalla:max_epochs=50`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from core.common.errors import UserError, format_value
from core.common.specification import Specification, kinds_of, read_settings
from core.programs.sets.space import ShapeSpace
from core.search.effectiveness import EarlyStopping
from recommenders.backends.ranking.base import Recipe, VectorTask
from recommenders.backends.ranking.registry import check_vector_backend
from recommenders.common.machine import Machine
from recommenders.data.implicit import IMPLICIT_DATASETS, ImplicitOptions, load_implicit
from recommenders.data.implicit.samplers import Shared, Uniform
from recommenders.models.vectors.mf import VectorMF
from recommenders.models.vectors.model import VectorModel
from recommenders.models.vectors.registry import VECTOR_MODELS
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking.loss_problem import RankingLossProblem
from recommenders.tasks.ranking.metrics import find_ranking_metric
from recommenders.tasks.ranking.training import METRICS, RankingPlan
from recommenders.tasks.ranking.tuning import Halving
from studies.study.loss import pick_device
from studies.study.settings_data import listed
from studies.study.settings_training import check_choice

if TYPE_CHECKING:
    from studies.study.problems import Ingredients


@dataclass(frozen=True, kw_only=True)
class RankingSearchSettings:
    """What losses are searched for on rankings: data, model, how it is trained, and how constants are tuned.

    Raises:
        UserError: a value out of range, or an unknown name.
    """

    dataset: Annotated[str, Parameter(help=listed("The data", IMPLICIT_DATASETS))] = "ml-100k"
    held_out: str = ImplicitOptions.held_out
    """Of ratings: the items of a user that make the test part: time (the last ones), random, or auto: time where there
    are times, else random."""
    validation_share: float = ImplicitOptions.validation_share
    """The share of each user's training items by which everything is chosen."""
    recommender: Annotated[str, Parameter(help=listed("The model", VECTOR_MODELS))] = "mf"
    embedding_size: int = VectorMF.embedding_size
    """Length of the vectors of users and items."""
    negatives: int = 256
    """Negatives of a batch, or of a positive with --no-shared."""
    shared: Annotated[bool, Parameter(negative="--no-shared")] = True
    """All positives of a batch have the same negatives."""
    batch_size: int = Recipe.batch_size
    """Positives of a step."""
    max_epochs: int = 50
    """Epochs of the trainings of Phase III."""
    every: int = 5
    """Epochs from one evaluation to the next in Phase III."""
    metric: str = METRICS[0]
    """What decides, such as recall@20, ndcg@20, hitrate@10, mrr or auc."""
    pushes: int = 2
    """The most parts of a loss that push negatives away, 1 to 4."""
    tuning_settings: int = Halving.settings
    """Settings of the constants (and learning rate) that are tried for every loss, found or known."""
    tuning_epochs: int = Halving.epochs
    """Epochs of the last round of tuning; those before have a third as many, for three times as many settings."""
    search_users: int | None = None
    """So many users, drawn at random, are what Phase I sees, where all of them take too long."""
    device: str = "auto"
    """Where to train: auto (cuda where there is one), cpu or cuda."""
    backend: str = "auto"
    """What trains: auto, compiled (machine code for a CPU, of mf) or torch."""

    def __post_init__(self) -> None:
        """Check everything without the data."""
        check_choice("dataset", self.dataset, tuple(IMPLICIT_DATASETS))
        ImplicitOptions(held_out=self.held_out, validation_share=self.validation_share)
        if not self.validation_share:
            raise UserError("--validation-share: losses are chosen on validation, expected above 0, got 0")
        check_choice("device", self.device, ("auto", "cpu", "cuda"))
        if ":" in self.recommender:
            raise UserError(f"--recommender: expected a name alone, such as mf, got {format_value(self.recommender)}")
        self.model()
        self.recipe()
        check_vector_backend(self.backend)
        find_ranking_metric(self.metric)
        ShapeSpace(self.pushes)
        Halving(self.tuning_settings, self.tuning_epochs)
        for name in ("max_epochs", "every"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise UserError(f"{name}: expected 1 to 100,000, got {getattr(self, name)}")
        if self.search_users is not None and self.search_users < 1:
            raise UserError(f"search_users: expected at least 1, got {self.search_users}")

    def model(self) -> VectorModel:
        """Return what is trained."""
        return parse_vector_model(f"{self.recommender}:embedding_size={self.embedding_size}")

    def recipe(self) -> Recipe:
        """Return how a step is taken."""
        sampler = (Shared if self.shared else Uniform)(self.negatives)
        return Recipe(sampler=sampler, batch_size=self.batch_size)

    def plan(self) -> RankingPlan:
        """Return how losses are trained to convergence."""
        stopping = EarlyStopping(self.max_epochs, self.max_epochs, self.max_epochs)
        metrics = tuple(dict.fromkeys((self.metric, *METRICS)))
        return RankingPlan(early_stopping=stopping, every=self.every, metrics=metrics)

    def line(self) -> str:
        """Return the line of the problem, with what differs from the defaults."""
        usual = RankingSearchSettings()
        given = {name: getattr(self, name) for name in kinds_of(RankingSearchSettings)}
        words = [f"{name}={_word(value)}" for name, value in given.items() if value != getattr(usual, name)]
        return ":".join(["ranking", *words])


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def make_ranking_problem(given: Ingredients, spec: Specification) -> RankingLossProblem:
    """Return the problem of a loss of rankings.

    Args:
        given: what it may be made of.
        spec: its settings.

    Raises:
        UserError: anything that it could not be searched with.
    """
    asked, seed = read_settings(spec, RankingSearchSettings), given.settings.seed
    options = ImplicitOptions(held_out=asked.held_out, validation_share=asked.validation_share)
    data = load_implicit(asked.dataset, given.data.data, seed, options)  # type: ignore[union-attr]  # files
    task = VectorTask(asked.model(), data, asked.recipe())
    machine = Machine(pick_device(asked.device), backend=asked.backend, threads=given.threads)
    halving = Halving(asked.tuning_settings, asked.tuning_epochs)
    space = ShapeSpace(asked.pushes)
    return RankingLossProblem(task, asked.plan(), machine, halving, space, seed, asked.search_users)
