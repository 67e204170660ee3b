"""The density of the effect, the curves of staying and the exposure: what is drawn is what was found."""

import datetime as dt

import numpy as np
import pytest

from analysis.experiments.belief import belief
from analysis.experiments.experiment import Experiment
from analysis.experiments.exposure import Exposure
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.report import analyse
from analysis.experiments.survival import compare_survival
from ui.charts import experiments_more as charts
from ui.charts import theme


def found(means, *, better=True, truth=None, control="control", units=None):
    arms = {name: Moments(2_000, mean, 400.0) for name, mean in means.items()}
    metric = Metric("minutes", "mean", arms, better)
    units = units or dict.fromkeys(means, 2_000)
    return analyse(Experiment("x", units, (metric,), control, "a test", days=14.0, truth=truth or {}))


GOOD = {"control": 50.0, "new": 51.0}


@pytest.mark.parametrize("better", [True, False])
def test_the_density_is_parted_at_zero_and_its_areas_are_the_chances(better):
    seen = belief(found(GOOD, better=better, truth={"minutes": (0.5, 0.01)}))
    figure = charts.density(seen)
    above, below = figure.data[:2]
    areas = [np.trapezoid(side.y, side.x) for side in (above, below)]
    chance = seen.chances[0] if better else 1 - seen.chances[0]
    assert areas == pytest.approx([chance, 1 - chance], abs=2e-3)
    assert min(above.x) == 0 == max(below.x)
    assert above.line.color == (theme.BETTER if better else theme.WORSE)
    assert ("a gain" if better else "a loss") in above.name
    assert figure.layout.shapes[0].x0 == 0.01
    assert seen.chances[0] == pytest.approx(0.941 if better else 0.059, abs=0.001)
    assert f"new is better than control with probability {'94 %' if better else '5.9 %'}" in seen.summary()


def test_a_belief_far_from_zero_has_one_side_only():
    seen = belief(found({"control": 50.0, "new": 60.0}))
    above, below = charts.density(seen).data
    assert len(above.x) > 100
    assert len(below.x) == 0
    assert "more than 99.9 %" in charts.density(seen).layout.meta["title"]
    assert seen.to_frame()["expected_loss_if_shipped"][0] == pytest.approx(0, abs=1e-9)


def test_each_of_several_treatments_has_a_line_of_its_own_kind():
    seen = belief(found({"control": 50.0, "<b>": 51.0, "c": 49.0, "d": 50.5}))
    figure = charts.density(seen)
    assert [line.name.split(":")[0] for line in figure.data] == ["&lt;b&gt;", "c", "d"]
    assert len({(line.line.color, line.line.dash) for line in figure.data}) == 3


def test_nothing_is_believed_without_control_interval_or_split():
    assert belief(found(GOOD, control=None)) is None
    assert belief(found(GOOD, units={"control": 2_000, "new": 1_000})) is None
    flat = {"control": Moments(100, 1.0, 0.0), "new": Moments(100, 1.0, 0.0)}
    metric = Metric("x", "mean", flat)
    assert belief(analyse(Experiment("x", {"control": 100, "new": 100}, (metric,), "control", "a test"))) is None


def test_the_curves_of_staying_are_kaplan_and_meiers():
    rng = np.random.default_rng(4)
    times = [rng.exponential(scale, 300) for scale in (20, 40)]
    seen = {"new": compare_survival(times[0], times[0] < 30, times[1], times[1] < 30)}
    figure = charts.staying(seen, "control")
    assert "More stay in new than in control" in figure.layout.meta["title"]
    control = figure.data[1]
    assert control.name == "control"
    assert control.y[0] == 1.0
    assert control.y[-1] == pytest.approx(seen["new"].control.staying[-1])
    assert all(np.diff(control.y) <= 0)
    alike = {"new": compare_survival(times[0], times[0] < 30, times[0], times[0] < 30)}
    assert "Nobody can tell" in charts.staying(alike, "control").layout.meta["title"]


def test_exposure_is_summed_up_by_day():
    days = tuple(dt.date(2026, 1, 1) + dt.timedelta(days=i) for i in range(3))
    figure = charts.exposure(Exposure(days, {"control": (5, 0, 7), "new": (4, 2, 6)}, 0.4))
    assert list(figure.data[0].y) == [5, 5, 12]
    assert "evenly" in figure.layout.meta["title"]
    moved = charts.exposure(Exposure(days, {"control": (5, 0, 7), "new": (4, 2, 6)}, 1e-5))
    assert "changed" in moved.layout.meta["title"]
