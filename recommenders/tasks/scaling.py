"""Normalise losses to the gradient norm of BCE on a fresh recommender, see `core.problems.scale`."""

from __future__ import annotations

from core.common.errors import UserError
from core.losses.closed_forms import BCE
from core.losses.loss import Loss
from core.problems.scale import GradientNormaliser
from recommenders.tasks.environments import proxy_batch_of, proxy_pairs
from recommenders.tasks.task import RecommendationTask


def fresh_normaliser(task: RecommendationTask, seed: int, size: int = 5) -> GradientNormaliser:
    """Return a normaliser to the gradient norm of BCE on the proxy batch of a fresh recommender.

    Args:
        task: gives the recommender and the training rows.
        seed: of the recommender and of the batch; an environment with this seed has the same ones.
        size: number of rows in the batch.

    Raises:
        UserError: the size is below 1 or above the number of training rows.
    """
    if not 1 <= size <= len(task.dataset.train):
        raise UserError(f"proxy batch: expected 1 to {len(task.dataset.train)} rows, got {size}")
    weights = task.model_copies(task.initial(seed), 1, 0.0).weights
    return GradientNormaliser(BCE, proxy_batch_of(task, weights, proxy_pairs(task, seed, size)))


def bce_factor(task: RecommendationTask, loss: Loss, seed: int, size: int = 5) -> float:
    """Return the factor that scales a loss to the gradient norm of BCE; 1 where the norms give none.

    Args:
        task: gives the recommender and the training rows.
        loss: the loss.
        seed: see `fresh_normaliser`.
        size: number of rows in the proxy batch.
    """
    (factor,) = fresh_normaliser(task, seed, size).factors([loss])
    return factor
