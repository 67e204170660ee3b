"""Shares of independent events."""

from __future__ import annotations

import math

Z = 1.959963984540054


def wilson(part: float, whole: float) -> tuple[float, float]:
    """The 95 % interval of a share of independent events.

    >>> [round(end, 4) for end in wilson(8, 10)]
    [0.4902, 0.9433]

    Source: Wilson (1927), Probable inference.
    """
    middle = (part + Z**2 / 2) / (whole + Z**2)
    half = Z * math.sqrt(part * (1 - part / whole) + Z**2 / 4) / (whole + Z**2)
    return max(middle - half, 0.0), min(middle + half, 1.0)
