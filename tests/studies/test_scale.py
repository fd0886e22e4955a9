"""Studies whose losses are made comparable in scale, and studies without a proxy test."""

import json
import re
from dataclasses import replace
from io import StringIO

import pytest
import torch
from rich.console import Console

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.losses.closed_forms import BCE
from core.problems.scale import gradient_norms
from recommenders.tasks.environments import _Environment
from recommenders.tasks.scaling import bce_factor, fresh_normaliser
from studies.api import load_result, search_loss
from studies.common.command import BAD_INPUT, exit_code
from studies.execution.resources import LocalStorage, Resources
from studies.execution.task import TaskFactory, Training
from studies.execution.work import compute
from studies.export import app as export_app
from studies.exporting.stored import StoredStudy
from studies.reporting.page import report_page
from studies.run import app
from studies.storage.checkpoints import pack, unpack
from studies.study.history import History
from studies.study.settings import StudySettings
from studies.study.study import Study
from studies.study.summary import print_report
from tests.studies.execution.small import computed
from tests.studies.small import OPTIONS, run_small, small_arguments, small_settings


def normalised(**changes):
    return small_settings(scale="normalised", **changes)


def without_time(result):
    kept = {name: weight.tolist() for name, weight in (result.model or {}).items()}
    return json.dumps([{**result.to_dict(), "seconds": None}, kept])


def start_of(study):
    """What measures its losses: its own start."""
    return fresh_normaliser(
        study.losses.task, derive_seed(study.settings.seed, "environment"), study.settings.losses.proxy_size
    )


@pytest.fixture(scope="module")
def made():
    study = Study(normalised())
    history = History(study.losses.task.metric)
    return study, study.run([history]), history


def test_settings_go_there_and_back_and_a_raw_scale_is_as_before_there_was_one():
    before = {name: value for name, value in small_settings().to_dict().items() if name != "scale"}
    assert StudySettings.from_dict(before).to_dict() == small_settings().to_dict()
    assert small_settings().protocol.scale == "raw"
    stored = normalised(proxy="none").to_dict()
    assert (stored["scale"], stored["proxy"]) == ("normalised", "none")
    assert StudySettings.from_dict(stored).to_dict() == stored


@pytest.mark.parametrize(("option", "value"), [("scale", "wrong"), ("proxy", "nothing")])
def test_an_unknown_choice_is_refused_in_a_line(option, value, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*small_arguments(), f"--{option}", value]
    assert exit_code(lambda: app(words, exit_on_error=False, print_error=False)) == BAD_INPUT == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert re.match(rf"error: --{option}: expected .* or .*, got '{value}'", line)


def test_all_losses_of_a_normalised_study_have_the_norm_of_bce_at_its_start(made):
    study, result, _ = made
    normaliser = start_of(study)
    expected = gradient_norms([normaliser.reference], normaliser.proxy_batch)[0]
    losses = [finished.trained for finished in result.finished]
    assert gradient_norms(losses, normaliser.proxy_batch) == pytest.approx([expected] * len(losses), rel=1e-9)
    seed = derive_seed(study.settings.seed, "environment")
    for loss in losses:
        assert (
            bce_factor(study.losses.task, replace(loss, scale=1.0), seed, study.settings.losses.proxy_size)
            == loss.scale
        )
    assert [one.trained.scale for one in result.baselines if one.contender.name == "BCE"] == [1.0]
    assert {one.trained.scale for one in result.finished} != {1.0}


def test_every_smoothing_term_has_a_factor_of_its_own():
    as_it_is, scales = (
        [one.trained.scale for one in Study(settings).problem.known("MaxR").variants]
        for settings in (small_settings(), normalised())
    )
    assert len(set(scales)) == len(scales) == 2
    assert as_it_is == [1.0, 1.0]


