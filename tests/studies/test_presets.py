"""What presets decide, and what stands beside them."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from core.common.errors import UserError
from core.common.seeding import derive_seed
from core.phases.contender import validation_score
from core.phases.picking import Pick
from studies.exporting.stored import StoredStudy
from studies.reporting.story import Numbers, story
from studies.study.settings import StudySettings
from studies.study.settings_training import PRESETS
from studies.study.summary import conclusion, print_report
from tests.studies.small import run_small, small_settings

pytestmark = pytest.mark.usefixtures("undrawn")

DECAYS = (1e-5, 1e-2)


@pytest.fixture(scope="module")
def tuned():
    return run_small(preset="tuned", decay=DECAYS, trainings=12, finalists=3, epochs_per_candidate=2)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_in_force_where_nothing_else_is_given(preset):
    assert StudySettings.from_dict({"preset": preset}).protocol == PRESETS[preset]


@pytest.mark.parametrize(
    "given",
    [
        {"environment": "alternating"},
        {"scale": "raw"},
        {"check": "after"},
        {"decay": (0.0, 1e-3)},
        {"search_epsilon": 0.5},
        {"epochs_per_candidate": 1},
        {"finalists": 2},
        {"rehearsals": 0},
        {"init_std": 0.5},
    ],
)
def test_what_is_given_counts_instead(given):
    settings = StudySettings.from_dict(given)
    ((name, value),) = given.items()
    assert getattr(settings.protocol, name) == value
    assert StudySettings.from_dict(settings.to_dict()).protocol == settings.protocol


def test_one_decay_may_stand_alone():
    protocol = StudySettings.from_dict({"decay": 1e-4}).protocol
    assert protocol.decay == (1e-4,)
    told = " ".join(conclusion(run_small(preset="tuned", decay=(1e-4,), rehearsals=0, repeats=1)))
    assert "the weight decay 0.0001" in told


def test_one_weight_decay_for_all_leaves_nothing_to_choose():
    assert StudySettings.from_dict({"weight_decay": 0.0}).protocol.ways == ()


def test_another_problem_has_no_preset_of_losses():
    protocol = StudySettings.from_dict({"problem": "bits:Bits"}).protocol
    assert (protocol.finalists, protocol.rehearsals) == (4, 0)


def test_results_from_before_there_were_presets_of_more_than_training_mean_what_they_meant():
    stored = small_settings().to_dict()
    for name in ("scale", "decay", "search_epsilon", "rehearsals"):
        del stored[name]
    assert StudySettings.from_dict(stored).to_dict() == small_settings().to_dict()


def test_every_loss_has_the_decay_and_smoothing_term_that_did_best_on_validation(tuned):
    problem, (finished,) = tuned.problem, [one for one in tuned.baselines if one.contender.name == "MaxR"]
    variants = finished.contender.variants
    given = [(one.constant, one.way["weight_decay"]) for one in variants]
    assert given == [(epsilon, decay) for epsilon in (0.001, 0.1) for decay in DECAYS]
    seed, ways = derive_seed(0, "finals", 0), [one.way for one in variants]
    alone = scores(tuned, problem.convergence([one.trained for one in variants], seed, ways=ways).run())
    assert finished.variant is variants[alone.index(max(alone))]
    assert len(set(alone)) == len(alone)


def test_all_losses_are_reported_with_fresh_seeds_only(tuned):
    for one in tuned.finished:
        assert len(one.fitted) == 2
        assert not set(scores(tuned, one.fitted)) & set(scores(tuned, one.chosen_by))


def scores(result, fitted):
    return [validation_score(result.problem.metric, one) for one in fitted]


def test_the_found_loss_is_the_best_over_the_seeds_of_the_choice(tuned):
    metric = tuned.problem.metric
    assert tuned.best.chosen_score(metric) == max(one.chosen_score(metric) for one in tuned.finalists)
    assert all(len(one.chosen_by) == 3 for one in tuned.finalists)


def test_results_say_how_every_loss_was_trained(tuned):
    described = tuned.to_dict()
    for one in (described["best"], *described["finalists"], *described["baselines"].values()):
        assert one["weight_decay"] in DECAYS
        assert one["chosen_by"]
    told = " ".join(conclusion(tuned))
    assert "1e-05, 0.01" in told
    assert "scale alone" not in told
    assert "chosen on validation by 3 other seeds" in told


def test_the_terminal_shows_the_first_of_many_found_losses_and_says_how_many_more_there_are(capsys):
    result = run_small(preset="tuned", searcher="surrogate", trainings=24, finalists=14, epochs_per_candidate=1)
    shown = [one for i, one in enumerate(result.finalists) if i < 8 or one in result.front]
    print_report(result, Console(width=200))
    told = capsys.readouterr().out
    assert len(shown) < len(result.finalists)
    assert f"{len(result.finalists) - len(shown)} more found losses in result.json" in told
    assert all((one.contender.name[:15] in told) for one in shown)


def test_what_is_stored_is_picked_and_told_by_the_seeds_of_the_choice(tuned):
    content = json.loads(json.dumps(tuned.to_dict()))
    study = StoredStudy.of(content, "here")
    metric = tuned.problem.metric
    for stored, finished in zip(study.finalists, tuned.finalists, strict=True):
        assert study.choice_score(stored) == pytest.approx(finished.chosen_score(metric))
    assert study.picked(Pick.parse("complexity<=99")).name == tuned.best.contender.name
    told = " ".join(story(study, Numbers.of(content), None))
    assert "2 weight decays" in told
    assert "3 seeds chose, then all had 2 fresh ones" in told


def test_the_page_of_searchers_has_the_numbers_of_the_presets():
    page = (Path(__file__).parents[2] / "docs" / "searchers.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `--")]
    table = {row[0].split("`")[1]: row[1:] for row in rows if len(row) == 1 + len(PRESETS)}
    for i, protocol in enumerate(PRESETS.values()):
        assert table["--environment"][i].split(",")[0] == protocol.environment
        assert table["--scale"][i] == protocol.scale
        assert table["--check"][i] == protocol.check
        assert table["--finalists"][i] == str(protocol.finalists)
        assert table["--rehearsals"][i].startswith(str(protocol.rehearsals))
        assert table["--learning-rate"][i] == f"{protocol.train.learning_rate:g}, N(0, {protocol.init_std:g})"
        said = [float(word) for word in table["--decay"][i].split() if word[0].isdigit()]
        assert said == list(protocol.decay or (protocol.train.weight_decay,))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"decay": (5.0,)}, "^decay: expected 0 to"),
        ({"decay": (-1.0,)}, "^--decay: expected numbers of at least 0, got -1"),
        ({"decay": (1e-4,), "weight_decay": 1e-4}, "--decay: --weight-decay is one for all"),
        ({"search_epsilon": 0.0}, "--search-epsilon: expected a number above 0"),
        ({"rehearsals": -1}, "--rehearsals: expected at least 0"),
    ],
)
def test_what_no_study_can_be_trained_with_is_told_in_a_line(given, message):
    with pytest.raises(UserError, match=message):
        StudySettings.from_dict(given)
