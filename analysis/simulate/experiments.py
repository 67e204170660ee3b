"""The experiments that ran in the service: who got what, and what it did to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.errors import ParameterError
from analysis.simulate.checks import check_whole, check_within
from analysis.simulate.keyed import TICK, Floats, Ints, Stream

CONTROL, TREATMENT = "control", "treatment"
PLANS = ("with ads", "standard", "premium")
"""What viewers subscribe to, and what an effect may reverse by."""


@dataclass(frozen=True)
class Experiment:
    """One finished experiment with two arms. Effects are log-odds in the treatment arm.

    Attributes:
        experiment_id: Its name.
        question: What it asked, in words.
        lesson: What it is there to show.
        starts_on: First local day.
        days: Length in days.
        treated_share: Share of viewers meant for the treatment.
        click: Change of the log-odds of a click on an examined title.
        click_fades_days: Days until the change of clicks has fallen to 1/e; 0 for an effect that stays.
        clickbait: Extra weight of appeal in a click, with `enjoyment` paying for it.
        enjoyment: Change of enjoyment, which drives completion.
        chain: Change of the log-odds that the next episode follows.
        personal: Change of the weight of estimated taste in the page's rows.
        reversed_plan: Plan whose viewers get `reversed_click` in place of `click`, or empty.
        reversed_click: Their change of the log-odds of a click.
        lost_share: Share of the treatment arm whose assignment was never logged.
        peeked: Whether the split is drawn so that daily looks mislead; for experiments without an effect.
        salt: Varies who gets what.

    Raises:
        ParameterError: A setting is outside of what it may be.
    """

    experiment_id: str
    question: str
    lesson: str
    starts_on: dt.date
    days: int = 28
    treated_share: float = 0.5
    click: float = 0.0
    click_fades_days: float = 0.0
    clickbait: float = 0.0
    enjoyment: float = 0.0
    chain: float = 0.0
    personal: float = 0.0
    reversed_plan: str = ""
    reversed_click: float = 0.0
    lost_share: float = 0.0
    peeked: bool = False
    salt: int = 0

    def __post_init__(self) -> None:
        name = f"experiment {self.experiment_id}: "
        if not self.experiment_id:
            raise ParameterError("An experiment has no name.", "Give it an experiment_id.")
        for whole in ("days", "salt"):
            check_whole(name + whole, getattr(self, whole))
        check_within(name + "days", self.days, 1, 3_650)
        for share in ("treated_share", "lost_share"):
            check_within(name + share, getattr(self, share), 0, 1)
        for effect in ("click", "clickbait", "enjoyment", "chain", "personal", "reversed_click"):
            check_within(name + effect, getattr(self, effect), -20, 20)
        check_within(name + "click_fades_days", self.click_fades_days, 0, 3_650)
        if self.reversed_plan and self.reversed_plan not in PLANS:
            raise ParameterError(
                f"{name}reversed_plan is {self.reversed_plan}.", f"The plans are {', '.join(PLANS)}; or leave it empty."
            )

    @property
    def ends_on(self) -> dt.date:
        """Last local day, included."""
        return self.starts_on + dt.timedelta(days=self.days - 1)

    @property
    def changes_something(self) -> bool:
        """Whether the treatment does anything at all."""
        return any((self.click, self.clickbait, self.enjoyment, self.chain, self.personal, self.reversed_click))

    def runs_on(self, date: dt.date) -> bool:
        """Whether the experiment runs on that local day."""
        return self.starts_on <= date <= self.ends_on

    def treated(self, seed: int, viewers: Ints) -> Floats:
        """1 for viewers in the treatment arm, 0 for control; a fixed function of the viewer's number."""
        luck = Stream(seed, f"experiment {self.experiment_id} {self.salt}").uniform(viewers)
        arm: Floats = (luck < self.treated_share).astype(np.float64)
        return arm

    def logged(self, seed: int, viewers: Ints) -> Floats:
        """1 for viewers whose assignment reached the log."""
        luck = Stream(seed, f"assignment log {self.experiment_id} {self.salt}").uniform(viewers)
        lost = (luck < self.lost_share) & (self.treated(seed, viewers) == 1)
        kept: Floats = (~lost).astype(np.float64)
        return kept


