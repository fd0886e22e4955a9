"""Fit models with decays by a rule, or with decays that are learned: settings are tried, and chosen on validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from core.common.errors import UserError
from core.common.seeding import numpy_rng
from core.decays.rules import DecayRule, Power
from core.decays.treatment import Learned, Powers, Treatment
from core.phases.contender import TrainingResult
from core.search.effectiveness import TrainingCurve
from recommenders.backends.compiled.cores import Cores
from recommenders.data.implicit import ImplicitDataset, UserItems
from recommenders.data.implicit.splitting import hold_out_at_random
from recommenders.tasks.decay.schedule import Frozen, decays_of
from recommenders.tasks.decay.training import DecayPlan, DecayTraining
from recommenders.tasks.ranking.metrics import find_ranking_metric
from recommenders.tasks.ranking.ranks import rank_items
from recommenders.tasks.ranking.scores import VectorScores


class DecayFit(NamedTuple):
    """A trained model."""

    rule: DecayRule | Learned
    """What decays were."""
    users: np.ndarray
    """Vectors of the best epoch [n_users, d]."""
    items: np.ndarray
    """[n_items, d]."""
    decays: tuple[np.ndarray, np.ndarray]
    """What users and items had in that epoch, [n, 1 or d] each."""
    validation: Mapping[str, float] = MappingProxyType({})
    """Every metric, by what the best epoch was chosen by."""
    chosen: Mapping[str, float] = MappingProxyType({})
    """The settings that were tried and found best on validation, by name."""
    curve: TrainingCurve = TrainingCurve()
    """Of evaluations on validation."""
    every: int = 1
    """Epochs from one of them to the next."""
    epochs: int = 0
    """All epochs, those with other settings included."""
    passes: float = 0.0
    """What they cost in passes over the training pairs: one in which decays are learned, two."""

    @property
    def is_finite(self) -> bool:
        """Whether it ranks anything."""
        return self.curve.best_epoch > 0


def fit_all(
    treatments: Sequence[Treatment], data: ImplicitDataset, plan: DecayPlan, seed: int, threads: int = 1
) -> list[DecayFit]:
    """Return the models of several treatments, each with its best settings; how many cores there are changes no bit.

    Args:
        treatments: what decays are, and what is trained on in the end.
        data: what is trained on and chosen by; its test part is not looked at.
        plan: how.
        seed: of the vectors that training begins with, and of the order of pairs and their negatives.
        threads: cores to train on.
    """
    each = [_tried(one.rule, plan) for one in treatments]
    flat = [one for own in each for one in own]
    cores = Cores(threads)
    fits = iter(cores.map(lambda k: fit(*flat[k], data, plan, seed), len(flat)))
    found = []
    for own in each:
        tried = [next(fits) for _ in own]
        best = max(tried, key=lambda one: one.curve.best_score)
        found.append(best._replace(epochs=sum(one.epochs for one in tried), passes=sum(one.passes for one in tried)))

    def finished(k: int) -> DecayFit:
        return _refitted(found[k], data, plan, seed) if treatments[k].refit else found[k]

    return cores.map(finished, len(found))


def _tried(rule: DecayRule | Powers | Learned, plan: DecayPlan) -> list[tuple[DecayRule | Learned, dict[str, float]]]:
    """Return the trainings by which the settings of a rule are chosen: what decays are, and these settings."""
    if isinstance(rule, Learned):
        return [(rule, {"rate": rate}) for rate in plan.rates]
    if isinstance(rule, Powers):
        exponents = sorted({0.0, *plan.exponents})
        return [(Power(one), {"exponent": one, "decay": decay}) for one in exponents for decay in plan.decays]
    return [(rule, {"decay": decay}) for decay in plan.decays] if rule.is_relative else [(rule, {})]


def fit(
    rule: DecayRule | Learned, settings: Mapping[str, float], data: ImplicitDataset, plan: DecayPlan, seed: int
) -> DecayFit:
    """Return a model trained to convergence.

    Args:
        rule: what decays are.
        settings: see `DecayTraining`.
        data: see `fit_all`.
        plan: see there.
        seed: see there.
    """
    learned = isinstance(rule, Learned)
    learning, choosing = halves(data, seed) if learned else (UserItems.empty(data.n_users), data)
    training = DecayTraining(decays_of(rule, data, plan), settings, data, learning, plan, seed)
    curve, kept, validation = TrainingCurve(), _model(rule, training), dict[str, float]()
    while not (curve.epochs and curve.has_converged(plan.stopping)):
        is_finite = all(training.epoch() for _ in range(plan.every))
        metrics = judged(training.vectors, choosing, plan.metrics, "validation") if is_finite else {}
        if curve.update(metrics.get(plan.metrics[0], math.nan)):
            kept, validation = _model(rule, training), metrics
        elif not is_finite:
            break
    passes = training.epochs * (2.0 if training.schedule.learns else 1.0)
    told = kept._replace(validation=validation, chosen=dict(settings), curve=curve, every=plan.every)
    return told._replace(epochs=training.epochs, passes=passes)


def _model(rule: DecayRule | Learned, training: DecayTraining) -> DecayFit:
    """Return a copy of a model as it is."""
    users, items = training.vectors
    return DecayFit(rule, users.copy(), items.copy(), training.decays)


def _refitted(found: DecayFit, data: ImplicitDataset, plan: DecayPlan, seed: int) -> DecayFit:
    """Return a model of the training and the validation part, with what was chosen, for as many epochs as were best."""
    whole = replace(data, train=data.left_out("test"), validation=UserItems.empty(data.n_users))
    schedule = Frozen(found.decays) if isinstance(found.rule, Learned) else decays_of(found.rule, whole, plan)
    training = DecayTraining(schedule, found.chosen, whole, whole.validation, plan, seed)
    n = found.curve.best_epoch * found.every
    is_finite = all(training.epoch() for _ in range(n))
    found = found._replace(epochs=found.epochs + training.epochs, passes=found.passes + training.epochs)
    users, items = training.vectors
    return found._replace(users=users, items=items) if is_finite else found._replace(curve=TrainingCurve())


def halves(data: ImplicitDataset, seed: int) -> tuple[UserItems, ImplicitDataset]:
    """Return what decays are learned from, and the data set by whose validation part everything is chosen.

    Decays are learned from half of each user's validation items, at random, and judged by the other half, beside which
    the first are not ranked. (Published decays are judged by the test part.)

    Args:
        data: the data set.
        seed: of the halves.

    Raises:
        UserError: no user has two items in the validation part.
    """
    own = data.validation
    chosen = hold_out_at_random(own, numpy_rng(seed, "decay", "halves"), 0.5)
    if not chosen.any():
        raise UserError(
            f"data set {data.name}: decays are learned by half of a user's validation items and chosen by the other, "
            "expected users with two of them, got none; raise validation_share"
        )
    learning = own.take(~chosen)
    return learning, replace(data, train=data.train.union(learning), validation=own.take(chosen))


def judged(
    vectors: tuple[np.ndarray, np.ndarray], data: ImplicitDataset, metrics: Sequence[str], part: str
) -> dict[str, float]:
    """Return the metrics of a model on a part.

    Args:
        vectors: of users [n_users, d] and of items [n_items, d].
        data: that it was trained on.
        metrics: their names.
        part: that of the part.
    """
    ranks = rank_items(VectorScores(*vectors), data, part)
    return {name: find_ranking_metric(name).mean(ranks) for name in metrics}


def result_of(found: DecayFit, data: ImplicitDataset, plan: DecayPlan) -> TrainingResult:
    """Return what the training with the chosen settings came to, also on the test part.

    Args:
        found: the model.
        data: that it was trained on.
        plan: how.
    """
    curve, epochs = tuple(found.curve.curve), found.curve.epochs * found.every
    if not found.is_finite:
        return TrainingResult(epochs, 0, {}, {}, curve)
    test = judged((found.users, found.items), data, plan.metrics, "test")
    best, chosen = found.curve.best_epoch * found.every, dict(found.chosen)
    return TrainingResult(epochs, best, dict(found.validation), test, curve, chosen)
