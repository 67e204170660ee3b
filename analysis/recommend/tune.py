"""Look for better settings of models on a validation period inside training, then test them once on what came after.

Every model gets the same number of trials and the same time, baselines included (Ferrari Dacrema, Cremonesi & Jannach,
RecSys 2019; Rendle, Zhang & Koren 2019), and its defaults are always trial 0. Settings are proposed by Optuna's
tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011). The test period is looked at twice a model: with the
defaults and with the setting that did best on validation, both fitted on the whole training period.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.data.dataset import Dataset
from analysis.errors import DataError, ParameterError, PrimetimeError
from analysis.recommend.base import Recommender, one_blas_thread
from analysis.recommend.compare import Estimate, bootstrap_ratios, compare_all, holm, interval
from analysis.recommend.goals import GOALS, OF_STARS, goal_label, goal_of, less_is_better, viewers_tested
from analysis.recommend.interactions import Flags, Interactions, Signal
from analysis.recommend.measure import at_most, failure
from analysis.recommend.metrics import Floats
from analysis.recommend.protocols import split_code
from analysis.recommend.registry import DEFAULT
from analysis.recommend.registry import model as registered
from analysis.recommend.search import Proposal, Search, spaces
from analysis.recommend.splits import Split, TemporalSplit
from analysis.recommend.tuning import Setback, Trial, TunedModel, Tuning
from analysis.results import Progress

LEAST_VIEWERS = 30
"""Tested viewers below which a validation period would choose by chance."""

EARLY_SHARE = 0.25
"""Share of the viewers that a trial is fitted on first, where it may be stopped early."""

STEPS = ("iterations", "epochs")
"""Parameters of models that go over all plays again and again: a part of the viewers is a cheaper first look."""

HOPELESS = 5
"""Failures from the first trial on after which a model is given up."""

_SEARCH = 0.8
"""Share of the progress bar that the trials take; the rest is the test."""

Keep = Callable[[Tuning], None]


def tune(
    dataset: Dataset,
    models: Sequence[str | type[Recommender]] | None = None,
    *,
    signal: Signal | None = None,
    split: TemporalSplit | None = None,
    validation_share: float = 0.2,
    goal: str = "ndcg",
    k: int = 10,
    trials: int = 20,
    limit_seconds: float | None = None,
    prune: bool = True,
    seed: int = 0,
    begun: Tuning | None = None,
    progress: Progress | None = None,
    keep: Keep | None = None,
) -> Tuning:
    """Tune models on a validation period, and say what that is worth on the test period.

    The same seed and number of trials give the same result, unless time runs out. A tuning that was stopped goes on
    where it ended (`begun`) and comes to the result that it would have had: the search is told again what it had found,
    and no trial is made twice.

    Args:
        dataset: The data.
        models: Names or classes; `DEFAULT` by default. One without anything to tune is tested beside the others.
        signal: `views` or `ratings`; plays by default where there are any.
        split: The moment that parts training and test; by default the latest 20 % of the interactions are the test.
        validation_share: Share of the training interactions, the latest, that validate.
        goal: What is made better, a name in `GOALS`; an error of stars only of models that predict them.
        k: Length of the lists that are judged.
        trials: Trials for each model, its defaults included.
        limit_seconds: Time for each model's trials; only in a process's main thread.
        prune: Stop settings early that fall behind, where a model learns in iterations or epochs: each trial is first
            fitted on a quarter of the viewers and goes on unless it is behind the median of the finished ones before.
        seed: Of the models, the search and the resampling.
        begun: A tuning of the same dataset, models and settings that was stopped, to go on with.
        progress: Called with the share done and a few words.
        keep: Called with what was found so far after every trial, so that nothing is lost when the work is stopped.

    Returns:
        All trials and the comparison on the test period. A setting that fails is listed as such.

    Raises:
        DataError: The dataset lacks the signal or times, or a period has too little to learn from or to test on.
        ModelError: A model's name is unknown.
        ParameterError: A number is out of range, a model is named twice, none has anything to tune, a model can't be
            tuned for the goal, or what was begun is another tuning.
    """
    kinds = chosen_kinds(models)
    _check(kinds, goal, k, trials, validation_share)
    with at_most(limit_seconds, "Tuning"):
        pass  # Where time can't be watched, that is said before anything is computed.
    tell = progress or (lambda share, words: None)
    tell(0.0, "Reading the dataset")
    interactions = Interactions.from_dataset(dataset, signal)
    split = split or TemporalSplit()
    validation = TemporalSplit(validation_share)
    course = _course(
        interactions, split, validation, goal=goal, k=k, trials=trials, limit=limit_seconds, prune=prune, seed=seed
    )
    blank = Tuning(
        dataset=dataset.name,
        dataset_folder=dataset.folder.name if dataset.folder else "",
        dataset_hash=dataset.content_hash,
        signal=interactions.signal,
        split=split_code(split),
        validation_at=pd.Timestamp(course.validation.at).isoformat(),
        split_at=pd.Timestamp(course.test.at).isoformat(),
        validation_share=validation_share,
        goal=goal,
        asked=tuple(kind.name for kind in kinds),
        k=k,
        trials=trials,
        limit_seconds=limit_seconds,
        prune=prune,
        seed=seed,
        models=(),
        counts=course.counts,
        complete=False,
        made_at=dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat(),
    )
    found: list[TunedModel] = []
    under_way: TunedModel | None = None
    if begun is not None:
        _check_begun(begun, blank)
        blank = replace(blank, made_at=begun.made_at, split=begun.split)
        if begun.models:
            # The last of the models begun may not be through; those before it are.
            *found, under_way = begun.models
    for place, kind in enumerate(kinds[len(found) :], start=len(found)):
        part = _part_of(tell, _SEARCH * place / len(kinds), _SEARCH * (place + 1) / len(kinds))
        for one in _search(kind, course, under_way, part):
            found[place:] = [one]
            if keep is not None:
                keep(replace(blank, models=tuple(found)))
        under_way = None
    result = replace(blank, models=_tested(kinds, found, course, _part_of(tell, _SEARCH, 1.0)), complete=True)
    if keep is not None:
        keep(result)
    return result


def chosen_kinds(models: Sequence[str | type[Recommender]] | None) -> list[type[Recommender]]:
    """Classes of models given by name or as such, each once.

    Raises:
        ModelError: A name is unknown.
        ParameterError: There is none, or one is named twice.
    """
    wanted = list(models) if models is not None else list(DEFAULT)
    kinds = [registered(item) if isinstance(item, str) else item for item in wanted]
    names = [kind.name for kind in kinds]
    if not names:
        raise ParameterError("No model was chosen.", f"Choose from: {', '.join(DEFAULT)}.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"The model {twice[0]} is named twice.", "Name each model once.")
    return kinds


@dataclass(frozen=True, eq=False)
class _Course:
    """What all trials of all models have in common.

    Attributes:
        test: Whole training and test period.
        validation: The training period split once more.
        early: The same of a part of the viewers, or None where no setting is stopped early.
        goal: What is made better.
        k: Length of the lists judged.
        trials: Trials for each model.
        limit: Seconds for each model's trials, or None.
        seed: Of the models, the search and the resampling.
    """

    test: Split
    validation: Split
    early: Split | None
    goal: str
    k: int
    trials: int
    limit: float | None
    seed: int

    @property
    def counts(self) -> dict[str, int]:
        """Who is tested in the two periods, and from how much was learnt."""
        return {
            "validation viewers": viewers_tested(self.validation, self.goal),
            "validation training": len(self.validation.train),
            "early viewers": viewers_tested(self.early, self.goal) if self.early else 0,
            "test viewers": viewers_tested(self.test, self.goal),
            "test training": len(self.test.train),
        }

    def judge(self, model: Recommender, part: Split, tell: Progress | None = None) -> Floats:
        """Fit a model on a part and measure the goal: a number for each tested viewer, whose mean is the goal."""
        return goal_of(model, part, self.goal, self.k, tell)


def _check(kinds: list[type[Recommender]], goal: str, k: int, trials: int, validation_share: float) -> None:
    if goal not in GOALS:
        raise ParameterError(f"Models can't be tuned for {goal!r}.", f"Choose one of: {', '.join(GOALS)}.")
    blind = [kind.label for kind in kinds if not kind.predicts_ratings] if goal in OF_STARS else []
    if blind:
        raise ParameterError(
            f"Without predicted stars there is no {goal_label(goal, k)} to tune for: {', '.join(blind)}.",
            "Choose models that predict stars, such as svd, or a goal of lists, such as ndcg.",
        )
    if k < 1:
        raise ParameterError(f"A list can't have {k} titles.", "Ask for k of 1 or more.")
    if trials < 2:
        raise ParameterError(
            f"With {trials} trials there is nothing to compare with the defaults, which are the first.",
            "Ask for 2 or more.",
        )
    if not 0 < validation_share < 1:
        raise ParameterError(f"A share of {validation_share:g} can't validate.", "Choose one between 0 and 1.")
    if not any(spaces(kind) for kind in kinds):
        raise ParameterError(
            f"There is nothing to tune: {', '.join(kind.label for kind in kinds)} "
            f"{'has' if len(kinds) == 1 else 'have'} no parameter with a range to search.",
            "Choose a model with parameters, such as als or ease.",
        )


def _check_begun(begun: Tuning, asked: Tuning) -> None:
    """Whether what was begun is the tuning that is asked for, and not through yet."""
    if begun.complete:
        raise ParameterError("The tuning is finished.", "Begin another, with more trials or other models.")
    names = ("dataset_hash", "signal", "validation_at", "split_at", "validation_share", "goal", "k", "trials", "prune")
    for name in (*names, "seed", "asked"):
        before, now = getattr(begun, name), getattr(asked, name)
        if before != now:
            raise ParameterError(
                f"The tuning was begun with {name.replace('_', ' ')} {before!r}, and {now!r} is asked for now.",
                "Go on with the settings that it was begun with, or begin another.",
            )


def _course(
    interactions: Interactions,
    split: TemporalSplit,
    validating: TemporalSplit,
    *,
    goal: str,
    k: int,
    trials: int,
    limit: float | None,
    prune: bool,
    seed: int,
) -> _Course:
    test = split.split(interactions)
    did = "rated" if goal in OF_STARS else "watched"
    if not viewers_tested(test, goal):
        raise DataError(
            f"No viewer with history {did} anything new from {str(test.at)[:10]} on, so nothing can be tested.",
            "Choose an earlier moment, or a larger share to test on.",
        )
    validation = validating.split(test.train)
    if viewers_tested(validation, goal) < LEAST_VIEWERS:
        raise DataError(
            f"The validation period, from {str(validation.at)[:10]} to {str(test.at)[:10]}, has "
            f"{viewers_tested(validation, goal):,} viewers with history who {did} anything new; with fewer than "
            f"{LEAST_VIEWERS} a setting would be chosen by chance.",
            "Validate on a larger share, test on a smaller one, or bring more data.",
        )
    early = part_of_viewers(validation, seed, goal) if prune else None
    return _Course(test, validation, early, goal, k, trials, limit, seed)


def part_of_viewers(split: Split, seed: int, goal: str = "ndcg") -> Split | None:
    """The split of a part of the viewers, drawn by chance; None where too few of them would be tested."""
    drawn: Flags = np.random.default_rng(seed).random(split.train.n_viewers) < EARLY_SHARE
    part = Split(of_viewers(split.train, drawn), of_viewers(split.test, drawn), split.at)
    return part if viewers_tested(part, goal) >= LEAST_VIEWERS else None


def of_viewers(interactions: Interactions, viewers: Flags) -> Interactions:
    """The interactions and ratings of the viewers marked."""
    ratings = interactions.ratings
    kept = interactions.select(viewers[interactions.viewer])
    return kept if ratings is None else replace(kept, ratings=ratings.select(viewers[ratings.viewer]))


def _search(kind: type[Recommender], course: _Course, begun: TunedModel | None, tell: Progress) -> Iterator[TunedModel]:
    """One model's trials: the result so far after each, and at last with what each parameter is worth."""
    search, ended = Search(kind, course.seed, minimise=less_is_better(course.goal)), ""
    early = course.early if set(spaces(kind)) & set(STEPS) else None
    before = list(begun.trials) if begun is not None else []
    now, spent = time.monotonic(), 0.0
    wanted = course.trials if spaces(kind) else 1
    so_far = TunedModel(kind.name, kind.label, course.seed, (), goal=course.goal)
    while (number := len(so_far.trials)) < wanted:
        left = None if course.limit is None else course.limit - spent - (time.monotonic() - now)
        proposal = search.next() if number else search.defaults()
        if proposal is None or (left is not None and left <= 0):
            ended = "exhausted" if proposal is None else "time"
            break
        trial = _again(before, number, proposal)
        if trial is None:
            best = f", best {so_far.best.value:.4f}" if so_far.best else ""
            part = _part_of(tell, number / wanted, (number + 1) / wanted)
            words = f"{kind.label}, trial {number + 1} of {wanted}{best}"
            trial = _try(kind, number, proposal, course, early, left, _saying(part, words))
        else:
            spent += trial.seconds
        search.learn(proposal, trial)
        so_far = replace(so_far, trials=(*so_far.trials, trial))
        if number >= len(before) - 1:
            yield so_far
        if number + 1 >= HOPELESS and all(one.state == "failed" for one in so_far.trials):
            break
    found = replace(so_far, ended=ended if spaces(kind) else "nothing")
    if found.best is None:
        error = found.trials[0].error if found.trials else "There was no time for a single trial."
        yield replace(found, ended="failed", error=error)
        return
    worth = _saying(tell, f"{kind.label}, what each parameter is worth")
    yield replace(found, setbacks=_setbacks(kind, found, course, worth))


