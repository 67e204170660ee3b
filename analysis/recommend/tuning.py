"""The result of tuning: every trial, what did best on the validation period, and what that is worth on the test."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.errors import DataError
from analysis.recommend.compare import Comparison, Estimate
from analysis.recommend.goals import goal_label, less_is_better
from analysis.recommend.interactions import Signal
from analysis.recommend.registry import models
from analysis.results import Result, plain

FORMAT = 1
"""Version of the stored form."""


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        number: Its number; 0 is the model's defaults.
        parameters: The setting, all parameters of the model.
        state: `done`, `stopped` (after the first part of the viewers, because it was behind) or `failed`.
        value: The goal, such as NDCG@k, on the validation period; NaN unless it is done.
        early: The same after the first part of the viewers; NaN where there was no such part.
        seconds: Time it took.
        error: What went wrong, or empty.
    """

    number: int
    parameters: Mapping[str, Any]
    state: str
    value: float = math.nan
    early: float = math.nan
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Setback:
    """What is lost on the validation period when one tuned parameter alone goes back to its default.

    Attributes:
        parameter: Name of the parameter.
        default: Its default.
        tuned: Its tuned value.
        loss: How much worse the goal becomes, positive where the tuned value is better.
        low: Lower end of its 95 % interval over viewers.
        high: Upper end.
    """

    parameter: str
    default: float
    tuned: float
    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class TunedModel:
    """One model's trials, and its default and tuned settings on the test period.

    Attributes:
        model: Name of the model.
        label: Its name as shown.
        seed: Seed of all its fits.
        trials: What was tried, the defaults first.
        ended: Why there are fewer trials than asked for: `time`, `exhausted` (all settings were tried), `nothing`
            (there is nothing to tune), `failed`; or empty.
        setbacks: What each parameter is worth, the most important first.
        default_test: The goal with the defaults on the test period, or None before it was tested.
        tuned_test: The same with the best setting on the test period; the same where the defaults stayed the best.
        gain: Tuned minus default on the test period, or None where the defaults stayed the best.
        error: Why it has no result, or empty.
        goal: What it was tuned for, a name in `goals.GOALS`.
    """

    model: str
    label: str
    seed: int
    trials: tuple[Trial, ...]
    ended: str = ""
    setbacks: tuple[Setback, ...] = ()
    default_test: Estimate | None = None
    tuned_test: Estimate | None = None
    gain: Comparison | None = None
    error: str = ""
    goal: str = "ndcg"

    @property
    def sign(self) -> int:
        """1 where more of the goal is better, −1 where less is."""
        return -1 if less_is_better(self.goal) else 1

    @property
    def default(self) -> Trial:
        """The defaults' trial."""
        return self.trials[0]

    @property
    def best(self) -> Trial | None:
        """The trial with the best value on the validation period, the earliest of equals; None where all failed."""
        done = [trial for trial in self.trials if trial.state == "done"]
        return max(done, key=lambda trial: self.sign * trial.value) if done else None

    @property
    def changed(self) -> bool:
        """Whether another setting than the defaults did best on the validation period."""
        return self.best is not None and self.best.number > 0

    @property
    def validation_gain(self) -> float:
        """Best minus default on the validation period; flattered, because the best was chosen there."""
        best = self.best
        return best.value - self.default.value if best is not None else math.nan

    @property
    def verdict(self) -> str:
        """What the test period says of the tuned setting."""
        if self.error:
            return "failed"
        if self.default_test is None:
            return "not tested"
        if self.gain is None:
            return "defaults kept"
        if not self.gain.told_apart:
            return "can't be told"
        return "better" if self.sign * self.gain.difference > 0 else "worse"


