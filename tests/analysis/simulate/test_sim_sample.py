"""What the committed sample shows, held to the calibration targets and to its own truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.simulate import SEED, SimulationConfig, make_world, run
from analysis.workspace import SAMPLE


@pytest.fixture(scope="module")
def views(sample):
    frame = sample.frame("views")
    titles = sample.frame("titles").set_index("title_id")
    frame["genre"] = frame["title_id"].map(titles["genres"].str[0])
    frame["month"] = frame["started_local"].dt.strftime("%Y-%m")
    frame["hour"] = frame["started_local"].dt.hour
    frame["weekday"] = frame["started_local"].dt.day_of_week
    zone = sample.frame("viewers").set_index("viewer_id")
    frame["region"] = frame["viewer_id"].map(zone["region"])
    return frame


def test_running_the_logging_policy_again_repeats_the_sample(sample):
    """For a few of its viewers, over all of its days."""
    some = range(101, 109)
    outcome = run(make_world(SimulationConfig(), SEED), viewers=some)
    logged = sample.frame("views").drop(columns="view_id")
    wanted = logged[logged["viewer_id"].isin(some)].reset_index(drop=True)
    assert len(wanted) > 500
    pd.testing.assert_frame_equal(outcome.views.drop(columns="view_id"), wanted)


def share(frame, genre):
    """Share of viewing time of a genre."""
    return frame.loc[frame["genre"] == genre, "minutes"].sum() / frame["minutes"].sum()


def test_the_sample_is_small_and_says_what_it_is(sample):
    assert sum(file.stat().st_size for file in SAMPLE.rglob("*") if file.is_file()) < 25e6
    assert sample.info.kind == "sample"
    assert sample.info.licence == "CC0-1.0"
    assert sample.info.has_truth
    assert sample.info.rows("views") > 200_000
    assert any("stylised" in note for note in sample.info.notes)


def test_it_covers_26_months_with_two_octobers(views):
    months = sorted(views["month"].unique())
    assert months[0] == "2024-07"
    assert months[-1] == "2026-08"
    assert len(months) == 26
    assert views.groupby("month").size().min() > 5_000


def test_hours_are_concentrated_as_published(views, sample):
    hours = views.groupby("title_id")["minutes"].sum().sort_values(ascending=False).to_numpy()
    hours = np.concatenate([hours, np.zeros(sample.info.rows("titles") - len(hours))])
    held = np.cumsum(hours) / hours.sum()
    for part, target, within in ((0.01, 0.24, 0.06), (0.10, 0.68, 0.06), (0.20, 0.84, 0.05)):
        assert held[int(part * len(hours)) - 1] == pytest.approx(target, abs=within)


def test_the_week_and_the_day_have_their_shape(views):
    weekday = views.groupby("weekday")["minutes"].sum() / views["minutes"].sum()
    assert weekday.idxmax() == 6
    assert weekday[6] == pytest.approx(0.185, abs=0.012)
    assert weekday[[0, 1, 2, 3]].between(0.115, 0.135).all()
    hour = views.groupby("hour")["minutes"].sum() / views["minutes"].sum()
    assert hour.idxmax() in (20, 21, 22)
    assert hour[:6].sum() == pytest.approx(0.15, abs=0.025)


def test_devices_and_surfaces_have_their_shares(views):
    device = views.groupby("device")["minutes"].sum() / views["minutes"].sum()
    for name, target in (("tv", 0.70), ("computer", 0.15), ("phone", 0.10), ("tablet", 0.05)):
        assert device[name] == pytest.approx(target, abs=0.04), name
    surface = views.groupby("surface")["minutes"].sum() / views["minutes"].sum()
    assert surface["search"] == pytest.approx(0.20, abs=0.05)


def test_about_a_fifth_of_plays_run_to_the_end(views):
    assert (views["completion"] >= 0.9).mean() == pytest.approx(0.20, abs=0.05)


def test_winter_is_the_high_season(views):
    hours = views.groupby("month")["minutes"].sum() / views.groupby("month")["viewer_id"].nunique()
    winter = hours[["2024-12", "2025-01", "2025-12", "2026-01"]].mean()
    spring = hours[["2025-03", "2025-04", "2025-05", "2026-03", "2026-04", "2026-05"]].mean()
    assert winter / spring == pytest.approx(1.2, abs=0.12)


def test_horror_peaks_in_both_octobers(views):
    by_month = {month: share(group, "Horror") for month, group in views.groupby("month")}
    for october, around in (
        ("2024-10", ("2024-08", "2024-09", "2024-11", "2024-12")),
        ("2025-10", ("2025-08", "2025-09", "2025-11", "2025-12")),
    ):
        assert by_month[october] > 1.15 * np.mean([by_month[month] for month in around])


def test_romance_belongs_to_friday_evening(views):
    evening = views[views["hour"].between(18, 23)]
    friday = share(evening[evening["weekday"] == 4], "Romance")
    assert friday > 1.2 * share(evening[evening["weekday"].isin([0, 1, 2, 3])], "Romance")


def test_thrillers_are_for_late_evenings(views):
    assert share(views[views["hour"].isin([21, 22, 23])], "Thriller") > 1.12 * share(
        views[views["hour"].between(9, 17)], "Thriller"
    )


def test_family_titles_gain_in_school_holidays(views, sample):
    """By the holidays of the viewer’s region, and within months: neither season nor catalogue can fake it."""
    calendar = sample.frame("calendar")
    closed = {
        (day, region)
        for day, region, shut in calendar[["date", "region", "is_school_holiday"]].itertuples(index=False)
        if shut
    }
    days = views["started_local"].dt.date
    off = pd.Series([pair in closed for pair in zip(days, views["region"], strict=True)], index=views.index)
    assert share(views[off], "Family") > 1.15 * share(views[~off], "Family")
    ratios, weights = [], []
    for _, month in views.groupby("month"):
        here = off[month.index]
        if min(here.sum(), (~here).sum()) > 2_000:
            ratios.append(share(month[here], "Family") / share(month[~here], "Family"))
            weights.append(min(here.sum(), (~here).sum()))
    assert len(ratios) > 10
    assert np.average(ratios, weights=weights) > 1.1


def test_ratings_are_missing_not_at_random(sample):
    """Who loved or hated a title rates it more: the ends hold more of the ratings than of the plays."""
    stars = sample.frame("ratings")["stars"].value_counts(normalize=True)
    assert set(stars.index) == {1.0, 2.0, 3.0, 4.0, 5.0}
    assert stars[5.0] > 0.2
    assert stars.idxmax() in (4.0, 5.0)
    assert stars[3.0] < stars[4.0]


def arms(sample, name):
    assignments = sample.frame("assignments")
    return assignments[assignments["experiment_id"] == name]["variant"].value_counts()


def test_only_the_broken_assignment_is_broken(sample):
    for experiment in sample.truth()["experiments"]:
        counts = arms(sample, experiment["experiment_id"])
        p_value = stats.binomtest(int(counts["treatment"]), int(counts.sum()), 0.5).pvalue
        assert (p_value < 1e-4) == (experiment["lost_share"] > 0), experiment["experiment_id"]


def test_the_experiments_show_their_lessons(sample):
    truth = {e["experiment_id"]: e for e in sample.truth()["experiments"]}
    assert len(truth) >= 8

    def relative(name, metric):
        return next(e["relative"] for e in truth[name]["true_effects"] if e["metric"] == metric)

    assert relative("checkout-copy", "minutes per viewer") == 0
    assert relative("player-rewrite", "plays per viewer") == 0
    assert relative("new-home", "minutes per viewer") > 0.1
    assert 0 < abs(relative("rounded-corners", "plays per viewer")) < 0.02
    assert relative("bold-artwork", "plays per viewer") > 0.1
    assert relative("bold-artwork", "completion rate") < -0.1


def test_the_real_effect_is_in_the_views(sample, views):
    truth = next(e for e in sample.truth()["experiments"] if e["experiment_id"] == "new-home")
    assignments = sample.frame("assignments")
    assigned = assignments[assignments["experiment_id"] == "new-home"].set_index("viewer_id")["variant"]
    during = views["started_local"].between(truth["starts_on"], pd.Timestamp(truth["ends_on"]) + pd.Timedelta(days=1))
    minutes = views[during].groupby("viewer_id")["minutes"].sum().reindex(assigned.index).fillna(0)
    treated, control = minutes[assigned == "treatment"], minutes[assigned == "control"]
    wanted = next(e["difference"] for e in truth["true_effects"] if e["metric"] == "minutes per viewer")
    error = np.sqrt(treated.var() / len(treated) + control.var() / len(control))
    assert abs(treated.mean() - control.mean() - wanted) < 3 * error


def test_propensities_reproduce_the_uniform_slice(sample):
    impressions = sample.frame("impressions")
    uniform = impressions[impressions["policy"] == "uniform"]
    visits = impressions[impressions["policy"] != "continue-watching"].groupby("session_id")["policy"].first()
    assert (visits == "uniform").mean() == pytest.approx(0.1, abs=0.02)
    first = uniform[(uniform["row"] == 0) & (uniform["column"] == 0)]
    assert (1 / first["propensity"]).between(650, 700).all()
    assert impressions["propensity"].between(0, 1, inclusive="right").all()
    # Weighted by 1/propensity, the logged first places hold as many titles as there are in the catalogue's pool.
    personal = impressions[
        (impressions["policy"] != "uniform") & (impressions["row"] == 0) & (impressions["column"] == 0)
    ]
    assert (1 / personal["propensity"]).mean() == pytest.approx(24, rel=0.05)


def test_daily_looks_would_have_shipped_the_null_and_the_end_would_not(sample, views):
    truth = next(e for e in sample.truth()["experiments"] if e["peeked"])
    assert all(effect["difference"] == 0 for effect in truth["true_effects"])
    assignments = sample.frame("assignments")
    ours = assignments[assignments["experiment_id"] == truth["experiment_id"]].set_index("viewer_id")
    treated = ours["variant"] == "treatment"
    p_values = []
    for day in range(5, truth["days"] + 1):
        until = pd.Timestamp(truth["starts_on"]) + pd.Timedelta(days=day)
        during = views["started_local"].between(truth["starts_on"], until)
        assigned = ours.index[ours["assigned_at"] < until]
        minutes = views[during].groupby("viewer_id")["minutes"].sum().reindex(assigned).fillna(0)
        arm = treated[assigned]
        p_values.append(stats.ttest_ind(minutes[arm], minutes[~arm], equal_var=False).pvalue)
    assert min(p_values[:-5]) < 0.05
    assert p_values[-1] > 0.1


def test_segments_and_weeks_have_effects_of_their_own(sample):
    truth = {e["experiment_id"]: e for e in sample.truth()["experiments"]}

    def by_segment(name):
        effects = truth[name]["true_effects"]
        return {e["segment"]: e["relative"] for e in effects if e["metric"] == "plays per viewer"}

    plans = by_segment("dense-home")
    assert plans["plan with ads"] < 0 < min(plans["plan standard"], plans["plan premium"])
    weeks = by_segment("bigger-previews")
    assert weeks["week 1"] > 0.04
    assert weeks["week 1"] > 3 * abs(weeks["week 6"])


def test_no_estimand_is_without_a_value(sample):
    estimands = {e["name"]: e for e in sample.truth()["estimands"]}
    assert (
        estimands["clicks per visit, logging policy"]["value"]
        > 2 * estimands["clicks per visit, uniform policy"]["value"]
    )
    ratings = sample.frame("ratings")
    # Given ratings are kinder than what everybody would have given: missing not at random.
    assert ratings["stars"].mean() > estimands["mean stars of all plays"]["value"] + 0.1
    assert 0.02 < estimands["monthly churn"]["value"] < 0.05


def test_the_row_of_the_title_under_way_is_logged_clicked_or_not(sample):
    impressions, views = sample.frame("impressions"), sample.frame("views")
    row = impressions[impressions["policy"] == "continue-watching"]
    assert (row["row"] == 5).all()
    assert not row["session_id"].duplicated().any()
    assert 0.3 < row["clicked"].mean() < 0.9
    since = impressions["shown_at"].min() + pd.Timedelta(days=1)
    resumed = views[(views["surface"] == "continue") & (views["started_at"] > since)]
    clicked = set(zip(*row.loc[row["clicked"], ["session_id", "title_id"]].T.to_numpy(), strict=True))
    assert set(zip(*resumed[["session_id", "title_id"]].T.to_numpy(), strict=True)) <= clicked
    assert (row.loc[~row["clicked"], "minutes"] == 0).all()


def test_memberships_tell_who_came_back(sample):
    viewers = sample.frame("viewers").set_index("viewer_id")
    stays = sample.frame("memberships").sort_values(["viewer_id", "joined_on"])
    first, last = stays.drop_duplicates("viewer_id"), stays.drop_duplicates("viewer_id", keep="last")
    assert (first["joined_on"].to_numpy() == viewers.loc[first["viewer_id"], "joined_on"].to_numpy()).all()
    left = viewers.loc[last["viewer_id"], "left_on"]
    assert (last["left_on"].isna().to_numpy() == left.isna().to_numpy()).all()
    assert (last["left_on"].dropna().to_numpy() == left.dropna().to_numpy()).all()
    again = stays[stays["viewer_id"].duplicated()]
    assert len(again) > 300
    before = stays.groupby("viewer_id")["left_on"].shift()[again.index]
    assert (pd.to_datetime(before) < pd.to_datetime(again["joined_on"])).all()


def test_the_uniform_slice_recovers_the_uniform_policys_value(sample):
    impressions = sample.frame("impressions")
    uniform = impressions[impressions["policy"] == "uniform"]
    per_visit = uniform.groupby("session_id")["clicked"].sum()
    truth = {e["name"]: e["value"] for e in sample.truth()["estimands"]}
    error = per_visit.std() / np.sqrt(len(per_visit))
    assert abs(per_visit.mean() - truth["clicks per visit, uniform policy"]) < 3 * error


def test_the_logged_clicks_recover_the_logging_policys_value(sample):
    impressions = sample.frame("impressions")
    per_visit = impressions[impressions["policy"] == "personal-v1"].groupby("session_id")["clicked"].sum()
    truth = {e["name"]: e["value"] for e in sample.truth()["estimands"]}
    error = per_visit.std() / np.sqrt(len(per_visit))
    assert abs(per_visit.mean() - truth["clicks per visit, logging policy"]) < 3 * error
