"""Tuning: the defaults are always there, the test period is never tuned on, and the verdict is as sure as the data."""

from __future__ import annotations

import datetime as dt
import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from analysis.cli import main
from analysis.data import Dataset, DatasetWriter
from analysis.errors import DataError, ParameterError
from analysis.recommend import (
    ALS,
    GOALS,
    OF_STARS,
    Bias,
    Comparison,
    ItemKNN,
    Keeper,
    RecentPopularity,
    Recommender,
    Settings,
    Split,
    TemporalSplit,
    Trial,
    TunedModel,
    Tuning,
    delete_study,
    evaluate,
    list_studies,
    load_study,
    number,
    spaces,
    tune,
)
from analysis.recommend.goals import goal_of, viewers_tested
from analysis.workspace import Workspace


@dataclass(frozen=True)
class Dial(Settings):
    model = "Dial"

    turn: float = number(0.1, 0.0, 1.0)
    """At 0.7 the list is by popularity, away from it by chance."""

    echo: int = number(3, 1, 9, least=1)
    """Does nothing."""


class Dialled(Recommender):
    name, label, description, source = "dialled", "Dialled", "Good at 0.7.", "a test"
    cold_viewers = True
    Parameters = Dial

    def _fit(self, train: Any, progress: Any) -> None:
        known = train.viewers_per_title / train.viewers_per_title.max()
        noise = np.random.default_rng(1).random(train.n_titles)
        self.score_ = known - 20 * abs(self.parameters.turn - 0.7) * noise

    def _score(self, viewers: Any) -> Any:
        return np.tile(self.score_, (len(viewers), 1))


class Idle(Dialled):
    """Lists drawn by chance, others for each setting and fit: nothing can be gained, but one setting looks best."""

    name, label = "idle", "Idle"

    def _fit(self, train: Any, progress: Any) -> None:
        draw = np.random.default_rng([int(1e6 * self.parameters.turn), len(train)])
        self.scores_ = draw.random((train.n_viewers, train.n_titles))

    def _score(self, viewers: Any) -> Any:
        return self.scores_[viewers]


class Touchy(Dialled):
    name, label = "touchy", "Touchy"

    def _fit(self, train: Any, progress: Any) -> None:
        if self.parameters.turn > 0.5:
            raise RuntimeError("too far")
        super()._fit(train, progress)


class Hopeless(Dialled):
    name, label = "hopeless", "Hopeless"

    def _fit(self, train: Any, progress: Any) -> None:
        raise RuntimeError("no idea")


@dataclass(frozen=True)
class Notch(Settings):
    notch: int = number(2, 1, 3, least=1)
    """One of three."""


class Notched(Dialled):
    name, label, Parameters = "notched", "Notched", Notch

    def _fit(self, train: Any, progress: Any) -> None:
        self.score_ = train.viewers_per_title * 1.0


CHOSEN = ["popularity", "als", Dialled]


@pytest.fixture(scope="module")
def tuned(dataset: Dataset) -> Tuning:
    return tune(dataset, CHOSEN, trials=11, seed=3)


def without_seconds(models: tuple[TunedModel, ...]) -> list[TunedModel]:
    return [replace(one, trials=tuple(replace(trial, seconds=0.0) for trial in one.trials)) for one in models]


def test_the_defaults_are_trial_0_and_the_best_is_the_best(tuned: Tuning) -> None:
    for one, kind in zip(tuned.models[1:], (ALS, Dialled), strict=True):
        assert dict(one.trials[0].parameters) == vars(kind.Parameters())
        assert one.trials[0].state == "done"
        assert len(one.trials) == 11
        settings = [tuple(trial.parameters.values()) for trial in one.trials]
        assert len(set(settings)) == 11
        for name, (_, space) in spaces(kind).items():
            assert all(space.low <= trial.parameters[name] <= space.high for trial in one.trials)
        assert one.best is not None
        assert one.best.value == max(trial.value for trial in one.trials if trial.state == "done")
    plain = tuned.models[0]
    assert (plain.ended, len(plain.trials), plain.verdict) == ("nothing", 1, "defaults kept")


