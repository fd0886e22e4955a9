"""How large a loss is beside BCE, as a fresh recommender sees it: see `core.problems.scale`."""

from __future__ import annotations

from core.common.errors import UserError
from core.losses.closed_forms import BCE
from core.losses.loss import Loss
from core.problems.scale import GradientNormaliser
from recommenders.tasks.environments import proxy_batch_of, proxy_pairs
from recommenders.tasks.task import RecommendationTask


def fresh_normaliser(task: RecommendationTask, seed: int, size: int = 5) -> GradientNormaliser:
    """Return what brings losses to the gradient norm of BCE on the proxy batch of a fresh recommender.

    Args:
        task: what is trained.
        seed: of the recommender and of the batch; an environment with this seed starts from the same.
        size: rows in the batch.

    Raises:
        UserError: more rows than there are for training, or none.
    """
    if not 1 <= size <= len(task.dataset.train):
        raise UserError(f"proxy batch: expected 1 to {len(task.dataset.train)} rows, got {size}")
    weights = task.model_copies(task.initial(seed), 1, 0.0).weights
    return GradientNormaliser(BCE, proxy_batch_of(task, weights, proxy_pairs(task, seed, size)))


def bce_factor(task: RecommendationTask, loss: Loss, seed: int, size: int = 5) -> float:
    """Return the factor that brings a loss's gradient to the norm of BCE's; 1 where there is none.

    Args:
        task: what is trained.
        loss: the loss.
        seed: see `fresh_normaliser`.
        size: rows in the proxy batch.
    """
    (factor,) = fresh_normaliser(task, seed, size).factors([loss])
    return factor