def _again(before: list[Trial], number: int, proposal: Proposal) -> Trial | None:
    """The trial that was made before, if it was of the setting that is proposed; then none after it is another's."""
    if number >= len(before) or dict(before[number].parameters) != dict(proposal.parameters):
        del before[number:]
        return None
    if not math.isnan(before[number].early):
        proposal.behind(before[number].early)
    return before[number]


def _try(
    kind: type[Recommender],
    number: int,
    proposal: Proposal,
    course: _Course,
    early: Split | None,
    left: float | None,
    tell: Progress,
) -> Trial:
    """One trial; whatever the model does, it is a row."""
    begun, first = time.monotonic(), math.nan
    tell(0.0, "")
    trial = Trial(number, dict(proposal.parameters), "failed")
    try:
        with at_most(left, kind.label):
            setting = kind.Parameters(**proposal.parameters)
            if early is not None:
                first = float(course.judge(kind(setting, seed=course.seed), early).mean())
                if proposal.behind(first):
                    return replace(trial, state="stopped", early=first, seconds=time.monotonic() - begun)
            values = course.judge(kind(setting, seed=course.seed), course.validation, tell)
    except Exception as error:
        # Whatever a setting does to a model, the other trials are kept.
        seconds = time.monotonic() - begun
        late = left is not None and seconds >= left
        words = "The time for this model was up." if late else failure(error)
        return replace(trial, early=first, seconds=seconds, error=words)
    seconds = time.monotonic() - begun
    return replace(trial, state="done", value=float(values.mean()), early=first, seconds=seconds)


