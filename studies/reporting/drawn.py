"""All pictures of a study's page, each with its caption; None or nothing where the study has nothing to draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure

from core.analysis.curves import Shape, shape_of
from core.common.errors import UserError
from core.losses.closed_forms import BCE
from studies.exporting.stored import StoredStudy
from studies.exporting.stored_loss import StoredLoss
from studies.reporting import pictures
from studies.reporting.axes import inline_svg
from studies.reporting.loss_pictures import Panels, loss_panels, set_panels
from studies.reporting.rows import front_points, stages
from studies.reporting.story import Numbers, Past, PastCurve

#: More curves in one picture could not be told apart.
MOST_CURVES = 7
_MOST_KNOWN = 3


@dataclass(frozen=True)
class Picture:
    """A drawing and what to see in it."""

    title: str
    text: str
    svg: str


@dataclass(frozen=True)
class Drawn:
    """Draws what it is asked for."""

    study: StoredStudy
    numbers: Numbers
    past: Past | None

    @cached_property
    def _better(self) -> str:
        return "higher" if self.study.metric_named(self.study.metric).higher_is_better else "lower"

    @property
    def _start(self) -> str:
        """What candidates are measured from."""
        return "the recommender" if self.study.terms.are_losses else "the start"

    @cached_property
    def search(self) -> Picture | None:
        """Best so far and now, by candidate-epochs."""
        if self.past is None or not any(step.best is not None for step in self.past.steps):
            return None
        text = (
            f"The validation {self.study.metric} ({self._better} is better) of {self._start} that the search goes on "
            "with, and the best of any candidate until then. A long flat end says that more of the same would find "
            f"little. Where the dashed line falls, the search began anew from a fresh {self._start.split()[-1]}."
        )
        steps = self.past.steps
        return make_picture("search", "The search", text, lambda: pictures.search(steps, self.study.metric))

    @cached_property
    def candidates(self) -> Picture | None:
        """Trained candidates in their order."""
        if self.past is None or not any(one.value is not None for one in self.past.candidates):
            return None
        trained = self.past.candidates
        text = (
            "Every trained candidate with the validation score after its training. Accepted ones passed the reward "
            "filter; diamonds are those whose recommender the search went on from."
        )
        if not self.study.terms.are_losses:
            text = "Every measured candidate with its validation score. Accepted ones passed the reward filter."
        elif self.study.settings.protocol.environment == "from-scratch":
            text = "Every trained candidate with the validation score after its training, always from a fresh start."
        if len(trained) > pictures.MOST_MARKS:
            text += f" Of {len(trained):,} candidates, evenly spaced ones are drawn."
        return make_picture(
            "candidates", "Trained candidates", text, lambda: pictures.candidates(trained, self.study.metric)
        )

    @cached_property
    def losses(self) -> list[Panels]:
        """The found loss and its gradients beside BCE and the best known loss, on rankings beside the best known."""
        study = self.study
        if not study.terms.are_losses:
            ranked = sorted((one for one in study.baselines if one.loss is not None), key=lambda one: -study.score(one))
            best_found = next((one for one in study.finalists[:1] if one.loss is not None), None)
            return set_panels(best_found, ranked[:_MOST_KNOWN])
        found = self._shape(study.finalists[0]) if study.finalists else None
        best = max(study.baselines, key=lambda one: study.score(one), default=None)
        known = [shape_of("BCE", BCE)]
        if best is not None and best.name != "BCE" and (shape := self._shape(best)) is not None:
            known.append(shape)
        return loss_panels(found, known)

    def _shape(self, stored: StoredLoss) -> Shape | None:
        try:
            return shape_of(stored.name, self.study.exported(stored).loss)
        except UserError:  # a name that nobody knows
            return None

    @cached_property
    def funnel(self) -> Picture:
        """From proposals to converged losses."""
        text = (
            "How many candidates came so far, from the top to the bottom. Bars are logarithmic: one of half the length "
            "stands for far less than half as many."
        )
        steps = stages(self.numbers, len(self.study.finalists), self.study.terms)
        return make_picture("funnel", "The funnel", text, lambda: pictures.funnel(steps))

    @cached_property
    def front(self) -> Picture | None:
        """Validation metric against complexity."""
        points = [point for point in front_points(self.study) if point.value is not None]
        if not any(not point.is_known for point in points):
            return None
        terms = self.study.terms
        text = (
            f"Validation {self.study.metric} with the seeds that all share against the number of {terms.complexity}: "
            f"better is further up, simpler further left. No found {terms.one} lies above the line; each step down is "
            "what simplicity costs."
        )
        plain = self._plain_known
        if plain is not None:
            text += (
                f" The dotted line is {plain[0]}, the best known {terms.one} that is not made of {terms.complexity}."
            )
        given = (points, plain, self.study.metric, self._better == "higher", terms)
        return make_picture("front", "The front", text, lambda: pictures.front(*given))

    @property
    def _plain_known(self) -> tuple[str, float] | None:
        """Name and validation metric of the best known loss that is not made of operators."""
        plain = [one for one in self.study.baselines if not one.complexity and one.per_seed]
        best = max(plain, key=lambda one: self.study.score(one), default=None)
        value = None if best is None else self.study.shared_value(best)
        return None if best is None or value is None else (best.name, value)

    @cached_property
    def convergence(self) -> list[Picture]:
        """Validation metric by epoch, first seed: the found loss beside known ones, and beside other found ones."""
        if self.past is None or all(len(curve.validation) < 2 for curve in self.past.curves):
            return []
        terms = self.study.terms
        first = [curve for curve in self.past.curves if curve.seed == 0 and curve.validation]
        name = self.study.finalists[0].name if self.study.finalists else None
        found = next((curve for curve in first if curve.kind == "found" and curve.name == name), None)
        known = sorted((curve for curve in first if curve.kind == "baseline"), key=self._rank)
        others = sorted((c for c in first if c.kind == "found" and c is not found), key=self._rank)
        text = (
            f"Validation {self.study.metric} after each epoch with the first seed, everyone from a fresh start. Dots "
            "mark the best epoch, which counts. Beginnings may leave the axes."
        )
        drawn = []
        if found is not None or known:
            drawn.append(self._curves("convergence", f"The found {terms.one} and known ones", text, found, known))
        if others:
            text = f"The same for the other {terms.many} that were found; the axes are not those of the other picture."
            drawn.append(self._curves("convergence-found", f"All {terms.many} that were found", text, found, others))
        return drawn

    def _curves(
        self, stem: str, title: str, text: str, found: PastCurve | None, others: Sequence[PastCurve]
    ) -> Picture:
        shown = others[:MOST_CURVES]
        if len(others) > len(shown):
            text += f" Of {len(others):,} {self.study.terms.many} beside it the best {len(shown)} are drawn."
        metric, higher = self.study.metric, self._better == "higher"
        return make_picture(
            stem, title, text, lambda: pictures.convergence(found, shown, metric, higher, self.study.terms)
        )

    def _rank(self, curve: PastCurve) -> float:
        """The best loss first, as in the table."""
        losses = self.study.baselines if curve.kind == "baseline" else self.study.finalists
        stored = next((one for one in losses if one.name == curve.name), None)
        return float("inf") if stored is None else -self.study.score(stored)


def make_picture(stem: str, title: str, text: str, draw: Callable[[], Figure]) -> Picture:
    """Draw a picture.

    Args:
        stem: unlike that of every other picture of the page.
        title: a few words.
        text: what to see in it; with the title it stands for the picture where it cannot be seen.
        draw: makes the figure.
    """
    return Picture(title, text, inline_svg(stem, f"{title}. {text}", draw))