@pytest.mark.parametrize("environment", ["alternating", "from-scratch"])
@pytest.mark.parametrize("proxy", ["parameters", "prediction", "none"])
def test_candidates_are_measured_at_the_norm_of_bce_where_they_start(environment, proxy, monkeypatch):
    measured, measure = [], _Environment.measure

    def watched(self, losses, seed):
        is_screening = len(self._proxy_pairs.label) == 1
        proxy_batch = start_of(study).proxy_batch if is_screening else self.proxy_batch()
        norms = gradient_norms([BCE, *losses], proxy_batch)
        measured.append((norms[0], norms[1:]))
        return measure(self, losses, seed)

    study = Study(normalised(environment=environment, proxy=proxy, trainings=6))
    monkeypatch.setattr(_Environment, "measure", watched)
    study.search([])
    assert measured
    for expected, norms in measured:
        assert all(norm == pytest.approx(expected, rel=1e-9) or not norm > 0 for norm in norms)


def test_a_raw_study_is_as_it_is_whatever_could_be_asked_for():
    one, other = run_small().to_dict(), run_small(scale="raw").to_dict()
    assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert {loss["scale"] for loss in (*one["finalists"], *one["baselines"].values())} == {1.0}


@pytest.mark.parametrize("changes", [{}, {"environment": "from-scratch"}, {"proxy": "none", "check": "after"}])
def test_it_goes_on_bit_for_bit(changes):
    settings = normalised(trainings=6, candidates_per_step=2, max_epochs=2, **changes)
    kept = []
    expected = without_time(Study(settings).run([], on_checkpoint=lambda make: kept.append(pack(make()))))
    for state in kept[::2] + kept[-1:]:
        assert without_time(Study(settings).run([], stored=unpack(state))) == expected


def test_what_is_stored_and_exported_is_what_was_trained(made):
    _, result, _ = made
    study = StoredStudy.of(json.loads(json.dumps(result.to_dict())), "here")
    for stored, finished in zip(study.finalists, result.finalists, strict=True):
        assert stored.scale == finished.trained.scale
        assert study.exported(stored).loss == finished.trained
    for stored, finished in zip(study.baselines, result.baselines, strict=True):
        logit, y = torch.linspace(-3, 3, 9), torch.tensor([0.0, 1.0, 0.0]).repeat(3)
        assert torch.equal(study.exported(stored).loss.gradient(logit, y), finished.trained.gradient(logit, y))


def test_results_from_before_there_was_a_scale_are_raw(made):
    content = json.loads(json.dumps(run_small().to_dict()))
    for loss in (*content["finalists"], *content["baselines"].values()):
        del loss["scale"]
    assert {loss.scale for loss in StoredStudy.of(content, "here").finalists} == {1.0}


@pytest.mark.parametrize("scale", ["2", 0, -1.0, float("inf"), float("nan"), None, [1.0]])
def test_scales_that_are_none_are_refused(made, scale):
    content = json.loads(json.dumps(made[1].to_dict()))
    content["finalists"][0]["scale"] = scale
    with pytest.raises(UserError, match=r"here: expected the result\.json of a study"):
        StoredStudy.of(content, "here")


def printed(result):
    out = StringIO()
    print_report(result, Console(file=out, width=200))
    return " ".join(out.getvalue().split())


def test_scale_and_what_it_means_are_told(made):
    _, result, history = made
    scale, content = f"{result.best.trained.scale:.4g}", result.to_dict()
    page = report_page(content, history.to_dict(result))
    for text in (printed(result), page):
        assert scale in text
        assert "to the norm of BCE" in text
        assert "wins by the scale that it begins with" in text
        assert "by its scale alone" not in text
    assert ">scale</th>" in page
    assert "c = " in page


def test_a_raw_study_does_not_speak_of_it():
    result = run_small()
    page = report_page(result.to_dict(), None)
    for text in (printed(result), page):
        assert "norm of BCE" not in text
        assert "by its scale alone" in text
    assert ">scale</th>" not in page
    assert "c = " not in page


