"""The files that a study leaves: its result, its history, the found loss in every form, its report, its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from core.common.errors import UserError, first_line
from core.export.exported import FORMS, Exported, Form
from recommenders.tasks.crosses.problem import MODEL as CROSSES
from recommenders.tasks.crosses.problem import SQL, TABLE
from recommenders.tasks.decay.problem import EXPORT as DECAYS
from recommenders.tasks.rating.problem import EXPORT as INTERACTION
from studies.exporting.model import save_model
from studies.exporting.stored import StoredStudy
from studies.reporting import report_page
from studies.storage.output import HISTORY, MODEL, REPORT, RESULT, OutputFolder
from studies.study.history import History
from studies.study.result import StudyResult
from studies.tracking.study import StudyTracker

#: Beside the result -> what it is, for a person.
KEPT: Mapping[str, str] = {
    REPORT: "the report, for a browser",
    FORMS["torch"].file: "the found loss as a torch module",
    DECAYS: "the decay of every user and item",
    INTERACTION: "the found interaction as a torch module",
    CROSSES: "the model of the found crosses, see docs/crosses.md",
    SQL: "its score as SQL",
    TABLE: "its crosses and what each is worth",
    MODEL: "the recommender that it trained, for mlflow.pyfunc.load_model",
}


class Outcome:
    """Writes what a study came to.

    The result is on the disk first, and nothing that goes wrong afterwards takes it back. It gets its name last: where
    a study was ended before that, it goes on, so that no finished one lacks a file.

    Args:
        folder: of the study.
        with_model: whether the trained recommender is kept too.
        of_losses: whether losses were searched, which leave in other forms, too.
        warn: told in a sentence what could not be written.
        exports: names of files that the problem gives of what was found.
    """

    def __init__(
        self,
        folder: OutputFolder,
        with_model: bool,
        of_losses: bool,
        warn: Callable[[str], None],
        exports: tuple[str, ...] = (),
    ) -> None:
        self._folder, self._with_model, self._of_losses, self._warn = folder, with_model, of_losses, warn
        self._exports = exports
        self._failed: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Of everything that may be written."""
        forms = tuple(form.file for form in FORMS.values()) if self._of_losses else ()
        return (RESULT, HISTORY, REPORT, *forms, *self._exports, *((MODEL,) if self._with_model else ()))

    def write(self, result: StudyResult, history: History) -> None:
        """Everything.

        Raises:
            UserError: the result itself cannot be written.
        """
        content = result.to_dict()
        with self._folder.placing_json(RESULT, content):
            self._write_others(result, content, history.to_dict(result))

    def _write_others(self, result: StudyResult, content: Mapping[str, Any], past: Mapping[str, Any]) -> None:
        self._attempt(HISTORY, lambda: self._folder.write_json(HISTORY, past))
        self._attempt(REPORT, lambda: self._draw(content, past))
        if result.best is None or not self._of_losses:
            for name in (MODEL, *(form.file for form in FORMS.values())):
                self._folder.remove(name)  # of a study that was here before
            self._write_exports(result)
            return
        study = StoredStudy.of(content, RESULT)
        exported = study.exported(study.finalists[0])
        for form in FORMS.values():
            self._attempt(form.file, partial(self._write_form, form, exported))
        if not (self._with_model and result.model is not None and self._is_kept(result)):
            self._folder.remove(MODEL)

    def _write_exports(self, result: StudyResult) -> None:
        if result.best is None:
            return
        for name, text in result.problem.exports(result.best.trained).items():
            self._attempt(name, partial(self._folder.write, name, text.encode()))

    def _write_form(self, form: Form, exported: Exported) -> None:
        self._folder.write(form.file, form.write(exported).encode())

    def _draw(self, content: Mapping[str, Any], past: Mapping[str, Any]) -> None:
        page = report_page(content, past, str(self._folder.path))
        self._folder.write(REPORT, page.encode())

    def _is_kept(self, result: StudyResult) -> bool:
        """Whether the trained recommender could be kept."""
        try:
            save_model(result, self._folder)
        except UserError as error:
            self._warn(str(error))
            return False
        return True

    def _attempt(self, name: str, write: Callable[[], object]) -> None:
        try:
            write()
        except Exception as error:  # a report that cannot be drawn does not cost the study
            self._warn(f"{name} could not be written: {first_line(error)[:300]}")
            self._failed.add(name)

    def tell(self, tracker: StudyTracker, model: str) -> None:
        """What is there of the study, to MLflow.

        Args:
            tracker: told.
            model: what a trained recommender is called.
        """
        names = [name for name in self.names if name != RESULT and name not in self._failed]
        paths = {name: path for name in names if (path := self._folder.path / name).exists()}
        tracker.on_files(paths, model if MODEL in paths else None)
