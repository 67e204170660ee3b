"""Settings that can't be: refused by name, with what they may be."""

from __future__ import annotations

import numbers

from analysis.errors import ParameterError


def check_within(name: str, value: object, low: float, high: float) -> None:
    """Refuse a number outside of its limits.

    Raises:
        ParameterError: The value is no number, or lies outside of the limits.
    """
    remedy = f"It must lie between {low:,} and {high:,}."
    # A truth value is a number to Python, and never meant as one here.
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ParameterError(f"{name} is {value!r}, which is no number.", remedy)
    if not low <= float(value) <= high:
        raise ParameterError(f"{name} is {value}.", remedy)


def check_whole(name: str, value: object) -> None:
    """Refuse what is no whole number.

    Raises:
        ParameterError: The value is no whole number.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ParameterError(f"{name} is {value!r}.", "It must be a whole number.")
