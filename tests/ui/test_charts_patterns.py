"""Charts of viewing patterns: what is drawn is what was counted, the title is the finding, the clock is named."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.patterns import Filters, clock, daily, months
from analysis.patterns.words import Habits
from tests.analysis.patterns.conftest import make_titles, make_viewers, make_views
from ui.charts import patterns as charts


@pytest.fixture(scope="module")
def service() -> Dataset:
    views = make_views(12_000, seed=8)
    views.loc[(views["started_at"].dt.month == 10) & (views.index % 3 == 0), "title_id"] = 10
    in_tokyo = views["started_at"] + pd.Timedelta(hours=9)
    views = views[in_tokyo.dt.date != pd.Timestamp("2023-08-01").date()]
    return Dataset.from_frames(views=views, titles=make_titles(), viewers=make_viewers(), time_zone="Asia/Tokyo")


def test_clock_draws_the_shares(service: Dataset) -> None:
    result = clock(service)
    figure = charts.clock(result)
    heatmap = figure.data[0]
    assert np.allclose(np.array(heatmap.z), result.shares * 100)
    assert next(iter(heatmap.y)) == "Monday"
    assert figure.layout.yaxis.autorange == "reversed"
    assert figure.layout.meta["title"] == result.headline()
    assert "Asia/Tokyo" in figure.layout.meta["subtitle"]
    assert heatmap.zmin == 0
    assert figure.data[1].customdata[4 * 24 + 20] == [4, 20]
    friday_eight = figure.data[1].text[4 * 24 + 20]
    assert friday_eight.startswith("<b>Friday 20:00 to 21:00</b>")
    assert f"{result.events[4, 20]:,.0f} plays" in friday_eight
    assert "viewers on a mean Friday" in friday_eight


def test_clock_of_one_genre_has_no_viewers(service: Dataset) -> None:
    assert "viewers" not in charts.clock(clock(service, filters=Filters(genre="Drama"))).data[1].text[0]


def test_a_week_may_begin_on_sunday_and_hours_be_twelve(service: Dataset) -> None:
    result, ways = clock(service), Habits(first_day=6, twelve_hours=True)
    plain, figure = charts.clock(result), charts.clock(result, ways)
    assert figure.data[0].y[0] == "Sunday"
    assert list(figure.data[0].z[0]) == list(plain.data[0].z[6])
    assert figure.data[1].text[13].startswith("<b>Sunday 1 pm to 2 pm</b>")
    assert list(figure.layout.xaxis.ticktext[:3]) == ["12 am", "3 am", "6 am"]
    assert ":00" not in result.summary(ways) + result.headline(ways)


def test_seasons_are_centred_at_one_and_number_the_claims(service: Dataset) -> None:
    result = months(service)
    figure = charts.seasons(result)
    heatmap, squares = figure.data
    assert np.allclose(np.array(heatmap.z), np.log2(result.shrunk.T))
    assert (heatmap.zmid, heatmap.zmin) == (0, -heatmap.zmax)
    assert heatmap.zmax > np.abs(heatmap.z).max()
    assert heatmap.colorbar.ticktext[2] == "1.00"
    drawn = {(note.x, note.y): note.text for note in figure.layout.annotations}
    assert len(drawn) == result.claimed.sum() >= 1
    row, column = result.months.index(10), result.genres.index("Horror")
    assert drawn["Oct", "Horror"].strip("</b>") == f"{result.lift[row, column]:.2f}"
    place = list(zip(squares.x, squares.y, strict=True)).index(("Oct", "Horror"))
    assert squares.customdata[place] == ["Horror"]
    hover = squares.text[place]
    assert "<b>Horror in October</b>" in hover
    assert "may be chance" not in hover
    # One title made that October, and the chart doesn't hide it.
    assert ("across titles" in hover) == drawn["Oct", "Horror"].startswith("<b>")
    assert "2023–2024" in figure.layout.meta["subtitle"]


def test_seasons_without_a_claim_keep_faint_colours(service: Dataset) -> None:
    views = make_views(3000, seed=9)
    result = months(Dataset.from_frames(views=views, titles=make_titles()))
    figure = charts.seasons(result)
    assert figure.layout.meta["title"] == "No genre stands out in any month"
    assert not figure.layout.annotations
    assert figure.data[0].zmax >= np.log2(1.25)


def test_daily_leaves_gaps_open_and_shades_them(service: Dataset) -> None:
    result = daily(service)
    figure = charts.daily(result)
    days, mean, viewers = figure.data
    gap = result.days.index(pd.Timestamp("2023-08-01").date())
    assert np.isnan(days.y[gap])
    assert days.connectgaps is False
    assert np.isnan(mean.y[gap - 3 : gap + 4]).all()
    assert np.isfinite(mean.y[gap - 4])
    assert viewers.name == "active viewers"
    assert figure.layout.yaxis.rangemode == figure.layout.yaxis2.rangemode == "tozero"
    shaded = {shape.x0 for shape in figure.layout.shapes}
    assert shaded == {pd.Timestamp("2023-08-01").date()}
    assert figure.layout.meta["title"] == result.headline()


def test_daily_without_viewers_has_one_panel(service: Dataset) -> None:
    figure = charts.daily(daily(service, filters=Filters(genre="Drama"), measure="minutes"))
    assert len(figure.data) == 2
    assert "yaxis2" not in figure.layout
    assert figure.layout.yaxis.title.text == "minutes"
    assert figure.layout.meta["subtitle"].startswith("Minutes a day")


def test_one_day_is_drawn_with_markers(service: Dataset) -> None:
    result = daily(Dataset.from_frames(views=make_views(100, days=1)))
    assert charts.daily(result).data[0].mode == "lines+markers"
    assert charts.daily(dataclasses.replace(result, viewers=None)).data[0].y[0] == 100
