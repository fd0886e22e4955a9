import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from studies.study.parts import compose
from studies.study.settings import StudySettings
from studies.tuning.settings import TuneSettings
from studies.tuning.tunables import OF_LOSS, OF_SEARCH, Tunable, present_value, read_tunables, with_values
from tests.strategies import law


@pytest.mark.parametrize("known", [OF_LOSS, OF_SEARCH])
def test_every_tunable_can_be_written_as_it_is_shown(known):
    for tunable in known.values():
        assert read_tunables([tunable.name], known, "rl") == (tunable,)
        assert read_tunables([str(tunable)], known, "rl") == (tunable,)


def test_ranges_and_scales_can_be_given():
    (tunable,) = read_tunables([" eta = 0 : 0.5 : linear "], OF_SEARCH, "rl")
    assert tunable == Tunable("eta", 0.0, 0.5)
    (tunable,) = read_tunables(["proxy-size=3:9"], OF_SEARCH, "rl")
    assert tunable == Tunable("proxy_size", 3, 9, log=True, whole=True)


def test_settings_of_searchers_can_be_tuned():
    names = [f"searcher.{name}" for name in ("learning_rate", "entropy_weight", "hidden_size", "update_size")]
    assert [one.name for one in read_tunables(names, OF_SEARCH, "rl")] == names
    (tunable,) = read_tunables(["searcher.population_size=5:50"], OF_SEARCH, "gp:selection=nsga2")
    assert tunable == Tunable("searcher.population_size", 5, 50, whole=True)


@pytest.mark.parametrize(
    ("text", "searcher", "message"),
    [
        ("epsilonn", "rl", "unknown setting to vary 'epsilonn'"),
        ("eta=1", "rl", "expected name=low:high"),
        ("eta=a:b", "rl", "expected name=low:high"),
        ("eta=1:2:3:4", "rl", "expected name=low:high"),
        ("eta=0.1:0.2:cubic", "rl", "expected log or linear after the range, got 'cubic'"),
        ("eta=0.2:0.1", "rl", "expected a low end below the high end"),
        ("eta=nan:1", "rl", "expected a low end below the high end"),
        ("eta=0:inf", "rl", "expected a low end below the high end"),
        ("eta=0:1:log", "rl", "expected a low end above 0 on a log scale"),
        ("proxy_size=2.5:9", "rl", "expected whole numbers"),
        ("searcher.population", "gp", "unknown number among the settings of gp 'population'"),
        ("searcher.selection=1:2", "gp", "unknown number among the settings of gp"),
        ("searcher.population_size", "gp", "expected a range, as in searcher.population_size=1:10"),
        ("searcher.x=1:2", "random", "unknown number among the settings of random"),
        ("searcher.n_elites=1:2", "gp:n_elites=3", "it is set by --searcher"),
        ("searcher.eta", "nobody", "unknown searcher"),
    ],
)
def test_what_cannot_be_tuned_is_refused(text, searcher, message):
    with pytest.raises(UserError, match=message):
        read_tunables([text], OF_SEARCH, searcher)


def test_a_setting_is_tuned_once():
    with pytest.raises(UserError, match="expected every setting once, got eta twice"):
        read_tunables(["eta", "eta=0:1:linear"], OF_SEARCH, "rl")


@law
@given(st.text(max_size=30) | st.text("eta=:.0123log-", max_size=14))
def test_any_text_is_read_or_refused(text):
    with suppress(UserError):
        (tunable,) = read_tunables([text], OF_SEARCH, "rl")
        assert -math.inf < tunable.low < tunable.high < math.inf


def test_places_are_on_the_scale_that_is_searched():
    assert Tunable("x", 0.0, 4.0).place(1.0) == 0.25
    assert Tunable("x", 1e-4, 1.0, log=True).place(1e-3) == pytest.approx(0.25)


def test_values_become_settings_of_a_study():
    settings = StudySettings(searcher="rl:objective=ppo").to_dict()
    made = StudySettings.from_dict(with_values(settings, {"eta": 0.01, "searcher.clip": 0.3, "proxy_size": 7}))
    assert (made.search.eta, made.losses.proxy_size, made.searcher) == (0.01, 7, "rl:objective=ppo:clip=0.3")


def test_present_values_are_those_in_force():
    settings = StudySettings.from_dict({"preset": "paper", "weight_decay": 2e-4})
    assert present_value("learning_rate", settings) == 0.01
    assert present_value("weight_decay", settings) == 2e-4
    assert present_value("eta", settings) == 0.001
    assert present_value("searcher.entropy_weight", StudySettings(searcher="rl:entropy_weight=0.5")) == 0.5


def test_present_values_of_a_tuning_have_the_right_kinds():
    tuning = compose(TuneSettings, {"vary": ("proxy_size", "eta", "searcher.update_size"), "searcher": "rl"})
    assert tuning.present == {"proxy_size": 5, "eta": 0.001, "searcher.update_size": 0}
    assert [type(value) for value in tuning.present.values()] == [int, float, int]
    assert TuneSettings(loss="MaxR").present == {"epsilon": 0.1}, "a named loss has a smoothing term of its own"
    assert compose(TuneSettings, {"loss": "log(y_hat)", "xi": 1e-4}).present == {"epsilon": 1e-4}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "BCE"}, "--vary epsilon: BCE has no smoothing term"),
        ({"loss": "(y - y_hat)^2"}, "has no smoothing term"),
        ({"loss": "log(", "vary": ("learning_rate",)}, "malformed formula"),
        ({"loss": "BCE", "vary": ("eta",)}, "unknown setting to vary 'eta'"),
        ({"trials": 0}, "--trials: expected at least 1"),
        ({"seeds": 0}, "--seeds: expected at least 1"),
        ({"confirm": -1}, "--confirm: expected at least 0"),
        ({"prune": 1.0}, "--prune: expected 0 up to below 1"),
        ({"prune": math.nan}, "--prune: expected a finite number"),
        ({"objective": "best"}, "--objective: expected search or converged, got 'best'"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        compose(TuneSettings, changes)
