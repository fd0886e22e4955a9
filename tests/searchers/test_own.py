"""Searchers of one's own by package.module:Class: what is right works, what is wrong ends in a line."""

import sys
import textwrap
from dataclasses import asdict

import numpy as np
import pytest

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from searchers import check_searcher, make_searcher, searcher_source
from searchers.testing.searcher import drive
from studies.execution.task import TaskFactory
from tests.studies.small import small_settings

SPACE = OperatorSpace()
HEAD = """
from dataclasses import dataclass
import numpy as np
from core.search.searcher import Searcher
from searchers.random import RandomSearcher


@dataclass(frozen=True)
class Settings:
    size: int = 3
    name: str = "x"

"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a module into the working folder; its name is the module's."""
    monkeypatch.chdir(tmp_path)
    written = []

    def write(code):
        name = f"own_searcher_{len(written)}_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(HEAD + textwrap.dedent(code), encoding="utf-8")
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


GOOD = """
class Own(RandomSearcher):
    def __init__(self, space, seed, settings: Settings):
        super().__init__(space, seed + settings.size)
        self.settings = settings
"""


def test_a_class_of_ones_own_searches_with_its_settings(own):
    line = f"{own(GOOD)}:Own:size=4:name=y"
    spec, settings = check_searcher(line)
    assert (str(spec), asdict(settings)) == (line, {"size": 4, "name": "y"})
    proposed = drive(make_searcher(line, SPACE, 1), SPACE, 2)
    assert proposed == drive(make_searcher("random", SPACE, 5), SPACE, 2)
    guided = make_searcher(line, SPACE, 1, ["y_hat"])
    assert str(SPACE.decode(guided.ask(2))[0]) == "y_hat"


@pytest.mark.parametrize("annotation", ["Settings | None = None", "'Settings'"])
def test_settings_may_be_annotated_in_other_ways(own, annotation):
    name = own(f"class Own(RandomSearcher):\n    def __init__(self, space, seed, settings: {annotation}): pass")
    assert asdict(check_searcher(f"{name}:Own")[1]) == {"size": 3, "name": "x"}


def test_a_class_without_settings_has_none(own):
    name = own("class Own(RandomSearcher): pass")
    assert check_searcher(f"{name}:Own")[1] is None
    assert isinstance(make_searcher(f"{name}:Own", SPACE, 0).ask(3), np.ndarray)
    with pytest.raises(UserError, match=f"{name}:Own has no settings"):
        check_searcher(f"{name}:Own:size=4")


def test_its_state_is_gone_on_from(own):
    line = f"{own(GOOD)}:Own"
    searcher, other = make_searcher(line, SPACE, 1), make_searcher(line, SPACE, 2)
    searcher.ask(3)
    other.load_state_dict(searcher.state_dict())
    assert np.array_equal(other.ask(3), searcher.ask(3))


WRONG = {
    "class Own: pass": "expected a class derived from core.search.searcher.Searcher, got Own",
    "Own = 3": "expected a class derived from core.search.searcher.Searcher, got 3",
    "class Other(RandomSearcher): pass": "there is no Own in module .*; its searchers: Other",
    "class Own(Searcher):\n    def ask(self, n): pass": "expected it to define load_state_dict, state_dict, tell",
    "class Own(RandomSearcher):\n    def __init__(self, space): pass": r"expected a constructor .*, got \(space\)",
    "class Own(RandomSearcher):\n    def __init__(self, space, seed, rate): pass": r"got \(space, seed, rate\)",
    "class Own(RandomSearcher):\n    def __init__(self, space, seed, settings): pass": "frozen dataclass .*, got None",
    "class Own(RandomSearcher):\n    def __init__(self, space, seed, settings: int): pass": "frozen dataclass",
    "@dataclass\nclass Loose:\n    a: int = 1\n"
    "class Own(RandomSearcher):\n    def __init__(self, space, seed, settings: Loose): pass": "frozen dataclass",
    "class Own(RandomSearcher):\n    def __init__(self, space, seed, settings: 'None_'): pass": "raised NameError",
    "raise OSError('no\\nfile')": "importing own_searcher_.* raised OSError: no",
}


@pytest.mark.parametrize(("code", "message"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_no_searcher_is_refused_in_a_line(own, code, message):
    name = own(code)
    with pytest.raises(UserError, match=f"^searcher {name}:Own: .*{message}"):
        check_searcher(f"{name}:Own")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("def __init__(self, space, seed): raise OSError('here')", "its constructor raised OSError: here"),
        ("def ask(self, n): raise KeyError('here')", "ask raised KeyError"),
        ("def ask(self, n): return [1] * n", r"ask\(2\): expected an array of 2 genomes, got \[1, 1\]"),
        ("def ask(self, n): return super().ask(n + 1)", r"ask\(2\): expected an array of 2 genomes"),
        ("def ask(self, n): return super().ask(n) + 99", r"ask\(2\): genome: op_0: expected an option 0 to 8, got"),
        ("def ask(self, n): return np.array(3)", r"ask\(2\): expected an array of 2 genomes"),
        ("def tell(self, trials): raise ValueError('here')", "tell raised ValueError: here"),
        ("def tell(self, trials): pass", r"tell: expected a mapping from names to numbers \(may be empty\), got None"),
        ("def state_dict(self): raise ValueError('here')", "state_dict raised ValueError: here"),
        ("n_left = -1", "n_left: expected at least 0, or None, got -1"),
        ("n_left = True", "n_left: expected at least 0, or None, got True"),
        ("n_left = property(lambda self: 1 / 0)", "n_left raised ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_inside_ends_in_a_line(own, method, message):
    name = own(f"class Own(RandomSearcher):\n    {method}")
    with pytest.raises(UserError, match=f"^searcher {name}:Own: {message}") as told:
        _use(make_searcher(f"{name}:Own", SPACE, 0))
    assert "\n" not in str(told.value)


def _use(searcher):
    assert searcher.n_left is None
    searcher.ask(2)
    searcher.tell([])
    searcher.state_dict()


def test_its_file_is_part_of_what_a_part_depends_on(own, tmp_path):
    name = own(GOOD)
    line, maker = f"{name}:Own", TaskFactory(None)
    assert searcher_source("gp:selection=nsga2") is None
    before, part = searcher_source(line), maker.run(small_settings(searcher=line))
    assert part.content["searcher_source"] == before
    assert part.content["searcher"] == {"size": 3, "name": "x"}
    assert "searcher_source" not in maker.run(small_settings(searcher="random")).content
    with (tmp_path / f"{name}.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert searcher_source(line) != before
    assert maker.run(small_settings(searcher=line)).file != part.file
