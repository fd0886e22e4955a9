"""Pictures inside a page."""

import matplotlib
from matplotlib.figure import Figure

from studies.reporting.axes import INK, inline_svg


def draw():
    figure = Figure(figsize=(2, 2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=INK, marker="o", label="$a$ <b> & 推薦")
    axes.legend()
    return figure


def test_names_are_texts_and_ink_is_the_pages_colour():
    svg = inline_svg("one", 'the "alt" text <b>', draw)
    assert "$a$ &lt;b&gt; &amp; 推薦" in svg
    assert 'aria-label="the &quot;alt&quot; text &lt;b&gt;"' in svg
    assert "stroke: currentColor" in svg
    assert INK not in svg
    assert "<style" not in svg
    assert "metadata" not in svg


def test_every_picture_has_names_of_its_own():
    first, second = inline_svg("one", "", draw), inline_svg("two", "", draw)
    assert 'id="one-figure_1"' in first
    assert 'href="#one-' in first
    assert "one-" not in second


def test_nobodys_settings_matter():
    before = inline_svg("one", "", draw)
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.fonttype": "path", "font.size": 30}):
        assert inline_svg("one", "", draw) == before
        assert matplotlib.rcParams["lines.linewidth"] == 9
