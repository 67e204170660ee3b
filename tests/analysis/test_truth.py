"""The registry of estimands: every function exists, the sample is held to its truth, and what can't be is said."""

import importlib
import json
import math

import pandas as pd
import pytest

from analysis import truth
from analysis.cli import main
from analysis.data import Dataset
from analysis.errors import DataError, ParameterError
from analysis.simulate import simulate
from analysis.truth import Estimate, Held, TruthTable, truth_table
from analysis.workspace import SAMPLE


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return Dataset.open(SAMPLE)


@pytest.fixture(scope="module")
def table(sample) -> TruthTable:
    return truth_table(sample)


def held(estimate: Estimate | None, *, true: float = 1.0, reason: str = "") -> Held:
    return Held("n", "clock", "d.", "f", "share", true, 0.0, "f", estimate, reason)


def test_every_estimand_of_the_sample_names_a_function_that_is_there_or_says_why_not(sample):
    for estimand in sample.truth()["estimands"]:
        function = estimand["function"]
        assert function or estimand["reason"], estimand["name"]
        if function:
            assert function in truth.REGISTRY, estimand["name"]
            module, _, name = function.rpartition(".")
            assert callable(getattr(importlib.import_module(module), name)), function


def test_the_samples_intervals_hold_their_truth_as_often_as_they_should(table):
    promised = table.promised
    assert len(promised) >= 79
    assert len({row.name for row in table.rows}) == len(table.rows)
    # Numbers of one experiment move together, so this is a wide margin; each estimator is tried over 200 seeds.
    assert table.covered / len(promised) >= 0.88
    assert table.summary().startswith(f"{table.covered} of {len(promised)} intervals hold the truth")
    assert len(table.missed) == len(promised) - table.covered
    assert [abs(row.standardised) for row in table.missed] == sorted(abs(r.standardised) for r in table.missed)[::-1]
    assert {row.group for row in promised} == set(truth.GROUPS)


def test_the_truth_of_the_sample_is_sharp_against_its_intervals(table):
    for row in table.promised:
        half = (row.estimate.high - row.estimate.low) / 2
        assert row.truth_error <= 0.35 * half, row.name


def test_what_promises_nothing_says_why(table):
    without = {row.name: row for row in table.rows if not row.promised}
    stars = without["mean stars of all plays"]
    assert stars.covered is None
    assert stars.estimate.value > stars.truth + 0.2
    assert "missing not at random" in stars.reason
    assert without["variance of taste explained by country"].estimate is None
    assert all(row.reason for row in without.values())
    assert "truly" in without["variance of taste explained by country"].sentence()


def test_the_estimates_beside_the_sample_are_what_is_estimated(sample, table, tmp_path):
    kept = json.loads((SAMPLE / truth.ESTIMATES).read_text(encoding="utf-8"))["estimates"]
    assert set(kept) == {row.name for row in table.rows if row.estimate}, "make sample"
    # One of each function; all of them take a quarter of a minute.
    recover, asked = truth.Recovery(), {}
    for estimand in sample.truth()["estimands"]:
        if estimand["function"] and estimand["scope"].get("segment", "week 2") in ("week 2", "plan premium"):
            asked.setdefault((estimand["function"], estimand["scope"].get("segment")), estimand)
    assert len(asked) >= len(truth.REGISTRY)
    for estimand in asked.values():
        found = recover(sample, estimand["function"], estimand["scope"])
        wanted = kept[estimand["name"]]
        assert found.value == pytest.approx(wanted["value"], rel=1e-9), estimand["name"]
        assert found.low == pytest.approx(wanted["low"], rel=1e-9), estimand["name"]
        assert found.high == pytest.approx(wanted["high"], rel=1e-9), estimand["name"]


def test_distances_are_read_off_the_end_towards_the_truth():
    inside, at_the_end = held(Estimate(2.0, 0.5, 9.0)), held(Estimate(2.0, 1.0, 2.5))
    assert inside.covered
    assert inside.standardised == pytest.approx(1.96 / 1.5, rel=1e-3)
    assert at_the_end.covered
    assert at_the_end.standardised == pytest.approx(1.96, rel=1e-3)
    below = held(Estimate(0.5, 0.3, 0.7))
    assert not below.covered
    assert below.standardised == pytest.approx(-1.96 * 0.5 / 0.2, rel=1e-3)
    assert held(Estimate(1.0, 1.0, 1.0)).standardised == 0
    assert math.isnan(held(None).standardised)
    unknown = held(Estimate(1.5, math.nan, math.nan))
    assert unknown.covered is False
    assert math.isnan(unknown.standardised)
    assert held(Estimate(1.5, 0.0, 2.0), reason="off").covered is None


def test_the_table_says_each_number(table):
    frame = table.to_frame()
    assert list(frame.columns[:8]) == ["estimand", "unit", "truth", "estimate", "low", "high", "covered",
                                       "standard_errors_off"]  # fmt: skip
    assert frame["covered"].map({True: 1, False: 0}).sum() == table.covered
    past = frame["standard_errors_off"].abs() > 1.96
    assert (frame.loc[past & frame["covered"].notna(), "covered"] == False).all()  # noqa: E712


def test_a_dataset_without_truth_is_refused_in_words():
    views = pd.DataFrame({"viewer_id": [1], "title_id": [1], "started_at": [pd.Timestamp("2026-01-01")]})
    with pytest.raises(DataError, match="Nothing is known of the truth behind in memory"):
        truth_table(Dataset.from_frames(views=views))
    assert truth.known(Dataset.from_frames(views=views), "night share of plays") is None


def test_an_unknown_function_and_tables_that_lack_something_are_said(tmp_path, monkeypatch):
    import datetime as dt
    from dataclasses import replace

    from analysis.simulate import small

    config = replace(
        small(), viewers=30, titles=70, starts_on=dt.date(2025, 9, 1), ends_on=dt.date(2025, 9, 20), warm_up_days=3
    )
    simulate(tmp_path / "tiny", config=config, seed=1, truth_viewers=64)
    file = tmp_path / "tiny" / "truth.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["estimands"][0] |= {"name": "new", "function": "analysis.patterns.nothing"}
    file.write_text(json.dumps(content), encoding="utf-8")
    tiny = Dataset.open(tmp_path / "tiny")
    with pytest.raises(ParameterError, match="No function 'analysis"):
        truth.Recovery()(tiny, "analysis.patterns.nothing", {})
    shares: list[float] = []
    rows = {row.name: row for row in truth_table(tiny, progress=lambda share, words: shares.append(share)).rows}
    assert "No function" in rows["new"].reason
    # Twenty days of September know nothing of October.
    assert "lift of horror in October" not in rows
    assert shares == sorted(shares)
    found = truth_table(tiny)
    truth.keep(tiny, found)
    monkeypatch.setattr(truth, "REGISTRY", {})
    again = truth_table(tiny)
    assert again.to_frame().equals(found.to_frame())
    assert not truth_table(tiny, fresh=True).promised


def test_the_command_prints_the_table(capsys):
    assert main(["truth", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "intervals hold the truth" in found["summary"]
    assert {"estimand", "truth", "estimate", "low", "high", "covered"} <= set(found["rows"][0])
    assert main(["truth"]) == 0
    printed = capsys.readouterr().out
    assert "night share of plays" in printed
