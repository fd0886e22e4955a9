"""The recommender that the found loss trained, as a model that MLflow loads in another process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from core.common.errors import UserError, first_line
from recommenders.data import ids as ids_file
from recommenders.modules.scoring import ScoringModule
from studies.common.processes import quiet
from studies.exporting import served as served_file
from studies.storage.output import MODEL, OutputFolder, folder_name
from studies.study.result import StudyResult
from studies.tracking.server import quiet_mlflow

#: What `served.py` is called within a model: a name that no other module has.
_LOADER = "loss_search_recommender"
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
    try:
        with undisturbed_by_mlflow(), TemporaryDirectory(prefix="loss-search-") as temporary:
            data = _data(result, Path(temporary))
            return folder.write_folder(MODEL, lambda path: _save(result, data, path))
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


def _save(result: StudyResult, parts: tuple[Path, Path], path: Path) -> None:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    data, best = result.task.dataset, result.best
    assert best is not None
    # No columns are asked for: MLflow would make floats of 64 bits of what it checks, and ids would be others.
    output = Schema([TensorSpec(np.dtype(np.float32), (-1,))])
    needed: list[Any] = [f"{name}=={version(name).split('+')[0]}" for name in ("mlflow", "numpy", "pandas", "torch")]
    mlflow.pyfunc.save_model(
        str(path),
        loader_module=_LOADER,
        data_path=str(parts[0]),
        code_paths=[str(parts[1])],
        signature=ModelSignature(outputs=output),
        pip_requirements=needed,
        metadata={
            "loss": best.contender.name[:1000],
            "recommender": result.settings.training.recommender,
            "data": data.name,
        },
    )
