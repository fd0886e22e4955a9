"""Command lines on the page do what they say."""

import shlex

import pytest

from studies.export import app as export_app
from studies.reporting.rows import changed_settings, export_command, run_command
from studies.run import app as run_app
from studies.study.settings import StudySettings


def understood(command):
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "studies.run"]
    _, bound, _ = run_app.parse_args(words[3:], exit_on_error=False, print_error=False)
    return bound.arguments["study"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"searcher": "optuna:sampler=cmaes", "seed": 3},
        {"environment": "from-scratch", "duplicates": "original"},
        {"environment": "from-scratch"},
        {"guess": ("(y - y_hat)^2", "-log(y_hat)", "it's; rm -rf $HOME")},
        {"epsilon": (0.1, 1e-3), "baseline": ("MaxR", "max(y_hat, y)"), "minutes": 2.5, "pick": "complexity<=5"},
        {"task": "regression", "metric": "mae", "max_epochs": 7, "weight_decay": 0.0},
    ],
)
def test_the_command_of_a_study_gives_its_settings_back(settings):
    made = StudySettings.from_dict(settings)
    again = understood(run_command(StudySettings.from_dict(made.to_dict())))
    assert again.to_dict() == made.to_dict()


def test_only_what_differs_is_told():
    assert run_command(StudySettings()) == "python -m studies.run --searcher rl --seed 0"
    assert changed_settings(StudySettings.from_dict({"environment": "alternating"})) == {"environment": "alternating"}
    assert changed_settings(StudySettings.from_dict({"preset": "fast", "scale": "raw"})) == {"preset": "fast"}
    assert changed_settings(StudySettings.from_dict({"preset": "fast", "scale": "normalised"}))["scale"] == "normalised"


@pytest.mark.parametrize("place", ["results/one", "my studies/it's one", "-dash", "$(rm -rf /)"])
def test_places_are_quoted(place):
    words = shlex.split(export_command(place, pick="complexity<=3"))
    _, bound, _ = export_app.parse_args(words[3:], exit_on_error=False, print_error=False)
    assert bound.arguments["settings"].run == place
    assert bound.arguments["settings"].pick == "complexity<=3"
