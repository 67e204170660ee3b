"""What can be asked of a dataset by name: the command line and the pages' jobs go through here."""

from __future__ import annotations

from collections.abc import Callable

from analysis.data import Dataset
from analysis.errors import ParameterError
from analysis.patterns import (
    binges,
    completion,
    concentration,
    devices,
    first_week,
    flow,
    kept,
    lifecycle,
    personal_clocks,
    returns,
    sessions,
    surfaces,
)
from analysis.results import Progress, Result
from analysis.workspace import Workspace

INSIGHTS: dict[str, tuple[Callable[..., Result], tuple[kept.Kept, ...]]] = {
    "sessions": (sessions.sessions, (sessions.SESSIONS, sessions.SPANS)),
    "devices": (devices.devices, (devices.HOURS, devices.MOVES, devices.VIEWERS)),
    "personal clocks": (personal_clocks.personal_clocks, (personal_clocks.SITTINGS,)),
    "completion": (completion.completion, (completion.PLAYS, completion.STOPS)),
    "binges": (binges.binges, (binges.RUNS,)),
    "surfaces": (surfaces.surfaces, (surfaces.PLAYS,)),
    "concentration": (concentration.concentration, (concentration.WATCHED,)),
    "release decay": (lifecycle.decay, ()),
    "rising and fading": (lifecycle.movers, (lifecycle.RECENT,)),
    "what follows what": (flow.flow, (flow.FLOW,)),
    "silence and return": (returns.returns, (returns.GAPS,)),
    "first week": (first_week.first_week, (first_week.WEEKS,)),
    "watched together": (flow.together, (flow.PAIRS,)),
}
"""Name -> what answers it, and the small tables that it counts first."""


def ask(dataset: Dataset, name: str, *, workspace: Workspace | None = None, progress: Progress | None = None) -> Result:
    """Answer one question by name.

    Raises:
        ParameterError: There is no such question.
        DataError: The dataset lacks what it needs.
    """
    return _insight(name)[0](dataset, workspace=workspace, progress=progress)


def ready(dataset: Dataset, name: str, *, workspace: Workspace | None = None) -> bool:
    """Whether everything that a question needs has been counted already."""
    return kept.ready(dataset, _insight(name)[1], workspace)


def _insight(name: str) -> tuple[Callable[..., Result], tuple[kept.Kept, ...]]:
    if name not in INSIGHTS:
        raise ParameterError(f"There is no question {name!r}.", f"Ask one of: {', '.join(INSIGHTS)}.")
    return INSIGHTS[name]
