"""What is true of a simulated service: its parameters, and what estimates of them should recover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analysis.results import plain
from analysis.simulate.config import ROWS, SimulationConfig
from analysis.simulate.expectations import Expectation, Expected, expectations
from analysis.simulate.experiments import Experiment
from analysis.simulate.keyed import Flags, Floats, Ints
from analysis.simulate.languages import LANGUAGES, penalty
from analysis.simulate.log import Columns, join
from analysis.simulate.page import VISIBLE, examination, logging_policy, uniform_policy
from analysis.simulate.service import Service
from analysis.simulate.sessions import CONTINUE_POLICY
from analysis.simulate.tables import rows_of
from analysis.simulate.viewers import COUNTRY_TASTES, PLAN_CHURN, PLANS, taste_variances
from analysis.simulate.watching import FINISHED
from analysis.simulate.world import World

METRICS: dict[str, str] = {
    "minutes per viewer": "minutes",
    "plays per viewer": "plays",
    "completion rate": "share of plays",
}
"""Metrics with a true effect, and their units."""

EVERYBODY = "all viewers, all days"


@dataclass(frozen=True)
class Effect:
    """The true effect of one experiment on one metric in one segment.

    Attributes:
        experiment_id: Which experiment.
        metric: Which metric.
        segment: `EVERYBODY`, a plan, or a week.
        control: Mean over all assigned viewers, had all of them been in control.
        treatment: The same, had all of them been treated.
        viewers: Number of assigned viewers.
    """

    experiment_id: str
    metric: str
    segment: str
    control: float
    treatment: float
    viewers: int


@dataclass(frozen=True)
class Branches:
    """Both potential outcomes of an experiment's weeks: the logs with everybody in control, and with all treated.

    Attributes:
        views: Views of each arm.
        sessions: Sessions of each arm.
        first_day: First day.
        last_day: Last day, included.
    """

    views: tuple[Columns, Columns]
    sessions: tuple[Columns, Columns]
    first_day: int
    last_day: int


@dataclass(frozen=True)
class Happenings:
    """What happened in an experiment's weeks.

    Attributes:
        views: Views: `number`, `day`, `minutes`, `completion`.
        sessions: Sessions: `number`, `day`.
    """

    views: Columns
    sessions: Columns


def opposite(services: Sequence[Service], experiment: Experiment) -> Happenings:
    """Run the experiment's weeks from this moment with every viewer in the other arm, and with the same luck."""
    world = services[0].world
    views, sessions = [], []
    for service in services:
        arm = experiment.treated(world.seed, service.viewers.number)
        twin = service.fork(forced={experiment.experiment_id: 1 - arm})
        twin.impressions_from = world.config.days
        twin.run_until(world.config.day(experiment.ends_on) + 1)
        views.append(twin.log.take("views"))
        sessions.append(twin.log.take("sessions"))
    return Happenings(join(views), join(sessions))


def branches(world: World, experiment: Experiment, real: Happenings, other: Happenings | None) -> Branches:
    """Both potential outcomes: viewers don't influence each other, so each viewer's own arm is what really happened.

    Args:
        world: The world.
        experiment: The experiment.
        real: What happened in its weeks.
        other: What would have happened to each viewer in the other arm; None where the treatment does nothing.
    """
    config = world.config
    first, last = config.day(experiment.starts_on), config.day(experiment.ends_on)
    treated = experiment.treated(world.seed, np.arange(config.viewers)) == 1
    nobody = np.zeros(0, dtype=np.int64)

    def arms(happened: Columns, would_have: Columns) -> tuple[Columns, Columns]:
        if other is None:
            return happened, happened
        own, turned = (treated[events.get("number", nobody)] for events in (happened, would_have))
        return (
            join([rows_of(happened, ~own), rows_of(would_have, turned)]),
            join([rows_of(happened, own), rows_of(would_have, ~turned)]),
        )

    would = other or real
    return Branches(arms(real.views, would.views), arms(real.sessions, would.sessions), first, last)