@dataclass(frozen=True)
class Tuning(Result):
    """Models tuned on a validation period inside training, and tested once on what came after.

    Attributes:
        dataset: Name of the dataset.
        dataset_folder: Name of its folder, or empty where it was held in memory.
        dataset_hash: Hash of its content.
        signal: What was learnt and tested: `views` or `ratings`.
        split: The Python that makes the split of the test period.
        validation_at: First moment of the validation period, UTC.
        split_at: First moment of the test period, UTC.
        validation_share: Share of the training interactions that validate.
        goal: What was made better, a name in `goals.GOALS`.
        asked: Names of the models that it was asked to tune, those not begun yet too.
        k: Length of the lists judged.
        trials: Trials allowed to each model, the defaults included.
        limit_seconds: Time allowed to each model's trials, or None.
        prune: Whether settings that fell behind were stopped early where a model allows it.
        seed: Of the models, the search and the resampling.
        models: A model each, in the order asked for.
        counts: Viewers tested in the `validation` and `test` period, and interactions learnt from in each.
        complete: Whether everything was done; not so while it runs, and where it was cancelled.
        made_at: When it began, UTC.
    """

    dataset: str
    dataset_folder: str
    dataset_hash: str
    signal: Signal
    split: str
    validation_at: str
    split_at: str
    validation_share: float
    k: int
    trials: int
    limit_seconds: float | None
    prune: bool
    seed: int
    models: tuple[TunedModel, ...]
    counts: Mapping[str, int]
    complete: bool
    made_at: str
    goal: str = "ndcg"
    asked: tuple[str, ...] = ()

    @property
    def goal_label(self) -> str:
        """The goal as shown, such as NDCG@10."""
        return goal_label(self.goal, self.k)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models begun so far."""
        return tuple(one.model for one in self.models)

    def to_frame(self) -> pd.DataFrame:
        """One row a trial: model, number, state, the goal on validation, early value, seconds, settings and error."""
        rows = [
            {
                "model": one.label,
                "trial": trial.number,
                "setting": "default" if trial.number == 0 else "best" if trial is one.best else "",
                "state": trial.state,
                f"validation_{self.goal}": trial.value,
                f"early_{self.goal}": trial.early,
                "seconds": trial.seconds,
                "parameters": words(trial.parameters),
                "error": trial.error,
            }
            for one in self.models
            for trial in one.trials
        ]
        columns = ["model", "trial", "setting", "state", f"validation_{self.goal}", f"early_{self.goal}", "seconds"]
        return pd.DataFrame(rows, columns=[*columns, "parameters", "error"])

    def models_frame(self) -> pd.DataFrame:
        """One row a model: default and tuned goal on validation and test, the gain on the test, and the settings."""
        rows = []
        for one in self.models:
            best, gain = one.best, one.gain
            default_test, tuned_test = one.default_test or Estimate(math.nan), one.tuned_test or Estimate(math.nan)
            rows.append(
                {
                    "model": one.label,
                    "verdict": one.verdict,
                    "trials": len(one.trials),
                    "validation_default": one.default.value if one.trials else math.nan,
                    "validation_tuned": best.value if best else math.nan,
                    "test_default": default_test.value,
                    "test_tuned": tuned_test.value,
                    "gain": gain.difference if gain else math.nan,
                    "gain_low": gain.low if gain else math.nan,
                    "gain_high": gain.high if gain else math.nan,
                    "p_holm": gain.p_holm if gain else math.nan,
                    "settings": words(best.parameters) if best else "",
                    "error": one.error,
                }
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """Whether tuning helped on the test period, by how much, and how sure that is."""
        done = [one for one in self.models if one.default_test is not None]
        if not self.complete:
            tried = sum(len(one.trials) for one in self.models)
            return (
                f"Tuning is not finished: {tried:,} {'trial' if tried == 1 else 'trials'} so far, and nothing is "
                "tested yet. What was found on the validation period is kept."
            )
        if not done:
            return f"None of the {len(self.models)} models could be tuned; each row says why."
        if len(done) == 1:
            return self._one(done[0])
        return self._several(done)

    def _one(self, one: TunedModel) -> str:
        goal, viewers = self.goal_label, f"{self.counts['test viewers']:,} viewers of the test period"
        assert one.default_test is not None
        if one.gain is None:
            return (
                f"None of {_other(one)} of {one.label} did better than its defaults on the validation period, so the "
                f"defaults stay: {goal} {one.default_test.value:.4f} on {viewers}."
            )
        chosen = f"on the validation period, where it was chosen, it was {signed(one.validation_gain)}"
        if one.verdict == "can't be told":
            return (
                f"Whether tuning helped {one.label} can't be told: its {goal} changed by {_interval(one.gain)} on "
                f"{viewers}; {chosen}."
            )
        verb = "helped" if one.verdict == "better" else "hurt"
        return f"Tuning {verb} {one.label}: its {goal} changed by {_interval(one.gain)} on {viewers}; {chosen}."

    def _several(self, done: list[TunedModel]) -> str:
        parts: list[str] = []
        for verdict, verb in (("better", "helped"), ("worse", "hurt")):
            these = [one for one in done if one.verdict == verdict and one.gain is not None]
            if these:
                most = max(these, key=lambda one: abs(one.gain.difference) if one.gain else 0.0)
                assert most.gain is not None
                where = "" if parts else f" of {len(done)} models on the test period"
                parts.append(
                    f"{verb} {len(these)}{where}, {most.label}{' most' if len(these) > 1 else ''} "
                    f"({self.goal_label} {_interval(most.gain).replace(' (', ', ')}"
                )
        unsure = sum(one.verdict == "can't be told" for one in done)
        kept = sum(one.verdict == "defaults kept" for one in done)
        told = "Tuning " + ", and ".join(parts) if parts else f"Tuning helped none of {len(done)} models for certain"
        rest = []
        if unsure:
            rest.append(f"for {unsure} it can't be told")
        if kept:
            rest.append(f"{kept} did best with {'its' if kept == 1 else 'their'} defaults")
        return f"{told}{'; ' if rest else ''}{' and '.join(rest)}."

    def leaders(self) -> str:
        """Who leads on the test period with default and with tuned settings; a claim about order needs a comparison."""
        known = [one for one in self.models if one.default_test is not None and one.tuned_test is not None]
        if len(known) < 2:
            return ""
        first = max(known, key=lambda one: one.sign * one.default_test.value if one.default_test else 0.0)
        then = max(known, key=lambda one: one.sign * one.tuned_test.value if one.tuned_test else 0.0)
        assert first.default_test is not None
        assert then.tuned_test is not None
        if first is then:
            return (
                f"{first.label} leads the test period with default settings ({first.default_test.value:.4f}) and with "
                f"tuned ones ({then.tuned_test.value:.4f})."
            )
        return (
            f"With default settings {first.label} leads the test period ({first.default_test.value:.4f}), with tuned "
            f"ones {then.label} ({then.tuned_test.value:.4f})."
        )

    def settings(self) -> list[str]:
        """The command line's words that give each model its tuned parameters: `als.factors=32`."""
        return [
            f"{one.model}.{name}={value}"
            for one in self.models
            if one.changed and one.best is not None
            for name, value in one.best.parameters.items()
            if value != one.default.parameters[name]
        ]

    def recipe(self) -> str:
        """Python code that tunes again, and code that only trains the models with what was found."""
        known = models()
        names = [one.model for one in self.models if one.model in known]
        tuned = [one for one in self.models if one.model in known and one.best is not None]
        lines = []
        for one in tuned:
            assert one.best is not None
            kind = known[one.model].__name__
            values = ", ".join(f"{name}={value!r}" for name, value in one.best.parameters.items())
            lines.append(
                f"        {kind}({kind}.Parameters({values}), seed={one.seed}),"
                if values
                else f"        {kind}(seed={one.seed}),"
            )
        own = [f"# and your own model {one.model!r}" for one in self.models if one.model not in known]
        early = [
            f"# {one.label} ran out of time after {len(one.trials)} trials."
            for one in self.models
            if one.ended == "time"
        ]
        split = self.split.partition("(")[0]
        imported = sorted({*(known[one.model].__name__ for one in tuned), split, "evaluate", "tune"}, key=str.lower)
        common = [
            f"    signal={self.signal!r},",
            f"    split={self.split},",
            f"    k={self.k},",
            f"    seed={self.seed},",
        ]
        dataset = (
            [f"dataset = Workspace().dataset({self.dataset_folder!r})"]
            if self.dataset_folder
            else ["# dataset is the one you made with Dataset.from_frames"]
        )
        return "\n".join(
            [
                *(["from datetime import datetime", ""] if "datetime" in self.split else []),
                f"from analysis.recommend import {', '.join(imported)}",
                *(["from analysis.workspace import Workspace"] if self.dataset_folder else []),
                "",
                *dataset,
                f"assert dataset.content_hash == {self.dataset_hash!r}",
                *own,
                *early,
                "tuning = tune(",
                "    dataset,",
                f"    {names!r},",
                *common,
                f"    validation_share={self.validation_share!r},",
                *([f"    goal={self.goal!r},"] if self.goal != "ndcg" else []),
                f"    trials={self.trials},",
                f"    prune={self.prune!r},",
                ")",
                "print(tuning.summary())",
                "",
                "# What was found, without looking for it again:",
                "leaderboard = evaluate(",
                "    dataset,",
                "    models=[",
                *lines,
                "    ],",
                *common,
                ")",
                "print(leaderboard.summary())",
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, as plain JSON values; `Tuning.from_json` reads it back."""
        stored = {f.name: plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"format": FORMAT, "summary": self.summary(), **stored}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Tuning:
        """Read what `to_json` wrote.

        Raises:
            DataError: It is of another format, or no tuning.
        """
        try:
            if stored["format"] != FORMAT:
                raise DataError(
                    f"The tuning has format {stored['format']}, this version reads format {FORMAT}.", "Tune again."
                )
            # Tunings that were kept before a goal could be chosen aimed at NDCG.
            stored = {"goal": "ndcg", "asked": [one["model"] for one in stored["models"]], **stored}
            values = {f.name: stored[f.name] for f in dataclasses.fields(cls)}
            values["asked"] = tuple(stored["asked"])
            values["models"] = tuple(_model(one) for one in stored["models"])
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"The tuning can't be read ({error!r}).", "Delete it and tune again.") from error


@dataclass(frozen=True)
class TuningBrief(Result):
    """A tuning with one row a model, which fits on a terminal; `Tuning.to_frame` has every trial.

    Attributes:
        tuning: The whole.
    """

    tuning: Tuning

    def to_frame(self) -> pd.DataFrame:
        """The table of the models."""
        return self.tuning.models_frame()

    def summary(self) -> str:
        """The tuning's sentence."""
        return self.tuning.summary()


def words(parameters: Mapping[str, Any]) -> str:
    """A setting as people write it.

    >>> words({"factors": 32, "alpha": 12.5})
    'factors 32, alpha 12.5'
    """
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, int | float) else f"{name} {value}"
        for name, value in parameters.items()
    )


