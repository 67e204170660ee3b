"""A small world, its dataset and the committed sample, made once for all tests of the simulator."""

import datetime as dt
from dataclasses import replace

import pytest

from analysis.data import Dataset
from analysis.simulate import SimulationConfig, make_world, simulate, small
from analysis.workspace import SAMPLE


@pytest.fixture(scope="session")
def config() -> SimulationConfig:
    """The small world's configuration."""
    return small()


@pytest.fixture(scope="session")
def tiny() -> SimulationConfig:
    """Some weeks of a few viewers, for what is run many times."""
    return replace(
        small(), viewers=60, titles=80, starts_on=dt.date(2025, 10, 1), ends_on=dt.date(2025, 10, 28), warm_up_days=7
    )


@pytest.fixture(scope="session")
def world(tiny):
    """The tiny world."""
    return make_world(tiny, 11)


@pytest.fixture(scope="session")
def dataset(config, tmp_path_factory) -> Dataset:
    """The small world's dataset."""
    folder = tmp_path_factory.mktemp("simulated") / "small"
    simulate(folder, config=config, seed=3)
    return Dataset.open(folder)


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """The committed sample."""
    return Dataset.open(SAMPLE)
