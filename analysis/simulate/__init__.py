"""The simulated streaming service: sample data whose truth is known."""

from analysis.simulate.bulk import write_views
from analysis.simulate.clock import Rhythm, steady
from analysis.simulate.config import Behaviour, SimulationConfig, small
from analysis.simulate.counterfactual import Outcome, run
from analysis.simulate.experiments import Experiment, standard_experiments
from analysis.simulate.page import Page, Policy, Visit, logging_policy, uniform_policy
from analysis.simulate.service import Service
from analysis.simulate.world import World, make_world
from analysis.simulate.writing import SAMPLE_NAME, SEED, SimulatedDataset, check_sample, simulate

__all__ = [
    "SAMPLE_NAME",
    "SEED",
    "Behaviour",
    "Experiment",
    "Outcome",
    "Page",
    "Policy",
    "Rhythm",
    "Service",
    "SimulatedDataset",
    "SimulationConfig",
    "Visit",
    "World",
    "check_sample",
    "logging_policy",
    "make_world",
    "run",
    "simulate",
    "small",
    "standard_experiments",
    "steady",
    "uniform_policy",
    "write_views",
]