def _setbacks(kind: type[Recommender], found: TunedModel, course: _Course, tell: Progress) -> tuple[Setback, ...]:
    """Each tuned parameter alone put back to its default, from the best setting (ablation, Fawcett & Hoos 2016)."""
    trial, defaults = found.best, found.default.parameters
    assert trial is not None
    changed = [name for name, value in trial.parameters.items() if value != defaults[name]]
    if len(changed) < 2 or found.ended == "time":
        return ()
    setbacks = list[Setback]()
    best: Floats | None = None
    for name in changed:
        tell(1.0, "")
        setting = kind.Parameters(**{**trial.parameters, name: defaults[name]})
        # A setting that does not work says nothing of what the parameter is worth.
        with contextlib.suppress(PrimetimeError), at_most(course.limit, kind.label):
            if best is None:
                best = course.judge(kind(kind.Parameters(**trial.parameters), seed=course.seed), course.validation)
            lost = found.sign * (best - course.judge(kind(setting, seed=course.seed), course.validation))
            with one_blas_thread():
                draws = bootstrap_ratios(lost[:, None], np.ones((len(lost), 1)), course.seed)
            setbacks.append(Setback(name, defaults[name], trial.parameters[name], float(lost.mean()), *interval(draws)))
    return tuple(sorted(setbacks, key=lambda one: -one.loss))


