"""Found losses of rankings in RecBole's own training loop: its BPR on MovieLens-100K, and MF by losses of files.

    python -m studies.export --run results/gp-ranking-0 --to torch --out found.py    # here, once for each loss
    python -m studies.export --loss BSL --to torch --out bsl.py
    python recbole_found_ranking_loss.py found.py bsl.py                             # where RecBole is installed

Needs recbole==1.2.1 and nothing of this project: files stand for themselves. docs/use-a-found-loss.md has a run of it.
"""

import argparse
import importlib.util
from pathlib import Path

import torch
from torch.nn.functional import normalize


def load_loss(path):
    """The class Loss of a file that studies.export wrote."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Loss


def model_trained_by(loss, n_negatives=256):
    """A model of RecBole: matrix factorisation on cosines, trained by a loss of a positive and a set of negatives."""
    from recbole.model.abstract_recommender import GeneralRecommender
    from recbole.utils import InputType

    class MF(GeneralRecommender):
        input_type = InputType.PAIRWISE  # positives alone are used of it

        def __init__(self, config, dataset):
            super().__init__(config, dataset)
            self.users = torch.nn.Embedding(self.n_users, config["embedding_size"])
            self.items = torch.nn.Embedding(self.n_items, config["embedding_size"])
            for table in (self.users, self.items):
                torch.nn.init.normal_(table.weight, std=0.1)

        def calculate_loss(self, interaction):
            users = normalize(self.users(interaction[self.USER_ID]), dim=1)
            positives = normalize(self.items(interaction[self.ITEM_ID]), dim=1)
            drawn = torch.randint(1, self.n_items, (n_negatives,), device=users.device)  # 0 is no item
            negatives = normalize(self.items(drawn), dim=1)
            return loss((users * positives).sum(1), users @ negatives.T)

        def predict(self, interaction):
            users, items = self.users(interaction[self.USER_ID]), self.items(interaction[self.ITEM_ID])
            return (normalize(users, dim=1) * normalize(items, dim=1)).sum(1)

        def full_sort_predict(self, interaction):
            users = normalize(self.users(interaction[self.USER_ID]), dim=1)
            return (users @ normalize(self.items.weight, dim=1).T).view(-1)

    return MF


#: Ratings of 4 and 5 are what users have chosen, as in this project; a random tenth each for validation and test.
SETTINGS = {
    "load_col": {"inter": ["user_id", "item_id", "rating"]},
    "val_interval": {"rating": "[4,inf)"},
    "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"},
    "metrics": ["Recall", "NDCG"],
    "topk": [20],
    "valid_metric": "Recall@20",
    "embedding_size": 64,
    "epochs": 100,
    "stopping_step": 5,
    "train_batch_size": 1024,
    "show_progress": False,
    "save_dataset": False,
    "state": "WARNING",
}
#: Everybody's, the best on validation counts.
RATES = (0.002, 0.01)


def train(make_model, rate, seed):
    """RecBole's Trainer as it is; returns (best validation recall, test metrics)."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender import BPR
    from recbole.trainer import Trainer
    from recbole.utils import init_logger, init_seed

    config = Config(model="BPR", dataset="ml-100k", config_dict=SETTINGS | {"seed": seed, "learning_rate": rate})
    init_seed(seed, True)
    init_logger(config)
    train_data, valid_data, test_data = data_preparation(config, create_dataset(config))
    init_seed(seed, True)
    model = (make_model or BPR)(config, train_data.dataset).to(config["device"])
    trainer = Trainer(config, model)
    best, _ = trainer.fit(train_data, valid_data, saved=True, show_progress=False)
    return best, trainer.evaluate(test_data, load_best_model=True, show_progress=False)


def main():
    """Train by all, print all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loss_file", nargs="+", help="what studies.export --to torch wrote")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    models = {"RecBole's BPR": None}
    models |= {Path(path).stem: model_trained_by(load_loss(path)()) for path in given.loss_file}
    print("MovieLens-100K, test part of the best validation epoch and learning rate")
    print("loss           seed   rate  valid recall@20  test recall@20  test ndcg@20")
    for seed in range(given.seeds):
        for name, make_model in models.items():
            best, test, rate = max(((*train(make_model, rate, seed), rate) for rate in RATES), key=lambda one: one[0])
            row = f"{name:14s} {seed:4d}  {rate:5g}  {best:15.4f}  {test['recall@20']:14.4f}  {test['ndcg@20']:12.4f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
