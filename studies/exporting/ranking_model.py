"""A recommender trained on rankings, as a model that MLflow loads in another process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.common.errors import UserError, first_line
from studies.exporting import ranked as ranked_file
from studies.exporting.model import loader_source, undisturbed_by_mlflow
from studies.exporting.ranked import Ranker
from studies.storage.ledger import sync_names

#: What the copy of `ranked.py` is called within a model: a name that no other module has.
_LOADER = "loss_search_ranker"


def ranker_source() -> str:
    """The text of `ranked.py` for a process that has nothing of this project: with what it imports from there."""
    own = Path(str(ranked_file.__file__)).read_text(encoding="utf-8")
    line = "from studies.exporting.served import column_of, id_text\n"
    assert own.count(line) == 1, "ranked.py takes what it needs in one line"
    future = "from __future__ import annotations\n"
    return loader_source() + own.replace(line, "").partition(future)[2]


def save_ranker(ranker: Ranker, users: Iterable[Any], folder: Path, about: Mapping[str, str]) -> None:
    """Write a recommender as a folder that `mlflow.pyfunc.load_model` takes, whole or not at all.

    Args:
        ranker: the recommender.
        users: the ids of all users, in the order of their numbers.
        folder: which is not there yet.
        about: what the model says of itself.

    Raises:
        UserError: it is there, or cannot be written.
    """
    if os.path.lexists(folder):
        raise UserError(f"{folder}: expected a folder that is not there yet; name another one, or remove it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with undisturbed_by_mlflow(), TemporaryDirectory(prefix=".loss-search-", dir=folder.parent) as temporary:
            data, code, made = (Path(temporary, name) for name in ("data", f"{_LOADER}.py", "model"))
            data.mkdir()
            ranker.save(data, users)
            code.write_text(ranker_source(), encoding="utf-8")
            _save(data, code, made, about)
            for path in (*made.rglob("*"), made):
                sync_names(path)
            made.rename(folder)
            sync_names(folder.parent)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot keep the recommender: {first_line(error)[:300]}") from None


def _save(data: Path, code: Path, path: Path, about: Mapping[str, str]) -> None:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec

    mlflow.pyfunc.save_model(
        str(path),
        loader_module=_LOADER,
        data_path=str(data),
        code_paths=[str(code)],
        # No columns are asked for: MLflow would make floats of 64 bits of what it checks, and ids would be others.
        signature=ModelSignature(params=ParamSchema([ParamSpec("k", "long", 10)])),
        pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in ("mlflow", "numpy", "torch")],
        metadata=dict(about),
    )
