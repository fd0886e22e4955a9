"""Trained recommenders, of predictions and of rankings, as models that MLflow loads in another process."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.common.errors import UserError, first_line
from recommenders.data import ids as ids_file
from recommenders.modules.scoring import ScoringModule
from studies.common.processes import quiet
from studies.exporting import ranked as ranked_file
from studies.exporting import served as served_file
from studies.exporting.ranked import Ranker
from studies.storage.ledger import sync_names
from studies.storage.output import MODEL, OutputFolder, folder_name
from studies.study.result import StudyResult
from studies.tracking.server import quiet_mlflow

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

#: What `served.py` and `ranked.py` are called within a model: names that no other module has.
_LOADER, _RANKER = "loss_search_recommender", "loss_search_ranker"
#: Where MLflow puts what `served.py` reads, from the model's folder on.
MODEL_DATA = Path("data", "data")


def model_name(dataset: str, recommender: str) -> str:
    """What the model is called in MLflow's registry."""
    return folder_name(f"loss-search-{dataset}-{recommender}")


def save_model(result: StudyResult, folder: OutputFolder) -> Path:
    """Write the trained recommender of a study's found loss; a model from before stays until it is whole.

    Args:
        result: of a study that found something.
        folder: of the study.

    Returns:
        The folder of the model, which `mlflow.pyfunc.load_model` takes.

    Raises:
        UserError: it cannot be written, or this recommender cannot be exported.
    """
    assert result.model is not None, "there is a model where there is a found loss"
    assert result.best is not None, "likewise"
    about = {"loss": result.best.contender.name[:1000], "recommender": result.settings.training.recommender}
    about["data"] = result.task.dataset.name
    try:
        with undisturbed_by_mlflow(), TemporaryDirectory(prefix="loss-search-") as temporary:
            from mlflow.models import ModelSignature
            from mlflow.types import Schema, TensorSpec

            data, code = _data(result, Path(temporary))
            signature = ModelSignature(outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,))]))
            packages = "mlflow", "numpy", "pandas", "torch"
            return folder.write_folder(MODEL, lambda path: _save(path, data, code, signature, packages, about))
    except Exception as error:  # torch.export has errors of every kind, and so have modules of one's own
        path = folder.path / MODEL
        raise UserError(f"{path}: cannot keep the trained recommender: {first_line(error)[:300]}") from None


@contextmanager
def undisturbed_by_mlflow() -> Iterator[None]:
    """Neither warnings of libraries, nor their lines in the terminal."""
    quiet_mlflow()
    with ExitStack() as stack:
        stack.enter_context(quiet())
        for logger in (logging.getLogger("mlflow"), logging.getLogger("torch")):
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        yield


def _data(result: StudyResult, folder: Path) -> tuple[Path, Path]:
    """A folder with the recommender as a graph of torch's and the published ids, and the file that reads them."""
    data, code = folder / "data", folder / f"{_LOADER}.py"
    data.mkdir()
    weights = {name: weight.detach().cpu() for name, weight in (result.model or {}).items()}
    scoring = ScoringModule(result.task.recommender, weights).eval()
    pair = torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)
    rows = {0: torch.export.Dim.DYNAMIC}
    torch.export.save(
        torch.export.export(scoring, pair, dynamic_shapes={"user": rows, "item": rows}), data / "recommender.pt2"
    )
    known = result.task.dataset
    ids = {"user": known.user_ids.tolist(), "item": known.item_ids.tolist()}
    (data / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    code.write_text(loader_source(), encoding="utf-8")
    return data, code


def loader_source() -> str:
    """The text of `served.py` for a process that has nothing of this project: with the law of ids in it."""
    served, law = (Path(str(module.__file__)).read_text(encoding="utf-8") for module in (served_file, ids_file))
    line = "from recommenders.data.ids import id_text\n"
    assert served.count(line) == 1, "served.py takes the law of ids in one line"
    return served.replace(line, law.partition("from __future__ import annotations\n")[2])


def _save(
    path: Path, data: Path, code: Path, signature: ModelSignature, packages: Sequence[str], about: Mapping[str, str]
) -> None:
    """Write a model. No columns are asked for: MLflow would make floats of 64 bits of them, and ids would be others."""
    import mlflow

    mlflow.pyfunc.save_model(
        str(path),
        loader_module=code.stem,
        data_path=str(data),
        code_paths=[str(code)],
        signature=signature,
        pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in packages],
        metadata=dict(about),
    )


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
            from mlflow.models import ModelSignature
            from mlflow.types import ParamSchema, ParamSpec

            data, code, made = (Path(temporary, name) for name in ("data", f"{_RANKER}.py", "model"))
            data.mkdir()
            ranker.save(data, users)
            code.write_text(ranker_source(), encoding="utf-8")
            signature = ModelSignature(params=ParamSchema([ParamSpec("k", "long", 10)]))
            _save(made, data, code, signature, ("mlflow", "numpy", "torch"), about)
            for path in (*made.rglob("*"), made):
                sync_names(path)
            made.rename(folder)
            sync_names(folder.parent)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: cannot keep the recommender: {first_line(error)[:300]}") from None
