"""A found loss in RecBole's own training loop: its NeuMF on MovieLens-100K, by BCE and by the loss of a file.

    python -m studies.export --loss "..." --to torch --out found_loss.py    # here, once
    python recbole_found_loss.py found_loss.py                             # where RecBole is installed

Needs recbole==1.2.1 and nothing of this project: the file is self-contained. docs/use-a-found-loss.md has a run of it.
"""

import argparse
import importlib.util


def load_loss(path):
    """The class Loss of a file that studies.export wrote."""
    spec = importlib.util.spec_from_file_location("found_loss", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Loss


def give_loss(model, make_loss):
    """Put a found loss in the place of the model's own.

    RecBole's pointwise models keep theirs in `model.loss` and call `self.loss(prediction, label)`. Those that end in
    a sigmoid of their own (BCELoss) are given predictions, those that do not (BCEWithLogitsLoss) logits.
    """
    own = type(model.loss).__name__
    if own not in ("BCELoss", "BCEWithLogitsLoss"):
        raise SystemExit(f"{type(model).__name__}: expected a pointwise model with BCE in model.loss, got {own}")
    model.loss = make_loss(from_logits=own == "BCEWithLogitsLoss")
    return model


#: Ratings of 4 and 5 are positive, lower ones negative, as in this project; nothing is sampled.
SETTINGS = {
    "load_col": {"inter": ["user_id", "item_id", "rating"]},
    "threshold": {"rating": 4},
    "train_neg_sample_args": None,
    "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "none", "mode": "labeled"},
    "metrics": ["AUC", "LogLoss"],
    "valid_metric": "AUC",
    "epochs": 100,
    "stopping_step": 10,
    "train_batch_size": 2048,
    "learning_rate": 0.001,
    "show_progress": False,
    "save_dataset": False,
    "state": "WARNING",
}


def train(model_name, make_loss, seed):
    """RecBole's Trainer as it is; returns (best validation AUC, test metrics)."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_logger, init_seed

    config = Config(model=model_name, dataset="ml-100k", config_dict=SETTINGS | {"seed": seed})
    init_seed(seed, True)
    init_logger(config)
    train_data, valid_data, test_data = data_preparation(config, create_dataset(config))
    init_seed(seed, True)
    model = get_model(model_name)(config, train_data.dataset).to(config["device"])
    if make_loss is not None:
        give_loss(model, make_loss)
    trainer = get_trainer(config["MODEL_TYPE"], model_name)(config, model)
    best, _ = trainer.fit(train_data, valid_data, saved=True, show_progress=False)
    return best, trainer.evaluate(test_data, load_best_model=True, show_progress=False)


def main():
    """Train by both, print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loss_file", help="what studies.export --to torch wrote")
    parser.add_argument("--model", default="NeuMF", help="a pointwise model of RecBole")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    found = load_loss(given.loss_file)
    print(f"{given.model} of RecBole, MovieLens-100K, test part of the best validation epoch")
    print("loss   seed  valid AUC  test AUC  test LogLoss")
    for seed in range(given.seeds):
        for name, make_loss in (("BCE", None), ("found", found)):
            best, test = train(given.model, make_loss, seed)
            print(f"{name:6s} {seed:4d}  {best:9.4f}  {test['auc']:8.4f}  {test['logloss']:12.4f}", flush=True)


if __name__ == "__main__":
    main()
