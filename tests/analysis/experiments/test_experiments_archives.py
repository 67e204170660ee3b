"""The ASOS and Upworthy layouts: on tiny files everywhere, on the real ones where they are at hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.errors import ExperimentError
from analysis.experiments.archives import (
    ASOS_COLUMNS,
    created_at,
    layout_of,
    peeking,
    read_asos,
    read_upworthy,
    split_by_quarter,
)
from analysis.experiments.report import analyse


def asos_rows():
    rows = []
    for time, p in ((1.0, 0.50), (2.0, 0.10), (3.0, 0.20)):
        for variant in (1, 2):
            for metric in (1, 2):
                mean = 0.3 if metric == 1 else 5.0
                gap = {0.50: 0.0, 0.10: 0.05, 0.20: 0.002}[p] * (1 if variant == 1 else -1)
                v = [m * (1 - m) if metric == 1 else 4.0 for m in (mean, mean + gap)]
                rows.append(("e1", variant, metric, time, 1000 * time, 1000 * time, mean, mean + gap, *v))
    return pd.DataFrame(rows, columns=list(ASOS_COLUMNS)).sample(frac=1, random_state=3)


def test_asos_snapshots_become_an_experiment(tmp_path):
    file = tmp_path / "snapshots.csv"
    asos_rows().to_csv(file, index=False)
    asos = read_asos(file)
    found = asos.experiment("e1")
    assert found.variants == ("control", "variant 1", "variant 2")
    assert found.units == {"control": 3000, "variant 1": 3000, "variant 2": 3000}
    assert [m.kind for m in found.metrics] == ["proportion", "mean"]
    assert found.days == 3
    assert found.metrics[1].arms["variant 2"].mean == pytest.approx(4.998)
    assert analyse(found).verdict.badge == "keep going"
    looks = peeking(asos)
    # Every series dips at the second look; at the last one the gap is a tenth of a standard error.
    assert (looks.series, looks.below_at_end, looks.below_at_some_time) == (4, 0, 2 + 0)
    with pytest.raises(ExperimentError, match="no experiment 'e2'"):
        asos.experiment("e2")


def test_asos_p_values_are_scipys(tmp_path):
    file = tmp_path / "snapshots.parquet"
    asos_rows().to_parquet(file)
    asos = read_asos(file)
    t = {name: asos.table[name].to_numpy() for name in ASOS_COLUMNS[4:]}
    expected = stats.ttest_ind_from_stats(
        t["mean_t"], np.sqrt(t["variance_t"]), t["count_t"], t["mean_c"], np.sqrt(t["variance_c"]), t["count_c"], False
    )
    assert asos.p_values() == pytest.approx(expected.pvalue, rel=1e-9)


def test_asos_files_that_are_none_are_refused(tmp_path):
    file = tmp_path / "snapshots.csv"
    asos_rows().drop(columns="mean_t").to_csv(file, index=False)
    with pytest.raises(ExperimentError, match="lacks the column mean_t"):
        read_asos(file)
    asos_rows().assign(variance_c=-1.0).to_csv(file, index=False)
    with pytest.raises(ExperimentError, match="'variance_c' is -1 in row 1"):
        read_asos(file)
    asos_rows().assign(variance_c=np.nan).to_csv(file, index=False)
    with pytest.raises(ExperimentError, match="no metric with a variance"):
        read_asos(file).experiment("e1")


def matrices(folder, clicks, impressions, tests=("51436061220cb800020001e7", "53a1840e33623d3477000040")):
    files = (folder / "y_matrix.csv", folder / "n_matrix.csv")
    for file, content in zip(files, (clicks, impressions), strict=True):
        pd.DataFrame(content, index=list(tests)).to_csv(file)
    return files


def test_upworthy_matrices_become_tests(tmp_path):
    found = read_upworthy(*matrices(tmp_path, [[68, 63, 49.0], [90, 20, 0]], [[2629, 2661, 2539.0], [3000, 2000, 0]]))
    experiment = found.experiment("51436061220cb800020001e7")
    assert experiment.control is None
    assert experiment.metrics[0].arms["arm 3"].successes == 49
    assert found.experiment("53a1840e33623d3477000040").variants == ("arm 1", "arm 2")
    quarters = split_by_quarter(found)
    assert (quarters.quarters, quarters.tests, quarters.failed) == (("2013Q1", "2014Q2"), (1, 1), (0, 1))
    assert "100 % of the tests of 2014Q2" in quarters.summary()
    with pytest.raises(ExperimentError, match="no test 'x'"):
        found.experiment("x")


@pytest.mark.parametrize(
    ("clicks", "impressions", "words"),
    [
        ([[68, 63], [9, 9]], [[60, 70], [90, 90]], "68 clicks of 60 impressions in arm 1"),
        ([[-1, 63], [9, 9]], [[60, 70], [90, 90]], "-1 clicks"),
        ([[1.5, 63], [9, 9]], [[60, 70], [90, 90]], "1.5 clicks"),
        ([[6, 0], [9, 9]], [[60, 0], [90, 90]], "fewer than two arms"),
    ],
)
def test_impossible_matrices_are_refused(tmp_path, clicks, impressions, words):
    # A third, empty arm: two numbered columns could be any table.
    files = matrices(tmp_path, [[*row, 0] for row in clicks], [[*row, 0] for row in impressions])
    with pytest.raises(ExperimentError, match=words):
        read_upworthy(*files)


def test_matrices_of_other_tests_or_other_files_are_refused(tmp_path):
    y, _ = matrices(tmp_path, [[6, 5, 0], [9, 9, 0]], [[60, 70, 0], [90, 90, 0]])
    (tmp_path / "other").mkdir()
    _, other = matrices(tmp_path / "other", [[6, 5, 0]], [[60, 70, 0]], tests=("51436061220cb800020001e7",))
    with pytest.raises(ExperimentError, match=r"y_matrix\.csv has 2 tests"):
        read_upworthy(y, other)
    (tmp_path / "units.csv").write_text("user,group,x\n1,a,2\n")
    with pytest.raises(ExperimentError, match="not an id and numbered arms"):
        read_upworthy(y, tmp_path / "units.csv")
    with pytest.raises(ExperimentError, match="does not begin with a time"):
        created_at("headline")


def test_layouts_are_told_apart():
    matrix = ["column00", "0", "1", "2"]
    assert layout_of([("y.csv", matrix), ("n.csv", matrix)]) == "upworthy"
    assert layout_of([("a.parquet", list(ASOS_COLUMNS))]) == "asos"
    assert layout_of([("a.csv", ["user", "group", "x"])]) == "units"


def test_the_real_asos_archive(real_data):
    asos = read_asos(real_data / "asos_experiments" / "asos_digital_experiments_dataset.parquet")
    looks = peeking(asos)
    assert looks.series == 381
    assert looks.below_at_end / looks.series == pytest.approx(0.276, abs=5e-4)
    assert looks.below_at_some_time / looks.series == pytest.approx(0.591, abs=5e-4)
    assert looks.always_valid / looks.series == pytest.approx(0.186, abs=5e-4)
    badges = [analyse(asos.experiment(name)).verdict.badge for name in asos.experiments]
    assert len(badges) == 78
    assert set(badges) == {"roll out", "keep going", "do not roll out", "cannot say"}


def test_the_real_upworthy_archive(real_data):
    folder = real_data / "upworthy"
    found = read_upworthy(folder / "y_matrix.csv", folder / "n_matrix.csv")
    assert len(found.tests) == 4_873
    assert found.impressions.sum() == 81_024_151
    assert (found.impressions > 0).sum() == 22_666
    shares = split_by_quarter(found).to_frame().set_index("quarter")["failed_share"]
    assert shares["2013Q3"] == pytest.approx(0.619, abs=5e-4)
    assert shares["2013Q4"] == pytest.approx(0.818, abs=5e-4)
    assert (shares["2014Q2":].round(3) <= 0.005).all()
    for test in found.tests[::97]:
        assert analyse(found.experiment(test)).summary()
