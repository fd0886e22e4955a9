"""A found loss in a training loop of your own: plain torch, Adam, and nothing of this project.

    python -m studies.export --run results/rl-ml-100k-mf-0 --out found_loss.py
    python examples/train_with_a_found_loss.py found_loss.py ratings.csv USER_COLUMN ITEM_COLUMN RATING_COLUMN

Trains matrix factorisation by binary cross entropy and by the loss of the file, each with three learning rates and the
best of them on validation, and prints both test AUCs. Validation and test are a random tenth of the ratings each.
"""

import importlib.util
import sys

import numpy as np
import pandas as pd
import torch
from torch import nn

EPOCHS, BATCH, POSITIVE_AT = 30, 1024, 4


class MF(nn.Module):
    """Logits of (user, item)."""

    def __init__(self, n_users, n_items, size=32):
        super().__init__()
        self.user, self.item = nn.Embedding(n_users, size), nn.Embedding(n_items, size)
        self.user_bias, self.item_bias = nn.Embedding(n_users, 1), nn.Embedding(n_items, 1)
        for table in (self.user, self.item, self.user_bias, self.item_bias):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, user, item):
        """[B] and [B] -> [B]."""
        dot = (self.user(user) * self.item(item)).sum(-1)
        return dot + self.user_bias(user).squeeze(-1) + self.item_bias(item).squeeze(-1)


def auc(logit, label):
    """Area under the ROC curve, by ranks."""
    rank = pd.Series(logit.numpy()).rank().to_numpy()
    positive = label.numpy() > 0.5
    n, m = positive.sum(), (~positive).sum()
    return (rank[positive].sum() - n * (n + 1) / 2) / (n * m)


def train(loss, learning_rate, parts, sizes):
    """(best validation AUC, test AUC of that epoch)."""
    torch.manual_seed(0)
    model, best = MF(*sizes), (0.0, 0.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-5)
    user, item, label = parts["train"]
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(label)).split(BATCH):
            optimiser.zero_grad()
            loss(model(user[rows], item[rows]), label[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            scores = [auc(model(u, i), y) for u, i, y in (parts["validation"], parts["test"])]
        best = max(best, tuple(scores))
    return best


def main():
    """Read, train by both, print both."""
    loss_file, data, *columns = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("found_loss", loss_file)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)

    frame = pd.read_csv(data)
    user, item = (torch.from_numpy(pd.factorize(frame[name])[0]) for name in columns[:2])
    label = torch.from_numpy((frame[columns[2]] >= POSITIVE_AT).to_numpy(dtype=np.float32))
    order, tenth = torch.randperm(len(label), generator=torch.Generator().manual_seed(0)), len(label) // 10
    cuts = {"validation": order[:tenth], "test": order[tenth : 2 * tenth], "train": order[2 * tenth :]}
    parts = {name: (user[rows], item[rows], label[rows]) for name, rows in cuts.items()}
    sizes = int(user.max()) + 1, int(item.max()) + 1

    for name, loss in (("BCE", nn.BCEWithLogitsLoss()), ("found", found.Loss(from_logits=True))):
        best = max((train(loss, rate, parts, sizes), rate) for rate in (0.003, 0.01, 0.03))
        (validation, test), rate = best
        print(f"{name:6s} validation AUC {validation:.4f}, test AUC {test:.4f}, learning rate {rate:g}")


if __name__ == "__main__":
    main()
