"""The charts of who comes back draw what was estimated."""

import numpy as np

from analysis.patterns.retention import Curve, Retention
from ui.charts import patterns_retention as charts


def test_curves_and_cohorts() -> None:
    days = np.arange(500.0)
    curve = Curve("basic", 100, 50, days, np.exp(-days / 300), np.exp(-days / 250), np.exp(-days / 350))
    active = np.array([[1.0, 0.5], [0.8, np.nan]])
    result = Retention("plan", (curve,), None, ("2024-01", "2024-02"), np.array([10, 20]), active, 0)
    band, line = charts.staying(result).data
    assert line.name == "basic (100)"
    assert max(band.y) <= 1
    assert len(line.x) <= 400
    heat = charts.cohorts(result).data[0]
    assert heat.z[0][1] == 50
    assert heat.customdata[1][1] == ""
