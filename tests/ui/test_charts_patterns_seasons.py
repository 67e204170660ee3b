"""The charts of appetite draw what was estimated."""

import numpy as np

from analysis.patterns.appetite import Appetite
from analysis.patterns.events import Events
from ui.charts import patterns_seasons as charts


def result(q: float = 0.01) -> Appetite:
    grid = np.array([[1.5, 1.0], [0.9, 1.0]])
    return Appetite(
        Events("views", None, "UTC", ("genre",), True, True),
        ("Horror", "Drama"), ("October", "May"), grid * 100, grid * 10, grid * 1.2, np.ones((2, 2)),
        grid, grid * 0.9, grid * 1.1, np.array([[q, 0.5], [0.4, np.nan]]), ((0, 8.0), (30, 1.0)), 0.0, (2024, 2025),
    )  # fmt: skip


def test_claims_come_first_with_interval_and_truth() -> None:
    figure = charts.causes(result(), {(0, 0): 1.6})
    appetite = next(t for t in figure.data if t.name.startswith("appetite"))
    assert appetite.y[0] == "Horror, October"
    assert appetite.x[0] == 1.5
    assert np.isclose(appetite.error_x.array[0], 0.15)
    assert next(t for t in figure.data if t.name.startswith("planted")).x == (1.6,)
    assert "In October Horror is wanted 1.50 times" in figure.layout.meta["title"]


def test_untested_cells_are_empty_and_only_claims_are_numbered() -> None:
    figure = charts.every_cell(result())
    heat, cells = figure.data
    assert np.isnan(heat.z[1][1])
    assert [note.text for note in figure.layout.annotations] == ["<b>1.50</b>"]
    assert not charts.every_cell(result(q=0.2)).layout.annotations
    assert [list(cell) for cell in cells.customdata] == [
        ["Horror", "October"], ["Horror", "May"], ["Drama", "October"], ["Drama", "May"],
    ]  # fmt: skip
    assert cells.selected.marker.opacity > cells.unselected.marker.opacity == 0
    assert "appetite 1.50 (1.35 to 1.65)" in cells.text[0]


def test_one_genre_shows_its_tested_seasons_and_fills_the_chosen_one() -> None:
    dots = charts.of_genre(result(), 1, 0).data[0]
    assert (dots.x, dots.y, dots.marker.symbol) == (("Oct",), (0.9,), ("circle",))
    assert charts.of_genre(result(), 0, 1).data[0].marker.symbol == ("circle-open", "circle")


def test_decay_starts_high() -> None:
    assert charts.decay(result()).data[0].y == (8.0, 1.0)