def test_for_notebooks_and_scripts(tmp_path):
    found = search_loss(**OPTIONS, scale="normalised", pick="complexity<=9", progress=False, out=tmp_path / "study")
    scale = found.losses.set_index("name")["scale"]
    assert scale["BCE"] == 1.0
    assert found.module().loss.scale == scale.iloc[0]
    again = load_result(tmp_path / "study")
    assert again.module().loss == found.module().loss
    assert f"SCALE = {found.module().loss.scale!r}\n" in (tmp_path / "study" / "loss.py").read_text()
    assert again.losses.equals(found.losses)


def test_another_smoothing_term_keeps_the_scale_and_says_so(tmp_path, capsys, made):
    (tmp_path / "result.json").write_text(json.dumps(made[1].to_dict()))
    words = ["--run", str(tmp_path), "--name", "MaxR", "--to", "json", "--epsilon", "0.5"]
    assert exit_code(lambda: export_app(words, exit_on_error=False)) == 0
    content = json.loads(capsys.readouterr().out)
    (scale,) = [one.trained.scale for one in made[1].baselines if one.contender.name == "MaxR"]
    assert (content["scale"], content["epsilon"]) == (scale, 0.5)
    assert "The scale is still the one" in content["origin"][0]


def trained(settings):
    """Three losses trained together, as a worker of a comparison does."""
    study = Study(small_settings())
    program = study.problem.stored(study.baselines[1].solution)
    trainings = [Training("BCE", None), Training("", 0.1, program), Training("MSE", None)]
    tasks = [TaskFactory(None).training(settings, one, 0) for one in trainings]
    return compute(tasks, Resources(device="cpu").here(0, 1), LocalStorage(), lambda share: None)


def test_tasks_train_at_the_scale_of_the_study():
    normalised_ones, raw = trained(normalised()), trained(small_settings())
    scales = [one["scale"] for one in normalised_ones]
    assert scales[0] == 1.0
    assert len(set(scales)) == 3
    assert {one["scale"] for one in raw} == {1.0}
    assert raw[0]["validation"] == normalised_ones[0]["validation"]
    assert raw[1]["validation"] != normalised_ones[1]["validation"]


def test_converged_runs_and_the_noise_floor_train_at_their_scale():
    factory, values = TaskFactory(None), []
    for settings in (small_settings(), normalised()):
        converged = computed(factory.run(settings, converged=True))["converged"]
        values.append((converged, computed(factory.noise(settings, "MSE", 1))["search"]))
    assert values[0][1] != values[1][1]
    assert all(value is not None for pair in values for value in pair)


def test_tasks_of_another_scale_are_other_tasks():
    files = {TaskFactory(None).noise(settings, "BCE", 1).file for settings in (small_settings(), normalised())}
    assert len(files) == 2


@pytest.mark.parametrize("environment", ["alternating", "from-scratch"])
def test_without_a_proxy_test_all_that_is_proposed_is_trained(environment):
    settings = small_settings(proxy="none", check="after", environment=environment, trainings=24)
    study = Study(settings)
    history = History(study.losses.task.metric)
    result = study.run([history])
    funnel = result.search.tally.funnel()
    assert funnel["sampled"] == funnel["trained"] == 24 == len(history.candidates)
    assert funnel["zero_gradient"] == funnel["duplicate"] == funnel["wrong_direction"] == 0
    assert funnel["accepted"] + funnel["rejected"] + funnel["non_finite"] == 24
    content = result.to_dict()
    assert content["settings"]["proxy"] == "none"
    page = report_page(content, history.to_dict(result))
    assert "--proxy none" in page
    assert "24" in printed(result)


def test_the_command_knows_both(tmp_path, capsys):
    words = [*small_arguments(scale="normalised", proxy="none", check="after"), "--tracking-uri", "none"]
    assert exit_code(lambda: app([*words, "--out", str(tmp_path / "out")], exit_on_error=False)) == 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["settings"]["scale"] == "normalised"
    assert "to the norm of BCE" in " ".join(capsys.readouterr().out.split())
