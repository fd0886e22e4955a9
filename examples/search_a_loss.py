"""Search a loss for ratings of your own, from Python, and write it as a torch module.

    python examples/search_a_loss.py [ratings.csv]

Without a file it makes ratings up, to try it out: that takes half a minute. The same works in a notebook, where bars
show how far it is and `result` shows a table.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from studies import search_loss


def made_up(n_users: int = 120, n_items: int = 90, n_ratings: int = 6_000) -> pd.DataFrame:
    """Ratings from 1 to 5 with tastes behind them, in the columns that a shop might have."""
    rng = np.random.default_rng(0)
    pairs = rng.choice(n_users * n_items, size=n_ratings, replace=False)
    user, item = pairs // n_items, pairs % n_items
    taste, kind = rng.normal(size=(n_users, 3)), rng.normal(size=(n_items, 3))
    score = (taste[user] * kind[item]).sum(axis=1) + rng.normal(scale=0.5, size=n_ratings)
    stars = np.clip(np.round(3.5 + score), 1, 5).astype(int)
    return pd.DataFrame({"customer_id": user, "sku": item, "stars": stars, "bought_at": rng.permutation(n_ratings)})


def main() -> None:
    """Search, look, take home."""
    frame = pd.read_csv(sys.argv[1]) if len(sys.argv) > 1 else made_up()
    names = {} if len(sys.argv) > 1 else {"item_col": "sku", "time_col": "bought_at"}  # not guessed from their names

    result = search_loss(frame, searcher="gp", trainings=60, positive_at=4, **names)

    print(result)
    print(result.losses[["kind", "name", "complexity", "validation_auc", "test_auc"]].to_string(index=False))
    print("\nThe best loss for each number of operators:")
    print(result.front[["complexity", "formula", "validation_auc"]].to_string(index=False))

    Path("found_loss.py").write_text(result.export("torch"), encoding="utf-8")
    print("\nWritten to found_loss.py. In a training loop: Loss(from_logits=True)(logits, labels).backward()")


if __name__ == "__main__":
    main()
