"""Results and histories as studies store them, made by hand."""

import json
import math

from core.analysis.simplify import simplified
from recommenders.tasks.losses import find_named_loss, make_loss
from recommenders.tasks.metrics import metrics_of
from studies.study.settings import StudySettings

VERDICT = "The found loss is ahead of MaxR, the best baseline on validation: mean gain in test auc +0.0100."


def stored_loss(name, scores=(0.7,), epsilon=None, task="classification", program=True):
    """A loss whose metrics are all the same score of each seed."""
    named = find_named_loss(name)
    made = None if not program or (named and named.formula is None) else make_loss(name, StudySettings().space, epsilon)
    simple = None if made is None else simplified(made)
    names = [metric.name for metric in metrics_of(task)]
    fits = [{"validation": dict.fromkeys(names, s), "test": dict.fromkeys(names, s), "best_epoch": 2} for s in scores]
    mean = None if None in scores else sum(scores) / len(scores)
    return {
        "name": name,
        "formula": made and str(made.program),
        "complexity": made and made.program.complexity,
        "simplified": simple and {"formula": str(simple), "complexity": simple.complexity},
        "program": made and made.program.to_dict(),
        "epsilon": epsilon,
        "validation": dict.fromkeys(names, mean),
        "test": dict.fromkeys(names, mean),
        "per_seed": [{**fit, "epochs": 3} for fit in fits],
    }


def on_front(loss):
    first = loss["per_seed"][0]
    return {
        "complexity": loss["simplified"]["complexity"],
        "formula": loss["simplified"]["formula"],
        "name": loss["name"],
        "epsilon": loss["epsilon"],
        "validation": first["validation"],
        "test": first["test"],
    }


def result(found=(), baselines=(), front=(), **changes):
    """The content of result.json."""
    settings = StudySettings.from_dict(changes.pop("settings", {}))
    content = {
        "best": found[0] if found else None,
        "baselines": {loss["name"]: loss for loss in baselines},
        "comparison": {"verdict": VERDICT} if found else None,
        "finalists": list(found),
        "front": [on_front(loss) for loss in front],
        "funnel": dict(sampled=900, accepted=7, rejected=2, zero_gradient=500, duplicate=380, non_finite=1,
                       wrong_direction=10, trained=10),
        "search": {
            "stopped": "the budget of trainings is used up",
            "candidate_epochs": 10,
            "best_validation": 0.7,
            "distinct_accepted": 6,
            "passed_validation_check": 5,
        },
        "dataset": {"name": "small", "n_users": 30, "n_items": 20, "train": 300, "validation": 40, "test": 40},
        "metric": settings.training.chosen_by.name,
        "device": "cpu",
        "settings": settings.to_dict(),
        "seconds": 12.5,
    }  # fmt: skip
    return json.loads(json.dumps(content | changes))


def full(**changes):
    """A study with everything: found losses of which two are on the front, and known ones."""
    found = stored_loss("log(y_hat) + 1/(y*(y_hat*1))", (0.75, 0.76), 0.001)
    simpler = stored_loss("(y - y_hat)^2", (0.74,))
    known = [stored_loss(name, (0.72 + i / 100, 0.73)) for i, name in enumerate(("BCE", "MaxR", "hinge"))]
    return result([found, simpler], known, [simpler, found], settings={"repeats": 2, "trainings": 10}, **changes)


def past(content, n=6, **changes):
    """A history of so many steps and candidates that fits a result."""
    metric = content["metric"]
    steps = [
        {"candidate_epochs": 2 * i + 2, "seconds": 1.5 * i, "best": 0.5 + 0.02 * i,
         "metrics": {f"valid_{metric}": 0.5 + 0.02 * i}}
        for i in range(n)
    ]  # fmt: skip
    candidates = [
        {"verdict": "accepted" if i % 3 else "rejected", f"valid_{metric}": 0.5 + 0.01 * i, "adopted": i % 2 == 0}
        for i in range(n)
    ]
    kinds = [("found", one) for one in content["finalists"]]
    kinds += [("baseline", one) for one in content["baselines"].values()]
    curves = [
        {"kind": kind, "name": loss["name"], "epsilon": loss["epsilon"], "seed": seed, "best_epoch": 2,
         "validation": [0.6, 0.7, 0.69]}
        for kind, loss in kinds
        for seed in range(len(loss["per_seed"]))
    ]  # fmt: skip
    better = metric not in ("rmse", "mae")
    told = {"metric": metric, "higher_is_better": better, "steps": steps, "candidates": candidates, "curves": curves}
    return told | changes


NAN = math.nan
