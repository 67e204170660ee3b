"""Settings worth trying: a model's declared space, and proposals by Optuna that begin with the defaults."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.errors import ParameterError
from analysis.recommend.base import Recommender
from analysis.recommend.parameters import Space
from analysis.recommend.tuning import Trial

if TYPE_CHECKING:
    import optuna

DIGITS = 3
"""Digits of the numbers tried that matter: what is copied by hand is what was tried."""

REPEATS = 30
"""Proposals in a row that were tried before, after which settings are drawn by chance, and then the search ends."""


def spaces(kind: type[Recommender]) -> dict[str, tuple[Any, Space]]:
    """What tuning may change of a model: default and space of each parameter that declares where to look.

    >>> from analysis.recommend import EASE, Popularity
    >>> spaces(EASE)["regularization"][1].high, spaces(Popularity)
    (5000.0, {})

    Raises:
        ParameterError: A declared space is empty, or can't be searched by orders of magnitude.
    """
    fields = dataclasses.fields(kind.Parameters) if dataclasses.is_dataclass(kind.Parameters) else ()
    found = {}
    for field in fields:
        space: Space | None = field.metadata.get("space")
        if space is None:
            continue
        if not space.low < space.high or not math.isfinite(space.high - space.low) or (space.log and space.low <= 0):
            raise ParameterError(
                f"{kind.label}: the space of {field.name} goes from {space.low:g} to {space.high:g}"
                f"{' by orders of magnitude' if space.log else ''}, which can't be searched.",
                "Declare it as number(default, low, high) with low below high, and above 0 with log=True.",
            )
        found[field.name] = (field.default, space)
    return found


@dataclass(frozen=True, eq=False)
class Proposal:
    """A setting to try.

    Attributes:
        parameters: Value by name.
        asked: Optuna's own trial, or None where the defaults lie outside of the space, of which it then learns nothing.
    """

    parameters: Mapping[str, Any]
    asked: optuna.Trial | None

    def behind(self, early: float) -> bool:
        """Whether an early value is worse than the median of those of the trials before that were finished."""
        if self.asked is None:
            return False
        self.asked.report(early, step=1)
        return self.asked.number > 0 and self.asked.should_prune()


class Search:
    """Proposes settings of one model by a tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011).

    The first is the defaults, about ten are drawn by chance, the others near what did well. None is proposed twice.
    """

    def __init__(self, kind: type[Recommender], seed: int, *, minimise: bool = False) -> None:
        self._space = spaces(kind)
        self._defaults = kind.Parameters()
        self._known: dict[tuple[Any, ...], Trial] = {}
        self._chance = np.random.default_rng(seed)
        if not self._space:
            return
        import optuna

        self._distributions = {name: _distribution(*one) for name, one in self._space.items()}
        with _quiet():
            self._study = optuna.create_study(
                direction="minimize" if minimise else "maximize",
                sampler=optuna.samplers.TPESampler(seed=seed),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
            )

    def defaults(self) -> Proposal:
        """Trial 0."""
        values = {f.name: getattr(self._defaults, f.name) for f in dataclasses.fields(self._defaults)}
        tuned = {name: values[name] for name in self._space}
        if not self._space or not all(
            self._distributions[name]._contains(self._distributions[name].to_internal_repr(value))
            for name, value in tuned.items()
        ):
            return Proposal(values, None)
        self._study.enqueue_trial(tuned)
        return Proposal(values, self._study.ask(self._distributions))

    def next(self) -> Proposal | None:
        """A setting that was not tried before, or None where there seems to be none left."""
        fixed = {f.name: getattr(self._defaults, f.name) for f in dataclasses.fields(self._defaults)}
        for attempt in range(2 * REPEATS if self._space else 0):
            if attempt >= REPEATS:
                # Near what did well everything was tried; there may be room elsewhere.
                self._study.enqueue_trial({name: self._drawn(*one) for name, one in self._space.items()})
            asked = self._study.ask(self._distributions)
            parameters = fixed | {name: _short(asked.params[name]) for name in self._space}
            known = self._known.get(tuple(parameters.values()))
            if known is None:
                return Proposal(parameters, asked)
            if known.state == "stopped":
                asked.report(known.early, step=1)
            self._answer(asked, known)
        return None

    def _drawn(self, default: Any, space: Space) -> Any:
        """A value drawn by chance, by orders of magnitude where the space says so."""
        turn, back = (np.log, np.exp) if space.log else (float, float)
        value = float(back(self._chance.uniform(turn(space.low), turn(space.high))))
        value = min(max(value, space.low), space.high)
        return round(value) if isinstance(default, int) else value

    def learn(self, proposal: Proposal, trial: Trial) -> None:
        """Take in what came of a proposal."""
        self._known[tuple(proposal.parameters.values())] = trial
        if proposal.asked is not None:
            self._answer(proposal.asked, trial)

    def _answer(self, asked: optuna.Trial, trial: Trial) -> None:
        import optuna

        states = {"stopped": optuna.trial.TrialState.PRUNED, "failed": optuna.trial.TrialState.FAIL}
        if trial.state == "done":
            self._study.tell(asked, trial.value)
            return
        self._study.tell(asked, state=states[trial.state])


def _distribution(default: Any, space: Space) -> Any:
    from optuna.distributions import FloatDistribution, IntDistribution

    if isinstance(default, int):
        return IntDistribution(math.ceil(space.low), math.floor(space.high), log=space.log)
    return FloatDistribution(float(space.low), float(space.high), log=space.log)


def _short(value: float) -> float:
    """A number with the digits that matter; whole ones stay as they are.

    >>> _short(0.0123456), _short(117)
    (0.0123, 117)
    """
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's word of each new study; its log is afterwards as it was."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
