"""The charts of genres and hours draw what was counted."""

import numpy as np

from analysis.patterns import HourGenre
from analysis.patterns.events import Events
from analysis.patterns.words import Habits
from ui.charts import patterns_hours as charts

WHAT = Events("views", None, "UTC", ("genre",), True, True)


def result(cells: int) -> HourGenre:
    lift = np.ones((cells, 1))
    lift[20] = 1.5
    q = np.ones((cells, 1))
    q[20] = 0.01
    columns = tuple(f"{c % 24}:00" for c in range(cells))
    share = np.full((cells, 1), 0.1)
    return HourGenre(
        WHAT, columns, ("Horror",), share * 100, share, np.array([0.1]), lift, lift, lift, lift, q, 2400.0
    )  # fmt: skip


def test_claims_carry_a_dot_at_their_hour() -> None:
    heat, dots, squares = charts.genres(result(24)).data
    assert heat.z.shape == (1, 24)
    assert squares.customdata[20] == ["Horror", None, 20]
    assert (dots.x, dots.y) == ((20,), ("Horror",))


def test_a_week_has_seven_rows() -> None:
    heat, dots, squares = charts.week(result(168)).data
    assert squares.customdata[24 + 20] == ["Horror", 1, 20]
    assert heat.z.shape == (7, 24)
    assert (dots.x, dots.y) == ((20,), ("Monday",))
    assert charts.week(result(168)).layout.meta["title"].startswith("Horror: 1.50 ×")


def test_hours_and_weeks_follow_the_habits() -> None:
    figure = charts.week(result(168), Habits(first_day=6, twelve_hours=True))
    assert figure.data[0].y[0] == "Sunday"
    # The claim of Monday evening moved to the second row.
    assert (figure.data[1].x, figure.data[1].y) == ((20,), ("Monday",))
    assert figure.data[0].z[1][20] > figure.data[0].z[0][20]
    assert "8 pm on Monday" in figure.layout.meta["title"]
    assert figure.data[2].text[24].startswith("<b>Horror at 12 am on Monday")