def test_an_optimum_is_found_and_nothing_is_claimed_of_chance(dataset: Dataset) -> None:
    found, idle = tune(dataset, [Dialled, Idle], trials=25, seed=3).models
    away = [abs(trial.parameters["turn"] - 0.7) for trial in found.trials]
    assert found.best is not None
    assert away[found.best.number] in sorted(away)[:4]
    assert np.mean(away[15:]) < np.mean(away[1:11]), "later trials are near what did well"
    assert found.verdict == "better"
    assert found.setbacks[0].parameter == "turn"
    assert found.setbacks[0].low > 0
    assert all(one.loss == 0 for one in found.setbacks if one.parameter == "echo")
    assert idle.validation_gain > 0, "of so many settings one looks better by chance"
    assert idle.verdict == "can't be told"


def test_what_the_test_period_says_is_what_evaluate_says(dataset: Dataset, tuned: Tuning) -> None:
    one = tuned.models[1]
    assert one.best is not None
    for setting, estimate in ((one.default.parameters, one.default_test), (one.best.parameters, one.tuned_test)):
        board = evaluate(dataset, [ALS(ALS.Parameters(**setting), seed=3)], seed=3)
        assert estimate == board.entries[0].estimates["ndcg"]
    assert one.gain is not None
    assert one.gain.difference == pytest.approx(one.tuned_test.value - one.default_test.value)
    gains = sorted(model.gain.p for model in tuned.models if model.gain)
    corrected = sorted(model.gain.p_holm for model in tuned.models if model.gain)
    assert corrected[0] == pytest.approx(min(1, len(gains) * gains[0]))


def test_same_seed_same_trials_whoever_else_is_tuned(dataset: Dataset, tuned: Tuning) -> None:
    alone = tune(dataset, ["als"], trials=11, seed=3)
    assert without_seconds(alone.models)[0].trials == without_seconds(tuned.models)[1].trials


def test_the_test_period_is_never_tuned_on(dataset: Dataset) -> None:
    views, at = dataset.frame("views"), dt.datetime(2025, 10, 1)
    later = views["started_at"] >= at
    shuffled = views.copy()
    shuffled.loc[later, "title_id"] = np.random.default_rng(0).permutation(shuffled.loc[later, "title_id"])
    found = [
        tune(Dataset.from_frames(views=one), ["item_knn"], split=TemporalSplit(at=at), trials=6).models
        for one in (views, shuffled)
    ]
    assert without_seconds(found[0])[0].trials == without_seconds(found[1])[0].trials
    assert found[0][0].default_test != found[1][0].default_test


def test_only_what_is_behind_is_stopped_early(dataset: Dataset, tuned: Tuning) -> None:
    trials = tuned.models[1].trials
    stopped = [trial for trial in trials if trial.state == "stopped"]
    assert stopped
    for trial in stopped:
        before = [one.early for one in trials[: trial.number] if one.state == "done"]
        assert trial.early < np.median(before)
        assert math.isnan(trial.value)
    whole = tune(dataset, ["als"], trials=8, seed=3, prune=False).models[0].trials
    assert {trial.state for trial in whole} == {"done"}
    assert all(math.isnan(trial.early) for trial in whole)


def test_what_fails_is_listed_and_the_rest_is_kept(dataset: Dataset) -> None:
    found = tune(dataset, [Touchy, Hopeless, "popularity"], trials=9)
    touchy, hopeless, popularity = found.models
    failed = [trial for trial in touchy.trials if trial.state == "failed"]
    assert failed
    assert all(trial.error == "The model stopped with RuntimeError: too far" for trial in failed)
    assert len(touchy.trials) == 9
    assert touchy.tuned_test is not None
    assert (hopeless.ended, hopeless.verdict, len(hopeless.trials)) == ("failed", "failed", 5)
    assert "no idea" in hopeless.error
    assert popularity.default_test is not None
    assert found.models_frame()["error"].tolist() == ["", hopeless.error, ""]
    (only,) = [tune(dataset, [Hopeless], trials=5)]
    assert only.summary() == "None of the 1 models could be tuned; each row says why."


def test_a_small_space_is_tried_whole(dataset: Dataset) -> None:
    (one,) = tune(dataset, [Notched], trials=20).models
    assert sorted(trial.parameters["notch"] for trial in one.trials) == [1, 2, 3]
    assert (one.ended, one.changed) == ("exhausted", False)


@dataclass(frozen=True)
class Inverted(Settings):
    notch: int = number(2, 3, 1)
    """An empty space."""


class Empty(Notched):
    name, label, Parameters = "empty", "Empty", Inverted