def _tested(
    kinds: list[type[Recommender]], found: list[TunedModel], course: _Course, tell: Progress
) -> tuple[TunedModel, ...]:
    """Defaults and best settings, fitted on the whole training period and compared on the test period."""
    tested = []
    for place, (kind, one) in enumerate(zip(kinds, found, strict=True)):
        share = _saying(_part_of(tell, place / len(kinds), (place + 1) / len(kinds)), f"Testing {kind.label}")
        tested.append(one if one.best is None else _one_tested(kind, one, course, share))
    gains = [one.gain for one in tested if one.gain is not None]
    corrected = iter(holm([gain.p for gain in gains]))
    return tuple(
        one if one.gain is None else replace(one, gain=replace(one.gain, p_holm=next(corrected))) for one in tested
    )


def _one_tested(kind: type[Recommender], one: TunedModel, course: _Course, tell: Progress) -> TunedModel:
    assert one.best is not None
    values: list[Floats] = []
    try:
        for trial in (one.default, one.best) if one.changed else (one.default,):
            with at_most(course.limit, kind.label):
                tell(len(values) / 2, "")
                model = kind(kind.Parameters(**trial.parameters), seed=course.seed)
                values.append(course.judge(model, course.test, tell))
    except Exception as error:
        # What a model does here is said on its row; the others are tested all the same.
        return replace(one, error=failure(error))
    return _compared(one, values[0], values[-1], course.seed)


def _compared(one: TunedModel, default: Floats, tuned: Floats, seed: int) -> TunedModel:
    """Estimates of both on the test period, and their difference, from the same resamples of viewers."""
    both = np.column_stack([default, tuned])
    with one_blas_thread():
        draws = bootstrap_ratios(both, np.ones_like(both), seed)
    means = both.sum(axis=0) / len(both)
    estimates = [Estimate(float(means[i]), *interval(draws[:, i])) for i in (0, 1)]
    gain = None
    if one.changed:
        names = (f"{one.model} tuned", f"{one.model} default")
        (gain,) = compare_all(
            one.goal, dict(zip(names, (tuned, default), strict=True)), {names[0]: draws[:, 1], names[1]: draws[:, 0]}
        )
    return replace(one, default_test=estimates[0], tuned_test=estimates[1], gain=gain)


def _part_of(tell: Progress, first: float, last: float) -> Progress:
    return lambda share, words: tell(first + (last - first) * share, words)


def _saying(tell: Progress, words: str) -> Progress:
    """Progress that says what goes on around the fit, and then what the fit says."""
    return lambda share, said: tell(share, f"{words}: {said}" if said else words)
