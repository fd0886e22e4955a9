"""Made-up raw results of every reproduction."""

from studies.reproducing.raw import frame
from studies.reproducing.registry import REPRODUCTIONS


def made_up(name):
    return frame(REPRODUCTIONS[name].columns, ROWS[name]())


def table4_rows():
    rows = []
    for clamp in ("signed", "paper"):
        for seed in range(2):
            of_study = {"model": "mf", "dataset": "ml-100k", "task": "regression", "clamp": clamp, "seed": seed}
            rows.append(of_study | {"kind": "search", "accepted": 3, "trained": 20, "sampled": 4000})
            rows.append(of_study | {"kind": "baseline", "formula": "MSE", "like": "MSE", "factor": 1.0, "test": 0.45})
            place = iter(range(1, 9))
            if clamp == "signed" and seed == 0:
                mse = {"formula": "(y_hat - y)^2", "like": "MSE", "factor": 1.0}
                rows.append(of_study | {"kind": "finalist", "place": next(place), "test": 0.44, **mse})
            other = {"formula": "max(y_hat, 1/(y))", "epsilon": 0.1, "validation": 0.5, "test": 0.47}
            rows.append(of_study | {"kind": "finalist", "place": next(place)} | other)
            if clamp == "signed":
                like = {"formula": "(y - y_hat)^2", "like": "MSE", "factor": 1.0, "accepted": 1}
                rows.append(of_study | {"kind": "trained", "validation": 0.48} | like)
    return rows


def curve_rows():
    return [
        {"model": "mf", "dataset": "ml-100k", "filter": name, "seed": seed, "trained": i, "restarts": 0}
        | {"train": 0.5 + step * i, "validation": 0.5 + step * i / 2 + 0.001 * seed}
        for name, step in (("with", 0.02), ("without", 0.0))
        for seed in range(2)
        for i in range(6)
    ]


def sampling_rows():
    return [
        {
            "model": "mf",
            "dataset": "ml-100k",
            "proxy": name,
            "seconds": 30.0 * i,
            "sampled": pace * i,
            "trained": 10 * i,
        }
        for name, pace in (("without", 10), ("with", 100))
        for i in range(5)
    ]


ROWS = {"table4": table4_rows, "figure5": curve_rows, "table7": sampling_rows, "figure6": sampling_rows}