def true_effects(world: World, experiment: Experiment, branches: Branches) -> list[Effect]:
    """The effects on these viewers (sample average treatment effects): exact, since both outcomes are known.

    Viewers count from their first session of that time on, as in `assignments`.
    """
    assigned = np.bincount(branches.sessions[0]["number"], minlength=world.config.viewers) > 0
    effects = []
    for segment, viewers, days in _segments(world, experiment, branches):
        counted = assigned & viewers
        arms = [_means(views, counted, days) for views in branches.views]
        effects += [
            Effect(experiment.experiment_id, metric, segment, arms[0][metric], arms[1][metric], int(counted.sum()))
            for metric in METRICS
        ]
    return effects


def _segments(world: World, experiment: Experiment, branches: Branches) -> Iterator[tuple[str, Flags, tuple[int, int]]]:
    """All, and where the effect differs by plan or by week, each of them: name, viewers, first and last day."""
    everyone, days = np.ones(world.config.viewers, dtype=bool), (branches.first_day, branches.last_day)
    yield EVERYBODY, everyone, days
    if experiment.reversed_plan:
        for number, plan in enumerate(PLANS):
            yield f"plan {plan}", world.viewers.plan == number, days
    if experiment.click_fades_days:
        for week, first in enumerate(range(days[0], days[1] + 1, 7), start=1):
            yield f"week {week}", everyone, (first, min(first + 6, days[1]))


def _means(views: Columns, counted: Flags, days: tuple[int, int]) -> dict[str, float]:
    here = counted[views["number"]] & (views["day"] >= days[0]) & (views["day"] <= days[1])
    plays, viewers = max(int(here.sum()), 1), max(int(counted.sum()), 1)
    finished = float((views["completion"][here] >= FINISHED).sum())
    values = (float(views["minutes"][here].sum()) / viewers, float(here.sum()) / viewers, finished / plays)
    return {metric: round(value, 6) for metric, value in zip(METRICS, values, strict=True)}


def peeking_salt(experiment: Experiment, branches: Branches, seed: int, viewers: int) -> int:
    """A way to split the viewers under which someone who looks every day would have shipped a change without effect.

    The split is drawn again (by its salt) until some daily z of minutes per viewer is over 2.2 after the fourth day,
    while the last one is under 1.2; without an effect, no split changes what anybody does. Gives the experiment's own
    salt where 2,000 draws hold no such split.
    """
    views, sessions, first = branches.views[0], branches.sessions[0], branches.first_day
    days = branches.last_day - first + 1
    minutes = np.zeros((viewers, days))
    np.add.at(minutes, (views["number"], np.minimum(views["day"] - first, days - 1)), views["minutes"])
    running = np.cumsum(minutes, axis=1)
    since = np.full(viewers, days)
    np.minimum.at(since, sessions["number"], np.minimum(sessions["day"] - first, days - 1))
    counted = since[:, None] <= np.arange(days)
    for salt in range(2_000):
        arm = replace(experiment, salt=salt).treated(seed, np.arange(viewers))
        z = _daily_z(running, counted, arm)
        if np.abs(z[4:-5]).max() > 2.2 and abs(z[-1]) < 1.2:
            return salt
    return experiment.salt


def _daily_z(running: Floats, counted: Flags, arm: Floats) -> Floats:
    """Z of treatment less control in running minutes per viewer, after each day."""
    parts = []
    for group in (arm == 1, arm == 0):
        inside = counted & group[:, None]
        count = np.maximum(inside.sum(axis=0), 2)
        mean = (running * inside).sum(axis=0) / count
        variance = ((running - mean) ** 2 * inside).sum(axis=0) / (count - 1)
        parts.append((mean, variance / count))
    z: Floats = (parts[0][0] - parts[1][0]) / np.sqrt(np.maximum(parts[0][1] + parts[1][1], 1e-12))
    return z


def policy_values(services: Sequence[Service], until: int) -> dict[str, float]:
    """Clicks per page visit from now on under each policy alone: the same viewers, days and luck for both."""
    values = {}
    for name, policy in (("personal-v1", logging_policy), ("uniform", uniform_policy)):
        clicks, visits = 0, 0
        for service in services:
            twin = service.fork(policy=policy)
            twin.uniform_share, twin.impressions_from = 0.0, service.day
            twin.run_until(until)
            shown = twin.log.take("impressions")
            if shown:
                # The row of the title under way is no policy's.
                page = shown["policy"] != CONTINUE_POLICY
                clicks += int(shown["clicked"][page].sum())
                visits += len(np.unique(shown["session"][page]))
        values[name] = round(clicks / max(visits, 1), 6)
    return values


