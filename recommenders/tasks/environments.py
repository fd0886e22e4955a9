"""The two environments in which candidates are measured.

`alternating` is Algorithm 1: a candidate's reward depends on what the recommender has learned so far.
`from-scratch` trains every candidate from the same fresh recommender. Rewards then never change during a
search, which evolution and Bayesian search rely on.
"""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from core.common.errors import UserError
from core.common.restoring import read
from core.common.seeding import derive_seed, numpy_rng
from core.losses.loss import Loss
from core.problems.evaluator import Evaluator
from core.problems.proxy import ProxyBatch
from core.search.halving import rungs, survivors
from core.search.problem import Measurement
from recommenders.backends.first_occurrence import first_occurrence
from recommenders.backends.model_copies import ModelCopies
from recommenders.models.recommender import Weights, gather
from recommenders.tasks.task import Pairs, RecommendationTask


class _Environment(Evaluator):
    """The common part of both environments: a start, a fixed proxy batch, and the copies of the last `measure`."""

    def __init__(self, task: RecommendationTask, seed: int, proxy_size: int, epochs: int) -> None:
        if not 1 <= proxy_size <= len(task.dataset.train) or epochs < 1:
            raise UserError(
                f"environment: expected a proxy batch of 1 to {len(task.dataset.train)} rows and at least 1 epoch, "
                f"got {proxy_size} and {epochs}"
            )
        self._task, self._epochs = task, epochs
        self._proxy_pairs = proxy_pairs(task, seed, proxy_size)
        self._begin(seed)

    def _begin(self, seed: int) -> None:
        """Make a fresh recommender the start."""
        self._copies: ModelCopies | None = None
        self._measured: tuple[tuple[Loss, ...], int] | None = None
        self._move(self._task.model_copies(self._task.initial(seed), 1, self._task.settings.search_weight_decay))

    def _move(self, start: ModelCopies) -> None:
        self._start, self._score = start, self._task.scores(start.weights)[0]

    def score(self) -> float:
        """See Evaluator."""
        return self._score

    def score_on(self, pairs: Pairs) -> float:
        """Return the score of the start on pairs other than those of validation, higher is better."""
        return self._task.scores_on(self._start.weights, pairs)[0]

    def proxy_batch(self) -> ProxyBatch:
        """See Evaluator."""
        return proxy_batch_of(self._task, self._start.weights, self._proxy_pairs)

    @abstractmethod
    def _batch_seed(self, seed: int) -> int:
        """Return the seed of the batches for the seed of a step."""

    def measure(self, losses: Sequence[Loss], seed: int) -> list[Measurement]:
        """See Evaluator; trains as many copies together as fit into memory."""
        began = time.perf_counter()
        self._measured = (tuple(losses), seed)
        scored = self._scored(losses, seed)
        seconds = (time.perf_counter() - began) / max(1, len(losses))
        return [Measurement(score, epochs, seconds) for score, epochs in scored]

    def _scored(self, losses: Sequence[Loss], seed: int) -> list[tuple[float, int]]:
        """Return what each loss comes to, and after how many epochs."""
        return [(score, self._epochs) for score in self._reached(losses, seed, self._epochs)]

    def _reached(
        self, losses: Sequence[Loss], seed: int, until: int, begun: ModelCopies | None = None, done: int = 0
    ) -> list[float]:
        """Return the validation scores of losses after so many epochs; keep the copies if all fit into memory.

        Args:
            losses: to train with.
            seed: of the step.
            until: how many epochs in all.
            begun: copies that were trained with them for some epochs, to go on from; None: from the start.
            done: how many those are.
        """
        scores = list[float]()
        together = min(len(losses), self._task.trainer.at_once(self._start.weights))
        while len(scores) < len(losses):
            part = losses[len(scores) : len(scores) + together]
            whole = begun if len(part) == len(losses) else None
            self._copies = begun = None  # frees memory for the next ones
            try:
                self._copies, of_part = self._train(part, seed, until, whole, done)
            except (RuntimeError, MemoryError) as error:
                together = self._task.trainer.fewer(together, error)
                continue
            scores += of_part
        if together < len(losses):
            self._copies = None
        return scores

    def _train(
        self, losses: Sequence[Loss], seed: int, until: int, begun: ModelCopies | None = None, done: int = 0
    ) -> tuple[ModelCopies, Sequence[float]]:
        """Return copies, trained with a loss each, and their validation scores, see `_reached`."""
        prepared = self._task.trainer.prepare(losses)
        copies, first = (self._start.select([0] * len(losses)), 0) if begun is None else (begun, done)
        for epoch in range(first, until - 1):
            self._task.trainer.train_epoch(copies, prepared, self._batch_seed(seed), epoch)
        return copies, self._task.train_and_score(copies, prepared, self._batch_seed(seed), until - 1)

    def _trained(self, index: int) -> ModelCopies:
        """Return a copy of the last `measure`; if not all copies were kept, train it again, with the same result."""
        assert self._measured is not None, "measure comes before adopt"
        losses, seed = self._measured
        if self._copies is not None:
            return self._copies.select([index])
        return self._train([losses[index]], seed, self._epochs)[0]


