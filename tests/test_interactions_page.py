"""The page about interaction functions shows formulas that are interactions."""

from pathlib import Path

from core.interactions.interaction import Interaction
from core.interactions.spaces import MEETINGS

PAGE = Path(__file__).parents[1].joinpath("docs", "interactions.md").read_text(encoding="utf-8")


def test_formulas_of_the_page_are_interactions():
    for text in ("p*q", "max(p, root(q))", "concat(p, q^2)", "p*q + max(p, q)"):
        assert f"`{text}`" in PAGE
        Interaction.parse(text)
    assert all(f"`{name}`" in PAGE for name in MEETINGS)
