from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.errors import UserError
from core.programs.space import OperatorSpace
from searchers import SEARCHERS, check_searcher, make_searcher
from searchers.specification import SearcherSpec, read_settings


@dataclass(frozen=True)
class Example:
    size: int = 1
    rate: float = 0.5
    name: str = "x"
    loud: bool = False


WORDS = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)


@given(WORDS, st.dictionaries(WORDS, WORDS, max_size=4))
def test_a_line_is_read_back(name, settings):
    spec = SearcherSpec(name, tuple(settings.items()))
    assert SearcherSpec.parse(str(spec)) == spec


def test_values_get_their_types():
    spec = SearcherSpec.parse("a:size=-3:rate=1e-4: name = cma-es :loud=yes")
    assert read_settings(spec, Example) == Example(-3, 1e-4, "cma-es", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a name"),
        ("gp:", "expected a name"),
        ("gp:selection", "there is no module gp; expected gp.py in the working folder"),
        ("gp:selection=a=b", "expected a name"),
        ("gp:sel ection=a", "expected a name"),
        ("gp:n_elites=3:n_elites=4", "once"),
        ("gpp", "Did you mean 'gp'"),
        ("gp:populationsize=3", "population_size"),
        ("gp:population_size=many", "whole number"),
        ("gp:population_size=3.5", "whole number"),
        ("gp:crossover_rate=x", "a finite number"),
        ("rl:failure_reward=-inf", "a finite number"),
        ("gp:crossover_rate=7", "0 to 1"),
        ("gp:crossover_rate=nan", "a finite number"),
        ("random:size=1", "no settings"),
        ("x" * 10_000, "unknown|expected"),
        ("gp\x00", "expected a name"),
    ],
)
def test_what_is_wrong_is_said(text, message):
    with pytest.raises(UserError, match=message) as caught:
        check_searcher(text)
    assert len(str(caught.value)) < 500


def test_dashes_and_underscores_are_one():
    assert check_searcher("gp:population-size=7")[1].population_size == 7


@pytest.mark.parametrize("name", SEARCHERS)
def test_settings_can_all_be_written_on_a_line(name):
    kind = SEARCHERS[name].settings
    if kind is None:
        return
    line = ":".join([name, *(f"{f.name}={getattr(kind(), f.name)}" for f in fields(kind))])
    assert check_searcher(line)[1] == kind()
    make_searcher(line, OperatorSpace(), 0)
