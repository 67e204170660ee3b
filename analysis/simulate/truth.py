"""What is true of a simulated service: its parameters, and what estimates of them should recover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.results import plain
from analysis.simulate import clock
from analysis.simulate.experiments import Experiment
from analysis.simulate.log import join
from analysis.simulate.service import Service
from analysis.simulate.watching import FINISHED
from analysis.simulate.world import World

METRICS: dict[str, str] = {
    "minutes per viewer": "minutes",
    "plays per viewer": "plays",
    "completion rate": "share of plays",
}
"""Metrics with a true effect, and their units."""


@dataclass(frozen=True)
class Effect:
    """The true effect of one experiment on one metric.

    Attributes:
        experiment_id: Which experiment.
        metric: Which metric.
        control: Mean over all assigned viewers, had all of them been in control.
        treatment: The same, had all of them been treated.
        viewers: Number of assigned viewers.
    """

    experiment_id: str
    metric: str
    control: float
    treatment: float
    viewers: int


def true_effects(services: Sequence[Service], experiment: Experiment) -> list[Effect]:
    """Run the experiment's weeks twice from this moment, all in control and all treated, with the same luck.

    So each viewer's two outcomes are known, and the effect on these viewers (the sample average treatment effect) is
    exact. Viewers count from their first session of that time on, as in `assignments`.
    """
    config = services[0].world.config
    until = config.day(experiment.ends_on) + 1
    arms: list[dict[str, npt.NDArray[Any]]] = []
    for arm in (0, 1):
        outcomes = []
        for service in services:
            branch = service.fork(forced={experiment.experiment_id: arm})
            branch.impressions_from = config.days
            branch.run_until(until)
            outcomes.append(branch.log)
        views, sessions = (
            join([log.take("views") for log in outcomes]),
            join([log.take("sessions") for log in outcomes]),
        )
        arms.append(_outcomes(views, sessions, config.viewers))
    assigned = arms[0]["assigned"] > 0
    effects = []
    for metric in METRICS:
        means = [_mean(arm, metric, assigned) for arm in arms]
        effects.append(Effect(experiment.experiment_id, metric, means[0], means[1], int(assigned.sum())))
    return effects


def _outcomes(views: Mapping[str, Any], sessions: Mapping[str, Any], viewers: int) -> dict[str, npt.NDArray[Any]]:
    number = views["number"]
    return {
        "assigned": np.bincount(sessions["number"], minlength=viewers).astype(np.float64),
        "minutes": np.bincount(number, views["minutes"], viewers),
        "plays": np.bincount(number, minlength=viewers).astype(np.float64),
        "finished": np.bincount(number, views["completion"] >= FINISHED, viewers),
    }


def _mean(arm: Mapping[str, npt.NDArray[Any]], metric: str, assigned: Any) -> float:
    if metric == "minutes per viewer":
        value = arm["minutes"][assigned].mean()
    elif metric == "plays per viewer":
        value = arm["plays"][assigned].mean()
    else:
        value = arm["finished"][assigned].sum() / max(arm["plays"][assigned].sum(), 1.0)
    return round(float(value), 6)


def truth_document(world: World, experiments: Sequence[Experiment], effects: Sequence[Effect]) -> dict[str, Any]:
    """The content of `truth.json`: parameters, experiments with their true effects, and estimands."""
    parameters = asdict(world.config)
    parameters.pop("experiments")
    described = []
    for experiment in experiments:
        own = [effect for effect in effects if effect.experiment_id == experiment.experiment_id]
        described.append(
            {
                **plain(asdict(experiment)),
                "ends_on": experiment.ends_on.isoformat(),
                "variants": ["control", "treatment"],
                "true_effects": [
                    {
                        "metric": e.metric,
                        "unit": METRICS[e.metric],
                        "all_control": e.control,
                        "all_treatment": e.treatment,
                        "difference": round(e.treatment - e.control, 6),
                        "relative": round(e.treatment / e.control - 1, 6) if e.control else None,
                        "viewers": e.viewers,
                    }
                    for e in own
                ],
            }
        )
    return {
        "format": 1,
        "seed": world.seed,
        "parameters": {
            **plain(parameters),
            "genre_multipliers": {
                "horror in October, by country": dict(clock.HORROR_OCTOBER),
                "horror in October, elsewhere": clock.HORROR_ELSEWHERE,
                "family in school holidays": clock.FAMILY_SCHOOL_HOLIDAYS,
                "romance on Friday evenings": clock.FRIDAY_ROMANCE,
            },
        },
        "experiments": described,
        "estimands": [_effect_estimand(effect) for effect in effects],
    }


def _effect_estimand(effect: Effect) -> dict[str, Any]:
    return {
        "name": f"{effect.experiment_id}: {effect.metric}",
        "definition": (
            f"Mean of {effect.metric.removesuffix(' per viewer')} over the {effect.viewers:,} viewers with a session "
            "in the experiment's time, had all been treated, less the same, had all been in control."
            if effect.metric != "completion rate"
            else "Share of plays that reach 90 % of the running time, had all been treated, less the same in control."
        ),
        "formula": "mean(Y(1)) - mean(Y(0))"
        if effect.metric != "completion rate"
        else "sum F(1)/sum P(1) - sum F(0)/sum P(0)",
        "value": round(effect.treatment - effect.control, 6),
        "unit": METRICS[effect.metric],
        "function": "analysis.experiments",
        "scope": {"experiment_id": effect.experiment_id, "metric": effect.metric},
    }