class AlternatingEnvironment(_Environment):
    """Trains each candidate for one epoch from the current recommender, which the best accepted copy replaces.

    Args:
        task: what to train.
        seed: of the first recommender and of the proxy batch.
        proxy_size: number of examples in the proxy batch (5 for ML-100K, 20 for Electronics in the paper).
    """

    def __init__(self, task: RecommendationTask, seed: int, proxy_size: int = 5) -> None:
        super().__init__(task, seed, proxy_size, epochs=1)

    def _batch_seed(self, seed: int) -> int:
        return seed

    def adopt(self, index: int) -> bool:
        """See Evaluator; the copy becomes the start."""
        self._move(self._trained(index))
        return True

    def restart(self, seed: int) -> bool:
        """See Evaluator."""
        self._begin(seed)
        return True

    def state_dict(self) -> dict[str, Any]:
        """See Evaluator."""
        return {"weights": dict(self._start.weights), "score": self._score}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Evaluator."""
        self._copies = self._measured = None
        self._start = self._start.select([0])
        self._start.load(read(dict[str, Tensor], state["weights"]))
        self._score = read(float, state["score"])


class FromScratchEnvironment(_Environment):
    """Trains each candidate for some epochs from the same fresh recommender, on the same batches.

    Args:
        task: what to train.
        seed: of the recommender, the batches and the proxy batch.
        proxy_size: number of examples in the proxy batch.
        epochs: how many epochs to train each candidate.
        fidelity: of those that are measured together, one in so many goes on after each of the shorter trainings, see
            `core.search.halving`; 1: all are trained to the end.
    """

    def __init__(
        self, task: RecommendationTask, seed: int, proxy_size: int = 5, epochs: int = 3, fidelity: int = 1
    ) -> None:
        super().__init__(task, seed, proxy_size, epochs)
        self._seed, self._fidelity = derive_seed(seed, "from scratch"), fidelity

    def _scored(self, losses: Sequence[Loss], seed: int) -> list[tuple[float, int]]:
        """Train all for a short while, the best of them on; what stops counts with the score that it has then."""
        found, going, begun, done = [(math.nan, 0)] * len(losses), list(range(len(losses))), None, 0
        for until in rungs(self._epochs, self._fidelity):
            scores = self._reached([losses[i] for i in going], seed, until, begun, done)
            for i, score in zip(going, scores, strict=True):
                found[i] = (score, until)
            kept = survivors(scores, self._fidelity)
            begun = None if self._copies is None or until == self._epochs else self._copies.select(kept)
            going, done = [going[k] for k in kept], until
        self._copies = None  # nothing is adopted
        return found

    def _batch_seed(self, seed: int) -> int:
        return self._seed  # so that equal losses get equal scores in every step

    def adopt(self, index: int) -> bool:
        """See Evaluator; the start never changes."""
        return False

    def restart(self, seed: int) -> bool:
        """See Evaluator; the start never changes."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """See Evaluator; empty, since the start follows from the seed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See Evaluator."""
        self._copies = self._measured = None


def proxy_pairs(task: RecommendationTask, seed: int, size: int) -> Pairs:
    """Draw the training rows of a proxy batch.

    Args:
        task: gives the training rows.
        seed: of the draw.
        size: number of rows.
    """
    rows = numpy_rng(seed, "probe batch").choice(len(task.dataset.train), size, replace=False)
    return Pairs.of(task.dataset.train.take(rows), task.trainer.device)


@torch.no_grad()
def proxy_batch_of(task: RecommendationTask, weights: Weights, pairs: Pairs) -> ProxyBatch:
    """Return the proxy batch for one copy of the recommender: predictions and the Gram matrix of their gradients.

    One backward pass gives the Jacobian: of B copies of the batch, copy b is backpropagated from its example b only.
    Computed in float64, in evaluation mode.

    Args:
        task: gives the recommender.
        weights: of the copy, with a leading K = 1.
        pairs: the B examples.
    """
    recommender, size = task.recommender, len(pairs.label)
    gathered = {
        name: weight.double().expand(size, *weight.shape[1:]).contiguous()
        for name, weight in gather(recommender, weights, pairs.user, pairs.item).items()
    }
    logit, pullback = recommender.vjp(gathered, None)
    y_hat = torch.sigmoid(logit[0])
    jacobian = []
    for name, gradient in pullback(torch.diag(y_hat * (1 - y_hat))).items():
        if name in recommender.tables:  # examples of the same user or item share a row
            ids = pairs.user if recommender.tables[name] == "user" else pairs.item
            first = torch.as_tensor(first_occurrence(ids.cpu().numpy(), len(ids)), device=ids.device)
            gradient = torch.zeros_like(gradient).index_add_(1, first, gradient)
        jacobian.append(gradient.reshape(size, -1))
    j = torch.cat(jacobian, dim=1)
    return ProxyBatch(y_hat.cpu(), pairs.label.double().cpu(), (j @ j.T).cpu())
