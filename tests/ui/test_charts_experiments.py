"""The forest plot: what is drawn is what was found, in words and shapes as well as in colours."""

import dataclasses

import pytest

from analysis.experiments.experiment import Experiment
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.report import analyse
from ui.charts import experiments as charts
from ui.charts import theme

SHARE = Moments.of_successes


def report(arms, *, control="control", units=None, more=(), truth=None, better=True):
    units = units or {name: m.n for name, m in arms.items()}
    metrics = (Metric("starts", "proportion", arms, better), *more)
    return analyse(Experiment("test", units, metrics, control, "a test", days=14.0, truth=truth or {}))


GOOD = {"control": SHARE(2000, 10_000), "new": SHARE(2300, 10_000)}
BAD = {"control": SHARE(2300, 10_000), "new": SHARE(2000, 10_000)}
FLAT = {"control": SHARE(2000, 10_000), "new": SHARE(2010, 10_000)}


@pytest.mark.parametrize(
    ("found", "colour", "word", "title"),
    [
        (report(GOOD), theme.BETTER, "+15 % better", "is clearly better"),
        (report(BAD), theme.WORSE, "−13 % worse", "is clearly worse"),
        (report(BAD, better=False), theme.BETTER, "−13 % better", "is clearly better"),
        (report(FLAT), theme.UNSURE, "+0.5 % unclear", "could be better or worse"),
        (report(GOOD, units={"control": 10_000, "new": 9_000}), theme.UNSURE, "can’t be trusted", "split is broken"),
    ],
)
def test_an_interval_is_drawn_as_found(found, colour, word, title):
    figure = charts.forest(found)
    effect = found.comparisons[0].pairs[0].relative
    (mark,) = figure.data
    assert mark.x[0] == effect.estimate
    assert mark.x[0] + mark.error_x.array[0] == pytest.approx(effect.high)
    assert mark.x[0] - mark.error_x.arrayminus[0] == pytest.approx(effect.low)
    assert mark.marker.color == colour
    assert word in figure.layout.annotations[0].text
    assert title in figure.layout.meta["title"]
    low, high = figure.layout.xaxis.range
    assert low <= min(0, effect.low) <= max(0, effect.high) <= high
    assert figure.layout.shapes[0].x0 == 0


def test_the_primary_metric_stands_on_top_and_the_truth_is_drawn():
    minutes = Metric("minutes", "mean", {"control": Moments(10_000, 30.0, 99.0), "new": Moments(10_000, 31.0, 99.0)})
    figure = charts.forest(report(GOOD, more=(minutes,), truth={"starts": (0.02, 0.1)}))
    assert figure.layout.yaxis.ticktext == ("minutes", "<b>starts</b>")
    assert figure.data[1].y[0] == 1
    truth = figure.data[-1]
    assert (truth.x[0], truth.y[0], truth.marker.color) == (0.1, 1, theme.TRUTH)


def test_without_a_lift_the_difference_is_drawn():
    arms = {"control": Moments(1_000, 0.01, 1.0), "new": Moments(1_000, 0.5, 1.0)}
    found = analyse(Experiment("t", {"control": 1_000, "new": 1_000}, (Metric("x", "mean", arms),), "control", "t"))
    figure = charts.forest(found)
    assert figure.data[0].x[0] == found.comparisons[0].pairs[0].absolute.estimate
    assert "Difference of x" in figure.layout.meta["subtitle"]


def test_markup_in_names_is_shown_not_obeyed():
    arms = {"control": SHARE(2000, 10_000), "<b>x</b>": SHARE(2300, 10_000), "<i>y</i>": SHARE(2300, 10_000)}
    figure = charts.forest(report(arms))
    assert figure.layout.yaxis.ticktext == ("&lt;i&gt;y&lt;/i&gt;", "&lt;b&gt;x&lt;/b&gt;")
    assert "&lt;i&gt;" in figure.data[0].hovertemplate


def test_many_pairs_are_cut_to_those_of_the_leader():
    arms = {f"arm {i}": SHARE(100 + 3 * i, 5_000) for i in range(10)}
    found = report(arms, control=None)
    assert len(found.comparisons[0].pairs) == 45
    figure = charts.forest(found)
    assert len(figure.data) == 9
    assert all("arm 9" in label for label in figure.layout.yaxis.ticktext)


def test_nothing_to_compare_gives_an_empty_chart_that_says_so():
    figure = charts.forest(report({"control": SHARE(0, 50), "new": SHARE(0, 50)}))
    assert not figure.data
    assert "can’t be compared" in figure.layout.meta["title"]


def test_one_hopeless_interval_does_not_squeeze_the_others():
    wide = Metric("rare", "proportion", {"control": SHARE(1, 10_000), "new": SHARE(2, 10_000)})
    minutes = Metric("minutes", "mean", {"control": Moments(10_000, 30.0, 99.0), "new": Moments(10_000, 31.0, 99.0)})
    found = report(GOOD, more=(minutes, wide))
    assert dataclasses.asdict(found.comparisons[2].pairs[0].relative)["high"] > 5
    assert charts.forest(found).layout.xaxis.range[1] < 2


def test_the_title_of_several_arms_says_which_are_apart():
    arms = {"control": SHARE(2000, 10_000), "blue": SHARE(2300, 10_000), "red": SHARE(1700, 10_000)}
    more = arms | {"green": SHARE(2010, 10_000)}
    assert charts.forest(report(arms)).layout.meta["title"] == "Starts: blue clearly better; red clearly worse"
    assert charts.forest(report(more)).layout.meta["title"].endswith("red clearly worse; others unclear")
    alike = {name: SHARE(2000, 10_000) for name in ("control", "blue", "red")}
    assert charts.forest(report(alike)).layout.meta["title"] == "Starts: all unclear"
    assert charts.forest(report(arms, control=None)).layout.meta["title"] == "Starts: 3 of 3 pairs are clearly apart"
