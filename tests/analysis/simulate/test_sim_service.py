import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.errors import ModelError, ParameterError
from analysis.simulate import (
    Experiment,
    Service,
    SimulationConfig,
    logging_policy,
    make_world,
    run,
    tables,
    uniform_policy,
)
from analysis.simulate.experiments import treatment
from analysis.simulate.keyed import Stream
from analysis.simulate.page import Visit, examination, examined
from analysis.simulate.viewers import PLANS

DAY = dt.date(2025, 10, 15)


def many_visits(count: int, pools: np.ndarray, candidates: int = 80, columns: int = 4) -> Visit:
    nothing = np.zeros(count, dtype=np.int64)
    return Visit(
        viewer_id=nothing + 1,
        date=DAY,
        hour=nothing,
        device=nothing,
        keys=Stream(9, "visits").keys(np.arange(count)),
        candidates=np.arange(1, candidates + 1),
        pools=np.broadcast_to(pools, (count, *pools.shape)),
        columns=columns,
    )


def test_propensities_of_the_logging_policy_are_the_shares_of_pages_that_show_the_title():
    pools = np.stack([np.arange(1, 13) + 3 * row for row in range(5)])
    visit = many_visits(40_000, pools)
    titles, propensity = logging_policy(visit)
    # First place of the first row: nothing is placed before, so the propensity is unconditional.
    first, chance = titles[:, 0, 0], propensity[:, 0, 0]
    for title in range(1, 13):
        assert len(set(chance[first == title].tolist())) == 1
        assert (first == title).mean() == pytest.approx(chance[first == title][0], abs=0.012)
    # Later places: over all titles that could stand there, 1/propensity of the one that does averages to their number
    # only if the propensity is the conditional chance; so 1 = mean of [title = t] / propensity for a title still open.
    for row, column in ((0, 2), (2, 1), (4, 3)):
        title = int(pools[row, 4])
        earlier = titles.reshape(len(visit), -1)[:, : row * 4 + column]
        open_still = ~(earlier == title).any(axis=1)
        here = titles[:, row, column] == title
        weight = (here / np.maximum(propensity[:, row, column], 1e-6))[open_still]
        assert weight.mean() == pytest.approx(1, abs=4 * weight.std() / np.sqrt(len(weight)))


@pytest.mark.parametrize("policy", [logging_policy, uniform_policy])
def test_no_page_shows_a_title_twice(policy):
    titles, propensity = policy(many_visits(500, np.stack([np.arange(1, 25)] * 5)))
    for page in titles.reshape(500, -1):
        shown = page[page > 0]
        assert len(set(shown)) == len(shown)
    assert ((propensity > 0) == (titles > 0)).all()
    assert (propensity <= 1).all()


def test_the_uniform_policy_shows_every_title_equally_often():
    titles, propensity = uniform_policy(many_visits(20_000, np.ones((5, 8), dtype=int), candidates=40))
    share = np.bincount(titles.ravel(), minlength=41)[1:] / titles.size
    assert share == pytest.approx(np.full(40, 1 / 40), rel=0.05)
    assert propensity[0].ravel()[:3] == pytest.approx([1 / 40, 1 / 39, 1 / 38], abs=1e-6)


def test_examination_falls_with_the_row_and_breaks_after_the_fifth_place():
    rules = SimulationConfig().behaviour
    chance = examined(Stream(1, "look").keys(np.arange(20_000)), 5, 8, rules).mean(axis=0)
    assert (np.diff(chance, axis=0) < 0).all()
    assert (np.diff(chance, axis=1) < 0).all()
    steps = chance[0, 1:] / chance[0, :-1]
    assert steps[4] < 0.6 * steps[[0, 1, 2, 3, 5, 6]].min()
    # Not a product of a row's and a column's factor: the share beyond the swipe differs between rows.
    assert chance[0, 5] / chance[0, 4] > 1.3 * chance[4, 5] / chance[4, 4]


def test_examination_can_be_made_a_clean_product():
    rules = replace(SimulationConfig().behaviour, swipe_fall=1.0)
    for chance, close in (
        (examination(rules, 5, 8), 1e-12),
        (examined(Stream(1, "look").keys(np.arange(20_000)), 5, 8, rules).mean(axis=0), 0.02),
    ):
        product = chance[:, :1] * chance[:1] / chance[0, 0]
        assert chance == pytest.approx(product, abs=close)
    usual = examination(SimulationConfig().behaviour, 5, 8)
    assert not np.allclose(usual, usual[:, :1] * usual[:1] / usual[0, 0], atol=0.02)


def everything(service: Service, day: int) -> pd.DataFrame:
    service.run_until(day)
    log = tables.with_instants(service.log.take("views"), service.world.config)
    return tables.views_table(log, 1).to_pandas()


def test_viewers_simulated_alone_do_what_they_do_in_the_crowd(world):
    days = world.config.days
    crowd = everything(Service(world), days).drop(columns="view_id")
    parts = [everything(Service(world, np.arange(start, start + 20)), days) for start in (0, 20, 40)]
    alone = pd.concat(parts).drop(columns="view_id")
    order = ["started_at", "viewer_id", "session_id"]
    pd.testing.assert_frame_equal(
        crowd.sort_values(order, kind="stable").reset_index(drop=True),
        alone.sort_values(order, kind="stable").reset_index(drop=True),
    )


def test_running_the_logging_policy_again_repeats_the_dataset(dataset, config):
    outcome = run(make_world(config, 3), viewers=range(1, 41))
    views = dataset.frame("views").drop(columns="view_id")
    wanted = views[views["viewer_id"] <= 40].reset_index(drop=True)
    assert len(wanted) > 500
    pd.testing.assert_frame_equal(outcome.views.drop(columns="view_id"), wanted)


