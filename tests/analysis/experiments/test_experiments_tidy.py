"""Files as other people's spreadsheets write them: decimal commas, dates of other countries, yes and no."""

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import pytest

from analysis.errors import ExperimentError
from analysis.experiments.files import propose
from analysis.experiments.logs import pair_up, read_log
from analysis.experiments.report import analyse
from analysis.experiments.sources import read_units
from analysis.experiments.tidy import tidied
from analysis.experiments.timeline import course_of


@pytest.fixture(scope="module")
def connection():
    return duckdb.connect()


def turned(connection, values, name="worth"):
    connection.execute(f'CREATE OR REPLACE TEMP TABLE given ("{name}" VARCHAR)')
    connection.executemany("INSERT INTO given VALUES (?)", [[value] for value in values])
    relation, notes = tidied(connection.table("given"))
    return [row[0] for row in relation.fetchall()], notes


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,5", "2", None, "−3,25"], [1.5, 2.0, None, -3.25]),
        (["1.234,50 €", "7,00 €"], [1234.5, 7.0]),
        (["$1,234.50", "$3"], [1234.5, 3.0]),
        (["1'234.5", "3"], [1234.5, 3.0]),
        (["12%", "5%"], [12.0, 5.0]),
        (["ja", "Nein", " ja "], [1, 0, 1]),
        (["13/02/2026", "01/02/2026"], [dt.datetime(2026, 2, 13), dt.datetime(2026, 2, 1)]),
        (["02/13/2026 04:30 PM"], [dt.datetime(2026, 2, 13, 16, 30)]),
        (["13.02.2026 14:00", "1.3.2026"], [dt.datetime(2026, 2, 13, 14), dt.datetime(2026, 3, 1)]),
    ],
)
def test_what_can_only_mean_one_thing_is_read_and_said(connection, values, expected):
    found, notes = turned(connection, values)
    assert found == expected
    assert len(notes) == 1
    assert notes[0].startswith("worth was read as ")


@pytest.mark.parametrize(
    "values",
    [
        ["1,234", "2,345"],  # a thousand and more, or little more than one
        ["01/02/2026", "03/04/2026"],  # which is the month?
        ["1,5", "2.5"],
        ["1,5", "many"],
        ["2026-03-01", "13.02.2026"],
        ["0012", "0034"],
    ],
)
def test_what_could_be_read_in_two_ways_stays_text(connection, values):
    assert turned(connection, values) == (values, ())


