"""Amazon Electronics 5-core, 2014 crawl. He and McAuley, WWW 2016; McAuley et al., SIGIR 2015."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.common.errors import UserError
from recommenders.data.assemble import labelled
from recommenders.data.dataset import Dataset
from recommenders.data.options import USUAL_OPTIONS, DataFiles, TableOptions
from recommenders.data.reading import read_json_lines
from recommenders.data.split import positive_leave_one_out


def load_electronics(data: Path | DataFiles | None, seed: int, options: TableOptions = USUAL_OPTIONS) -> Dataset:
    """reviews_Electronics_5.json.gz, ordered by (time, user, item), positive leave-one-out.

    Of a pair that occurs twice, the first in that order stays.
    """
    path = DataFiles.of(data).data
    if path is None:
        raise UserError("data set electronics: give the path of reviews_Electronics_5.json.gz with --data")
    fields = {"reviewerID": "user", "asin": "item", "overall": "rating", "unixReviewTime": "timestamp"}
    ratings = read_json_lines(path, fields)
    assert ratings.timestamp is not None
    order = np.lexsort((ratings.item, ratings.user, ratings.timestamp))
    pair = ratings.user[order] * len(ratings.item_ids) + ratings.item[order]
    order = order[np.sort(np.unique(pair, return_index=True)[1])]
    parts = positive_leave_one_out(labelled(ratings, options.positive_at).take(order))
    return Dataset("electronics", *parts, ratings.user_ids, ratings.item_ids, "positive leave-one-out by time")
