"""docs/ranking.md: its table is that of the registry, and its names exist."""

import re
from pathlib import Path

from core.losses.setwise.registry import ranking_loss_table
from recommenders.backends.ranking.optimisers import parse_optimiser
from recommenders.data.implicit import IMPLICIT_DATASETS
from recommenders.data.implicit.samplers import parse_sampler
from recommenders.modules.vector_specification import parse_vector_model
from recommenders.tasks.ranking.anchors import parse_anchor
from recommenders.tasks.ranking.schedules import parse_schedule

PAGE = (Path(__file__).parents[1] / "docs" / "ranking.md").read_text(encoding="utf-8")


def test_the_table_of_losses_is_that_of_the_registry():
    assert f"<!-- losses -->\n\n{ranking_loss_table()}\n<!-- end of losses -->" in PAGE


def row(option):
    return re.search(rf"^\| `{option}` \|(.*)\|$", PAGE, re.MULTILINE)[1]


def test_every_setting_that_is_shown_is_read():
    names = {
        parse_vector_model: (row("--recommender"), ("mf", "simplex", "lightgcn", "mf:embedding_size=128:")),
        parse_sampler: (row("--sampler"), ("shared:negatives=256", "popularity:power=.75", "hard:negatives=10:pool=")),
        parse_optimiser: (row("--optimiser"), ("rowwise-adam", "adam", "sparse-adam", "adagrad", "sgd")),
        parse_schedule: (row("--schedule"), ("cosine", "constant", "plateau:by=.1")),
    }
    for parse, (text, expected) in names.items():
        shown = [word for word in re.findall(r"`([^`]+)`", text) if "." not in word.split(":")[0] and word != "shared"]
        assert all(any(word.startswith(one) for word in shown) for one in expected)
        for word in shown:
            if not word.startswith("exclude_positives"):
                parse(word)
    for word in re.findall(r"--anchor (\S+)", PAGE):
        parse_anchor(word.rstrip("`"))


def test_every_data_set_is_described():
    assert all(f"`{name}`" in PAGE for name in IMPLICIT_DATASETS)
