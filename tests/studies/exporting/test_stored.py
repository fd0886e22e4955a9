"""Reading the result of a study."""

import copy
import json
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.phases.picking import Pick
from studies.exporting.stored import StoredStudy
from tests.core.export.written import Y_HAT, Y
from tests.strategies import costly_law
from tests.studies.small import run_small


@pytest.fixture(scope="module")
def result():
    return run_small(trainings=24)


@pytest.fixture(scope="module")
def content(result):
    return json.loads(json.dumps(result.to_dict()))


def parse(content):
    return StoredStudy.parse(json.dumps(content), "here")


def test_losses_are_those_of_the_study(result, content):
    study = parse(content)
    for stored, finished in zip(study.finalists, result.finalists, strict=True):
        loss = study.exported(stored).loss
        logit = Y_HAT.logit()
        assert torch.equal(loss.value(logit, Y), finished.trained.value(logit, Y))
    for stored, finished in zip(study.baselines, result.baselines, strict=True):
        assert study.exported(stored).loss == finished.trained


def test_the_found_loss_is_taken_or_the_one_picked(content):
    study = parse(content)
    assert study.picked(Pick()) == study.finalists[0]
    shortest = content["front"][0]
    assert study.picked(Pick(complexity=shortest["complexity"])).name == shortest["name"]


def test_the_head_of_a_file_keeps_several_formulas_apart(content):
    several = {**content["settings"], "guess": ["-log(y_hat*y)", "-y_hat*y"]}
    study = parse({**content, "settings": several})
    head = " ".join(study.exported(study.finalists[0]).origin)
    assert "guess -log(y_hat*y) and -y_hat*y," in head
    assert "baseline BCE and MaxR," in head


def test_a_loss_is_taken_by_name(content):
    study = parse(content)
    assert study.named("MaxR") == study.baselines[1]
    with pytest.raises(UserError, match=r"this study has no loss 'Max'; it has .*, BCE, MaxR"):
        study.named("Max")


def test_what_is_not_there_is_told(content):
    changed = copy.deepcopy(content)
    for one in changed["finalists"]:
        one["simplified"]["complexity"] += 5
    with pytest.raises(UserError, match=r"--pick: no loss .* it has losses of|there are losses of"):
        parse(changed).picked(Pick(complexity=1))
    with pytest.raises(UserError, match="found no loss; run one with more --trainings"):
        parse(content | {"finalists": [], "comparison": None}).picked(Pick())


def test_the_origin_tells_searcher_data_metrics_verdict_and_settings(content):
    study = parse(content)
    told = " ".join(" ".join(study.exported(study.finalists[0]).about()).split())
    assert "random with seed 0, for mf on synthetic" in told
    assert f"auc {content['best']['test']['auc']:.4f}" in told
    assert content["comparison"]["verdict"] in told
    assert "learning_rate 0.5" in told
    assert "trainings 24" in told
    assert "A known loss beside" in " ".join(study.exported(study.baselines[0]).about())


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"settings": {}}', "[" * 100_000, b"\xff\xfe", "NaN"])
def test_something_else_is_refused_in_a_line(text):
    with pytest.raises(UserError, match=r"^here: expected the result\.json of a study"):
        StoredStudy.parse(text, "here")


def paths(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*path, key))


@costly_law
@given(data=st.data())
def test_nonsense_in_one_place_is_refused_in_a_line_or_harmless(data, content):
    changed = copy.deepcopy(content)
    path = data.draw(st.sampled_from([path for path in paths(content) if path]))
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(st.sampled_from([None, "x", -1, 1e400, [], {}, [[]], "y_hat; import os"]))
    with suppress(UserError):  # one line by construction, and nothing else may come
        study = parse(changed)
        picked = study.picked(Pick())
        assert study.exported(picked).about()[0].startswith(picked.name[:20])