def test_variants_stay_words_and_odd_times_are_told(connection):
    assert turned(connection, ["yes", "no"], "new_variant") == (["yes", "no"], ())
    assert "not read as times" in turned(connection, ["01/02/2026"], "seen_at")[1][0]
    relation = connection.sql("SELECT 1772409600 + i AS exposed_ts, 1772409600 + i AS clicks FROM range(3) t(i)")
    assert [str(t) for t in tidied(relation)[0].types] == ["TIMESTAMP", "BIGINT"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A German shop's export, by an old spreadsheet: semicolons, decimal commas, day.month.year, one byte a letter."""
    rng = np.random.default_rng(801)
    n = 900
    frame = pd.DataFrame(
        {
            "Kundennr": [f"K{i:04}" for i in range(n)],
            "group": rng.choice(["A", "B"], n),
            "Datum": pd.Timestamp("2026-03-02") + pd.to_timedelta(rng.integers(0, 21, n), unit="D"),
            "Land": rng.choice(["Österreich", "Schweiz"], n),
        }
    )
    # B is good in Austria and bad in Switzerland.
    up = np.where(frame["group"] == "A", 1.0, np.where(frame["Land"] == "Schweiz", 0.6, 1.6))
    frame["Umsatz"] = np.round(rng.gamma(2, 500 * up), 2)
    frame["gekauft"] = np.where(rng.random(n) < 0.3, "ja", "nein")
    written = frame.assign(
        Datum=frame["Datum"].dt.strftime("%d.%m.%Y"),
        Umsatz=[f"{x:,.2f}".translate(str.maketrans(",.", ".,")) for x in frame["Umsatz"]],
    )
    path = tmp_path_factory.mktemp("shop") / "export.csv"
    path.write_text(written.to_csv(sep=";", index=False), encoding="latin-1")
    return path, frame


def test_a_spreadsheet_from_elsewhere_is_proposed_and_read(shop):
    path, frame = shop
    found = propose(path)
    assert (found.variant, found.unit, found.time, found.control) == ("group", "Kundennr", "Datum", "A")
    assert (found.outcomes, found.segments) == (("Umsatz", "gekauft"), ("Land",))
    assert "Umsatz was read as numbers with a decimal comma." in found.notes
    given = read_units(
        path, variant="group", outcomes=found.outcomes, unit="Kundennr", time="Datum", segments=found.segments
    )
    arm = given.metrics[0].arms["A"]
    assert arm.mean == pytest.approx(frame.loc[frame["group"] == "A", "Umsatz"].mean())
    assert given.days == 21
    assert given.metrics[1].kind == "proportion"


def test_a_files_segments_and_days_are_followed(shop):
    path, frame = shop
    given = read_units(path, variant="group", outcomes=["Umsatz"], time="Datum", segments=["Land"])
    report = analyse(given)
    assert report.segments.reversals == ("Land",)
    assert any("reverses by Land" in caution for caution in report.cautions)
    assert "to everybody" not in report.summary()  # nobody asked about the country beforehand
    course = course_of(given)
    whole, last = report.comparisons[0].pairs[0].relative, course.days[-1].fixed
    assert (last.estimate, last.low, last.high) == pytest.approx((whole.estimate, whole.low, whole.high))
    early = frame[frame["Datum"] <= pd.Timestamp(course.days[9].date)].groupby("group")["Umsatz"].mean()
    assert course.days[9].fixed.estimate == pytest.approx(early["B"] / early["A"] - 1)
    with pytest.raises(ExperimentError, match="can't be followed"):
        course_of(given, "gekauft")
    with pytest.raises(ExperimentError, match="When units came is not known"):
        course_of(read_units(path, variant="group", outcomes=["Umsatz"]))


def test_a_logs_segments_and_days_are_followed(tmp_path):
    rng = np.random.default_rng(802)
    n = 400
    came = pd.Timestamp("2026-05-01") + pd.to_timedelta(rng.integers(0, 5 * 1440, n), unit="min")
    who = pd.DataFrame(
        {"uid": np.arange(n), "arm": rng.choice(["off", "on"], n), "device": rng.choice(["tv", "pc"], n)}
    )
    who.assign(first_seen=came.strftime("%d.%m.%Y %H:%M")).to_csv(tmp_path / "who.csv", sep=";", index=False)
    units = rng.integers(0, n, 3_000)
    when = came[units] + pd.to_timedelta(rng.integers(-1440, 10 * 1440, 3_000), unit="min")
    events = pd.DataFrame({"uid": units, "evt_time": when, "evt": rng.choice(["play", "stop"], 3_000)})
    events["watched"] = np.round(rng.gamma(2, 10, 3_000), 2)
    written = events.assign(evt_time=when.strftime("%d.%m.%Y %H:%M"))
    written.to_csv(tmp_path / "what.csv", sep=";", decimal=",", index=False)
    pair = pair_up(propose(tmp_path / "who.csv"), propose(tmp_path / "what.csv"))
    given = read_log(tmp_path / "who.csv", tmp_path / "what.csv", pair.columns)
    report = analyse(given)
    assert {s.value for s in report.segments.segments} == {"pc", "tv"}
    after = events.merge(who.assign(came=came), on="uid")
    after = after[after["evt_time"] >= after["came"]]
    for metric, total in (("watched per unit", "watched"), ("play per unit", None), ("watched per event", "watched")):
        course = course_of(given, metric)
        own = report.comparison(metric).pairs[0].relative
        assert course.days[-1].fixed.estimate == pytest.approx(own.estimate), metric
        early = after[after["evt_time"] < pd.Timestamp(course.days[6].date) + pd.Timedelta(days=1)]
        early = early if total else early[early["evt"] == "play"]
        sums = early.groupby("arm")[total].sum() if total else early.groupby("arm").size()
        below = early.groupby("arm").size() if metric.endswith("event") else who.groupby("arm").size()
        shares = sums / below
        assert course.days[6].fixed.estimate == pytest.approx(shares["on"] / shares["off"] - 1), metric
    with pytest.raises(ExperimentError, match="can't be followed"):
        course_of(given, "units with an event")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no rows"),
        ("user,group,x\n", "has no rows"),
        ("user,group,x\n" + "1,A,3\n2,B\n3,A,4,5\n" * 9, "row 2 has 2 cells, the header 3"),
    ],
)
def test_files_that_are_no_tables_are_refused_by_the_row(tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ExperimentError, match=words):
        propose(path)


def test_units_are_known_by_their_names_even_where_they_repeat(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("user,group,x\n" + "".join(f"{i // 2},{'AB'[i % 2]},{i}\n" for i in range(400)))
    found = propose(path)
    assert (found.unit, found.outcomes) == ("user", ("x",))
    with pytest.raises(ExperimentError, match="200 units are in more than one variant"):
        read_units(path, variant="group", outcomes=["x"], unit=found.unit)
    path.write_text("user,group,x\n" + "".join(f"{i},A,{i}\n" for i in range(60)))
    assert propose(path).variant == "group"
    with pytest.raises(ExperimentError, match="only one variant"):
        read_units(path, variant="group", outcomes=["x"])
