"""Course, weeks, segments, outlook and lessons: what is drawn is what was found, with the truth in it."""

import datetime as dt
import math

import pytest

from analysis.experiments import lessons, lessons_data
from analysis.experiments.fixed import UNKNOWN, Effect, compare_means
from analysis.experiments.moments import Moments
from analysis.experiments.planner import outlook
from analysis.experiments.reach import Reach
from analysis.experiments.segments import Interaction, Segment, Segments, Weeks
from analysis.experiments.timeline import Day, Timeline
from ui.charts import experiments_detail as charts
from ui.charts import experiments_lessons, theme

START = dt.date(2026, 3, 1)


def day(i, estimate, error, any_time=2.0):
    def around(times):
        return Effect(estimate, estimate - times * error, estimate + times * error, error, 0.5)

    return Day(START + dt.timedelta(days=i), (500 + i, 500), around(1.96), around(1.96 * any_time), 0.4)


def course(*days):
    return Timeline("plays", "control", "treatment", (Day(START, (1, 1), UNKNOWN, UNKNOWN, 1.0), *days), 0.95)


def pair(low, high):
    return compare_means(Moments(900, low, 20.0), Moments(900, high, 20.0), metric="plays", names=("control", "new"))


def test_a_peek_that_tempts_is_marked_and_the_last_look_is_not():
    found = course(day(1, 0.3, 0.1), day(2, 0.1, 0.1), day(3, 0.25, 0.1))
    figure = charts.course(found, [START + dt.timedelta(days=2)], truth=0.05)
    tempting = next(trace for trace in figure.data if trace.name == "A peek that tempts")
    assert list(tempting.x) == [START + dt.timedelta(days=1)]
    assert tempting.marker.color == theme.WORSE
    truth = next(trace for trace in figure.data if trace.name == "True effect at the end")
    assert set(truth.y) == {0.05}
    assert truth.line.color == theme.TRUTH
    assert "someone who peeked" in figure.layout.meta["title"]
    assert len(figure.layout.shapes) == 2  # zero, and one planned look


@pytest.mark.parametrize(
    ("days", "title"),
    [
        ((day(1, 0.01, 0.1), day(2, 0.02, 0.1)), "No daily look"),
        ((day(1, 0.9, 0.1), day(2, 0.9, 0.1)), "can’t be chance"),
    ],
)
def test_the_title_says_what_the_days_show(days, title):
    assert title in charts.course(course(*days)).layout.meta["title"]


def test_weeks_and_segments_take_colour_and_shape_from_their_intervals():
    figure = charts.weeks(Weeks("plays", (pair(10, 12), pair(10, 10))))
    assert [trace.marker.color for trace in figure.data] == [theme.BETTER, theme.UNSURE]
    assert [trace.marker.symbol for trace in figure.data] == ["circle", "circle-open"]
    segments = (Segment("age_band", "<b>18</b>", pair(10, 8), 0.5), Segment("age_band", "65+", pair(10, 12), 0.5))
    found = Segments("plays", segments, (Interaction("age_band", 9.0, 0.003, 0.01, True),), 0.95)
    figure = charts.segments(found, {})
    known = charts.segments(found, {("age_band", "65+"): 0.1, ("plan", "basic"): 0.3})
    assert len(known.data) == len(figure.data) + 1
    assert (list(known.data[-1].x), list(known.data[-1].y)) == ([0.1], [0])
    assert figure.layout.meta["title"] == "The effect reverses by age band"
    assert figure.layout.yaxis.ticktext == ("age band: 65+", "age band: &lt;b&gt;18&lt;/b&gt;")
    assert figure.data[-1].marker.color == theme.WORSE


def test_the_outlook_and_the_reach_are_drawn_as_computed():
    days = tuple(day(i, 0.1, 1 / math.sqrt(i + 1)) for i in range(20))
    found = outlook(course(*days), 0.4)
    figure = charts.outlook(found)
    assert tuple(figure.data[0].y) == tuple(lift for _, lift in found.curve)
    assert figure.layout.shapes[0].y0 == 0.4
    reach = charts.reach(Reach("plays", (1, 2, 3), (10, 20, 30), (math.inf, 0.5, 0.3), 0.8, (math.inf, 0.4, 0.25)))
    assert list(reach.data[0].x) == [2, 3]


@pytest.mark.parametrize(
    ("draw", "simulate"),
    [
        (experiments_lessons.peeking, lessons.peeking),
        (experiments_lessons.peeking_paths, lessons.peeking),
        (experiments_lessons.winners_curse, lessons.winners_curse),
        (experiments_lessons.many_metrics, lessons.many_metrics),
        (experiments_lessons.broken_split, lessons_data.broken_split),
        (experiments_lessons.simpson, lessons_data.simpson),
        (experiments_lessons.cuped, lessons_data.cuped),
        (experiments_lessons.novelty, lessons_data.novelty),
        (experiments_lessons.clickbait, lessons_data.clickbait),
    ],
)
def test_a_lesson_draws_a_few_thousand_marks_at_most(draw, simulate):
    figure = draw(simulate())
    assert figure.layout.meta["title"]
    assert 0 < sum(len(trace.x) for trace in figure.data if trace.x is not None) <= 3000
