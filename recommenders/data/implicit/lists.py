"""Folders with train.txt and test.txt: a line for each user, with the items of that user.

This is how the splits of NGCF, LightGCN, SimpleX and others are published. An item that is twice in a line counts once,
and a note says how many did; what contradicts itself is refused. A user alone in a line has no items in that part.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.common.errors import UserError, in_a_line
from recommenders.data.implicit.dataset import ImplicitDataset
from recommenders.data.implicit.parsing import UserLines, read_user_lines
from recommenders.data.implicit.user_items import UserItems
from recommenders.data.opening import is_folder

#: The endings of a file's name, in the order in which they are looked for.
_ENDINGS = (".txt", ".txt.gz")


def read_lists(folder: Path, name: str) -> ImplicitDataset:
    """Read a folder with train.txt and test.txt (or .txt.gz), as a data set without a validation part.

    Args:
        folder: the folder.
        name: of the data set.

    Raises:
        UserError: no such folder or files, a line that is not of whole numbers, a user with two lines in a file, or an
            item in both files for the same user.
    """
    train, test = (read_user_lines(_file(folder, part)) for part in ("train", "test"))
    for lines in (train, test):
        _refuse_repeated_users(lines)
    user_ids, item_ids = np.union1d(train.user, test.user), np.unique(np.concatenate([train.item, test.item]))
    if len(item_ids) > np.iinfo(np.int32).max:
        raise UserError(f"{folder}: expected at most 2^31 - 1 different items, got {len(item_ids):,}; leave some out")
    parts = [_user_items(lines, user_ids, item_ids) for lines in (train, test)]
    for lines, part in zip((train, test), parts, strict=True):
        if not len(part):
            raise UserError(f"{lines.path}: expected items behind the users, got users alone; get the file again")
    _refuse_shared(train, test, parts, user_ids, item_ids)
    notes = [_repeated(lines, len(part)) for lines, part in zip((train, test), parts, strict=True)]
    split = "train and test as given"
    return ImplicitDataset(
        name, parts[0], UserItems.empty(len(user_ids)), parts[1], user_ids, item_ids, split, tuple(filter(None, notes))
    )


def _file(folder: Path, part: str) -> Path:
    if not is_folder(folder):
        raise UserError(f"{folder}: expected a folder with train.txt and test.txt, got no folder; give its path")
    for ending in _ENDINGS:
        if (folder / (part + ending)).is_file():
            return folder / (part + ending)
    try:
        names = sorted(one.name for one in folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: could not read it: {error.strerror or error}") from None
    there = in_a_line(", ".join(names[:5]) + ", ..." * (len(names) > 5), 200) or "an empty folder"
    raise UserError(f"{folder}: expected {part}.txt or {part}.txt.gz in it, got {there}; give the folder that has them")


def _refuse_repeated_users(lines: UserLines) -> None:
    order = np.argsort(lines.user, kind="stable")
    again = order[1:][lines.user[order[1:]] == lines.user[order[:-1]]]
    if len(again):
        line = int(again.min())
        first = int((lines.user == lines.user[line]).argmax())
        raise lines.error(
            line,
            f"expected one line for each user, got user {lines.user[line]} again, as in line {lines.number[first]}; "
            "write all items of a user in one line",
        )


def _user_items(lines: UserLines, user_ids: np.ndarray, item_ids: np.ndarray) -> UserItems:
    user = np.repeat(_index(user_ids, lines.user), lines.count)
    return UserItems.of_pairs(user, _index(item_ids, lines.item), len(user_ids))


def _index(ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return where values [n] are in ids [m], which are in order: [n] int64."""
    is_index = len(ids) and ids[-1] == len(ids) - 1  # they are 0, 1, ...
    return values if is_index else np.searchsorted(ids, values)


def _refuse_shared(
    train: UserLines, test: UserLines, parts: list[UserItems], user_ids: np.ndarray, item_ids: np.ndarray
) -> None:
    shared = parts[1].shared(parts[0])
    if shared.any():
        user, item = parts[1].users()[shared], parts[1].items[shared]
        places = np.searchsorted(user_ids, test.user)
        line = int(np.isin(places, user).argmax())
        found = item_ids[item[user == places[line]][0]]
        more = f" ({len(item) - 1:,} more such pairs)" * (len(item) > 1)
        raise test.error(
            line,
            f"expected items that are not in {train.path.name}, got item {found} of user {test.user[line]} "
            f"in both{more}; remove it from one",
        )


def _repeated(lines: UserLines, n_kept: int) -> str:
    n = len(lines.item) - n_kept
    return f"{n:,} items of {lines.path.name} are repeated in their line and count once" if n else ""
