"""Reading experiments from files and typed numbers: what is right is read, what is wrong is named."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.errors import ExperimentError
from analysis.experiments.files import propose
from analysis.experiments.metrics import Ratio
from analysis.experiments.report import analyse
from analysis.experiments.sources import experiment_of_summary, read_units


@pytest.fixture(scope="module")
def units():
    rng = np.random.default_rng(8)
    n = 2_000
    return pd.DataFrame(
        {
            "user_id": np.arange(n),
            "group": rng.choice(["control", "new"], n),
            "minutes": rng.gamma(2, 15, n).round(1),
            "started": rng.integers(0, 2, n),
            "plays": rng.poisson(3, n) + 1,
            "before": rng.gamma(2, 15, n).round(1),
            "joined": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 14 * 86_400, n), unit="s"),
        }
    )


def write(frame, folder, kind):
    file = folder / f"units.{kind}"
    if kind == "parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, index=False, sep="\t" if kind == "tsv" else ";" if kind == "txt" else ",")
    return file


@pytest.mark.parametrize("kind", ["csv", "tsv", "txt", "parquet"])
def test_every_kind_of_file_gives_the_same_moments(units, tmp_path, kind):
    file = write(units, tmp_path, kind)
    terms = ["minutes", "started", Ratio("minutes", "plays")]
    found = read_units(file, variant="group", outcomes=terms, unit="user_id", time="joined")
    assert [(m.name, m.kind) for m in found.metrics] == [
        ("minutes", "mean"),
        ("started", "proportion"),
        ("minutes per plays", "ratio"),
    ]
    assert found.control == "control"
    assert found.days == 14
    assert found.units == units["group"].value_counts()[["control", "new"]].to_dict()
    for name, group in units.groupby("group"):
        assert found.metrics[0].arms[name].mean == pytest.approx(group["minutes"].mean())
        assert found.metrics[0].arms[name].variance == pytest.approx(group["minutes"].var())
        assert found.metrics[1].arms[name].successes == group["started"].sum()
        assert found.metrics[2].arms[name].mean == pytest.approx(group["minutes"].sum() / group["plays"].sum())


def test_the_columns_are_guessed(units, tmp_path):
    found = propose(write(units, tmp_path, "csv"))
    assert (found.rows, found.variant, found.unit, found.time) == (2000, "group", "user_id", "joined")
    assert found.control == "control"
    assert found.outcomes == ("minutes", "started", "plays", "before")
    plain = propose(write(units[["minutes", "plays"]], tmp_path, "csv"))
    assert (plain.unit, plain.time) == (None, None)


def test_the_code_that_is_shown_reads_the_same_experiment(units, tmp_path, monkeypatch):
    terms = [Ratio("minutes", "plays"), "minutes"]
    found = read_units(write(units, tmp_path, "csv"), variant="group", outcomes=terms, covariate="before")
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(found.code, scope)
    again = scope["experiment"]
    assert (again.name, again.units, again.control) == (found.name, found.units, found.control)
    for metric, other in zip(again.metrics, found.metrics, strict=True):
        assert (metric.name, metric.kind, metric.note) == (other.name, other.kind, other.note)
        assert [m.mean for m in metric.arms.values()] == pytest.approx([m.mean for m in other.arms.values()])


def test_one_variant_named_by_numbers_is_a_name(units, tmp_path):
    numbered = units.assign(group=(units["group"] == "new").astype(int))
    found = read_units(write(numbered, tmp_path, "csv"), variant="group", outcomes=["minutes"])
    assert found.variants == ("0", "1")
    assert found.control == "0"


def changed(column, row, value):
    def change(frame):
        return frame.assign(**{column: frame[column].astype(object).where(frame.index != row, value)})

    return change


BAD = {
    "text among numbers": (changed("minutes", 17, "n. a."), {}, "'minutes' holds 'n. a.' in row 18"),
    "infinite": (changed("minutes", 17, "inf"), {}, "'minutes' holds inf in row 18"),
    "not a number": (changed("minutes", 17, "nan"), {}, "'minutes' holds nan in row 18"),
    "a unit in two variants": (
        lambda f: pd.concat([f, f.head(1).assign(group="new"), f.head(1).assign(group="control")]),
        {},
        "1 unit is in more than one variant, for example 0",
    ),
    "a unit twice": (lambda f: pd.concat([f, f.iloc[[5]]]), {}, "1 unit has more than one row, for example 5"),
    "one variant": (lambda f: f[f["group"] == "new"], {}, "only one variant"),
    "no rows": (lambda f: f.head(0), {}, "no rows"),
    "no variants": (lambda f: f.assign(group=""), {}, "names no variant"),
    "hundreds of variants": (lambda f: f, {"variant": "user_id", "unit": None}, "2,000 different values"),
    "no such column": (lambda f: f, {"outcomes": ["watched"]}, "no column 'watched'"),
    "text as outcome": (lambda f: f, {"outcomes": ["group"]}, "'group' holds '(control|new)' in row 1"),
    "no outcome": (lambda f: f, {"outcomes": []}, "No outcome"),
    "a time that is none": (lambda f: f, {"time": "minutes"}, "'minutes' holds no dates"),
    "an unknown control": (lambda f: f, {"control": "old"}, "no variant 'old'"),
    "weights of others": (lambda f: f, {"weights": {"a": 1.0}}, "planned shares are for a"),
    "gaps in a ratio": (
        changed("plays", 3, ""),
        {"outcomes": [Ratio("minutes", "plays")]},
        "'plays' is empty for 1 of",
    ),
    "a variant without outcomes": (
        lambda f: f.assign(minutes=f["minutes"].where(f["group"] == "new")),
        {},
        "'minutes' has no number in variant 'control'",
    ),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(units, tmp_path, name, kind):
    change, options, message = BAD[name]
    frame = change(units)
    if kind == "parquet":
        frame = frame.assign(**{c: frame[c].astype(str) for c in frame if frame[c].dtype == object})
        frame = frame.replace({"": None})
    file = write(frame, tmp_path, kind)
    arguments = {"variant": "group", "outcomes": ["minutes"], "unit": "user_id", "time": "joined"} | options
    with pytest.raises(ExperimentError, match=message):
        analyse(read_units(file, **arguments))


def test_gaps_are_counted_and_not_taken_for_zeros(units, tmp_path):
    some = changed("minutes", 17, "")(changed("group", 3, "")(units))
    report = analyse(read_units(write(some, tmp_path, "csv"), variant="group", outcomes=["minutes"], unit="user_id"))
    kept = units.drop(index=[3, 17])
    expected = kept.groupby("group")["minutes"].mean()
    assert report.experiment.metrics[0].arms["new"].mean == pytest.approx(expected["new"])
    assert report.experiment.metrics[0].arms["control"].mean == pytest.approx(expected["control"])
    text = " ".join(report.cautions)
    assert "missing for some units (1 in" in text
    assert "1 row without a variant left out" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.head(10), "Cannot say. There are only"),
        (lambda f: f.assign(minutes=3), "Every unit has the same outcome"),
        (lambda f: f.assign(group=f["group"].replace("new", "<b>$x$</b>")), "<b>$x$</b>"),
    ],
)
def test_odd_input_gets_a_guarded_answer(units, tmp_path, change, words):
    file = write(change(units), tmp_path, "csv")
    assert words in analyse(read_units(file, variant="group", outcomes=["minutes"], control=None)).summary() + " ".join(
        read_units(file, variant="group", outcomes=["minutes"]).variants
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("units.xlsx", b"PK", "ends in .xlsx"),
        ("units", b"", "ends in nothing"),
        ("units.parquet", b"not parquet", "can't be read as a table"),
        ("units.csv", b"", "can't be read as a table|no rows|no column"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExperimentError, match=words):
        read_units(tmp_path / name, variant="group", outcomes=["minutes"])
    with pytest.raises(ExperimentError, match=r"no file gone\.csv"):
        propose(tmp_path / "gone.csv")


def test_typed_numbers_are_an_experiment(monkeypatch, tmp_path):
    table = pd.DataFrame(
        {
            "metric": ["starts", "starts", "minutes", "minutes"],
            "variant": ["A", "B", "A", "B"],
            "units": [1000, 1010, 1000, 1010],
            "successes": [200, 260, None, None],
            "mean": [None, None, 30.0, 31.0],
            "variance": [None, None, 400.0, None],
            "standard_deviation": [None, None, None, 20.0],
        }
    )
    found = experiment_of_summary(table, days=14)
    assert found.control == "A"
    assert [m.kind for m in found.metrics] == ["proportion", "mean"]
    assert found.metrics[1].arms["B"].variance == 400
    assert analyse(found).verdict.badge == "roll out"
    scope = {}
    exec(found.code, scope)
    assert scope["experiment"].metrics == found.metrics
    nullable = table.astype({"successes": "Float64", "mean": "Float64", "variance": "Float64", "units": "Float64"})
    assert experiment_of_summary(nullable).metrics == found.metrics


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"variant": "A", "units": 10, "successes": 3}], "only one variant"),
        ([{"variant": "A", "units": -4, "successes": 3}], "Row 1: units is −4"),
        ([{"variant": "A", "units": None, "successes": 3}], "Row 1: units is empty"),
        ([{"variant": "A", "units": 2.5, "successes": 1}], "Row 1: units is 2.5"),
        ([{"variant": "A", "units": "many", "successes": 1}], "Row 1: units is 'many'"),
        ([{"variant": "A", "units": 10, "successes": 11}], "Row 1: 11 successes in 10 units"),
        ([{"variant": "A", "units": 10, "successes": -1}], "Row 1: −1 successes"),
        ([{"variant": "A", "units": 10, "mean": 1.0}], "neither successes nor a mean"),
        ([{"variant": "A", "units": 10, "mean": 1.0, "variance": -1.0}], "spread is -1"),
        ([{"variant": "A", "units": 10, "mean": math.inf, "variance": 1.0}], "mean is inf"),
        ([{"variant": "", "units": 10, "successes": 1}], "Row 1 has no variant"),
        ([{"variant": "A", "units": 10, "successes": 1}] * 2, "Row 2 names variant 'A' again"),
        (
            [{"variant": "A", "units": 10, "successes": 1}, {"variant": "B", "units": 10, "mean": 1.0, "variance": 1}],
            "Row 2 gives outcome as a mean",
        ),
        (
            [
                {"metric": "x", "variant": "A", "units": 10, "successes": 1},
                {"metric": "x", "variant": "B", "units": 10, "successes": 1},
                {"metric": "y", "variant": "B", "units": 10, "successes": 1},
            ],
            "y has no row for A",
        ),
    ],
)
def test_impossible_typed_numbers_are_named(rows, words):
    with pytest.raises(ExperimentError, match=words):
        experiment_of_summary(pd.DataFrame(rows))
    with pytest.raises(ExperimentError, match="no column 'units'"):
        experiment_of_summary(pd.DataFrame({"variant": ["A"]}))
