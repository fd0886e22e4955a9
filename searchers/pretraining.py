"""Teaches a policy to write what is worth training, before it has seen a reward.

Where a space refuses nearly everything, as that of losses does, an untrained policy writes a thousand programs for each
that can be trained (docs/results.md), and rewards, which the others do not get, lead it away from that only slowly. So
it first imitates random ones that are viable, as language models are taught to write before they are taught to please.
It is the prior of Olivecrona et al. (Journal of Cheminformatics 9, 2017, section "The prior network"), who generate
molecules; here it costs no data, since viable candidates can be drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from core.search.space import Space
from searchers.controller import Controller

#: Genomes in a batch, passes over all of them, and Adam's learning rate.
_BATCH, _PASSES, _LEARNING_RATE = 128, 8, 1e-2
#: Where this share of so many random genomes is viable, there is nothing to teach.
_ENOUGH, _ASKED = 0.5, 256
#: More genomes would take minutes. They are drawn in portions, between which a search can be interrupted.
MOST_IMITATED, _PORTION = 10_000, 256


def pretrain(controller: Controller, space: Space[Any], n: int, rng: np.random.Generator) -> None:
    """Make a controller imitate random viable genomes; nothing is done where half of all are viable, or none is found.

    Args:
        controller: is changed.
        space: its space.
        n: how many genomes it sees.
        rng: draws them and their order.
    """
    if not n or space.viable(space.sample(_ASKED, rng)).mean() >= _ENOUGH:
        return
    drawn = np.concatenate([space.drawn(min(_PORTION, n - done), rng) for done in range(0, n, _PORTION)])
    genomes = torch.from_numpy(drawn[space.viable(drawn)])
    if not len(genomes):
        return
    optimiser = torch.optim.Adam(controller.parameters(), lr=_LEARNING_RATE, foreach=True)
    for _ in range(_PASSES):
        for batch in genomes[torch.from_numpy(rng.permutation(len(genomes)))].split(_BATCH):
            optimiser.zero_grad()
            (-controller.evaluate(batch).log_probability.mean()).backward()
            optimiser.step()