@pytest.mark.parametrize(
    ("models", "options", "problem"),
    [
        (["popularity", "random"], {}, "nothing to tune: Popularity, Random have"),
        ([], {}, "No model"),
        (["als", "als"], {}, "als is named twice"),
        (["als"], {"trials": 1}, "1 trials"),
        (["als"], {"k": 0}, "0 titles"),
        (["als"], {"validation_share": 1.0}, "share of 1"),
        ([Empty], {}, "space of notch goes from 3 to 1"),
    ],
)
def test_what_is_wrong_is_said(dataset: Dataset, models: list[Any], options: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        tune(dataset, models, **options)


def test_too_little_to_validate_on(dataset: Dataset) -> None:
    few = dataset.frame("views").query("viewer_id < 1020")
    with pytest.raises(DataError, match=r"validation period.*chosen by chance"):
        tune(Dataset.from_frames(views=few), ["als"])
    with pytest.raises(DataError, match="nothing to learn"):
        tune(dataset, ["als"], split=TemporalSplit(at=dt.datetime(2024, 1, 1)))
    one_moment = dataset.frame("views").assign(
        started_at=lambda views: views["started_at"].where(
            views["started_at"] > "2025-10-01", pd.Timestamp("2025-01-01")
        )
    )
    with pytest.raises(DataError, match="nothing to learn"):
        tune(Dataset.from_frames(views=one_moment), ["als"], split=TemporalSplit(at=dt.datetime(2025, 10, 1)))


class Slow(Dialled):
    name, label = "slow", "Slow"

    def _fit(self, train: Any, progress: Any) -> None:
        time.sleep(0.12)
        super()._fit(train, progress)


def test_time_runs_out(dataset: Dataset) -> None:
    (one,) = tune(dataset, [Slow], trials=50, limit_seconds=0.7, prune=False).models
    assert one.ended == "time"
    assert 2 <= len(one.trials) < 8
    assert one.default_test is not None
    assert one.setbacks == ()
    caught: list[Exception] = []

    def elsewhere() -> None:
        try:
            tune(dataset, [Slow], limit_seconds=1)
        except ParameterError as error:
            caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


def test_what_was_found_is_kept_when_it_is_stopped(dataset: Dataset, workspace: Workspace) -> None:
    keeper = Keeper(workspace)

    def stop(tuning: Tuning) -> None:
        keeper(tuning)
        if len(tuning.models[-1].trials) == 3 and len(tuning.models) == 2:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        tune(dataset, ["item_knn", "als"], trials=4, keep=stop)
    (info,) = list_studies(workspace, "tuning", dataset.content_hash).studies
    assert not info.complete
    kept = load_study(workspace, info.id)
    assert isinstance(kept, Tuning)
    assert [len(one.trials) for one in kept.models] == [4, 3]
    assert kept.models[0].verdict == "not tested"
    assert kept.summary().startswith("Tuning is not finished: 7 trials so far, and nothing is tested yet.")
    assert kept.asked == ("item_knn", "als")


@pytest.mark.parametrize("stop_at", [(1, 2), (2, 1), (2, 9)])
def test_what_was_stopped_goes_on_to_the_result_it_would_have_had(
    dataset: Dataset, tuned: Tuning, workspace: Workspace, stop_at: tuple[int, int]
) -> None:
    kinds: list[Any] = ["als", Dialled]
    keeper = Keeper(workspace)

    def stop(tuning: Tuning) -> None:
        keeper(tuning)
        if (len(tuning.models), len(tuning.models[-1].trials)) == stop_at:
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        tune(dataset, kinds, trials=11, seed=3, keep=stop)
    kept = load_study(workspace, keeper.id)
    assert isinstance(kept, Tuning)
    fits: list[int] = []

    class Counted(Dialled):
        def _fit(self, train: Any, progress: Any) -> None:
            fits.append(len(train))
            super()._fit(train, progress)

    again = tune(dataset, ["als", Counted], trials=11, seed=3, begun=kept, keep=Keeper(workspace, keeper.id))
    whole = replace(tuned, models=tuned.models[1:])
    one_by_one = zip(without_seconds(again.models), without_seconds(whole.models), strict=True)
    # The correction for several models is of two models here, and of three there.
    assert all(replace(a, gain=None) == replace(b, gain=None) for a, b in one_by_one)
    assert [a.gain.p if a.gain else None for a in again.models] == [b.gain.p if b.gain else None for b in whole.models]
    (info,) = list_studies(workspace, "tuning").studies
    assert (info.id, info.complete) == (keeper.id, True)
    # Trials that were made are not made again: what is fitted is the rest, the setbacks and the test.
    assert (
        sum(n == again.counts["validation training"] for n in fits) <= 11 - (stop_at[1] if stop_at[0] == 2 else 0) + 3
    )
    with pytest.raises(ParameterError, match="finished"):
        tune(dataset, kinds, trials=11, seed=3, begun=again)
    with pytest.raises(ParameterError, match="begun with seed 3, and 4 is asked for"):
        tune(dataset, kinds, trials=11, seed=4, begun=kept)


@pytest.mark.parametrize("goal", [goal for goal in GOALS if goal != "ndcg"])
def test_the_goal_is_the_leaderboards_metric(dataset: Dataset, part: Split, goal: str) -> None:
    stars = goal in OF_STARS
    kind = Bias if stars else ItemKNN
    values = goal_of(kind(), part, goal, 10)
    board = evaluate(dataset, [kind.name], split=TemporalSplit(0.3))
    estimate = board.entries[0].estimates[goal]
    assert values.mean() == pytest.approx(estimate.value)
    assert len(values) == viewers_tested(part, goal)
    # The mean of a viewer's numbers has the interval that the leaderboard takes from its resamples.
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert half == pytest.approx((estimate.high - estimate.low) / 2, rel=0.15)


def test_less_is_better_where_errors_are_the_goal(dataset: Dataset, workspace: Workspace) -> None:
    found = tune(dataset, ["bias"], goal="rmse", trials=6, seed=1)
    (one,) = found.models
    done = [trial.value for trial in one.trials if trial.state == "done"]
    assert one.best is not None
    assert one.best.value == min(done) < max(done)
    assert one.validation_gain <= 0
    assert "RMSE" in found.summary()
    assert "validation_rmse" in found.to_frame()
    assert "goal='rmse'," in found.recipe()
    assert Tuning.from_json(json.loads(json.dumps(found.to_json()))) == found
    pair = Comparison("m tuned", "m default", "rmse", -0.03, -0.04, -0.02, 0.1, 0.01, 0.01)
    assert replace(one, gain=pair).verdict == "better"
    for setback in one.setbacks:
        assert setback.low <= setback.loss <= setback.high
    with pytest.raises(ParameterError, match=r"no RMSE to tune for: Item kNN\."):
        tune(dataset, ["bias", "item_knn"], goal="rmse")
    with pytest.raises(ParameterError, match="can't be tuned for 'speed'"):
        tune(dataset, ["bias"], goal="speed")
    old = {name: value for name, value in found.to_json().items() if name not in ("goal", "asked")}
    old["models"] = [{k: v for k, v in model.items() if k != "goal"} for model in old["models"]]
    assert Tuning.from_json(old).goal == "ndcg"
    assert Tuning.from_json(old).asked == ("bias",)


def test_kept_listed_loaded_deleted(tuned: Tuning, workspace: Workspace) -> None:
    keeper = Keeper(workspace)
    keeper(replace(tuned, complete=False))
    keeper(tuned)
    (info,) = list_studies(workspace, "tuning").studies
    assert (info.complete, info.models, info.summary) == (True, ("popularity", "als", "dialled"), tuned.summary())
    loaded = load_study(workspace, info.id)
    assert loaded.to_json() == tuned.to_json()
    assert list_studies(workspace, "learning_curve").studies == ()
    assert list_studies(workspace, "tuning", "another").studies == ()
    delete_study(workspace, info.id)
    delete_study(workspace, info.id)
    with pytest.raises(DataError, match="no study"):
        load_study(workspace, info.id)
    with pytest.raises(DataError, match="format 9"):
        Tuning.from_json({**tuned.to_json(), "format": 9})
    with pytest.raises(DataError, match="can't be read"):
        Tuning.from_json({"format": 1})


def test_a_busy_database_does_not_end_the_search(
    tuned: Tuning, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_args: object) -> None:
        raise sa.exc.OperationalError("insert", None, Exception("database is locked"))

    keeper = Keeper(workspace)
    monkeypatch.setattr("analysis.recommend.studies.Session", busy)
    keeper(replace(tuned, complete=False))
    with pytest.raises(sa.exc.OperationalError):
        keeper(tuned)


def row(label: str, gain: float, p: float, trials: int = 3) -> TunedModel:
    done = tuple(Trial(i, {"x": i}, "done", 0.1 + 0.01 * i) for i in range(trials))
    estimate = evaluate_like(0.2)
    if not gain:
        return TunedModel("m", label, 0, done[::-1][:1], default_test=estimate, tuned_test=estimate)
    pair = Comparison("m tuned", "m default", "ndcg", gain, gain - 0.01, gain + 0.01, 0.1, p, p)
    return TunedModel("m", label, 0, done, default_test=estimate, tuned_test=evaluate_like(0.2 + gain), gain=pair)


def evaluate_like(value: float) -> Any:
    from analysis.recommend import Estimate

    return Estimate(value, value - 0.01, value + 0.01)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row("A", 0.03, 0.01)], r"Tuning helped A: .* changed by \+0.0300 \(95 % interval \+0.0200 to \+0.0400\)"),
        ([row("A", -0.03, 0.01)], "Tuning hurt A: .*−0.0300"),
        ([row("A", 0.005, 0.4)], r"Whether tuning helped A can't be told: .*chosen, it was \+0.0200"),
        ([row("A", 0, 1)], "defaults stay"),
        ([row("A", 0.03, 0.01), row("B", 0.05, 0.01), row("C", 0.0, 1)], "helped 2 of 3 models .* B most .*1 did best"),
        ([row("A", 0.005, 0.4), row("B", -0.04, 0.01)], "Tuning hurt 1 of 2 .*; for 1 it can't be told"),
        ([row("A", 0.03, 0.01), row("B", -0.04, 0.01)], r"helped 1 of 2 models .*, A \(.*\), and hurt 1, B \(NDCG"),
        ([row("A", 0.005, 0.4), row("B", 0.0, 1)], "helped none of 2 models for certain; for 1 it can't be told and 1"),
    ],
)
def test_the_sentence_claims_what_the_test_period_bears(tuned: Tuning, rows: list[TunedModel], sentence: str) -> None:
    import re

    assert re.search(sentence, replace(tuned, models=tuple(rows)).summary())


