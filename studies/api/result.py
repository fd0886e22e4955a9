"""What a search came to, for a notebook or a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from core.common.errors import UserError, unknown_name
from core.export.exported import FORMS, Exported
from core.export.set_loss import SET_FORMS
from core.losses.loss import ProgramLoss
from core.losses.module import LossModule
from core.losses.setwise.module import SetLossModule
from core.phases.picking import Pick
from recommenders.modules.scoring import ScoringModule
from studies.common.undisturbed import undisturbed
from studies.exporting.served import Recommender
from studies.exporting.stored import StoredStudy
from studies.exporting.stored_loss import StoredFront, StoredLoss
from studies.reporting import report_page


class SearchResult:
    """The found loss, what it was compared with, and the recommender that it trained.

    It can be copied, pickled and sent to another process; one that `load_result` read needs its folder to predict.

    Args:
        study: what result.json holds.
        history: what history.json holds; None where it is missing.
        make: makes what scores pairs with the trained recommender, of what can be sent; None where there is none.
        recommender: the same as a torch module of numbered users and items, where it is at hand.
        place: the folder of the study, or the id of its run, where it has one.
    """

    def __init__(
        self,
        study: StoredStudy,
        history: Mapping[str, Any] | None,
        make: Callable[[], Recommender] | None,
        recommender: ScoringModule | None = None,
        place: str = "FOLDER",
    ) -> None:
        self._place = place
        self._study, self._history, self._make, self._recommender = study, history, make, recommender

    @property
    def loss(self) -> LossModule | SetLossModule:
        """The found loss as a torch module; `module` has it in other forms.

        It is one of predictions in [0, 1] and labels, or on rankings of the scores of positives and their negatives.

        Raises:
            UserError: no loss was found.
        """
        return self.module()

    def module(
        self, pick: str | None = None, *, simplified: bool = False, reduction: str = "mean", from_logits: bool = False
    ) -> LossModule | SetLossModule:
        """A found loss as a torch module.

        Args:
            pick: which one: best, complexity<=5 (operators) or within<=0.001; the found loss unless given.
            simplified: whether to take the simplified formula, whose gradient is the same; not on rankings.
            reduction: mean, sum or none.
            from_logits: whether predictions are logits; not on rankings.

        Raises:
            UserError: no loss was found, or none that is as simple as asked for; an unknown pick or reduction.
        """
        if (expression := self._picked(pick).expression) is not None:
            return SetLossModule(expression, reduction)
        return LossModule(self._exported(pick, simplified).loss, reduction, from_logits)

    @property
    def formula(self) -> str:
        """Of the found loss."""
        return self._picked(None).name

    @property
    def simplified(self) -> str:
        """The simplified formula of the found loss, whose gradient is the same; on rankings that with its constants."""
        return self._picked(None).loss or self._exported(None).simple

    @property
    def epsilon(self) -> float | None:
        """The smoothing term of the found loss; None where it has no log and no reciprocal."""
        return self._picked(None).epsilon

    @property
    def verdict(self) -> str:
        """Whether the found loss beats the best baseline, in a sentence."""
        return self._study.verdict

    @undisturbed()
    def export(self, to: str = "torch", pick: str | None = None, *, simplified: bool = False) -> str:
        """A found loss as text: torch, sympy (not on rankings), latex or json; see `module` for the rest.

        Raises:
            UserError: an unknown form, and as `module`.
        """
        stored = self._picked(pick)
        forms = FORMS if stored.expression is None else SET_FORMS
        if not isinstance(to, str) or to not in forms:
            raise unknown_name("form", str(to), forms)
        if stored.expression is not None:
            return SET_FORMS[to][0](stored.expression, self._study.came_to(stored))
        return FORMS[to].write(self._exported(pick, simplified))

    @undisturbed()
    def report(self) -> str:
        """The page about the study as HTML, in one file."""
        return report_page(self._study.content, self._history, self._place)

    @property
    def losses(self) -> pd.DataFrame:
        """Found losses and baselines, means over seeds; the found loss first."""
        rows = [("found", loss) for loss in self._study.finalists]
        rows += [("baseline", loss) for loss in self._study.baselines]
        return pd.DataFrame([{"kind": kind, **self._row(loss)} for kind, loss in rows])

    @property
    def front(self) -> pd.DataFrame:
        """The found losses that none beats by being better on validation and no longer; the shortest first."""
        return pd.DataFrame(
            [
                {"complexity": one.complexity, "formula": one.formula, "epsilon": one.epsilon, **_parts(one)}
                for one in self._study.front
            ]
        )

    @property
    def candidates(self) -> pd.DataFrame:
        """Every loss that Phase I trained, in order."""
        return pd.DataFrame([] if self._history is None else self._history.get("candidates", []))

    @property
    def recommender(self) -> ScoringModule:
        """The recommender that the found loss trained: (user [B], item [B]), numbered from 0, -> y_hat [B].

        Raises:
            UserError: it is not at hand.
        """
        self._check_scores_pairs()
        if self._recommender is None:
            raise UserError("the trained recommender is at hand only after search_loss; a stored one scores by predict")
        return self._recommender

    @undisturbed()
    def predict(self, users: Sequence[Any], items: Sequence[Any]) -> np.ndarray:
        """The probability of a positive label for pairs of published ids: y_hat [n], NaN for unknown ids.

        Raises:
            UserError: two lengths, or no recommender was kept.
        """
        self._check_scores_pairs()
        if self._make is None:
            raise UserError(
                "no recommender is at hand: no loss was found, the study kept none, or it is that of a run in MLflow, "
                "which mlflow.pyfunc.load_model loads"
            )
        try:
            y_hat: np.ndarray = self._made.predict({"user": users, "item": items})
        except ValueError as error:
            raise UserError(f"predict: {error}") from None
        return y_hat

    def _check_scores_pairs(self) -> None:
        if any(loss.loss is not None for loss in (*self._study.finalists, *self._study.baselines)):
            raise UserError(
                "a search keeps no recommender on rankings; train_recommender(data, loss=result.simplified) trains one"
            )

    @cached_property
    def _made(self) -> Recommender:
        assert self._make is not None
        return self._make()

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of, without what is made of that."""
        return {name: value for name, value in self.__dict__.items() if name != "_made"}

    def to_dict(self) -> dict[str, Any]:
        """The content of result.json."""
        return dict(self._study.content)

    def _picked(self, pick: str | None) -> StoredLoss:
        return self._study.picked(Pick.parse(self._study.settings.judging.pick if pick is None else pick))

    def _exported(self, pick: str | None, simplified: bool = False) -> Exported:
        exported = self._study.exported(self._picked(pick))
        return exported.in_simple_form() if simplified else exported

    def _row(self, stored: StoredLoss) -> dict[str, Any]:
        if stored.loss is not None:
            own = {"name": stored.name, "loss": stored.loss, "learning_rate": stored.learning_rate}
            return {**own, "complexity": stored.complexity or None, "seeds": stored.n_seeds, **_parts(stored)}
        loss = self._study.exported(stored).loss
        smoothing = loss.smoothing if isinstance(loss, ProgramLoss) and stored.epsilon is not None else None
        own = {"name": stored.name, "complexity": stored.complexity or None, "epsilon": smoothing}
        own |= {"scale": stored.scale} if self._study.settings.protocol.scale == "normalised" else {}
        own |= {} if stored.weight_decay is None else {"weight_decay": stored.weight_decay}
        return {**own, "seeds": stored.n_seeds, **_parts(stored)}

    def __repr__(self) -> str:
        """The formula and what became of it."""
        if not self._study.finalists:
            return "SearchResult: no loss was found"
        return f"SearchResult: {self.formula}\n{self.verdict}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        table = self.losses.to_html(index=False, float_format="{:.4f}".format, na_rep="", escape=True)
        return f"<p><code>{escape(repr(self))}</code></p>{table}"


def _parts(stored: StoredLoss | StoredFront) -> dict[str, Any]:
    parts = {"validation": stored.validation, "test": stored.test}
    return {f"{part}_{name}": value for part, values in parts.items() for name, value in values.items()}