def _other(one: TunedModel) -> str:
    count = len(one.trials) - 1
    return f"{count} other {'setting' if count == 1 else 'settings'}"


def signed(value: float) -> str:
    """A change with its sign, and none where it rounds to nothing.

    >>> signed(0.01234), signed(-0.5), signed(-0.00001)
    ('+0.0123', '−0.5000', '0.0000')
    """
    shown = f"{value:+.4f}".replace("-", "−")
    return "0.0000" if shown[1:] == "0.0000" else shown


def _interval(pair: Comparison) -> str:
    return f"{signed(pair.difference)} (95 % interval {signed(pair.low)} to {signed(pair.high)})"


def _model(stored: Mapping[str, Any]) -> TunedModel:
    number = {"value": math.nan, "early": math.nan}
    trials = tuple(
        Trial(**{**one, **{name: one[name] if one[name] is not None else gap for name, gap in number.items()}})
        for one in stored["trials"]
    )
    return TunedModel(
        **{
            **stored,
            "trials": trials,
            "setbacks": tuple(Setback(**one) for one in stored["setbacks"]),
            "default_test": None if stored["default_test"] is None else Estimate(**stored["default_test"]),
            "tuned_test": None if stored["tuned_test"] is None else Estimate(**stored["tuned_test"]),
            "gain": None if stored["gain"] is None else Comparison(**stored["gain"]),
        }
    )
