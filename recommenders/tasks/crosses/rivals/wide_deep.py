"""Wide & Deep as a rival (Cheng et al., DLRS 2016): a linear part and a network, trained together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from recommenders.backends.compiled.cores import Cores
from recommenders.data.fields.dataset import FieldData
from recommenders.tasks.crosses.bench import fit_encoder
from recommenders.tasks.crosses.judging import auc
from recommenders.tasks.crosses.plan import CrossPlan
from recommenders.tasks.crosses.rivals.rival import Fitted, Trainable, columns_of

#: Rows of a step at most, and steps of an epoch at least; epochs without a gain before a training ends, and at most.
_BATCH, _STEPS, _PATIENCE, _MOST_EPOCHS = 512, 40, 3, 40
#: Rows that are scored at a time.
_BLOCK = 2**14
#: The standard deviation of vectors at the start.
_SPREAD = 0.05


class _Network(nn.Module):
    """Scores rows of places: the sum of a weight each, and a network of a vector each.

    Args:
        n: places; the first is that of values that no training row has, and stays 0.
        columns: places of a row.
        setting: size of vectors, width and number of layers, dropout.
        draws: of the start, and of what is dropped.
    """

    def __init__(self, n: int, columns: int, setting: Mapping[str, Any], draws: torch.Generator) -> None:
        super().__init__()
        size, width = setting["size"], setting["width"]
        table = _SPREAD * torch.randn(n, 1 + size, generator=draws)
        table[:, 0] = table[0] = 0
        self.table = nn.Parameter(table)
        wide = [columns * size] + setting["layers"] * [width]
        starts = [torch.randn(a, b, generator=draws) * (2 / a) ** 0.5 for a, b in pairwise(wide)]
        self.weights = nn.ParameterList([nn.Parameter(one) for one in [*starts, torch.zeros(width, 1)]])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(one)) for one in [*wide[1:], 1]])
        self._dropout, self._draws = setting["dropout"], draws

    def forward(self, places: torch.Tensor) -> torch.Tensor:
        """Return scores [n].

        Args:
            places: [n, columns].
        """
        found = functional.embedding(places, self.table, padding_idx=0)
        hidden = found[:, :, 1:].flatten(1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = torch.relu(hidden @ weight + bias)
            if self.training and self._dropout:
                kept = torch.rand(hidden.shape, generator=self._draws) >= self._dropout
                hidden = hidden * kept / (1 - self._dropout)
        return found[:, :, 0].sum(1) + (hidden @ self.weights[-1] + self.biases[-1])[:, 0]


class WideDeep(Trainable):
    """Wide & Deep on the columns and bins of the regression, see Trainable."""

    def __init__(self, data: FieldData) -> None:
        super().__init__(data)
        torch.set_num_threads(1)  # more change rounding
        self._encoder = fit_encoder(data, CrossPlan(), Cores(1))
        sizes = [self._encoder.size(one) for one in self._encoder.features()]
        self._n, self._starts = sum(sizes), np.cumsum([0, *sizes[:-1]])

    def fit(self, setting: Mapping[str, Any], rounds: tuple[int, ...] | None, seed: int) -> Fitted:
        """See Trainable."""
        x, y = self.rows("train", "stop") if rounds else self.rows("train")
        buckets = self._buckets(x)
        is_known = np.bincount(buckets.ravel(), minlength=self._n) > 0
        place = np.where(is_known, np.cumsum(is_known), 0)
        draws = torch.Generator().manual_seed(seed)
        net = _Network(int(is_known.sum()) + 1, buckets.shape[1], setting, draws)

        def score(x: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                blocks = (place[self._buckets(x[k : k + _BLOCK])] for k in range(0, len(x), _BLOCK))
                return np.concatenate([net(torch.from_numpy(one)).numpy() for one in blocks]).astype(np.float64)

        epochs = _train(net, place[buckets], y, setting, rounds, lambda: self._watched(score))
        return Fitted(score, (epochs,))

    def _watched(self, score: Any) -> float:
        x, y = self.rows("choose")
        return auc(score(x), y)

    def _buckets(self, x: np.ndarray) -> np.ndarray:
        """Return the bucket of each feature of each row, numbered through all features, int64 [n, features]."""
        columns = {one.name: one for one in columns_of(self.data, x)}
        codes = {name: self._encoder.coded(one, slice(None)).codes for name, one in columns.items()}
        features = self._encoder.features()
        found = [self._encoder.bucket_of(one)[codes[one.column]] for one in features]
        return np.stack(found, axis=1) + self._starts


def _train(
    net: _Network, places: np.ndarray, label: np.ndarray, setting: Mapping[str, Any], rounds: Any, watched: Any
) -> int:
    """Train for so many epochs, or until it is no better for some; leave the best state, and return its epoch."""
    optimiser = torch.optim.AdamW(net.parameters(), setting["learning_rate"], weight_decay=setting["decay"])
    rows, target = torch.from_numpy(places), torch.from_numpy(label.astype(np.float32))
    batch = max(1, min(_BATCH, len(rows) // _STEPS))
    best, best_epoch, kept = -np.inf, 0, net.state_dict()
    for epoch in range(1, (rounds[0] if rounds else _MOST_EPOCHS) + 1):
        net.train()
        for chosen in torch.randperm(len(rows), generator=net._draws).split(batch):
            loss = functional.binary_cross_entropy_with_logits(net(rows[chosen]), target[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        net.eval()
        if rounds:
            continue
        if (value := watched()) > best:
            best, best_epoch = value, epoch
            kept = {name: one.clone() for name, one in net.state_dict().items()}
        elif epoch - best_epoch >= _PATIENCE:
            break
    if not rounds:
        net.load_state_dict(kept)
    return rounds[0] if rounds else best_epoch
