"""What happened, column by column, while the service runs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]


class Log:
    """Columns of events, appended day by day and taken away in one piece."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, list[npt.NDArray[Any]]]] = defaultdict(lambda: defaultdict(list))

    def add(self, table: str, **columns: npt.NDArray[Any]) -> None:
        """Append rows to a table."""
        for name, values in columns.items():
            self._parts[table][name].append(values)

    def take(self, table: str) -> Columns:
        """All rows of a table so far, which the log then forgets; an empty mapping where there are none."""
        parts = self._parts.pop(table, {})
        return {name: np.concatenate(values) for name, values in parts.items()}


def join(logs: list[Columns]) -> Columns:
    """Rows of several logs of one table behind each other."""
    filled = [log for log in logs if log]
    return {name: np.concatenate([log[name] for log in filled]) for name in filled[0]} if filled else {}
