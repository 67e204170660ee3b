"""The simulated streaming service: sample data whose truth is known."""

from analysis.simulate.config import Behaviour, SimulationConfig, small
from analysis.simulate.experiments import Experiment, standard_experiments
from analysis.simulate.run import SEED, SimulatedDataset, simulate
from analysis.simulate.service import Service
from analysis.simulate.world import World, make_world

__all__ = [
    "SEED",
    "Behaviour",
    "Experiment",
    "Service",
    "SimulatedDataset",
    "SimulationConfig",
    "World",
    "make_world",
    "simulate",
    "small",
    "standard_experiments",
]
