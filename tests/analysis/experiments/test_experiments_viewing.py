"""A dataset's own experiments, against the same joined in pandas, and the sample's against its truth."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from analysis.data import Dataset
from analysis.errors import DataError, ExperimentError
from analysis.experiments.report import analyse
from analysis.experiments.viewing import list_experiments, read_experiment
from analysis.workspace import SAMPLE

VERDICTS = {
    "new-home": "roll out",
    "autoplay-countdown": "roll out",
    "bold-artwork": "do not roll out",
    "player-rewrite": "cannot say",
    "bigger-previews": "cannot say",
    "dense-home": "do not roll out",
    "checkout-copy": "cannot say",
    "profile-icons": "cannot say",
    "rounded-corners": "cannot say",
    "personal-rows": "cannot say",
}


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(1)
    viewers, plays = 400, 6_000
    start = pd.Timestamp("2026-01-20")
    assignments = pd.DataFrame(
        {
            "experiment_id": "rows",
            "viewer_id": np.arange(viewers),
            "variant": rng.choice(["treatment", "control"], viewers),
            "assigned_at": start + pd.to_timedelta(rng.integers(0, 5 * 86_400, viewers), unit="s"),
        }
    )
    views = pd.DataFrame(
        {
            "viewer_id": rng.choice(viewers + 50, plays),
            "title_id": 1,
            "started_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 50 * 86_400, plays), unit="s"),
            "minutes": rng.gamma(2, 20, plays),
            "completion": rng.random(plays),
        }
    )
    return assignments, views


@pytest.fixture(scope="module")
def dataset(tables):
    return Dataset.from_frames(views=tables[1], assignments=tables[0])


def test_outcomes_are_those_of_a_join_in_pandas(dataset, tables):
    assignments, views = tables
    until = dt.date(2026, 2, 10)
    found = read_experiment(dataset, "rows", until=until)
    joined = views.merge(assignments, on="viewer_id")
    inside = (joined["started_at"] >= joined["assigned_at"]) & (joined["started_at"] < "2026-02-11")
    joined = joined[inside].assign(done=lambda f: f["completion"] >= 0.9, day=lambda f: f["started_at"].dt.date)
    sums = joined.groupby("viewer_id").agg(
        minutes=("minutes", "sum"), plays=("minutes", "size"), done=("done", "sum"), days=("day", "nunique")
    )
    each = assignments.set_index("viewer_id")[["variant"]].join(sums).fillna(0)
    arms = {metric.name: metric.arms for metric in found.metrics}
    for name, group in each.groupby("variant"):
        assert arms["minutes per viewer"][name].mean == pytest.approx(group["minutes"].mean())
        assert arms["minutes per viewer"][name].variance == pytest.approx(group["minutes"].var())
        assert arms["plays per viewer"][name].total == pytest.approx(group["plays"].sum())
        assert arms["active days per viewer"][name].mean == pytest.approx(group["days"].mean())
        assert arms["viewers who played"][name].successes == (group["plays"] > 0).sum()
        assert arms["completion rate"][name].mean == pytest.approx(group["done"].sum() / group["plays"].sum())
    assert found.units == each["variant"].value_counts().to_dict()
    assert found.days == 22
    assert found.control == "control"


def test_viewing_before_the_assignment_sharpens_the_comparison(dataset):
    plain, adjusted = (analyse(read_experiment(dataset, "rows", adjusted=a)) for a in (False, True))
    assert "minutes_before" in adjusted.experiment.metrics[0].note
    widths = [r.comparisons[0].pairs[0].absolute.standard_error for r in (plain, adjusted)]
    assert widths[1] <= widths[0] * 1.001


def test_the_list_names_what_there_is(dataset, tables):
    found = list_experiments(dataset)
    assert found.names == ("rows",)
    assert found.viewers == (400,)
    assert found.variants == (("control", "treatment"),)
    assert found.to_frame()["variants"][0] == "control, treatment"
    none = list_experiments(Dataset.from_frames(views=tables[1]))
    assert none.names == ()
    assert none.summary() == "The dataset has no experiments."


def test_what_is_missing_is_named(dataset, tables):
    assignments, views = tables
    with pytest.raises(ExperimentError, match="no experiment 'x'"):
        read_experiment(dataset, "x")
    with pytest.raises(ExperimentError, match="began on 2026-01-20, after 2026-01-02"):
        read_experiment(dataset, "rows", until=dt.date(2026, 1, 2))
    with pytest.raises(DataError, match="assignments"):
        read_experiment(Dataset.from_frames(views=views), "rows")
    crossed = pd.concat([assignments, assignments.head(3).assign(variant="control")], ignore_index=True)
    crossed.loc[:2, "variant"] = "treatment"
    with pytest.raises(ExperimentError, match="3 viewers of rows are in more than one variant"):
        read_experiment(Dataset.from_frames(views=views, assignments=crossed), "rows")
    one = assignments.assign(variant="control")
    with pytest.raises(ExperimentError, match="only one variant"):
        read_experiment(Dataset.from_frames(views=views, assignments=one), "rows")


def test_a_viewer_logged_twice_is_one_viewer(dataset, tables):
    twice = pd.concat([tables[0], tables[0].assign(assigned_at=lambda f: f["assigned_at"] + pd.Timedelta(days=1))])
    found = read_experiment(Dataset.from_frames(views=tables[1], assignments=twice), "rows")
    once = read_experiment(dataset, "rows")
    assert found.units == once.units
    for metric, other in zip(found.metrics, once.metrics, strict=True):
        # The engine adds in no fixed order, so the last bit may differ.
        assert [m.mean for m in metric.arms.values()] == pytest.approx([m.mean for m in other.arms.values()])
        assert [m.variance for m in metric.arms.values()] == pytest.approx([m.variance for m in other.arms.values()])


def test_the_samples_experiments_are_read_as_their_truth_says():
    dataset = Dataset.open(SAMPLE)
    reports = {name: analyse(read_experiment(dataset, name)) for name in list_experiments(dataset).names}
    assert reports["player-rewrite"].split.failed
    assert {name: report.verdict.badge for name, report in reports.items()} == VERDICTS
    why = {name: report.summary() for name, report in reports.items()}
    # Only one experiment has an effect that is not the same for all, and no other is said to have one.
    told = {name for name, report in reports.items() if any(t.found for t in report.segments.interactions)}
    assert told == {"dense-home"}
    assert re.search(r"reverses by plan .*−\d+ % for with ads", why["dense-home"])
    assert "not split as planned" in why["player-rewrite"]
    assert re.search(r"Completion rate: (3[5-9]|4[0-9]) % lower", why["bold-artwork"])
    early, late = re.search(
        r"first 7 days it was \+([\d.]+) %, after them \+([\d.]+) %", why["bigger-previews"]
    ).groups()
    assert float(early) > 1.5 * float(late)
    for name in ("rounded-corners", "personal-rows", "checkout-copy", "profile-icons"):
        assert "only effects of about 1" in why[name], name
    tested = covered = 0
    for name, report in reports.items():
        if report.split.failed:
            continue
        for metric, (difference, _) in report.experiment.truth.items():
            effect = report.comparison(metric).pairs[0].absolute
            tested, covered = tested + 1, covered + (effect.low <= difference <= effect.high)
        assert report.experiment.question, name
    # About 24 intervals of 95 %, three an experiment that move together: five misses would be past all chance.
    assert tested >= 15
    assert tested - covered <= 4


def test_some_viewers_and_some_days_can_be_read_alone(tables):
    assignments, views = tables
    viewers = pd.DataFrame({"viewer_id": range(400), "plan": ["basic" if v % 4 else "premium" for v in range(400)]})
    dataset = Dataset.from_frames(views=views, assignments=assignments, viewers=viewers)
    since, until = dt.date(2026, 1, 30), dt.date(2026, 2, 3)
    found = read_experiment(dataset, "rows", since=since, until=until, among={"plan": "premium"})
    inside = views[views["started_at"].between("2026-01-30", "2026-02-04", inclusive="left")]
    minutes = inside.groupby("viewer_id")["minutes"].sum()
    each = assignments[assignments["viewer_id"] % 4 == 0].set_index("viewer_id")
    each = each.assign(minutes=minutes.reindex(each.index).fillna(0))
    for name, group in each.groupby("variant"):
        assert found.metrics[0].arms[name].n == len(group)
        assert found.metrics[0].arms[name].mean == pytest.approx(group["minutes"].mean())
    assert "among={'plan': 'premium'}" in found.code
    with pytest.raises(ExperimentError, match="No assigned viewer has plan gold"):
        read_experiment(dataset, "rows", among={"plan": "gold"})
    with pytest.raises(ExperimentError, match="have no column 'colour'"):
        read_experiment(dataset, "rows", among={"colour": "red"})


def test_the_truth_on_the_chart_is_that_of_all_viewers_and_days():
    dataset = Dataset.open(SAMPLE)
    wanted = next(e for e in dataset.truth()["experiments"] if e["experiment_id"] == "dense-home")
    overall = next(e for e in wanted["true_effects"] if e["segment"].startswith("all"))
    found = read_experiment(dataset, "dense-home")
    assert found.truth[overall["metric"]] == (overall["difference"], overall["relative"])
    assert read_experiment(dataset, "dense-home", among={"plan": "premium"}).truth == {}
