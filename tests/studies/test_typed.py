"""Printed commands are read back as exactly what they were printed for."""

import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.common.secrets import masked
from core.programs.operators import OPERATORS
from recommenders.data import DataFiles
from studies import compare, evaluate, reproduce, run, table
from studies.common.command import BAD_INPUT, exit_code
from studies.comparison.settings import ComparePlaces, CompareSettings
from studies.comparison.settings import command as compare_command
from studies.evaluation.settings import EvaluatePlaces, EvaluateSettings
from studies.evaluation.settings import command as evaluate_command
from studies.reporting.rows import run_command
from studies.reproduction.settings import ReproducePlaces, ReproduceSettings
from studies.reproduction.settings import command as reproduce_command
from studies.study.parts import as_typed, command_line, compose, flat
from studies.study.settings import PlaceSettings, StudySettings
from studies.tabulation.settings import TablePlaces, TableSettings
from studies.tabulation.settings import command as table_command
from studies.tracking.server import how_to_compare
from tests.strategies import costly_law, formulas, law

NAMES = st.sampled_from(["-u", "--no-model", "--", "my col", 'it\'s "x"', "a=b", "$(x) `y` & z", "[1]", "", "-"])
TEXTS = NAMES | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map("-{}".format)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SMALL = st.floats(1e-12, 0.009)
LOSSES = st.lists(st.sampled_from(["BCE", "MaxR"]) | formulas(), min_size=1, max_size=3).map(tuple)
PATHS = TEXTS.filter(bool).map(Path)
OPTIONS = {
    **dict.fromkeys(("user_col", "item_col", "rating_col", "time_col", "split_col", "recommender"), TEXTS),
    **dict.fromkeys(("positive_at", "init_std", "minutes", "eta", "min_positive_rate"), FLOATS),
    **dict.fromkeys(("learning_rate", "weight_decay", "search_weight_decay", "proxy_delta", "xi"), SMALL),
    **dict.fromkeys(("guess", "loss", "baseline"), LOSSES),
    "searcher": TEXTS.filter(bool),
    "epsilon": st.lists(st.floats(5e-324, 1), min_size=1, max_size=3).map(tuple),
    "seed": st.integers(),
    "seeds": st.integers(2, 9),
    "proxy": st.sampled_from(["prediction", "none"]),
    "environment": st.sampled_from(["alternating", "from-scratch"]),
    "protocol": st.sampled_from(["symmetric", "paper"]),
    "preset": st.just("paper"),
    "operators": st.lists(st.sampled_from([sign + name for sign in "+-" for name in OPERATORS]), max_size=4).map(
        ",".join
    ),
}


@st.composite
def made(draw, kind, options):
    """Settings of a class that takes some of these options; combinations that it refuses are left out."""
    of_a_run = ("searcher", "seed") if kind is CompareSettings else ()  # a comparison sets them itself
    names = [name for name in flat(kind()) if name in options and name not in of_a_run]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=5))
    with suppress(UserError):
        return compose(kind, {name: draw(options[name]) for name in chosen})
    assume(False)
    return None


def understood(app, words):
    """The settings and the places that a command takes from words; usual ones where none is given."""
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    bound.apply_defaults()
    return list(bound.arguments.values())


COMMANDS = {
    "run": (run.app, StudySettings, PlaceSettings, lambda settings, places: run_command(settings, places.files)),
    "compare": (compare.app, CompareSettings, ComparePlaces, compare_command),
    "evaluate": (evaluate.app, EvaluateSettings, EvaluatePlaces, evaluate_command),
    "table": (table.app, TableSettings, TablePlaces, table_command),
    "reproduce": (
        reproduce.app,
        ReproduceSettings,
        ReproducePlaces,
        lambda settings, places: reproduce_command("table4", settings, places.files),
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
@costly_law
@given(data=st.data())
def test_a_command_that_was_printed_is_read_back_as_its_settings(name, data):
    app, kind, places_kind, command = COMMANDS[name]
    settings = data.draw(made(kind, OPTIONS))
    file = data.draw(st.none() | PATHS)
    line = command(settings, places_kind(files=DataFiles(data=file)))
    assume(masked(line) == line and "***" not in line)
    words = shlex.split(line)
    assert words[:3] == ["python", "-m", f"studies.{name}"]
    given = {type(one): one for one in understood(app, words[3:])}
    again, places = given[kind], given[places_kind]
    told, wanted = (one.to_dict() if hasattr(one, "to_dict") else one for one in (again, settings))
    assert told == wanted
    assert places.files.data == file


@law
@given(number=FLOATS)
@example(16777217.0)
@example(0.1234567891)
@example(-0.0)
def test_numbers_are_written_in_full_and_no_longer_than_it_takes(number):
    written = as_typed(number)
    assert float(written) == number
    assert len(written) <= len(repr(number))


def test_numbers_are_written_as_a_person_does():
    assert [*map(as_typed, (4.0, 1e-6, 0.5, 300.0, 7))] == ["4", "1e-06", "0.5", "300", "7"]


def test_flags_and_what_is_missing():
    line = command_line(("x",), {"resume": False, "no_model": True, "out": None, "guess": ("-y", "y"), "at": -2.0})
    assert line == "x --no-resume --no-model --guess=-y --guess y --at=-2"


@pytest.mark.parametrize(
    "place", ["sqlite:////tmp/my m.db", "postgresql://host/db?sslmode=require&timeout=2", "sqlite:///it's.db"]
)
def test_the_command_that_shows_runs_can_be_pasted(place):
    command, _, address = how_to_compare(place, "/#/a").partition(", then open ")
    assert shlex.split(command)[1:] == ["-m", "mlflow", "ui", "--backend-store-uri", place]
    assert address == "http://127.0.0.1:5000/#/a"


@pytest.mark.parametrize("words", [["--user-col", "-u"], ["--data", "-x.csv"], ["--out", "-x"], ["--rating-col"]])
def test_a_value_taken_for_an_option_is_told_the_way_out(capsys, words):
    assert exit_code(lambda: run.app(words, exit_on_error=False, print_error=False)) == BAD_INPUT
    assert capsys.readouterr().err.replace('"', "") == (  # older versions of cyclopts quote the name
        f"error: Parameter {words[0]} requires an argument; "
        f"a value that begins with a minus is written {words[0]}=VALUE\n"
    )
