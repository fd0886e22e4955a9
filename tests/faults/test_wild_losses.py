"""Losses that make NaN, infinity or huge numbers, among good ones, in a whole study."""

import json

import pytest

from studies.study.study import Study
from tests.studies.small import small_settings

WILD = (
    "1/((y_hat*y)^2)^2",  # steep to 1e48 without a clamp
    "log(y)/(y)",
    "(1/(y))^2*(1/(y_hat))",
    "((1/(y))^2)^2",
    "-(y_hat - y)^2*(1/(y))^2",
)


@pytest.mark.parametrize(
    ("recommender", "backend"),
    [
        ("mf", "auto"),
        ("mf", "torch"),
        *(pytest.param("mlp", one, marks=pytest.mark.nightly) for one in ("auto", "torch")),
    ],
)
@pytest.mark.parametrize("environment", ["alternating", "from-scratch"])
def test_losses_that_break_down_end_a_study_in_good_order(recommender, backend, environment):
    settings = small_settings(
        guess=(*WILD, "(y - y_hat)^2"),
        baseline=(*WILD, "BCE"),
        clamp="none",
        check="after",
        epsilon=(1e-12,),
        xi=1e-12,
        learning_rate=1e8,
        weight_decay=0.0,
        search_weight_decay=0.0,
        recommender=recommender,
        backend=backend,
        environment=environment,
    )
    result = Study(settings).run([])
    content = json.dumps(result.to_dict(), allow_nan=False)
    assert "NaN" not in content
    funnel = result.search.tally.funnel()
    assert funnel["trained"] == settings.search.trainings
    broken = [name for name, loss in result.to_dict()["baselines"].items() if loss["test"].get("auc") is None]
    if recommender == "mf":  # dead units keep a perceptron finite
        assert funnel["non_finite"] > 0
        assert broken
