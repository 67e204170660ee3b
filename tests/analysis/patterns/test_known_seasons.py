"""What was planted in the sample is found by those who look for it, and sized as the truth says."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from analysis.data import Dataset
from analysis.patterns import appetite, hours, planted, special_days
from analysis.patterns.appetite import SCHOOL, Appetite
from analysis.patterns.calendar_map import calendar_map
from analysis.simulate import SimulationConfig, simulate, small, steady
from analysis.truth import Estimate, Recovery
from analysis.workspace import SAMPLE, Workspace

PLANTED = (
    "horror, October against the months around",
    "lift of horror in October",
    "thriller, 21:00 to 23:00 against daytime",
    "romance, Friday evening against Monday to Thursday",
)


@pytest.fixture(scope="module")
def sample() -> Dataset:
    return Dataset.open(SAMPLE)


@pytest.fixture(scope="module")
def wanted(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Appetite:
    return appetite(sample, workspace=Workspace(tmp_path_factory.mktemp("known")))


def errors_off(estimate: Estimate, truth: float) -> float:
    """Distance from the truth in standard errors, on the log scale on which ratios' intervals are made."""
    return abs(np.log(estimate.value / truth)) / (np.log(estimate.high / estimate.low) / 2 / 1.96)


@pytest.mark.parametrize("name", PLANTED)
def test_clock_and_seasons_are_found_and_sized(sample: Dataset, name: str) -> None:
    asked: Mapping[str, Any] = next(e for e in sample.truth()["estimands"] if e["name"] == name)
    estimate = Recovery()(sample, asked["function"], asked["scope"])
    assert estimate.low > 1, "found"
    assert asked["value"] > 1
    # One interval in twenty misses by chance; none misses by half as much again.
    assert errors_off(estimate, asked["value"]) < 3


def test_october_horror_and_family_in_school_holidays_are_claimed_and_sized(sample: Dataset, wanted: Appetite) -> None:
    truth = planted(sample, wanted)
    names = {(wanted.genres[g], wanted.seasons[s]): factor for (g, s), factor in truth.items()}
    assert set(names) == {("Horror", "October"), ("Family", SCHOOL)}
    for cell, factor in truth.items():
        assert wanted.claimed[cell]
        assert wanted.low[cell] > 1
        # A factor on the odds of a click; plays that go on with something begun before don't follow it.
        assert wanted.low[cell] < factor * 1.1
    others = {wanted.genres[g] for g, _ in wanted.claims()} - {"Horror", "Family", "Animation", "Romance"}
    assert not others, "a genre is claimed in which nothing was planted: Christmas titles are family and romance"


def test_late_thrillers_are_claimed(sample: Dataset) -> None:
    found = hours(sample)
    late = [found.claimed[hour, found.genres.index("Thriller")] for hour in (21, 22, 23)]
    assert all(late)


def test_in_a_steady_world_nothing_is_claimed(tmp_path, workspace: Workspace) -> None:
    plain = small()
    config = SimulationConfig(
        viewers=250, titles=120, starts_on=plain.starts_on, ends_on=plain.ends_on, warm_up_days=14, impressions_days=0,
        experiments=(), views_only=True, rhythm=steady(),
    )  # fmt: skip
    simulate(tmp_path / "steady", config=config, seed=3)
    steady_ = Dataset.open(tmp_path / "steady")
    found = hours(steady_, workspace=workspace)
    assert not found.claimed.any()
    assert "No genre's share differs" in found.summary()
    special = special_days(steady_, calendar_map(steady_, workspace=workspace), workspace=workspace)
    assert not special.anomalies
    assert not any(holiday.claimed for holiday in special.holidays)
