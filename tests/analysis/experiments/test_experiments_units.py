"""What needs each unit's outcome, the checks of health, and event logs joined with assignments."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data import Dataset
from analysis.errors import ExperimentError, ParameterError
from analysis.experiments import files
from analysis.experiments.checks import health
from analysis.experiments.experiment import Experiment, Observed
from analysis.experiments.exposure import Exposure
from analysis.experiments.health import sample_ratio
from analysis.experiments.logs import LogColumns, pair_up, read_log
from analysis.experiments.metrics import Metric
from analysis.experiments.moments import Moments
from analysis.experiments.multi import compare
from analysis.experiments.outcomes import Capped, Quantile, Staying, label, unit_metric
from analysis.experiments.quantiles import compare_quantiles
from analysis.experiments.report import analyse
from analysis.experiments.robust import winsorize
from analysis.experiments.sizes import staying_share
from analysis.experiments.sources import read_units
from analysis.experiments.survival import staying_until
from analysis.experiments.viewing import read_experiment


@pytest.fixture(scope="module")
def units(tmp_path_factory):
    rng = np.random.default_rng(5)
    n = 3_000
    new = rng.random(n) < 0.5
    left, seen = rng.exponential(np.where(new, 80, 60)), rng.uniform(10, 60, n)
    frame = pd.DataFrame(
        {
            "user": np.arange(n),
            "group": np.where(new, "new", "control"),
            "minutes": rng.gamma(2, np.where(new, 33, 30)),
            "before": rng.gamma(2, 30, n),
            "days": np.minimum(left, seen),
            "gone": (left <= seen).astype(int),
            "joined": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 14 * 86_400, n), unit="s"),
        }
    )
    path = tmp_path_factory.mktemp("units") / "units.csv"
    frame.to_csv(path, index=False)
    return path, frame


TERMS = ["minutes", Quantile("minutes"), Quantile("minutes", 0.9), Capped("minutes", 0.98), Staying("days", "gone", 28)]


@pytest.fixture(scope="module")
def experiment(units):
    return read_units(
        units[0], variant="group", outcomes=TERMS, unit="user", time="joined", covariate="before", control="control"
    )


def sides(frame, column):
    return [frame.loc[frame["group"] == name, column].to_numpy() for name in ("control", "new")]


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_quantile_is_the_one_of_its_units(units, experiment, share):
    found = compare(experiment.metric(label(Quantile("minutes", share))), "control", "new")
    peer = compare_quantiles(*sides(units[1], "minutes"), share)
    assert found.absolute.estimate == pytest.approx(peer.effect.estimate)
    assert (found.absolute.low, found.absolute.high) == pytest.approx((peer.effect.low, peer.effect.high))
    assert found.absolute.p_value == pytest.approx(peer.effect.p_value)


def test_a_capped_mean_is_the_winsorized_one(units, experiment):
    metric = experiment.metric("minutes, capped")
    control, new = sides(units[1], "minutes")
    peer = winsorize({"control": control, "new": new}, 0.98)
    assert metric.arms["new"].mean == pytest.approx(peer.arms["new"].mean)
    assert metric.arms["new"].variance == pytest.approx(peer.arms["new"].variance)
    assert "were set to it" in metric.note


def test_staying_is_kaplan_and_meiers(units, experiment):
    from statsmodels.duration.survfunc import SurvfuncRight

    metric = experiment.metric("staying 28 days")
    for name, time, gone in zip(("control", "new"), sides(units[1], "days"), sides(units[1], "gone"), strict=True):
        peer = SurvfuncRight(time, gone)
        place = np.searchsorted(peer.surv_times, 28, side="right") - 1
        assert metric.arms[name].mean == pytest.approx(peer.surv_prob[place])
        assert metric.arms[name].standard_error == pytest.approx(peer.surv_prob_se[place])
    curve = experiment.survival["new"]
    assert curve.hazard_ratio < 1
    assert "half are gone" in curve.summary()


def test_what_cannot_be_known_of_units_is_said():
    assert staying_until([1, 2, 3], [0, 0, 0], 2) == (1.0, 0.0)
    assert staying_until([1, 2, 3], [0, 1, 0], 9) == (0.5, pytest.approx(math.nan, nan_ok=True))
    arms = {v: {"x": np.repeat([1.0, 2.0], 50)} for v in "ab"}
    metric = unit_metric(Quantile("x", 0.25), arms)
    assert "too many with the same value" in metric.note
    assert compare(metric, "a", "b").problem
    few = unit_metric(Quantile("x", 0.5), {v: {"x": np.array([1.0, 2.0, np.nan])} for v in "ab"})
    assert few.missing == {"a": 1, "b": 1}
    assert math.isnan(few.arms["a"].variance)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        Quantile("x", 1.0)
    with pytest.raises(ExperimentError, match="no number in variant 'a'"):
        unit_metric(Capped("x"), {v: {"x": np.array([np.nan])} for v in "ab"})
    bad = {v: {"t": np.array([1.0, 2.0]), "e": np.array([0.0, 2.0])} for v in "ab"}
    with pytest.raises(ExperimentError, match="other than 0 and 1"):
        unit_metric(Staying("t", "e", 2), bad)
    early = {v: {"t": np.array([-1.0, 2.0]), "e": np.array([0.0, 1.0])} for v in "ab"}
    with pytest.raises(ExperimentError, match="negative times"):
        unit_metric(Staying("t", "e", 2), early)


def test_the_code_for_metrics_of_units_reads_the_same(units, experiment, monkeypatch):
    monkeypatch.chdir(units[0].parent)
    scope = {}
    exec(experiment.code, scope)
    assert [m.name for m in scope["experiment"].metrics] == [m.name for m in experiment.metrics]


def test_a_healthy_experiment_is_fine(experiment):
    found = analyse(experiment).health
    assert {c.name: c.state for c in found.checks} == {
        "Split": "fine",
        "Crossovers": "fine",
        "Balance before": "fine",
        "Missing outcomes": "fine",
        "Exposure": "fine",
        "Extreme units": "fine",
        "Effect by segment": "unknown",
    }
    assert found.summary() == "All 6 checks that the data allow are fine."
    shown = experiment.observed.exposure
    assert sum(map(sum, shown.counts.values())) == 3_000
    assert len(shown.dates) == 14
    assert shown.to_frame().groupby("variant")["units_so_far"].max().sum() == 3_000


def checked(**seen):
    units = {"control": 1_000, "new": 1_000}
    arms = {v: Moments(1_000, 5.0, 4.0) for v in units}
    missing = seen.pop("missing", None)
    experiment = Experiment(
        "x", units, (Metric("minutes", "mean", arms, missing=missing),), "control", "a test", observed=Observed(**seen)
    )
    found = health(experiment, sample_ratio(units))
    return {c.name: c for c in found.checks}, found


def test_each_check_finds_its_fault():
    day = dt.date(2026, 1, 1)
    moved = Exposure((day, day + dt.timedelta(days=1)), {"control": (500, 500), "new": (100, 900)}, 1e-9)
    found, whole = checked(
        crossed=30,
        before={"minutes before": {"control": Moments(1_000, 5.0, 4.0), "new": Moments(1_000, 5.5, 4.0)}},
        makeup={"plan": {"control": {"basic": 500, "plus": 500}, "new": {"basic": 505, "plus": 495}}},
        exposure=moved,
        largest={"minutes": 0.4},
        missing={"control": 10, "new": 90},
    )
    assert {name: c.state for name, c in found.items()} == {
        "Split": "fine",
        "Crossovers": "look twice",
        "Balance before": "broken",
        "Missing outcomes": "broken",
        "Exposure": "broken",
        "Extreme units": "look twice",
        "Effect by segment": "unknown",
    }
    assert "differ in minutes before" in found["Balance before"].text
    assert "9 % in new" in found["Missing outcomes"].text
    assert "changed on the way" in found["Exposure"].text
    assert whole.summary().startswith("Of 6 checks, broken: balance before, missing outcomes, exposure;")


def test_what_the_data_do_not_say_is_unknown():
    found, _ = checked(missing={"control": 51, "new": 50}, makeup={"plan": {"control": {"a": 1_000}, "new": {}}})
    assert [c.state for c in found.values()] == ["fine", "unknown", "unknown", "fine", *["unknown"] * 3]
    few, _ = checked(crossed=3)
    assert few["Crossovers"].state == "fine"
    assert "3 units are in more than one variant" in few["Crossovers"].text


def test_checks_of_balance_rarely_raise_a_false_alarm():
    rng = np.random.default_rng(77)
    alarms = 0
    for _ in range(120):
        before = {"x": {v: Moments.of(rng.gamma(2, 10, 200)) for v in ("control", "new")}}
        makeup = {
            c: {v: dict(zip("abc", map(int, rng.multinomial(1_000, [0.5, 0.3, 0.2])), strict=True)) for v in "cn"}
            for c in ("plan", "age")
        }
        found, _ = checked(before=before, makeup=makeup)
        alarms += found["Balance before"].state != "fine"
    assert alarms <= stats.binom.ppf(0.9995, 120, 0.02)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    rng = np.random.default_rng(9)
    n = 600
    start = pd.Timestamp("2026-05-01")
    who = pd.DataFrame(
        {
            "viewer_id": [f"v{i}" for i in range(n)],
            "variant": rng.choice(["control", "new"], n),
            "assigned_at": start + pd.to_timedelta(rng.integers(0, 10 * 86_400, n), unit="s"),
        }
    )
    rows = 4_000
    what = pd.DataFrame(
        {
            "user_id": [f"v{i}" for i in rng.integers(0, n + 40, rows)],
            "happened_at": start + pd.to_timedelta(rng.integers(-20 * 86_400, 28 * 86_400, rows), unit="s"),
            "event": rng.choice(["play", "search"], rows, p=[0.8, 0.2]),
            "minutes": rng.gamma(2, 20, rows).round(2),
        }
    )
    folder = tmp_path_factory.mktemp("log")
    paths = folder / "assigned.csv", folder / "events.parquet"
    who.to_csv(paths[0], index=False)
    what.to_parquet(paths[1])
    return paths, who, what


def test_a_log_is_told_from_its_assignments_and_joined(log):
    paths, who, what = log
    proposals = [files.propose(path) for path in paths]
    for order in (proposals, proposals[::-1]):
        pair = pair_up(*order)
        assert pair.swapped == (order is not proposals)
        assert pair.columns == LogColumns(
            "viewer_id", "variant", "user_id", "assigned_at", "happened_at", "event", ("play", "search"), ("minutes",)
        )
    found = read_log(*paths, pair.columns)
    joined = who.merge(what, left_on="viewer_id", right_on="user_id")
    after = joined[joined["happened_at"] >= joined["assigned_at"]]
    for name in ("control", "new"):
        ids = who.loc[who["variant"] == name, "viewer_id"]
        own = after[after["variant"] == name]
        minutes = own.groupby("viewer_id")["minutes"].sum().reindex(ids, fill_value=0)
        assert found.units[name] == len(ids)
        assert found.metric("minutes per unit").arms[name].mean == pytest.approx(minutes.mean())
        assert found.metric("minutes per unit").arms[name].variance == pytest.approx(minutes.var())
        assert found.metric("units with an event").arms[name].mean == pytest.approx(
            own["viewer_id"].nunique() / len(ids)
        )
        assert found.metric("search per unit").arms[name].total == pytest.approx((own["event"] == "search").sum())
        ratio = found.metric("minutes per event")
        assert ratio.arms[name].mean == pytest.approx(own["minutes"].mean())
    assert found.days == (what["happened_at"].max().date() - who["assigned_at"].min().date()).days + 1
    assert found.observed.crossed == 0
    assert any("belong to units without an assignment" in note for note in found.notes)
    adjusted = read_log(*paths, pair.columns, adjusted=True)
    assert "events before" in adjusted.observed.before
    assert analyse(adjusted).verdict.badge == "keep going"


def test_a_unit_in_two_variants_counts_where_it_was_first(log, tmp_path):
    paths, who, _ = log
    later = who.head(12).assign(
        variant=lambda f: np.where(f["variant"] == "new", "control", "new"),
        assigned_at=lambda f: f["assigned_at"] + pd.Timedelta(hours=3),
    )
    columns = LogColumns("viewer_id", "variant", "user_id", "assigned_at", "happened_at")
    crossed = tmp_path / "crossed.csv"
    pd.concat([later, who]).to_csv(crossed, index=False)
    found = read_log(crossed, paths[1], columns)
    assert found.observed.crossed == 12
    assert found.units == read_log(*paths, columns).units
    assert any("12 units are in more than one variant" in c for c in analyse(found).cautions)
    without = LogColumns("viewer_id", "variant", "user_id")
    with pytest.raises(ExperimentError, match="12 units are in more than one variant, such as v0"):
        read_log(crossed, paths[1], without)


def test_what_does_not_fit_in_a_log_is_named(log, tmp_path):
    paths, _, what = log
    columns = LogColumns("viewer_id", "variant", "user_id", "assigned_at", "happened_at")
    strange = tmp_path / "strange.csv"
    what.assign(user_id="x", minutes="many").head(5).to_csv(strange, index=False)
    with pytest.raises(ExperimentError, match="share no value"):
        read_log(paths[0], strange, columns)
    with pytest.raises(ExperimentError, match="holds 'many' in row 1"):
        read_log(paths[0], strange, LogColumns("viewer_id", "variant", "user_id", values=("minutes",)))
    with pytest.raises(ExperimentError, match="no column 'viewer'"):
        read_log(*paths, LogColumns("viewer", "variant", "user_id"))
    with pytest.raises(ExperimentError, match="'event' holds no dates"):
        read_log(*paths, LogColumns("viewer_id", "variant", "user_id", "assigned_at", "event"))
    with pytest.raises(ExperimentError, match="no before"):
        read_log(*paths, LogColumns("viewer_id", "variant", "user_id"), adjusted=True)
    plain = files.propose(strange)
    numbers = tmp_path / "numbers.csv"
    pd.DataFrame({"a": range(60), "b": np.arange(60) * 0.5}).to_csv(numbers, index=False)
    other = files.propose(numbers)
    assert pair_up(other, other) is None
    assert pair_up(files.propose(paths[0]), other).columns is None
    assert not files.names_variant(plain)


def test_a_viewer_of_a_dataset_in_two_variants_counts_once():
    rng = np.random.default_rng(3)
    n = 200
    start = pd.Timestamp("2026-01-20")
    assigned = pd.DataFrame(
        {
            "experiment_id": "rows",
            "viewer_id": np.arange(n),
            "variant": np.where(np.arange(n) % 2, "treatment", "control"),
            "assigned_at": start,
        }
    )
    later = assigned.head(4).assign(variant="treatment", assigned_at=start + pd.Timedelta(days=1))
    views = pd.DataFrame(
        {
            "viewer_id": rng.integers(0, n, 3_000),
            "title_id": 1,
            "started_at": start + pd.to_timedelta(rng.integers(0, 20 * 86_400, 3_000), unit="s"),
            "minutes": rng.gamma(2, 20, 3_000),
        }
    )
    viewers = pd.DataFrame({"viewer_id": np.arange(n), "left_on": pd.NaT, "plan": "basic"})
    viewers.loc[:19, "left_on"] = pd.Timestamp("2026-01-25")
    dataset = Dataset.from_frames(views=views, assignments=pd.concat([assigned, later]), viewers=viewers)
    found = read_experiment(dataset, "rows", more=("staying 28 days", "median minutes per viewer"))
    assert (found.observed.crossed, found.units) == (2, {"control": 100, "treatment": 100})
    assert found.observed.largest["minutes per viewer"] < 0.2
    # Nobody has been watched for 28 days yet.
    assert "watched for so long" in found.metric("staying 28 days").note
    gone = found.survival["treatment"]
    assert gone.control.events + gone.treatment.events == 20
    assert set(gone.control.times) == {5.0}
    with pytest.raises(ExperimentError, match="no metric 'happiness'"):
        read_experiment(dataset, "rows", more=("happiness",))
    bare = Dataset.from_frames(views=views, assignments=assigned)
    with pytest.raises(ExperimentError, match="left_on"):
        read_experiment(bare, "rows", more=("staying 28 days",))


def test_who_leaves_and_comes_back_has_left():
    """One stays, one leaves and is back three days later, one left before, one came back and leaves again."""
    start = pd.Timestamp("2026-01-20 12:00")
    stays = [(0, "2025-06-01", None), (1, "2025-06-01", "2026-01-25"), (1, "2026-01-28", None)]
    stays += [(2, "2025-06-01", "2026-01-02"), (3, "2025-06-01", "2025-12-01"), (3, "2026-01-20", "2026-01-30")]
    memberships = pd.DataFrame(stays, columns=["viewer_id", "joined_on", "left_on"])
    memberships[["joined_on", "left_on"]] = memberships[["joined_on", "left_on"]].apply(pd.to_datetime)
    memberships = pd.concat([memberships.assign(viewer_id=lambda f, k=k: f["viewer_id"] + 4 * k) for k in range(20)])
    viewers = pd.DataFrame({"viewer_id": range(80), "left_on": pd.NaT})  # as whoever came back has none
    assignments = pd.DataFrame({"experiment_id": "rows", "viewer_id": range(80), "assigned_at": start})
    assignments["variant"] = np.where(assignments["viewer_id"] // 4 % 2, "control", "treatment")
    views = pd.DataFrame({"viewer_id": range(80), "title_id": 1, "started_at": start, "minutes": 10.0})
    tables = {"views": views, "assignments": assignments, "viewers": viewers}
    dataset = Dataset.from_frames(**tables, memberships=memberships)
    found = read_experiment(dataset, "rows", until=dt.date(2026, 2, 20), more=("staying 28 days",))
    curve = found.survival["treatment"].control
    assert dict(zip(curve.times, curve.staying, strict=True)) == pytest.approx({0.0: 0.75, 5.0: 0.5, 10.0: 0.25})
    assert found.metric("staying 28 days").arms["control"].mean == pytest.approx(0.25)
    alone = read_experiment(
        Dataset.from_frames(**tables), "rows", until=dt.date(2026, 2, 20), more=("staying 28 days",)
    )
    assert alone.survival == {}  # by the viewers alone nobody ever left
    ended = memberships[["viewer_id", "joined_on", "left_on"]]
    late = views.assign(started_at=pd.Timestamp("2026-01-26"))
    share, there = staying_share(Dataset.from_frames(views=late, viewers=viewers, memberships=ended))
    assert (share, there) == (1 / 3, 60)  # of those there on 29 December two are gone