def test_one_changed_slot_changes_nothing_for_others_and_nothing_before(world):
    logged = run(world)
    views = logged.views
    earlier = views[views["started_local"] < pd.Timestamp(DAY)].groupby("viewer_id").size()
    regulars = views["viewer_id"].isin(earlier.index[earlier > 5])
    at_rows = views[regulars & (views["surface"] == "row") & (views["started_local"] > pd.Timestamp(DAY))]
    # Someone whose page mattered: on that day, they played a title from it.
    chosen = at_rows.iloc[0]
    viewer, day = int(chosen["viewer_id"]), chosen["started_local"].date()

    def empty_one_slot(visit):
        titles, propensity = logging_policy(visit)
        if visit.date == day:
            slot = (titles == chosen["title_id"]) & (visit.viewer_id == viewer)[:, None, None]
            assert slot.sum() <= 1
            titles[slot], propensity[slot] = 0, 0
        return titles, propensity

    changed = run(world, empty_one_slot)
    before, after = logged.views, changed.views
    ours = [frame[frame["viewer_id"] == viewer].drop(columns="view_id") for frame in (before, after)]
    assert not ours[0].reset_index(drop=True).equals(ours[1].reset_index(drop=True))
    people = [result.viewers[result.viewers["viewer_id"] != viewer] for result in (logged, changed)]
    pd.testing.assert_frame_equal(*people)
    same = ["viewer_id", "title_id", "started_at", "minutes", "completion"]
    others = [frame.loc[frame["viewer_id"] != viewer, same].reset_index(drop=True) for frame in (before, after)]
    pd.testing.assert_frame_equal(*others)
    midnight = pd.Timestamp(day)
    past = [
        frame.loc[(frame["viewer_id"] == viewer) & (frame["started_local"] < midnight), same].reset_index(drop=True)
        for frame in (before, after)
    ]
    assert len(past[0]) > 5
    pd.testing.assert_frame_equal(*past)


def test_a_bad_policy_lowers_satisfaction_and_raises_churn():
    config = SimulationConfig(
        viewers=400, titles=120, starts_on=dt.date(2025, 1, 1), ends_on=dt.date(2025, 6, 30), experiments=()
    )
    world = make_world(config, 21)

    def worst(visit):
        titles, propensity = np.zeros(visit.shape, dtype=np.int64), np.zeros(visit.shape)
        titles[:, 0, :2] = np.sort(visit.candidates)[:2]
        propensity[:, 0, :2] = 1.0
        return titles, propensity

    good, bad = run(world), run(world, worst)
    assert bad.viewers["satisfaction"].mean() < good.viewers["satisfaction"].mean() - 0.02
    assert bad.viewers["left"].sum() > 1.1 * good.viewers["left"].sum()
    assert bad.viewers["minutes"].mean() < good.viewers["minutes"].mean()
    assert "minutes each (95 % interval" in good.summary()
    assert len(good.to_frame()) == 400


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda titles, chance: (titles[:, :2], chance[:, :2]), "shapes"),
        (lambda titles, chance: (titles + 5_000, chance), "can't be watched"),
        (lambda titles, chance: (titles, chance * 0), "propensity"),
        (lambda titles, chance: (titles, chance + 1), "propensity"),
        (lambda titles, chance: (np.where(titles > 0, titles[:, :1, :1], 0), chance), "twice"),
    ],
)
def test_a_policy_that_breaks_the_contract_is_told_how(world, spoil, named):
    with pytest.raises(ModelError, match=named):
        run(world, lambda visit: spoil(*logging_policy(visit)), period=(DAY, DAY))


def test_a_run_outside_of_the_world_is_refused(world):
    with pytest.raises(ParameterError, match="within the world's days"):
        run(world, period=(dt.date(2020, 1, 1), DAY))
    with pytest.raises(ParameterError, match="no such viewer"):
        run(world, viewers=[0])


def test_arms_are_split_as_meant_and_forcing_overrides_them():
    numbers = np.arange(20_000)
    experiment = Experiment("x", "?", "", DAY, days=7, treated_share=0.3, click=0.5, lost_share=0.2)
    treated = experiment.treated(1, numbers)
    assert treated.mean() == pytest.approx(0.3, abs=0.01)
    logged = experiment.logged(1, numbers)
    assert logged[treated == 0].all()
    assert logged[treated == 1].mean() == pytest.approx(0.8, abs=0.02)
    plans = np.zeros(len(numbers), dtype=np.int64)
    for arm in (0, 1):
        forced = treatment((experiment,), DAY, 1, numbers, plans, PLANS, {"x": arm})
        assert (forced.click == 32 * arm).all()
    assert not treatment((experiment,), DAY + dt.timedelta(days=7), 1, numbers, plans, PLANS, {}).click.any()


def test_effects_fade_and_reverse_as_written_down():
    numbers, plans = np.arange(3), np.array([0, 1, 2])
    fading = Experiment("f", "?", "", DAY, click=1.0, click_fades_days=7.0)
    later = treatment((fading,), DAY + dt.timedelta(days=7), 1, numbers, plans, PLANS, {"f": 1})
    assert later.click[0] == round(64 * np.exp(-1))
    turned = Experiment("r", "?", "", DAY, click=0.5, reversed_plan=PLANS[1], reversed_click=-1.0)
    assert treatment((turned,), DAY, 1, numbers, plans, PLANS, {"r": 1}).click.tolist() == [32, -64, 32]
    fading = replace(turned, click_fades_days=7.0)
    later = treatment((fading,), DAY + dt.timedelta(days=7), 1, numbers, plans, PLANS, {"r": 1})
    assert later.click.tolist() == [round(32 * np.exp(-1)), round(-64 * np.exp(-1)), round(32 * np.exp(-1))]
