"""What every public function of `analysis` returns: a small frozen object that can show itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[float, str], None]
"""Called with the share of the work done (0–1) and a few words on what is going on."""


class Result(ABC):
    """Base of all result objects: frozen dataclasses with named fields and units in their docstrings."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The numbers as one tidy table, ready for CSV."""

    @abstractmethod
    def summary(self) -> str:
        """One sentence in plain words, with the number and its interval."""

    def to_json(self) -> dict[str, Any]:
        """The summary and the table's rows, as plain JSON values."""
        return {"summary": self.summary(), "rows": plain(self.to_frame().to_dict(orient="records"))}


def counted(count: int, nouns: str) -> str:
    """A count with its noun, which is given as of many.

    >>> counted(1, "rows"), counted(1200, "rows")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {nouns.removesuffix('s') if count == 1 else nouns}"


def plain(value: Any) -> Any:
    """Turn numpy, pandas, dates and dataclasses into what `json` can write; NaN and infinities become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.datetime | dt.date):
        # pandas' NaT is a datetime that equals nothing, itself included.
        return value.isoformat() if value == value else None
    return value