@dataclass(frozen=True)
class Tally:
    """Sums over a whole run, from which estimands are computed.

    Attributes:
        stars: Stars of each play that might have been rated, given or not.
        values: Clicks per visit of each policy, had it filled every page.
    """

    stars: Ints
    values: dict[str, float]


def _examination(config: SimulationConfig) -> Floats:
    return examination(config.behaviour, len(ROWS), config.columns)


def truth_document(
    world: World,
    experiments: Sequence[Experiment],
    effects: Sequence[Effect],
    tally: Tally,
    expected: Mapping[str, Expected],
) -> dict[str, Any]:
    """The content of `truth.json`: parameters, experiments with their true effects, and estimands.

    An estimand has a `function` that recovers it when asked for its `scope`, or a `reason` why none does; with both,
    the function gives an answer that is known to be off. `truth_error` is the standard error that is left in a value
    from the large run of other viewers; exact values have none.
    """
    parameters = asdict(world.config)
    parameters.pop("experiments")
    return {
        "format": 1,
        "seed": world.seed,
        "parameters": {
            **plain(parameters),
            "multipliers": world.config.rhythm.multipliers(),
            "log-odds of a click lost, viewer's language by the title's": {
                language: dict(zip(LANGUAGES, row, strict=True))
                for language, row in zip(LANGUAGES, _foreign(world.config), strict=True)
            },
            "taste by country, in standard deviations": [[*key, size] for key, size in COUNTRY_TASTES.items()],
            "log-odds to leave added by plan": dict(zip(PLANS, PLAN_CHURN, strict=True)),
            "examination": np.round(_examination(world.config), 6).tolist(),
        },
        "experiments": [_described(e, [f for f in effects if f.experiment_id == e.experiment_id]) for e in experiments],
        "estimands": [*(_of_effect(effect) for effect in effects), *_of_service(world, tally, expected)],
    }


def _foreign(config: SimulationConfig) -> list[list[float]]:
    rules = config.behaviour
    return [[float(lost) for lost in row] for row in penalty(rules.foreign, rules.foreign_english)]


def _described(experiment: Experiment, effects: Sequence[Effect]) -> dict[str, Any]:
    return {
        **plain(asdict(experiment)),
        "ends_on": experiment.ends_on.isoformat(),
        "variants": ["control", "treatment"],
        "true_effects": [
            {
                "metric": e.metric,
                "segment": e.segment,
                "unit": METRICS[e.metric],
                "all_control": e.control,
                "all_treatment": e.treatment,
                "difference": round(e.treatment - e.control, 6),
                "relative": round(e.treatment / e.control - 1, 6) if e.control else None,
                "viewers": e.viewers,
            }
            for e in effects
        ],
    }


def _of_effect(effect: Effect) -> dict[str, Any]:
    if effect.metric == "completion rate":
        what, formula = "Share of plays that reach 90 % of the running time", "ΣF(1)/ΣP(1) − ΣF(0)/ΣP(0)"
    else:
        what, formula = f"Mean {effect.metric}", "mean Y(1) − mean Y(0)"
    return {
        "name": f"{effect.experiment_id}: {effect.metric}, {effect.segment}",
        "group": "experiments",
        "definition": (
            f"{what} of the {effect.viewers:,} viewers with a session in the experiment's time ({effect.segment}), "
            "had all been treated, less the same, had all been in control."
        ),
        "formula": formula,
        "value": round(effect.treatment - effect.control, 6),
        "truth_error": None,
        "unit": METRICS[effect.metric],
        "function": "analysis.experiments.multi.compare_variants",
        "scope": {"experiment_id": effect.experiment_id, "metric": effect.metric, "segment": effect.segment},
        "reason": None,
    }


def _of_service(world: World, tally: Tally, expected: Mapping[str, Expected]) -> list[dict[str, Any]]:
    return [
        *(_of_expectation(e, expected[e.name]) for e in expectations() if e.name in expected),
        *_of_examination(world.config),
        *_unrecovered(tally),
    ]


