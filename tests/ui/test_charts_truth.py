"""The picture of the known truth: every promised interval is drawn once, and misses differ in shape and colour."""

import math

import pytest

from analysis.truth import Estimate, Held, TruthTable
from ui.charts import theme
from ui.charts.truth import caterpillar, with_lift


def held(name: str, group: str, value: float, reason: str = "") -> Held:
    estimate = None if math.isnan(value) else Estimate(value, value - 1.0, value + 1.0)
    return Held(name, group, "d.", "f", "share", 0.0, 0.0, "f", estimate, reason)


@pytest.fixture
def table() -> TruthTable:
    return TruthTable(
        "test",
        (
            held("late", "clock", 0.5),
            held("early <b>", "clock", -0.2),
            held("far", "experiments", 1.5),
            held("biased", "other", 9.0, "known to be off"),
            held("none", "other", math.nan, "no function"),
        ),
    )


def test_each_promised_interval_is_drawn_once_in_order(table):
    figure = caterpillar(table)
    holds, misses = figure.data
    assert list(holds.y) == pytest.approx([-0.2 * 1.96, 0.5 * 1.96], rel=1e-3)
    assert list(holds.x) == [0, 1]
    assert list(misses.y) == pytest.approx([1.5 * 1.96], rel=1e-3)
    assert misses.x[0] > 2, "groups stand apart"
    assert list(figure.layout.xaxis.ticktext) == ["clock", "experiments"]
    assert figure.layout.meta["title"] == "2 of 3 intervals cross the line of the truth, 1 do not"


def test_what_misses_is_told_by_colour_shape_and_word(table):
    holds, misses = caterpillar(table).data
    assert (holds.marker.color, misses.marker.color) == (theme.BETTER, theme.WORSE)
    assert holds.marker.symbol != misses.marker.symbol
    assert (holds.name, misses.name) == ("holds the truth (2)", "misses the truth (1)")
    assert "far" in misses.text[0]
    assert "early &lt;b&gt;" in holds.text[0], "names are shown, not obeyed"


def test_intervals_reach_over_the_line_exactly_where_they_hold(table):
    figure = caterpillar(table)
    for trace in figure.data:
        for y in trace.y:
            assert (abs(y) <= trace.error_y.value) == trace.name.startswith("holds")
    line = figure.layout.shapes[0]
    assert (line.y0, line.y1, line.line.color) == (0, 0, theme.TRUTH)
    low, high = figure.layout.yaxis.range
    assert low < -0.2 * 1.96 - 1.96
    assert high > 1.5 * 1.96 + 1.96


def test_one_miss_alone_or_none_is_drawn_too():
    assert len(caterpillar(TruthTable("test", (held("a", "clock", 0.5),))).data) == 1
    assert len(caterpillar(TruthTable("test", (held("a", "clock", 5.0),))).data) == 1


def test_a_true_lift_is_drawn_on_a_copy():
    figure = theme.figure("x")
    figure.add_heatmap(x=["Sep", "Oct"], y=["Horror"], z=[[1.0, 1.4]])
    marked = with_lift(figure, "Oct", "Horror", 1.38)
    note = marked.layout.annotations[0]
    assert (note.x, note.y, note.text) == ("Oct", "Horror", "truth 1.38")
    assert not figure.layout.annotations, "figures are shared between visitors"