def test_the_command_the_record_and_the_code_agree(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PRIMETIME_HOME", str(tmp_path))
    with DatasetWriter(tmp_path / "datasets/tastes", name="Tastes", source="a test") as writer, dataset.read() as read:
        writer.add("views", read["views"].collect("pyarrow").to_native())
    argv = ["tune", "--data", "tastes", "--models", "item_knn,recent_popularity", "--trials", "5"]
    assert main([*argv, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (info,) = list_studies(Workspace()).studies
    kept = load_study(Workspace(), info.id)
    assert isinstance(kept, Tuning)
    assert printed == kept.to_json()
    names: dict[str, Any] = {}
    exec(kept.recipe(), names)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == kept.summary()
    assert without_seconds(names["tuning"].models) == without_seconds(kept.models)
    for one in kept.models:
        entry = next(entry for entry in names["leaderboard"].entries if entry.model == one.model)
        assert entry.estimates["ndcg"] == one.tuned_test
    chosen = {"item_knn": ItemKNN, "recent_popularity": RecentPopularity}
    assert main(["train", "--data", "tastes", "--models", ",".join(chosen), "--json"]
                + [word for setting in kept.settings() for word in ("--set", setting)]) == 0  # fmt: skip
    trained = {one["model"]: one["parameters"] for one in json.loads(capsys.readouterr().out)["entries"]}
    assert trained == {one.model: dict(one.best.parameters) for one in kept.models if one.best}
    # Stopped after the first trial, it goes on by its name to what it would have been.
    Keeper(Workspace(), info.id)(
        replace(kept, complete=False, models=(replace(kept.models[0], trials=kept.models[0].trials[:1]),))
    )
    assert main(["tune", "--continue", info.id, "--json"]) == 0
    again = Tuning.from_json(json.loads(capsys.readouterr().out))
    assert without_seconds(again.models) == without_seconds(kept.models)
    assert again.recipe() == kept.recipe()
    assert main(["studies", "show", info.id]) == 0
    assert main(["studies", "delete", info.id]) == 0
    assert "0 studies" in capsys.readouterr().out
    assert main(["tune", "--data", "tastes", "--models", "popularity", "--json"]) == 1
    assert "nothing to tune" in json.loads(capsys.readouterr().out)["error"]["problem"]