def _of_expectation(expectation: Expectation, found: Expected) -> dict[str, Any]:
    return {
        "name": expectation.name,
        "group": expectation.group,
        "definition": expectation.definition,
        "formula": expectation.formula,
        "value": found.value,
        "truth_error": found.error,
        "unit": expectation.unit,
        "function": expectation.function,
        "scope": dict(expectation.scope),
        "reason": None,
    }


def _of_examination(config: SimulationConfig) -> list[dict[str, Any]]:
    """How much places are looked at, relative to others: parameters, in closed form."""
    chance = _examination(config)
    front, behind = list(range(min(VISIBLE, config.columns))), list(range(VISIBLE, config.columns))
    everywhere = list(range(len(ROWS)))
    asked = [
        ("examination, second row against first", "the first five places of the second row are looked at",
         {"rows": [1], "columns": front}, {"rows": [0], "columns": front}, "those of the first row"),
    ]  # fmt: skip
    if behind:
        asked.append(
            ("examination, behind the swipe against in front", "the places of a row behind the swipe are looked at",
             {"rows": everywhere, "columns": behind}, {"rows": everywhere, "columns": front}, "the first five")
        )  # fmt: skip
    return [
        {
            "name": name,
            "group": "home page",
            "definition": f"Chance that {words}, relative to {others}.",
            "formula": "mean P(E) over these places / mean P(E) over the others",
            "value": round(float(_mean(chance, place) / _mean(chance, against)), 6),
            "truth_error": None,
            "unit": "ratio",
            "function": "analysis.patterns.page.examination",
            "scope": {"place": place, "against": against},
            "reason": None,
        }
        for name, words, place, against, others in asked
    ]


def _mean(chance: Floats, places: Mapping[str, list[int]]) -> float:
    return float(chance[np.ix_(places["rows"], places["columns"])].mean())


def _unrecovered(tally: Tally) -> list[dict[str, Any]]:
    """Estimands that no function recovers from the tables, and why; of one a plain answer is known to be wrong."""
    by_age, by_country = taste_variances()
    rows: list[tuple[str, str, str, float | None, str, str | None, str]] = [
        (
            "mean stars of all plays",
            "Mean stars that everybody who finished or gave up a play would have given, rated or not.",
            "mean S(viewer, play)",
            float(tally.stars.mean()) if len(tally.stars) else None,
            "stars",
            "analysis.patterns.ratios.mean_stars",
            "Who loved or hated a title rates it more: ratings are missing not at random, so the mean of the ratings "
            "given is off, and no interval around it promises to hold this.",
        ),
        (
            "clicks per visit, had the logging policy filled every page",
            "Clicks per page visit in the impressions' weeks, had every page been filled by the logging policy.",
            "clicks / visits in a run with that policy alone",
            tally.values.get("personal-v1"),
            "clicks",
            None,
            "A policy changes who comes and what they have seen; logged pages show one day's difference and not that.",
        ),
        (
            "clicks per visit, had every page been uniform",
            "Clicks per page visit in the impressions' weeks, had every page been filled uniformly at random.",
            "clicks / visits in a run with that policy alone",
            tally.values.get("uniform"),
            "clicks",
            None,
            "A policy changes who comes and what they have seen; logged pages show one day's difference and not that.",
        ),
        (
            "variance of taste explained by age band",
            "Share of the variance of genre tastes that lies between age bands.",
            "Var E[taste | age] / Var taste",
            by_age,
            "share",
            None,
            "Tastes are not in the tables; plays show them only through what was on offer.",
        ),
        (
            "variance of taste explained by country",
            "Share of the variance of genre tastes that lies between countries.",
            "Var E[taste | country] / Var taste",
            by_country,
            "share",
            None,
            "Tastes are not in the tables; plays show them only through what was on offer.",
        ),
    ]
    return [
        {
            "name": name,
            "group": "not recovered",
            "definition": definition,
            "formula": formula,
            "value": round(value, 6),
            "truth_error": None,
            "unit": unit,
            "function": function,
            "scope": {},
            "reason": reason,
        }
        for name, definition, formula, value, unit, function, reason in rows
        if value is not None
    ]
