"""The page about weight decay names what there is."""

import re
from pathlib import Path

from core.decays.rules import Law, Levels
from core.decays.treatment import BY_NAME, Treatment
from studies.reproduction.slides.lambda_table import METRICS
from studies.study.decays import SPACES

PAGE = Path(__file__).parents[1].joinpath("docs", "decay.md").read_text(encoding="utf-8")


def test_everything_has_its_name_on_the_page():
    named = set(re.findall(r"`([^`\n]+)`", PAGE))
    assert {*BY_NAME, *SPACES} - named == set()
    assert {metric for metric, _ in METRICS.values() if not metric.endswith("@100")} - named == set()


def test_what_is_written_there_is_read():
    levels = re.search(r"`([^`]* \\\| [^`]*)`", PAGE)[1].replace("\\", "")
    assert isinstance(Treatment.parse(levels).rule, Levels)
    for text in ("1/(root(n))", "e*n"):
        assert f"`{text}`" in PAGE
        assert isinstance(Treatment.parse(text).rule, Law)