@dataclass(frozen=True)
class Treatment:
    """What all running experiments together do to each viewer on one day, in ticks of log-odds (0 for no change).

    Attributes:
        click: Added to every click.
        clickbait: Extra weight of appeal, as a share.
        enjoyment: Added to enjoyment.
        chain: Added to the log-odds of a next episode.
        personal: Extra weight of estimated taste in the rows, as a share.
    """

    click: Ints
    clickbait: Floats
    enjoyment: Ints
    chain: Ints
    personal: Floats


def treatment(
    experiments: tuple[Experiment, ...],
    date: dt.date,
    seed: int,
    viewers: Ints,
    plans: Ints,
    plan_names: tuple[str, ...],
    forced: Mapping[str, float | Floats],
) -> Treatment:
    """What the experiments do on `date` to viewers with these numbers and plans.

    `forced` puts viewers into an arm of an experiment (0 control, 1 treatment), all of them into one or each into an
    own: that is how true effects are computed.
    """
    zero = np.zeros(len(viewers))
    click, clickbait, enjoyment, chain, personal = zero, zero, zero, zero, zero
    for experiment in experiments:
        if not experiment.runs_on(date):
            continue
        name = experiment.experiment_id
        own = forced[name] if name in forced else experiment.treated(seed, viewers)
        arm = np.broadcast_to(np.asarray(own, dtype=np.float64), len(viewers))
        strength = np.full(len(viewers), experiment.click)
        if experiment.reversed_plan:
            strength[plans == plan_names.index(experiment.reversed_plan)] = experiment.reversed_click
        if experiment.click_fades_days:
            strength *= float(np.exp(-(date - experiment.starts_on).days / experiment.click_fades_days))
        click = click + strength * arm
        clickbait = clickbait + experiment.clickbait * arm
        enjoyment = enjoyment + experiment.enjoyment * arm
        chain = chain + experiment.chain * arm
        personal = personal + experiment.personal * arm
    return Treatment(
        np.rint(click * TICK).astype(np.int32),
        clickbait,
        np.rint(enjoyment * TICK).astype(np.int32),
        np.rint(chain * TICK).astype(np.int32),
        personal,
    )


def standard_experiments() -> tuple[Experiment, ...]:
    """The experiments of the sample: one for each thing that can go right or wrong."""
    return (
        Experiment(
            "new-home",
            "Does the new home screen make people watch more?",
            "a real effect",
            dt.date(2026, 2, 6),
            click=0.6,
            enjoyment=0.15,
        ),
        Experiment(
            "autoplay-countdown",
            "Does it make people watch more when previews and next episodes start by themselves?",
            "a real effect: what follows starts by itself",
            dt.date(2026, 1, 2),
            click=0.5,
            chain=4.0,
        ),
        Experiment(
            "checkout-copy",
            "Does a new text on the account page change viewing?",
            "no effect: both arms got the same page (A/A)",
            dt.date(2026, 3, 13),
        ),
        Experiment(
            "profile-icons",
            "Do new profile icons change viewing?",
            "no effect, but someone who looked every day would have shipped it (peeking)",
            dt.date(2025, 5, 9),
            peeked=True,
        ),
        Experiment(
            "player-rewrite",
            "Does the rewritten player change viewing?",
            "a broken assignment: part of the treatment arm was never logged (SRM)",
            dt.date(2026, 4, 17),
            lost_share=0.25,
        ),
        Experiment(
            "bigger-previews",
            "Do bigger previews lead to more plays?",
            "a novelty effect that fades",
            dt.date(2025, 10, 3),
            days=42,
            click=4.0,
            click_fades_days=3.0,
        ),
        Experiment(
            "dense-home",
            "Do more titles on the screen lead to more plays?",
            "an effect that reverses in a segment",
            dt.date(2025, 12, 5),
            click=0.5,
            reversed_plan="with ads",
            reversed_click=-1.7,
        ),
        Experiment(
            "bold-artwork",
            "Does bolder artwork lead to more plays?",
            "more plays but lower completion (clickbait)",
            dt.date(2026, 5, 22),
            click=0.25,
            clickbait=0.3,
            enjoyment=-0.35,
        ),
        Experiment(
            "rounded-corners",
            "Do rounded corners lead to more plays?",
            "an effect too small to see",
            dt.date(2025, 8, 15),
            click=0.02,
        ),
        Experiment(
            "personal-rows",
            "Do rows that follow taste more closely lead to more viewing?",
            "a better page: more of what is begun is finished, but nobody watches longer",
            dt.date(2026, 6, 26),
            personal=2.0,
        ),
    )
